/* SPDX-License-Identifier: MIT */
/* Time, timers of both kinds, irq_work. */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/semaphore.h>
#include <linux/timer.h>

#include <sys/wait.h>

struct alarm {
	struct timer_list timer;
	struct completion rang, may_end;
	int rings; /* atomic */
	bool again;
};

static void ring(struct timer_list *timer)
{
	struct alarm *alarm = from_timer(alarm, timer, timer);

	WRITE_ONCE(alarm->rings, alarm->rings + 1);
	if (alarm->again)
		mod_timer(timer, jiffies + 1);
	complete(&alarm->rang);
}

static void ring_slowly(struct timer_list *timer)
{
	struct alarm *alarm = timer_container_of(alarm, timer, timer);

	complete(&alarm->rang);
	wait_for_completion(&alarm->may_end);
	WRITE_ONCE(alarm->rings, alarm->rings + 1);
}

static void init_alarm(struct alarm *alarm, void (*func)(struct timer_list *timer))
{
	*alarm = (struct alarm){ .rings = 0 };
	init_completion(&alarm->rang);
	init_completion(&alarm->may_end);
	timer_setup_on_stack(&alarm->timer, func, 0);
}

static void a_timer_rings_once_and_not_early(struct kunit *test)
{
	struct alarm alarm;
	unsigned long expires;

	init_alarm(&alarm, ring);
	KUNIT_EXPECT_FALSE(test, timer_pending(&alarm.timer));
	expires = jiffies + msecs_to_jiffies(1);
	KUNIT_EXPECT_EQ(test, mod_timer(&alarm.timer, expires), 0);
	wait_for_completion(&alarm.rang);
	KUNIT_EXPECT_TRUE(test, time_after_eq(jiffies, expires));
	KUNIT_EXPECT_EQ(test, del_timer_sync(&alarm.timer), 0);
	KUNIT_EXPECT_EQ(test, READ_ONCE(alarm.rings), 1);
	destroy_timer_on_stack(&alarm.timer);
}

static void a_timer_that_was_deleted_does_not_ring(struct kunit *test)
{
	struct alarm alarm;

	init_alarm(&alarm, ring);
	KUNIT_EXPECT_EQ(test, mod_timer_pending(&alarm.timer, jiffies), 0);
	alarm.timer.expires = jiffies + HZ * 1000;
	add_timer(&alarm.timer);
	KUNIT_EXPECT_EQ(test, mod_timer(&alarm.timer, jiffies + HZ * 2000), 1);
	KUNIT_EXPECT_TRUE(test, timer_pending(&alarm.timer));
	KUNIT_EXPECT_EQ(test, timer_delete(&alarm.timer), 1);
	KUNIT_EXPECT_EQ(test, timer_delete_sync(&alarm.timer), 0);
	KUNIT_EXPECT_EQ(test, timer_shutdown_sync(&alarm.timer), 0);
	KUNIT_EXPECT_EQ(test, mod_timer(&alarm.timer, jiffies), 0);
	KUNIT_EXPECT_FALSE(test, timer_pending(&alarm.timer));
	KUNIT_EXPECT_EQ(test, READ_ONCE(alarm.rings), 0);
}

static void the_earlier_of_two_rings_first(struct kunit *test)
{
	struct alarm late, early;

	init_alarm(&late, ring);
	init_alarm(&early, ring);
	mod_timer(&late.timer, jiffies + HZ * 1000);
	mod_timer(&early.timer, jiffies + 1);
	wait_for_completion(&early.rang);
	KUNIT_EXPECT_EQ(test, timer_reduce(&late.timer, jiffies + HZ * 2000), 1);
	KUNIT_EXPECT_EQ(test, READ_ONCE(late.rings), 0);
	KUNIT_EXPECT_EQ(test, timer_reduce(&late.timer, jiffies + 1), 1);
	wait_for_completion(&late.rang);
	del_timer_sync(&late.timer);
	del_timer_sync(&early.timer);
}

