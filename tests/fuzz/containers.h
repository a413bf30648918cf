/* SPDX-License-Identifier: MIT */
/* The fuzz target's arrays and chains, and what is taken out of them. */
#ifndef CONTAINERS_H
#define CONTAINERS_H

#include <dmabuf/dma-fence-unwrap.h>

#include "fences.h"

#define MAX_LEAVES 256

/*
 * Arrays.
 */

static unsigned int choose_members(struct thing **members, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		members[i] = choose(is_leaf);
		if (!members[i])
			return 0;
	}
	return n;
}

static struct dma_fence *make_array(struct thing **members, unsigned int n, uint64_t context,
				    bool any)
{
	struct dma_fence **table = calloc(n, sizeof(struct dma_fence *));
	struct dma_fence_array *array;
	const bool in_steps = below(2);

	if (!table)
		abort();
	for (unsigned int i = 0; i < n; i++)
		table[i] = dma_fence_get(members[i]->fence);
	arm();
	array = in_steps ? dma_fence_array_alloc((int)n + 1)
			 : dma_fence_array_create((int)n, table, context, 7, any);
	CHECK(os_fault_disarm() == !array, "array: no memory");
	if (array && in_steps)
		dma_fence_array_init(array, (int)n, table, context, 7, any);
	if (array) {
		CHECK(dma_fence_array_max_fences(array) == n + in_steps, "another capacity");
		return &array->base;
	}
	for (unsigned int i = 0; i < n; i++)
		dma_fence_put(table[i]);
	free(table);
	return NULL;
}

static struct thing *new_array(struct dma_fence *fence, struct thing *const *members,
			       unsigned int n, bool any)
{
	struct thing *thing = new_thing(any ? ANY : ALL, MAX_CONTEXTS, fence->seqno);

	set_fence(thing, fence);
	memcpy(thing->members, members, n * sizeof(struct thing *));
	thing->n_members = n;
	return thing;
}

static void step_array(void)
{
	const unsigned int n = 1 + below(MAX_MEMBERS);
	const bool any = below(2);
	struct thing *members[MAX_MEMBERS];
	struct dma_fence *fence;

	if (!has_room() || !choose_members(members, n))
		return;
	fence = make_array(members, n, dma_fence_context_alloc(1), any);
	TRACE("%u = %s array of %u, %s", w.n_known, fence ? "an" : "no", n, any ? "any" : "all");
	if (fence)
		new_array(fence, members, n, any);
}

static bool is_array(const struct thing *thing)
{
	return thing->references == 1 && !thing->pins && (thing->kind == ALL || thing->kind == ANY);
}

static void step_recycle(void)
{
	struct thing *thing = choose(is_array);

	if (!thing)
		return;
	TRACE("recycle %u", (unsigned int)(thing - things));
	drop_guards();
	known_of(thing)->held = --thing->references;
	if (dma_fence_array_recycle(to_dma_fence_array(thing->fence)))
		dma_fence_array_free(to_dma_fence_array(thing->fence));
}

/*
 * Chains.
 */

static bool is_link(const struct thing *thing)
{
	return thing->kind == LINK;
}

static bool is_no_link(const struct thing *thing)
{
	return thing->kind != LINK;
}

/* What came before it, if that is a timeline that the number goes on with. */
static void number_link(struct thing *thing, uint64_t wanted)
{
	const struct thing *prev = thing->prev;
	const struct dma_fence *fence = thing->fence;
	uint64_t before;

	if (!prev || prev->kind != LINK) {
		CHECK(fence->seqno == wanted, "link: another number");
		return;
	}
	before = prev->fence->seqno;
	CHECK(fence->seqno == (wanted > before ? wanted : before), "link: another number");
	CHECK((fence->context == prev->fence->context) == (wanted > before),
	      "link: another timeline");
	thing->prev_seqno = wanted > before ? before : 0;
}

static void step_link(void)
{
	const unsigned int what = below(8);
	struct thing *prev = what < 6 ? choose(is_link) : what == 6 ? choose(NULL) : NULL;
	struct thing *own = choose(is_no_link), *thing;
	const uint64_t base = prev && prev->kind == LINK ? prev->fence->seqno : 2;
	const uint64_t seqno = base + below(6) - 1;
	struct dma_fence_chain *chain;

	if (!has_room() || !own)
		return;
	arm();
	chain = dma_fence_chain_alloc();
	CHECK(os_fault_disarm() == !chain, "link: no memory");
	if (!chain)
		return;
	if (what == 5) {
		dma_fence_chain_free(chain);
		return;
	}
	TRACE("%u = link %" PRIu64 " after %d of %u", w.n_known, seqno,
	      prev ? (int)(prev - things) : -1, (unsigned int)(own - things));
	dma_fence_chain_init(chain, prev ? dma_fence_get(prev->fence) : NULL,
			     dma_fence_get(own->fence), seqno);
	thing = new_thing(LINK, MAX_CONTEXTS, seqno);
	set_fence(thing, &chain->base);
	thing->members[0] = own;
	thing->n_members = 1;
	thing->prev = prev;
	number_link(thing, seqno);
	CHECK(dma_fence_chain_contained(thing->fence) == own->fence, "contained: another fence");
}

