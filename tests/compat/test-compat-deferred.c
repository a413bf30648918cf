/* SPDX-License-Identifier: MIT */
/* The variants of timers, works and workers, and of the calls that lock an XArray. */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/timer.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

static DECLARE_COMPLETION(fired);

static void timer_fires(struct timer_list *timer)
{
	complete(&fired);
}

static DEFINE_TIMER(timer, timer_fires);

static void timers_are_armed_under_every_name(struct kunit *test)
{
	static const unsigned int flags[] = { TIMER_DEFERRABLE, TIMER_IRQSAFE, TIMER_PINNED };
	struct timer_list other;

	timer.expires = jiffies + 1000;
	add_timer_on(&timer, 0);
	wait_for_completion(&fired);
	mod_timer(&timer, jiffies + 1000 * HZ);
	KUNIT_EXPECT_EQ(test, del_singleshot_timer_sync(&timer), 1);
	KUNIT_EXPECT_EQ(test, del_singleshot_timer_sync(&timer), 0);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		timer_setup_on_stack(&other, timer_fires, flags[i]);
		mod_timer(&other, jiffies + i * 1000);
		wait_for_completion(&fired);
		KUNIT_EXPECT_EQ(test, other.flags, flags[i]);
		KUNIT_EXPECT_EQ(test, timer_shutdown(&other), 0);
		KUNIT_EXPECT_EQ(test, mod_timer(&other, jiffies), 0);
		KUNIT_EXPECT_EQ(test, timer_pending(&other), 0);
		/* Its function may not have returned yet, and another timer will lie here. */
		KUNIT_EXPECT_EQ(test, timer_delete_sync(&other), 0);
		timer_destroy_on_stack(&other);
	}
	mod_timer(&timer, jiffies + 1000 * HZ);
	KUNIT_EXPECT_EQ(test, timer_shutdown(&timer), 1);
	KUNIT_EXPECT_EQ(test, timer_pending(&timer), 0);
	KUNIT_EXPECT_FALSE(test, completion_done(&fired));
	/* A jiffy is short enough. */
	KUNIT_EXPECT_EQ(test, round_jiffies(7), 7);
	KUNIT_EXPECT_EQ(test, round_jiffies_relative(7), 7);
	KUNIT_EXPECT_EQ(test, round_jiffies_up(7), 7);
}

static enum hrtimer_restart hrtimer_fires(struct hrtimer *hrtimer)
{
	complete(&fired);
	return HRTIMER_NORESTART;
}

static struct completion blocked, may_return;

static enum hrtimer_restart hrtimer_blocks(struct hrtimer *hrtimer)
{
	complete(&blocked);
	wait_for_completion(&may_return);
	return HRTIMER_NORESTART;
}