static void deleting_waits_for_the_function(struct kunit *test)
{
	struct alarm alarm;

	init_alarm(&alarm, ring_slowly);
	mod_timer(&alarm.timer, jiffies);
	wait_for_completion(&alarm.rang);
	KUNIT_EXPECT_EQ(test, try_to_del_timer_sync(&alarm.timer), -1);
	KUNIT_EXPECT_EQ(test, del_timer(&alarm.timer), 0);
	complete(&alarm.may_end);
	del_timer_sync(&alarm.timer);
	KUNIT_EXPECT_EQ(test, READ_ONCE(alarm.rings), 1);
}

static void one_that_arms_itself_can_be_deleted(struct kunit *test)
{
	struct alarm alarm;
	int rings;

	init_alarm(&alarm, ring);
	alarm.again = true;
	mod_timer(&alarm.timer, jiffies);
	for (int i = 0; i < 100; i++)
		wait_for_completion(&alarm.rang);
	del_timer_sync(&alarm.timer);
	rings = READ_ONCE(alarm.rings);
	KUNIT_EXPECT_FALSE(test, timer_pending(&alarm.timer));
	KUNIT_EXPECT_GE(test, rings, 100);
}

/* Keeps the timers' thread from what is due next for longer than any sleep below. */
static void be_busy(struct timer_list *timer)
{
	mdelay(5);
}

static void sleep_by_schedule(struct alarm *alarm)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule_timeout(2);
}

static void sleep_interruptibly(struct alarm *alarm)
{
	schedule_timeout_interruptible(2);
}

static void sleep_by_usleep(struct alarm *alarm)
{
	usleep_range(1, 2);
}

static void sleep_by_msleep(struct alarm *alarm)
{
	msleep(1);
}

static void sleep_for_event(struct alarm *alarm)
{
	DECLARE_WAIT_QUEUE_HEAD(wq);

	wait_event_timeout(wq, false, 2);
}

static void sleep_for_completion(struct alarm *alarm)
{
	wait_for_completion_timeout(&alarm->may_end, 2);
}

static void sleep_for_semaphore(struct alarm *alarm)
{
	struct semaphore sem;
	int err;

	sema_init(&sem, 0);
	err = down_timeout(&sem, 2);
	WARN_ON(err != -ETIME);
}

static void a_timer_has_rung_when_a_later_timeout_ends(struct kunit *test)
{
	static void (*const sleeps[])(struct alarm *alarm) = {
		sleep_by_schedule, sleep_interruptibly,  sleep_by_usleep,     sleep_by_msleep,
		sleep_for_event,   sleep_for_completion, sleep_for_semaphore,
	};

	for (size_t i = 0; i < ARRAY_SIZE(sleeps); i++) {
		struct timer_list busy;
		struct alarm alarm;

		init_alarm(&alarm, ring);
		timer_setup_on_stack(&busy, be_busy, 0);
		mod_timer(&busy, jiffies);
		mod_timer(&alarm.timer, jiffies + 1);
		sleeps[i](&alarm);
		KUNIT_EXPECT_EQ_MSG(test, READ_ONCE(alarm.rings), 1, "sleep %zu", i);
		del_timer_sync(&alarm.timer);
		del_timer_sync(&busy);
	}
}

struct sleeper {
	struct timer_list timer;
	struct task_struct *task;
};

static void wake_sleeper(struct timer_list *timer)
{
	wake_up_process(container_of(timer, struct sleeper, timer)->task);
}