/* Where a walk from @head goes: to what has not signalled by itself. */
static unsigned int walk_of(struct thing *head, struct thing **visited)
{
	unsigned int n = 0;

	for (struct thing *thing = head; thing; thing = thing->prev) {
		const struct thing *own = thing->kind == LINK ? thing->members[0] : thing;

		if (thing == head || !is_done(own))
			visited[n++] = thing;
	}
	return n;
}

static void step_walk_chain(void)
{
	struct thing *head = choose(is_link), *visited[MAX_THINGS];
	unsigned int n, i = 0;
	struct dma_fence *fence;

	if (!head)
		return;
	TRACE("walk %u", (unsigned int)(head - things));
	n = walk_of(head, visited);
	dma_fence_chain_for_each(fence, head->fence) {
		CHECK(i < n && visited[i]->fence == fence, "walk: a wrong link");
		if (i++ == 7) {
			dma_fence_put(fence);
			return;
		}
	}
	CHECK(i == n, "walk: %u links, not %u", i, n);
}

/* Not yet consumed: @fence is the head's, with a reference. */
static void check_found(const struct thing *expected, int err, int expected_err,
			struct dma_fence *fence)
{
	CHECK(err == expected_err, "find_seqno: %d", err);
	CHECK(fence == (expected ? expected->fence : NULL), "find_seqno: a wrong link");
	dma_fence_put(fence);
}

static void step_find(void)
{
	struct thing *head = choose(NULL), *visited[MAX_THINGS];
	struct dma_fence *fence;
	uint64_t seqno;
	unsigned int n, i;
	int err;

	if (!head)
		return;
	seqno = head->fence->seqno + 2 - below(16);
	if (head->fence->seqno + 2 < 16 && seqno > head->fence->seqno + 2)
		seqno = 0;
	TRACE("find %" PRIu64 " from %u", seqno, (unsigned int)(head - things));
	n = walk_of(head, visited);
	fence = dma_fence_get(head->fence);
	err = dma_fence_chain_find_seqno(&fence, seqno);
	if (!seqno || head->kind != LINK || head->fence->seqno < seqno) {
		check_found(head, err, seqno ? -EINVAL : 0, fence);
		return;
	}
	for (i = 0; i < n; i++) {
		if (visited[i]->kind != LINK || visited[i]->prev_seqno < seqno ||
		    visited[i]->fence->context != head->fence->context)
			break;
	}
	check_found(i < n ? visited[i] : NULL, err, 0, fence);
}

/*
 * Leaves.
 */

struct leaves {
	struct thing *at[MAX_LEAVES];
	unsigned int n;
};

static void add_leaves(struct leaves *leaves, struct thing *thing)
{
	if (thing->kind == ALL || thing->kind == ANY) {
		for (unsigned int i = 0; i < thing->n_members; i++)
			add_leaves(leaves, thing->members[i]);
	} else if (leaves->n < MAX_LEAVES) {
		leaves->at[leaves->n++] = thing;
	}
}

static void leaves_of(struct leaves *leaves, struct thing *head)
{
	struct thing *visited[MAX_THINGS];
	const unsigned int n = walk_of(head, visited);

	for (unsigned int i = 0; i < n; i++)
		add_leaves(leaves, visited[i]->kind == LINK ? visited[i]->members[0] : visited[i]);
}

static void step_unwrap(void)
{
	struct leaves leaves = { .n = 0 };
	struct thing *head = choose(NULL);
	struct dma_fence_unwrap cursor;
	struct dma_fence *fence;
	unsigned int i = 0;

	if (!head)
		return;
	TRACE("unwrap %u", (unsigned int)(head - things));
	leaves_of(&leaves, head);
	if (leaves.n == MAX_LEAVES)
		return;
	dma_fence_unwrap_for_each(fence, &cursor, head->fence) {
		CHECK(i < leaves.n && leaves.at[i]->fence == fence, "unwrap: a wrong leaf");
		if (i++ == 7) {
			dma_fence_put(cursor.chain);
			return;
		}
	}
	CHECK(i == leaves.n, "unwrap: %u leaves, not %u", i, leaves.n);
}

/* Of each context the latest, by context. @keep_done: also what has signalled. */
static void flatten(struct leaves *leaves, bool keep_done)
{
	struct leaves flat = { .n = 0 };

	for (;;) {
		struct thing *best = NULL;

		for (unsigned int i = 0; i < leaves->n; i++) {
			struct thing *leaf = leaves->at[i];

			if (!keep_done && is_done(leaf))
				continue;
			if (flat.n && leaf->fence->context <= flat.at[flat.n - 1]->fence->context)
				continue;
			if (!best || leaf->fence->context < best->fence->context ||
			    (leaf->fence->context == best->fence->context &&
			     known_of(leaf)->seqno > known_of(best)->seqno))
				best = leaf;
		}
		/* Stubs have context 0: the first of all, and all alike. */
		if (!best)
			break;
		flat.at[flat.n++] = best;
	}
	*leaves = flat;
}