static void exact_timers_are_armed_under_every_name(struct kunit *test)
{
	struct hrtimer hrtimer;
	ktime_t at;

	hrtimer_setup_on_stack(&hrtimer, hrtimer_fires, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	at = ktime_add_ms(ktime_get(), 1000000);
	hrtimer_start_range_ns(&hrtimer, at, 1000, HRTIMER_MODE_ABS);
	KUNIT_EXPECT_EQ(test, hrtimer_get_expires(&hrtimer), at);
	KUNIT_EXPECT_EQ(test, hrtimer_get_expires_ns(&hrtimer), ktime_to_ns(at));
	KUNIT_EXPECT_GT(test, hrtimer_get_remaining(&hrtimer), 0);
	KUNIT_EXPECT_LE(test, hrtimer_get_remaining(&hrtimer), at - hrtimer_cb_get_time(&hrtimer) +
							       NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, hrtimer_try_to_cancel(&hrtimer), 1);
	KUNIT_EXPECT_EQ(test, hrtimer_try_to_cancel(&hrtimer), 0);
	hrtimer_set_expires(&hrtimer, ktime_get());
	hrtimer_restart(&hrtimer);
	wait_for_completion(&fired);
	destroy_hrtimer_on_stack(&hrtimer);

	init_completion(&blocked);
	init_completion(&may_return);
	hrtimer_init_on_stack(&hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	hrtimer_update_function(&hrtimer, hrtimer_blocks);
	hrtimer_start(&hrtimer, 0, HRTIMER_MODE_REL);
	wait_for_completion(&blocked);
	KUNIT_EXPECT_EQ(test, hrtimer_try_to_cancel(&hrtimer), -1);
	complete(&may_return);
	hrtimer_cancel(&hrtimer);
}

static int runs; /* under the queue's order */

static void run(struct work_struct *work)
{
	WRITE_ONCE(runs, runs + 1);
}

static DECLARE_DELAYED_WORK(delayed, run);

static void works_are_queued_under_every_name(struct kunit *test)
{
	struct workqueue_struct *const queues[] = {
		system_percpu_wq, system_highpri_wq, system_long_wq, system_unbound_wq,
		system_dfl_wq, system_freezable_wq, system_power_efficient_wq,
		create_workqueue("own"),
		alloc_workqueue("%s", WQ_HIGHPRI | WQ_CPU_INTENSIVE | WQ_SYSFS, WQ_MAX_ACTIVE, "a"),
		alloc_workqueue("b", WQ_FREEZABLE | WQ_POWER_EFFICIENT | WQ_PERCPU, WQ_DFL_ACTIVE),
	};
	struct work_struct work;

	INIT_WORK_ONSTACK(&work, run);
	runs = 0;
	for (size_t i = 0; i < ARRAY_SIZE(queues); i++) {
		KUNIT_ASSERT_NOT_NULL(test, queues[i]);
		KUNIT_EXPECT_TRUE(test, queue_work_on(WORK_CPU_UNBOUND, queues[i], &work));
		flush_work(&work);
		KUNIT_EXPECT_TRUE(test, queue_work_node(NUMA_NO_NODE, queues[i], &work));
		flush_work(&work);
		KUNIT_EXPECT_EQ(test, READ_ONCE(runs), 2 * (int)i + 2);
	}
	KUNIT_EXPECT_TRUE(test, schedule_work_on(0, &work));
	flush_work(&work);
	KUNIT_EXPECT_EQ(test, READ_ONCE(runs), 21);
	KUNIT_EXPECT_FALSE(test, disable_work(&work));
	KUNIT_EXPECT_FALSE(test, schedule_work_on(0, &work));
	KUNIT_EXPECT_TRUE(test, enable_work(&work));
	destroy_work_on_stack(&work);
	for (size_t i = 7; i < ARRAY_SIZE(queues); i++)
		destroy_workqueue(queues[i]);
}

static void delayed_works_are_queued_under_every_name(struct kunit *test)
{
	struct delayed_work other;

	runs = 0;
	KUNIT_EXPECT_TRUE(test, queue_delayed_work_on(0, system_wq, &delayed, 1000 * HZ));
	KUNIT_EXPECT_FALSE(test, schedule_delayed_work_on(0, &delayed, 0));
	KUNIT_EXPECT_TRUE(test, mod_delayed_work_on(0, system_wq, &delayed, 2000 * HZ));
	KUNIT_EXPECT_TRUE(test, delayed_work_pending(&delayed));
	KUNIT_EXPECT_EQ(test, READ_ONCE(runs), 0);
	flush_delayed_work(&delayed);
	KUNIT_EXPECT_EQ(test, READ_ONCE(runs), 1);
	INIT_DELAYED_WORK_ONSTACK(&other, run);
	KUNIT_EXPECT_TRUE(test, schedule_delayed_work_on(0, &other, 0));
	flush_delayed_work(&other);
	KUNIT_EXPECT_EQ(test, READ_ONCE(runs), 2);
	KUNIT_EXPECT_FALSE(test, mod_delayed_work_on(0, system_wq, &other, 1000 * HZ));
	KUNIT_EXPECT_TRUE(test, cancel_delayed_work_sync(&other));
	KUNIT_EXPECT_EQ(test, READ_ONCE(runs), 2);
	destroy_delayed_work_on_stack(&other);
}

static void worker_runs(struct kthread_work *work)
{
	WRITE_ONCE(runs, runs + 1);
}

static DEFINE_KTHREAD_WORK(worker_work, worker_runs);

static void a_worker_is_made_of_a_thread_of_ones_own(struct kunit *test)
{
	struct kthread_worker worker, *other;
	struct task_struct *task;

	runs = 0;
	kthread_init_worker(&worker);
	task = kthread_run(kthread_worker_fn, &worker, "own");
	KUNIT_EXPECT_TRUE(test, kthread_queue_work(&worker, &worker_work));
	kthread_flush_work(&worker_work);
	KUNIT_EXPECT_EQ(test, READ_ONCE(runs), 1);
	kthread_flush_worker(&worker);
	kthread_stop(task);

	other = kthread_create_worker_on_cpu(0, KTW_FREEZABLE, "worker/%d", 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, other);
	kthread_init_work(&worker_work, worker_runs);
	KUNIT_EXPECT_TRUE(test, kthread_queue_work(other, &worker_work));
	kthread_flush_work(&worker_work);
	KUNIT_EXPECT_EQ(test, READ_ONCE(runs), 2);
	kthread_destroy_worker(other);
}

static void irq_work_runs(struct irq_work *work)
{
	complete(&fired);
}

static DEFINE_IRQ_WORK(irq_work, irq_work_runs);

static void a_work_of_interrupts_runs(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, irq_work_queue(&irq_work));
	wait_for_completion(&fired);
	irq_work_sync(&irq_work);
	KUNIT_EXPECT_FALSE(test, irq_work_is_pending(&irq_work));
}

static void arrays_are_locked_under_every_name(struct kunit *test)
{
	struct xarray xa;
	unsigned long flags = 5;

	xa_init(&xa);
	KUNIT_EXPECT_TRUE(test, xa_trylock(&xa));
	KUNIT_EXPECT_FALSE(test, xa_trylock(&xa));
	xa_unlock(&xa);
#define XA_HOLDS(lock, unlock) \
	do { \
		lock; \
		KUNIT_EXPECT_FALSE_MSG(test, xa_trylock(&xa), "%s", #lock); \
		unlock; \
		KUNIT_EXPECT_FALSE_MSG(test, spin_is_locked(&xa.xa_lock), "%s", #unlock); \
	} while (0)
	XA_HOLDS(xa_lock_bh(&xa), xa_unlock_bh(&xa));
	XA_HOLDS(xa_lock_irq(&xa), xa_unlock_irq(&xa));
	XA_HOLDS(xa_lock_irqsave(&xa, flags), xa_unlock_irqrestore(&xa, flags));
	KUNIT_EXPECT_EQ(test, flags, 0);
	KUNIT_EXPECT_NULL(test, xa_store_bh(&xa, 1, test, GFP_KERNEL));
	KUNIT_EXPECT_PTR_EQ(test, xa_store_irq(&xa, 1, &xa, GFP_KERNEL), (void *)test);
	KUNIT_EXPECT_EQ(test, xa_insert_bh(&xa, 1, test, GFP_KERNEL), -EBUSY);
	KUNIT_EXPECT_EQ(test, xa_insert_irq(&xa, 2, xa_mk_value(7), GFP_KERNEL), 0);
	KUNIT_EXPECT_PTR_EQ(test, xa_cmpxchg_irq(&xa, 1, test, NULL, GFP_KERNEL), (void *)&xa);
	KUNIT_EXPECT_TRUE(test, xa_is_value(xa_load(&xa, 2)));
	KUNIT_EXPECT_FALSE(test, xa_is_value(xa_load(&xa, 1)));
	KUNIT_EXPECT_PTR_EQ(test, xa_erase_bh(&xa, 1), (void *)&xa);
	KUNIT_EXPECT_EQ(test, xa_to_value(xa_erase_irq(&xa, 2)), 7);
	KUNIT_EXPECT_TRUE(test, xa_empty(&xa));
	KUNIT_EXPECT_FALSE(test, spin_is_locked(&xa.xa_lock));
	xa_destroy(&xa);
}

static DEFINE_XARRAY_ALLOC(numbers);

static void numbers_are_given_out_under_every_name(struct kunit *test)
{
	struct xarray irq = XARRAY_INIT(irq, XA_FLAGS_ALLOC | XA_FLAGS_LOCK_IRQ | XA_FLAGS_LOCK_BH);
	u32 id = 9, next = 65535;

	KUNIT_EXPECT_EQ(test, xa_alloc_bh(&numbers, &id, test, xa_limit_31b, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, id, 0);
	KUNIT_EXPECT_EQ(test, xa_alloc_irq(&numbers, &id, test, xa_limit_31b, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, id, 1);
	KUNIT_EXPECT_EQ(test, xa_alloc_irq(&numbers, &id, test, XA_LIMIT(0, 1), GFP_KERNEL), -EBUSY);
	KUNIT_EXPECT_EQ(test, xa_limit_31b.max, S32_MAX);
	KUNIT_EXPECT_EQ(test, xa_alloc_cyclic_irq(&irq, &id, test, xa_limit_16b, &next, GFP_KERNEL),
			0);
	KUNIT_EXPECT_EQ(test, id, 65535);
	KUNIT_EXPECT_EQ(test, xa_alloc_cyclic_irq(&irq, &id, test, xa_limit_16b, &next, GFP_KERNEL),
			1);
	KUNIT_EXPECT_EQ(test, id, 0);
	xa_destroy(&irq);
	xa_destroy(&numbers);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(timers_are_armed_under_every_name),
	KUNIT_CASE(exact_timers_are_armed_under_every_name),
	KUNIT_CASE(works_are_queued_under_every_name),
	KUNIT_CASE(delayed_works_are_queued_under_every_name),
	KUNIT_CASE(a_worker_is_made_of_a_thread_of_ones_own),
	KUNIT_CASE(a_work_of_interrupts_runs),
	KUNIT_CASE(arrays_are_locked_under_every_name),
	KUNIT_CASE(numbers_are_given_out_under_every_name),
	{}
};

static struct kunit_suite suite = { .name = "compat-deferred", .test_cases = cases };
kunit_test_suite(suite);
