/* SPDX-License-Identifier: MIT */
/*
 * D001, on a program's own locks and on reservations: each way to break a rule is
 * reported, and its corrected twin is not.
 *
 * The locks of these tests lock nothing: it is enough to say that they are taken.
 */
#include "rules.h"

#include <dmabuf/dma-resv.h>

/*
 * D001: orders of classes.
 */

/* A lock and its class. */
struct kind {
	struct dmabuf_lock_class lock_class;
	char lock;
};

#define KIND(called) { .lock_class = { .name = called } }

STEP void forwards(struct kind *outer, struct kind *inner)
{
	take(&outer->lock_class, &outer->lock);
	take(&inner->lock_class, &inner->lock);
	drop(&inner->lock);
	drop(&outer->lock);
	STAYS;
}

STEP void backwards(struct kind *outer, struct kind *inner)
{
	take(&outer->lock_class, &outer->lock);
	take(&inner->lock_class, &inner->lock);
	drop(&inner->lock);
	drop(&outer->lock);
	STAYS;
}

/* Each inside the one before. */
static void take_pairwise(struct kind *kinds, unsigned int n)
{
	for (unsigned int i = 1; i < n; i++)
		forwards(&kinds[i - 1], &kinds[i]);
}

TEST(inversion_of_two_classes_is_reported)
{
	static struct kind kinds[] = { KIND("first"), KIND("second") };

	take_pairwise(kinds, 2);
	ASSERT_REPORTED(backwards(&kinds[1], &kinds[0]), "D001", "a cycle of 2",
			"now: first", "while second", "backwards", "inversion_of_two",
			"before: second", "while first", "forwards", "inversion_of_two",
			"What to do: take these locks in one order");
}

TEST(inversion_of_three_classes_is_reported)
{
	static struct kind kinds[] = { KIND("a"), KIND("b"),
				       KIND("c") };

	take_pairwise(kinds, 3);
	ASSERT_REPORTED(backwards(&kinds[2], &kinds[0]), "D001", "a cycle of 3", "now: a",
			"backwards", "before: c", "forwards", "before: b", "forwards");
}

TEST(inversion_of_five_classes_is_reported)
{
	static struct kind kinds[] = { KIND("a"), KIND("b"),
				       KIND("c"), KIND("d"),
				       KIND("e") };

	take_pairwise(kinds, 5);
	ASSERT_REPORTED(backwards(&kinds[4], &kinds[0]), "D001", "a cycle of 5", "now: a",
			"backwards", "before: e", "before: d", "before: c", "before: b",
			"forwards");
}

/* Every pair, always in one order, any number of times. */
TEST(one_order_of_five_classes_is_not)
{
	static struct kind kinds[] = { KIND("a"), KIND("b"),
				       KIND("c"), KIND("d"),
				       KIND("e") };

	for (unsigned int rounds = 0; rounds < 3; rounds++) {
		for (unsigned int i = 0; i < 5; i++) {
			for (unsigned int j = i + 1; j < 5; j++)
				forwards(&kinds[i], &kinds[j]);
		}
	}
}

STEP void take_in_order(void *arg)
{
	struct kind *kinds = arg;

	forwards(&kinds[0], &kinds[1]);
	STAYS;
}

TEST(inversion_between_two_threads_is_reported)
{
	static struct kind kinds[] = { KIND("mine"), KIND("yours") };

	in_thread(take_in_order, kinds);
	ASSERT_REPORTED(backwards(&kinds[1], &kinds[0]), "D001", "now: mine", "backwards",
			"before: yours", "forwards", "take_in_order");
}

STEP void might_take(struct kind *outer, struct kind *inner)
{
	take(&outer->lock_class, &outer->lock);
	dmabuf_might_lock(&inner->lock_class, &inner->lock, 0);
	drop(&outer->lock);
	STAYS;
}

/* The possibility is enough, on either side. */
TEST(inversion_that_is_only_possible_is_reported)
{
	static struct kind kinds[] = { KIND("one"), KIND("two"),
				       KIND("three"), KIND("four") };

	forwards(&kinds[0], &kinds[1]);
	ASSERT_REPORTED(might_take(&kinds[1], &kinds[0]), "D001", "now: one", "might_take",
			"before: two", "forwards");
	might_take(&kinds[2], &kinds[3]);
	ASSERT_REPORTED(backwards(&kinds[3], &kinds[2]), "D001", "now: three", "backwards",
			"before: four", "might_take");
}

