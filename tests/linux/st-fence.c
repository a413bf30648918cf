/* SPDX-License-Identifier: MIT */
/* Fences, as kernel code uses them. */
#include <linux/delay.h>
#include <linux/dma-fence-array.h>
#include <linux/dma-fence.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/version.h>

#include "mock-fence.h"
#include "subtests.h"

static int signals_once(void)
{
	struct dma_fence *f = mock_fence();
	unsigned long flags;

	EXPECT(f);
	EXPECT(!test_bit(DMA_FENCE_FLAG_SIGNALED_BIT, &f->flags));
	EXPECT(!dma_fence_is_signaled(f) && dma_fence_get_status(f) == 0);
	dma_fence_enable_sw_signaling(f);
	EXPECT(test_bit(DMA_FENCE_FLAG_ENABLE_SIGNAL_BIT, &f->flags));

	spin_lock_irqsave(f->lock, flags);
	EXPECT(dma_fence_signal_locked(f) == 0);
	spin_unlock_irqrestore(f->lock, flags);

	EXPECT(test_bit(DMA_FENCE_FLAG_SIGNALED_BIT, &f->flags));
	EXPECT(dma_fence_is_signaled(f) && dma_fence_get_status(f) == 1);
	EXPECT(dma_fence_signal(f) == -EINVAL);
	EXPECT(ktime_compare(ktime_sub(dma_fence_timestamp(f), NSEC_PER_USEC), ktime_get()) <= 0);
	dma_fence_put(f);
	return 0;
}

static int keeps_its_error(void)
{
	struct dma_fence *f = mock_fence();

	EXPECT(f);
	dma_fence_set_error(f, -EIO);
	EXPECT(f->error == -EIO && dma_fence_get_status(f) == 0);
	dma_fence_signal(f);
	EXPECT(dma_fence_get_status(f) == -EIO);
	dma_fence_put(f);
	return 0;
}

struct note {
	struct dma_fence_cb cb;
	atomic_t *clock;
	int when;
};

static void note_when(struct dma_fence *f, struct dma_fence_cb *cb)
{
	struct note *note = container_of(cb, struct note, cb);

	smp_store_mb(note->when, atomic_inc_return(note->clock));
}

static int calls_back_in_order(void)
{
	struct dma_fence *f = mock_fence();
	struct note notes[4] = {};
	atomic_t clock;
	int i;

	EXPECT(f);
	atomic_set(&clock, 0);
	for (i = 0; i < ARRAY_SIZE(notes); i++) {
		notes[i].clock = &clock;
		EXPECT(!dma_fence_add_callback(f, &notes[i].cb, note_when));
	}
	EXPECT(!list_empty(&notes[1].cb.node));
	EXPECT(dma_fence_remove_callback(f, &notes[1].cb));
	EXPECT(!dma_fence_remove_callback(f, &notes[1].cb));
	dma_fence_signal(f);
	EXPECT(notes[0].when == 1 && !notes[1].when && notes[2].when == 2 && notes[3].when == 3);
	EXPECT(list_empty(&notes[0].cb.node));
	EXPECT(dma_fence_add_callback(f, &notes[1].cb, note_when) == -ENOENT);
	EXPECT(list_empty(&notes[1].cb.node));
	dma_fence_put(f);
	return 0;
}

/* A driver that brings its own way to wait. */
struct wait_cb {
	struct dma_fence_cb cb;
	struct task_struct *task;
};

static void wake_waiter(struct dma_fence *f, struct dma_fence_cb *cb)
{
	wake_up_process(container_of(cb, struct wait_cb, cb)->task);
}

static long own_wait(struct dma_fence *f, bool intr, long timeout)
{
	const int state = intr ? TASK_INTERRUPTIBLE : TASK_UNINTERRUPTIBLE;
	struct wait_cb cb = { .task = current };

	if (dma_fence_add_callback(f, &cb.cb, wake_waiter))
		return timeout;
	while (timeout) {
		set_current_state(state);
		if (test_bit(DMA_FENCE_FLAG_SIGNALED_BIT, &f->flags))
			break;
		if (signal_pending_state(state, current))
			break;
		timeout = schedule_timeout(timeout);
	}
	__set_current_state(TASK_RUNNING);
	if (!dma_fence_remove_callback(f, &cb.cb))
		return timeout;
	if (signal_pending_state(state, current))
		return -ERESTARTSYS;
	return -ETIME;
}

