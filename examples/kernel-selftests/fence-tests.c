/* SPDX-License-Identifier: MIT */
/* Fences from a cache whose memory comes again, under threads that signal and watch them. */
#include <linux/delay.h>
#include <linux/dma-fence.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "runner.h"

static struct kmem_cache *cache;

static struct own_fence {
	struct dma_fence base;
	struct spinlock lock;
} *to_own_fence(struct dma_fence *fence)
{
	return container_of(fence, struct own_fence, base);
}

static const char *own_name(struct dma_fence *fence)
{
	return "own";
}

static void own_release(struct dma_fence *fence)
{
	kmem_cache_free(cache, to_own_fence(fence));
}

struct waiter {
	struct dma_fence_cb cb;
	struct task_struct *task;
};

static void wake_waiter(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	wake_up_process(container_of(cb, struct waiter, cb)->task);
}

static long own_wait(struct dma_fence *fence, bool intr, long timeout)
{
	const int state = intr ? TASK_INTERRUPTIBLE : TASK_UNINTERRUPTIBLE;
	struct waiter waiter = { .task = current };

	if (dma_fence_add_callback(fence, &waiter.cb, wake_waiter))
		return timeout;
	while (timeout) {
		set_current_state(state);
		if (dma_fence_is_signaled(fence) || signal_pending_state(state, current))
			break;
		timeout = schedule_timeout(timeout);
	}
	__set_current_state(TASK_RUNNING);
	return dma_fence_remove_callback(fence, &waiter.cb) ? -ETIME : timeout;
}

static const struct dma_fence_ops own_ops = {
	.get_driver_name = own_name,
	.get_timeline_name = own_name,
	.wait = own_wait,
	.release = own_release,
};

static struct dma_fence *own_fence(void)
{
	struct own_fence *own = kmem_cache_alloc(cache, GFP_KERNEL);

	if (!own)
		return NULL;
	spin_lock_init(&own->lock);
	dma_fence_init(&own->base, &own_ops, &own->lock, 0, 0);
	return &own->base;
}

struct alarm {
	struct timer_list timer;
	struct dma_fence *fence;
};

static void ring(struct timer_list *timer)
{
	struct alarm *alarm = from_timer(alarm, timer, timer);

	dma_fence_signal(alarm->fence);
}

static int waits_for_a_jiffy_or_two(void *data)
{
	struct alarm alarm = { .fence = own_fence() };
	int err = -EINVAL;

	if (!alarm.fence)
		return -ENOMEM;
	timer_setup_on_stack(&alarm.timer, ring, 0);
	if (dma_fence_wait_timeout(alarm.fence, false, 1) != -ETIME)
		goto out;
	mod_timer(&alarm.timer, jiffies + 1);
	if (dma_fence_wait_timeout(alarm.fence, false, 2) <= 0)
		goto out;
	err = 0;
out:
	del_timer_sync(&alarm.timer);
	destroy_timer_on_stack(&alarm.timer);
	dma_fence_signal(alarm.fence);
	dma_fence_put(alarm.fence);
	return err;
}

struct watch {
	struct dma_fence_cb cb;
	bool called;
};

static void note_call(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	smp_store_mb(container_of(cb, struct watch, cb)->called, true);
}

/* Two of them: each offers a fence, watches the other's, and signals its own. */
struct racer {
	struct task_struct *task;
	struct dma_fence __rcu **offers;
	int id;
};

static bool is_called_back(struct dma_fence *fence, struct dma_fence *own)
{
	struct watch watch = { .called = false };

	if (!fence || dma_fence_add_callback(fence, &watch.cb, note_call)) {
		dma_fence_signal(own);
		return true;
	}
	dma_fence_signal(own);
	dma_fence_wait(fence, false);
	spin_lock_irq(fence->lock); /* callbacks run under it */
	spin_unlock_irq(fence->lock);
	return READ_ONCE(watch.called);
}

static int race(void *data)
{
	struct racer *racer = data;
	int err = 0;

	while (!err && !kthread_should_stop()) {
		struct dma_fence *own = own_fence(), *other;

		if (!own)
			return -ENOMEM;
		rcu_assign_pointer(racer->offers[racer->id], own);
		smp_wmb();
		do {
			rcu_read_lock();
			other = dma_fence_get_rcu_safe(&racer->offers[!racer->id]);
			rcu_read_unlock();
			cond_resched();
		} while (!other && !kthread_should_stop());
		if (!is_called_back(other, own))
			err = -EINVAL;
		rcu_assign_pointer(racer->offers[racer->id], NULL);
		dma_fence_put(other);
		dma_fence_put(own);
	}
	return err;
}

static int races(void *data)
{
	struct dma_fence __rcu *offers[2] = {};
	struct racer racers[2];
	int i, err = 0;

	for (i = 0; i < ARRAY_SIZE(racers); i++) {
		racers[i].offers = offers;
		racers[i].id = i;
		racers[i].task = kthread_run(race, &racers[i], "race:%d", i);
		if (IS_ERR(racers[i].task)) {
			err = PTR_ERR(racers[i].task);
			break;
		}
		get_task_struct(racers[i].task);
	}
	if (!err)
		msleep(100);
	while (i--)
		err = kthread_stop_put(racers[i].task) ?: err;
	return err;
}

int fence_tests(void)
{
	static const struct subtest tests[] = {
		SUBTEST(waits_for_a_jiffy_or_two),
		SUBTEST(races),
	};
	int err;

	cache = KMEM_CACHE(own_fence, SLAB_TYPESAFE_BY_RCU | SLAB_HWCACHE_ALIGN);
	if (!cache)
		return -ENOMEM;
	err = subtests(tests, NULL);
	kmem_cache_destroy(cache);
	return err;
}
