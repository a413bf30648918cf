/* SPDX-License-Identifier: MIT */
/* The variants of waiting and waking: what each returns, whom each wakes, in which order. */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/freezer.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/wait.h>
#include <linux/wait_bit.h>

static DECLARE_WAIT_QUEUE_HEAD(queue);
static DEFINE_SPINLOCK(lock);
static struct completion done;
static unsigned long word;
static int before, after; /* of the only waiter */
static bool ready; /* atomic */

enum way {
	CMD, EXCLUSIVE_CMD, INTERRUPTIBLE_EXCLUSIVE, KILLABLE, IDLE, FREEZABLE, IO, KILLABLE_TIMEOUT,
	IDLE_TIMEOUT, LOCK_IRQ, INTERRUPTIBLE_LOCK_IRQ, VAR_INTERRUPTIBLE, VAR_KILLABLE, BIT_IO,
	BIT_LOCK_IO, N_WAYS
};

/* 0: it ended as it must. */
static long wait_in_this_way(enum way way)
{
	long ret = 0;

	switch (way) {
	case CMD:
		wait_event_cmd(queue, READ_ONCE(ready), before++, after++);
		return before - after;
	case EXCLUSIVE_CMD:
		wait_event_exclusive_cmd(queue, READ_ONCE(ready), before++, after++);
		return before - after;
	case INTERRUPTIBLE_EXCLUSIVE:
		return wait_event_interruptible_exclusive(queue, READ_ONCE(ready));
	case KILLABLE:
		return wait_event_killable(queue, READ_ONCE(ready));
	case IDLE:
		wait_event_idle(queue, READ_ONCE(ready));
		return 0;
	case FREEZABLE:
		return wait_event_freezable(queue, READ_ONCE(ready));
	case IO:
		io_wait_event(queue, READ_ONCE(ready));
		return 0;
	case KILLABLE_TIMEOUT:
		return wait_event_killable_timeout(queue, READ_ONCE(ready), HZ * 1000) <= 0;
	case IDLE_TIMEOUT:
		return wait_event_idle_timeout(queue, READ_ONCE(ready), HZ * 1000) <= 0;
	case LOCK_IRQ:
		spin_lock_irq(&lock);
		wait_event_lock_irq(queue, ready, lock);
		ret = !spin_is_locked(&lock);
		spin_unlock_irq(&lock);
		return ret;
	case INTERRUPTIBLE_LOCK_IRQ:
		spin_lock_irq(&lock);
		ret = wait_event_interruptible_lock_irq(queue, ready, lock);
		ret += !spin_is_locked(&lock);
		spin_unlock_irq(&lock);
		return ret;
	case VAR_INTERRUPTIBLE:
		return wait_var_event_interruptible(&ready, READ_ONCE(ready));
	case VAR_KILLABLE:
		return wait_var_event_killable(&ready, READ_ONCE(ready));
	case BIT_IO:
		return wait_on_bit_io(&word, 3, TASK_UNINTERRUPTIBLE);
	case BIT_LOCK_IO:
		ret = wait_on_bit_lock_io(&word, 3, TASK_UNINTERRUPTIBLE);
		return ret ? ret : !test_bit(3, &word);
	default:
		return -EINVAL;
	}
}

static int waiter(void *data)
{
	const long ret = wait_in_this_way((enum way)(long)data);

	complete(&done);
	return (int)ret;
}

static struct wait_queue_head *queue_of(enum way way)
{
	return way < VAR_INTERRUPTIBLE ? &queue : &lc_var_waits;
}

static void wake(enum way way)
{
	spin_lock(&lock);
	WRITE_ONCE(ready, true);
	spin_unlock(&lock);
	if (way >= BIT_IO)
		clear_and_wake_up_bit(3, &word);
	else if (way >= VAR_INTERRUPTIBLE)
		wake_up_var(&ready);
	else
		wake_up(&queue);
}

/* A wake-up before the condition is met ends no wait. */
static void every_way_of_waiting_ends_when_it_may(struct kunit *test)
{
	init_completion(&done);
	for (enum way way = 0; way < N_WAYS; way++) {
		struct task_struct *task;

		ready = false;
		set_bit(3, &word);
		before = after = 0;
		task = get_task_struct(kthread_run(waiter, (void *)(long)way, "way:%d", way));
		while (!wq_has_sleeper(queue_of(way)))
			cond_resched();
		wake_up_all(queue_of(way));
		KUNIT_EXPECT_FALSE_MSG(test, try_wait_for_completion(&done), "way %d", way);
		wake(way);
		wait_for_completion(&done);
		KUNIT_EXPECT_EQ_MSG(test, kthread_stop_put(task), 0, "way %d", way);
		KUNIT_EXPECT_EQ_MSG(test, waitqueue_active(queue_of(way)), 0, "way %d", way);
		KUNIT_EXPECT_EQ_MSG(test, word, way == BIT_LOCK_IO || way < BIT_IO ? BIT(3) : 0,
				    "way %d", way);
		word = 0;
		before = after = 0;
		KUNIT_EXPECT_EQ_MSG(test, wait_in_this_way(way), 0, "again, way %d", way);
	}
}

