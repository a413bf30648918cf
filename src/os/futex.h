/* SPDX-License-Identifier: MIT */
/* Sleep on a 32-bit word, and wake who sleeps there. Within one process, but where it says shared. */
#ifndef OS_FUTEX_H
#define OS_FUTEX_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Sleep while *@word is @expected, until @deadline_ns (INT64_MAX: for ever).
 *
 * Returns 0 when it may be worth to look again (woken, another value, or, unless
 * @interruptible, a signal), -ETIMEDOUT, or -EINTR: a signal handler ran.
 */
int os_futex_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns, bool interruptible);

void os_futex_wake_one(const uint32_t *word);
void os_futex_wake_all(const uint32_t *word);

/*
 * The same on a word in memory that processes share, and at the same time on one of this process,
 * which may change instead: sleep while both are as expected. Where the kernel cannot wait for two,
 * only the first one wakes: then keep the deadline near. The same if @interruptible: a wait for two
 * goes on behind the back of a handler with SA_RESTART.
 */
int os_futex_wait_shared(const uint32_t *word, uint32_t expected, const uint32_t *own,
			 uint32_t own_expected, int64_t deadline_ns, bool interruptible);

/* One of several words. */
struct os_futex_word {
	const uint32_t *word;
	uint32_t expected;
	bool is_shared; /* by processes */
};

enum { OS_MOST_WORDS = 128 };

/*
 * Sleep while each of 1 to OS_MOST_WORDS words is as expected; not interruptible. 0: look again;
 * -ETIMEDOUT; -ENOSYS: the kernel cannot (it is older than 5.16), or may not.
 */
int os_futex_wait_many(const struct os_futex_word *words, unsigned int count, int64_t deadline_ns);

/* The same as os_futex_wait_shared() on the shared word alone. */
int os_futex_wait_alone(const uint32_t *word, uint32_t expected, int64_t deadline_ns,
			bool interruptible);

void os_futex_wake_shared(const uint32_t *word, bool all);

/* A moment's pause inside a spin loop. */
static inline void os_cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
	__asm__ volatile("yield");
#endif
}

/* How often to look again before sleeping; 0 where only one CPU runs us. */
unsigned int os_spin_limit(void);

/* Let others run: for what lasts a moment, unless who does it was preempted. */
void os_yield(void);

#endif
