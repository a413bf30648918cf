/* SPDX-License-Identifier: MIT */
/* Work queues. */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/workqueue.h>

struct job {
	struct work_struct work;
	struct completion began, may_end;
	struct workqueue_struct *again;
	int runs, running, order; /* atomic */
};

static int order; /* atomic */

static void init_job(struct job *job, work_func_t func)
{
	*job = (struct job){ .runs = 0 };
	INIT_WORK_ONSTACK(&job->work, func);
	init_completion(&job->began);
	init_completion(&job->may_end);
}

static void run(struct work_struct *work)
{
	struct job *job = container_of(work, struct job, work);

	WRITE_ONCE(job->order, __atomic_fetch_add(&order, 1, __ATOMIC_RELAXED));
	WRITE_ONCE(job->runs, job->runs + 1);
	if (job->again)
		queue_work(job->again, work);
}

static void run_until_told(struct work_struct *work)
{
	struct job *job = container_of(work, struct job, work);

	complete(&job->began);
	wait_for_completion(&job->may_end);
	run(work);
}

static void an_ordered_queue_keeps_the_order(struct kunit *test)
{
	struct workqueue_struct *wq = alloc_ordered_workqueue("ordered-%d", 0, 1);
	struct job jobs[50];

	KUNIT_ASSERT_NOT_NULL(test, wq);
	order = 0;
	for (int i = 0; i < 50; i++) {
		init_job(&jobs[i], run);
		KUNIT_EXPECT_TRUE(test, queue_work(wq, &jobs[i].work));
	}
	flush_workqueue(wq);
	for (int i = 0; i < 50; i++)
		KUNIT_EXPECT_EQ(test, READ_ONCE(jobs[i].order), i);
	destroy_workqueue(wq);
}

