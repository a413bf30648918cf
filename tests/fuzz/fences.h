/* SPDX-License-Identifier: MIT */
/* The fuzz target's fences: making them, ending them, asking them, being called by them. */
#ifndef FENCES_H
#define FENCES_H

#include <dmabuf/dma-fence-timeline.h>
#include <dmabuf/sync-file.h>

#include "world.h"

/*
 * What the library is told by the program's own fences.
 */

static struct thing *to_thing(struct dma_fence *fence)
{
	return container_of(fence, struct own, base)->thing;
}

static const char *own_name(struct dma_fence *fence)
{
	(void)fence;
	return "fuzz";
}

static bool own_signaled(struct dma_fence *fence)
{
	const struct thing *thing = to_thing(fence);

	if (thing->done && thing->error)
		dma_fence_set_error(fence, thing->error);
	return thing->done;
}

static bool own_enable_signaling(struct dma_fence *fence)
{
	struct thing *thing = to_thing(fence);

	CHECK(!thing->enabled, "enable_signaling is called twice");
	CHECK(dmabuf_spin_is_locked(dma_fence_spinlock(fence)),
	      "enable_signaling without the lock");
	thing->enabled = true;
	if (!thing->done)
		return true;
	known_of(thing)->signaled = true;
	if (thing->error)
		dma_fence_set_error(fence, thing->error);
	return false;
}

static void own_set_deadline(struct dma_fence *fence, int64_t deadline)
{
	struct thing *thing = to_thing(fence);

	CHECK(!dma_fence_test_signaled_flag(fence), "a deadline for what has signalled");
	if (deadline < thing->deadline)
		thing->deadline = deadline;
}

static void own_release(struct dma_fence *fence)
{
	struct known *known = known_of(to_thing(fence));

	CHECK(!known->released, "a fence is released twice");
	CHECK(!known->held, "a fence is released that the program holds");
	known->released = true;
	dma_fence_free(fence);
}

#define OWN_OPS(...)                                   \
	{                                              \
		.get_driver_name = own_name,           \
		.get_timeline_name = own_name,         \
		.set_deadline = own_set_deadline,      \
		.release = own_release, __VA_ARGS__    \
	}

static const struct dma_fence_ops own_ops[OWN_KINDS] = {
	[PLAIN] = OWN_OPS(),
	[ASKED] = OWN_OPS(.signaled = own_signaled),
	[ENABLED] = OWN_OPS(.enable_signaling = own_enable_signaling),
	[EITHER] = OWN_OPS(.signaled = own_signaled, .enable_signaling = own_enable_signaling),
};

static const struct dma_fence_ops wide_ops = OWN_OPS(.use_64bit_seqno = true);

/*
 * Making them. Each context is of another sort.
 */

static struct {
	bool wide;		      /* 64 bits */
	struct dmabuf_spinlock *lock; /* of the creator's */
	uint64_t first, stride;
} contexts[OWN_CONTEXTS] = {
	{ .first = 1, .stride = 1 },
	{ .first = UINT32_MAX - 2, .stride = 1 },
	{ .first = UINT32_MAX - 2, .stride = 1, .wide = true },
	{ .first = 1, .stride = 1, .lock = &(struct dmabuf_spinlock)DMABUF_SPINLOCK_INIT },
	{ .first = 1, .stride = 0x90000000, .wide = true,
	  .lock = &(struct dmabuf_spinlock)DMABUF_SPINLOCK_INIT },
};

static struct thing *new_own(unsigned int context, enum kind kind)
{
	struct thing *thing = new_thing(kind, context, w.next[context]);
	struct own *own = malloc(sizeof(*own));

	w.next[context] += contexts[context].stride;
	if (!own)
		abort();
	memset(own, 0x5a, sizeof(*own));
	own->thing = thing;
	if (contexts[context].wide && kind == PLAIN)
		dma_fence_init(&own->base, &wide_ops, contexts[context].lock, w.context[context],
			       known_of(thing)->seqno);
	else
		(contexts[context].wide ? dma_fence_init64 : dma_fence_init)(
			&own->base, &own_ops[kind], contexts[context].lock, w.context[context],
			known_of(thing)->seqno);
	CHECK(dma_fence_was_initialized(&own->base), "not initialised");
	set_fence(thing, &own->base);
	return thing;
}

/* One choice after the other: what a program means must not depend on the compiler. */
static struct thing *any_own(void)
{
	const unsigned int context = below(OWN_CONTEXTS);
	const enum kind kind = (enum kind)(below(2) ? below(OWN_KINDS) : PLAIN);

