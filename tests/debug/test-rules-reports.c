/* SPDX-License-Identifier: MIT */
/* What holds for all reports: each once, whatever is full, and in children. (test-rules-handler.c) */
#include "rules.h"

#include <dmabuf/dma-fence-wait.h>
#include <dmabuf/dma-resv.h>

#include "../fence/fences.h"
#include "os/pages.h"
#include "resv/ww-mutex-internal.h"

/*
 * Each place once.
 */

STEP void wait_in_section(struct dma_fence *fence)
{
	const bool cookie = dma_fence_begin_signalling();

	dma_fence_wait(fence, false);
	dma_fence_end_signalling(cookie);
	STAYS;
}

STEP void invert(lock_kind *kinds, const char *locks)
{
	take(&kinds[1], &locks[1]);
	take(&kinds[0], &locks[0]);
	drop(&locks[0]);
	drop(&locks[1]);
	STAYS;
}

STEP void nest(struct dma_resv *outer, struct dma_resv *inner)
{
	ASSERT_INT(dma_resv_lock(outer, NULL), ==, 0);
	ASSERT_INT(dma_resv_lock(inner, NULL), ==, 0);
	dma_resv_unlock(inner);
	dma_resv_unlock(outer);
	STAYS;
}

STEP void lock_slowly(struct ww_mutex *mutex, struct ww_acquire_ctx *ctx)
{
	ww_mutex_lock_slow(mutex, ctx);
	ww_mutex_unlock(mutex);
	STAYS;
}

STEP void go_on_after_deadlock(struct ww_mutex *mutexes, struct ww_acquire_ctx *ctx)
{
	ASSERT_INT(ww_mutex_lock(&mutexes[0], ctx), ==, 0);
	ctx->contending_lock = &mutexes[1];
	ASSERT_INT(ww_mutex_lock(&mutexes[2], ctx), ==, 0);
	ww_mutex_unlock(&mutexes[2]);
	ww_mutex_unlock(&mutexes[0]);
	STAYS;
}

STEP void sleep_in_a_read_section(void)
{
	dmabuf_rcu_read_lock();
	dmabuf_might_sleep();
	dmabuf_rcu_read_unlock();
	STAYS;
}

TEST(each_place_is_reported_once)
{
	static lock_kind kinds[] = { { .name = "a" }, { .name = "b" } };
	static DEFINE_WW_CLASS(ww_class);
	struct dma_fence *fence = make_fence();
	struct ww_mutex mutexes[3];
	struct ww_acquire_ctx ctx;
	const char locks[2] = "";
	struct dma_resv resv[2];

	dma_fence_signal(fence);
	dma_resv_init(&resv[0]);
	dma_resv_init(&resv[1]);
	for (unsigned int i = 0; i < 3; i++)
		ww_mutex_init(&mutexes[i], &ww_class);
	ww_acquire_init(&ctx, &ww_class);
	take(&kinds[0], &locks[0]);
	take(&kinds[1], &locks[1]);
	drop(&locks[1]);
	drop(&locks[0]);

	reports_begin();
	for (unsigned int i = 0; i < 10; i++) {
		wait_in_section(fence);
		invert(kinds, locks);
		nest(&resv[0], &resv[1]);
		lock_slowly(&mutexes[0], &ctx);
		go_on_after_deadlock(mutexes, &ctx);
		sleep_in_a_read_section();
	}
	reports_end();
	ASSERT_INT(reports.count, ==, 6);

	/* Another place is another report. */
	ASSERT_REPORTS(wait_in_section(fence), 1);
	ASSERT_REPORTS(lock_slowly(&mutexes[0], &ctx), 1);
	ww_acquire_fini(&ctx);
	dma_resv_fini(&resv[0]);
	dma_resv_fini(&resv[1]);
	dma_fence_put(fence);
}

/*
 * Long ones.
 */

/* A name so long that a few stacks of it are more than a report holds. */
#define LONG a_function_with_a_name_so_long_that_a_few_stacks_of_it_have_no_room_in_any_report

STEP void LONG(lock_kind *outer, lock_kind *inner, unsigned int depth)
{
	if (depth) {
		LONG(outer, inner, depth - 1);
	} else {
		take(outer, outer);
		take(inner, inner);
		drop(inner);
		drop(outer);
	}
	STAYS;
}

TEST(report_without_room_for_all_still_says_what_to_do)
{
	enum { N = 9, DEPTH = 20 };
	static lock_kind kinds[N] = { { .name = "a" }, { .name = "b" }, { .name = "c" },
				      { .name = "d" }, { .name = "e" }, { .name = "f" },
				      { .name = "g" }, { .name = "h" }, { .name = "i" } };

	for (unsigned int i = 1; i < N; i++)
		LONG(&kinds[i - 1], &kinds[i], DEPTH);
	ASSERT_REPORTED(LONG(&kinds[N - 1], &kinds[0], DEPTH), "D001", "a cycle of 9",
			"now: a", "a_function_with_a_name_so_long", "before: i");
	ASSERT_INT(strlen(reports.text[0]), >, 7900);
}

