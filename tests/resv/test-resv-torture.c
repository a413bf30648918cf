/* SPDX-License-Identifier: MIT */
/*
 * Readers against writers against a signaller, with every race point widened.
 *
 * A lane is two contexts, A and B. A commit adds one point of each to some lanes, A as
 * a writer and B as a reader, so a set that has one of the two has the other, unless
 * that has signalled. The signaller announces each point before it signals it: what
 * a reader concludes from a missing fence can then be held against the announcements.
 *
 * What a writer committed it notes after the commit. A reader reads the notes first:
 * "all have signalled" is then wrong unless at least those points were announced.
 */
#include "harness.h"

#include <dmabuf/dma-fence-array.h>
#include <dmabuf/dma-resv.h>
#include <errno.h>

#include "mock.h"
#include "view.h"

#define LANES 6
#define MAX_POINTS 4096
#define LAG 12 /* points of a lane that are not signalled yet, at most */

enum { A, B };

struct lane {
	uint64_t context[2];
	struct dma_fence *queue[MAX_POINTS + 1][2]; /* to be signalled; by seqno */
	uint64_t queued;			    /* atomic */
	uint64_t committed;			    /* atomic */
	uint64_t announced[2];			    /* atomic */
	unsigned int payload[MAX_POINTS + 1][2];    /* plain: ordered by the fences */
};

struct torture {
	struct dma_resv obj, copy;
	struct lane lane[LANES];
	unsigned int lanes, writers, points;
	bool sets; /* lane 0 alone, A is the whole category, and points of others come and go */
	unsigned int writing; /* atomic: writers that are not done */
	unsigned int busy;    /* atomic: and signallers */
};

/*
 * Writers.
 */

static void make_point(struct lane *lane, bool lazy)
{
	const uint64_t seqno = load_relaxed(&lane->queued) + 1; /* only this thread writes it */

	for (unsigned int i = A; i <= B; i++) {
		lane->queue[seqno][i] =
			mock_init(lazy ? &mock_lazy_ops : &mock_ops, lane->context[i], seqno, NULL);
	}
}

/* Room for one more, and a point left to make? */
static bool wants_point(const struct torture *t, const struct lane *lane)
{
	const uint64_t queued = load_relaxed(&lane->queued);

	return queued < t->points && queued - load_acquire(&lane->announced[B]) < LAG;
}

static void stage_point(struct torture *t, struct lane *lane, uint32_t *chance)
{
	const uint64_t seqno = load_relaxed(&lane->queued) + 1;
	struct dma_fence **point = lane->queue[seqno];

	if (t->sets) {
		reserve(&t->obj, 1);
		dma_resv_fences_set(&t->obj, &t->obj.fences, point[A], WRITE);
		reserve(&t->obj, 1);
		dma_resv_fences_set(&t->obj, &t->obj.fences, point[B], READ);
	} else if (test_random(chance) % 8) {
		reserve(&t->obj, 2);
		dma_resv_add_fence(&t->obj, point[A], WRITE);
		dma_resv_add_fence(&t->obj, point[B], READ);
	} else {
		/* Gone, if it has signalled: then it has to be added. */
		ASSERT_INT(dma_resv_replace_fences(&t->obj, lane->context[A], point[A], WRITE), ==, 0);
		ASSERT_INT(dma_resv_replace_fences(&t->obj, lane->context[B], point[B], READ), ==, 0);
		add(&t->obj, point[A], WRITE);
		add(&t->obj, point[B], READ);
	}
}

/* Something of no interest, so that there are other entries between. */
static void stage_other(struct torture *t)
{
	struct dma_fence *other = mock_lone();

	add(&t->obj, other, BOOKKEEP);
	signal_and_put(other);
}