static const struct dma_fence_ops own_wait_ops = {
	.get_driver_name = mock_name,
	.get_timeline_name = mock_name,
	.wait = own_wait,
	.release = mock_release,
};

struct alarm {
	struct timer_list timer;
	struct dma_fence *fence;
};

static void ring(struct timer_list *timer)
{
	dma_fence_signal(container_of(timer, struct alarm, timer)->fence);
}

static int wait_until_the_alarm(struct dma_fence *f)
{
	struct alarm alarm = { .fence = f };
	long left;

	EXPECT(f);
	EXPECT(dma_fence_wait_timeout(f, false, 0) <= 0);
	EXPECT(dma_fence_wait_timeout(f, false, 1) <= 0);
	timer_setup_on_stack(&alarm.timer, ring, 0);
	mod_timer(&alarm.timer, jiffies + msecs_to_jiffies(5));
	left = dma_fence_wait_timeout(f, false, 10 * HZ);
	del_timer_sync(&alarm.timer);
	destroy_timer_on_stack(&alarm.timer);
	EXPECT(left > 0 && left <= 10 * HZ);
	EXPECT(dma_fence_wait_timeout(f, false, 0) == 1 || f->ops->wait);
	EXPECT(dma_fence_wait(f, true) == 0);
	dma_fence_put(f);
	return 0;
}

static int waits(void)
{
	return wait_until_the_alarm(mock_fence());
}

static int waits_in_the_drivers_way(void)
{
	return wait_until_the_alarm(mock_fence_with(&own_wait_ops, 1, 1));
}

static void keep_busy(struct timer_list *timer)
{
	mdelay(20);
}

/* A timer that is due before a time-out has run when that ends, be the timers ever so late. */
static int rings_before_the_timeout(struct dma_fence *f)
{
	struct alarm alarm = { .fence = f };
	struct timer_list busy;
	bool pending;
	long left;

	EXPECT(f);
	timer_setup_on_stack(&busy, keep_busy, 0);
	timer_setup_on_stack(&alarm.timer, ring, 0);
	mod_timer(&busy, jiffies);
	mod_timer(&alarm.timer, jiffies + 1);
	left = dma_fence_wait_timeout(f, false, 2);
	pending = timer_pending(&alarm.timer);
	del_timer_sync(&alarm.timer);
	del_timer_sync(&busy);
	destroy_timer_on_stack(&alarm.timer);
	destroy_timer_on_stack(&busy);
	dma_fence_put(f);
	EXPECT(left > 0);
	EXPECT(!pending);
	return 0;
}

static int timers_come_before_later_timeouts(void)
{
	return rings_before_the_timeout(mock_fence());
}

static int timers_come_before_later_timeouts_of_drivers(void)
{
	return rings_before_the_timeout(mock_fence_with(&own_wait_ops, 1, 1));
}

static int compares_points(void)
{
	struct dma_fence *f = mock_fence_with(&mock_ops, dma_fence_context_alloc(1), 2);
	struct dma_fence wide;

	EXPECT(f);
	EXPECT(__dma_fence_is_later(2, 1, f->ops) && !__dma_fence_is_later(1, 1, f->ops));
	EXPECT(__dma_fence_is_later(0, 0xffffffff, f->ops));
	EXPECT(__dma_fence_is_later(f, 2, 1) && __dma_fence_is_later(f, 0, 0xffffffff));
	dma_fence_init64(&wide, &mock_ops, NULL, 1, 1);
	EXPECT(!__dma_fence_is_later(&wide, 0, 0xffffffff));
	EXPECT(__dma_fence_is_later(&wide, 0x100000000, 0xffffffff));
	dma_fence_put(f);
	return 0;
}

static int gives_stubs(void)
{
	struct dma_fence *stub = dma_fence_get_stub();
	struct dma_fence *then = dma_fence_allocate_private_stub(ns_to_ktime(5));
	struct dma_fence *now = dma_fence_allocate_private_stub();

	EXPECT(dma_fence_is_signaled(stub));
	EXPECT(then && dma_fence_timestamp(then) == 5);
	EXPECT(!IS_ERR_OR_NULL(now) && dma_fence_timestamp(now) > 5);
	dma_fence_put(now);
	dma_fence_put(then);
	dma_fence_put(stub);
	return 0;
}

