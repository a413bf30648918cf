/* SPDX-License-Identifier: MIT */
/*
 * Several fences as one.
 *
 * All: one callback is registered at a time, with the first member that has not
 * signalled; when that does, the array moves on. Any: a callback each.
 *
 * Locking: a callback runs under the member's lock, where no other fence's lock may
 * be taken: two arrays over the same members in another order would meet. So it
 * only queues array->work, which runs once the thread holds no short lock. The
 * other way round is fine: the array's lock is held while members are asked or
 * registered with.
 *
 * Error: base.error holds a mark until it is known. Whoever finds the array done
 * exchanges the mark for the error, so that it is decided once, before SIGNALED.
 */
#include "debug/lockdep.h"
#include "fence/array.h"

#include <errno.h>

#include "fence/fence.h"
#include "fence/rules.h"
#include "os/alloc.h"
#include "os/fault.h"
#include "os/list.h"
#include "os/report.h"

/* Not negative, and not 0: even if it leaked, the status would read "no error". */
#define ERROR_PENDING 1

bool dma_fence_is_array(const struct dma_fence *fence)
{
	return fence->ops == &dma_fence_array_ops;
}

struct dma_fence_array *to_dma_fence_array(struct dma_fence *fence)
{
	return fence && dma_fence_is_array(fence) ? container_of(fence, struct dma_fence_array, base)
						  : NULL;
}

/* In our ops, where it can be nothing else. */
static struct dma_fence_array *own_array(struct dma_fence *fence)
{
	return container_of(fence, struct dma_fence_array, base);
}

/*
 * What the members say.
 */

/* The error of the member that signalled first among those that count. */
static int first_error(const struct dma_fence_array *array)
{
	int64_t first = INT64_MAX;
	int error = 0;

	for (unsigned int i = 0; i < array->num_fences; i++) {
		struct dma_fence *member = array->fences[i];
		int member_error;
		int64_t when;

		OS_RACE_POINT("array: before a member's error");
		if (!dma_fence_test_signaled_flag(member))
			continue;
		member_error = load_relaxed(&member->error); /* ordered by SIGNALED */
		if (!array->signal_on_any && !member_error)
			continue;
		when = dma_fence_timestamp(member);
		if (when < first) {
			first = when;
			error = member_error;
		}
	}
	return error;
}

static void decide_error(struct dma_fence_array *array)
{
	int pending = ERROR_PENDING;

	if (load_acquire(&array->base.error) == ERROR_PENDING)
		cas_acq_rel(&array->base.error, &pending, first_error(array));
}

static void finish(struct dma_fence_array *array)
{
	decide_error(array);
	dma_fence_signal(&array->base);
}

static bool any_is_signaled(const struct dma_fence_array *array)
{
	for (unsigned int i = 0; i < array->num_fences; i++) {
		if (dma_fence_is_signaled(array->fences[i]))
			return true;
	}
	return false;
}

static bool all_are_signaled(const struct dma_fence_array *array)
{
	/* Those before it have signalled, and with acquire we see that they have. */
	for (unsigned int i = load_acquire(&array->armed); i < array->num_fences; i++) {
		if (!dma_fence_is_signaled(array->fences[i]))
			return false;
	}
	return true;
}

static bool array_signaled(struct dma_fence *fence)
{
	struct dma_fence_array *array = own_array(fence);

	if (array->signal_on_any ? !any_is_signaled(array) : !all_are_signaled(array))
		return false;
	decide_error(array);
	return true;
}

/*
 * All: one member after the other.
 */

static void member_signaled(struct dma_fence *member, struct dma_fence_cb *cb)
{
	(void)member;
	os_work_queue(&container_of(cb, struct dma_fence_array_cb, cb)->array->work);
}

/* False: every member has signalled. */
static bool await_next(struct dma_fence_array *array)
{
	struct dma_fence_array_cb *callback = &array->callbacks[0];

	callback->array = array;
	/* relaxed: whoever advanced it before us is ordered by the member's signal */
	for (unsigned int i = load_relaxed(&array->armed); i < array->num_fences; i++) {
		/* Before registering: from then on the callback may advance the array. */
		store_release(&array->armed, i);
		if (!dma_fence_add_callback(array->fences[i], &callback->cb, member_signaled))
			return true;
	}
	store_release(&array->armed, array->num_fences);
	return false;
}