static void waits_that_end_in_time_say_what_is_left(struct kunit *test)
{
	DECLARE_COMPLETION_ONSTACK(completion);

	KUNIT_EXPECT_EQ(test, wait_event_killable_timeout(queue, true, 7), 7);
	KUNIT_EXPECT_EQ(test, wait_event_killable_timeout(queue, true, 0), 1);
	KUNIT_EXPECT_EQ(test, wait_event_killable_timeout(queue, false, 1000), 0);
	KUNIT_EXPECT_EQ(test, wait_event_idle_timeout(queue, true, 7), 7);
	KUNIT_EXPECT_EQ(test, wait_event_idle_timeout(queue, false, 1000), 0);
	KUNIT_EXPECT_EQ(test, wait_for_completion_killable_timeout(&completion, 1000), 0);
	complete(&completion);
	KUNIT_EXPECT_GT(test, wait_for_completion_killable_timeout(&completion, HZ * 1000), 0);
	init_completion_map(&completion, NULL);
	KUNIT_EXPECT_FALSE(test, completion_done(&completion));
	completion = (struct completion)COMPLETION_INITIALIZER_ONSTACK(completion);
	complete(&completion);
	wait_for_completion_io(&completion);
	KUNIT_EXPECT_FALSE(test, completion_done(&completion));
	KUNIT_EXPECT_EQ(test, schedule_timeout_killable(1000), 0);
	KUNIT_EXPECT_EQ(test, schedule_timeout_idle(1000), 0);
	set_current_state(TASK_UNINTERRUPTIBLE);
	KUNIT_EXPECT_EQ(test, io_schedule_timeout(1000), 0);
	set_current_state(TASK_UNINTERRUPTIBLE);
	KUNIT_EXPECT_EQ(test, freezable_schedule_timeout(1000), 0);
}

static int woken;

/* As a waiter that is not exclusive: its task need not sleep. */
static int count(struct wait_queue_entry *entry, unsigned int mode, int flags, void *key)
{
	woken = woken * 10 + (int)(long)entry->private;
	return 1;
}

