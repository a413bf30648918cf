/* SPDX-License-Identifier: MIT */
/* Timelines: order, errors, ends, and who may signal a point. */
#include <dmabuf/dma-fence-array.h>
#include <dmabuf/dma-fence-timeline.h>

#include "fence/fence.h"
#include "fences.h"

#define POINTS 5

static void emit_points(struct dma_fence_timeline *tl, struct dma_fence **points, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		points[i] = dma_fence_timeline_emit(tl);
		ASSERT_PTR(points[i], !=, NULL);
	}
}

static void put_points(struct dma_fence **points, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		dma_fence_put(points[i]);
}

/*
 * Making.
 */

TEST(points_are_numbered_from_one_in_a_context_of_their_own)
{
	struct dma_fence_timeline *tl = dma_fence_timeline_create("one");
	struct dma_fence_timeline *other = dma_fence_timeline_create("other");
	struct dma_fence *points[3], *elsewhere = dma_fence_timeline_emit(other);

	emit_points(tl, points, 3);
	for (unsigned int i = 0; i < 3; i++) {
		ASSERT_INT(points[i]->seqno, ==, i + 1);
		ASSERT_INT(points[i]->context, ==, points[0]->context);
		ASSERT_INT(dma_fence_get_status(points[i]), ==, 0);
		ASSERT_TRUE(points[i]->flags & SEQNO64);
	}
	ASSERT_INT(elsewhere->context, !=, points[0]->context);
	ASSERT_TRUE(dma_fence_is_later(points[2], points[0]));
	dma_fence_timeline_destroy(tl);
	dma_fence_timeline_destroy(other);
	put_points(points, 3);
	dma_fence_put(elsewhere);
}

TEST(the_name_is_a_copy_and_lives_as_long_as_any_fence)
{
	char name[] = "the name";
	struct dma_fence_timeline *tl = dma_fence_timeline_create(name);
	struct dma_fence *point = dma_fence_timeline_emit(tl);

	memset(name, 'x', sizeof(name) - 1);
	dmabuf_rcu_read_lock();
	ASSERT_STR(dma_fence_driver_name(point), "dma_fence_timeline");
	ASSERT_STR(dma_fence_timeline_name(point), "the name");
	dmabuf_rcu_read_unlock();
	dma_fence_timeline_destroy(tl);
	ASSERT_STR(point->ops->get_timeline_name(point), "the name");
	dmabuf_rcu_read_lock();
	dma_fence_put(point);
	/* A reader that found it may go on reading. */
	ASSERT_STR(point->ops->get_timeline_name(point), "the name");
	dmabuf_rcu_read_unlock();
}

TEST(create_without_a_name_warns)
{
	ASSERT_WARNS(ASSERT_PTR(dma_fence_timeline_create(NULL), ==, NULL), "without a name");
}

TEST(no_memory_for_a_timeline_is_no_timeline)
{
	struct dma_fence_timeline *tl;

	os_fault_arm(1);
	tl = dma_fence_timeline_create("none");
	ASSERT_TRUE(os_fault_disarm());
	ASSERT_PTR(tl, ==, NULL);
}

TEST(no_memory_for_a_point_uses_no_number)
{
	struct dma_fence_timeline *tl = dma_fence_timeline_create("tl");
	struct dma_fence *point;

	os_fault_arm(1);
	point = dma_fence_timeline_emit(tl);
	ASSERT_TRUE(os_fault_disarm());
	ASSERT_PTR(point, ==, NULL);
	ASSERT_INT(dma_fence_timeline_signal(tl, 1, 0), ==, -ERANGE);
	point = dma_fence_timeline_emit(tl);
	ASSERT_INT(point->seqno, ==, 1);
	ASSERT_INT(dma_fence_timeline_signal(tl, 1, 0), ==, 0);
	dma_fence_put(point);
	dma_fence_timeline_destroy(tl);
}

