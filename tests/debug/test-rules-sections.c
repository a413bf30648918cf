/* SPDX-License-Identifier: MIT */
/*
 * D007 to D009 and D012: where nobody may wait, lock reservations, allocate or sleep. Each kind
 * of place is tried; which functions do such things is in test-rules-early.c.
 */
#include "rules.h"

#include <dmabuf/dma-fence-array.h>
#include <dmabuf/dma-fence-chain.h>
#include <dmabuf/dma-fence-timeline.h>
#include <dmabuf/dma-fence-wait.h>
#include <dmabuf/dma-resv.h>

#include "../fence/fences.h"

/*
 * What is done.
 */

struct means {
	struct dma_fence *fence; /* has signalled */
	struct dma_resv resv;
};

static void begin(struct means *means)
{
	means->fence = make_fence();
	dma_fence_signal(means->fence);
	dma_resv_init(&means->resv);
}

static void end(struct means *means)
{
	dma_fence_put(means->fence);
	dma_resv_fini(&means->resv);
}

STEP void wait_for(struct means *means)
{
	ASSERT_INT(dma_fence_wait(means->fence, false), ==, 0);
	STAYS;
}

STEP void lock(struct means *means)
{
	ASSERT_INT(dma_resv_lock(&means->resv, NULL), ==, 0);
	dma_resv_unlock(&means->resv);
	STAYS;
}

STEP void allocate(struct means *means)
{
	(void)means;
	dma_fence_chain_free(dma_fence_chain_alloc());
	STAYS;
}

STEP void sleep_or_not(struct means *means)
{
	(void)means;
	dmabuf_might_sleep();
	STAYS;
}

/* Also what a program says of itself. */
STEP void say_wait(struct means *means)
{
	(void)means;
	__dma_fence_might_wait();
	STAYS;
}

STEP void say_allocate(struct means *means)
{
	(void)means;
	dmabuf_might_alloc();
	STAYS;
}

/* None of it is against a rule, wherever it is. */
STEP void do_what_may_be_done(struct means *means)
{
	struct dma_fence *fence = make_fence();
	struct counting_cb cb = { .calls = 0 };
	static lock_kind kind = { .name = "leaf" };
	const char leaf = 0;

	ASSERT_INT(dma_fence_wait_timeout(fence, false, 0), ==, 0);
	ASSERT_INT(dma_fence_wait_timeout(means->fence, false, 0), ==, 1);
	ASSERT_INT(dma_resv_wait_timeout(&means->resv, DMA_RESV_USAGE_READ, false, 0), >, 0);
	ASSERT_INT(dma_fence_add_callback(fence, &cb.cb, count_call), ==, 0);
	ASSERT_TRUE(dma_resv_trylock(&means->resv));
	dma_resv_unlock(&means->resv);
	take(&kind, &leaf);
	drop(&leaf);
	dma_fence_signal(fence);
	dma_fence_put(fence);
	dma_fence_put(dma_fence_get_stub());
	STAYS;
}

/*
 * Where it is done.
 */

typedef void (*deed_func)(struct means *means);

STEP void in_section(struct means *means, deed_func deed)
{
	const bool cookie = dma_fence_begin_signalling();

	deed(means);
	dma_fence_end_signalling(cookie);
	STAYS;
}

/* The inner one's end does not end the outer one. */
STEP void behind_inner_section(struct means *means, deed_func deed)
{
	const bool outer = dma_fence_begin_signalling();
	const bool inner = dma_fence_begin_signalling();

	dma_fence_end_signalling(inner);
	deed(means);
	dma_fence_end_signalling(outer);
	STAYS;
}

struct doing_cb {
	struct dma_fence_cb cb;
	struct means *means;
	deed_func deed;
};

STEP void do_in_callback(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct doing_cb *doing = container_of(cb, struct doing_cb, cb);

	(void)fence;
	doing->deed(doing->means);
	STAYS;
}

STEP void in_callback(struct means *means, deed_func deed)
{
	struct doing_cb doing = { .means = means, .deed = deed };
	struct dma_fence *fence = make_fence();

	ASSERT_INT(dma_fence_add_callback(fence, &doing.cb, do_in_callback), ==, 0);
	dma_fence_signal(fence);
	dma_fence_put(fence);
	STAYS;
}

