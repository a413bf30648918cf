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
#include <semaphore.h>
#include <signal.h>

#include "mock.h"
#include "property-steps.h"

static unsigned int below(unsigned int n)
{
	return test_random(&w.chance) % n;
}

/* The library aborts: say where. */
static void aborted(int number)
{
	signal(number, SIG_DFL);
	print_world();
	raise(number);
}

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
 * The other thread, which holds no lock: it asks what others see.
 */

static struct other {
	struct test_thread *thread;
	sem_t go, done;
	void (*func)(void *arg);
	void *arg;
} other;

static void on_other(void (*func)(void *arg), void *arg)
{
	other.func = func;
	other.arg = arg;
	sem_post(&other.go);
	sem_wait(&other.done);
}

static void serve(void *unused)
{
	(void)unused;
	for (;;) {
		sem_wait(&other.go);
		if (!other.func)
			return;
		other.func(other.arg);
		sem_post(&other.done);
	}
}

static void step_ask(struct side *side)
{
	struct question q = { .side = side, .view = &side->staged };

	/* One after the other: what a seed means must not depend on the compiler. */
	q.usage = any_usage();
	q.kind = below(7);
	q.fault = one_in(8);

	TRACE("ask %u of %u", q.kind, (unsigned int)(side - w.side));
	ask(&q);
	q.view = &side->committed;
	if (one_in(4))
		on_other(ask, &q);
}

struct taking {
	struct snap *snap;
	struct side *side;
};

static void take_committed(void *arg)
{
	const struct taking *taking = arg;

	take(taking->snap, taking->side, &taking->side->committed);
}

static void step_snapshot(struct side *side)
{
	struct snap *snap = &w.snap[below(MAX_SNAPS)];
	struct taking taking = { snap, side };

	if (snap->there) {
		TRACE("put snapshot %u", (unsigned int)(snap - w.snap));
		check_seen(snap, any_usage());
		if (one_in(2))
			put(snap);
		else
			on_other(put, snap);
		return;
	}
	TRACE("take snapshot %u of %u", (unsigned int)(snap - w.snap),
	      (unsigned int)(side - w.side));
	if (one_in(3))
		on_other(take_committed, &taking);
	else
		take(snap, side, &side->staged);
}

/*
 * Sequences.
 */

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
		test_operation();
		check_lives();
		for (unsigned int i = 0; i < MAX_SNAPS; i++) {
			if (w.snap[i].there && one_in(4))
				check_seen(&w.snap[i], any_usage());
		}
	}
	end();
}

TORTURE(a_reservation_answers_like_its_model)
{
	const unsigned int sequences = test_rounds(4000);

	memset(&w, 0, sizeof(w));
	w.trace = getenv("DMABUF_TEST_TRACE");
	signal(SIGABRT, aborted);
	signal(SIGSEGV, aborted);
	sem_init(&other.go, 0, 0);
	sem_init(&other.done, 0, 0);
	other.thread = test_thread_start(serve, NULL);
	for (unsigned int i = 0; i < sequences; i++)
		sequence(test_seed() + i);
	other.func = NULL;
	sem_post(&other.go);
	test_thread_join(other.thread);
	sem_destroy(&other.go);
	sem_destroy(&other.done);
}