/* Signalling must work where there is no memory. */
TEST(signalling_allocates_nothing)
{
	struct dma_fence_timeline *tl = dma_fence_timeline_create("tl");
	struct dma_fence *points[2];

	emit_points(tl, points, 2);
	os_fault_arm(1);
	ASSERT_INT(dma_fence_timeline_signal(tl, 1, 0), ==, 0);
	ASSERT_INT(dma_fence_timeline_fail(tl, -EIO), ==, 0);
	ASSERT_FALSE(os_fault_disarm());
	put_points(points, 2);
	dma_fence_timeline_destroy(tl);
}

/*
 * Signalling.
 */

TEST(signal_takes_all_points_up_to_its_own)
{
	struct dma_fence_timeline *tl = dma_fence_timeline_create("tl");
	struct dma_fence *points[POINTS];

	emit_points(tl, points, POINTS);
	ASSERT_INT(dma_fence_timeline_signal(tl, 3, 0), ==, 0);
	for (unsigned int i = 0; i < POINTS; i++)
		ASSERT_INT(dma_fence_get_status(points[i]), ==, i < 3);
	ASSERT_INT(dma_fence_timeline_signal(tl, POINTS, 0), ==, 0);
	for (unsigned int i = 0; i < POINTS; i++)
		ASSERT_INT(dma_fence_get_status(points[i]), ==, 1);
	put_points(points, POINTS);
	dma_fence_timeline_destroy(tl);
}

TEST(the_error_is_the_last_points_alone)
{
	struct dma_fence_timeline *tl = dma_fence_timeline_create("tl");
	struct dma_fence *points[POINTS];

	emit_points(tl, points, POINTS);
	ASSERT_INT(dma_fence_timeline_signal(tl, 3, -EIO), ==, 0);
	ASSERT_INT(dma_fence_get_status(points[0]), ==, 1);
	ASSERT_INT(dma_fence_get_status(points[1]), ==, 1);
	ASSERT_INT(dma_fence_get_status(points[2]), ==, -EIO);
	ASSERT_INT(dma_fence_timeline_signal(tl, 4, 0), ==, 0);
	ASSERT_INT(dma_fence_get_status(points[3]), ==, 1);
	ASSERT_INT(dma_fence_get_status(points[4]), ==, 0);
	put_points(points, POINTS);
	dma_fence_timeline_destroy(tl);
}

/* Trap 25. */
TEST(a_timeline_goes_neither_backwards_nor_ahead_of_itself)
{
	struct dma_fence_timeline *tl = dma_fence_timeline_create("tl");
	struct dma_fence *points[POINTS];

	ASSERT_INT(dma_fence_timeline_signal(tl, 0, 0), ==, -ERANGE);
	ASSERT_INT(dma_fence_timeline_signal(tl, 1, 0), ==, -ERANGE);
	emit_points(tl, points, POINTS);
	ASSERT_INT(dma_fence_timeline_signal(tl, POINTS + 1, 0), ==, -ERANGE);
	ASSERT_INT(dma_fence_timeline_signal(tl, UINT64_MAX, 0), ==, -ERANGE);
	ASSERT_INT(dma_fence_get_status(points[0]), ==, 0);
	ASSERT_INT(dma_fence_timeline_signal(tl, 3, 0), ==, 0);
	ASSERT_INT(dma_fence_timeline_signal(tl, 3, -EIO), ==, -ERANGE);
	ASSERT_INT(dma_fence_timeline_signal(tl, 2, -EIO), ==, -ERANGE);
	ASSERT_INT(dma_fence_timeline_signal(tl, 0, 0), ==, -ERANGE);
	ASSERT_INT(dma_fence_get_status(points[1]), ==, 1);
	ASSERT_INT(dma_fence_get_status(points[2]), ==, 1);
	ASSERT_INT(dma_fence_get_status(points[3]), ==, 0);
	ASSERT_INT(dma_fence_timeline_fail(tl, -EIO), ==, 0);
	ASSERT_INT(dma_fence_timeline_signal(tl, POINTS, 0), ==, -ERANGE);
	put_points(points, POINTS);
	dma_fence_timeline_destroy(tl);
}

