/* SPDX-License-Identifier: MIT */
/*
 * References in bulk, under a ticket. Where the rules are checked, or somebody listens, each
 * reference is counted on its own; so this program runs both ways.
 */
#include "harness.h"

#include <dmabuf/dma-resv.h>

#include "debug/trace.h"
#include "mock.h"
#include "view.h"

enum { OBJECTS = 8 };

static struct dma_resv objects[OBJECTS];
static struct ww_acquire_ctx ticket;

static void begin(void)
{
	for (unsigned int i = 0; i < OBJECTS; i++)
		dma_resv_init(&objects[i]);
}

static void end(void)
{
	for (unsigned int i = 0; i < OBJECTS; i++)
		dma_resv_fini(&objects[i]);
}

static void lock_all(void)
{
	ww_acquire_init(&ticket, &reservation_ww_class);
	for (unsigned int i = 0; i < OBJECTS; i++) {
		ASSERT_INT(dma_resv_lock(&objects[i], &ticket), ==, 0);
		reserve(&objects[i], 2);
	}
}

static void unlock_all(void)
{
	for (unsigned int i = 0; i < OBJECTS; i++)
		dma_resv_unlock(&objects[i]);
}

static void add_to_all(struct dma_fence *fence)
{
	lock_all();
	for (unsigned int i = 0; i < OBJECTS; i++)
		dma_resv_add_fence(&objects[i], fence, WRITE);
	unlock_all();
	ww_acquire_fini(&ticket);
}

TEST(one_fence_on_many_has_a_reference_for_each)
{
	struct dma_fence *first = mock_fence(1, 1), *second = mock_fence(1, 2);

	begin();
	add_to_all(first);
	ASSERT_INT(references(first), ==, 1 + OBJECTS);
	add_to_all(second);
	ASSERT_INT(references(first), ==, 1);
	ASSERT_INT(references(second), ==, 1 + OBJECTS);
	end();
	ASSERT_INT(references(second), ==, 1);
	dma_fence_put(first);
	dma_fence_put(second);
}

/* The first alone, then one for each lock that is held. */
TEST(from_the_second_on_they_are_taken_at_once)
{
	struct dma_fence *fence = mock_lone();

	begin();
	lock_all();
	dma_resv_add_fence(&objects[0], fence, WRITE);
	ASSERT_INT(references(fence), ==, 2);
	dma_resv_add_fence(&objects[1], fence, WRITE);
	ASSERT_INT(references(fence), ==, watch_is_on() ? 3 : 2 + OBJECTS);
	dma_resv_add_fence(&objects[2], fence, WRITE);
	ASSERT_INT(references(fence), ==, watch_is_on() ? 4 : 2 + OBJECTS);
	unlock_all();
	ww_acquire_fini(&ticket);
	ASSERT_INT(references(fence), ==, 4); /* what was not needed has gone back */
	end();
	dma_fence_put(fence);
}

TEST(more_adds_than_locks_take_again)
{
	struct dma_fence *fence = mock_lone();

	begin();
	lock_all();
	for (unsigned int i = 0; i < OBJECTS; i++) {
		dma_resv_add_fence(&objects[i], fence, WRITE);
		dma_resv_add_fence(&objects[i], fence, READ);
	}
	unlock_all();
	ww_acquire_fini(&ticket);
	end();
	ASSERT_INT(references(fence), ==, 1);
	dma_fence_put(fence);
}

TEST(fences_in_turn_are_counted_one_by_one)
{
	struct dma_fence *writer = mock_lone(), *reader = mock_lone();

	begin();
	lock_all();
	for (unsigned int i = 0; i < OBJECTS; i++) {
		dma_resv_add_fence(&objects[i], writer, WRITE);
		dma_resv_add_fence(&objects[i], reader, READ);
		ASSERT_INT(references(writer), ==, 2 + i);
		ASSERT_INT(references(reader), ==, 2 + i);
	}
	unlock_all();
	ww_acquire_fini(&ticket);
	end();
	dma_fence_put(writer);
	dma_fence_put(reader);
}

/* Half of them have one, half another. */
TEST(the_next_fence_gives_back_what_the_last_had_too_many)
{
	struct dma_fence *fence[2] = { mock_lone(), mock_lone() };

	begin();
	lock_all();
	for (unsigned int i = 0; i < OBJECTS; i++)
		dma_resv_add_fence(&objects[i], fence[i / (OBJECTS / 2)], WRITE);
	ASSERT_INT(references(fence[0]), ==, 1 + OBJECTS / 2);
	unlock_all();
	ww_acquire_fini(&ticket);
	ASSERT_INT(references(fence[1]), ==, 1 + OBJECTS / 2);
	end();
	dma_fence_put(fence[0]);
	dma_fence_put(fence[1]);
}

/* What is dropped from many goes at the ticket's end at the latest, and not before the last. */
TEST(the_last_reference_goes_with_the_ticket)
{
	bool released;
	struct dma_fence *old = mock_init(&mock_ops, 1, 1, &released), *new = mock_fence(1, 2);

	begin();
	add_to_all(old);
	dma_fence_put(old);
	lock_all();
	for (unsigned int i = 0; i < OBJECTS; i++) {
		ASSERT_FALSE(released);
		dma_resv_add_fence(&objects[i], new, WRITE);
		dma_resv_unlock(&objects[i]);
	}
	ww_acquire_fini(&ticket);
	ASSERT_TRUE(released);
	end();
	dma_fence_put(new);
}

