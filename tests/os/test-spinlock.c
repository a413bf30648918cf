/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "harness.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "os/futex.h"
#include "os/spinlock.h"
#include "os/thread.h"

struct counter {
	struct dmabuf_spinlock lock;
	unsigned int value;
	unsigned int rounds;
};

static void count_up(unsigned int index, void *arg)
{
	struct counter *counter = arg;

	(void)index;
	for (unsigned int i = 0; i < counter->rounds; i++) {
		dmabuf_spin_lock(&counter->lock);
		counter->value++;
		dmabuf_spin_unlock(&counter->lock);
		test_operation();
	}
}

TORTURE(a_short_lock_excludes)
{
	struct counter counter = { .rounds = test_rounds(20000) };

	test_race_begin();
	test_threads(4, count_up, &counter);
	test_race_end();
	ASSERT_INT(counter.value, ==, 4 * counter.rounds);
}

struct sleeper {
	struct dmabuf_spinlock *lock;
	long tid; /* atomic */
};

static void take_and_drop(void *arg)
{
	struct sleeper *sleeper = arg;

	store_release(&sleeper->tid, syscall(SYS_gettid));
	dmabuf_spin_lock(sleeper->lock);
	dmabuf_spin_unlock(sleeper->lock);
}

/* It has nothing to sleep for but the lock. */
static bool is_asleep(struct sleeper *sleeper)
{
	const long tid = load_acquire(&sleeper->tid);
	char path[64], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%ld/stat", tid);
	file = tid ? fopen(path, "r") : NULL;
	if (!file)
		return false;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	fclose(file);
	return state == 'S';
}

/* The first one takes the lock while the second one sleeps on. */
TEST(each_of_two_who_sleep_for_a_short_lock_is_woken)
{
	struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;
	struct sleeper sleepers[2] = { { .lock = &lock }, { .lock = &lock } };
	struct test_thread *threads[2];

	dmabuf_spin_lock(&lock);
	for (unsigned int i = 0; i < 2; i++)
		threads[i] = test_thread_start(take_and_drop, &sleepers[i]);
	for (unsigned int i = 0; i < 2; i++)
		WAIT_UNTIL(is_asleep(&sleepers[i]));
	dmabuf_spin_unlock(&lock);
	for (unsigned int i = 0; i < 2; i++)
		test_thread_join(threads[i]);
	ASSERT_FALSE(dmabuf_spin_is_locked(&lock));
}

TEST(trylock_takes_only_a_free_lock)
{
	struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;

	ASSERT_FALSE(dmabuf_spin_is_locked(&lock));
	ASSERT_TRUE(dmabuf_spin_trylock(&lock));
	ASSERT_TRUE(dmabuf_spin_is_locked(&lock));
	ASSERT_FALSE(dmabuf_spin_trylock(&lock));
	dmabuf_spin_unlock(&lock);
	ASSERT_FALSE(dmabuf_spin_is_locked(&lock));
}

static void take_twice(struct dmabuf_spinlock *lock)
{
	dmabuf_spin_lock(lock);
	dmabuf_spin_lock(lock);
}

TEST(holder_of_a_short_lock_does_not_wait_for_itself)
{
	struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;

	ASSERT_DEATH(take_twice(&lock), "its holder takes it again, and would wait for itself");
}

/* Whatever the order, and however many there are, what is said to be held is. */
TEST(short_lock_that_was_dropped_is_not_mine)
{
	enum { DEEP = 9 };
	struct dmabuf_spinlock lock[DEEP] = { DMABUF_SPINLOCK_INIT };

	for (unsigned int first = 0; first < DEEP; first++) {
		for (unsigned int i = 0; i < DEEP; i++) {
			ASSERT_FALSE(os_spin_is_mine(&lock[i]));
			dmabuf_spin_lock(&lock[i]);
			ASSERT_TRUE(os_spin_is_mine(&lock[i]));
		}
		for (unsigned int i = 0; i < DEEP; i++) {
			dmabuf_spin_unlock(&lock[(first + i) % DEEP]);
			for (unsigned int j = 0; j <= i; j++)
				ASSERT_FALSE(os_spin_is_mine(&lock[(first + j) % DEEP]));
		}
	}
}

struct job {
	struct dmabuf_work work;
	struct job *then;
	unsigned int *clock, ran_at;
};

static void run_job(struct dmabuf_work *work)
{
	struct job *job = container_of(work, struct job, work);

	job->ran_at = ++*job->clock;
	if (job->then)
		os_work_queue(&job->then->work);
}

TEST(work_runs_when_the_last_short_lock_is_dropped)
{
	struct dmabuf_spinlock outer = DMABUF_SPINLOCK_INIT, inner = DMABUF_SPINLOCK_INIT;
	unsigned int clock = 0;
	struct job second = { .work.func = run_job, .clock = &clock };
	struct job first = { .work.func = run_job, .clock = &clock };
	struct job third = { .work.func = run_job, .clock = &clock };

	dmabuf_spin_lock(&outer);
	dmabuf_spin_lock(&inner);
	first.then = &third; /* queued while work runs: after what is there */
	os_work_queue(&first.work);
	os_work_queue(&second.work);
	dmabuf_spin_unlock(&inner);
	ASSERT_INT(clock, ==, 0);
	dmabuf_spin_unlock(&outer);
	ASSERT_INT(first.ran_at, ==, 1);
	ASSERT_INT(second.ran_at, ==, 2);
	ASSERT_INT(third.ran_at, ==, 3);

	os_work_queue(&second.work);
	ASSERT_INT(second.ran_at, ==, 4);
}

/* Sleeps until its word is not 0, which a wake tells it. */
struct dozer {
	uint32_t word; /* atomic */
	struct sleeper sleeper;
};

static void doze(void *arg)
{
	struct dozer *dozer = arg;

	store_release(&dozer->sleeper.tid, syscall(SYS_gettid));
	while (!load_acquire(&dozer->word))
		os_futex_wait(&dozer->word, 0, INT64_MAX, false);
}

TEST(who_is_to_wake_later_sleeps_until_the_last_short_lock_is_dropped)
{
	struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;
	struct dozer dozer = { .word = 0 };
	struct test_thread *thread = test_thread_start(doze, &dozer);

	WAIT_UNTIL(is_asleep(&dozer.sleeper));
	dmabuf_spin_lock(&lock);
	store_release(&dozer.word, 1);
	os_thread_wake_later(&dozer.word);
	for (unsigned int i = 0; i < 1000; i++) {
		test_yield();
		ASSERT_TRUE(is_asleep(&dozer.sleeper));
	}
	dmabuf_spin_unlock(&lock);
	test_thread_join(thread);
}

/* More than are noted, and one without any lock. */
TEST(all_wake_who_are_to_wake_later)
{
	enum { MANY = 20 };
	struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;
	struct dozer dozers[MANY + 1] = { { .word = 0 } };
	struct test_thread *threads[MANY + 1];

	for (unsigned int i = 0; i <= MANY; i++)
		threads[i] = test_thread_start(doze, &dozers[i]);
	for (unsigned int i = 0; i <= MANY; i++)
		WAIT_UNTIL(is_asleep(&dozers[i].sleeper));
	dmabuf_spin_lock(&lock);
	for (unsigned int i = 0; i < MANY; i++) {
		store_release(&dozers[i].word, 1);
		os_thread_wake_later(&dozers[i].word);
	}
	dmabuf_spin_unlock(&lock);
	store_release(&dozers[MANY].word, 1);
	os_thread_wake_later(&dozers[MANY].word);
	for (unsigned int i = 0; i <= MANY; i++)
		test_thread_join(threads[i]);
}
