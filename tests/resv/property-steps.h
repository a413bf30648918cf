/* SPDX-License-Identifier: MIT */
/*
 * Changes to a reservation, made to the library and to the model. Who includes it has
 * the fences: any_fence() and forget().
 */
#ifndef PROPERTY_STEPS_H
#define PROPERTY_STEPS_H

#include <errno.h>

#include "property-ask.h"

/* One to add, with at least a reference of somebody's. */
static struct known *any_fence(void);

/* Drop the test's own reference, if it has one. */
static void forget(struct known *known);

static void copy_list(struct list *to, const struct list *from)
{
	to->n = from->n;
	memcpy(to->at, from->at, from->n * sizeof(from->at[0]));
}

static void commit(struct side *side)
{
	copy_list(&side->committed.fences, &side->staged.fences);
	copy_list(&side->committed.ghosts, &side->staged.ghosts);
}

static void step_lock(struct side *side)
{
	TRACE("%s %u", side->locked ? "unlock" : "lock", (unsigned int)(side - w.side));
	os_fault_arm(1);
	if (side->locked) {
		dma_resv_unlock(&side->obj);
		commit(side);
		side->reserved = 0;
	} else {
		CHECK(dma_resv_trylock(&side->obj), "lock"); /* perhaps beside the other's */
	}
	CHECK(!os_fault_disarm(), "lock or unlock may fail");
	side->locked = !side->locked;
}

static void step_commit(struct side *side)
{
	TRACE("commit %u", (unsigned int)(side - w.side));
	os_fault_arm(1);
	dma_resv_commit(&side->obj);
	CHECK(!os_fault_disarm(), "commit may fail");
	commit(side);
}

/* Some calls meet a shortage of memory. */
static void arm(void)
{
	os_fault_arm(one_in(6));
}

static void step_reserve(struct side *side)
{
	const unsigned int n = 1 + below(one_in(8) ? 40 : 6);
	int err;

	arm();
	err = dma_resv_reserve_fences(&side->obj, n);
	TRACE("reserve %u of %u: %d", n, (unsigned int)(side - w.side), err);
	CHECK(err == (os_fault_disarm() ? -ENOMEM : 0), "reserve: %d", err);
	if (!err && side->reserved < n)
		side->reserved = n;
}

/* The test may let go of its own reference: the reservation must have one. */
static void maybe_forget(struct known *known)
{
	if (one_in(2))
		forget(known);
}

static void step_add(struct side *side)
{
	const enum dma_resv_usage usage = any_usage();
	struct known *known;

	if (!side->reserved)
		return;
	known = any_fence();
	TRACE("add %u:%" PRIu64 "/%u%s to %u", known->context, known->seqno, (unsigned int)usage,
	      known->lazy ? " lazy" : "", (unsigned int)(side - w.side));
	os_fault_arm(1);
	dma_resv_add_fence(&side->obj, known->fence, usage);
	CHECK(!os_fault_disarm(), "add may fail");
	model_add(&side->staged, known, usage);
	side->reserved--;
	maybe_forget(known);
}

static void step_set(struct side *side)
{
	const enum dma_resv_usage usage = any_usage();
	struct known *known;

	if (!side->reserved)
		return;
	known = one_in(3) ? NULL : any_fence();
	TRACE("set %u:%" PRIu64 "/%u in %u", known ? known->context : 99, known ? known->seqno : 0,
	      (unsigned int)usage, (unsigned int)(side - w.side));
	os_fault_arm(1);
	dma_resv_fences_set(&side->obj, &side->obj.fences, known ? known->fence : NULL, usage);
	CHECK(!os_fault_disarm(), "set may fail");
	model_set(&side->staged, known, usage);
	side->reserved--;
	if (known)
		maybe_forget(known);
}

static void step_replace(struct side *side)
{
	const enum dma_resv_usage usage = any_usage();
	const unsigned int context = below(w.contexts);
	bool busy = false, there = false;
	struct known *known;
	int err;

	for (unsigned int i = 0; i < side->staged.fences.n; i++) {
		const struct known *old = side->staged.fences.at[i].known;

		there |= old->context == context;
		busy |= old->context == context && !old->signaled;
	}
	/* All of the context have signalled: they may be gone, or be replaced. */
	if (there && !busy)
		return;
	known = any_fence();
	arm();
	err = dma_resv_replace_fences(&side->obj, w.context[context], known->fence, usage);
	TRACE("replace %u by %u:%" PRIu64 "/%u in %u: %d", context, known->context, known->seqno,
	      (unsigned int)usage, (unsigned int)(side - w.side), err);
	CHECK(err == (os_fault_disarm() ? -ENOMEM : 0), "replace: %d", err);
	if (!err && busy)
		model_replace(&side->staged, context, known, usage);
	maybe_forget(known);
}

static void step_copy(struct side *side)
{
	struct side *src = &w.side[below(SIDES)];
	int err;

	arm();
	err = dma_resv_copy_fences(&side->obj, &src->obj);
	TRACE("copy %u to %u: %d", (unsigned int)(src - w.side), (unsigned int)(side - w.side), err);
	CHECK(err == (os_fault_disarm() ? -ENOMEM : 0), "copy: %d", err);
	if (err)
		return;
	if (src != side)
		copy_list(&side->staged.fences, &src->staged.fences);
	side->staged.ghosts.n = 0;
}

static void step_prune(struct side *side)
{
	TRACE("prune %u", (unsigned int)(side - w.side));
	arm();
	dma_resv_prune_fences(&side->obj);
	os_fault_disarm();
}

static void edit(struct side *side)
{
	switch (below(21)) {
	case 0 ... 4:
		step_reserve(side);
		break;
	case 5 ... 16:
		step_add(side);
		break;
	case 17:
		step_set(side);
		break;
	case 18:
		step_replace(side);
		break;
	case 19:
		step_copy(side);
		break;
	case 20:
		step_prune(side);
		break;
	}
}

/* The set of its beginning is walked, whatever is staged meanwhile. */
static void step_walk(struct side *side)
{
	const struct question q = { .side = side, .view = &side->staged, .usage = any_usage() };
	static struct answer a;
	static struct view view;
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	TRACE("walk %u", (unsigned int)(side - w.side));
	begin_answer(&a, &q, "walk with edits");
	copy_list(&view.fences, &side->staged.fences);
	a.view = &view;
	a.lax = true;
	dma_resv_for_each_fence(&cursor, &side->obj, q.usage, fence) {
		answered(&a, fence, dma_resv_iter_usage(&cursor));
		while (one_in(2))
			edit(side);
	}
	answered_all(&a);
}

/* What anybody may still come across must be alive. */
static void check_lives(void)
{
	for (unsigned int i = 0; i < SIDES; i++) {
		const struct list *lists[] = { &w.side[i].staged.fences, &w.side[i].committed.fences };

		for (unsigned int j = 0; j < 2; j++) {
			for (unsigned int k = 0; k < lists[j]->n; k++) {
				const struct known *known = lists[j]->at[k].known;

				CHECK(known->signaled || !known->released, "a fence died: %u:%" PRIu64,
				      known->context, known->seqno);
			}
		}
	}
}

#endif