/* A point in some of every @step lanes from @first, all committed at once. */
static void commit_points(struct torture *t, unsigned int first, unsigned int step, uint32_t *chance)
{
	bool staged[LANES] = { false };

	for (unsigned int i = first; i < t->lanes; i += step) {
		if (test_random(chance) % 4 || !wants_point(t, &t->lane[i]))
			continue;
		make_point(&t->lane[i], test_random(chance) % 4 == 0);
		stage_point(t, &t->lane[i], chance);
		staged[i] = true;
		if (t->sets || test_random(chance) % 4 == 0)
			stage_other(t);
	}
	if (test_random(chance) % 8 == 0)
		dma_resv_prune_fences(&t->obj);
	dma_resv_commit(&t->obj);
	for (unsigned int i = first; i < t->lanes; i += step) {
		if (!staged[i])
			continue;
		store_release(&t->lane[i].committed, t->lane[i].committed + 1);
		store_release(&t->lane[i].queued, t->lane[i].committed);
	}
}

static bool is_done(const struct torture *t, unsigned int first, unsigned int step)
{
	for (unsigned int i = first; i < t->lanes; i += step) {
		if (t->lane[i].queued < t->points)
			return false;
	}
	return true;
}

static void write_all(struct torture *t, unsigned int index)
{
	uint32_t chance = test_seed() + index;

	while (!is_done(t, index, t->writers)) {
		lock(&t->obj);
		for (unsigned int commits = 1 + test_random(&chance) % 3; commits; commits--)
			commit_points(t, index, t->writers, &chance);
		test_operation();
		if (test_random(&chance) % 8 == 0) {
			dma_resv_prune_fences(&t->obj);
			reserve(&t->obj, 1 + test_random(&chance) % 20);
			dma_resv_prune_fences(&t->obj);
		}
		dma_resv_unlock(&t->obj);
		if (test_random(&chance) % 2)
			test_yield();
	}
	fetch_sub_acq_rel(&t->writing, 1);
}

/*
 * The signaller.
 */

static void signal_point(struct lane *lane, uint64_t seqno, unsigned int which)
{
	struct dma_fence *fence = lane->queue[seqno][which];

	lane->payload[seqno][which] = (unsigned int)seqno;
	store_release(&lane->announced[which], seqno);
	if (to_mock(fence)->base.ops == &mock_lazy_ops) {
		store_release(&to_mock(fence)->done, 1);
		test_yield();
	}
	dma_fence_signal(fence);
	dma_fence_put(fence);
}

static void signal_all(struct torture *t)
{
	uint32_t chance = test_seed() * 3;
	bool more;

	do {
		more = load_acquire(&t->writing);
		for (unsigned int i = 0; i < t->lanes; i++) {
			struct lane *lane = &t->lane[i];
			uint64_t left = load_acquire(&lane->queued) - lane->announced[B];

			/* Sometimes all of it, so that there is a moment of rest. */
			if (left && test_random(&chance) % 4)
				left = test_random(&chance) % left;
			for (; left; left--) {
				signal_point(lane, lane->announced[A] + 1, A);
				if (test_random(&chance) % 2)
					test_yield();
				signal_point(lane, lane->announced[B] + 1, B);
			}
			more |= load_acquire(&lane->queued) != lane->announced[B];
		}
		test_yield();
	} while (more);
	fetch_sub_acq_rel(&t->busy, 1);
}

/*
 * Readers.
 */

/* The newest point of each context that was seen. */
struct sight {
	uint64_t newest[LANES][2];
	uint64_t committed[LANES];
};

static void look_first(const struct torture *t, struct sight *sight)
{
	memset(sight, 0, sizeof(*sight));
	for (unsigned int i = 0; i < t->lanes; i++)
		sight->committed[i] = load_acquire(&t->lane[i].committed);
}

static void saw(const struct torture *t, struct sight *sight, struct dma_fence *fence)
{
	ASSERT_TRUE(mock_is_alive(fence));
	for (unsigned int i = 0; i < t->lanes; i++) {
		for (unsigned int j = A; j <= B; j++) {
			if (t->lane[i].context[j] != fence->context)
				continue;
			/* One point of a context: an older one is superseded. */
			ASSERT_INT(sight->newest[i][j], ==, 0);
			sight->newest[i][j] = fence->seqno;
		}
	}
}

