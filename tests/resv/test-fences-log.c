/* SPDX-License-Identifier: MIT */
/*
 * The container, inside: what the paragraphs Categories, Superseded, Full and Hint of
 * the design promise.
 */
#include "harness.h"

#include <dmabuf/dma-resv.h>
#include <errno.h>

#include "unit.h"

/*
 * Categories.
 */

/* The nearest older entry that is stronger, by looking at each. */
static uint32_t link_by_looking(const struct dma_resv_log *log, uint32_t i)
{
	const uint32_t usage = log->entry[i].tag & TAG_USAGE;

	while (i && (log->entry[i - 1].tag & TAG_USAGE) >= usage)
		i--;
	return i;
}

TORTURE(categories_links_lead_to_the_nearest_older_stronger_entry)
{
	uint32_t chance = test_seed();
	struct dma_resv_log *log;
	struct unit u;

	begin(&u);
	stage(&u, READ);
	reserve_in(&u, 1000);
	for (unsigned int i = 0; i < 999; i++) {
		struct dma_fence *fence = mock_lone();

		dma_resv_fences_add(&u.fences, fence, (enum dma_resv_usage)(test_random(&chance) % 4));
		dma_fence_put(fence);
		test_operation();
	}
	log = staged_log(&u);
	for (uint32_t i = 0; i < log->length; i++) {
		uint32_t left = i + 1, hops = 0;

		ASSERT_INT(log->entry[i].tag >> TAG_LINK_SHIFT, ==, link_by_looking(log, i));
		/* From any entry to the end of the table of a stronger one: three at most. */
		while (left && (log->entry[left - 1].tag & TAG_USAGE) != KERNEL) {
			left = log->entry[left - 1].tag >> TAG_LINK_SHIFT;
			hops++;
		}
		ASSERT_INT(hops, <=, 3);
	}
	end(&u);
}

/* Readers say that they were asked: they are not. */
TEST(categories_a_look_at_the_writers_does_not_walk_the_readers)
{
	struct dma_fence *readers[200], *writer = mock_lone();
	struct dma_resv obj;

	dma_resv_init(&obj);
	lock(&obj);
	add(&obj, writer, WRITE);
	for (unsigned int i = 0; i < 200; i++) {
		readers[i] = mock_lazy();
		add(&obj, readers[i], i % 2 ? READ : BOOKKEEP);
	}
	dma_resv_unlock(&obj);
	for (unsigned int i = 0; i < 200; i++)
		store_relaxed(&to_mock(readers[i])->asked, 0);
	ASSERT_FALSE(dma_resv_test_signaled(&obj, WRITE));
	ASSERT_INT(dma_resv_wait_timeout(&obj, WRITE, false, 0), ==, 0);
	ASSERT_INT(count(&obj, WRITE), ==, 1);
	dma_fence_signal(writer);
	ASSERT_TRUE(dma_resv_test_signaled(&obj, WRITE));
	ASSERT_INT(dma_resv_wait_timeout(&obj, WRITE, false, 0), ==, 1);
	for (unsigned int i = 0; i < 200; i++)
		ASSERT_INT(to_mock(readers[i])->asked, ==, 0);
	ASSERT_FALSE(dma_resv_test_signaled(&obj, READ));
	dma_resv_fini(&obj);
	for (unsigned int i = 0; i < 200; i++)
		dma_fence_put(readers[i]);
	dma_fence_put(writer);
}

/* Nobody looks at what is between a reader and the writer that it leads to. */
TEST(categories_a_walk_hops_over_what_is_weaker)
{
	struct dma_fence *writer;
	struct dma_resv_log *log;
	uint32_t tags[100];
	struct unit u;

	begin(&u);
	writer = stage(&u, WRITE);
	for (unsigned int i = 0; i < 101; i++)
		stage(&u, i % 2 ? BOOKKEEP : READ);
	commit(&u);
	log = published_log(&u);
	/* They would be found now, if somebody looked. */
	for (unsigned int i = 0; i < 100; i++) {
		tags[i] = log->entry[i + 1].tag;
		log->entry[i + 1].tag = KERNEL;
	}
	ASSERT_INT(committed(&u, WRITE), ==, 1);
	dma_fence_signal(writer);
	ASSERT_INT(committed(&u, WRITE), ==, 0);
	for (unsigned int i = 0; i < 100; i++)
		log->entry[i + 1].tag = tags[i];
	ASSERT_INT(committed(&u, BOOKKEEP), ==, 101);
	end(&u);
}