static void advance(struct dmabuf_work *work)
{
	struct dma_fence_array *array = container_of(work, struct dma_fence_array, work);

	if (!dma_fence_test_signaled_flag(&array->base)) {
		if (await_next(array))
			return;
		finish(array);
	}
	dma_fence_put(&array->base);
}

static bool enable_all(struct dma_fence_array *array)
{
	/* Who is lazy begins now, and not when its turn has come. */
	for (unsigned int i = 0; i < array->num_fences; i++) {
		if (array->fences[i]->ops->enable_signaling)
			dma_fence_enable_sw_signaling(array->fences[i]);
	}
	dma_fence_get(&array->base); /* for the registration */
	if (await_next(array))
		return true;
	dma_fence_put(&array->base);
	return false;
}

/*
 * Any: the first callback wins, and takes back the others.
 */

static void one_signaled(struct dma_fence *member, struct dma_fence_cb *cb)
{
	struct dma_fence_array *array = container_of(cb, struct dma_fence_array_cb, cb)->array;

	(void)member;
	if (__atomic_exchange_n(&array->num_pending, 0, __ATOMIC_ACQ_REL))
		os_work_queue(&array->work); /* with this registration's reference */
	else
		dma_fence_put(&array->base);
}

static void take_back(struct dma_fence_array *array)
{
	for (unsigned int i = 0; i < array->num_fences; i++) {
		if (dma_fence_remove_callback(array->fences[i], &array->callbacks[i].cb))
			dma_fence_put(&array->base);
	}
}

static void win(struct dmabuf_work *work)
{
	struct dma_fence_array *array = container_of(work, struct dma_fence_array, work);
	unsigned long flags;

	finish(array);
	/* Let enable_any() have registered all that it will. */
	dma_fence_lock_irqsave(&array->base, flags);
	dma_fence_unlock_irqrestore(&array->base, flags);
	take_back(array);
	dma_fence_put(&array->base);
}

static bool enable_any(struct dma_fence_array *array)
{
	for (unsigned int i = 0; i < array->num_fences; i++) {
		OS_RACE_POINT("array: before a member");
		array->callbacks[i].array = array;
		dma_fence_get(&array->base);
		if (!dma_fence_add_callback(array->fences[i], &array->callbacks[i].cb, one_signaled))
			continue;
		dma_fence_put(&array->base);
		/* Nobody else need signal the array: the caller does. */
		__atomic_exchange_n(&array->num_pending, 0, __ATOMIC_ACQ_REL);
		take_back(array);
		return false;
	}
	return true;
}

static bool array_enable_signaling(struct dma_fence *fence)
{
	struct dma_fence_array *array = own_array(fence);

	if (array->signal_on_any ? enable_any(array) : enable_all(array))
		return true;
	decide_error(array);
	return false;
}

static void array_set_deadline(struct dma_fence *fence, int64_t deadline)
{
	const struct dma_fence_array *array = own_array(fence);

	for (unsigned int i = 0; i < array->num_fences; i++)
		dma_fence_set_deadline(array->fences[i], deadline);
}

static const char *array_driver_name(struct dma_fence *fence)
{
	(void)fence;
	return "dma_fence_array";
}

static const char *array_timeline_name(struct dma_fence *fence)
{
	(void)fence;
	return "unbound";
}

static void array_release(struct dma_fence *fence)
{
	dma_fence_array_free(own_array(fence));
}

const struct dma_fence_ops dma_fence_array_ops = {
	.get_driver_name = array_driver_name,
	.get_timeline_name = array_timeline_name,
	.enable_signaling = array_enable_signaling,
	.signaled = array_signaled,
	.release = array_release,
	.set_deadline = array_set_deadline,
};

/*
 * Memory: the array, then its callbacks, then its own table, if it has one.
 */

static struct dma_fence **own_table(struct dma_fence_array *array, unsigned int callbacks)
{
	return (struct dma_fence **)&array->callbacks[callbacks];
}

static struct dma_fence_array *allocate(unsigned int max_fences, unsigned int callbacks,
					unsigned int table)
{
	const uint64_t size = sizeof(struct dma_fence_array) +
			      (uint64_t)callbacks * sizeof(struct dma_fence_array_cb) +
			      (uint64_t)table * sizeof(struct dma_fence *);
	struct dma_fence_array *array;

	array = size <= SIZE_MAX / 2 ? os_alloc((size_t)size) : NULL;
	if (!array)
		return NULL;
	array->max_fences = max_fences;
	array->max_callbacks = callbacks;
	if (table) {
		array->fences = own_table(array, callbacks);
		array->has_own_table = true;
	}
	return array;
}