static struct dma_fence_array *array_of_two(struct dma_fence *a, struct dma_fence *b, bool any)
{
	struct dma_fence **fences = kmalloc_array(2, sizeof(*fences), GFP_KERNEL);
	const u64 context = dma_fence_context_alloc(1);

	if (!fences)
		return NULL;
	fences[0] = dma_fence_get(a);
	fences[1] = dma_fence_get(b);
	return any ? dma_fence_array_create(2, fences, context, 1, true) :
		     dma_fence_array_create(2, fences, context, 1);
}

static int gathers(void)
{
	struct dma_fence *a = mock_fence(), *b = mock_fence();
	struct dma_fence_array *all, *any;

	EXPECT(a && b);
	all = array_of_two(a, b, false);
	any = array_of_two(a, b, true);
	EXPECT(all && any && to_dma_fence_array(&all->base) == all && all->num_fences == 2);
	dma_fence_enable_sw_signaling(&all->base);
	dma_fence_enable_sw_signaling(&any->base);
	dma_fence_signal(b);
	EXPECT(dma_fence_is_signaled(&any->base) && !dma_fence_is_signaled(&all->base));
	dma_fence_signal(a);
	EXPECT(dma_fence_is_signaled(&all->base));
	dma_fence_put(&any->base);
	dma_fence_put(&all->base);
	dma_fence_put(b);
	dma_fence_put(a);
	return 0;
}

/*
 * Two threads: each replaces the fence in its own slot, watches and signals what it finds in
 * the other's, and looks whether it was called back.
 */
struct racer {
	struct dma_fence __rcu **slots;
	int me;
	unsigned long rounds, missed;
};

static int race(void *arg)
{
	struct racer *racer = arg;

	while (!kthread_should_stop()) {
		struct dma_fence *mine = mock_fence(), *old, *other;
		struct note note = {};
		atomic_t clock;

		if (!mine)
			break;
		atomic_set(&clock, 0);
		note.clock = &clock;
		rcu_assign_pointer(racer->slots[racer->me], dma_fence_get(mine));
		smp_mb();
		do {
			rcu_read_lock();
			other = dma_fence_get_rcu_safe(&racer->slots[!racer->me]);
			rcu_read_unlock();
			cond_resched();
		} while (!other && !kthread_should_stop());
		if (other && !dma_fence_add_callback(other, &note.cb, note_when)) {
			dma_fence_signal(other);
			if (!READ_ONCE(note.when)) {
				dma_fence_wait(other, false);
				spin_lock_irq(other->lock);
				spin_unlock_irq(other->lock);
			}
			racer->missed += !READ_ONCE(note.when);
		}
		dma_fence_put(other);
		old = rcu_dereference_protected(racer->slots[racer->me], true);
		RCU_INIT_POINTER(racer->slots[racer->me], NULL);
		dma_fence_signal(old);
		dma_fence_put(old);
		dma_fence_put(mine);
		racer->rounds++;
	}
	return 0;
}

static int races(void)
{
	struct dma_fence __rcu *slots[2] = {};
	struct racer racers[2] = {};
	struct task_struct *tasks[2];
	int i;

	for (i = 0; i < 2; i++) {
		racers[i] = (struct racer){ .slots = slots, .me = i };
		tasks[i] = kthread_run(race, &racers[i], "dma-fence:%d", i);
		EXPECT(!IS_ERR(tasks[i]));
		get_task_struct(tasks[i]);
	}
	msleep(20);
	for (i = 0; i < 2; i++) {
		EXPECT(kthread_stop(tasks[i]) == 0);
		put_task_struct(tasks[i]);
	}
	EXPECT(racers[0].rounds && racers[1].rounds);
	EXPECT(!racers[0].missed && !racers[1].missed);
	return 0;
}

int main(void)
{
	static const struct subtest tests[] = {
		SUBTEST(signals_once),
		SUBTEST(keeps_its_error),
		SUBTEST(calls_back_in_order),
		SUBTEST(waits),
		SUBTEST(waits_in_the_drivers_way),
		SUBTEST(timers_come_before_later_timeouts),
		SUBTEST(timers_come_before_later_timeouts_of_drivers),
		SUBTEST(compares_points),
		SUBTEST(gives_stubs),
		SUBTEST(gathers),
		SUBTEST(races),
	};
	int err = mock_cache_create();

	if (!err)
		err = run_subtests(tests, ARRAY_SIZE(tests));
	mock_cache_destroy();
	return err ? 1 : 0;
}