/* However late the sleeper notices: who was woken in time has time left. */
static void a_timer_that_wakes_leaves_time(struct kunit *test)
{
	struct sleeper sleeper = { .task = current };
	struct timer_list busy;
	long left;

	timer_setup_on_stack(&busy, be_busy, 0);
	timer_setup_on_stack(&sleeper.timer, wake_sleeper, 0);
	mod_timer(&busy, jiffies);
	set_current_state(TASK_UNINTERRUPTIBLE);
	mod_timer(&sleeper.timer, jiffies + 1);
	left = schedule_timeout(2);
	KUNIT_EXPECT_GT(test, left, 0);
	KUNIT_EXPECT_EQ(test, get_current_state(), TASK_RUNNING);
	del_timer_sync(&sleeper.timer);

	set_current_state(TASK_UNINTERRUPTIBLE);
	mod_timer(&sleeper.timer, jiffies);
	while (READ_ONCE(current->__state))
		cpu_relax();
	KUNIT_EXPECT_EQ(test, schedule_timeout(2), 1); /* woken before it slept */
	del_timer_sync(&sleeper.timer);
	del_timer_sync(&busy);
}

/* A loop that forgot to set its state is no sleep, but it ends. */
static void a_timeout_that_does_not_sleep_passes(struct kunit *test)
{
	long left = 1000;

	while (left)
		left = schedule_timeout(left);
	KUNIT_EXPECT_EQ(test, left, 0);
}

static void arm_for_ever(struct timer_list *timer)
{
	mod_timer(timer, jiffies);
}

/* What is due after the time-out is not waited for. */
static void timers_that_never_rest_keep_nobody_asleep(struct kunit *test)
{
	struct timer_list restless[2];

	for (int i = 0; i < 2; i++) {
		timer_setup_on_stack(&restless[i], arm_for_ever, 0);
		mod_timer(&restless[i], jiffies);
	}
	for (int i = 0; i < 100; i++)
		usleep_range(1, 2);
	for (int i = 0; i < 2; i++)
		timer_shutdown_sync(&restless[i]);
	KUNIT_SUCCEED(test);
}

static void a_timeout_on_the_timers_thread(struct timer_list *timer)
{
	struct alarm *alarm = from_timer(alarm, timer, timer);

	usleep_range(1, 2);
	complete(&alarm->rang);
}

static void a_timer_function_may_time_out(struct kunit *test)
{
	struct alarm alarm;

	init_alarm(&alarm, a_timeout_on_the_timers_thread);
	mod_timer(&alarm.timer, jiffies);
	wait_for_completion(&alarm.rang);
	del_timer_sync(&alarm.timer);
	KUNIT_SUCCEED(test);
}

/* The child has no thread for timers, and does not wait for one. */
static void a_forked_child_can_sleep(struct kunit *test)
{
	struct alarm alarm;
	int status;
	pid_t child;

	init_alarm(&alarm, ring);
	mod_timer(&alarm.timer, jiffies + msecs_to_jiffies(1));
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		msleep(2);
		_exit(0);
	}
	KUNIT_EXPECT_EQ(test, waitpid(child, &status, 0), child);
	KUNIT_EXPECT_EQ(test, status, 0);
	del_timer_sync(&alarm.timer);
}

struct metronome {
	struct hrtimer timer;
	struct completion ended;
	int left;
	u64 steps;
};

static enum hrtimer_restart tick(struct hrtimer *timer)
{
	struct metronome *metronome = container_of(timer, struct metronome, timer);

	if (!metronome->left--) {
		complete(&metronome->ended);
		return HRTIMER_NORESTART;
	}
	metronome->steps += hrtimer_forward_now(timer, us_to_ktime(50));
	return HRTIMER_RESTART;
}