	TRACE("%u = fence %u:%" PRIu64 " of kind %u", w.n_known, context, w.next[context], kind);
	return new_own(context, kind);
}

static void step_new(void)
{
	if (has_room())
		any_own();
}

static struct thing *new_stub(struct dma_fence *fence, int64_t timestamp)
{
	struct thing *thing = new_thing(STUB, STUBS, 0);

	set_fence(thing, fence);
	known_of(thing)->signaled = true;
	thing->seen = true;
	thing->timestamp = timestamp;
	return thing;
}

static void step_stub(void)
{
	const int64_t timestamp = below(256);
	struct dma_fence *fence;

	if (!has_room())
		return;
	arm();
	fence = dma_fence_allocate_private_stub(timestamp);
	CHECK(os_fault_disarm() == !fence, "stub: no memory");
	TRACE("%u = %s stub", w.n_known, fence ? "a" : "no");
	if (fence)
		new_stub(fence, timestamp);
}

/*
 * Ending them. The model first: a callback may end others.
 */

static void signal_own(struct thing *thing, unsigned int how)
{
	struct dma_fence *fence = dma_fence_get(thing->fence);
	unsigned long flags;

	known_of(thing)->signaled = true;
	if (thing->error)
		dma_fence_set_error(fence, thing->error);
	switch (how) {
	case 0:
		CHECK(!dma_fence_signal(fence), "signal: it had signalled");
		break;
	case 1:
		CHECK(!dma_fence_check_and_signal(fence), "check_and_signal: it had signalled");
		break;
	case 2:
		thing->timestamp = os_now_ns();
		CHECK(!dma_fence_signal_timestamp(fence, thing->timestamp), "it had signalled");
		CHECK(dma_fence_timestamp(fence) == thing->timestamp, "another timestamp");
		break;
	case 3:
		dma_fence_lock_irqsave(fence, flags);
		CHECK(!dma_fence_signal_locked(fence), "signal_locked: it had signalled");
		CHECK(dma_fence_is_signaled_locked(fence), "locked: is not signalled");
		CHECK(dma_fence_signal_locked(fence) == -EINVAL, "locked: signals twice");
		CHECK(dma_fence_check_and_signal_locked(fence), "locked: signals twice");
		dma_fence_unlock_irqrestore(fence, flags);
		break;
	}
	CHECK(dma_fence_signal(fence) == -EINVAL, "it signals twice");
	dma_fence_put(fence);
}

/* The work is done. Who notices depends on the kind. */
static void finish(struct thing *thing, int error, unsigned int how)
{
	struct known *known = known_of(thing);

	if (thing->done)
		return;
	thing->done = true;
	thing->error = error;
	if (known->released)
		known->signaled = true;
	else if (thing->kind == PLAIN || (thing->kind != ASKED && thing->enabled))
		signal_own(thing, how);
	else if (thing->kind != ENABLED)
		known->signaled = true;
}

/* A context ends its fences in order. */
static void finish_up_to(const struct thing *last, int error, unsigned int how)
{
	const unsigned int context = known_of(last)->context;

	for (struct thing *thing = things; thing <= last; thing++) {
		if (thing->kind < OWN_KINDS && known_of(thing)->context == context)
			finish(thing, thing == last ? error : 0, how);
	}
}

static int any_error(void)
{
	return below(3) ? 0 : -1 - (int)below(40);
}

static bool is_busy(const struct thing *thing)
{
	return thing->kind < OWN_KINDS && !thing->done;
}

static void step_finish(void)
{
	const struct thing *thing = choose(is_busy);
	const int error = any_error();
	const unsigned int how = below(4);

	if (!thing)
		return;
	TRACE("finish up to %u: %d", (unsigned int)(thing - things), error);
	finish_up_to(thing, error, how);
}

/*
 * References.
 */

/* All but the first, the global stub: one fence is always there. */
static bool is_held(const struct thing *thing)
{
	return thing->references > thing->pins && thing != things;
}

static void step_put(void)
{
	struct thing *thing = choose(is_held);

	if (!thing)
		return;
	TRACE("put %u", (unsigned int)(thing - things));
	put_thing(thing);
}

