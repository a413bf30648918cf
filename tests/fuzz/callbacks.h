/* SPDX-License-Identifier: MIT */
/* The fuzz target's timelines, and its callbacks, which do what callbacks may do. */
#ifndef CALLBACKS_H
#define CALLBACKS_H

#include "fences.h"

/*
 * Timelines.
 */

static struct {
	struct dma_fence_timeline *tl; /* NULL: destroyed */
	uint64_t emitted, signaled;
	bool signaling;
	bool ending;
} timelines[TIMELINES];

static void emit(unsigned int i, bool may_fail)
{
	struct dma_fence *fence;
	struct thing *thing;

	if (!timelines[i].tl || !has_room())
		return;
	if (may_fail)
		arm();
	fence = dma_fence_timeline_emit(timelines[i].tl);
	CHECK(!fence == ((may_fail && os_fault_disarm()) || timelines[i].ending), "emit");
	TRACE("%u = %s point of %u", w.n_known, fence ? "a" : "no", i);
	if (!fence)
		return;
	thing = new_thing(POINT, OWN_CONTEXTS + i, ++timelines[i].emitted);
	set_fence(thing, fence);
	CHECK(fence->seqno == timelines[i].emitted, "emit: another number");
	CHECK(fence->context == w.context[OWN_CONTEXTS + i], "emit: another context");
}

static void step_emit(void)
{
	emit(below(TIMELINES), true);
}

/* The points that are left up to @seqno; @error is for the last, or for @all. */
static void end_points(unsigned int i, uint64_t seqno, int error, bool all)
{
	for (unsigned int j = 0; j < w.n_known; j++) {
		struct known *known = &w.known[j];

		if (things[j].kind != POINT || known->context != OWN_CONTEXTS + i ||
		    known->seqno > seqno || known->signaled)
			continue;
		known->signaled = true;
		things[j].error = all || known->seqno == seqno ? error : 0;
	}
	timelines[i].signaled = seqno;
}

static void signal_timeline(unsigned int i, uint64_t seqno, int error)
{
	int expected = 0;

	if (!timelines[i].tl || timelines[i].signaling)
		return;
	if (error > 0)
		expected = -EINVAL;
	else if (seqno <= timelines[i].signaled || seqno > timelines[i].emitted)
		expected = -ERANGE;
	else
		end_points(i, seqno, error, false);
	TRACE("signal timeline %u up to %" PRIu64 ": %d", i, seqno, error);
	timelines[i].signaling = true;
	error = dma_fence_timeline_signal(timelines[i].tl, seqno, error);
	timelines[i].signaling = false;
	CHECK(error == expected, "timeline_signal: %d, not %d", error, expected);
}

static void step_timeline(void)
{
	const unsigned int i = below(TIMELINES);
	const uint64_t seqno = timelines[i].signaled + below(8);
	const int error = any_error();

	signal_timeline(i, seqno, below(16) ? error : -error);
}

static void step_fail(void)
{
	const unsigned int i = below(TIMELINES);
	const int error = any_error();

	if (!timelines[i].tl)
		return;
	TRACE("fail timeline %u: %d", i, error);
	if (error)
		end_points(i, timelines[i].emitted, error, true);
	timelines[i].signaling = true;
	CHECK(dma_fence_timeline_fail(timelines[i].tl, error) == (error ? 0 : -EINVAL), "fail");
	timelines[i].signaling = false;
}

static void destroy_timeline(unsigned int i)
{
	TRACE("destroy timeline %u", i);
	end_points(i, timelines[i].emitted, -ECANCELED, true);
	timelines[i].signaling = true;
	timelines[i].ending = true;
	dma_fence_timeline_destroy(timelines[i].tl);
	timelines[i].tl = NULL;
	timelines[i].signaling = false;
}

static void step_destroy(void)
{
	const unsigned int i = below(4 * TIMELINES);

	if (i < TIMELINES && timelines[i].tl)
		destroy_timeline(i);
}

static void begin_timelines(void)
{
	for (unsigned int i = 0; i < TIMELINES; i++) {
		struct dma_fence_timeline *tl = dma_fence_timeline_create("fuzz");
		struct dma_fence *fence;

		CHECK(tl, "no timeline");
		timelines[i].tl = tl;
		timelines[i].emitted = timelines[i].signaled = 0;
		timelines[i].signaling = timelines[i].ending = false;
		/* The first point says what its context is. */
		fence = dma_fence_timeline_emit(tl);
		CHECK(fence && !dma_fence_timeline_signal(tl, 1, 0), "no first point");
		w.context[OWN_CONTEXTS + i] = fence->context;
		timelines[i].emitted = timelines[i].signaled = 1;
		dma_fence_put(fence);
	}
}

/*
 * Callbacks.
 */

#define MAX_REGISTRATIONS 32

enum action { NOTHING, FREE, PUT, FINISH, EMIT, SIGNAL, ACTIONS };

/* Its own memory, so that it can be gone as soon as the contract allows. */
struct room {
	struct dma_fence_cb cb;
	unsigned int number;
};

/* Each holds a reference on its fence until it was called. */
static struct {
	struct room *room; /* NULL: freed */
	struct thing *thing;
	enum action action;
	struct thing *target; /* for FINISH */
	bool registered, called;
} registrations[MAX_REGISTRATIONS];