/* Each has another one: no more than one of them is late. */
TEST(what_is_dropped_is_different_for_each)
{
	struct dma_fence *old[OBJECTS], *new = mock_fence(1, 2);

	begin();
	for (unsigned int i = 0; i < OBJECTS; i++) {
		old[i] = mock_fence(1, 1);
		add_alone(&objects[i], old[i], WRITE);
	}
	lock_all();
	for (unsigned int i = 0; i < OBJECTS; i++) {
		dma_resv_add_fence(&objects[i], new, WRITE);
		dma_resv_unlock(&objects[i]);
		if (i)
			ASSERT_INT(references(old[i - 1]), ==, 1);
	}
	ww_acquire_fini(&ticket);
	ASSERT_INT(references(old[OBJECTS - 1]), ==, 1);
	end();
	for (unsigned int i = 0; i < OBJECTS; i++)
		dma_fence_put(old[i]);
	dma_fence_put(new);
}

/* Who backs off keeps the ticket, and what it has taken. */
TEST(backing_off_keeps_the_count)
{
	struct dma_fence *fence = mock_lone();

	begin();
	lock_all();
	dma_resv_add_fence(&objects[0], fence, WRITE);
	dma_resv_add_fence(&objects[1], fence, WRITE);
	unlock_all();
	for (unsigned int i = 2; i < OBJECTS; i++) {
		ASSERT_INT(dma_resv_lock(&objects[i], &ticket), ==, 0);
		add(&objects[i], fence, WRITE);
		dma_resv_unlock(&objects[i]);
	}
	ww_acquire_fini(&ticket);
	ASSERT_INT(references(fence), ==, 1 + OBJECTS);
	end();
	dma_fence_put(fence);
}

/*
 * What a release does to other reservations, while the ticket holds them.
 */

static struct dma_fence *late; /* what it adds; NULL: it commits */
static bool has_come_back;

static void come_back(struct dma_fence *fence)
{
	has_come_back = true;
	for (unsigned int i = OBJECTS - 2; i < OBJECTS && dma_resv_held(&objects[i]); i++) {
		if (late)
			dma_resv_add_fence(&objects[i], late, WRITE);
		else
			dma_resv_commit(&objects[i]);
	}
	dma_fence_free(fence);
}

static const struct dma_fence_ops come_back_ops = {
	.get_driver_name = mock_name,
	.get_timeline_name = mock_name,
	.release = come_back,
};

/* One goes as the next is dropped, and drops two more. */
TEST(a_release_may_drop_fences_itself)
{
	struct dma_fence *old = mock_fence(1, 1), *new = mock_fence(1, 3);
	struct dma_fence *first = mock_init(&come_back_ops, 1, 2, NULL);

	late = NULL;
	has_come_back = false;
	begin();
	add_to_all(old);
	add_alone(&objects[0], first, WRITE);
	dma_fence_put(first);
	lock_all();
	for (unsigned int i = 0; i < OBJECTS; i++)
		dma_resv_add_fence(&objects[i], new, WRITE);
	for (unsigned int i = 0; i < OBJECTS; i++)
		dma_resv_commit(&objects[i]);
	ASSERT_TRUE(has_come_back);
	unlock_all();
	ww_acquire_fini(&ticket);
	ASSERT_INT(references(old), ==, 1);
	ASSERT_INT(references(new), ==, 1 + OBJECTS);
	end();
	dma_fence_put(old);
	dma_fence_put(new);
}

/* Nobody has references on the first any more but the ticket, when it takes those of the next. */
TEST(a_release_may_take_references_itself)
{
	struct dma_fence *first = mock_init(&come_back_ops, 1, 1, NULL), *next = mock_lone();

	late = mock_lone();
	has_come_back = false;
	begin();
	lock_all();
	for (unsigned int i = 0; i < 2; i++)
		dma_resv_add_fence(&objects[i], first, WRITE);
	dma_fence_signal(first);
	for (unsigned int i = 0; i < 2; i++)
		dma_resv_prune_fences(&objects[i]);
	dma_fence_put(first);
	for (unsigned int i = 0; i < 4; i++)
		dma_resv_add_fence(&objects[i], next, WRITE);
	unlock_all();
	ww_acquire_fini(&ticket);
	ASSERT_TRUE(has_come_back);
	ASSERT_INT(references(next), ==, 1 + 4);
	end();
	ASSERT_INT(references(next), ==, 1);
	ASSERT_INT(references(late), ==, 1);
	dma_fence_put(next);
	dma_fence_put(late);
}

/* The rules say so in their own words. */
TEST(a_fence_without_references_is_neither_taken_nor_put)
{
	struct dma_fence *fence = mock_lone();
	struct dma_resv obj;

	dma_resv_init(&obj);
	lock(&obj);
	add(&obj, fence, WRITE);
	dma_fence_put(fence);
	dmabuf_rcu_read_lock(); /* its memory stays */
	ASSERT_DEATH((dma_fence_put(fence), dma_resv_unlock(&obj), dma_resv_fini(&obj)),
		     watch_is_on() ? "used after its end" : "put: somebody put one too many");
	ASSERT_DEATH((dma_fence_put(fence), dma_resv_commit(&obj), add(&obj, fence, KERNEL)),
		     watch_is_on() ? "used after its end" : "without references is used");
	dmabuf_rcu_read_unlock();
	dma_resv_unlock(&obj);
	dma_resv_fini(&obj);
}