static void step_get(void)
{
	struct thing *thing = choose(NULL);
	struct dma_fence *fence;

	if (!thing)
		return;
	TRACE("get %u", (unsigned int)(thing - things));
	dmabuf_rcu_read_lock();
	CHECK(!strcmp(dma_fence_driver_name(thing->fence), "detached-driver") == thing->seen,
	      "driver_name");
	CHECK(!strcmp(dma_fence_timeline_name(thing->fence), "signaled-timeline") == thing->seen,
	      "timeline_name");
	fence = below(2) ? dma_fence_get_rcu_safe(&thing->fence) : dma_fence_get_rcu(thing->fence);
	dmabuf_rcu_read_unlock();
	CHECK(fence == thing->fence, "get_rcu: not that fence");
	got(thing);
}

/*
 * Asking them.
 */

/* The check after the step holds containers' errors against their members'. */
static void check_status(const struct thing *thing, bool done, int status)
{
	const int error = is_leaf(thing) ? thing->error : thing->fence->error;

	CHECK(status == (!done ? 0 : error ? error : 1), "status: %d", status);
}

static void step_status(void)
{
	struct thing *thing = choose(NULL);
	unsigned long flags;
	bool done;
	int status;

	if (!thing)
		return;
	TRACE("ask %u", (unsigned int)(thing - things));
	done = is_done(thing);
	switch (below(5)) {
	case 0:
		CHECK(dma_fence_is_signaled(thing->fence) == done, "is_signaled: %d", !done);
		break;
	case 1:
		dma_fence_lock_irqsave(thing->fence, flags);
		CHECK(dma_fence_is_signaled_locked(thing->fence) == done, "locked: %d", !done);
		dma_fence_unlock_irqrestore(thing->fence, flags);
		break;
	case 2:
		check_status(thing, done, dma_fence_get_status(thing->fence));
		break;
	case 3:
		dma_fence_lock_irqsave(thing->fence, flags);
		status = dma_fence_get_status_locked(thing->fence);
		dma_fence_unlock_irqrestore(thing->fence, flags);
		check_status(thing, done, status);
		break;
	case 4:
		CHECK(dma_fence_is_finite(thing->fence) == done, "is_finite: %d", !done);
		break;
	}
	CHECK(dma_fence_test_signaled_flag(thing->fence) == done, "asked, and not signalled");
}

static void step_wait(void)
{
	struct thing *thing = choose(NULL), *other = choose(NULL);
	const unsigned int how = below(3);
	struct dma_fence *both[2];
	uint32_t index = 7;
	int64_t left = 0;

	if (!thing)
		return;
	TRACE("wait for %u", (unsigned int)(thing - things));
	switch (how) {
	case 0:
		left = dma_fence_wait_timeout(thing->fence, true, 0);
		thing->enabled = true;
		break;
	case 1:
		left = dma_fence_default_wait(thing->fence, false, 0);
		break;
	case 2:
		both[0] = thing->fence;
		both[1] = other->fence;
		left = dma_fence_wait_any_timeout(both, 2, false, 0, &index);
		CHECK(index == (is_done(thing) ? 0 : is_done(other) ? 1 : 7), "wait_any: %u",
		      index);
		CHECK(left == (index != 7), "wait_any: %" PRId64, left);
		return;
	}
	CHECK(left == (how ? thing->seen : is_done(thing)), "wait %u: %" PRId64, how, left);
}

static void step_enable(void)
{
	struct thing *thing = choose(NULL);

	if (!thing)
		return;
	TRACE("enable %u", (unsigned int)(thing - things));
	dma_fence_enable_sw_signaling(thing->fence);
	if (is_container(thing))
		thing->enabled = true;
}

static void step_compare(void)
{
	struct thing *a = choose(is_leaf), *b = choose(is_leaf), *last;
	bool is_later;

	if (!a)
		return;
	CHECK(dma_fence_match_context(a->fence, a->fence->context), "not of its own context");
	CHECK(dma_fence_match_context(a->fence, b->fence->context) ==
	      (known_of(a)->context == known_of(b)->context), "match_context");
	if (known_of(a)->context != known_of(b)->context || a->kind == STUB)
		return;
	TRACE("compare %u, %u", (unsigned int)(a - things), (unsigned int)(b - things));
	is_later = known_of(a)->seqno > known_of(b)->seqno;
	CHECK(dma_fence_is_later(a->fence, b->fence) == is_later, "is_later: %d", !is_later);
	CHECK(dma_fence_is_later_or_same(a->fence, b->fence) == (is_later || a == b),
	      "is_later_or_same: %d", !is_later);
	last = is_later ? a : b;
	CHECK(dma_fence_later(a->fence, b->fence) == (is_done(last) ? NULL : last->fence),
	      "later: not the one that is left");
}

#endif
