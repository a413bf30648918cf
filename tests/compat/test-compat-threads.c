/* SPDX-License-Identifier: MIT */
/* Works and timers while a thread for them is being made, or cannot be. */
#include <pthread.h>

static int make_thread(pthread_t *thread, const pthread_attr_t *attr, void *(*func)(void *arg),
		       void *arg);
#define pthread_create(thread, attr, func, arg) make_thread(thread, attr, func, arg)

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

#undef pthread_create

static __thread bool waits, fails; /* when this thread makes another */
static DECLARE_COMPLETION(is_making);
static DECLARE_COMPLETION(may_make);

static int make_thread(pthread_t *thread, const pthread_attr_t *attr, void *(*func)(void *arg),
		       void *arg)
{
	if (waits) {
		waits = false;
		complete(&is_making);
		wait_for_completion(&may_make);
	}
	if (fails)
		return EAGAIN;
	return pthread_create(thread, attr, func, arg);
}

struct job {
	struct work_struct work;
	struct completion began, may_end;
};

static void run(struct work_struct *work)
{
	struct job *job = container_of(work, struct job, work);

	complete(&job->began);
	wait_for_completion(&job->may_end);
}

static void init_job(struct job *job)
{
	INIT_WORK_ONSTACK(&job->work, run);
	init_completion(&job->began);
	init_completion(&job->may_end);
}

static DECLARE_COMPLETION(fired);

static void fire(struct timer_list *unused)
{
	complete(&fired);
}

static DEFINE_TIMER(timer, fire);
static DECLARE_COMPLETION(armed);

static int arm(void *unused)
{
	waits = true;
	mod_timer(&timer, jiffies + 1);
	complete(&armed);
	return 0;
}

static enum hrtimer_restart never(struct hrtimer *unused)
{
	return HRTIMER_NORESTART;
}

/* The first that is armed in this process. */
static void no_lock_of_timers_is_held_while_their_thread_is_made(struct kunit *test)
{
	struct hrtimer other;

	hrtimer_setup_on_stack(&other, never, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	kthread_run(arm, NULL, "arm");
	wait_for_completion(&is_making);
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&other));
	KUNIT_EXPECT_EQ(test, timer_pending(&timer), 0);
	KUNIT_EXPECT_EQ(test, hrtimer_cancel(&other), 0);
	complete(&may_make);
	wait_for_completion(&armed);
	wait_for_completion(&fired);
	del_timer_sync(&timer);
}

static struct workqueue_struct *queue;
static struct job first, second;

/* A queue whose only thread is busy: with the first job. */
static void begin_queue(struct kunit *test)
{
	queue = alloc_workqueue("queue", 0, 0);
	KUNIT_ASSERT_NOT_NULL(test, queue);
	init_job(&first);
	init_job(&second);
	fails = true;
	queue_work(queue, &first.work);
	fails = false;
	wait_for_completion(&first.began);
}

static DECLARE_COMPLETION(queued);
static DECLARE_COMPLETION(destroyed);

static int queue_second(void *unused)
{
	waits = true;
	queue_work(queue, &second.work);
	complete(&queued);
	return 0;
}

static int destroy_it(void *unused)
{
	destroy_workqueue(queue);
	complete(&destroyed);
	return 0;
}

/* The work is done by another thread meanwhile, and whoever waited for that ends the queue. */
static void a_queue_stays_until_its_last_thread_is_made(struct kunit *test)
{
	begin_queue(test);
	kthread_run(queue_second, NULL, "queue");
	wait_for_completion(&is_making);
	complete(&first.may_end);
	wait_for_completion(&second.began);
	complete(&second.may_end);
	flush_work(&second.work);
	kthread_run(destroy_it, NULL, "destroy");
	KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&destroyed, msecs_to_jiffies(2)), 0);
	complete(&may_make);
	wait_for_completion(&queued);
	wait_for_completion(&destroyed);
}

static void without_another_thread_works_are_done_in_turn(struct kunit *test)
{
	begin_queue(test);
	fails = true;
	KUNIT_EXPECT_TRUE(test, queue_work(queue, &second.work));
	fails = false;
	KUNIT_EXPECT_FALSE(test, completion_done(&second.began));
	complete(&first.may_end);
	wait_for_completion(&second.began);
	complete(&second.may_end);
	destroy_workqueue(queue);
}

static void without_a_thread_there_is_no_queue(struct kunit *test)
{
	fails = true;
	KUNIT_EXPECT_NULL(test, alloc_workqueue("none", 0, 0));
	fails = false;
}

static struct kunit_case cases[] = {
	KUNIT_CASE(no_lock_of_timers_is_held_while_their_thread_is_made),
	KUNIT_CASE(a_queue_stays_until_its_last_thread_is_made),
	KUNIT_CASE(without_another_thread_works_are_done_in_turn),
	KUNIT_CASE(without_a_thread_there_is_no_queue),
	{}
};

static struct kunit_suite suite = { .name = "compat-threads", .test_cases = cases };
kunit_test_suite(suite);
