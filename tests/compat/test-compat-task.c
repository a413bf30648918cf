/* SPDX-License-Identifier: MIT */
/* Tasks, kthreads, workers of kthreads, and what wakes them. */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>

#include <signal.h>

static int sleep_until_stopped(void *data)
{
	int *wakes = data;

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop())
			break;
		schedule();
		++*wakes;
	}
	__set_current_state(TASK_RUNNING);
	return 1000;
}

static void a_kthread_runs_until_it_is_stopped(struct kunit *test)
{
	int wakes = 0;
	struct task_struct *task = kthread_run(sleep_until_stopped, &wakes, "sleeper/%d", 7);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	KUNIT_EXPECT_STREQ(test, task->comm, "sleeper/7");
	KUNIT_EXPECT_NE(test, task->pid, current->pid);
	KUNIT_EXPECT_EQ(test, task->tgid, current->tgid);
	while (READ_ONCE(task->__state) != TASK_INTERRUPTIBLE)
		cond_resched();
	KUNIT_EXPECT_EQ(test, kthread_stop(task), 1000);
}

static void one_stopped_before_it_was_woken_never_begins(struct kunit *test)
{
	int wakes = 0;
	struct task_struct *task = kthread_create(sleep_until_stopped, &wakes, "never");

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	KUNIT_EXPECT_EQ(test, kthread_stop(task), -EINTR);
}

static int end_at_once(void *data)
{
	complete(data);
	kthread_exit(-EIO);
}

static void a_task_outlives_its_thread_by_its_references(struct kunit *test)
{
	DECLARE_COMPLETION_ONSTACK(ends);
	struct task_struct *task = kthread_create(end_at_once, &ends, "short");

	get_task_struct(task);
	wake_up_process(task);
	wait_for_completion(&ends);
	KUNIT_EXPECT_EQ(test, kthread_stop_put(task), -EIO);

	reinit_completion(&ends);
	kthread_run(end_at_once, &ends, "unwatched");
	wait_for_completion(&ends);
}

static int return_at_once(void *data)
{
	return -ENXIO;
}

/* Who is late with its reference is not too late within a grace period. AddressSanitizer looks on. */
static void look_late(struct kunit *test, int (*func)(void *data), int wanted)
{
	DECLARE_COMPLETION_ONSTACK(ends);
	struct task_struct *task = kthread_create(func, &ends, "short");
	const pid_t pid = task->pid;

	rcu_read_lock();
	wake_up_process(task);
	while (!syscall(SYS_tgkill, getpid(), pid, 0))
		cond_resched();
	get_task_struct(task);
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, kthread_stop_put(task), wanted);
}

static void a_task_outlives_its_thread_by_a_grace_period(struct kunit *test)
{
	look_late(test, return_at_once, -ENXIO);
	look_late(test, end_at_once, -EIO);
}

struct ping_pong {
	struct task_struct *other;
	int turn, rounds; /* atomic */
	int left;
};

static int pong(void *data)
{
	struct ping_pong *game = data;

	while (game->left--) {
		for (;;) {
			set_current_state(TASK_UNINTERRUPTIBLE);
			if (smp_load_acquire(&game->turn) == 1)
				break;
			schedule();
		}
		__set_current_state(TASK_RUNNING);
		smp_store_release(&game->turn, 0);
		wake_up_process(game->other);
	}
	return 0;
}

/* A lost wake-up would hang here. */
static void no_wake_up_is_lost(struct kunit *test)
{
	struct ping_pong game = { .other = current, .left = 20000 };
	struct task_struct *task = kthread_run(pong, &game, "pong");

	get_task_struct(task);
	for (int i = 0; i < 20000; i++) {
		smp_store_release(&game.turn, 1);
		wake_up_process(task);
		for (;;) {
			set_current_state(TASK_INTERRUPTIBLE);
			if (!smp_load_acquire(&game.turn))
				break;
			schedule();
		}
		__set_current_state(TASK_RUNNING);
	}
	KUNIT_EXPECT_EQ(test, kthread_stop_put(task), 0);
}

static void sleeping_takes_its_time_and_running_none(struct kunit *test)
{
	const ktime_t begin = ktime_get();

	KUNIT_EXPECT_EQ(test, schedule_timeout_uninterruptible(msecs_to_jiffies(2)), 0);
	msleep(1);
	usleep_range(100, 200);
	udelay(10);
	KUNIT_EXPECT_GE(test, ktime_us_delta(ktime_get(), begin), 3110);

	__set_current_state(TASK_RUNNING);
	KUNIT_EXPECT_GT(test, schedule_timeout(HZ * 1000), 0);
	schedule();
}