TEST(errors_are_negative_errnos)
{
	struct dma_fence_timeline *tl = dma_fence_timeline_create("tl");
	struct dma_fence *point = dma_fence_timeline_emit(tl);

	ASSERT_INT(dma_fence_timeline_signal(tl, 1, 1), ==, -EINVAL);
	ASSERT_INT(dma_fence_timeline_signal(tl, 1, -4096), ==, -EINVAL);
	ASSERT_INT(dma_fence_timeline_signal(tl, 1, INT32_MIN), ==, -EINVAL);
	ASSERT_INT(dma_fence_timeline_fail(tl, 0), ==, -EINVAL);
	ASSERT_INT(dma_fence_timeline_fail(tl, EIO), ==, -EINVAL);
	ASSERT_INT(dma_fence_timeline_fail(tl, -4096), ==, -EINVAL);
	ASSERT_INT(dma_fence_get_status(point), ==, 0);
	ASSERT_INT(dma_fence_timeline_signal(tl, 1, -4095), ==, 0);
	ASSERT_INT(dma_fence_get_status(point), ==, -4095);
	dma_fence_put(point);
	dma_fence_timeline_destroy(tl);
}

TEST(fail_ends_every_point_that_is_left_and_the_timeline_goes_on)
{
	struct dma_fence_timeline *tl = dma_fence_timeline_create("tl");
	struct dma_fence *points[POINTS], *after;

	ASSERT_INT(dma_fence_timeline_fail(tl, -EIO), ==, 0); /* nothing was left */
	emit_points(tl, points, POINTS);
	ASSERT_INT(dma_fence_timeline_signal(tl, 2, 0), ==, 0);
	ASSERT_INT(dma_fence_timeline_fail(tl, -ENODATA), ==, 0);
	for (unsigned int i = 0; i < POINTS; i++)
		ASSERT_INT(dma_fence_get_status(points[i]), ==, i < 2 ? 1 : -ENODATA);
	after = dma_fence_timeline_emit(tl);
	ASSERT_INT(after->seqno, ==, POINTS + 1);
	ASSERT_INT(dma_fence_timeline_signal(tl, POINTS + 1, 0), ==, 0);
	ASSERT_INT(dma_fence_get_status(after), ==, 1);
	dma_fence_put(after);
	put_points(points, POINTS);
	dma_fence_timeline_destroy(tl);
}

TEST(destroy_cancels_what_is_left)
{
	struct dma_fence_timeline *tl = dma_fence_timeline_create("tl");
	struct dma_fence *points[POINTS];

	emit_points(tl, points, POINTS);
	ASSERT_INT(dma_fence_timeline_signal(tl, 1, 0), ==, 0);
	dma_fence_timeline_destroy(tl);
	for (unsigned int i = 0; i < POINTS; i++)
		ASSERT_INT(dma_fence_get_status(points[i]), ==, i < 1 ? 1 : -ECANCELED);
	put_points(points, POINTS);
	dma_fence_timeline_destroy(NULL);
}

TEST(points_that_nobody_holds_are_signalled_too)
{
	struct dma_fence_timeline *tl = dma_fence_timeline_create("tl");
	struct dma_fence *points[POINTS];

	emit_points(tl, points, POINTS);
	put_points(points, POINTS);
	ASSERT_INT(dma_fence_timeline_signal(tl, 3, 0), ==, 0);
	dma_fence_timeline_destroy(tl);
}

/*
 * Only the timeline signals its points.
 */

TEST(who_holds_a_point_cannot_end_it)
{
	struct dma_fence_timeline *tl = dma_fence_timeline_create("tl");
	struct dma_fence *point = dma_fence_timeline_emit(tl);

	ASSERT_DEATH(dma_fence_signal(point), "dma_fence_timeline_signal() does that");
	ASSERT_DEATH(dma_fence_signal_timestamp(point, 1), "dma_fence_timeline_signal() does that");
	ASSERT_DEATH(dma_fence_check_and_signal(point), "dma_fence_timeline_signal() does that");
	ASSERT_DEATH({
		dmabuf_spin_lock(dma_fence_spinlock(point));
		dma_fence_signal_locked(point);
	}, "dma_fence_timeline_signal() does that");
	ASSERT_DEATH(dma_fence_set_error(point, -EIO), "dma_fence_timeline_signal() does that");
	dma_fence_put(point);
	dma_fence_timeline_destroy(tl);
}

/*
 * Inside a callback.
 */

