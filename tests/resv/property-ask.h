/* SPDX-License-Identifier: MIT */
/* Questions to a reservation: each answer of the library is compared with the model's. */
#ifndef PROPERTY_ASK_H
#define PROPERTY_ASK_H

#include <dmabuf/dma-fence-array.h>
#include <errno.h>

#include "property-model.h"

/*
 * Questions. They run in the thread that holds the lock, or in another one.
 */

/* Answers are compared in order; what has signalled may be among them if @lax. */
struct answer {
	struct list expected;
	const struct view *view;
	unsigned int next;
	bool lax;
	const char *who;
};

static bool is_alive(const struct dma_fence *fence)
{
	for (unsigned int i = 0; i < w.n_known; i++) {
		if (w.known[i].fence == fence && !w.known[i].released)
			return true;
	}
	return false;
}

/* Is it an entry that has signalled, which the library may have dropped, or not? */
static bool is_optional(const struct view *view, const struct dma_fence *fence,
			enum dma_resv_usage usage)
{
	for (unsigned int i = 0; i < view->fences.n; i++) {
		const struct entry *entry = &view->fences.at[i];

		if (entry->known->fence == fence && entry->usage == usage &&
		    entry->known->signaled && !entry->known->released)
			return true;
	}
	return false;
}

static const enum dma_resv_usage unknown_usage = (enum dma_resv_usage)7;

static void answered(struct answer *a, struct dma_fence *fence, enum dma_resv_usage usage)
{
	if (a->lax && is_optional(a->view, fence, usage))
		return;
	CHECK(a->next < a->expected.n, "%s: a fence too much, %" PRIu64, a->who, fence->seqno);
	CHECK(a->expected.at[a->next].known->fence == fence, "%s: a wrong fence, %" PRIu64, a->who,
	      fence->seqno);
	CHECK(usage == unknown_usage || a->expected.at[a->next].usage == usage,
	      "%s: a wrong category, %u", a->who, (unsigned int)usage);
	CHECK(is_alive(fence), "%s: a dead fence", a->who);
	a->next++;
}

static void answered_all(const struct answer *a)
{
	CHECK(a->next == a->expected.n, "%s: %u fences instead of %u", a->who, a->next,
	      a->expected.n);
}

struct question {
	struct side *side;
	const struct view *view;
	enum dma_resv_usage usage;
	unsigned int kind, fault;
};

static void begin_answer(struct answer *a, const struct question *q, const char *who)
{
	a->view = q->view;
	a->next = 0;
	a->lax = false;
	a->who = who;
	model_ask(q->view, q->usage, &a->expected);
}

static void ask_fences(const struct question *q)
{
	static struct answer a;
	struct dma_fence **table = (void *)&a;
	unsigned int n = 12345;
	int err;

	begin_answer(&a, q, "get_fences");
	os_fault_arm(q->fault);
	err = dma_resv_get_fences(&q->side->obj, q->usage, &n, &table);
	CHECK(err == (os_fault_disarm() ? -ENOMEM : 0), "get_fences: %d", err);
	if (err) {
		CHECK(n == 12345 && (void *)table == &a, "get_fences: wrote and failed");
		return;
	}
	for (unsigned int i = 0; i < n; i++)
		answered(&a, table[i], unknown_usage);
	answered_all(&a);
	CHECK(!n == !table, "get_fences: a table for none");
	for (unsigned int i = 0; i < n; i++)
		dma_fence_put(table[i]);
	free(table);
}

static void check_singleton(const struct question *q, struct dma_fence *fence, const char *who)
{
	static struct answer a;
	struct dma_fence *member;
	unsigned int i;

	begin_answer(&a, q, who);
	CHECK(!fence || dma_fence_is_array(fence) == (a.expected.n > 1), "%s: wrong kind", who);
	dma_fence_array_for_each(member, i, fence)
		answered(&a, member, unknown_usage);
	answered_all(&a);
	dma_fence_put(fence);
}

static void ask_singleton(const struct question *q)
{
	struct dma_fence *fence = (void *)&w;
	int err;

	os_fault_arm(q->fault);
	err = dma_resv_get_singleton(&q->side->obj, q->usage, &fence);
	CHECK(err == (os_fault_disarm() ? -ENOMEM : 0), "get_singleton: %d", err);
	if (!err)
		check_singleton(q, fence, "get_singleton");
	else
		CHECK((void *)fence == &w, "get_singleton: wrote and failed");
}