/* Two readers overlap: neither is waited for by a reader, nor hides the other. */
TEST(categories_readers_do_not_wait_for_readers)
{
	struct dma_fence *first = mock_lone(), *second = mock_lone();
	struct dma_resv obj;

	dma_resv_init(&obj);
	add_alone(&obj, first, READ);
	add_alone(&obj, second, READ);
	ASSERT_TRUE(dma_resv_test_signaled(&obj, dma_resv_usage_rw(false)));
	ASSERT_INT(count(&obj, dma_resv_usage_rw(true)), ==, 2);
	dma_fence_signal(second);
	ASSERT_FALSE(dma_resv_test_signaled(&obj, dma_resv_usage_rw(true)));
	dma_resv_fini(&obj);
	dma_fence_put(first);
	dma_fence_put(second);
}

/*
 * Superseded.
 */

struct pair {
	enum dma_resv_usage old_usage, new_usage;
	uint64_t old_seqno, new_seqno;
	unsigned int left;
};

static const struct pair pairs[] = {
	{ READ, READ, 1, 2, 1 },
	{ READ, READ, 2, 1, 2 },    /* imports add older ones later */
	{ READ, WRITE, 1, 2, 1 },   /* as strong or stronger */
	{ READ, KERNEL, 1, 2, 1 },
	{ WRITE, READ, 1, 2, 2 },   /* never behind a weaker one */
	{ KERNEL, BOOKKEEP, 1, 2, 2 },
	{ READ, WRITE, 2, 1, 2 },
	{ READ, READ, UINT32_MAX, UINT32_MAX + 1ull, 1 }, /* they wrap */
	{ READ, READ, UINT32_MAX + 1ull, UINT32_MAX, 2 },
	{ BOOKKEEP, BOOKKEEP, 1, 1, 2 }, /* equal is not later */
};

/* In the word, in a log, and after the log was compacted. */
TEST(superseded_means_same_context_as_strong_and_later)
{
	for (unsigned int i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		for (unsigned int others = 0; others < 3; others++) {
			const uint64_t context = dma_fence_context_alloc(1);
			struct dma_fence *old = mock_fence(context, pairs[i].old_seqno);
			struct dma_fence *new = mock_fence(context, pairs[i].new_seqno);
			struct dma_resv obj;

			dma_resv_init(&obj);
			lock(&obj);
			for (unsigned int j = 0; j < others; j++) {
				struct dma_fence *other = mock_lone();

				add(&obj, other, READ);
				dma_fence_put(other);
			}
			add(&obj, old, pairs[i].old_usage);
			add(&obj, new, pairs[i].new_usage);
			ASSERT_INT(count(&obj, BOOKKEEP), ==, pairs[i].left + others);
			ASSERT_INT(times(&obj, new), ==, 1);
			dma_resv_prune_fences(&obj);
			ASSERT_INT(count(&obj, BOOKKEEP), ==, pairs[i].left + others);
			dma_resv_unlock(&obj);
			ASSERT_INT(references(old), ==, pairs[i].left);
			ASSERT_INT(count(&obj, BOOKKEEP), ==, pairs[i].left + others);
			dma_resv_fini(&obj);
			dma_fence_put(old);
			dma_fence_put(new);
		}
	}
}

/* A fence of another context never supersedes, whatever its number and category. */
TEST(superseded_is_only_by_the_same_context)
{
	struct dma_fence *reader = mock_fence(dma_fence_context_alloc(1), 1), *later;
	struct dma_resv obj;

	dma_resv_init(&obj);
	lock(&obj);
	add(&obj, reader, READ);
	for (unsigned int i = 2; i < 20; i++) {
		/* The low halves of the contexts are the same. */
		later = mock_fence(reader->context + ((uint64_t)i << 32), i);
		add(&obj, later, i % 2 ? KERNEL : READ);
		dma_fence_put(later);
		ASSERT_INT(times(&obj, reader), ==, 1);
		ASSERT_INT(count(&obj, BOOKKEEP), ==, i);
	}
	dma_resv_unlock(&obj);
	dma_resv_fini(&obj);
	dma_fence_put(reader);
}