struct issuer {
	struct dma_fence_cb cb;
	struct dma_fence_timeline *tl;
	struct dma_fence *emitted;
	unsigned int calls;
};

static void emit_one_more(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct issuer *issuer = container_of(cb, struct issuer, cb);

	(void)fence;
	issuer->calls++;
	issuer->emitted = dma_fence_timeline_emit(issuer->tl);
}

TEST(a_callback_may_emit_the_next_point)
{
	struct issuer issuer = { .tl = dma_fence_timeline_create("tl") };
	struct dma_fence *points[2];

	emit_points(issuer.tl, points, 2);
	dma_fence_add_callback(points[0], &issuer.cb, emit_one_more);
	ASSERT_INT(dma_fence_timeline_signal(issuer.tl, 2, 0), ==, 0);
	ASSERT_INT(issuer.emitted->seqno, ==, 3);
	ASSERT_INT(dma_fence_get_status(issuer.emitted), ==, 0);
	ASSERT_INT(dma_fence_timeline_signal(issuer.tl, 3, 0), ==, 0);
	ASSERT_INT(dma_fence_get_status(issuer.emitted), ==, 1);
	dma_fence_put(issuer.emitted);
	put_points(points, 2);
	dma_fence_timeline_destroy(issuer.tl);
}

TEST(a_callback_may_not_emit_while_the_timeline_ends)
{
	struct issuer issuer = { .tl = dma_fence_timeline_create("tl") };
	struct dma_fence *point = dma_fence_timeline_emit(issuer.tl);

	dma_fence_add_callback(point, &issuer.cb, emit_one_more);
	dma_fence_timeline_destroy(issuer.tl);
	ASSERT_INT(issuer.calls, ==, 1);
	ASSERT_PTR(issuer.emitted, ==, NULL); /* nobody would ever signal it */
	dma_fence_put(point);
}

static void signal_own_timeline(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	(void)fence;
	(void)dma_fence_timeline_signal(container_of(cb, struct issuer, cb)->tl, 2, 0);
}

static void fail_own_timeline(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	(void)fence;
	(void)dma_fence_timeline_fail(container_of(cb, struct issuer, cb)->tl, -EIO);
}

TEST(signalling_a_timeline_inside_its_own_callback_aborts)
{
	static const dma_fence_func_t funcs[] = { signal_own_timeline, fail_own_timeline };

	for (unsigned int i = 0; i < 2; i++) {
		struct issuer issuer = { .tl = dma_fence_timeline_create("mine") };
		struct dma_fence *points[2];

		emit_points(issuer.tl, points, 2);
		dma_fence_add_callback(points[0], &issuer.cb, funcs[i]);
		ASSERT_DEATH(dma_fence_timeline_signal(issuer.tl, 1, 0),
			     "timeline mine is signalled inside");
		dma_fence_remove_callback(points[0], &issuer.cb);
		put_points(points, 2);
		dma_fence_timeline_destroy(issuer.tl);
	}
}

TEST(a_callback_may_signal_another_timeline)
{
	struct issuer issuer = { .tl = dma_fence_timeline_create("second") };
	struct dma_fence_timeline *first = dma_fence_timeline_create("first");
	struct dma_fence *point = dma_fence_timeline_emit(first), *points[2];

	emit_points(issuer.tl, points, 2);
	dma_fence_add_callback(point, &issuer.cb, signal_own_timeline);
	ASSERT_INT(dma_fence_timeline_signal(first, 1, 0), ==, 0);
	ASSERT_INT(dma_fence_get_status(points[1]), ==, 1);
	dma_fence_put(point);
	put_points(points, 2);
	dma_fence_timeline_destroy(first);
	dma_fence_timeline_destroy(issuer.tl);
}