struct dma_fence_array *dma_fence_array_alloc(int num_fences)
{
	const unsigned int n = (unsigned int)num_fences;

	lockdep_might_alloc();
	return num_fences < 0 ? NULL : allocate(n, n, n);
}

struct dma_fence_array *fence_array_alloc_for_all(unsigned int num_fences)
{
	return allocate(num_fences, 1, num_fences);
}

void dma_fence_array_init(struct dma_fence_array *array, int num_fences, struct dma_fence **fences,
			  uint64_t context, unsigned int seqno, bool signal_on_any)
{
	const unsigned int n = num_fences > 0 && fences ? (unsigned int)num_fences : 0;

	dmabuf_warn_on(!n, "dma_fence_array_init() without fences");
	dmabuf_bug_on(n > array->max_fences,
		      "dma_fence_array_init() with %u fences in room for %u: allocate it larger", n,
		      array->max_fences);
	dmabuf_bug_on(signal_on_any && n > array->max_callbacks,
		      "dma_fence_array_init() with %u callbacks in room for %u: use dma_fence_array_alloc()",
		      n, array->max_callbacks);
	if (fences != array->fences) {
		array->has_own_table = false;
		array->fences = fences;
	}
	array->num_fences = n;
	array->num_pending = 1;
	array->armed = 0;
	array->signal_on_any = signal_on_any;
	array->work.func = signal_on_any ? win : advance;
	for (unsigned int i = 0; i < n; i++) {
		fence_check_alive(fences[i], __func__);
		dmabuf_warn_on(dma_fence_is_container(fences[i]),
			       "a fence array or chain inside a fence array: give it the members");
		if (signal_on_any)
			list_init(&array->callbacks[i].cb.node);
	}
	dma_fence_init(&array->base, &dma_fence_array_ops, NULL, context, seqno);
	array->base.error = ERROR_PENDING;
	if (!n)
		finish(array);
}

struct dma_fence_array *dma_fence_array_create(int num_fences, struct dma_fence **fences,
					       uint64_t context, unsigned int seqno,
					       bool signal_on_any)
{
	const unsigned int n = num_fences > 0 ? (unsigned int)num_fences : 0;
	struct dma_fence_array *array;

	lockdep_might_alloc();
	array = allocate(n, signal_on_any ? n : 1, 0);
	if (array)
		dma_fence_array_init(array, num_fences, fences, context, seqno, signal_on_any);
	return array;
}

unsigned int dma_fence_array_max_fences(const struct dma_fence_array *array)
{
	return array->max_fences;
}

static void run_array_free(struct dmabuf_rcu_head *head)
{
	struct dma_fence_array *array = container_of(head, struct dma_fence_array, base.rcu);

	if (!array->has_own_table)
		os_free(array->fences);
	os_free(array);
}

void dma_fence_array_free(struct dma_fence_array *array)
{
	if (!array)
		return;
	for (unsigned int i = 0; i < array->num_fences; i++)
		dma_fence_put(array->fences[i]);
	dmabuf_call_rcu(&array->base.rcu, run_array_free);
}

bool dma_fence_array_recycle(struct dma_fence_array *array)
{
	const uint32_t count = fetch_sub_acq_rel(&array->base.refcount.count, 1);

	dmabuf_bug_on(!count, "dma_fence_array_recycle() on an array without references");
	return count == 1;
}

/*
 * Visiting.
 */

struct dma_fence *dma_fence_array_first(struct dma_fence *head)
{
	struct dma_fence_array *array = to_dma_fence_array(head);

	if (!array)
		return head;
	return array->num_fences ? array->fences[0] : NULL;
}

struct dma_fence *dma_fence_array_next(struct dma_fence *head, unsigned int index)
{
	struct dma_fence_array *array = to_dma_fence_array(head);

	return array && index < array->num_fences ? array->fences[index] : NULL;
}

bool dma_fence_match_context(struct dma_fence *fence, uint64_t context)
{
	struct dma_fence *member;
	unsigned int i;

	dma_fence_array_for_each(member, i, fence) {
		if (member->context != context)
			return false;
	}
	return true;
}