/* Shows committed fences to everybody. */
static void ask_get_rcu(const struct question *q)
{
	struct question committed = *q;
	struct dma_fence *fence;

	committed.view = &q->side->committed;
	os_fault_arm(q->fault);
	fence = dma_resv_fences_get_rcu(&q->side->obj.fences, q->usage);
	if (os_fault_disarm())
		CHECK(fence == dmabuf_err_ptr(-ENOMEM), "get_rcu: no error");
	else
		check_singleton(&committed, fence, "get_rcu");
}

static void ask_wait(const struct question *q)
{
	const int64_t ret = dma_resv_wait_timeout(&q->side->obj, q->usage, one_in(2), 0);

	CHECK(ret == !model_busy(&q->view->fences, q->usage), "wait: %" PRId64, ret);
}

static void ask_test(const struct question *q)
{
	if (dma_resv_test_signaled(&q->side->obj, q->usage))
		CHECK(!model_busy(&q->view->fences, q->usage), "test: signalled");
	else
		CHECK(model_busy(&q->view->fences, q->usage) ||
		      model_busy(&q->view->ghosts, q->usage), "test: not signalled");
}

static void ask_unlocked(const struct question *q)
{
	static struct answer a;
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	bool forced = !one_in(3);

	begin_answer(&a, q, "unlocked walk");
	dma_resv_iter_begin(&cursor, &q->side->obj, q->usage);
	dma_resv_for_each_fence_unlocked(&cursor, fence) {
		CHECK(dma_resv_iter_is_restarted(&cursor) == (!a.next || forced),
		      "unlocked walk: restarted");
		if (dma_resv_iter_is_restarted(&cursor)) {
			a.next = 0;
			forced = false;
		}
		answered(&a, fence, dma_resv_iter_usage(&cursor));
		if (one_in(8)) {
			cursor.fences = (void *)~(uintptr_t)0;
			forced = true;
		} else if (one_in(16)) {
			break;
		}
	}
	if (!fence)
		answered_all(&a);
	dma_resv_iter_end(&cursor);
}

static void ask_locked(const struct question *q)
{
	static struct answer a;
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	if (!dma_resv_held(&q->side->obj))
		return;
	begin_answer(&a, q, "locked walk");
	a.lax = true;
	dma_resv_for_each_fence(&cursor, &q->side->obj, q->usage, fence)
		answered(&a, fence, dma_resv_iter_usage(&cursor));
	answered_all(&a);
}

static void ask(void *arg)
{
	static void (*const kinds[])(const struct question *q) = {
		ask_fences, ask_singleton, ask_get_rcu, ask_wait, ask_test, ask_unlocked, ask_locked,
	};
	const struct question *q = arg;

	kinds[q->kind % (sizeof(kinds) / sizeof(kinds[0]))](q);
}

/*
 * Snapshots.
 */

static void check_seen(const struct snap *snap, enum dma_resv_usage usage)
{
	struct dma_resv_snapshot_cursor cursor;
	struct dma_fence *fence;
	unsigned int i = 0;

	dma_resv_snapshot_for_each(fence, &cursor, &snap->snap, usage) {
		while (i < snap->seen.n && snap->seen.at[i].usage > usage)
			i++;
		CHECK(i < snap->seen.n && snap->seen.at[i].known->fence == fence &&
		      snap->seen.at[i].usage == cursor.fence_usage,
		      "a snapshot changed");
		CHECK(is_alive(fence), "a fence of a snapshot died");
		i++;
	}
	while (i < snap->seen.n && snap->seen.at[i].usage > usage)
		i++;
	CHECK(i == snap->seen.n, "a snapshot lost a fence");
}

static void take(struct snap *snap, struct side *side, const struct view *view)
{
	const struct question q = { .side = side, .view = view, .usage = BOOKKEEP };
	static struct answer a;
	struct dma_resv_snapshot_cursor cursor;
	struct dma_fence *fence;
	bool there;

	begin_answer(&a, &q, "snapshot");
	a.lax = true;
	there = dma_resv_get_snapshot(&side->obj, &snap->snap);
	snap->seen.n = 0;
	dma_resv_snapshot_for_each(fence, &cursor, &snap->snap, BOOKKEEP) {
		for (unsigned int i = 0; i < w.n_known; i++) {
			if (w.known[i].fence == fence && !w.known[i].released)
				append(&snap->seen, &w.known[i], cursor.fence_usage);
		}
		answered(&a, fence, cursor.fence_usage);
	}
	answered_all(&a);
	CHECK(there || !snap->seen.n, "a snapshot that is not there has fences");
	snap->there = there;
}

static void put(void *arg)
{
	struct snap *snap = arg;

	dma_resv_put_snapshot(&snap->snap);
	CHECK(!dma_resv_snapshot_first(&(struct dma_resv_snapshot_cursor){ 0 }, &snap->snap,
				       BOOKKEEP), "what was put is not empty");
	snap->there = false;
}

#endif
