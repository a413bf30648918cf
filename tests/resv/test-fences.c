/* SPDX-License-Identifier: MIT */
/*
 * The container and its holder: what the paragraphs Shape, Reserve, Add and Commit of
 * the design promise. Its readers: test-fences-read.c. Logs: test-fences-log.c.
 */
#include "harness.h"

#include <dmabuf/dma-resv.h>
#include <errno.h>

#include "unit.h"

/*
 * Shape.
 */

TEST(shape_one_fence_owns_no_memory)
{
	struct dma_fence *fence = mock_lone();
	struct test_resources before;
	struct unit u;

	begin(&u);
	before = test_resources();
	os_fault_arm(1);
	reserve_in(&u, 1);
	dma_resv_fences_add(&u.fences, fence, WRITE);
	commit(&u);
	ASSERT_FALSE(os_fault_disarm());
	ASSERT_RESOURCES(before);
	ASSERT_INT(u.fences.word, ==, word_of_fence(fence, WRITE));
	end(&u);
	dma_fence_put(fence);
}

TEST(shape_a_word_holds_every_category_of_a_fence)
{
	struct dma_fence *fence = mock_lone();

	ASSERT_INT(_Alignof(struct dma_fence) % 8, ==, 0);
	for (unsigned int usage = KERNEL; usage <= BOOKKEEP; usage++) {
		struct unit u;

		begin(&u);
		reserve_in(&u, 1);
		dma_resv_fences_add(&u.fences, fence, (enum dma_resv_usage)usage);
		commit(&u);
		ASSERT_FALSE(word_is_log(u.fences.word));
		ASSERT_PTR(word_fence(u.fences.word), ==, fence);
		ASSERT_INT(word_usage(u.fences.word), ==, usage);
		for (unsigned int asked = KERNEL; asked <= BOOKKEEP; asked++)
			ASSERT_INT(committed(&u, (enum dma_resv_usage)asked), ==, usage <= asked);
		end(&u);
	}
	dma_fence_put(fence);
}

/* A later fence of the same context, or any one after a fence that has signalled. */
TEST(shape_the_one_fence_is_replaced_in_the_word)
{
	const uint64_t context = dma_fence_context_alloc(1);
	struct dma_fence *first = mock_fence(context, 1), *second = mock_fence(context, 2);
	struct dma_fence *third = mock_lone();
	struct unit u;

	begin(&u);
	os_fault_arm(1);
	reserve_in(&u, 1);
	dma_resv_fences_add(&u.fences, first, READ);
	commit(&u);
	ASSERT_FALSE(os_fault_disarm());
	/* That it will be superseded is not known yet: memory is set aside. */
	reserve_in(&u, 1);
	dma_resv_fences_add(&u.fences, second, READ);
	commit(&u);
	ASSERT_INT(u.fences.word, ==, word_of_fence(second, READ));
	ASSERT_INT(references(first), ==, 1);
	dma_fence_signal(second);
	os_fault_arm(1);
	reserve_in(&u, 1);
	dma_resv_fences_add(&u.fences, third, BOOKKEEP);
	commit(&u);
	ASSERT_FALSE(os_fault_disarm());
	ASSERT_INT(u.fences.word, ==, word_of_fence(third, BOOKKEEP));
	ASSERT_INT(references(second), ==, 1);
	end(&u);
	dma_fence_put(first);
	dma_fence_put(second);
	dma_fence_put(third);
}

/*
 * Reserve.
 */

TEST(reserve_makes_room_for_n_more_than_there_are)
{
	for (unsigned int there = 0; there < 40; there += 3) {
		for (unsigned int n = 1; n < 40; n += 5) {
			struct unit u;

			begin(&u);
			for (unsigned int i = 0; i < there; i++)
				stage(&u, READ);
			reserve_in(&u, n);
			os_fault_arm(1);
			for (unsigned int i = 0; i < n; i++) {
				struct dma_fence *fence = mock_lone();

				dma_resv_fences_add(&u.fences, fence, WRITE);
				dma_fence_put(fence);
			}
			commit(&u);
			ASSERT_FALSE(os_fault_disarm());
			ASSERT_INT(committed(&u, BOOKKEEP), ==, there + n);
			end(&u);
		}
	}
}

