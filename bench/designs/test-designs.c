/* SPDX-License-Identifier: MIT */
/*
 * What designs claim that the library's tests ask in a way that fits only the library: in any
 * order, without commits. Compiled once a design.
 */
#include "harness.h"

#include <dmabuf/dma-fence-array.h>
#include <dmabuf/dma-resv.h>
#include <errno.h>

#include "mock.h"
#include "view.h"

#define FENCES 9

/* Readers of contexts of their own, so that all designs keep them all. */
struct readers {
	struct dma_resv obj;
	struct dma_fence *fence[FENCES];
	unsigned int n;
};

static void fill(struct readers *r, unsigned int n)
{
	dma_resv_init(&r->obj);
	r->n = n;
	for (unsigned int i = 0; i < n; i++) {
		r->fence[i] = mock_lone();
		add_alone(&r->obj, r->fence[i], READ);
	}
}

static void empty(struct readers *r)
{
	dma_resv_fini(&r->obj);
	for (unsigned int i = 0; i < r->n; i++) {
		ASSERT_INT(references(r->fence[i]), ==, 1);
		dma_fence_put(r->fence[i]);
	}
}

TEST(reserving_unwinds_from_every_failure)
{
	for (unsigned int n = 0; n < FENCES; n++) {
		const struct test_resources before = test_resources();
		struct readers r;

		fill(&r, n);
		lock(&r.obj);
		os_fault_arm(1);
		ASSERT_INT(dma_resv_reserve_fences(&r.obj, 500), ==, -ENOMEM);
		ASSERT_TRUE(os_fault_disarm());
		ASSERT_INT(count(&r.obj, READ), ==, n);
		reserve(&r.obj, 500);
		dma_resv_unlock(&r.obj);
		ASSERT_INT(count(&r.obj, READ), ==, n);
		empty(&r);
		ASSERT_RESOURCES(before);
	}
}

static int query(struct dma_resv *obj, bool singleton)
{
	struct dma_fence **table = (void *)obj, *all = (void *)obj;
	unsigned int n = 99;
	int err;

	if (singleton) {
		err = dma_resv_get_singleton(obj, READ, &all);
		if (!err)
			dma_fence_put(all);
		else
			ASSERT_PTR((void *)all, ==, (void *)obj);
		return err;
	}
	err = dma_resv_get_fences(obj, READ, &n, &table);
	if (err) {
		ASSERT_INT(n, ==, 99);
		ASSERT_PTR(table, ==, (void *)obj);
		return err;
	}
	while (n)
		dma_fence_put(table[--n]);
	free(table);
	return 0;
}

TEST(queries_unwind_from_every_failure)
{
	for (unsigned int n = 0; n < FENCES; n++) {
		struct readers r;

		fill(&r, n);
		for (unsigned int nth = 1, left = 2; left; nth++) {
			const struct test_resources before = test_resources();
			int err;

			os_fault_arm(nth);
			err = query(&r.obj, left - 1);
			if (os_fault_disarm()) {
				ASSERT_INT(err, ==, -ENOMEM);
			} else {
				ASSERT_INT(err, ==, 0);
				left--;
				nth = 0;
			}
			ASSERT_RESOURCES(before);
		}
		empty(&r);
	}
}

#ifndef DESIGN_HAS_NO_WALKS
TEST(copying_unwinds_from_every_failure)
{
	for (unsigned int n = 0; n < FENCES; n++) {
		struct readers src, dst;

		fill(&src, n);
		fill(&dst, 3);
		lock(&dst.obj);
		os_fault_arm(1);
		if (dma_resv_copy_fences(&dst.obj, &src.obj)) {
			ASSERT_TRUE(os_fault_disarm());
			ASSERT_INT(count(&dst.obj, BOOKKEEP), ==, 3);
			ASSERT_INT(times(&dst.obj, dst.fence[0]), ==, 1);
			ASSERT_INT(dma_resv_copy_fences(&dst.obj, &src.obj), ==, 0);
		}
		os_fault_disarm();
		dma_resv_unlock(&dst.obj);
		ASSERT_INT(count(&dst.obj, BOOKKEEP), ==, n);
		for (unsigned int i = 0; i < n; i++)
			ASSERT_INT(times(&dst.obj, src.fence[i]), ==, 1);
		empty(&dst);
		empty(&src);
	}
}

