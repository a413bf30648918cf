/* SPDX-License-Identifier: MIT */
/* The variants of locks: each takes the lock that its plain form takes, and gives it back. */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/dma-fence.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/sched/signal.h>
#include <linux/sched/mm.h>
#include <linux/semaphore.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static DEFINE_RAW_SPINLOCK(raw);
static spinlock_t spin;
static rwlock_t rwlock;
static struct mutex mutex;
static struct rw_semaphore rwsem;
static struct semaphore semaphore;

/* Nobody can take the lock between @take and @release, and anybody can then. */
#define HOLDS(test, take, try_it, undo, release) \
	do { \
		take; \
		KUNIT_EXPECT_FALSE_MSG(test, try_it, "after %s", #take); \
		release; \
		KUNIT_EXPECT_TRUE_MSG(test, try_it, "after %s", #release); \
		undo; \
	} while (0)
#define SPIN_HOLDS(test, take, release) \
	HOLDS(test, take, spin_trylock(&spin), spin_unlock(&spin), release)
#define RAW_HOLDS(test, take, release) \
	HOLDS(test, take, raw_spin_trylock(&raw), raw_spin_unlock(&raw), release)
#define MUTEX_HOLDS(test, take) \
	HOLDS(test, take, mutex_trylock(&mutex), mutex_unlock(&mutex), mutex_unlock(&mutex))
#define WRITER_HOLDS(test, take, release) \
	HOLDS(test, take, read_trylock(&rwlock), read_unlock(&rwlock), release)
/* Readers keep a writer out, and let each other in. */
#define READER_HOLDS(test, take, release) \
	do { \
		HOLDS(test, take, write_trylock(&rwlock), write_unlock(&rwlock), release); \
		read_lock(&rwlock); \
		take; \
		read_unlock(&rwlock); \
		release; \
	} while (0)

static void short_locks_hold_under_every_name(struct kunit *test)
{
	unsigned long flags = 5;

	spin_lock_init(&spin);
	SPIN_HOLDS(test, spin_lock_irq(&spin), spin_unlock_irq(&spin));
	SPIN_HOLDS(test, spin_lock_bh(&spin), spin_unlock_bh(&spin));
	SPIN_HOLDS(test, spin_lock_irqsave(&spin, flags), spin_unlock_irqrestore(&spin, flags));
	KUNIT_EXPECT_EQ(test, flags, 0);
	SPIN_HOLDS(test, spin_lock_nested(&spin, SINGLE_DEPTH_NESTING), spin_unlock(&spin));
	SPIN_HOLDS(test, spin_lock_nest_lock(&spin, &mutex), spin_unlock(&spin));
	SPIN_HOLDS(test, spin_lock_irqsave_nested(&spin, flags, SINGLE_DEPTH_NESTING),
		   spin_unlock_irqrestore(&spin, flags));
	SPIN_HOLDS(test, KUNIT_EXPECT_TRUE(test, spin_trylock_irq(&spin)), spin_unlock_irq(&spin));
	SPIN_HOLDS(test, KUNIT_EXPECT_TRUE(test, spin_trylock_bh(&spin)), spin_unlock_bh(&spin));
	spin_lock(&spin);
	assert_spin_locked(&spin);
	KUNIT_EXPECT_FALSE(test, spin_trylock_irq(&spin));
	KUNIT_EXPECT_FALSE(test, spin_trylock_bh(&spin));
	KUNIT_EXPECT_FALSE(test, spin_trylock_irqsave(&spin, flags));
	KUNIT_EXPECT_EQ(test, cond_resched_lock(&spin), 0);
	KUNIT_EXPECT_TRUE(test, spin_is_locked(&spin));
	spin_unlock(&spin);
}

static void raw_locks_hold_under_every_name(struct kunit *test)
{
	unsigned long flags;

	raw_spin_lock_init(&raw);
	RAW_HOLDS(test, raw_spin_lock(&raw), raw_spin_unlock(&raw));
	RAW_HOLDS(test, raw_spin_lock_irq(&raw), raw_spin_unlock_irq(&raw));
	RAW_HOLDS(test, raw_spin_lock_irqsave(&raw, flags), raw_spin_unlock_irqrestore(&raw, flags));
	KUNIT_EXPECT_FALSE(test, raw_spin_is_locked(&raw));
}

static int take_and_leave(void *data)
{
	spin_lock(&spin);
	spin_unlock(&spin);
	complete((struct completion *)data);
	return 0;
}

static void who_holds_a_lock_hears_that_others_want_it(struct kunit *test)
{
	DECLARE_COMPLETION_ONSTACK(taken);

	spin_lock(&spin);
	KUNIT_EXPECT_FALSE(test, spin_is_contended(&spin));
	KUNIT_EXPECT_FALSE(test, spin_needbreak(&spin));
	kthread_run(take_and_leave, &taken, "taker");
	while (!spin_is_contended(&spin))
		cond_resched();
	KUNIT_EXPECT_TRUE(test, spin_needbreak(&spin));
	KUNIT_EXPECT_FALSE(test, completion_done(&taken));
	spin_unlock(&spin);
	wait_for_completion(&taken);
}

static void locks_of_readers_and_writers_hold_under_every_name(struct kunit *test)
{
	unsigned long flags = 5;

	rwlock_init(&rwlock);
	WRITER_HOLDS(test, write_lock_irq(&rwlock), write_unlock_irq(&rwlock));
	WRITER_HOLDS(test, write_lock_bh(&rwlock), write_unlock_bh(&rwlock));
	WRITER_HOLDS(test, write_lock_irqsave(&rwlock, flags),
		     write_unlock_irqrestore(&rwlock, flags));
	KUNIT_EXPECT_EQ(test, flags, 0);
	READER_HOLDS(test, read_lock(&rwlock), read_unlock(&rwlock));
	READER_HOLDS(test, read_lock_irq(&rwlock), read_unlock_irq(&rwlock));
	READER_HOLDS(test, read_lock_bh(&rwlock), read_unlock_bh(&rwlock));
	READER_HOLDS(test, read_lock_irqsave(&rwlock, flags),
		     read_unlock_irqrestore(&rwlock, flags));
}

static void mutexes_hold_under_every_name(struct kunit *test)
{
	mutex_init(&mutex);
	MUTEX_HOLDS(test, mutex_lock_nested(&mutex, SINGLE_DEPTH_NESTING));
	MUTEX_HOLDS(test, mutex_lock_nest_lock(&mutex, &rwsem));
	MUTEX_HOLDS(test, mutex_lock_io(&mutex));
	MUTEX_HOLDS(test, KUNIT_EXPECT_EQ(test, mutex_lock_interruptible_nested(&mutex, 1), 0));
	MUTEX_HOLDS(test, KUNIT_EXPECT_EQ(test, mutex_lock_killable(&mutex), 0));
	MUTEX_HOLDS(test, KUNIT_EXPECT_EQ(test, mutex_lock_killable_nested(&mutex, 1), 0));
	mutex_destroy(&mutex);
}

#define RWSEM_WRITER_HOLDS(test, take) \
	HOLDS(test, take, down_read_trylock(&rwsem), up_read(&rwsem), up_write(&rwsem))
#define RWSEM_READER_HOLDS(test, take) \
	do { \
		HOLDS(test, take, down_write_trylock(&rwsem), up_write(&rwsem), up_read(&rwsem)); \
		down_read(&rwsem); \
		take; \
		up_read(&rwsem); \
		KUNIT_EXPECT_TRUE(test, rwsem_is_locked(&rwsem)); \
		up_read(&rwsem); \
	} while (0)

static void semaphores_hold_under_every_name(struct kunit *test)
{
	init_rwsem(&rwsem);
	KUNIT_EXPECT_FALSE(test, rwsem_is_locked(&rwsem));
	RWSEM_WRITER_HOLDS(test, down_write_nested(&rwsem, SINGLE_DEPTH_NESTING));
	RWSEM_WRITER_HOLDS(test, KUNIT_EXPECT_EQ(test, down_write_killable(&rwsem), 0));
	RWSEM_READER_HOLDS(test, down_read_nested(&rwsem, SINGLE_DEPTH_NESTING));
	RWSEM_READER_HOLDS(test, KUNIT_EXPECT_EQ(test, down_read_interruptible(&rwsem), 0));
	RWSEM_READER_HOLDS(test, KUNIT_EXPECT_EQ(test, down_read_killable(&rwsem), 0));

	sema_init(&semaphore, 2);
	KUNIT_EXPECT_EQ(test, down_interruptible(&semaphore), 0);
	KUNIT_EXPECT_EQ(test, down_killable(&semaphore), 0);
	KUNIT_EXPECT_EQ(test, down_trylock(&semaphore), 1);
	up(&semaphore);
	KUNIT_EXPECT_EQ(test, down_trylock(&semaphore), 0);
}

#define GUARD_HOLDS(test, name, lock, is_free, undo) \
	do { \
		scoped_guard(name, lock) \
			KUNIT_EXPECT_FALSE_MSG(test, is_free, "%s", #name); \
		KUNIT_EXPECT_TRUE_MSG(test, is_free, "%s", #name); \
		undo; \
	} while (0)
#define GUARD_LEAVES(test, name, lock) \
	scoped_guard(name, lock) \
		KUNIT_FAIL(test, "%s is held twice", #name)

static void guards_hold_under_every_name(struct kunit *test)
{
	GUARD_HOLDS(test, spinlock_irq, &spin, spin_trylock(&spin), spin_unlock(&spin));
	GUARD_HOLDS(test, spinlock_bh, &spin, spin_trylock(&spin), spin_unlock(&spin));
	GUARD_HOLDS(test, spinlock_irqsave, &spin, spin_trylock(&spin), spin_unlock(&spin));
	GUARD_HOLDS(test, spinlock_irq_try, &spin, spin_trylock(&spin), spin_unlock(&spin));
	GUARD_HOLDS(test, spinlock_irqsave_try, &spin, spin_trylock(&spin), spin_unlock(&spin));
	GUARD_HOLDS(test, raw_spinlock, &raw, spin_trylock(&raw), spin_unlock(&raw));
	GUARD_HOLDS(test, raw_spinlock_irq, &raw, spin_trylock(&raw), spin_unlock(&raw));
	GUARD_HOLDS(test, raw_spinlock_irqsave, &raw, spin_trylock(&raw), spin_unlock(&raw));
	GUARD_HOLDS(test, mutex_kill, &mutex, mutex_trylock(&mutex), mutex_unlock(&mutex));
	GUARD_HOLDS(test, read_lock, &rwlock, write_trylock(&rwlock), write_unlock(&rwlock));
	GUARD_HOLDS(test, write_lock, &rwlock, read_trylock(&rwlock), read_unlock(&rwlock));
	GUARD_HOLDS(test, rwsem_read, &rwsem, down_write_trylock(&rwsem), up_write(&rwsem));
	GUARD_HOLDS(test, rwsem_read_try, &rwsem, down_write_trylock(&rwsem), up_write(&rwsem));
	GUARD_HOLDS(test, rwsem_read_intr, &rwsem, down_write_trylock(&rwsem), up_write(&rwsem));
	GUARD_HOLDS(test, rwsem_write, &rwsem, down_read_trylock(&rwsem), up_read(&rwsem));
	GUARD_HOLDS(test, rwsem_write_try, &rwsem, down_read_trylock(&rwsem), up_read(&rwsem));
	spin_lock(&spin);
	GUARD_LEAVES(test, spinlock_irq_try, &spin);
	GUARD_LEAVES(test, spinlock_irqsave_try, &spin);
	spin_unlock(&spin);
	down_write(&rwsem);
	GUARD_LEAVES(test, rwsem_read_try, &rwsem);
	GUARD_LEAVES(test, rwsem_write_try, &rwsem);
	up_write(&rwsem);
}

/* Each takes the lock only where the count falls to zero. */
static void the_last_one_takes_the_lock(struct kunit *test)
{
	atomic_t count = ATOMIC_INIT(3);
	refcount_t references;

	KUNIT_EXPECT_FALSE(test, atomic_dec_and_lock(&count, &spin));
	KUNIT_EXPECT_FALSE(test, atomic_dec_and_mutex_lock(&count, &mutex));
	KUNIT_EXPECT_FALSE(test, spin_is_locked(&spin));
	KUNIT_EXPECT_FALSE(test, mutex_is_locked(&mutex));
	KUNIT_EXPECT_TRUE(test, atomic_dec_and_lock(&count, &spin));
	KUNIT_EXPECT_EQ(test, atomic_read(&count), 0);
	KUNIT_EXPECT_TRUE(test, spin_is_locked(&spin));
	spin_unlock(&spin);
	atomic_set(&count, 1);
	KUNIT_EXPECT_TRUE(test, atomic_dec_and_mutex_lock(&count, &mutex));
	KUNIT_EXPECT_TRUE(test, mutex_is_locked(&mutex));
	mutex_unlock(&mutex);

	refcount_set(&references, 3);
	refcount_dec(&references);
	KUNIT_EXPECT_FALSE(test, refcount_dec_and_mutex_lock(&references, &mutex));
	KUNIT_EXPECT_FALSE(test, mutex_is_locked(&mutex));
	KUNIT_EXPECT_TRUE(test, refcount_dec_and_mutex_lock(&references, &mutex));
	KUNIT_EXPECT_TRUE(test, mutex_is_locked(&mutex));
	mutex_unlock(&mutex);
	refcount_set(&references, 2);
	KUNIT_EXPECT_FALSE(test, refcount_dec_if_one(&references));
	refcount_set(&references, 1);
	KUNIT_EXPECT_TRUE(test, refcount_dec_if_one(&references));
	KUNIT_EXPECT_EQ(test, refcount_read(&references), 0);
}

static void ignore(int number)
{
	(void)number;
}

struct interrupter {
	pthread_t sleeper;
	bool holds;   /* atomic: nothing is free */
	bool unlocks; /* atomic: from now on everything is */
};

static int interrupt_sleeper(void *data)
{
	struct interrupter *interrupter = data;
	int rounds = 0;

	mutex_lock(&mutex);
	down_write(&rwsem);
	WRITE_ONCE(interrupter->holds, true);
	while (!kthread_should_stop()) {
		pthread_kill(interrupter->sleeper, SIGUSR1);
		usleep_range(100, 200);
		if (!READ_ONCE(interrupter->unlocks) || ++rounds < 5)
			continue;
		WRITE_ONCE(interrupter->unlocks, false);
		mutex_unlock(&mutex);
		up_write(&rwsem);
		up(&semaphore);
	}
	return 0;
}

/* And others wait through it, until the lock is free. */
static void a_handler_ends_waits_for_locks_that_are_interruptible(struct kunit *test)
{
	struct sigaction action = { .sa_handler = ignore, .sa_flags = SA_RESTART }, before;
	struct interrupter interrupter = { pthread_self(), false, false };
	struct task_struct *task;

	sema_init(&semaphore, 0);
	sigaction(SIGUSR1, &action, &before);
	task = kthread_run(interrupt_sleeper, &interrupter, "interrupter");
	while (!READ_ONCE(interrupter.holds))
		cpu_relax();
	KUNIT_EXPECT_EQ(test, mutex_lock_interruptible_nested(&mutex, 1), -EINTR);
	KUNIT_EXPECT_EQ(test, down_read_interruptible(&rwsem), -EINTR);
	KUNIT_EXPECT_EQ(test, down_interruptible(&semaphore), -EINTR);
	GUARD_LEAVES(test, rwsem_read_intr, &rwsem);
	WRITE_ONCE(interrupter.unlocks, true);
	KUNIT_EXPECT_EQ(test, mutex_lock_killable(&mutex), 0);
	KUNIT_EXPECT_EQ(test, down_read_killable(&rwsem), 0);
	KUNIT_EXPECT_EQ(test, down_killable(&semaphore), 0);
	kthread_stop(task);
	sigaction(SIGUSR1, &before, NULL);
	flush_signals(current);
	mutex_unlock(&mutex);
	up_read(&rwsem);
}

static char reported[8]; /* the number of the last rule that was broken */

static void note_report(const char *message)
{
	snprintf(reported, sizeof(reported), "%.4s", message);
}

/* Their classes are the places where they are initialised, as in Linux. */
static void mutexes_take_part_in_the_rules(struct kunit *test)
{
	dmabuf_warn_handler before;
	struct mutex a, b;

	if (!dmabuf_lockdep_is_on())
		kunit_skip(test, "DMABUF_DEBUG is not set");
	mutex_init(&a);
	mutex_init(&b);
	before = dmabuf_set_warn_handler(note_report);
	mutex_lock(&a);
	mutex_lock(&b);
	mutex_unlock(&b);
	mutex_unlock(&a);
	KUNIT_EXPECT_STREQ(test, reported, "");
	mutex_lock(&b);
	mutex_lock(&a);
	KUNIT_EXPECT_STREQ(test, reported, "D001");
	mutex_unlock(&a);
	reported[0] = '\0';
	/* A lock that others order, a child, and one that is only tried. */
	mutex_lock_nest_lock(&a, &b);
	mutex_unlock(&a);
	KUNIT_EXPECT_TRUE(test, mutex_trylock(&a));
	mutex_unlock(&a);
	mutex_unlock(&b);
	KUNIT_EXPECT_STREQ(test, reported, "");
	dmabuf_set_warn_handler(before);
	mutex_destroy(&a);
	mutex_destroy(&b);
}

/* As Linux has it: in a section nobody waits for memory, or takes what a waiter may hold. */
static void allocations_and_waits_take_part_in_the_rules(struct kunit *test)
{
	dmabuf_warn_handler before;
	unsigned int reports = 0;
	bool cookie;

	if (!dmabuf_lockdep_is_on())
		kunit_skip(test, "DMABUF_DEBUG is not set");
	before = dmabuf_set_warn_handler(note_report);
	cookie = dma_fence_begin_signalling();
	kfree(kmalloc(1, GFP_ATOMIC));
	KUNIT_EXPECT_STREQ(test, reported, "");
	kfree(kmalloc(1, GFP_KERNEL));
	KUNIT_EXPECT_STREQ(test, reported, "D009");
	dma_fence_end_signalling(cookie);
	spin_lock(&spin);
	kfree(kmalloc(1, GFP_NOWAIT));
	reports += !strcmp(reported, "D012");
	might_sleep();
	reports += !strcmp(reported, "D012");
	spin_unlock(&spin);
	KUNIT_EXPECT_EQ(test, reports, 1u);
	reported[0] = '\0';
	might_sleep();
	might_alloc(GFP_KERNEL);
	KUNIT_EXPECT_STREQ(test, reported, "");
	dmabuf_set_warn_handler(before);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(short_locks_hold_under_every_name),
	KUNIT_CASE(raw_locks_hold_under_every_name),
	KUNIT_CASE(who_holds_a_lock_hears_that_others_want_it),
	KUNIT_CASE(locks_of_readers_and_writers_hold_under_every_name),
	KUNIT_CASE(mutexes_hold_under_every_name),
	KUNIT_CASE(semaphores_hold_under_every_name),
	KUNIT_CASE(guards_hold_under_every_name),
	KUNIT_CASE(the_last_one_takes_the_lock),
	KUNIT_CASE(mutexes_take_part_in_the_rules),
	KUNIT_CASE(allocations_and_waits_take_part_in_the_rules),
	KUNIT_CASE(a_handler_ends_waits_for_locks_that_are_interruptible),
	{}
};

static struct kunit_suite suite = { .name = "compat-locks", .test_cases = cases };
kunit_test_suite(suite);