static void one_who_is_awake_is_not_woken(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, wake_up_process(current), 0);
	set_current_state(TASK_UNINTERRUPTIBLE);
	KUNIT_EXPECT_EQ(test, wake_up_state(current, TASK_INTERRUPTIBLE), 0);
	KUNIT_EXPECT_EQ(test, wake_up_process(current), 1);
	KUNIT_EXPECT_EQ(test, get_current_state(), TASK_RUNNING);
}

struct parker {
	struct completion round;
	int rounds; /* atomic */
};

static int go_round_or_park(void *data)
{
	struct parker *parker = data;

	while (!kthread_should_stop()) {
		if (kthread_should_park())
			kthread_parkme();
		WRITE_ONCE(parker->rounds, parker->rounds + 1);
		complete(&parker->round);
		cond_resched();
	}
	return 0;
}

static void a_parked_kthread_does_nothing(struct kunit *test)
{
	struct parker parker = { .rounds = 0 };
	struct task_struct *task;
	int rounds;

	init_completion(&parker.round);
	task = kthread_run(go_round_or_park, &parker, "parker");
	wait_for_completion(&parker.round);
	KUNIT_EXPECT_EQ(test, kthread_park(task), 0);
	rounds = READ_ONCE(parker.rounds);
	for (int i = 0; i < 100; i++)
		cond_resched();
	KUNIT_EXPECT_EQ(test, READ_ONCE(parker.rounds), rounds);
	reinit_completion(&parker.round);
	kthread_unpark(task);
	wait_for_completion(&parker.round);
	KUNIT_EXPECT_EQ(test, kthread_park(task), 0);
	kthread_stop(task); /* also where it is parked */
}

static void ignore(int number)
{
	(void)number;
}

static int interrupt_sleeper(void *data)
{
	const pthread_t *sleeper = data;

	while (!kthread_should_stop()) {
		pthread_kill(*sleeper, SIGUSR1);
		usleep_range(100, 200);
	}
	return 0;
}

static void a_handler_ends_an_interruptible_sleep(struct kunit *test)
{
	pthread_t self = pthread_self();
	struct sigaction action = { .sa_handler = ignore, .sa_flags = SA_RESTART }, before;
	struct task_struct *task;
	DECLARE_COMPLETION_ONSTACK(never);
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(nobody);

	KUNIT_EXPECT_FALSE(test, signal_pending(current));
	sigaction(SIGUSR1, &action, &before);
	task = kthread_run(interrupt_sleeper, &self, "interrupter");
	set_current_state(TASK_INTERRUPTIBLE);
	schedule();
	/* The end of a wait asks once more than its loop, until the next sleep begins. */
	KUNIT_EXPECT_TRUE(test, signal_pending_state(TASK_INTERRUPTIBLE, current));
	KUNIT_EXPECT_TRUE(test, signal_pending_state(TASK_INTERRUPTIBLE, current));
	set_current_state(TASK_INTERRUPTIBLE);
	KUNIT_EXPECT_FALSE(test, signal_pending(current));
	__set_current_state(TASK_RUNNING);
	KUNIT_EXPECT_EQ(test, wait_for_completion_interruptible(&never), -ERESTARTSYS);
	KUNIT_EXPECT_EQ(test, wait_event_interruptible(nobody, false), -ERESTARTSYS);
	KUNIT_EXPECT_EQ(test, wait_event_interruptible_timeout(nobody, false, HZ * 1000),
			-ERESTARTSYS);
	KUNIT_EXPECT_TRUE(test, signal_pending(current));
	KUNIT_EXPECT_GT(test, msleep_interruptible(1000000), 0);
	/* And no other. */
	KUNIT_EXPECT_EQ(test, schedule_timeout_uninterruptible(msecs_to_jiffies(2)), 0);
	kthread_stop(task);
	sigaction(SIGUSR1, &before, NULL);
	flush_signals(current);
}

struct job {
	struct kthread_work work;
	struct completion may_end;
	int runs; /* atomic */
};

static void count_run(struct kthread_work *work)
{
	struct job *job = container_of(work, struct job, work);

	WRITE_ONCE(job->runs, job->runs + 1);
}

static void wait_to_end(struct kthread_work *work)
{
	struct job *job = container_of(work, struct job, work);

	WRITE_ONCE(job->runs, job->runs + 1);
	wait_for_completion(&job->may_end);
}