static void visit(struct readers *r, struct dma_fence *fence, unsigned int *seen)
{
	for (unsigned int i = 0; i < r->n; i++) {
		if (r->fence[i] == fence)
			*seen |= 1u << i;
	}
}

TEST(a_walk_with_the_lock_visits_all)
{
	for (unsigned int n = 0; n < FENCES; n++) {
		struct dma_resv_iter cursor;
		struct dma_fence *fence;
		unsigned int seen = 0;
		struct readers r;

		fill(&r, n);
		for (unsigned int i = 0; i < n; i += 2)
			dma_fence_signal(r.fence[i]);
		lock(&r.obj);
		dma_resv_for_each_fence(&cursor, &r.obj, READ, fence) {
			ASSERT_INT(dma_resv_iter_is_restarted(&cursor), ==, !seen);
			ASSERT_INT(references(fence), ==, 2);
			visit(&r, fence, &seen);
		}
		dma_resv_unlock(&r.obj);
		/* Adding the later ones may have taken the place of those that had signalled. */
		ASSERT_INT(seen, ==, (1u << n) - 1);
		empty(&r);
	}
}

TEST(a_walk_without_the_lock_leaves_signalled_fences_out)
{
	for (unsigned int n = 0; n < FENCES; n++) {
		struct dma_resv_iter cursor;
		unsigned int seen = 0, busy = 0;
		struct dma_fence *fence;
		struct readers r;

		fill(&r, n);
		for (unsigned int i = 0; i < n; i++) {
			if (i % 2)
				dma_fence_signal(r.fence[i]);
			else
				busy |= 1u << i;
		}
		dma_resv_iter_begin(&cursor, &r.obj, READ);
		dma_resv_for_each_fence_unlocked(&cursor, fence) {
			ASSERT_INT(dma_resv_iter_is_restarted(&cursor), ==, !seen);
			ASSERT_INT(dma_resv_iter_usage(&cursor), ==, READ);
			visit(&r, fence, &seen);
		}
		dma_resv_iter_end(&cursor);
		ASSERT_INT(seen, ==, busy);
		empty(&r);
	}
}
#endif

/* Everything that looks asks the signaled op. */
TEST(a_fence_that_has_to_be_asked_is_asked)
{
	for (unsigned int which = 0; which < 4; which++) {
		struct dma_fence *lazy = mock_lazy(), *all;
		struct readers r;

		fill(&r, which);
		add_alone(&r.obj, lazy, READ);
		for (unsigned int i = 0; i < r.n; i++)
			dma_fence_signal(r.fence[i]);
		ASSERT_FALSE(dma_resv_test_signaled(&r.obj, READ));
		store_release(&to_mock(lazy)->done, 1);
		if (which == 0) {
			ASSERT_TRUE(dma_resv_test_signaled(&r.obj, READ));
		} else if (which == 1) {
			ASSERT_INT(dma_resv_wait_timeout(&r.obj, READ, false, 0), ==, 1);
		} else if (which == 2) {
			ASSERT_INT(count(&r.obj, READ), ==, 0);
		} else {
			ASSERT_INT(dma_resv_get_singleton(&r.obj, READ, &all), ==, 0);
			ASSERT_PTR(all, ==, NULL);
		}
		ASSERT_TRUE(dma_fence_test_signaled_flag(lazy));
		dma_fence_put(lazy);
		empty(&r);
	}
}

/*
 * Readers against a writer against a signaller. A timeline is one context; a point is noted after
 * it was added, and announced before it is signalled. What readers find, or do not find, is held
 * against that.
 */

#define LINES 6
#define MAX_POINTS 512
#define LIVES 8 /* of reservations, since most lists change when there are few fences */
#define LAG 12 /* points of a timeline that have not signalled yet, at most */

struct timeline {
	uint64_t context;
	struct dma_fence *queue[MAX_POINTS + 1]; /* by seqno */
	uint64_t added, announced;		 /* atomic */
	unsigned int payload[MAX_POINTS + 1];	 /* plain: ordered by the fences */
};