/* The first ends only when the last has run, so all must run at once. */
static void works_that_wait_for_others_do_not_hold_them_up(struct kunit *test)
{
	struct workqueue_struct *wq = alloc_workqueue("wide", WQ_UNBOUND, 0);
	struct job jobs[8];

	for (int i = 0; i < 8; i++) {
		init_job(&jobs[i], run_until_told);
		queue_work(wq, &jobs[i].work);
	}
	for (int i = 0; i < 8; i++)
		wait_for_completion(&jobs[i].began);
	KUNIT_EXPECT_EQ(test, work_busy(&jobs[3].work), WORK_BUSY_RUNNING);
	for (int i = 7; i >= 0; i--)
		complete(&jobs[i].may_end);
	destroy_workqueue(wq); /* waits */
	for (int i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ(test, READ_ONCE(jobs[i].runs), 1);
}

static void a_work_is_pending_once_and_runs_once_at_a_time(struct kunit *test)
{
	struct workqueue_struct *wq = alloc_workqueue("two", 0, 2);
	struct job job, other;

	init_job(&job, run_until_told);
	init_job(&other, run);
	KUNIT_EXPECT_TRUE(test, queue_work(wq, &job.work));
	wait_for_completion(&job.began);
	KUNIT_EXPECT_FALSE(test, work_pending(&job.work));
	KUNIT_EXPECT_TRUE(test, queue_work(wq, &job.work));
	KUNIT_EXPECT_FALSE(test, queue_work(wq, &job.work));
	queue_work(wq, &other.work);
	flush_work(&other.work); /* the second worker went by */
	KUNIT_EXPECT_FALSE(test, completion_done(&job.began));
	complete(&job.may_end);
	wait_for_completion(&job.began);
	complete(&job.may_end);
	flush_work(&job.work);
	KUNIT_EXPECT_EQ(test, READ_ONCE(job.runs), 2);
	destroy_workqueue(wq);
}

static void what_is_cancelled_does_not_run(struct kunit *test)
{
	struct workqueue_struct *wq = create_singlethread_workqueue("single");
	struct job first, second;

	init_job(&first, run_until_told);
	init_job(&second, run);
	queue_work(wq, &first.work);
	queue_work(wq, &second.work);
	wait_for_completion(&first.began);
	KUNIT_EXPECT_TRUE(test, cancel_work_sync(&second.work));
	KUNIT_EXPECT_FALSE(test, cancel_work_sync(&second.work));
	KUNIT_EXPECT_FALSE(test, cancel_work(&first.work));
	complete(&first.may_end);
	KUNIT_EXPECT_FALSE(test, cancel_work_sync(&first.work));
	KUNIT_EXPECT_EQ(test, READ_ONCE(first.runs), 1);
	KUNIT_EXPECT_EQ(test, READ_ONCE(second.runs), 0);

	disable_work_sync(&second.work);
	KUNIT_EXPECT_FALSE(test, queue_work(wq, &second.work));
	KUNIT_EXPECT_TRUE(test, enable_work(&second.work));
	KUNIT_EXPECT_TRUE(test, queue_work(wq, &second.work));
	drain_workqueue(wq);
	KUNIT_EXPECT_EQ(test, READ_ONCE(second.runs), 1);
	destroy_workqueue(wq);
}

static void one_that_queues_itself_can_be_cancelled(struct kunit *test)
{
	struct workqueue_struct *wq = alloc_workqueue("self", 0, 1);
	struct job job;

	init_job(&job, run);
	job.again = wq;
	queue_work(wq, &job.work);
	while (READ_ONCE(job.runs) < 10)
		cond_resched();
	cancel_work_sync(&job.work);
	KUNIT_EXPECT_EQ(test, work_busy(&job.work), 0);
	destroy_workqueue(wq);
}

struct freed_job {
	struct work_struct work;
	struct completion *done;
};

static void free_yourself(struct work_struct *work)
{
	struct freed_job *job = container_of(work, struct freed_job, work);

	complete(job->done);
	kfree(job);
}

static void a_work_may_free_itself(struct kunit *test)
{
	DECLARE_COMPLETION_ONSTACK(done);

	for (int i = 0; i < 100; i++) {
		struct freed_job *job = kmalloc(sizeof(*job), GFP_KERNEL);

		INIT_WORK(&job->work, free_yourself);
		job->done = &done;
		schedule_work(&job->work);
	}
	for (int i = 0; i < 100; i++)
		wait_for_completion(&done);
	flush_workqueue(system_wq);
}

struct delayed_job {
	struct delayed_work dwork;
	int runs; /* atomic */
};

static void run_delayed(struct work_struct *work)
{
	struct delayed_job *job = container_of(to_delayed_work(work), struct delayed_job, dwork);

	WRITE_ONCE(job->runs, job->runs + 1);
}

static void a_delayed_work_waits_or_is_taken_back_or_hurried(struct kunit *test)
{
	struct delayed_job job = { .runs = 0 };

	INIT_DELAYED_WORK_ONSTACK(&job.dwork, run_delayed);
	KUNIT_EXPECT_TRUE(test, schedule_delayed_work(&job.dwork, HZ * 1000));
	KUNIT_EXPECT_FALSE(test, schedule_delayed_work(&job.dwork, 0));
	KUNIT_EXPECT_TRUE(test, delayed_work_pending(&job.dwork));
	KUNIT_EXPECT_TRUE(test, cancel_delayed_work(&job.dwork));
	KUNIT_EXPECT_FALSE(test, cancel_delayed_work_sync(&job.dwork));
	KUNIT_EXPECT_FALSE(test, mod_delayed_work(system_wq, &job.dwork, HZ * 1000));
	flush_delayed_work(&job.dwork);
	KUNIT_EXPECT_EQ(test, READ_ONCE(job.runs), 1);
	schedule_delayed_work(&job.dwork, HZ * 1000);
	KUNIT_EXPECT_TRUE(test, mod_delayed_work(system_wq, &job.dwork, 1));
	while (READ_ONCE(job.runs) < 2)
		cond_resched();
	KUNIT_EXPECT_FALSE(test, cancel_delayed_work_sync(&job.dwork));
}

/* Its queue may be gone, in Linux as here. */
static void a_work_outlives_its_queue(struct kunit *test)
{
	struct workqueue_struct *wq = alloc_workqueue("short", 0, 0);
	struct delayed_work delayed;
	struct job job;

	KUNIT_ASSERT_NOT_NULL(test, wq);
	init_job(&job, run);
	INIT_DELAYED_WORK_ONSTACK(&delayed, run);
	queue_work(wq, &job.work);
	destroy_workqueue(wq);
	KUNIT_EXPECT_EQ(test, READ_ONCE(job.runs), 1);
	KUNIT_EXPECT_FALSE(test, flush_work(&job.work));
	KUNIT_EXPECT_FALSE(test, cancel_work_sync(&job.work));
	KUNIT_EXPECT_EQ(test, work_busy(&job.work), 0);
	KUNIT_EXPECT_FALSE(test, cancel_delayed_work_sync(&delayed));
	KUNIT_EXPECT_TRUE(test, schedule_work(&job.work));
	flush_work(&job.work);
	KUNIT_EXPECT_EQ(test, READ_ONCE(job.runs), 2);
}

/* Whatever queue it is put in: one that runs is not run a second time at once. */
static void a_work_runs_once_at_a_time_in_all_queues(struct kunit *test)
{
	struct workqueue_struct *wq = alloc_workqueue("other", 0, 0);
	struct job job;

	KUNIT_ASSERT_NOT_NULL(test, wq);
	init_job(&job, run_until_told);
	schedule_work(&job.work);
	wait_for_completion(&job.began);
	KUNIT_EXPECT_TRUE(test, queue_work(wq, &job.work));
	flush_workqueue(wq);
	KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&job.began, msecs_to_jiffies(2)), 0);
	complete_all(&job.may_end);
	flush_work(&job.work);
	KUNIT_EXPECT_EQ(test, READ_ONCE(job.runs), 2);
	destroy_workqueue(wq);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(an_ordered_queue_keeps_the_order),
	KUNIT_CASE(works_that_wait_for_others_do_not_hold_them_up),
	KUNIT_CASE(a_work_is_pending_once_and_runs_once_at_a_time),
	KUNIT_CASE(what_is_cancelled_does_not_run),
	KUNIT_CASE(one_that_queues_itself_can_be_cancelled),
	KUNIT_CASE(a_work_may_free_itself),
	KUNIT_CASE(a_work_outlives_its_queue),
	KUNIT_CASE(a_work_runs_once_at_a_time_in_all_queues),
	KUNIT_CASE(a_delayed_work_waits_or_is_taken_back_or_hurried),
	{}
};

static struct kunit_suite suite = { .name = "compat-work", .test_cases = cases };
kunit_test_suite(suite);