static void a_worker_does_each_work_once_in_order(struct kunit *test)
{
	struct kthread_worker *worker = kthread_create_worker(0, "worker");
	struct job first = { .runs = 0 }, second = { .runs = 0 };

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, worker);
	kthread_init_work(&first.work, wait_to_end);
	kthread_init_work(&second.work, count_run);
	init_completion(&first.may_end);
	KUNIT_EXPECT_TRUE(test, kthread_queue_work(worker, &first.work));
	KUNIT_EXPECT_TRUE(test, kthread_queue_work(worker, &second.work));
	KUNIT_EXPECT_FALSE(test, kthread_queue_work(worker, &second.work));
	KUNIT_EXPECT_EQ(test, READ_ONCE(second.runs), 0);
	complete(&first.may_end);
	kthread_flush_work(&second.work);
	KUNIT_EXPECT_EQ(test, READ_ONCE(first.runs), 1);
	KUNIT_EXPECT_EQ(test, READ_ONCE(second.runs), 1);

	KUNIT_EXPECT_TRUE(test, kthread_queue_work(worker, &first.work));
	KUNIT_EXPECT_TRUE(test, kthread_queue_work(worker, &second.work));
	KUNIT_EXPECT_TRUE(test, kthread_cancel_work_sync(&second.work));
	complete(&first.may_end);
	kthread_flush_worker(worker);
	KUNIT_EXPECT_FALSE(test, kthread_cancel_work_sync(&first.work));
	KUNIT_EXPECT_EQ(test, READ_ONCE(second.runs), 1);
	kthread_queue_work(worker, &second.work);
	kthread_destroy_worker(worker);
	KUNIT_EXPECT_EQ(test, READ_ONCE(second.runs), 2);
}

struct delayed_job {
	struct kthread_delayed_work dwork;
	struct completion ran;
};

static void tell(struct kthread_work *work)
{
	complete(&container_of(work, struct delayed_job, dwork.work)->ran);
}

static void a_delayed_work_waits_or_is_taken_back(struct kunit *test)
{
	struct kthread_worker *worker = kthread_run_worker(0, "worker");
	struct delayed_job job;

	init_completion(&job.ran);
	kthread_init_delayed_work(&job.dwork, tell);
	KUNIT_EXPECT_TRUE(test, kthread_queue_delayed_work(worker, &job.dwork, HZ * 1000));
	KUNIT_EXPECT_FALSE(test, kthread_queue_delayed_work(worker, &job.dwork, 0));
	KUNIT_EXPECT_TRUE(test, kthread_cancel_delayed_work_sync(&job.dwork));
	KUNIT_EXPECT_FALSE(test, completion_done(&job.ran));
	kthread_queue_delayed_work(worker, &job.dwork, HZ * 1000);
	KUNIT_EXPECT_TRUE(test, kthread_mod_delayed_work(worker, &job.dwork, 1));
	wait_for_completion(&job.ran);
	kthread_destroy_worker(worker);
}

struct rcu_object {
	struct rcu_head rcu;
	int *freed;
};

static void note_freed(struct rcu_head *rcu)
{
	struct rcu_object *object = container_of(rcu, struct rcu_object, rcu);

	WRITE_ONCE(*object->freed, 1);
	kfree(object);
}

static int defer_and_sleep(void *data)
{
	struct rcu_object *object = kmalloc(sizeof(*object), GFP_KERNEL);
	struct ping_pong *game = data;

	object->freed = &game->rounds;
	call_rcu(&object->rcu, note_freed);
	smp_store_release(&game->turn, 1);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(MAX_SCHEDULE_TIMEOUT);
	return 0;
}

/* Else a module's exit could not wait for what its sleeping threads have put. */
static void the_rcu_barrier_waits_for_sleeping_kthreads(struct kunit *test)
{
	struct ping_pong game = { .turn = 0 };
	struct task_struct *task = kthread_run(defer_and_sleep, &game, "deferrer");

	while (!smp_load_acquire(&game.turn) ||
	       READ_ONCE(task->__state) != TASK_INTERRUPTIBLE)
		cond_resched();
	for (int tries = 0; !READ_ONCE(game.rounds) && tries < 1000; tries++)
		rcu_barrier(); /* it may be about to hand on */
	KUNIT_EXPECT_EQ(test, READ_ONCE(game.rounds), 1);
	kthread_stop(task);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_kthread_runs_until_it_is_stopped),
	KUNIT_CASE(one_stopped_before_it_was_woken_never_begins),
	KUNIT_CASE(a_task_outlives_its_thread_by_its_references),
	KUNIT_CASE(a_task_outlives_its_thread_by_a_grace_period),
	KUNIT_CASE(no_wake_up_is_lost),
	KUNIT_CASE(sleeping_takes_its_time_and_running_none),
	KUNIT_CASE(one_who_is_awake_is_not_woken),
	KUNIT_CASE(a_parked_kthread_does_nothing),
	KUNIT_CASE(a_handler_ends_an_interruptible_sleep),
	KUNIT_CASE(a_worker_does_each_work_once_in_order),
	KUNIT_CASE(a_delayed_work_waits_or_is_taken_back),
	KUNIT_CASE(the_rcu_barrier_waits_for_sleeping_kthreads),
	{}
};

static struct kunit_suite suite = { .name = "compat-task", .test_cases = cases };
kunit_test_suite(suite);