TEST(reserve_of_nothing_does_nothing)
{
	struct unit u;

	begin(&u);
	os_fault_arm(1);
	reserve_in(&u, 0);
	ASSERT_FALSE(os_fault_disarm());
	ASSERT_DEATH(dma_resv_fences_add(&u.fences, mock_lone(), READ), "without a reservation");
	end(&u);
}

/* Not cumulative, as in Linux: the larger of the two counts. */
TEST(reserve_twice_is_not_the_sum)
{
	struct unit u;

	begin(&u);
	reserve_in(&u, 2);
	reserve_in(&u, 1);
	reserve_in(&u, 2);
	for (unsigned int i = 0; i < 2; i++) {
		struct dma_fence *fence = mock_lone();

		dma_resv_fences_add(&u.fences, fence, READ);
		dma_fence_put(fence);
	}
	ASSERT_DEATH(dma_resv_fences_add(&u.fences, mock_lone(), READ), "without a reservation");
	end(&u);
}

TEST(reserve_without_memory_changes_nothing)
{
	for (unsigned int there = 1; there < 30; there++) {
		struct dma_resv_fences before;
		struct unit u;
		uint32_t length;

		begin(&u);
		for (unsigned int i = 0; i < there; i++)
			stage(&u, READ);
		commit(&u);
		stage(&u, WRITE);
		before = u.fences;
		length = u.fences.length;
		os_fault_arm(1);
		ASSERT_INT(dma_resv_fences_reserve(&u.obj, &u.fences, 1000), ==, -ENOMEM);
		ASSERT_TRUE(os_fault_disarm());
		ASSERT_INT(u.fences.word, ==, before.word);
		ASSERT_INT(u.fences.staged, ==, before.staged);
		ASSERT_INT(u.fences.reserved, ==, before.reserved);
		ASSERT_INT(u.fences.length, ==, length);
		ASSERT_INT(committed(&u, BOOKKEEP), ==, there);
		commit(&u);
		ASSERT_INT(committed(&u, BOOKKEEP), ==, there + 1);
		end(&u);
	}
}

TEST(reserve_of_more_than_can_be_is_refused)
{
	struct unit u;

	begin(&u);
	ASSERT_INT(dma_resv_fences_reserve(&u.obj, &u.fences, UINT32_MAX), ==, -ENOMEM);
	ASSERT_INT(dma_resv_fences_reserve(&u.obj, &u.fences, LOG_MAX_CAPACITY + 1), ==, -ENOMEM);
	stage(&u, READ);
	ASSERT_INT(dma_resv_fences_reserve(&u.obj, &u.fences, UINT32_MAX), ==, -ENOMEM);
	end(&u);
}

/* From a cache of the thread's, and back to it at unlock. */
TEST(reserve_unused_at_unlock_goes_back)
{
	struct dma_fence *fence = mock_lone();
	struct dma_resv_log *spare;
	struct dma_resv obj;

	dma_resv_init(&obj);
	add_alone(&obj, fence, READ);
	lock(&obj);
	reserve(&obj, 3);
	spare = obj.fences.spare;
	ASSERT_PTR(spare, !=, NULL);
	dma_resv_unlock(&obj);
	ASSERT_PTR(obj.fences.spare, ==, NULL);
	lock(&obj);
	ASSERT_DEATH(dma_resv_add_fence(&obj, fence, READ), "without a reservation");
	reserve(&obj, 3);
	ASSERT_PTR(obj.fences.spare, ==, spare);
	dma_resv_unlock(&obj);
	dma_resv_fini(&obj);
	dma_fence_put(fence);
}

/*
 * Add.
 */

TEST(add_stores_behind_the_staged_length_and_touches_no_other_fence)
{
	struct dma_fence *there[4], *fence = mock_lone();
	struct dma_resv_log *log;
	struct unit u;

	begin(&u);
	for (unsigned int i = 0; i < 4; i++)
		there[i] = stage(&u, READ);
	commit(&u);
	log = staged_log(&u);
	reserve_in(&u, 1);
	dma_resv_fences_add(&u.fences, fence, WRITE);
	ASSERT_PTR(staged_log(&u), ==, log);
	ASSERT_INT(u.fences.length, ==, 5);
	ASSERT_INT(log->committed, ==, 4);
	ASSERT_PTR(log->entry[4].fence, ==, fence);
	ASSERT_INT(log->entry[4].tag & TAG_USAGE, ==, WRITE);
	for (unsigned int i = 0; i < 4; i++) {
		ASSERT_PTR(log->entry[i].fence, ==, there[i]);
		ASSERT_INT(references(there[i]), ==, 1);
	}
	ASSERT_INT(references(fence), ==, 2);
	end(&u);
	dma_fence_put(fence);
}