TEST(superseded_the_same_fence_is_promoted)
{
	struct dma_fence *fence = mock_lone();

	for (unsigned int others = 0; others < 2; others++) {
		struct dma_fence *other = mock_lone();
		struct dma_resv obj;

		dma_resv_init(&obj);
		lock(&obj);
		if (others)
			add(&obj, other, BOOKKEEP);
		add(&obj, fence, BOOKKEEP);
		ASSERT_INT(count(&obj, WRITE), ==, 0);
		add(&obj, fence, WRITE);
		ASSERT_INT(count(&obj, WRITE), ==, 1);
		ASSERT_INT(times(&obj, fence), ==, 1);
		dma_resv_unlock(&obj);
		dma_resv_fini(&obj);
		dma_fence_put(other);
	}
	dma_fence_put(fence);
}

/*
 * Full.
 */

/* Amortised: as many logs as the number of fences has binary digits. */
TEST(full_logs_are_replaced_by_larger_ones_rarely)
{
	const struct dma_resv_log *log = NULL;
	unsigned int logs = 0;
	struct unit u;

	begin(&u);
	for (unsigned int i = 0; i < 2000; i++) {
		stage(&u, READ);
		if (i % 3 == 0)
			commit(&u);
		if (i && staged_log(&u) != log) {
			log = staged_log(&u);
			logs++;
			/* More than half was live, so it is twice as large. */
			ASSERT_INT(log->capacity, >=, 2 * i);
		}
	}
	ASSERT_INT(logs, <=, 12);
	end(&u);
}

TEST(full_logs_do_not_grow_while_their_fences_signal)
{
	struct unit u;

	begin(&u);
	stage(&u, BOOKKEEP);
	for (unsigned int i = 0; i < 2000; i++) {
		struct dma_fence *fence = mock_lone();

		reserve_in(&u, 1);
		dma_resv_fences_add(&u.fences, fence, READ);
		commit(&u);
		ASSERT_INT(published_log(&u)->capacity, <=, SMALLEST_LOG);
		signal_and_put(fence);
	}
	end(&u);
}

TEST(full_logs_do_not_grow_while_their_fences_are_superseded)
{
	const uint64_t context = dma_fence_context_alloc(1);
	struct unit u;

	begin(&u);
	stage(&u, BOOKKEEP);
	for (unsigned int i = 0; i < 2000; i++) {
		struct dma_fence *fence = mock_fence(context, i);

		reserve_in(&u, 1);
		dma_resv_fences_add(&u.fences, fence, READ);
		dma_fence_put(fence);
		commit(&u);
		ASSERT_INT(published_log(&u)->capacity, <=, SMALLEST_LOG);
		ASSERT_INT(committed(&u, BOOKKEEP), ==, 2);
	}
	end(&u);
}

/* However many live on, as many more can be added before the next log. */
TEST(full_logs_leave_room_for_as_many_as_live)
{
	for (unsigned int live = 2; live < 40; live++) {
		const uint64_t context = dma_fence_context_alloc(live);
		const struct dma_resv_log *log = NULL;
		unsigned int logs = 0;
		struct unit u;

		begin(&u);
		for (unsigned int i = 0; i < 20 * live; i++) {
			struct dma_fence *fence = mock_fence(context + i % live, i);

			reserve_in(&u, 1);
			dma_resv_fences_add(&u.fences, fence, READ);
			dma_fence_put(fence);
			commit(&u);
			if (!i || published_log(&u) == log)
				continue;
			log = published_log(&u);
			logs++;
		}
		/* A few while it grows, then at most one in each round. */
		ASSERT_INT(logs, <=, 6 + 20);
		end(&u);
	}
}

/* Until the log in place is full. Returns it. */
static struct dma_resv_log *fill_up(struct unit *u, struct dma_fence **first)
{
	*first = stage(u, READ);
	do {
		stage(u, READ);
	} while (u->fences.length < staged_log(u)->capacity);
	commit(u);
	return published_log(u);
}

TEST(full_references_move_at_the_commit_and_without_a_touch)
{
	struct dma_fence *first;
	struct dma_resv_log *old;
	struct unit u;

	begin(&u);
	old = fill_up(&u, &first);
	stage(&u, WRITE);
	ASSERT_PTR(staged_log(&u), !=, old);
	ASSERT_PTR(published_log(&u), ==, old);
	ASSERT_INT(references(first), ==, 1);
	ASSERT_INT(staged_log(&u)->borrowed, ==, old->length);
	commit(&u);
	ASSERT_PTR(published_log(&u), !=, old);
	ASSERT_INT(published_log(&u)->borrowed, ==, 0);
	ASSERT_INT(references(first), ==, 1);
	end(&u);
}