static struct torture {
	struct dma_resv obj;
	struct timeline line[LINES];
	unsigned int points;
	unsigned int busy; /* atomic: writer and signaller */
} *t;

static void add_point(struct timeline *line, bool lazy)
{
	const uint64_t seqno = line->added + 1;
	struct dma_fence *fence =
		mock_init(lazy ? &mock_lazy_ops : &mock_ops, line->context, seqno, NULL);

	line->queue[seqno] = fence;
	add(&t->obj, fence, READ);
	store_release(&line->added, seqno);
}

static void write_all(void)
{
	uint32_t chance = test_seed();
	bool more;

	do {
		more = false;
		lock(&t->obj);
		for (unsigned int i = 0; i < LINES; i++) {
			struct timeline *line = &t->line[i];

			more |= line->added < t->points;
			if (line->added < t->points && test_random(&chance) % 4 &&
			    line->added - load_acquire(&line->announced) < LAG)
				add_point(line, !(test_random(&chance) % 4));
		}
		dma_resv_unlock(&t->obj);
		test_operation();
		if (test_random(&chance) % 2)
			test_yield();
	} while (more);
	fetch_sub_acq_rel(&t->busy, 1);
}

static void signal_point(struct timeline *line)
{
	const uint64_t seqno = line->announced + 1;
	struct dma_fence *fence = line->queue[seqno];

	line->payload[seqno] = (unsigned int)seqno;
	store_release(&line->announced, seqno);
	store_release(&to_mock(fence)->done, 1);
	test_yield();
	dma_fence_signal(fence);
	dma_fence_put(fence);
}

static void signal_all(void)
{
	uint32_t chance = test_seed() * 3;
	bool more;

	do {
		more = load_acquire(&t->busy) > 1;
		for (unsigned int i = 0; i < LINES; i++) {
			struct timeline *line = &t->line[i];
			uint64_t left = load_acquire(&line->added) - line->announced;

			if (left && test_random(&chance) % 4)
				left = test_random(&chance) % left;
			while (left--)
				signal_point(line);
			more |= load_acquire(&line->added) != line->announced;
		}
		test_yield();
	} while (more);
	fetch_sub_acq_rel(&t->busy, 1);
}

/* What was added when it began, and the newest that was found of each. */
struct sight {
	uint64_t added[LINES], newest[LINES];
};

static void look_first(struct sight *sight)
{
	memset(sight, 0, sizeof(*sight));
	for (unsigned int i = 0; i < LINES; i++)
		sight->added[i] = load_acquire(&t->line[i].added);
}

static void saw(struct sight *sight, struct dma_fence *fence)
{
	ASSERT_TRUE(mock_is_alive(fence));
	for (unsigned int i = 0; i < LINES; i++) {
		if (t->line[i].context == fence->context && sight->newest[i] < fence->seqno)
			sight->newest[i] = fence->seqno;
	}
}

/* What was added, and is not there nor followed by a later point, has signalled. */
static void check(const struct sight *sight)
{
	for (unsigned int i = 0; i < LINES; i++) {
		const uint64_t seqno = sight->added[i];

		if (!seqno || sight->newest[i] >= seqno)
			continue;
		ASSERT_INT(load_relaxed(&t->line[i].announced), >=, seqno);
		ASSERT_INT(t->line[i].payload[seqno], ==, seqno);
	}
}

static void read_fences(void)
{
	struct dma_fence **table;
	struct sight sight;
	unsigned int n;

	look_first(&sight);
	ASSERT_INT(dma_resv_get_fences(&t->obj, READ, &n, &table), ==, 0);
	for (unsigned int i = 0; i < n; i++) {
		saw(&sight, table[i]);
		dma_fence_put(table[i]);
	}
	free(table);
	check(&sight);
}

static void read_one(void)
{
	struct dma_fence *all, *member;
	struct sight sight;
	unsigned int i;

	look_first(&sight);
	ASSERT_INT(dma_resv_get_singleton(&t->obj, READ, &all), ==, 0);
	dma_fence_array_for_each(member, i, all)
		saw(&sight, member);
	dma_fence_put(all);
	check(&sight);
}