STEP void in_callback_of_a_locked_signal(struct means *means, deed_func deed)
{
	struct doing_cb doing = { .means = means, .deed = deed };
	struct dma_fence *fence = make_fence();

	ASSERT_INT(dma_fence_add_callback(fence, &doing.cb, do_in_callback), ==, 0);
	dmabuf_spin_lock(dma_fence_spinlock(fence));
	dma_fence_signal_locked(fence);
	dmabuf_spin_unlock(dma_fence_spinlock(fence));
	dma_fence_put(fence);
	STAYS;
}

STEP void in_callback_of_a_timeline(struct means *means, deed_func deed)
{
	struct dma_fence_timeline *tl = dma_fence_timeline_create("timeline");
	struct doing_cb doing = { .means = means, .deed = deed };
	struct dma_fence *fence = dma_fence_timeline_emit(tl);

	ASSERT_INT(dma_fence_add_callback(fence, &doing.cb, do_in_callback), ==, 0);
	dma_fence_timeline_signal(tl, 1, 0);
	dma_fence_put(fence);
	dma_fence_timeline_destroy(tl);
	STAYS;
}

STEP void in_callback_of_an_array(struct means *means, deed_func deed)
{
	struct dma_fence **members = malloc(sizeof(*members));
	struct doing_cb doing = { .means = means, .deed = deed };
	struct dma_fence *fence = make_fence();
	struct dma_fence_array *array;

	members[0] = dma_fence_get(fence);
	array = dma_fence_array_create(1, members, dma_fence_context_alloc(1), 1, false);
	ASSERT_INT(dma_fence_add_callback(&array->base, &doing.cb, do_in_callback), ==, 0);
	dma_fence_signal(fence);
	dma_fence_put(fence);
	dma_fence_put(&array->base);
	STAYS;
}

/* It never signals: that is told, and its callbacks run. */
STEP void in_callback_of_an_abandoned_fence(struct means *means, deed_func deed)
{
	struct doing_cb doing = { .means = means, .deed = deed };
	struct dma_fence *fence = make_fence();

	ASSERT_INT(dma_fence_add_callback(fence, &doing.cb, do_in_callback), ==, 0);
	dma_fence_put(fence);
	STAYS;
}

STEP void under_a_short_lock(struct means *means, deed_func deed)
{
	struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;

	dmabuf_spin_lock(&lock);
	deed(means);
	dmabuf_spin_unlock(&lock);
	STAYS;
}

STEP void under_a_short_lock_that_was_tried(struct means *means, deed_func deed)
{
	struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;

	ASSERT_TRUE(dmabuf_spin_trylock(&lock));
	deed(means);
	dmabuf_spin_unlock(&lock);
	STAYS;
}

STEP void in_a_read_section(struct means *means, deed_func deed)
{
	dmabuf_rcu_read_lock();
	dmabuf_rcu_read_lock();
	dmabuf_rcu_read_unlock();
	deed(means);
	dmabuf_rcu_read_unlock();
	STAYS;
}

struct place {
	const char *name;
	void (*func)(struct means *means, deed_func deed);
};

#define PLACE(func) { #func, func }

static const struct place sections[] = {
	PLACE(in_section),
	PLACE(behind_inner_section),
};

static const struct place callbacks[] = {
	PLACE(in_callback),
	PLACE(in_callback_of_a_locked_signal),
	PLACE(in_callback_of_a_timeline),
	/* Without optimisation it lies too deep to be shown. */
	{ "do_in_callback", in_callback_of_an_array },
};