STEP void try_inside(struct kind *outer, struct kind *inner)
{
	take(&outer->lock_class, &outer->lock);
	dmabuf_lock_acquire(&inner->lock_class, &inner->lock, DMABUF_LOCK_TRY);
	drop(&inner->lock);
	drop(&outer->lock);
	STAYS;
}

TEST(trylock_against_the_order_is_not)
{
	static struct kind kinds[] = { KIND("one"), KIND("two") };

	forwards(&kinds[0], &kinds[1]);
	try_inside(&kinds[1], &kinds[0]);
	try_inside(&kinds[0], &kinds[1]);
}

STEP void take_inside_tried(struct kind *outer, struct kind *inner)
{
	dmabuf_lock_acquire(&outer->lock_class, &outer->lock, DMABUF_LOCK_TRY);
	take(&inner->lock_class, &inner->lock);
	drop(&inner->lock);
	drop(&outer->lock);
	STAYS;
}

/* Who waits inside a lock that was tried is waited for like anybody else. */
TEST(lock_inside_a_tried_one_against_the_order_is_reported)
{
	static struct kind kinds[] = { KIND("one"), KIND("two") };

	forwards(&kinds[0], &kinds[1]);
	ASSERT_REPORTED(take_inside_tried(&kinds[1], &kinds[0]), "D001", "now: one",
			"take_inside_tried", "before: two", "forwards");
}

/* As a condition variable does: dropped and taken anew, inside of nothing. */
TEST(lock_that_was_dropped_before_is_not)
{
	static struct kind kinds[] = { KIND("one"), KIND("two") };

	forwards(&kinds[0], &kinds[1]);
	take(&kinds[1].lock_class, &kinds[1].lock);
	drop(&kinds[1].lock);
	take(&kinds[0].lock_class, &kinds[0].lock);
	drop(&kinds[0].lock);
}

/* Locks need not be dropped in the reverse order. */
TEST(lock_is_out_of_the_order_once_it_is_dropped)
{
	static lock_kind queues = { .name = "queue" }, tables = { .name = "table" };
	const char locks[2] = "", table = 0;

	take(&queues, &locks[0]);
	dmabuf_lock_acquire(&tables, &table, DMABUF_LOCK_TRY);
	drop(&locks[0]);
	take(&queues, &locks[1]);
	drop(&table);
	ASSERT_REPORTS(take(&queues, &locks[0]), 1);
	drop(&locks[0]);
	drop(&locks[1]);
}

/*
 * D001: reservations and a program's locks.
 */

struct both {
	struct kind kind;
	struct dma_resv resv;
};

STEP void lock_inside_reservation(struct both *both)
{
	ASSERT_INT(dma_resv_lock(&both->resv, NULL), ==, 0);
	take(&both->kind.lock_class, &both->kind.lock);
	drop(&both->kind.lock);
	dma_resv_unlock(&both->resv);
	STAYS;
}

STEP void reservation_inside_lock(struct both *both)
{
	take(&both->kind.lock_class, &both->kind.lock);
	ASSERT_INT(dma_resv_lock(&both->resv, NULL), ==, 0);
	dma_resv_unlock(&both->resv);
	drop(&both->kind.lock);
	STAYS;
}

TEST(lock_inside_a_reservation_and_the_reverse_is_reported)
{
	static struct both both = { .kind = KIND("queue") };

	dma_resv_init(&both.resv);
	lock_inside_reservation(&both);
	ASSERT_REPORTED(reservation_inside_lock(&both), "D001", "now: reservation_ww_class",
			"while queue", "reservation_inside_lock",
			"before: queue", "lock_inside_reservation");
	dma_resv_fini(&both.resv);
}

TEST(reservation_inside_a_lock_and_the_reverse_is_reported)
{
	static struct both both = { .kind = KIND("queue") };

	dma_resv_init(&both.resv);
	reservation_inside_lock(&both);
	ASSERT_REPORTED(lock_inside_reservation(&both), "D001", "now: queue",
			"while reservation_ww_class", "lock_inside_reservation",
			"before: reservation_ww_class", "reservation_inside_lock");
	dma_resv_fini(&both.resv);
}