TEST(add_uses_a_reservation_each)
{
	struct unit u;

	begin(&u);
	reserve_in(&u, 3);
	for (unsigned int i = 0; i < 3; i++) {
		struct dma_fence *fence = mock_lone();

		ASSERT_INT(u.fences.reserved, ==, 3 - i);
		dma_resv_fences_add(&u.fences, fence, READ);
		dma_fence_put(fence);
	}
	ASSERT_DEATH(dma_resv_fences_add(&u.fences, mock_lone(), READ),
		     "call dma_resv_reserve_fences() first");
	end(&u);
}

/*
 * Commit.
 */

TEST(commit_shows_everything_at_once_across_categories)
{
	struct unit u;

	begin(&u);
	for (unsigned int usage = KERNEL; usage <= BOOKKEEP; usage++) {
		stage(&u, (enum dma_resv_usage)usage);
		ASSERT_INT(committed(&u, BOOKKEEP), ==, 0);
	}
	commit(&u);
	ASSERT_INT(committed(&u, BOOKKEEP), ==, 4);
	/* In place: the word stays, the length is the commit. */
	for (unsigned int usage = KERNEL; usage <= WRITE; usage++)
		stage(&u, (enum dma_resv_usage)usage);
	ASSERT_INT(u.fences.word, ==, u.fences.staged);
	ASSERT_INT(committed(&u, BOOKKEEP), ==, 4);
	commit(&u);
	ASSERT_INT(committed(&u, BOOKKEEP), ==, 6);
	commit(&u); /* of nothing */
	ASSERT_INT(committed(&u, BOOKKEEP), ==, 6);
	end(&u);
}

TEST(commit_keeps_what_remains_of_a_reservation)
{
	struct unit u;

	begin(&u);
	reserve_in(&u, 9);
	for (unsigned int i = 0; i < 9; i++) {
		struct dma_fence *fence = mock_lone();

		os_fault_arm(1);
		dma_resv_fences_add(&u.fences, fence, READ);
		commit(&u);
		ASSERT_FALSE(os_fault_disarm());
		dma_fence_put(fence);
		ASSERT_INT(committed(&u, BOOKKEEP), ==, i + 1);
	}
	end(&u);
}

static struct dma_resv_fences *watched; /* by the next hook */
static uintptr_t published_before;

/* The length of a new log is stored before the word. */
static void check_length_first(const char *label)
{
	if (strcmp(label, "commit: before the word"))
		return;
	ASSERT_INT(watched->word, ==, published_before);
	ASSERT_INT(word_log(watched->staged)->committed, ==, word_log(watched->staged)->length);
	watched = NULL;
}

TEST(commit_stores_the_length_of_a_new_log_before_the_word)
{
	struct unit u;

	begin(&u);
	stage(&u, READ);
	stage(&u, READ);
	watched = &u.fences;
	published_before = 0;
	os_race_hook(check_length_first);
	commit(&u);
	os_race_hook(NULL);
	ASSERT_PTR(watched, ==, NULL); /* it was there */
	end(&u);
}

