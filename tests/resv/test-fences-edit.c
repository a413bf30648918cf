/* SPDX-License-Identifier: MIT */
/*
 * The container: what the paragraphs about set, replace_fences, copy_fences, prune, and
 * about the iterators, of the design promise.
 */
#include "harness.h"

#include <dmabuf/dma-resv.h>
#include <errno.h>

#include "unit.h"

/*
 * Set, replace, copy, prune: on what is committed and staged; shown at the next commit.
 */

/* @n fences, of which half are committed and half staged. */
static void half_staged(struct dma_resv *obj, struct dma_fence **fences, unsigned int n)
{
	dma_resv_init(obj);
	lock_beside(obj);
	for (unsigned int i = 0; i < n; i++) {
		fences[i] = mock_lone();
		add(obj, fences[i], READ);
		if (i + 1 == n / 2)
			dma_resv_commit(obj);
	}
}

static void put_all(struct dma_fence **fences, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		dma_fence_put(fences[i]);
}

TEST(set_makes_one_fence_all_of_a_category)
{
	for (unsigned int n = 0; n < 12; n++) {
		for (unsigned int usage = KERNEL; usage <= BOOKKEEP; usage++) {
			struct dma_fence *fences[12], *one = mock_lone();
			const unsigned int others = usage == READ ? 0 : n;
			struct dma_resv obj;

			half_staged(&obj, fences, n);
			reserve(&obj, 2);
			os_fault_arm(1);
			dma_resv_fences_set(&obj, &obj.fences, one, (enum dma_resv_usage)usage);
			ASSERT_FALSE(os_fault_disarm());
			ASSERT_INT(count(&obj, BOOKKEEP), ==, others + 1);
			ASSERT_INT(times(&obj, one), ==, 1);
			ASSERT_INT(others_count(&obj, BOOKKEEP), ==, n / 2);
			dma_resv_commit(&obj);
			ASSERT_INT(others_count(&obj, BOOKKEEP), ==, others + 1);
			os_fault_arm(1);
			dma_resv_fences_set(&obj, &obj.fences, NULL, (enum dma_resv_usage)usage);
			ASSERT_FALSE(os_fault_disarm());
			ASSERT_INT(count(&obj, BOOKKEEP), ==, others);
			dma_resv_unlock(&obj);
			ASSERT_INT(count(&obj, BOOKKEEP), ==, others);
			dma_resv_fini(&obj);
			put_all(fences, n);
			dma_fence_put(one);
		}
	}
}

/* Added, set and compacted; what was set away does not come back. */
/* Stages what a walk has found: it has signalled, is staged already, and there is no room. */
static void stage_again(bool set)
{
	struct dma_fence *fences[2] = { mock_lone(), mock_lone() };
	struct dma_resv obj;

	dma_resv_init(&obj);
	lock(&obj);
	for (unsigned int i = 0; i < 2; i++)
		add(&obj, fences[i], READ);
	dma_fence_signal(fences[1]);
	dma_fence_put(fences[1]); /* the container's is the last one */
	reserve(&obj, 100);
	if (set)
		dma_resv_fences_set(&obj, &obj.fences, fences[1], BOOKKEEP);
	else
		dma_resv_add_fence(&obj, fences[1], BOOKKEEP);
	ASSERT_TRUE(mock_is_alive(fences[1]));
	ASSERT_INT(times(&obj, fences[0]), ==, 1);
	dma_resv_unlock(&obj);
	dma_resv_fini(&obj);
	dma_fence_put(fences[0]);
}

TEST(what_only_the_container_holds_can_be_added_and_set)
{
	stage_again(false);
	stage_again(true);
}

/* It is busy when the add looks at it, and has signalled when it would be taken over. */
static bool signaled_when_asked_again(struct dma_fence *fence)
{
	struct mock *mock = to_mock(fence);

	return fetch_add_relaxed(&mock->asked, 1);
}