TEST(lock_on_one_side_of_a_reservation_is_not)
{
	static struct both outside = { .kind = KIND("outside") },
			   inside = { .kind = KIND("inside") };

	dma_resv_init(&outside.resv);
	dma_resv_init(&inside.resv);
	for (unsigned int rounds = 0; rounds < 2; rounds++) {
		reservation_inside_lock(&outside);
		lock_inside_reservation(&inside);
	}
	dma_resv_fini(&outside.resv);
	dma_resv_fini(&inside.resv);
}

/* What is seen of one reservation holds for all. */
TEST(reservations_are_one_class)
{
	static struct both one = { .kind = KIND("queue") };
	struct dma_resv other;

	dma_resv_init(&one.resv);
	dma_resv_init(&other);
	lock_inside_reservation(&one);
	ASSERT_INT(dma_resv_lock(&other, NULL), ==, 0);
	dma_resv_unlock(&other);
	dma_resv_fini(&one.resv);
	dma_resv_init(&one.resv); /* another one now, at the same place */
	ASSERT_REPORTS(reservation_inside_lock(&one), 1);
	dma_resv_fini(&one.resv);
	dma_resv_fini(&other);
}

/*
 * D001: locks of one class.
 */

STEP void two_of_a_class(lock_kind *kind, const char *outer, const char *inner)
{
	take(kind, outer);
	take(kind, inner);
	drop(inner);
	drop(outer);
	STAYS;
}

STEP void try_two_of_a_class(lock_kind *kind, const char *outer, const char *inner)
{
	take(kind, outer);
	dmabuf_lock_acquire(kind, inner, DMABUF_LOCK_TRY);
	drop(inner);
	drop(outer);
	STAYS;
}

STEP void two_kinds(lock_kind *kind, const char *outer, const char *inner, unsigned int flags)
{
	take(kind, outer);
	dmabuf_lock_acquire(kind, inner, flags);
	drop(inner);
	drop(outer);
	STAYS;
}

TEST(two_locks_of_a_class_without_an_order_is_reported)
{
	static lock_kind queues = { .name = "queue" };
	const char locks[2] = "";

	ASSERT_REPORTED(two_of_a_class(&queues, &locks[0], &locks[1]), "D001",
			"no order is documented", "two_of_a_class", "which this thread has",
			"two_of_a_class", "What to do: take these locks in one order");
}

TEST(two_locks_of_a_class_the_second_tried_is_not)
{
	static lock_kind queues = { .name = "queue" };
	const char locks[2] = "";

	try_two_of_a_class(&queues, &locks[0], &locks[1]);
	try_two_of_a_class(&queues, &locks[1], &locks[0]);
}

TEST(lower_address_after_the_higher_is_reported)
{
	static lock_kind queues = { .name = "queue", .flags = DMABUF_LOCK_BY_ADDRESS };
	const char locks[3] = "";

	ASSERT_REPORTED(two_of_a_class(&queues, &locks[2], &locks[1]), "D001",
			"against the order of their addresses", "two_of_a_class",
			"which this thread has", "two_of_a_class");
}

TEST(higher_address_after_the_lower_is_not)
{
	static lock_kind queues = { .name = "queue", .flags = DMABUF_LOCK_BY_ADDRESS };
	const char locks[3] = "";

	two_of_a_class(&queues, &locks[0], &locks[1]);
	two_of_a_class(&queues, &locks[1], &locks[2]);
	two_of_a_class(&queues, &locks[0], &locks[2]);
	try_two_of_a_class(&queues, &locks[2], &locks[0]);
}

/* In the middle of two that are held. */
TEST(address_between_two_that_are_held_is_reported)
{
	static lock_kind queues = { .name = "queue", .flags = DMABUF_LOCK_BY_ADDRESS };
	const char locks[3] = "";

	take(&queues, &locks[0]);
	ASSERT_REPORTED(two_of_a_class(&queues, &locks[2], &locks[1]), "D001", "two_of_a_class");
	drop(&locks[0]);
}

TEST(objects_in_both_orders_is_reported)
{
	static lock_kind nodes = { .name = "node", .flags = DMABUF_LOCK_BY_OBJECT };
	const char locks[3] = "";

	two_of_a_class(&nodes, &locks[1], &locks[0]);
	two_of_a_class(&nodes, &locks[0], &locks[2]);
	ASSERT_REPORTED(two_of_a_class(&nodes, &locks[2], &locks[1]), "D001", "a cycle of 3",
			"now: node", "two_of_a_class", "before: node", "two_of_a_class");
	for (unsigned int i = 0; i < 3; i++)
		dmabuf_lock_forget(&locks[i]);
}