TEST(full_logs_that_a_snapshot_holds_keep_their_references)
{
	struct dma_resv_snapshot_cursor cursor;
	struct dma_resv_snapshot snap;
	struct dma_fence *first = NULL, *fence;
	struct dma_resv obj;
	unsigned int n = 0;

	dma_resv_init(&obj);
	lock(&obj);
	do {
		dma_fence_put(first);
		first = mock_lone();
		add(&obj, first, READ);
	} while (!word_is_log(obj.fences.staged) ||
		 obj.fences.length < word_log(obj.fences.staged)->capacity);
	dma_resv_commit(&obj);
	ASSERT_TRUE(dma_resv_get_snapshot(&obj, &snap));
	reserve(&obj, 1);
	dma_resv_add_fence(&obj, first, KERNEL);
	ASSERT_INT(references(first), ==, 3); /* a new entry owns; what is carried does not yet */
	dma_resv_unlock(&obj);
	ASSERT_INT(references(first), ==, 4);
	dma_resv_snapshot_for_each(fence, &cursor, &snap, BOOKKEEP)
		ASSERT_INT(references(fence), ==, n++ ? 2 : 4);
	dma_resv_put_snapshot(&snap);
	ASSERT_INT(references(first), ==, 3);
	dma_resv_fini(&obj);
	ASSERT_INT(references(first), ==, 1);
	dma_fence_put(first);
}

static const struct dma_resv_fences *watched;
static struct dma_resv_log *old_log;
static unsigned int steps;

/* The new word is there before the old log's count is touched, and nothing is put before. */
static void check_order(const char *label)
{
	if (!watched)
		return;
	if (!strcmp(label, "commit: before the word")) {
		ASSERT_INT(watched->word, ==, word_of_log(old_log));
		ASSERT_INT(old_log->refs, ==, 1);
		ASSERT_INT(references(old_log->entry[0].fence), ==, 1);
		steps += 1;
	} else if (!strcmp(label, "retire: before the count")) {
		ASSERT_INT(watched->word, ==, watched->staged);
		ASSERT_INT(watched->word, !=, word_of_log(old_log));
		ASSERT_INT(old_log->refs, ==, 1);
		ASSERT_INT(references(old_log->entry[0].fence), ==, 1);
		steps += 10;
	}
}

TEST(full_logs_are_replaced_in_the_order_word_then_count)
{
	struct dma_fence *first;
	struct unit u;

	begin(&u);
	old_log = fill_up(&u, &first);
	dma_fence_signal(first); /* it is not carried */
	stage(&u, WRITE);
	watched = &u.fences;
	steps = 0;
	os_race_hook(check_order);
	commit(&u);
	os_race_hook(NULL);
	watched = NULL;
	ASSERT_INT(steps, ==, 11);
	end(&u);
}

/*
 * Hint.
 */

TEST(hint_is_raised_by_a_walk_over_all_that_found_all_done)
{
	struct dma_fence *fences[3] = { mock_lone(), mock_lone(), mock_lone() };
	struct dma_resv_log *log;
	struct dma_resv obj;

	dma_resv_init(&obj);
	lock(&obj);
	reserve(&obj, 3);
	for (unsigned int i = 0; i < 3; i++)
		dma_resv_add_fence(&obj, fences[i], i ? READ : BOOKKEEP);
	dma_resv_unlock(&obj);
	log = word_log(obj.fences.word);
	dma_fence_signal(fences[1]);
	dma_fence_signal(fences[2]);
	ASSERT_TRUE(dma_resv_test_signaled(&obj, READ)); /* not a walk over all */
	ASSERT_FALSE(dma_resv_test_signaled(&obj, BOOKKEEP));
	ASSERT_INT(log->hint, ==, 0);
	dma_fence_signal(fences[0]);
	ASSERT_TRUE(dma_resv_test_signaled(&obj, BOOKKEEP));
	ASSERT_INT(log->hint, ==, 3);
	/* What comes later is looked at, and nothing lowers it. */
	lock(&obj);
	reserve(&obj, 1);
	dma_fence_put(fences[0]);
	fences[0] = mock_lone();
	dma_resv_add_fence(&obj, fences[0], WRITE);
	dma_resv_unlock(&obj);
	ASSERT_PTR(word_log(obj.fences.word), ==, log);
	ASSERT_FALSE(dma_resv_test_signaled(&obj, BOOKKEEP));
	ASSERT_FALSE(dma_resv_test_signaled(&obj, WRITE));
	ASSERT_TRUE(dma_resv_test_signaled(&obj, KERNEL));
	ASSERT_INT(log->hint, ==, 3);
	dma_resv_fini(&obj);
	for (unsigned int i = 0; i < 3; i++)
		dma_fence_put(fences[i]);
}