/* When the last of those that have signalled did. */
static int64_t last_time(const struct leaves *leaves)
{
	int64_t last = 0;

	for (unsigned int i = 0; i < leaves->n; i++) {
		struct dma_fence *fence = leaves->at[i]->fence;

		if (is_done(leaves->at[i]) && dma_fence_timestamp(fence) > last)
			last = dma_fence_timestamp(fence);
	}
	return last;
}

/* The program knows @fence from now on, with the reference; NULL: no room, and it is put. */
static struct thing *adopt_array(struct dma_fence *fence, const struct leaves *leaves)
{
	if (has_room() && leaves->n <= MAX_MEMBERS)
		return new_array(fence, leaves->at, leaves->n, false);
	dma_fence_put(fence);
	return NULL;
}

static struct thing *adopt_stub(struct dma_fence *fence, int64_t timestamp)
{
	if (has_room())
		return new_stub(fence, timestamp);
	dma_fence_put(fence);
	return NULL;
}

/*
 * The model's answer is @leaves, not yet flattened; @fence is the library's, with a
 * reference, and is adopted.
 */
static struct thing *check_merged(struct dma_fence *fence, struct leaves *leaves, const char *who)
{
	const struct dma_fence_array *array = to_dma_fence_array(fence);
	const int64_t last = last_time(leaves);

	flatten(leaves, false);
	if (!leaves->n) {
		CHECK(dma_fence_test_signaled_flag(fence) && !fence->context, "%s: no stub", who);
		CHECK(dma_fence_timestamp(fence) == last, "%s: not the last time", who);
		return adopt_stub(fence, last);
	}
	if (leaves->n == 1) {
		CHECK(fence == leaves->at[0]->fence, "%s: not the one that is left", who);
		return got(leaves->at[0]);
	}
	CHECK(array && array->num_fences == leaves->n, "%s: no such array", who);
	CHECK(!array->signal_on_any && fence->seqno == 1, "%s: another array", who);
	for (unsigned int i = 0; i < leaves->n; i++)
		CHECK(array->fences[i] == leaves->at[i]->fence, "%s: a wrong member", who);
	return adopt_array(fence, leaves);
}

static void step_merge(void)
{
	struct thing *a = choose(NULL), *b = below(8) ? choose(NULL) : NULL;
	struct thing *c = below(4) ? NULL : choose(NULL);
	struct leaves leaves = { .n = 0 };
	struct dma_fence *fence;

	if (a)
		leaves_of(&leaves, a);
	if (b)
		leaves_of(&leaves, b);
	if (c)
		leaves_of(&leaves, c);
	if (leaves.n == MAX_LEAVES)
		return;
	TRACE("merge %d, %d, %d", a ? (int)(a - things) : -1, b ? (int)(b - things) : -1,
	      c ? (int)(c - things) : -1);
	arm();
	fence = dma_fence_unwrap_merge(a ? a->fence : NULL, b ? b->fence : NULL,
				       c ? c->fence : NULL);
	CHECK(os_fault_disarm() == !fence, "merge: no memory");
	if (fence)
		check_merged(fence, &leaves, "merge");
}

static void step_dedup(void)
{
	struct dma_fence *table[MAX_MEMBERS];
	struct leaves leaves = { .n = below(MAX_MEMBERS + 1) };
	int left;

	if (!choose_members(leaves.at, leaves.n))
		leaves.n = 0;
	TRACE("dedup %u", leaves.n);
	for (unsigned int i = 0; i < leaves.n; i++)
		table[i] = dma_fence_get(leaves.at[i]->fence);
	left = dma_fence_dedup_array(table, (int)leaves.n);
	flatten(&leaves, true);
	CHECK(left == (int)leaves.n, "dedup: %d left, not %u", left, leaves.n);
	for (unsigned int i = 0; i < leaves.n; i++) {
		CHECK(table[i] == leaves.at[i]->fence || leaves.at[i]->kind == STUB,
		      "dedup: a wrong fence");
		dma_fence_put(table[i]);
	}
}

/* Everybody who has not signalled was told. */
static void check_deadline(struct thing *thing, int64_t deadline)
{
	struct thing *visited[MAX_THINGS];
	unsigned int n;

	if (is_done(thing))
		return;
	if (thing->kind == POINT && deadline < thing->deadline)
		thing->deadline = deadline; /* its timeline will tell */
	if (is_leaf(thing))
		CHECK(thing->deadline <= deadline, "a deadline is not passed on");
	n = walk_of(thing, visited);
	for (unsigned int i = 0; is_link(thing) && i < n; i++)
		check_deadline(is_link(visited[i]) ? visited[i]->members[0] : visited[i], deadline);
	for (unsigned int i = 0; !is_link(thing) && i < thing->n_members; i++)
		check_deadline(thing->members[i], deadline);
}

static void step_deadline(void)
{
	const int64_t deadline = below(256);
	struct thing *head = choose(NULL);

	if (!head)
		return;
	TRACE("deadline %" PRId64 " for %u", deadline, (unsigned int)(head - things));
	dma_fence_set_deadline(head->fence, deadline);
	check_deadline(head, deadline);
}

#endif
