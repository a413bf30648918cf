/* SPDX-License-Identifier: MIT */
/* The fuzz target's reservations: the property test's model, steps and questions. */
#ifndef RESERVATIONS_H
#define RESERVATIONS_H

#include "containers.h"

#include "resv/set.h"

static struct known *any_fence(void)
{
	struct thing *thing = below(4) ? NULL : choose(is_leaf);

	if (!thing && has_room())
		thing = any_own();
	return known_of(thing ? thing : choose(is_leaf));
}

static void forget(struct known *known)
{
	if (is_held(thing_of(known)))
		put_thing(thing_of(known));
}

static struct side *any_side(void)
{
	return &w.side[below(SIDES)];
}

static void step_side_lock(void)
{
	step_lock(any_side());
}

/* Most programs would forget to lock first. */
static struct side *any_locked_side(void)
{
	struct side *side = any_side();

	if (!side->locked)
		step_lock(side);
	return side;
}

static void step_side_commit(void)
{
	step_commit(any_locked_side());
}

static void step_side_reserve(void)
{
	step_reserve(any_locked_side());
}

static void step_side_add(void)
{
	struct side *side = any_locked_side();

	if (!side->reserved)
		step_reserve(side);
	step_add(side);
}

static void step_side_set(void)
{
	struct side *side = any_locked_side();

	if (!side->reserved)
		step_reserve(side);
	step_set(side);
}

static void step_side_replace(void)
{
	step_replace(any_locked_side());
}

static void step_side_copy(void)
{
	step_copy(any_locked_side());
}

static void step_side_prune(void)
{
	step_prune(any_locked_side());
}

static void step_side_walk(void)
{
	step_walk(any_locked_side());
}

static void step_side_ask(void)
{
	struct question q = { .side = any_side() };

	q.view = &q.side->staged;
	q.usage = any_usage();
	q.kind = below(7);
	q.fault = one_in(4);
	TRACE("ask %u of %u", q.kind, (unsigned int)(q.side - w.side));
	ask(&q);
}

static void step_side_snapshot(void)
{
	struct snap *snap = &w.snap[below(MAX_SNAPS)];
	struct side *side = any_side();

	if (snap->there) {
		TRACE("put snapshot %u", (unsigned int)(snap - w.snap));
		put(snap);
	} else {
		TRACE("take snapshot %u of %u", (unsigned int)(snap - w.snap),
		      (unsigned int)(side - w.side));
		take(snap, side, &side->staged);
	}
}

static void step_side_deadline(void)
{
	struct side *side = any_side();
	const enum dma_resv_usage usage = any_usage();
	const int64_t deadline = below(256);
	static struct list expected;

	TRACE("deadline %" PRId64 " for %u", deadline, (unsigned int)(side - w.side));
	model_ask(&side->staged, usage, &expected);
	dma_resv_set_deadline(&side->obj, usage, deadline);
	for (unsigned int i = 0; i < expected.n; i++)
		check_deadline(thing_of(expected.at[i].known), deadline);
}

/* What a thread without the lock sees. */
static void check_committed(struct side *side)
{
	const struct question q = { side, &side->committed, BOOKKEEP, 0, 0 };
	struct dma_resv_snapshot_cursor cursor;
	struct dma_resv_snapshot snap;
	static struct answer a;
	struct dma_fence *fence;

	begin_answer(&a, &q, "seen without the lock");
	a.lax = true;
	set_get_committed(&side->obj.fences, &snap);
	dma_resv_snapshot_for_each(fence, &cursor, &snap, BOOKKEEP)
		answered(&a, fence, cursor.fence_usage);
	answered_all(&a);
	dma_resv_put_snapshot(&snap);
}

/* Without asking any fence, so that the lazy ones stay lazy. */
static void check_sides(void)
{
	static struct snap snap;

	check_lives();
	for (unsigned int i = 0; i < SIDES; i++) {
		struct side *side = &w.side[i];
		const struct question q = { side, &side->staged, BOOKKEEP, 0, 0 };

		CHECK(dma_resv_held(&side->obj) == side->locked, "held");
		CHECK(dma_resv_is_locked(&side->obj) == side->locked, "is_locked");
		check_committed(side);
		if (side->locked) {
			ask_locked(&q);
		} else {
			take(&snap, side, &side->staged);
			put(&snap);
		}
	}
	for (unsigned int i = 0; i < MAX_SNAPS; i++) {
		if (w.snap[i].there)
			check_seen(&w.snap[i], BOOKKEEP);
	}
}

static void begin_sides(void)
{
	for (unsigned int i = 0; i < SIDES; i++) {
		w.side[i].staged.fences.n = w.side[i].staged.ghosts.n = 0;
		w.side[i].committed.fences.n = w.side[i].committed.ghosts.n = 0;
		w.side[i].locked = false;
		w.side[i].reserved = 0;
		dma_resv_init(&w.side[i].obj);
	}
}

/* All fences have signalled. */
static void end_sides(void)
{
	for (unsigned int i = 0; i < MAX_SNAPS; i++) {
		if (w.snap[i].there)
			put(&w.snap[i]);
	}
	for (unsigned int i = 0; i < SIDES; i++) {
		struct side *side = &w.side[i];

		if (!side->locked)
			step_lock(side);
		dma_resv_prune_fences(&side->obj);
		step_lock(side);
		CHECK(!dma_resv_get_snapshot(&side->obj, &w.snap[0].snap), "left after a prune");
	}
}

#endif