static void read_test(int64_t timeout)
{
	struct sight sight;

	look_first(&sight);
	if (timeout < 0 ? dma_resv_test_signaled(&t->obj, READ) :
			  dma_resv_wait_timeout(&t->obj, READ, false, timeout) > 0)
		check(&sight);
}

static void read_walk(void)
{
#ifndef DESIGN_HAS_NO_WALKS
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	struct sight sight;

	look_first(&sight);
	dma_resv_iter_begin(&cursor, &t->obj, READ);
	dma_resv_for_each_fence_unlocked(&cursor, fence) {
		if (dma_resv_iter_is_restarted(&cursor))
			memset(sight.newest, 0, sizeof(sight.newest));
		saw(&sight, fence);
	}
	dma_resv_iter_end(&cursor);
	check(&sight);
#endif
}

static void read_all(unsigned int index)
{
	uint32_t chance = test_seed() * 5 + index;

	do {
		test_operation();
		switch (test_random(&chance) % 6) {
		case 0:
			read_fences();
			break;
		case 1:
			read_one();
			break;
		case 2:
			read_walk();
			break;
		case 3:
			read_test(test_random(&chance) % 4 ? 0 : MAX_SCHEDULE_TIMEOUT);
			break;
		default:
			read_test(-1);
		}
	} while (load_acquire(&t->busy));
}

static void play(unsigned int index, void *unused)
{
	(void)unused;
	if (index == 0)
		write_all();
	else if (index == 1)
		signal_all();
	else
		read_all(index);
}

static void one_life(unsigned int points)
{
	t = calloc(1, sizeof(*t));
	ASSERT_TRUE(t);
	t->points = points < MAX_POINTS ? points : MAX_POINTS;
	t->busy = 2;
	dma_resv_init(&t->obj);
	for (unsigned int i = 0; i < LINES; i++)
		t->line[i].context = dma_fence_context_alloc(1);
	test_race_begin();
	test_threads(5, play, NULL);
	test_race_end();
	ASSERT_TRUE(dma_resv_test_signaled(&t->obj, READ));
	dma_resv_fini(&t->obj);
	free(t);
}

TORTURE(torture_readers_against_a_writer)
{
	for (unsigned int i = 0; i < LIVES; i++)
		one_life(test_rounds(128));
}

#ifdef DESIGN_SETS_ARE_WHOLE
/* Two contexts get their points in turn, so at any time one is ahead by none or one. */
static struct {
	struct dma_resv obj;
	unsigned int points;
	bool is_over; /* atomic */
} pair;

static void write_in_turn(void)
{
	const uint64_t context = dma_fence_context_alloc(2);

	for (unsigned int i = 0; i < 2 * pair.points; i++) {
		struct dma_fence *fence = mock_fence(context + i % 2, i / 2 + 1);

		add_alone(&pair.obj, fence, READ);
		dma_fence_put(fence);
	}
	store_release(&pair.is_over, true);
}

static void read_both(void)
{
	while (!load_acquire(&pair.is_over)) {
		struct dma_fence **table;
		uint64_t seqno[2] = { 0 };
		unsigned int n;

		ASSERT_INT(dma_resv_get_fences(&pair.obj, READ, &n, &table), ==, 0);
		ASSERT_INT(n, <=, 2);
		for (unsigned int i = 0; i < n; i++) {
			seqno[i] = table[i]->seqno;
			dma_fence_put(table[i]);
		}
		free(table);
		ASSERT_INT(seqno[0] - seqno[1], >=, 0);
		ASSERT_INT(seqno[0] - seqno[1], <=, 1);
	}
}

static void play_pair(unsigned int index, void *unused)
{
	(void)unused;
	if (index == 0)
		write_in_turn();
	else
		read_both();
}

TORTURE(torture_a_set_was_there_at_one_time)
{
	pair.points = test_rounds(2000);
	pair.is_over = false;
	dma_resv_init(&pair.obj);
	test_race_begin();
	test_threads(3, play_pair, NULL);
	test_race_end();
	dma_resv_fini(&pair.obj);
}
#endif