/*
 * What is full.
 */

static void fill_nodes(void)
{
	enum { MANY = 33000 };
	struct dmabuf_lock_class *kinds = calloc(MANY, sizeof(*kinds));

	for (unsigned int i = 0; i < MANY; i++)
		kinds[i].name = "one of many";
	take(&kinds[0], &kinds[0]);
	for (unsigned int i = 1; i < MANY; i++) {
		take(&kinds[i], &kinds[i]);
		drop(&kinds[i]);
	}
	drop(&kinds[0]);
}

static void fill_edges(void)
{
	enum { OUTER = 520, INNER = 520 };
	struct dmabuf_lock_class *kinds = calloc(OUTER + INNER, sizeof(*kinds));

	for (unsigned int i = 0; i < OUTER + INNER; i++)
		kinds[i].name = "one of many";
	for (unsigned int i = 0; i < OUTER; i++) {
		take(&kinds[i], &kinds[i]);
		for (unsigned int j = OUTER; j < OUTER + INNER; j++) {
			take(&kinds[j], &kinds[j]);
			drop(&kinds[j]);
		}
		drop(&kinds[i]);
	}
}

/* Many objects push out older ones instead. */
static void fill_with_objects(void)
{
	static lock_kind kind = { .name = "object", .flags = DMABUF_LOCK_BY_OBJECT };
	enum { MANY = 70000 };
	const char *locks = malloc(MANY);

	take(&kind, &locks[0]);
	for (unsigned int i = 1; i < MANY; i++) {
		take(&kind, &locks[i]);
		drop(&locks[i]);
	}
	drop(&locks[0]);
}

STEP void known_order(lock_kind *kinds, const char *locks)
{
	take(&kinds[0], &locks[0]);
	take(&kinds[1], &locks[1]);
	drop(&locks[1]);
	drop(&locks[0]);
	STAYS;
}

static void fill(void (*with)(void))
{
	static lock_kind kinds[] = { { .name = "a" }, { .name = "b" } };
	const char locks[2] = "";

	known_order(kinds, locks);
	ASSERT_REPORTED(with(), "D016", "no room left", "What to do: nothing");
	ASSERT_REPORTS(with(), 0);
	ASSERT_REPORTS(wait_in_section(dma_fence_get_stub()), 1);
	ASSERT_REPORTS(known_order(kinds, locks), 0);
}

TEST(full_tables_are_told_once_and_the_rest_stays_checked)
{
	IN_CHILD(fill(fill_nodes));
	IN_CHILD(fill(fill_edges));
}

TEST(objects_give_way_to_newer_ones)
{
	IN_CHILD(fill_with_objects());
}

static void take_and_drop_without_memory(void *arg)
{
	static lock_kind kind = { .name = "unwatched" };
	static const char lock;
	struct dma_fence *fence = make_fence();
	struct counting_cb cb = { .calls = 0 };

	(void)arg;
	os_pages_refuse(true);
	take(&kind, &lock);
	dma_fence_begin_work(fence);
	ASSERT_INT(dma_fence_add_callback(fence, &cb.cb, count_call), ==, 0);
	dma_fence_signal(fence);
	os_pages_refuse(false);
	/* From here on the thread is watched, and it is not known what it holds. */
	dma_fence_end_work(fence);
	dma_fence_put(fence);
	drop(&lock);
	wait_in_section(dma_fence_get_stub());
}

static void watch_after_refusal(void)
{
	reports_begin();
	in_thread(take_and_drop_without_memory, NULL);
	reports_end();
	ASSERT_INT(reports.count, ==, 2);
	check_report(reports.text[0], "D016", WORDS("no room left"), __FILE__, __LINE__);
	check_report(reports.text[1], "D007", WORDS("wait_in_section"), __FILE__, __LINE__);
}

static void take_too_many(void *arg)
{
	enum { MANY = 100 };
	static lock_kind kind = { .name = "many", .flags = DMABUF_LOCK_BY_ADDRESS };
	static const char locks[MANY];
	struct dma_fence *fence = make_fence();
	struct counting_cb cb = { .calls = 0 };
	bool cookie;

	(void)arg;
	take(&kind, &locks[0]);
	os_pages_refuse(true);
	for (unsigned int i = 1; i < MANY; i++)
		take(&kind, &locks[i]);
	cookie = dma_fence_begin_signalling();
	ASSERT_INT(dma_fence_add_callback(fence, &cb.cb, count_call), ==, 0);
	dma_fence_signal(fence);
	dma_fence_end_signalling(cookie);
	os_pages_refuse(false);
	for (unsigned int i = MANY; i--;)
		drop(&locks[i]);
	dma_fence_wait(fence, false); /* in no callback, and in no section */
	dma_fence_put(fence);
}

TEST(memory_that_is_refused_is_told_and_nothing_is_made_up)
{
	IN_CHILD(watch_after_refusal());
	IN_CHILD(ASSERT_REPORTED(in_thread(take_too_many, NULL), "D016", "no room left"));
}