TEST(what_signals_before_it_is_taken_over_is_let_go)
{
	static const struct dma_fence_ops ops = {
		.get_driver_name = mock_name,
		.get_timeline_name = mock_name,
		.signaled = signaled_when_asked_again,
		.release = mock_release,
	};
	struct dma_fence *late;
	bool released;
	struct unit u;

	begin(&u);
	reserve_in(&u, 2);
	late = mock_init(&ops, dma_fence_context_alloc(1), 1, &released);
	dma_resv_fences_add(&u.fences, late, READ);
	dma_fence_put(late);
	ASSERT_FALSE(released);
	stage(&u, READ);
	ASSERT_TRUE(released);
	ASSERT_INT(u.fences.length, ==, 1);
	end(&u);
}

TEST(set_is_kept_by_compaction)
{
	struct dma_fence *old = mock_lone(), *one = mock_lone();
	struct unit u;

	begin(&u);
	reserve_in(&u, 2);
	dma_resv_fences_add(&u.fences, old, WRITE);
	dma_resv_fences_set(&u.obj, &u.fences, one, WRITE);
	for (unsigned int i = 0; i < 50; i++)
		stage(&u, READ);
	commit(&u);
	ASSERT_INT(committed(&u, WRITE), ==, 1);
	ASSERT_INT(committed(&u, BOOKKEEP), ==, 51);
	ASSERT_INT(references(old), ==, 1);
	end(&u);
	dma_fence_put(old);
	dma_fence_put(one);
}

TEST(replace_without_memory_changes_nothing)
{
	for (unsigned int n = 2; n < 12; n++) {
		struct dma_fence *fences[12], *one = mock_lone();
		struct dma_resv obj;

		half_staged(&obj, fences, n);
		os_fault_arm(1);
		ASSERT_INT(dma_resv_replace_fences(&obj, fences[0]->context, one, READ), ==, -ENOMEM);
		ASSERT_TRUE(os_fault_disarm());
		ASSERT_INT(times(&obj, one), ==, 0);
		for (unsigned int i = 0; i < n; i++)
			ASSERT_INT(times(&obj, fences[i]), ==, 1);
		ASSERT_INT(references(one), ==, 1);
		ASSERT_INT(others_count(&obj, BOOKKEEP), ==, n / 2);
		ASSERT_INT(dma_resv_replace_fences(&obj, fences[0]->context, one, READ), ==, 0);
		ASSERT_INT(count(&obj, BOOKKEEP), ==, n);
		ASSERT_INT(times(&obj, one), ==, 1);
		ASSERT_INT(times(&obj, fences[0]), ==, 0);
		ASSERT_INT(others_count(&obj, BOOKKEEP), ==, n / 2);
		dma_resv_unlock(&obj);
		ASSERT_INT(others_count(&obj, BOOKKEEP), ==, n);
		dma_resv_fini(&obj);
		put_all(fences, n);
		dma_fence_put(one);
	}
}

TEST(copy_shares_no_log_and_drops_what_was_there)
{
	for (unsigned int n = 0; n < 12; n++) {
		struct dma_fence *fences[12], *there[12];
		struct dma_resv src, dst;

		half_staged(&src, fences, n);
		half_staged(&dst, there, 11 - n);
		if (n > 1) {
			os_fault_arm(1);
			ASSERT_INT(dma_resv_copy_fences(&dst, &src), ==, -ENOMEM);
			ASSERT_TRUE(os_fault_disarm());
			ASSERT_INT(count(&dst, BOOKKEEP), ==, 11 - n);
		}
		ASSERT_INT(dma_resv_copy_fences(&dst, &src), ==, 0);
		ASSERT_INT(count(&dst, BOOKKEEP), ==, n);
		ASSERT_INT(others_count(&dst, BOOKKEEP), ==, (11 - n) / 2);
		if (n > 1)
			ASSERT_INT(dst.fences.staged, !=, src.fences.staged);
		dma_resv_unlock(&dst);
		dma_resv_unlock(&src);
		dma_resv_fini(&src);
		for (unsigned int i = 0; i < n; i++)
			ASSERT_INT(times(&dst, fences[i]), ==, 1);
		dma_resv_fini(&dst);
		put_all(fences, n);
		put_all(there, 11 - n);
	}
}