static void high_resolution_timers_go_on_from_where_they_were(struct kunit *test)
{
	const ktime_t begin = ktime_get();
	struct metronome metronome = { .left = 10 };

	init_completion(&metronome.ended);
	hrtimer_setup(&metronome.timer, tick, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	hrtimer_start(&metronome.timer, us_to_ktime(50), HRTIMER_MODE_REL);
	wait_for_completion(&metronome.ended);
	KUNIT_EXPECT_EQ(test, hrtimer_cancel(&metronome.timer), 0);
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&metronome.timer));
	KUNIT_EXPECT_GE(test, metronome.steps, 10);
	KUNIT_EXPECT_GE(test, ktime_us_delta(ktime_get(), begin), 550);
	hrtimer_start(&metronome.timer, ktime_add_ms(ktime_get(), 1000000), HRTIMER_MODE_ABS);
	KUNIT_EXPECT_TRUE(test, hrtimer_active(&metronome.timer));
	KUNIT_EXPECT_EQ(test, hrtimer_cancel(&metronome.timer), 1);
}

struct counter {
	struct irq_work work;
	int runs; /* atomic */
};

static void count_up(struct irq_work *work)
{
	struct counter *counter = container_of(work, struct counter, work);

	WRITE_ONCE(counter->runs, counter->runs + 1);
}

static void irq_work_runs_soon(struct kunit *test)
{
	struct counter counter = { .runs = 0 };

	init_irq_work(&counter.work, count_up);
	KUNIT_EXPECT_TRUE(test, irq_work_queue(&counter.work));
	irq_work_sync(&counter.work);
	KUNIT_EXPECT_EQ(test, READ_ONCE(counter.runs), 1);
	KUNIT_EXPECT_FALSE(test, irq_work_is_busy(&counter.work));
}

static void a_jiffy_is_a_nanosecond(struct kunit *test)
{
	const struct timespec64 ts = { 1, 5 };
	const unsigned long now = jiffies;

	KUNIT_EXPECT_EQ(test, HZ, NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, msecs_to_jiffies(3), 3000000);
	KUNIT_EXPECT_EQ(test, msecs_to_jiffies((unsigned int)-1), MAX_JIFFY_OFFSET);
	KUNIT_EXPECT_EQ(test, usecs_to_jiffies(3), 3000);
	KUNIT_EXPECT_EQ(test, jiffies_to_msecs(5 * HZ), 5000);
	KUNIT_EXPECT_TRUE(test, time_after(5ul, 3ul));
	KUNIT_EXPECT_TRUE(test, time_before(ULONG_MAX, 3ul));
	KUNIT_EXPECT_TRUE(test, time_is_before_eq_jiffies(now));
	KUNIT_EXPECT_EQ(test, timespec64_to_ns(&ts), 1000000005);
	KUNIT_EXPECT_EQ(test, ns_to_timespec64(-1).tv_nsec, 999999999);
	KUNIT_EXPECT_EQ(test, ns_to_timespec64(-1).tv_sec, -1);
	KUNIT_EXPECT_EQ(test, ktime_compare(ktime_set(1, 0), ms_to_ktime(1000)), 0);
	KUNIT_EXPECT_EQ(test, ktime_set(KTIME_SEC_MAX, 0), KTIME_MAX);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_timer_rings_once_and_not_early),
	KUNIT_CASE(a_timer_that_was_deleted_does_not_ring),
	KUNIT_CASE(the_earlier_of_two_rings_first),
	KUNIT_CASE(deleting_waits_for_the_function),
	KUNIT_CASE(one_that_arms_itself_can_be_deleted),
	KUNIT_CASE(a_timer_has_rung_when_a_later_timeout_ends),
	KUNIT_CASE(a_timer_that_wakes_leaves_time),
	KUNIT_CASE(a_timeout_that_does_not_sleep_passes),
	KUNIT_CASE(timers_that_never_rest_keep_nobody_asleep),
	KUNIT_CASE(a_timer_function_may_time_out),
	KUNIT_CASE(a_forked_child_can_sleep),
	KUNIT_CASE(high_resolution_timers_go_on_from_where_they_were),
	KUNIT_CASE(irq_work_runs_soon),
	KUNIT_CASE(a_jiffy_is_a_nanosecond),
	{}
};

static struct kunit_suite suite = { .name = "compat-timer", .test_cases = cases };
kunit_test_suite(suite);