/* Unlock is the commit of the object's own container, and of no other. */
TEST(commit_is_not_shared_by_containers_under_one_lock)
{
	struct dma_fence *fences[3] = { mock_lone(), mock_lone(), mock_lone() };
	struct dma_resv_fences second;
	struct unit u;

	begin(&u);
	dma_resv_fences_init(&second, &u.obj);
	add(&u.obj, fences[0], READ);
	reserve_in(&u, 2);
	dma_resv_fences_add(&u.fences, fences[1], WRITE);
	ASSERT_INT(dma_resv_fences_reserve(&u.obj, &second, 1), ==, 0);
	dma_resv_fences_add(&second, fences[2], KERNEL);
	dma_resv_fences_commit(&u.obj, &second);
	dma_resv_unlock(&u.obj);

	ASSERT_INT(count(&u.obj, BOOKKEEP), ==, 1);
	ASSERT_INT(times(&u.obj, fences[0]), ==, 1);
	ASSERT_INT(committed(&u, BOOKKEEP), ==, 0);
	ASSERT_PTR(word_fence(second.word), ==, fences[2]);
	/* What is left of its reservation is there after an unlock. */
	lock(&u.obj);
	commit(&u);
	ASSERT_INT(committed(&u, BOOKKEEP), ==, 1);
	dma_resv_fences_add(&u.fences, fences[0], WRITE);
	commit(&u);
	ASSERT_INT(committed(&u, BOOKKEEP), ==, 2);
	dma_resv_fences_fini(&second);
	end(&u);
	for (unsigned int i = 0; i < 3; i++)
		dma_fence_put(fences[i]);
}

/* With one fence staged; with several; behind what is published, in place and in a new log. */
TEST(fini_drops_what_is_staged)
{
	for (unsigned int before = 0; before < 14; before++) {
		for (unsigned int after = 0; after < 14; after++) {
			struct unit u;

			begin(&u);
			for (unsigned int i = 0; i < before; i++)
				stage(&u, READ);
			commit(&u);
			for (unsigned int i = 0; i < after; i++)
				stage(&u, READ);
			end(&u); /* the harness counts what is left */
		}
	}
}

TEST(the_lock_is_needed_and_the_sentence_says_so)
{
	struct dma_fence *fence = mock_lone();
	struct unit u;

	begin(&u);
	reserve_in(&u, 2);
	dma_resv_unlock(&u.obj);
	ASSERT_DEATH(dma_resv_fences_add(&u.fences, fence, READ), "call dma_resv_lock() first");
	ASSERT_DEATH(dma_resv_fences_set(&u.obj, &u.fences, fence, READ), "is not locked");
	ASSERT_DEATH(dma_resv_fences_commit(&u.obj, &u.fences), "is not locked");
	ASSERT_DEATH(if (dma_resv_fences_reserve(&u.obj, &u.fences, 1)) return, "is not locked");
	lock(&u.obj);
	end(&u);
	dma_fence_put(fence);
}

TEST(containers_are_warned_of_wherever_they_are_staged)
{
	struct dma_fence_array *array = dma_fence_array_alloc(1);
	struct dma_fence *all, *plain = mock_lone();
	struct unit u;

	array->fences[0] = mock_lone();
	dma_fence_array_init(array, 1, array->fences, dma_fence_context_alloc(1), 1, false);
	all = &array->base;
	begin(&u);
	reserve_in(&u, 2);
	ASSERT_WARNS(dma_resv_fences_add(&u.fences, all, READ), "give its members");
	ASSERT_WARNS(dma_resv_fences_set(&u.obj, &u.fences, all, READ), "give its members");
	reserve(&u.obj, 1);
	dma_resv_add_fence(&u.obj, plain, READ);
	ASSERT_WARNS(ASSERT_INT(dma_resv_replace_fences(&u.obj, plain->context, all, READ), ==, 0),
		     "give its members");
	end(&u);
	dma_fence_put(plain);
	dma_fence_put(all);
}

TEST(what_is_no_fence_or_no_category_is_not_staged)
{
	const enum dma_resv_usage none = (enum dma_resv_usage)4;
	struct dma_fence *fence = mock_lone();
	struct unit u;

	begin(&u);
	reserve_in(&u, 2);
	ASSERT_DEATH(dma_resv_fences_add(&u.fences, fence, none), "in category 4");
	ASSERT_DEATH(dma_resv_fences_add(&u.fences, NULL, READ), "of no fence");
	ASSERT_DEATH(dma_resv_fences_set(&u.obj, &u.fences, fence, none), "in category 4");
	ASSERT_DEATH(if (dma_resv_replace_fences(&u.obj, 1, fence, none)) return, "in category 4");
	ASSERT_DEATH(if (dma_resv_replace_fences(&u.obj, 1, NULL, READ)) return, "of no fence");
	end(&u);
	dma_fence_put(fence);
}
