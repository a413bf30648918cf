/* SPDX-License-Identifier: MIT */
/*
 * The container, inside: what makes large logs as fast as small ones. When entries end, who is
 * found by the index, where the hint creeps, and what is set aside.
 */
#include "harness.h"

#include <dmabuf/dma-resv.h>

#include "resv/log-memory.h"
#include "unit.h"
#include "view.h"

enum { MANY = 200 };

/*
 * Ends.
 */

/* Each of @n contexts adds a fence, in turn, so often that the log has one of each that counts. */
static void add_rounds(struct unit *u, uint64_t first, unsigned int n, unsigned int rounds)
{
	for (unsigned int i = 0; i < n * rounds; i++) {
		struct dma_fence *fence = mock_fence(first + i % n, i / n + 1);

		reserve_in(u, 1);
		dma_resv_fences_add(&u->fences, fence, READ);
		dma_fence_put(fence);
	}
}

/* Whatever the size: with and without an index. */
TEST(ends_are_noted_at_the_length_that_brought_them)
{
	for (unsigned int n = 1; n <= MANY; n = 2 * n + 1) {
		struct dma_resv_log *log;
		struct unit u;

		begin(&u);
		stage(&u, KERNEL);
		reserve_in(&u, 2 * n);
		add_rounds(&u, dma_fence_context_alloc(n), n, 2);
		log = staged_log(&u);
		ASSERT_INT(u.fences.length, ==, 2 * n + 1);
		for (uint32_t i = 0; i < n; i++) {
			ASSERT_INT(log->entry[i + 1].end, ==, i + 1 + n + 1);
			ASSERT_FALSE(log_is_superseded(log, i + 1, i + 1 + n));
			ASSERT_TRUE(log_is_superseded(log, i + 1, i + 1 + n + 1));
			ASSERT_FALSE(log_is_superseded(log, i + 1 + n, u.fences.length));
		}
		ASSERT_FALSE(log_is_superseded(log, 0, u.fences.length));
		end(&u);
	}
}

/* A set() ends what is older of its category, once; what supersedes that later changes nothing. */
TEST(ends_do_not_move)
{
	struct dma_fence *fence = mock_lone(), *later = mock_fence(fence->context, 2);
	struct dma_resv_log *log;
	struct unit u;

	begin(&u);
	reserve_in(&u, MANY);
	for (unsigned int i = 0; i < 3; i++) {
		struct dma_fence *other = mock_lone();

		dma_resv_fences_add(&u.fences, i ? other : fence, i < 2 ? READ : WRITE);
		dma_fence_put(other);
	}
	dma_resv_fences_set(&u.obj, &u.fences, NULL, READ);
	dma_resv_fences_add(&u.fences, later, READ);
	log = staged_log(&u);
	ASSERT_INT(u.fences.length, ==, 5);
	ASSERT_INT(log->entry[0].end, ==, 4);
	ASSERT_INT(log->entry[1].end, ==, 4);
	ASSERT_TRUE(log->entry[2].end & END_LIVE);
	ASSERT_TRUE(log->entry[4].end & END_LIVE);
	end(&u);
	dma_fence_put(fence);
	dma_fence_put(later);
}

static void add_point(struct unit *u, uint64_t context, uint64_t seqno)
{
	struct dma_fence *fence = mock_fence(context, seqno);

	dma_resv_fences_add(&u->fences, fence, READ);
	dma_fence_put(fence);
}

/* With and without an index; from where the low half is 0, which an emptied category has, too. */
TEST(contexts_that_are_alike_by_half_are_told_apart)
{
	const uint64_t contexts[] = { 0, dma_fence_context_alloc(1) };

	for (unsigned int n = 5; n <= MANY; n += MANY - 5) {
		for (unsigned int i = 0; i < 2; i++) {
			struct unit u;

			begin(&u);
			reserve_in(&u, n + 2);
			dma_resv_fences_set(&u.obj, &u.fences, NULL, WRITE);
			for (uint64_t high = 0; high < 4; high++)
				add_point(&u, contexts[i] | (high + 1) << 31, high + 1);
			commit(&u);
			ASSERT_INT(committed(&u, READ), ==, 4);
			dma_resv_fences_set(&u.obj, &u.fences, NULL, WRITE);
			add_point(&u, contexts[i] | UINT64_C(5) << 31, 5);
			commit(&u);
			ASSERT_INT(committed(&u, READ), ==, 5);
			end(&u);
		}
	}
}

