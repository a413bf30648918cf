/* SPDX-License-Identifier: MIT */
/*
 * Random calls on two reservations, against a model that is nothing but lists.
 *
 * The model of a set is a list of (fence, category), oldest first. To add means: what
 * the new fence supersedes by Linux's rule leaves the list, and the fence goes to
 * its end. Nobody ever compacts the model, counts references in it, or waits. Each
 * answer of the library must be the model's, newest first.
 *
 * Where the library has a choice, the model knows it: fences that have signalled may
 * be gone or not, and what a superseded fence that was already dropped from the list
 * (a ghost) says may still be looked at by dma_resv_test_signaled().
 *
 * A failure names its seed. DMABUF_TEST_SEED=that runs it first, DMABUF_TEST_TRACE=1
 * says what it does.
 */
#include "harness.h"

#include <dmabuf/dma-resv.h>
#include <errno.h>
#include <signal.h>

#include "property-ask.h"

/*
 * Fences.
 */

static void forget(struct known *known)
{
	if (known->held)
		dma_fence_put(known->fence);
	known->held = false;
}

static struct known *new_fence(unsigned int context)
{
	struct known *known = &w.known[w.n_known++];
	const uint64_t seqno = w.next[context]++;

	*known = (struct known){ .context = context, .seqno = seqno, .lazy = one_in(4), .held = true };
	known->fence = mock_init(known->lazy ? &mock_lazy_ops : &mock_ops, w.context[context], seqno,
				 &known->released);
	return known;
}

/* One that is about already, also one that was overtaken, or NULL. */
static struct known *old_fence(void)
{
	struct known *known;

	if (!w.n_known)
		return NULL;
	known = &w.known[below(w.n_known)];
	return known->released ? NULL : known;
}

static struct known *any_fence(void)
{
	struct known *known = one_in(4) ? old_fence() : NULL;

	if (known)
		return known;
	if (w.n_known + 2 > MAX_FENCES)
		FAIL("too many fences");
	known = new_fence(below(w.contexts));
	/* Its successor comes first, now and then. */
	return one_in(4) ? new_fence(known->context) : known;
}

/* All of @context up to @last, in order. */
static void signal_up_to(unsigned int context, uint64_t last)
{
	for (unsigned int i = 0; i < w.n_known; i++) {
		struct known *known = &w.known[i];

		if (known->context != context || known->seqno > last || known->signaled)
			continue;
		known->signaled = true;
		if (known->released)
			continue;
		if (known->lazy) {
			store_release(&to_mock(known->fence)->done, 1);
		} else {
			dma_fence_get(known->fence);
			dma_fence_signal(known->fence);
			dma_fence_put(known->fence);
		}
	}
}

static void step_signal(void)
{
	const struct known *known = w.n_known ? &w.known[below(w.n_known)] : NULL;

	if (!known)
		return;
	TRACE("signal %u:%" PRIu64, known->context, known->seqno);
	signal_up_to(known->context, known->seqno);
}

/*
 * Editing.
 */

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
		CHECK(!dma_resv_lock(&side->obj, NULL), "lock");
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

/*
 * Sequences.
 */

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
	for (unsigned int i = 0; i < MAX_SNAPS; i++) {
		if (w.snap[i].there && one_in(4))
			check_seen(&w.snap[i], any_usage());
	}
}

static void step(void)
{
	struct side *side = &w.side[below(SIDES)];

	if (below(16) < w.signal_weight)
		step_signal();
	if (one_in(3))
		step_ask(side);
	if (one_in(6))
		step_snapshot(side);
	if (one_in(side->locked ? 12 : 2))
		step_lock(side);
	if (!side->locked)
		return;
	if (one_in(7))
		step_commit(side);
	else if (one_in(12))
		step_walk(side);
	else
		edit(side);
}

static void begin(void)
{
	w.contexts = 1 + below(MAX_CONTEXTS);
	w.signal_weight = below(9);
	w.n_known = 0;
	for (unsigned int i = 0; i < w.contexts; i++) {
		w.context[i] = dma_fence_context_alloc(1);
		w.next[i] = one_in(4) ? UINT32_MAX - below(20) : 1; /* wraps, or not */
	}
	for (unsigned int i = 0; i < SIDES; i++) {
		memset(&w.side[i], 0, sizeof(w.side[i]));
		dma_resv_init(&w.side[i].obj);
	}
}

/* Once all is signalled and pruned, nobody but the test holds a fence. */
static void end(void)
{
	for (unsigned int i = 0; i < MAX_SNAPS; i++) {
		if (w.snap[i].there)
			put(&w.snap[i]);
	}
	for (unsigned int i = 0; i < w.contexts; i++)
		signal_up_to(i, UINT64_MAX);
	for (unsigned int i = 0; i < SIDES; i++) {
		struct side *side = &w.side[i];

		if (side->locked)
			step_lock(side);
		step_lock(side);
		dma_resv_prune_fences(&side->obj);
		step_lock(side);
		CHECK(!dma_resv_get_snapshot(&side->obj, &w.snap[0].snap), "left after a prune");
	}
	for (unsigned int i = 0; i < w.n_known; i++) {
		forget(&w.known[i]);
		CHECK(w.known[i].released, "a fence lives on: %u:%" PRIu64, w.known[i].context,
		      w.known[i].seqno);
	}
	for (unsigned int i = 0; i < SIDES; i++)
		dma_resv_fini(&w.side[i].obj);
}

static void sequence(uint32_t seed)
{
	unsigned int steps;

	w.seed = seed;
	w.chance = seed * 2654435761u | 1;
	for (unsigned int i = 0; i < 4; i++)
		test_random(&w.chance);
	begin();
	steps = 4 + below(MAX_STEPS);
	for (w.step = 0; w.step < steps; w.step++) {
		step();
		check_lives();
	}
	end();
}

TEST(a_reservation_answers_like_its_model)
{
	const unsigned int sequences = test_rounds(4000);

	memset(&w, 0, sizeof(w));
	w.trace = getenv("DMABUF_TEST_TRACE");
	signal(SIGABRT, aborted);
	signal(SIGSEGV, aborted);
	sem_init(&w.other.go, 0, 0);
	sem_init(&w.other.done, 0, 0);
	w.other.thread = test_thread_start(serve, NULL);
	for (unsigned int i = 0; i < sequences; i++)
		sequence(test_seed() + i);
	w.other.func = NULL;
	sem_post(&w.other.go);
	test_thread_join(w.other.thread);
	sem_destroy(&w.other.go);
	sem_destroy(&w.other.done);
}