/* An array signals after all of the timeline's locks are dropped. */
TEST(the_callback_of_an_array_over_points_may_signal_their_timeline)
{
	struct issuer issuer = { .tl = dma_fence_timeline_create("tl") };
	struct dma_fence **table = malloc(sizeof(*table)), *points[2];
	struct dma_fence_array *array;

	emit_points(issuer.tl, points, 2);
	table[0] = dma_fence_get(points[0]);
	array = dma_fence_array_create(1, table, 1, 1, false);
	ASSERT_INT(dma_fence_add_callback(&array->base, &issuer.cb, signal_own_timeline), ==, 0);
	ASSERT_INT(dma_fence_timeline_signal(issuer.tl, 1, 0), ==, 0);
	ASSERT_INT(dma_fence_get_status(points[1]), ==, 1);
	dma_fence_put(&array->base);
	put_points(points, 2);
	dma_fence_timeline_destroy(issuer.tl);
}

/*
 * Two signallers.
 */

#define RACED 40

struct race {
	struct dma_fence_timeline *tl;
	struct dma_fence *points[RACED];
	struct counting_cb cbs[RACED];
	uint64_t last; /* under the timeline's signalling: number that ran last */
	unsigned int accepted; /* atomic: calls that returned 0 */
	bool emitted;	       /* atomic */
};

static struct race *the_race;

static void check_order(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	ASSERT_INT(fence->seqno, ==, the_race->last + 1);
	the_race->last = fence->seqno;
	count_call(fence, cb);
}

static void signal_in_random_steps(unsigned int index, void *arg)
{
	struct race *race = arg;
	uint32_t chance = test_thread_seed();

	(void)index;
	for (uint64_t seqno = 1; seqno < RACED; seqno += 1 + test_random(&chance) % 3) {
		const int err = dma_fence_timeline_signal(race->tl, seqno, 0);

		test_operation();
		ASSERT_TRUE(!err || err == -ERANGE);
		if (!err)
			fetch_add_relaxed(&race->accepted, 1);
		/* What was accepted or passed has signalled, or is the other's, just now. */
		if (!err)
			ASSERT_TRUE(dma_fence_test_signaled_flag(race->points[seqno - 1]));
	}
}

TORTURE(two_signallers_keep_the_order)
{
	for (unsigned int i = 0; i < test_rounds(200); i++) {
		struct race race = { .tl = dma_fence_timeline_create("raced") };

		the_race = &race;
		emit_points(race.tl, race.points, RACED);
		for (unsigned int k = 0; k < RACED; k++)
			dma_fence_add_callback(race.points[k], &race.cbs[k].cb, check_order);
		test_race_begin();
		test_threads(2, signal_in_random_steps, &race);
		test_race_end();
		ASSERT_INT(race.accepted, >, 0);
		ASSERT_INT(dma_fence_timeline_fail(race.tl, -EIO), ==, 0);
		ASSERT_INT(race.last, ==, RACED);
		for (unsigned int k = 0; k < RACED; k++)
			ASSERT_INT(race.cbs[k].calls, ==, 1);
		put_points(race.points, RACED);
		dma_fence_timeline_destroy(race.tl);
	}
}

struct stream {
	struct dma_fence_timeline *tl;
	uint64_t emitted; /* atomic */
	unsigned int rounds;
};

static void emit_or_signal(unsigned int index, void *arg)
{
	struct stream *stream = arg;

	for (unsigned int i = 0; i < stream->rounds; i++) {
		test_operation();
		if (index < 2) {
			struct dma_fence *point = dma_fence_timeline_emit(stream->tl);

			__atomic_fetch_add(&stream->emitted, 1, __ATOMIC_ACQ_REL);
			dma_fence_put(point);
		} else {
			const uint64_t upto = load_acquire(&stream->emitted);
			const int err = dma_fence_timeline_signal(stream->tl, upto, 0);

			ASSERT_TRUE(!err || err == -ERANGE);
		}
	}
}

TORTURE(emit_and_signal_race_from_several_threads)
{
	struct stream stream = { .tl = dma_fence_timeline_create("stream"),
				 .rounds = test_rounds(4000) };
	struct dma_fence *last;

	test_race_begin();
	test_threads(4, emit_or_signal, &stream);
	test_race_end();
	last = dma_fence_timeline_emit(stream.tl);
	ASSERT_INT(last->seqno, ==, 2 * stream.rounds + 1);
	ASSERT_INT(dma_fence_timeline_signal(stream.tl, last->seqno, 0), ==, 0);
	dma_fence_put(last);
	dma_fence_timeline_destroy(stream.tl);
}
