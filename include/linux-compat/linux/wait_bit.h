/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a variable, or for a bit, that has no wait queue of its own. As in Linux, but
 * there is one queue for all, so that every wake-up wakes everybody who waits so.
 */
#ifndef LINUX_COMPAT_WAIT_BIT_H
#define LINUX_COMPAT_WAIT_BIT_H

#include <linux/bitops.h>
#include <linux/wait.h>

LC_SHARED struct wait_queue_head lc_var_waits = __WAIT_QUEUE_HEAD_INITIALIZER(lc_var_waits);

/* Who changed the variable by an atomic operation that returns nothing needs smp_mb() before. */
static inline void wake_up_var(void *var)
{
	(void)var;
	wake_up_all(&lc_var_waits);
}

#define wait_var_event(var, condition) \
	((void)(var), wait_event(lc_var_waits, condition))
#define wait_var_event_killable(var, condition) \
	((void)(var), wait_event_killable(lc_var_waits, condition))
#define wait_var_event_interruptible(var, condition) \
	((void)(var), wait_event_interruptible(lc_var_waits, condition))
#define wait_var_event_timeout(var, condition, timeout) \
	((void)(var), wait_event_timeout(lc_var_waits, condition, timeout))

#define store_release_wake_up(var, value) \
	do { \
		smp_store_release(var, value); \
		smp_mb(); \
		wake_up_var(var); \
	} while (0)

/* True: the count fell to zero, and who waits for that is woken. */
static inline bool atomic_dec_and_wake_up(atomic_t *var)
{
	if (!atomic_dec_and_test(var))
		return false;
	wake_up_var(var);
	return true;
}

static inline void wake_up_bit(unsigned long *word, int bit)
{
	(void)bit;
	wake_up_var(word);
}

static inline void clear_and_wake_up_bit(int bit, unsigned long *word)
{
	clear_bit_unlock(bit, word);
	smp_mb__after_atomic();
	wake_up_bit(word, bit);
}

static inline bool test_and_clear_wake_up_bit(int bit, unsigned long *word)
{
	if (!test_and_clear_bit(bit, word))
		return false;
	wake_up_bit(word, bit);
	return true;
}

static inline int lc_wait_on_bit(unsigned long *word, int bit, unsigned int state, bool lock)
{
	const long err = ___wait_event(
		lc_var_waits,
		lock ? !test_and_set_bit(bit, word) : !test_bit_acquire(bit, word), state, lock, 0,
		schedule());

	return err ? -EINTR : 0;
}

/* Until the bit is clear. 0, or -EINTR if @mode is interruptible. */
static inline int wait_on_bit(unsigned long *word, int bit, unsigned int mode)
{
	return lc_wait_on_bit(word, bit, mode, false);
}

/* Until it is clear and the caller has set it. */
static inline int wait_on_bit_lock(unsigned long *word, int bit, unsigned int mode)
{
	return lc_wait_on_bit(word, bit, mode, true);
}

/* And -EAGAIN: not in time. */
static inline int wait_on_bit_timeout(unsigned long *word, int bit, unsigned int mode,
				      unsigned long timeout)
{
	const long left = LC_WAIT_EVENT_TIMEOUT(lc_var_waits, !test_bit_acquire(bit, word),
						(long)timeout, mode);

	return left > 0 ? 0 : left ? -EINTR : -EAGAIN;
}

#define wait_on_bit_io(word, bit, mode) wait_on_bit(word, bit, mode)
#define wait_on_bit_lock_io(word, bit, mode) wait_on_bit_lock(word, bit, mode)

#endif