TEST(objects_in_an_order_of_their_own_is_not)
{
	static lock_kind nodes = { .name = "node", .flags = DMABUF_LOCK_BY_OBJECT };
	const char locks[4] = "";

	two_of_a_class(&nodes, &locks[1], &locks[0]);
	two_of_a_class(&nodes, &locks[0], &locks[2]);
	two_of_a_class(&nodes, &locks[1], &locks[2]);
	two_of_a_class(&nodes, &locks[3], &locks[1]);
	for (unsigned int i = 0; i < 4; i++)
		dmabuf_lock_forget(&locks[i]);
}

STEP void parent_inside_child(lock_kind *kind, const char *outer, const char *inner)
{
	dmabuf_lock_acquire(kind, outer, DMABUF_LOCK_NESTED(1));
	take(kind, inner);
	drop(inner);
	drop(outer);
	STAYS;
}

TEST(child_and_parent_in_both_orders_is_reported)
{
	static lock_kind dirs = { .name = "dir" };
	const char locks[2] = "";

	two_kinds(&dirs, &locks[0], &locks[1], DMABUF_LOCK_NESTED(1));
	ASSERT_REPORTED(parent_inside_child(&dirs, &locks[1], &locks[0]), "D001", "a cycle of 2",
			"now: dir", "parent_inside_child", "before: dir", "two_kinds");
}

TEST(child_inside_a_parent_is_not)
{
	static lock_kind dirs = { .name = "dir" };
	const char locks[3] = "";

	two_kinds(&dirs, &locks[0], &locks[1], DMABUF_LOCK_NESTED(1));
	two_kinds(&dirs, &locks[1], &locks[0], DMABUF_LOCK_NESTED(1));
	two_kinds(&dirs, &locks[1], &locks[2], DMABUF_LOCK_NESTED(7));
}

TEST(two_children_of_one_level_is_reported)
{
	static lock_kind dirs = { .name = "dir" };
	const char locks[3] = "";

	take(&dirs, &locks[0]);
	dmabuf_lock_acquire(&dirs, &locks[1], DMABUF_LOCK_NESTED(1));
	ASSERT_REPORTED(dmabuf_lock_acquire(&dirs, &locks[2], DMABUF_LOCK_NESTED(1)), "D001",
			"no order is documented", "two_children_of_one_level");
	drop(&locks[2]);
	drop(&locks[1]);
	drop(&locks[0]);
}

/* It is held until it was dropped as often as it was taken. */
TEST(recursive_lock_is_held_until_the_last_drop)
{
	static struct kind outer = { { .name = "outer", .flags = DMABUF_LOCK_RECURSIVE }, 0 },
			   inner = KIND("inner");

	take(&outer.lock_class, &outer.lock);
	take(&outer.lock_class, &outer.lock);
	drop(&outer.lock);
	take(&inner.lock_class, &inner.lock);
	drop(&inner.lock);
	drop(&outer.lock);
	ASSERT_REPORTS(backwards(&inner, &outer), 1);
}

STEP void take_third(lock_kind *kinds, const char *locks)
{
	for (unsigned int i = 0; i < 3; i++)
		take(&kinds[i], &locks[i]);
	for (unsigned int i = 0; i < 3; i++)
		drop(&locks[i]);
	STAYS;
}

/* Where the checker itself was called says nothing to its reader. */
TEST(a_second_report_of_one_call_begins_where_the_first_does)
{
	static lock_kind kinds[3] = { { .name = "a" }, { .name = "b" }, { .name = "c" } };
	static const char locks[3];

	NEEDS_RULES();
	for (unsigned int i = 0; i < 2; i++) {
		take(&kinds[2], &locks[2]);
		take(&kinds[i], &locks[i]);
		drop(&locks[i]);
		drop(&locks[2]);
	}
	ASSERT_REPORTS(take_third(kinds, locks), 2);
	for (unsigned int i = 0; i < 2; i++) {
		ASSERT_TRUE(strstr(reports.text[i], "take_third"));
		ASSERT_FALSE(strstr(reports.text[i], "graph_add"));
		ASSERT_FALSE(strstr(reports.text[i], "stack_save_from"));
	}
}