/*
 * Many threads.
 */

enum { THREADS = 4, KINDS = 16, OBJECTS = 64 };

static struct dmabuf_lock_class ordered[KINDS];
static struct dmabuf_lock_class by_object = { .name = "object", .flags = DMABUF_LOCK_BY_OBJECT };
static char objects[THREADS][OBJECTS];

/* Classes rise, and so do a thread's own objects, which come and go; fences, too. */
static void take_legally(unsigned int index, void *arg)
{
	uint32_t random = test_seed() + index;

	(void)arg;
	for (unsigned int i = test_rounds(2000); i; i--) {
		const unsigned int first = test_random(&random) % KINDS;
		const unsigned int second = test_random(&random) % KINDS;
		const unsigned int object = test_random(&random) % (OBJECTS - 1);
		struct dma_fence *fence = make_fence();

		take(&ordered[first], &ordered[first]);
		if (second > first)
			take(&ordered[second], &ordered[second]);
		take(&by_object, &objects[index][object]);
		take(&by_object, &objects[index][object + 1]);
		dma_fence_wait_timeout(fence, false, 1);
		drop(&objects[index][object]);
		drop(&objects[index][object + 1]);
		dmabuf_lock_forget(&objects[index][object]);
		if (second > first)
			drop(&ordered[second]);
		drop(&ordered[first]);
		dma_fence_signal(fence);
		dma_fence_put(fence);
	}
}

static void name_all(void)
{
	for (unsigned int i = 0; i < KINDS; i++)
		ordered[i].name = "ordered";
}

TEST(many_threads_that_keep_the_order_is_not)
{
	name_all();
	test_race_begin();
	IN_CHILD({
		test_threads(THREADS, take_legally, NULL);
	});
}

static void invert_together(unsigned int index, void *arg)
{
	lock_kind *kinds = arg;

	for (unsigned int i = 0; i < 50; i++) {
		if (index % 2)
			invert(kinds, objects[0]);
		else
			known_order(kinds, objects[0]);
	}
}

TEST(many_threads_report_one_inversion_once)
{
	static lock_kind kinds[] = { { .name = "a" }, { .name = "b" } };

	test_race_begin();
	IN_CHILD(ASSERT_REPORTS(test_threads(THREADS, invert_together, (void *)kinds), 1));
}

/*
 * Children.
 */

static bool stop;

static void keep_learning(unsigned int index, void *arg)
{
	lock_kind *kinds = arg;

	if (index) {
		while (!load_acquire(&stop))
			take_legally(index, NULL);
		return;
	}
	for (unsigned int i = 0; i < 20; i++)
		IN_CHILD({
			ASSERT_REPORTS(invert(kinds, objects[0]), 1);
			ASSERT_REPORTS(wait_in_section(dma_fence_get_stub()), 1);
		});
	store_release(&stop, true);
}

TEST(child_goes_on_being_checked)
{
	static lock_kind kinds[] = { { .name = "a" }, { .name = "b" } };

	known_order(kinds, objects[0]);
	ASSERT_REPORTS(IN_CHILD(ASSERT_REPORTED(invert(kinds, objects[0]), "D001", "invert",
						"known_order")), 0);
	ASSERT_REPORTED(invert(kinds, objects[0]), "D001", "invert", "known_order");
}

static bool in_graph; /* atomic: a thread is inside, and stays for a while */

static void stay_in_graph(const char *label)
{
	if (strcmp(label, "graph: locked") != 0)
		return;
	store_release(&in_graph, true);
	for (unsigned int i = 0; i < 200; i++)
		test_yield();
	store_release(&in_graph, false);
}

static void learn_for_ever(void *arg)
{
	static lock_kind kind = { .name = "new", .flags = DMABUF_LOCK_BY_OBJECT };
	const char locks[2] = "";

	while (!load_acquire((bool *)arg)) {
		take(&kind, &locks[0]);
		take(&kind, &locks[1]);
		drop(&locks[0]);
		drop(&locks[1]);
		dmabuf_lock_forget(&locks[0]);
	}
}

static void take_two(void)
{
	static lock_kind kinds[] = { { .name = "x" }, { .name = "y" } };

	alarm(60); /* where the graph is locked for ever */
	known_order(kinds, objects[0]);
}

TEST(child_finds_the_graph_unlocked)
{
	struct test_thread *learner;
	bool enough = false;

	os_race_hook(stay_in_graph);
	learner = test_thread_start(learn_for_ever, &enough);
	for (unsigned int i = 0; i < 5; i++) {
		WAIT_UNTIL(load_acquire(&in_graph));
		IN_CHILD(take_two());
	}
	store_release(&enough, true);
	test_thread_join(learner);
}

/* It was forked in the middle of what other threads did. */
TEST(child_of_many_threads_goes_on_being_checked)
{
	static lock_kind kinds[] = { { .name = "a" }, { .name = "b" } };

	name_all();
	known_order(kinds, objects[0]);
	store_release(&stop, false);
	test_threads(3, keep_learning, (void *)kinds);
}