/* Neither a half of a commit, nor an older set than was committed when it began. */
static void check_sight(const struct torture *t, const struct sight *sight)
{
	for (unsigned int i = 0; i < t->lanes; i++) {
		const uint64_t a = sight->newest[i][A], b = sight->newest[i][B];
		const uint64_t newer = a > b ? a : b;

		if (a < newer)
			ASSERT_INT(load_acquire(&t->lane[i].announced[A]), >=, newer);
		if (b < newer)
			ASSERT_INT(load_acquire(&t->lane[i].announced[B]), >=, newer);
		if (newer < sight->committed[i])
			ASSERT_INT(load_acquire(&t->lane[i].announced[B]), >=, sight->committed[i]);
	}
}

/* All up to @usage that was committed in @sight has signalled, and its payload is there. */
static void check_signaled(const struct torture *t, const struct sight *sight,
			   enum dma_resv_usage usage)
{
	for (unsigned int i = 0; i < t->lanes; i++) {
		const uint64_t seqno = sight->committed[i];

		for (unsigned int j = A; seqno && j <= (usage >= READ ? B : A); j++) {
			ASSERT_INT(load_relaxed(&t->lane[i].announced[j]), >=, seqno);
			ASSERT_INT(t->lane[i].payload[seqno][j], ==, seqno);
		}
	}
}

static void read_snapshot(struct torture *t, struct dma_resv *obj)
{
	struct dma_resv_snapshot_cursor cursor;
	struct dma_resv_snapshot snap;
	struct dma_fence *fence;
	struct sight first, again;

	look_first(t, &first);
	again = first;
	if (dma_resv_get_snapshot(obj, &snap)) {
		dma_resv_snapshot_for_each(fence, &cursor, &snap, BOOKKEEP)
			saw(t, &first, fence);
		test_yield();
		dma_resv_snapshot_for_each(fence, &cursor, &snap, BOOKKEEP)
			saw(t, &again, fence);
		ASSERT_INT(memcmp(&first, &again, sizeof(first)), ==, 0);
		dma_resv_put_snapshot(&snap);
	}
	if (obj != &t->obj)
		memset(first.committed, 0, sizeof(first.committed));
	check_sight(t, &first);
}

static void read_fences(struct torture *t)
{
	struct dma_fence **table;
	struct sight sight;
	unsigned int n;

	look_first(t, &sight);
	ASSERT_INT(dma_resv_get_fences(&t->obj, BOOKKEEP, &n, &table), ==, 0);
	for (unsigned int i = 0; i < n; i++) {
		saw(t, &sight, table[i]);
		dma_fence_put(table[i]);
	}
	free(table);
	check_sight(t, &sight);
}

static void read_one(struct torture *t, enum dma_resv_usage usage, bool committed_only)
{
	struct dma_fence *all, *member;
	struct sight sight;
	unsigned int i;

	look_first(t, &sight);
	if (committed_only)
		all = dma_resv_fences_get_rcu(&t->obj.fences, usage);
	else
		ASSERT_INT(dma_resv_get_singleton(&t->obj, usage, &all), ==, 0);
	dma_fence_array_for_each(member, i, all)
		saw(t, &sight, member);
	if (!all)
		check_signaled(t, &sight, usage);
	else if (usage >= READ)
		check_sight(t, &sight);
	dma_fence_put(all);
}

static void read_walk(struct torture *t)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	struct sight sight;

	look_first(t, &sight);
	dma_resv_iter_begin(&cursor, &t->obj, BOOKKEEP);
	dma_resv_for_each_fence_unlocked(&cursor, fence) {
		if (dma_resv_iter_is_restarted(&cursor))
			memset(sight.newest, 0, sizeof(sight.newest));
		saw(t, &sight, fence);
	}
	dma_resv_iter_end(&cursor);
	check_sight(t, &sight);
}

