/* SPDX-License-Identifier: MIT */
#include "harness.h"

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