static const struct place sleepless[] = {
	PLACE(under_a_short_lock),
	PLACE(under_a_short_lock_that_was_tried),
	PLACE(in_a_read_section),
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/*
 * Each deed in each place is reported, with the names of both. How a callback came to run may be
 * more than a stack holds, so there it is the callback's name.
 */
static void check(const struct place *places, size_t n, const char *rule, deed_func deed,
		  const char *called, const char *where)
{
	for (size_t i = 0; i < n; i++) {
		struct means means;

		begin(&means);
		IN_CHILD(ASSERT_REPORTED(places[i].func(&means, deed), rule, where, "here:", called,
					 places == callbacks ? "do_in_callback" : places[i].name));
		end(&means);
	}
}

static void check_all(const char *rule, deed_func deed, const char *called)
{
	check(sections, COUNT(sections), rule, deed, called, "inside a fence-signalling section");
	check(callbacks, COUNT(callbacks), rule, deed, called, "inside a fence's callback");
}

TEST(wait_in_a_section_or_a_callback_is_reported)
{
	check_all("D007", wait_for, "wait_for");
	check_all("D007", say_wait, "say_wait");
}

TEST(reservation_lock_in_a_section_or_a_callback_is_reported)
{
	check_all("D008", lock, "lock");
}

TEST(allocation_in_a_section_or_a_callback_is_reported)
{
	check_all("D009", allocate, "allocate");
	check_all("D009", say_allocate, "say_allocate");
}

TEST(sleep_without_sleep_is_reported)
{
	check(sleepless, COUNT(sleepless), "D012", wait_for, "wait_for", "a call that may sleep");
	check(sleepless, COUNT(sleepless), "D012", say_wait, "say_wait", "a call that may sleep");
	check(sleepless, COUNT(sleepless), "D012", lock, "lock", "a call that may sleep");
	check(sleepless, COUNT(sleepless), "D012", sleep_or_not, "sleep_or_not",
	      "a call that may sleep");
	check(callbacks, COUNT(callbacks), "D012", sleep_or_not, "sleep_or_not",
	      "under a short lock");
}

/* The section's beginning is the other stack. */
STEP bool section_begins(void)
{
	const bool cookie = dma_fence_begin_signalling();

	STAYS;
	return cookie;
}

TEST(report_tells_where_the_section_began)
{
	struct means means;
	bool cookie;

	begin(&means);
	cookie = section_begins();
	ASSERT_REPORTED(wait_for(&means), "D007", "here:", "wait_for", "the section began here:",
			"section_begins", "What to do: wait before the section begins");
	ASSERT_REPORTED(lock(&means), "D008", "here:", "lock", "the section began here:",
			"section_begins", "What to do: take the reservation lock before");
	ASSERT_REPORTED(allocate(&means), "D009", "here:", "allocate", "the section began here:",
			"section_begins", "What to do: allocate before the section");
	dma_fence_end_signalling(cookie);
	end(&means);
}

/* Its stack is the signaller's, down to the callback. */
TEST(report_in_a_callback_tells_who_signalled)
{
	struct means means;

	begin(&means);
	ASSERT_REPORTED(in_callback(&means, wait_for), "D007", "here:", "wait_for", "do_in_callback",
			"signal", "in_callback", "report_in_a_callback");
	end(&means);
}

TEST(callback_of_an_abandoned_fence_is_one_like_any_other)
{
	struct means means;

	begin(&means);
	reports_begin();
	in_callback_of_an_abandoned_fence(&means, wait_for);
	reports_end();
	ASSERT_INT(reports.count, ==, 2);
	check_report(reports.text[1], "D007", WORDS("wait_for", "do_in_callback"), __FILE__, __LINE__);
	end(&means);
}

TEST(what_may_be_done_is_not)
{
	struct means means;

	begin(&means);
	for (size_t i = 0; i < COUNT(sections); i++)
		sections[i].func(&means, do_what_may_be_done);
	for (size_t i = 0; i < COUNT(callbacks); i++)
		callbacks[i].func(&means, do_what_may_be_done);
	for (size_t i = 0; i < COUNT(sleepless); i++)
		sleepless[i].func(&means, do_what_may_be_done);
	end(&means);
}

static void do_all(struct means *means)
{
	wait_for(means);
	lock(means);
	allocate(means);
	sleep_or_not(means);
	say_wait(means);
	say_allocate(means);
	do_what_may_be_done(means);
}

/* Before and after each place, and in another thread than the one that is there. */
static void do_all_elsewhere(void *arg)
{
	do_all(arg);
}

static void from_inside(struct means *means)
{
	in_thread(do_all_elsewhere, means);
}

TEST(after_a_section_or_a_callback_all_may_be_done)
{
	static const struct {
		const struct place *places;
		size_t n;
	} all[] = {
		{ sections, COUNT(sections) },
		{ callbacks, COUNT(callbacks) },
		{ sleepless, COUNT(sleepless) },
	};
	struct means means;

	begin(&means);
	for (size_t i = 0; i < COUNT(all); i++) {
		for (size_t j = 0; j < all[i].n; j++) {
			do_all(&means);
			all[i].places[j].func(&means, from_inside);
			do_all(&means);
		}
	}
	end(&means);
}

/* Announced work forbids nothing as such. */
TEST(all_may_be_done_in_announced_work)
{
	struct dma_fence *fence = make_fence();
	struct means means;

	begin(&means);
	dma_fence_begin_work(fence);
	do_all(&means);
	dma_fence_signal(fence);
	dma_fence_end_work(fence);
	dma_fence_put(fence);
	end(&means);
}