static struct dma_resv *looked_at;
static unsigned int looks;

/* Another fence comes, and another reader finds that it has signalled, too. */
static void add_and_look(void *obj)
{
	struct dma_fence *fence = mock_lone();

	add_alone(obj, fence, READ);
	signal_and_put(fence);
	ASSERT_TRUE(dma_resv_test_signaled(obj, BOOKKEEP));
}

static void look_further(const char *label)
{
	if (!strcmp(label, "test: before the hint rises") && !looks++)
		in_other_thread(add_and_look, looked_at);
}

TEST(hint_that_another_reader_raised_further_stays)
{
	struct dma_resv_log *log;
	struct dma_resv obj;

	dma_resv_init(&obj);
	lock(&obj);
	reserve(&obj, 3);
	for (unsigned int i = 0; i < 3; i++) {
		struct dma_fence *fence = mock_lone();

		dma_resv_add_fence(&obj, fence, READ);
		dma_fence_put(fence);
	}
	dma_resv_unlock(&obj);
	log = word_log(obj.fences.word);
	for (unsigned int i = 0; i < 3; i++)
		dma_fence_signal(log->entry[i].fence);
	looked_at = &obj;
	looks = 0;
	os_race_hook(look_further);
	ASSERT_TRUE(dma_resv_test_signaled(&obj, BOOKKEEP));
	os_race_hook(NULL);
	ASSERT_INT(looks, ==, 2);
	ASSERT_PTR(word_log(obj.fences.word), ==, log);
	ASSERT_INT(log->hint, ==, 4);
	dma_resv_fini(&obj);
}

TEST(hint_is_not_copied_to_another_log)
{
	struct dma_fence *fence = mock_lone(), *second = mock_lone();
	struct dma_resv obj, copy;

	dma_resv_init(&obj);
	dma_resv_init(&copy);
	lock(&obj);
	for (unsigned int i = 0; i < 5; i++) {
		struct dma_fence *other = mock_lone();

		add(&obj, other, READ);
		signal_and_put(other);
		add(&obj, fence, BOOKKEEP);
	}
	dma_fence_signal(fence);
	ASSERT_TRUE(dma_resv_test_signaled(&obj, BOOKKEEP));
	dma_fence_put(fence);
	fence = mock_lone();
	add(&obj, fence, READ);
	add(&obj, second, WRITE);
	dma_resv_unlock(&obj);
	lock(&copy);
	ASSERT_INT(dma_resv_copy_fences(&copy, &obj), ==, 0);
	dma_resv_unlock(&copy);
	ASSERT_INT(word_log(copy.fences.word)->hint, ==, 0);
	ASSERT_FALSE(dma_resv_test_signaled(&copy, BOOKKEEP));
	dma_resv_fini(&obj);
	dma_resv_fini(&copy);
	dma_fence_put(fence);
	dma_fence_put(second);
}

static void expect_busy(void *arg)
{
	ASSERT_FALSE(dma_resv_test_signaled(arg, BOOKKEEP));
}

/* What the holder's staged set() passes over has not signalled, and others still see it. */
TEST(hint_says_nothing_of_what_a_set_passed_over)
{
	struct dma_fence *busy = mock_lone(), *done = mock_lone();
	struct dma_resv obj;

	dma_resv_init(&obj);
	lock(&obj);
	reserve(&obj, 3);
	dma_resv_add_fence(&obj, busy, WRITE);
	dma_resv_add_fence(&obj, done, READ);
	dma_resv_commit(&obj);
	dma_fence_signal(done);
	dma_resv_fences_set(&obj, &obj.fences, NULL, WRITE);
	ASSERT_TRUE(dma_resv_test_signaled(&obj, BOOKKEEP));
	in_other_thread(expect_busy, &obj);
	dma_resv_unlock(&obj);
	ASSERT_TRUE(dma_resv_test_signaled(&obj, BOOKKEEP));
	dma_resv_fini(&obj);
	dma_fence_put(busy);
	dma_fence_put(done);
}