/* One more fence needs no memory in a word that has signalled, until a busy one comes there. */
TEST(a_reservation_of_the_word_survives_what_is_busy)
{
	for (unsigned int copied = 0; copied < 2; copied++) {
		struct dma_fence *done = mock_lone(), *busy = mock_lone(), *other = mock_lone();
		struct dma_resv obj, src;

		dma_resv_init(&obj);
		dma_resv_init(&src);
		add_alone(&src, busy, READ);
		add_alone(&obj, done, READ);
		dma_fence_signal(done);
		lock(&obj);
		os_fault_arm(1);
		reserve(&obj, 1);
		ASSERT_FALSE(os_fault_disarm());
		if (copied)
			ASSERT_INT(dma_resv_copy_fences(&obj, &src), ==, 0);
		else
			ASSERT_INT(dma_resv_replace_fences(&obj, done->context, busy, READ), ==, 0);
		os_fault_arm(1);
		dma_resv_add_fence(&obj, other, READ);
		ASSERT_FALSE(os_fault_disarm());
		dma_resv_unlock(&obj);
		ASSERT_INT(times(&obj, busy), ==, 1);
		ASSERT_INT(times(&obj, other), ==, 1);
		dma_resv_fini(&obj);
		dma_resv_fini(&src);
		dma_fence_put(done);
		dma_fence_put(busy);
		dma_fence_put(other);
	}
}

/* With none or one left it needs no memory; with more and none it does nothing. */
TEST(prune_needs_memory_only_for_several)
{
	for (unsigned int n = 1; n < 10; n++) {
		for (unsigned int live = 0; live <= n; live++) {
			struct dma_fence *fences[10];
			struct dma_resv obj;
			bool failed;

			half_staged(&obj, fences, n);
			for (unsigned int i = live; i < n; i++)
				dma_fence_signal(fences[i]);
			os_fault_arm(1);
			dma_resv_prune_fences(&obj);
			failed = os_fault_disarm();
			ASSERT_INT(failed, ==, live > 1 && live < n);
			ASSERT_INT(count(&obj, BOOKKEEP), ==, live);
			dma_resv_prune_fences(&obj);
			dma_resv_unlock(&obj);
			for (unsigned int i = 0; i < n; i++)
				ASSERT_INT(references(fences[i]), ==, i < live ? 2 : 1);
			if (live < 2)
				ASSERT_FALSE(word_is_log(obj.fences.word));
			dma_resv_fini(&obj);
			put_all(fences, n);
		}
	}
}

static void expect_one(void *arg)
{
	ASSERT_INT(count(arg, BOOKKEEP), ==, 1);
}

TEST(prune_does_not_publish_what_is_staged)
{
	struct dma_fence *fences[3];
	struct dma_resv obj;

	half_staged(&obj, fences, 3);
	dma_fence_signal(fences[1]);
	dma_resv_prune_fences(&obj);
	in_other_thread(expect_one, &obj);
	ASSERT_INT(count(&obj, BOOKKEEP), ==, 2);
	dma_resv_unlock(&obj);
	ASSERT_INT(others_count(&obj, BOOKKEEP), ==, 2);
	dma_resv_fini(&obj);
	put_all(fences, 3);
}

/*
 * A fence whose release changes the reservation that drops it.
 */

static struct dma_resv scene;
static struct dma_fence *successor; /* NULL: it only reserves */

static void change_scene(struct dma_fence *fence)
{
	reserve(&scene, 20);
	if (successor)
		dma_resv_add_fence(&scene, successor, WRITE);
	dma_fence_free(fence);
}

static const struct dma_fence_ops change_ops = {
	.get_driver_name = mock_name,
	.get_timeline_name = mock_name,
	.release = change_scene,
};

TEST(what_is_staged_while_the_lock_is_dropped_shows_then)
{
	struct dma_fence *fence = mock_init(&change_ops, 1, 1, NULL), *later = mock_fence(1, 2);

	successor = mock_lone();
	dma_resv_init(&scene);
	add_alone(&scene, fence, READ);
	dma_fence_put(fence);
	add_alone(&scene, later, READ);
	ASSERT_INT(others_count(&scene, BOOKKEEP), ==, 2);
	dma_resv_fini(&scene);
	dma_fence_put(later);
	dma_fence_put(successor);
}