static void read_copy(struct torture *t)
{
	if (!dma_resv_trylock(&t->copy))
		return;
	ASSERT_INT(dma_resv_copy_fences(&t->copy, &t->obj), ==, 0);
	dma_resv_unlock(&t->copy);
	read_snapshot(t, &t->copy);
}

static void read_test(struct torture *t, enum dma_resv_usage usage, int64_t timeout)
{
	struct sight sight;
	bool signaled;

	look_first(t, &sight);
	if (timeout < 0)
		signaled = dma_resv_test_signaled(&t->obj, usage);
	else
		signaled = dma_resv_wait_timeout(&t->obj, usage, false, timeout) > 0;
	if (signaled)
		check_signaled(t, &sight, usage);
}

static void read_all(struct torture *t, unsigned int index)
{
	uint32_t chance = test_seed() * 5 + index;

	do {
		const enum dma_resv_usage usage = (enum dma_resv_usage)(1 + test_random(&chance) % 3);

		test_operation();
		switch (test_random(&chance) % 12) {
		case 0 ... 1:
			read_snapshot(t, &t->obj);
			break;
		case 2:
			read_fences(t);
			break;
		case 3:
			read_one(t, usage, false);
			break;
		case 4:
			read_one(t, usage, true);
			break;
		case 5:
			read_walk(t);
			break;
		case 6:
			read_copy(t);
			break;
		case 7:
			read_test(t, usage, test_random(&chance) % 4 ? 0 : MAX_SCHEDULE_TIMEOUT);
			break;
		default:
			read_test(t, usage, -1);
		}
	} while (load_acquire(&t->busy));
}

/*
 * All of them.
 */

/* Longer than test_race_begin() does: others shall get through a whole commit meanwhile. */
static void linger(const char *label)
{
	static __thread uint32_t chance;

	if (!chance)
		chance = test_thread_seed();
	test_race_pause(label);
	if (test_random(&chance) % 4)
		return;
	for (unsigned int yields = test_random(&chance) % 8; yields; yields--)
		test_yield();
}

static void play(unsigned int index, void *arg)
{
	struct torture *t = arg;

	if (index < t->writers)
		write_all(t, index);
	else if (index == t->writers)
		signal_all(t);
	else
		read_all(t, index);
}

static void torture(unsigned int lanes, unsigned int writers, unsigned int points, bool sets)
{
	struct torture *t = calloc(1, sizeof(*t));
	struct dma_resv_snapshot snap;

	ASSERT_TRUE(t);
	t->lanes = lanes;
	t->writers = t->writing = writers;
	t->points = points < MAX_POINTS ? points : MAX_POINTS;
	t->sets = sets;
	t->busy = 1;
	dma_resv_init(&t->obj);
	dma_resv_init(&t->copy);
	for (unsigned int i = 0; i < lanes; i++) {
		t->lane[i].context[A] = dma_fence_context_alloc(2);
		t->lane[i].context[B] = t->lane[i].context[A] + 1;
	}
	os_race_hook(linger);
	test_threads(writers + 4, play, t);
	os_race_hook(NULL);

	lock(&t->obj);
	dma_resv_prune_fences(&t->obj);
	dma_resv_unlock(&t->obj);
	ASSERT_FALSE(dma_resv_get_snapshot(&t->obj, &snap));
	dma_resv_fini(&t->obj);
	dma_resv_fini(&t->copy);
	free(t);
}

TORTURE(torture_two_writers_over_many_lanes)
{
	torture(LANES, 2, test_rounds(1200), false);
}

/* Small sets: words and logs take turns, and there are moments of rest. */
TORTURE(torture_one_writer_in_one_lane)
{
	torture(1, 1, test_rounds(3000), false);
}

TORTURE(torture_sets_that_drop_what_has_not_signalled)
{
	torture(1, 1, test_rounds(3000), true);
}