/* A log that is used again, after the same contexts had it. */
TEST(index_begins_empty)
{
	const uint64_t first = dma_fence_context_alloc(MANY);

	for (unsigned int rounds = 0; rounds < 3; rounds++) {
		struct unit u;

		begin(&u);
		stage(&u, KERNEL);
		reserve_in(&u, MANY);
		add_rounds(&u, first + rounds % 2, MANY - 1, 1);
		dma_resv_fences_commit(&u.obj, &u.fences);
		ASSERT_INT(committed(&u, READ), ==, MANY);
		end(&u);
		dmabuf_rcu_barrier();
	}
}

/*
 * The hint.
 */

TEST(hint_creeps_to_the_oldest_that_is_busy)
{
	enum { BUSY = 20 };
	struct dma_fence *fences[MANY];
	struct dma_resv_log *log;
	struct dma_resv obj;

	dma_resv_init(&obj);
	lock(&obj);
	reserve(&obj, MANY);
	for (unsigned int i = 0; i < MANY; i++) {
		fences[i] = mock_lone();
		dma_resv_add_fence(&obj, fences[i], READ);
	}
	dma_resv_unlock(&obj);
	log = word_log(obj.fences.word);
	for (unsigned int i = 0; i < MANY; i++) {
		if (i != BUSY)
			dma_fence_signal(fences[i]);
	}
	for (unsigned int i = 0; i < 10; i++)
		ASSERT_FALSE(dma_resv_test_signaled(&obj, READ));
	ASSERT_INT(log->hint, ==, BUSY);
	dma_fence_signal(fences[BUSY]);
	ASSERT_TRUE(dma_resv_test_signaled(&obj, READ));
	ASSERT_INT(log->hint, ==, MANY);
	dma_resv_fini(&obj);
	for (unsigned int i = 0; i < MANY; i++)
		dma_fence_put(fences[i]);
}

/* Who holds a set from before waits for what has ended since. */
TEST(hint_creeps_over_where_a_category_was_emptied)
{
	enum { DONE = 10, BUSY = 3 };
	struct dma_fence *busy = mock_lone(), *done[DONE];
	struct dma_resv obj;

	dma_resv_init(&obj);
	lock(&obj);
	reserve(&obj, DONE + BUSY);
	for (unsigned int i = 0; i < DONE; i++) {
		done[i] = mock_lone();
		dma_resv_add_fence(&obj, done[i], READ);
		if (i != 1)
			continue;
		dma_resv_fences_set(&obj, &obj.fences, NULL, KERNEL);
		dma_resv_add_fence(&obj, busy, READ);
	}
	for (unsigned int i = 0; i < DONE; i++)
		signal_and_put(done[i]);
	dma_resv_unlock(&obj);
	ASSERT_FALSE(dma_resv_test_signaled(&obj, READ));
	ASSERT_PTR(word_log(obj.fences.word)->entry[BUSY - 1].fence, ==, NULL);
	ASSERT_PTR(word_log(obj.fences.word)->entry[BUSY].fence, ==, busy);
	ASSERT_INT(word_log(obj.fences.word)->hint, ==, BUSY);
	dma_resv_fini(&obj);
	dma_fence_put(busy);
}

TEST(hint_does_not_creep_over_what_has_ended_and_not_signalled)
{
	struct dma_fence *ended = mock_lone(), *later = mock_fence(ended->context, 2);
	struct dma_resv_snapshot before;
	struct dma_resv obj;

	dma_resv_init(&obj);
	lock(&obj);
	reserve(&obj, MANY);
	dma_resv_add_fence(&obj, ended, READ);
	for (unsigned int i = 0; i < MANY - 2; i++) {
		struct dma_fence *fence = mock_lone();

		dma_resv_add_fence(&obj, fence, READ);
		signal_and_put(fence);
	}
	dma_resv_commit(&obj);
	ASSERT_TRUE(dma_resv_get_snapshot(&obj, &before));
	dma_resv_add_fence(&obj, later, READ);
	dma_resv_unlock(&obj);
	dma_fence_signal(later);
	for (unsigned int i = 0; i < 3; i++)
		ASSERT_TRUE(dma_resv_test_signaled(&obj, READ));
	ASSERT_INT(word_log(obj.fences.word)->hint, ==, 0);
	dma_resv_put_snapshot(&before);
	dma_resv_fini(&obj);
	dma_fence_put(ended);
	dma_fence_put(later);
}