static unsigned int n_registrations;

/* It will be called. */
static bool is_waiting(unsigned int i)
{
	return registrations[i].registered && !registrations[i].called;
}

/* Under no lock that @thing could need: its context has none of its own. */
static bool is_free_to_finish(const struct thing *thing)
{
	return thing->kind < OWN_KINDS && !contexts[known_of(thing)->context].lock;
}

/* Let go of the reference, and of the memory. */
static void unpin(unsigned int i)
{
	struct thing *thing = registrations[i].thing;

	free(registrations[i].room);
	registrations[i].room = NULL;
	registrations[i].thing = NULL;
	thing->pins--;
	put_thing(thing);
}

static void called(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct room *room = container_of(cb, struct room, cb);
	const unsigned int i = room->number;
	struct thing *thing = registrations[i].thing;

	CHECK(registrations[i].room == room, "called with another room");
	CHECK(registrations[i].registered, "called without reason");
	CHECK(thing->fence == fence, "called for another fence");
	CHECK(!registrations[i].called, "called twice");
	CHECK(i + 1 > thing->ran, "called in another order than registered");
	CHECK(dma_fence_test_signaled_flag(fence), "called before it has signalled");
	dma_fence_timestamp(fence);
	thing->ran = i + 1;
	registrations[i].called = true;
	TRACE("called %u for %u", i, (unsigned int)(thing - things));
	if (registrations[i].action != NOTHING) {
		registrations[i].room = NULL;
		free(room);
	}
	switch (registrations[i].action) {
	case PUT:
		unpin(i);
		break;
	case FINISH:
		finish_up_to(registrations[i].target, 0, 0);
		break;
	case EMIT:
		if (program.may_allocate)
			emit(0, false);
		break;
	case SIGNAL: /* never a circle: from 0 to 1 only */
		if (!timelines[1].signaling)
			signal_timeline(1, timelines[1].emitted, 0);
		break;
	default:
		break;
	}
}

static void step_register(void)
{
	struct thing *thing = choose(NULL);
	const unsigned int i = n_registrations;
	enum action action = (enum action)below(ACTIONS);
	struct thing *target = action == FINISH ? choose(is_free_to_finish) : NULL;
	bool tells, seen;
	int err;

	if (!thing || i == MAX_REGISTRATIONS)
		return;
	if ((action == FINISH && !target) || (action == SIGNAL && !is_own(thing)))
		action = FREE;
	n_registrations++;
	registrations[i].room = malloc(sizeof(struct room));
	if (!registrations[i].room)
		abort();
	registrations[i].room->number = i;
	registrations[i].thing = thing;
	registrations[i].action = action;
	registrations[i].target = target;
	registrations[i].called = false;
	registrations[i].registered = true;
	dma_fence_get(thing->fence);
	got(thing)->pins++;
	seen = thing->seen;
	tells = is_own(thing) && thing->done && thing->kind != ASKED;
	err = dma_fence_add_callback(thing->fence, &registrations[i].room->cb, called);
	registrations[i].registered = !err;
	if (is_container(thing))
		thing->enabled = true;
	TRACE("register %u with %u, action %u: %d", i, (unsigned int)(thing - things), action, err);
	if (is_own(thing))
		CHECK(err == (seen || tells ? -ENOENT : 0), "add_callback: %d", err);
	seen = dma_fence_test_signaled_flag(thing->fence);
	CHECK(err == (seen ? -ENOENT : 0), "add_callback: %d", err);
	CHECK(!registrations[i].called, "called by add_callback");
}

/* After a call that did not register, too. */
static void step_unregister(void)
{
	const unsigned int i = n_registrations ? n_registrations - 1 - below(n_registrations) : 0;
	bool expected, removed;

	if (!n_registrations || !registrations[i].room)
		return;
	expected = is_waiting(i);
	TRACE("unregister %u", i);
	removed = dma_fence_remove_callback(registrations[i].thing->fence,
					    &registrations[i].room->cb);
	CHECK(removed == expected, "remove_callback: %d", removed);
	registrations[i].registered = false;
}

/* No callback runs now: what was called, or never will be, needs nothing any more. */
static void settle_registrations(void)
{
	for (unsigned int i = 0; i < n_registrations; i++) {
		if (!registrations[i].thing || is_waiting(i))
			continue;
		/* Kept for a while: it may be unregistered. */
		if (registrations[i].room && i + 4 >= n_registrations)
			continue;
		unpin(i);
	}
}

static void check_registrations(void)
{
	for (unsigned int i = 0; i < n_registrations; i++) {
		if (registrations[i].thing && is_waiting(i))
			CHECK(!dma_fence_test_signaled_flag(registrations[i].thing->fence),
			      "callback %u is not called", i);
	}
}

/* All have signalled. */
static void end_registrations(void)
{
	for (unsigned int i = 0; i < n_registrations; i++) {
		if (!registrations[i].thing)
			continue;
		if (is_waiting(i))
			dma_fence_remove_callback(registrations[i].thing->fence,
						  &registrations[i].room->cb);
		unpin(i);
	}
	n_registrations = 0;
}

#endif
