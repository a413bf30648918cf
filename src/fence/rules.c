/* SPDX-License-Identifier: MIT */
/*
 * To the rules a fence is two things: its lock, under which callbacks run, and its
 * completion, which waiters wait for and signallers are the way to. Both are told apart
 * fence by fence.
 */
#include "fence/rules.h"

#include <dmabuf/dma-fence-array.h>
#include <dmabuf/dma-fence-unwrap.h>

#include "fence/fence.h"
#include "os/spinlock.h"

static const struct dmabuf_lock_class fence_lock_class = { .name = "a fence's lock" };
static const struct dmabuf_lock_class completion_class = { .name = "a fence's signal" };

static bool has_own_lock(const struct dma_fence *fence)
{
	return load_relaxed(&fence->flags) & INLINE_LOCK;
}

static struct lockdep_lock rules_lock(const struct dma_fence *fence)
{
	return (struct lockdep_lock){
		.kind = LOCKDEP_FENCE,
		.lock_class = &fence_lock_class,
		.object = has_own_lock(fence) ? (const void *)fence : fence->lock,
		.name = fence_lock_class.name,
		.context = fence->context,
	};
}

/* Fences of one context signal in their order. */
static bool is_due(const void *own, const void *waited)
{
	struct dma_fence *first = (struct dma_fence *)own, *second = (struct dma_fence *)waited;

	if (dma_fence_test_signaled_flag(first))
		return false;
	return !second || first == second ||
	       (first->context == second->context && !dma_fence_is_later(first, second));
}

static struct lockdep_lock completion(const struct dma_fence *fence)
{
	return (struct lockdep_lock){
		.kind = LOCKDEP_COMPLETION,
		.lock_class = &completion_class,
		.object = fence,
		.name = completion_class.name,
		.is_due = is_due,
	};
}

void fence_rules_might_lock(struct dma_fence *fence)
{
	const struct lockdep_lock lock = rules_lock(fence);

	lockdep_might_lock(&lock);
}

void fence_rules_lock(struct dma_fence *fence)
{
	fence_rules_might_lock(fence);
	rule_bug_on(os_spin_is_mine(dma_fence_spinlock(fence)), DMABUF_RULE_RECURSION, NULL,
		    "fence %llu:%llu: the holder of its lock takes that again, and would wait for itself; "
		    "call what ends in _locked",
		    (unsigned long long)fence->context, (unsigned long long)fence->seqno);
}

/* Who holds the lock gets here by returning early, and by no other way. */
void fence_rules_could_lock(struct dma_fence *fence, const char *function)
{
	struct lockdep_lock lock;

	lockdep_check_alive(fence, "fence", function);
	lock = rules_lock(fence);
	if (!lockdep_holds(LOCKDEP_FENCE, lock.object))
		lockdep_might_lock(&lock);
}

void fence_rules_locked(struct dma_fence *fence)
{
	const struct lockdep_lock lock = rules_lock(fence);

	lockdep_acquired(&lock);
}

void fence_rules_unlocked(struct dma_fence *fence)
{
	const struct lockdep_lock lock = rules_lock(fence);

	lockdep_released(LOCKDEP_FENCE, lock.object);
}

void fence_rules_signal(struct dma_fence *fence)
{
	const struct lockdep_lock it = completion(fence);

	lockdep_check_alive(fence, "fence", "dma_fence_signal");
	if (dma_fence_test_signaled_flag(fence))
		return;
	lockdep_signals(&it);
}

/* Under the fence's lock, whoever has taken that. */
void fence_rules_begin_callbacks(struct dma_fence *fence)
{
	struct lockdep_lock it = completion(fence);

	it.kind = LOCKDEP_CALLBACK;
	fence_rules_locked(fence);
	lockdep_begin_callbacks(&it);
}

void fence_rules_end_callbacks(struct dma_fence *fence)
{
	struct lockdep_lock it = completion(fence);

	it.kind = LOCKDEP_CALLBACK;
	lockdep_end_callbacks(&it);
	fence_rules_unlocked(fence);
}

static void might_wait_for(struct dma_fence *fence)
{
	struct lockdep_lock it;

	if (dma_fence_test_signaled_flag(fence))
		return;
	it = completion(fence);
	lockdep_might_wait_for(&it);
}

void fence_rules_might_wait(struct dma_fence *fence)
{
	struct dma_fence_unwrap cursor;
	struct dma_fence *leaf;

	lockdep_check_alive(fence, "fence", "dma_fence_wait");
	lockdep_might_wait();
	if (!lockdep_holds_any())
		return;
	might_wait_for(fence);
	if (!dma_fence_is_container(fence))
		return;
	dma_fence_unwrap_for_each(leaf, &cursor, fence) {
		const struct dma_fence_array *array = to_dma_fence_array(cursor.array);

		if (!array || !array->signal_on_any || array->num_fences == 1)
			might_wait_for(leaf);
	}
}

void fence_rules_begin_release(struct dma_fence *fence)
{
	if (!has_own_lock(fence))
		lockdep_forget(fence->lock); /* it may go with its last fence */
	lockdep_begin_release(fence);
}

/*
 * Announced work.
 */

void dma_fence_begin_work(struct dma_fence *fence)
{
	struct lockdep_lock it;

	if (!lockdep_is_on())
		return;
	it = completion(fence);
	if (lockdep_begin_work(&it))
		dma_fence_get(fence);
}

void dma_fence_end_work(struct dma_fence *fence)
{
	if (lockdep_is_on() && lockdep_released(LOCKDEP_COMPLETION, fence))
		dma_fence_put(fence);
}