/*
 * What is set aside.
 */

static struct dma_resv objects[1000];

/* Under one ticket, for each object one more than it has. */
static void submit_nothing(unsigned int n)
{
	struct ww_acquire_ctx ticket;

	ww_acquire_init(&ticket, &reservation_ww_class);
	for (unsigned int i = 0; i < n; i++) {
		ASSERT_INT(dma_resv_lock(&objects[i], &ticket), ==, 0);
		reserve(&objects[i], 1);
	}
	for (unsigned int i = 0; i < n; i++)
		dma_resv_unlock(&objects[i]);
	ww_acquire_fini(&ticket);
}

TEST(what_was_set_aside_stays_for_the_next_and_goes_in_time)
{
	const unsigned int n = sizeof(objects) / sizeof(objects[0]);
	struct dma_fence *fence = mock_lone();
	long few, many;

	for (unsigned int i = 0; i < n; i++) {
		dma_resv_init(&objects[i]);
		add_alone(&objects[i], fence, READ);
	}
	submit_nothing(1);
	few = test_allocations();
	submit_nothing(n);
	many = test_allocations();
	ASSERT_INT(many, >=, few + (long)n - 10);
	for (unsigned int i = 0; i < 300; i++) {
		submit_nothing(i % 20 ? 1 : n);
		ASSERT_INT(test_allocations(), ==, many); /* the same ones */
	}
	for (unsigned int i = 0; i < 20 * n; i++)
		submit_nothing(1);
	ASSERT_INT(test_allocations(), <, few + 20);
	for (unsigned int i = 0; i < n; i++)
		dma_resv_fini(&objects[i]);
	dma_fence_put(fence);
}

/*
 * A container of its own under another object's lock keeps its reservation at unlock, so what one
 * thread set aside another may use, or give back.
 */
static struct dma_resv shared;
static struct dma_resv_fences others;

static unsigned int reserved; /* by the other thread: of the smallest size, or not */

static void use_and_reserve(void *fence)
{
	lock(&shared);
	dma_resv_fences_add(&others, fence, WRITE);
	ASSERT_INT(log_stacks[0].out, ==, 0); /* of this thread's */
	dma_resv_fences_commit(&shared, &others);
	ASSERT_INT(dma_resv_fences_reserve(&shared, &others, reserved), ==, 0);
	dma_resv_unlock(&shared);
}

static void fini_others(void *unused)
{
	(void)unused;
	dma_resv_fences_fini(&others);
}

TEST(what_one_thread_set_aside_another_uses_or_gives_back)
{
	struct dma_fence *first = mock_lone(), *second = mock_lone();

	dma_resv_init(&shared);
	for (reserved = 5; reserved <= 20; reserved += 15) {
		dma_resv_fences_init(&others, &shared);
		lock(&shared);
		ASSERT_INT(dma_resv_fences_reserve(&shared, &others, 1), ==, 0);
		dma_resv_fences_add(&others, first, WRITE);
		ASSERT_INT(dma_resv_fences_reserve(&shared, &others, 1), ==, 0);
		dma_resv_unlock(&shared);
		in_other_thread(use_and_reserve, second);
		in_other_thread(fini_others, NULL);
	}
	dma_resv_fences_init(&others, &shared);
	lock(&shared);
	ASSERT_INT(dma_resv_fences_reserve(&shared, &others, 3), ==, 0);
	dma_resv_unlock(&shared);
	in_other_thread(fini_others, NULL);
	for (unsigned int i = 0; i < LOG_STACKS; i++)
		ASSERT_INT(log_stacks[i].out, ==, 0); /* nothing is awaited that will not come */
	dma_resv_fini(&shared);
	dma_fence_put(first);
	dma_fence_put(second);
}