TEST(what_is_reserved_while_a_copy_is_staged_has_room)
{
	struct dma_fence *fence = mock_init(&change_ops, 1, 1, NULL), *fences[20];
	struct dma_resv src;

	successor = NULL;
	dma_resv_init(&scene);
	dma_resv_init(&src);
	for (unsigned int i = 0; i < 20; i++)
		fences[i] = mock_lone();
	add_alone(&src, fences[0], READ);
	add_alone(&src, fences[1], READ);
	lock(&scene);
	add(&scene, fence, READ);
	dma_fence_put(fence);
	ASSERT_INT(dma_resv_copy_fences(&scene, &src), ==, 0);
	for (unsigned int i = 0; i < 20; i++)
		dma_resv_add_fence(&scene, fences[i], WRITE);
	dma_resv_unlock(&scene);
	ASSERT_INT(others_count(&scene, BOOKKEEP), ==, 20);
	dma_resv_fini(&scene);
	dma_resv_fini(&src);
	put_all(fences, 20);
}

static struct dma_resv source;

static void replace_scene(struct dma_fence *fence)
{
	ASSERT_INT(dma_resv_copy_fences(&scene, &source), ==, 0);
	dma_resv_commit(&scene);
	dmabuf_rcu_barrier();
	dma_fence_free(fence);
}

static const struct dma_fence_ops replace_ops = {
	.get_driver_name = mock_name,
	.get_timeline_name = mock_name,
	.release = replace_scene,
};

/* More are put than at once, so it is in the middle of handing over; the log is not kept. */
TEST(the_log_that_is_committed_may_be_dropped_by_a_release)
{
	enum { FULL = 88, PUT = 20 };
	struct dma_fence *fences[FULL] = { mock_init(&replace_ops, 1, 1, NULL) }, *one = mock_lone();

	dma_resv_init(&scene);
	dma_resv_init(&source);
	add_alone(&source, one, READ);
	lock(&scene);
	reserve(&scene, FULL);
	dma_resv_add_fence(&scene, fences[0], READ);
	for (unsigned int i = 1; i < FULL; i++) {
		fences[i] = mock_lone();
		dma_resv_add_fence(&scene, fences[i], READ);
	}
	dma_resv_unlock(&scene);
	for (unsigned int i = 0; i < PUT; i++)
		dma_fence_signal(fences[i]);
	dma_fence_signal(fences[FULL - 1]);
	dma_fence_put(fences[0]);
	lock(&scene);
	reserve(&scene, FULL);
	dma_resv_add_fence(&scene, one, READ);
	dma_resv_unlock(&scene);
	ASSERT_INT(others_count(&scene, BOOKKEEP), ==, 1);
	for (unsigned int i = 1; i < FULL; i++)
		ASSERT_INT(references(fences[i]), ==, 1);
	dma_resv_fini(&scene);
	dma_resv_fini(&source);
	put_all(fences + 1, FULL - 1);
	dma_fence_put(one);
}

/*
 * The iterators: the word that is walked is in the cursor.
 */

TEST(iterators_show_the_word_that_they_walk)
{
	struct dma_fence *fences[8];
	struct dma_resv_iter cursor;
	struct dma_resv obj;

	half_staged(&obj, fences, 2);
	dma_resv_iter_begin(&cursor, &obj, BOOKKEEP);
	ASSERT_PTR(dma_resv_iter_first(&cursor), ==, fences[1]);
	ASSERT_INT((uintptr_t)cursor.fences, ==, obj.fences.staged);
	dma_resv_unlock(&obj);
	ASSERT_PTR(dma_resv_iter_first_unlocked(&cursor), ==, fences[1]);
	ASSERT_INT((uintptr_t)cursor.fences, ==, obj.fences.word);
	/* The same word, with more in it: no restart. */
	fences[2] = mock_lone();
	add_alone(&obj, fences[2], READ);
	ASSERT_PTR(dma_resv_iter_next_unlocked(&cursor), ==, fences[0]);
	ASSERT_FALSE(dma_resv_iter_is_restarted(&cursor));
	/* Another word: it says so. */
	dma_fence_signal(fences[2]);
	lock(&obj);
	dma_resv_prune_fences(&obj);
	dma_resv_unlock(&obj);
	ASSERT_PTR(dma_resv_iter_next_unlocked(&cursor), ==, fences[1]);
	ASSERT_TRUE(dma_resv_iter_is_restarted(&cursor));
	dma_resv_iter_end(&cursor);
	dma_resv_fini(&obj);
	put_all(fences, 3);
}