/* Digits in the order in which they are woken: 1 and 2 are not exclusive, 3 to 5 are. */
static void those_who_are_exclusive_are_woken_by_number(struct kunit *test)
{
	struct wait_queue_entry entries[5];

	for (long i = 0; i < 5; i++) {
		init_waitqueue_func_entry(&entries[i], count);
		KUNIT_EXPECT_NULL(test, entries[i].private);
		entries[i].private = (void *)(i + 1);
	}
	add_wait_queue_exclusive(&queue, &entries[2]);
	add_wait_queue_exclusive(&queue, &entries[3]);
	add_wait_queue(&queue, &entries[1]);
	add_wait_queue(&queue, &entries[0]);
	add_wait_queue_exclusive(&queue, &entries[4]);
#define WAKES(call, wanted) \
	do { \
		woken = 0; \
		call; \
		KUNIT_EXPECT_EQ_MSG(test, woken, wanted, "%s", #call); \
	} while (0)
	WAKES(wake_up_sync(&queue), 123);
	WAKES(wake_up_nr(&queue, 2), 1234);
	WAKES(wake_up_interruptible(&queue), 123);
	WAKES(wake_up_interruptible_sync(&queue), 123);
	WAKES(wake_up_interruptible_nr(&queue, 2), 1234);
	WAKES(wake_up_interruptible_all(&queue), 12345);
	for (int i = 0; i < 5; i++)
		remove_wait_queue(&queue, &entries[i]);
	WAKES(wake_up_all(&queue), 0);
	KUNIT_EXPECT_FALSE(test, wq_has_sleeper(&queue));
}

/* Who sleeps uninterruptibly is not woken by what wakes the interruptible. */
static void a_task_is_woken_by_what_its_state_allows(struct kunit *test)
{
	DECLARE_WAITQUEUE(entry, current);
	struct wait_queue_entry other;

	init_waitqueue_entry(&other, current);
	KUNIT_EXPECT_PTR_EQ(test, other.private, current);
	add_wait_queue(&queue, &entry);
	set_current_state(TASK_UNINTERRUPTIBLE);
	wake_up_interruptible_all(&queue);
	KUNIT_EXPECT_FALSE(test, task_is_running(current));
	wake_up_sync(&queue);
	KUNIT_EXPECT_TRUE(test, task_is_running(current));
	set_current_state(TASK_INTERRUPTIBLE);
	wake_up_interruptible(&queue);
	KUNIT_EXPECT_TRUE(test, task_is_running(current));
	set_current_state(TASK_IDLE);
	KUNIT_EXPECT_EQ(test, TASK_IDLE & TASK_NORMAL, TASK_UNINTERRUPTIBLE);
	wake_up_nr(&queue, 1);
	io_schedule(); /* returns, for it was woken */
	set_current_state(TASK_INTERRUPTIBLE);
	wake_up_interruptible_nr(&queue, 1);
	freezable_schedule();
	remove_wait_queue(&queue, &entry);

	init_wait(&entry);
	prepare_to_wait(&queue, &entry, TASK_INTERRUPTIBLE);
	prepare_to_wait(&queue, &entry, TASK_INTERRUPTIBLE);
	wake_up_interruptible_sync(&queue);
	KUNIT_EXPECT_FALSE(test, waitqueue_active(&queue));
	KUNIT_EXPECT_TRUE(test, task_is_running(current));
	prepare_to_wait_exclusive(&queue, &entry, TASK_UNINTERRUPTIBLE);
	KUNIT_EXPECT_TRUE(test, entry.flags & WQ_FLAG_EXCLUSIVE);
	finish_wait(&queue, &entry);
	KUNIT_EXPECT_FALSE(test, waitqueue_active(&queue));
	KUNIT_EXPECT_TRUE(test, task_is_running(current));
}

static int store_one(void *data)
{
	store_release_wake_up((int *)data, 1);
	return 0;
}

static void a_store_wakes_those_who_wait_for_it(struct kunit *test)
{
	int value = 0;
	struct task_struct *task = kthread_create(store_one, &value, "store");

	get_task_struct(task);
	wake_up_process(task);
	KUNIT_EXPECT_EQ(test, wait_var_event_interruptible(&value, smp_load_acquire(&value)), 0);
	KUNIT_EXPECT_EQ(test, kthread_stop_put(task), 0);
}

static int exit_with_five(void *data)
{
	kthread_complete_and_exit(data, 5);
}

static void a_thread_ends_with_its_completion(struct kunit *test)
{
	DECLARE_COMPLETION_ONSTACK(ended);
	struct task_struct *task = get_task_struct(kthread_create(exit_with_five, &ended, "five"));
	struct task_struct *reference __free(put_task) = get_task_struct(task);
	struct task_struct *none __free(put_task) = NULL;
	char comm[TASK_COMM_LEN];

	kthread_bind(task, 0);
	KUNIT_EXPECT_PTR_EQ(test, kthread_data(task), &ended);
	KUNIT_EXPECT_TRUE(test, task->flags & PF_KTHREAD);
	KUNIT_EXPECT_FALSE(test, task->flags & PF_EXITING);
	KUNIT_EXPECT_STREQ(test, get_task_comm(comm, task), "five");
	sched_set_fifo(task);
	sched_set_fifo_low(task);
	sched_set_normal(task, 0);
	set_user_nice(task, 5);
	wake_up_process(task);
	wait_for_completion(&ended);
	KUNIT_EXPECT_EQ(test, kthread_stop_put(task), 5);
	KUNIT_EXPECT_TRUE(test, reference->flags & PF_EXITING);
	KUNIT_EXPECT_NULL(test, none);
}

static void time_passes_by_at_least_what_was_asked_for(struct kunit *test)
{
	const u64 begin = sched_clock();

	ndelay(1000);
	KUNIT_EXPECT_GE(test, local_clock(), begin + 1000);
	fsleep(10);
	KUNIT_EXPECT_GE(test, local_clock(), begin + 11000);
	ssleep(0);
	yield();
	KUNIT_EXPECT_EQ(test, yield_to(current, true), 0);
}

static void a_task_knows_who_it_is(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, task_tgid_nr(current), getpid());
	KUNIT_EXPECT_EQ(test, task_tgid_vnr(current), getpid());
	KUNIT_EXPECT_EQ(test, task_pid_nr(current), current->pid);
	KUNIT_EXPECT_EQ(test, task_pid_vnr(current), current->pid);
	KUNIT_EXPECT_EQ(test, fatal_signal_pending(current), 0);
	KUNIT_EXPECT_FALSE(test, need_resched());
	KUNIT_EXPECT_FALSE(test, freezing(current));
	KUNIT_EXPECT_FALSE(test, try_to_freeze());
	set_freezable();
	KUNIT_EXPECT_EQ(test, TASK_NEW & (TASK_NORMAL | TASK_NOLOAD), 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(every_way_of_waiting_ends_when_it_may),
	KUNIT_CASE(waits_that_end_in_time_say_what_is_left),
	KUNIT_CASE(those_who_are_exclusive_are_woken_by_number),
	KUNIT_CASE(a_task_is_woken_by_what_its_state_allows),
	KUNIT_CASE(a_store_wakes_those_who_wait_for_it),
	KUNIT_CASE(a_thread_ends_with_its_completion),
	KUNIT_CASE(time_passes_by_at_least_what_was_asked_for),
	KUNIT_CASE(a_task_knows_who_it_is),
	{}
};

static struct kunit_suite suite = { .name = "compat-waits", .test_cases = cases };
kunit_test_suite(suite);
