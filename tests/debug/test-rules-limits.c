/* SPDX-License-Identifier: MIT */
/* Rules at their limits: long cycles and reports, full tables, no memory, odd calls. */
#include "rules.h"

#include <dlfcn.h>
#include <sys/mman.h>

#include <dmabuf/dma-fence-wait.h>
#include <dmabuf/dma-resv.h>

#include "../../src/debug/rules.h" /* by its whole name, which ours has, too */
#include "../fence/fences.h"
#include "debug/lockdep.h"
#include "debug/places.h"
#include "os/pages.h"

/*
 * No memory when the program begins. In a process of its own, started with the number of the
 * table that there is no room for.
 */

static unsigned int refused; /* 1 is the next; 0: none */

void *mmap(void *address, size_t size, int prot, int flags, int fd, off_t offset)
{
	/* That with Meson's off_t, of 64 bits everywhere. */
	__typeof__(&mmap) real = (__typeof__(&mmap))dlsym(RTLD_NEXT, "mmap64");

	if (flags & MAP_NORESERVE && refused && !--refused) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return real(address, size, prot, flags, fd, offset);
}

__attribute__((constructor(101))) static void refuse_one(void)
{
	const char *nth = getenv("DMABUF_TEST_REFUSE");

	refused = nth ? (unsigned int)strtoul(nth, NULL, 10) : 0;
}

TEST(in_such_a_process_nothing_is_checked)
{
	ASSERT_INT(dmabuf_lockdep_is_on(), ==, !getenv("DMABUF_TEST_REFUSE"));
}

/* What such a process says, and how it ended. */
static int begin_without(unsigned int nth, char *said, size_t size)
{
	char setting[64];
	FILE *process;

	snprintf(setting, sizeof(setting), "DMABUF_TEST_REFUSE=%u", nth);
	process = test_popen_self(setting, "in_such_a 2>&1 >/dev/null");
	said[fread(said, 1, size - 1, process)] = '\0';
	return pclose(process);
}

TEST(without_memory_for_any_table_nothing_is_checked_and_that_is_told)
{
	enum { TABLES = 1 + PLACE_KINDS + 1 };
	char said[4096];

	for (unsigned int nth = 1; nth <= TABLES; nth++) {
		ASSERT_INT(begin_without(nth, said, sizeof(said)), ==, 0);
		ASSERT_PTR(strstr(said, "there is no memory for it: nothing is checked"), !=, NULL);
	}
}

/*
 * Threads without memory.
 */

static void *later; /* what a release op lets go on */

static void remember_again(struct dma_fence *fence)
{
	os_pages_refuse(false);
	later = fence;
	dma_fence_free(fence);
}

static const struct dma_fence_ops remembering_ops = {
	.get_driver_name = test_driver_name,
	.get_timeline_name = test_timeline_name,
	.release = remember_again,
};

static void end_as_memory_comes(void *arg)
{
	struct dma_fence *fence = make_fence_with(&remembering_ops, NULL, 1, 1);

	(void)arg;
	os_pages_refuse(true);
	dma_fence_end_signalling(dma_fence_begin_signalling());
	dma_fence_end_signalling(false); /* began when there was memory, as it were */
	dma_fence_put(fence);
	/* The thread is watched from the middle of that on, and is not in the middle of it now. */
	lockdep_check_alive(&later, "pointer", "nobody");
}

TEST(thread_that_gets_memory_in_the_middle_of_an_end_goes_on)
{
	IN_CHILD(ASSERT_REPORTED(in_thread(end_as_memory_comes, NULL), "D016", "no room left"));
	ASSERT_FALSE(later); /* it was in the child */
}

static void release_nothing(struct dma_fence *fence)
{
	(void)fence;
}

static const struct dma_fence_ops unfreed_ops = {
	.get_driver_name = test_driver_name,
	.get_timeline_name = test_timeline_name,
	.release = release_nothing,
};

STEP void use_without_memory(void *arg)
{
	struct dma_fence *fence = make_fence_with(&unfreed_ops, NULL, 1, 1);

	(void)arg;
	dmabuf_set_warn_handler(collect);
	os_pages_refuse(true);
	dma_fence_put(fence);
	dma_fence_wait(fence, false);
	STAYS;
}

TEST(use_after_the_end_is_fatal_also_for_a_thread_that_is_not_watched)
{
	ASSERT_FATAL(in_thread(use_without_memory, NULL), "D014", "use_without_memory");
}

STEP void put_it(void *fence)
{
	dma_fence_put(fence);
	STAYS;
}

STEP void use_what_another_ended(void)
{
	struct dma_fence *fence = make_fence_with(&unfreed_ops, NULL, 1, 1);

	in_thread(put_it, fence);
	dma_fence_wait(fence, false);
	STAYS;
}

TEST(use_after_the_end_in_another_thread_is_fatal)
{
	ASSERT_FATAL(use_what_another_ended(), "D014", "use_what_another_ended", "it ended here:",
		     "put_it");
}

static void work_without_room(void *arg)
{
	enum { ROOM = 64 };
	static lock_kind kind = { .name = "many", .flags = DMABUF_LOCK_BY_ADDRESS };
	static const char locks[ROOM];
	struct dma_fence *fence = make_fence();

	(void)arg;
	for (unsigned int i = 0; i < ROOM; i++)
		take(&kind, &locks[i]);
	os_pages_refuse(true);
	dma_fence_begin_work(fence);
	ASSERT_INT(fence->refcount.count, ==, 1);
	dma_fence_end_work(fence);
	ASSERT_INT(fence->refcount.count, ==, 1);
	os_pages_refuse(false);
	for (unsigned int i = ROOM; i--;)
		drop(&locks[i]);
	dma_fence_put(fence);
}

TEST(work_that_cannot_be_kept_holds_no_fence)
{
	IN_CHILD(ASSERT_REPORTED(in_thread(work_without_room, NULL), "D016", "no room left"));
}

/*
 * Cycles and reports.
 */

#define LONG 40

static void work_and_wait(void *arg)
{
	struct dma_fence **fences = arg;

	dma_fence_begin_work(fences[0]);
	dma_fence_wait_timeout(fences[1], false, 1);
	dma_fence_end_work(fences[0]);
}

TEST(cycle_that_is_longer_than_a_report_is_counted_to_its_end)
{
	struct dma_fence *fences[LONG + 1];

	for (unsigned int i = 0; i < LONG; i++)
		fences[i] = make_fence();
	fences[LONG] = fences[0];
	for (unsigned int i = 0; i < LONG - 1; i++)
		in_thread(work_and_wait, &fences[i]);
	ASSERT_REPORTED(work_and_wait(&fences[LONG - 1]), "D011", "a cycle of 40", "now:",
			"before:");
	for (unsigned int i = 0; i < LONG; i++)
		dma_fence_put(fences[i]);
}

static void report_everywhere(void)
{
	enum { KEPT = 4096, BEFORE = 16 }; /* by other tests, at most */
	uint32_t last = 5000;

	for (uint32_t stack = 1; stack <= KEPT - BEFORE; stack++)
		ASSERT_TRUE(report_is_new(DMABUF_RULE_SLEEP, stack));
	while (report_is_new(DMABUF_RULE_SLEEP, last) && !report_is_new(DMABUF_RULE_SLEEP, last))
		last++;
	/* There is room for no more, so others are told again. */
	ASSERT_INT(last, <=, 5000 + BEFORE);
	for (unsigned int times = 0; times < 2; times++)
		ASSERT_TRUE(report_is_new(DMABUF_RULE_SLEEP, last));
	for (uint32_t stack = 1; stack <= KEPT - BEFORE; stack++)
		ASSERT_FALSE(report_is_new(DMABUF_RULE_SLEEP, stack));
}

TEST(places_that_were_reported_are_kept_as_long_as_there_is_room)
{
	IN_CHILD(report_everywhere());
}

STEP void wait_in_section(struct dma_fence *fence)
{
	const bool cookie = dma_fence_begin_signalling();

	dma_fence_wait_timeout(fence, false, 1);
	dma_fence_end_signalling(cookie);
	STAYS;
}

static lock_kind around = { .name = "around" };

static void signal_under_lock(void *fence)
{
	take(&around, &around);
	dma_fence_signal(fence);
	drop(&around);
}

/* That it was under the lock would be the next thing to say, once the wait is elsewhere. */
TEST(wait_in_a_section_for_what_has_not_signalled_is_reported_once)
{
	struct dma_fence *fence = make_fence();

	take(&around, &around);
	ASSERT_REPORTED(wait_in_section(fence), "D007", "wait_in_section");
	drop(&around);
	ASSERT_REPORTS(in_thread(signal_under_lock, fence), 0);
	dma_fence_put(fence);
}

struct waiting_cb {
	struct dma_fence_cb cb;
	struct dma_fence *other;
};

static void wait_in_callback(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	(void)fence;
	dma_fence_wait_timeout(container_of(cb, struct waiting_cb, cb)->other, false, 1);
	STAYS;
}

TEST(wait_in_a_callback_for_what_has_not_signalled_is_reported_once)
{
	struct waiting_cb waiting = { .other = make_fence() };
	struct dma_fence *fence = make_fence();

	ASSERT_INT(dma_fence_add_callback(fence, &waiting.cb, wait_in_callback), ==, 0);
	ASSERT_REPORTED(dma_fence_signal(fence), "D007", "wait_in_callback");
	dma_fence_put(fence);
	dma_fence_put(waiting.other);
}

/*
 * Tables.
 */

static void invert_many(void)
{
	enum { MANY = 2000, TRIED = 100 };
	static struct dmabuf_lock_class outer = { .name = "outer" }, inner[MANY];

	take(&outer, &outer);
	for (unsigned int i = 0; i < MANY; i++) {
		inner[i].name = "inner";
		take(&inner[i], &inner[i]);
		drop(&inner[i]);
	}
	drop(&outer);
	reports_begin();
	for (unsigned int i = 0; i < MANY; i += MANY / TRIED) {
		take(&inner[i], &inner[i]);
		take(&outer, &outer);
		drop(&outer);
		drop(&inner[i]);
	}
	reports_end();
	ASSERT_INT(reports.count, ==, TRIED);
}

TEST(orders_of_one_lock_with_many_are_told_apart)
{
	IN_CHILD(invert_many());
}

static void fill_with_classes(void)
{
	enum { MANY = 33000 };
	struct dmabuf_lock_class *kinds = calloc(MANY + 2, sizeof(*kinds));

	for (unsigned int i = 0; i < MANY + 2; i++)
		kinds[i].name = "one of many";
	take(&kinds[0], &kinds[0]);
	for (unsigned int i = 1; i < MANY; i++) {
		take(&kinds[i], &kinds[i]);
		drop(&kinds[i]);
	}
	drop(&kinds[0]);
	/* Neither has been there before. */
	take(&kinds[MANY], &kinds[MANY]);
	take(&kinds[MANY + 1], &kinds[MANY + 1]);
	drop(&kinds[MANY + 1]);
	drop(&kinds[MANY]);
}

TEST(classes_that_come_when_all_is_full_are_left_out)
{
	IN_CHILD(ASSERT_REPORTED(fill_with_classes(), "D016", "no room left"));
}

/* Addresses that nobody looks behind, and that the hash sends to one place. */
static const void *pushing_out(const void *object)
{
	const uint64_t odd = 0x9e3779b97f4a7c15u;
	uintptr_t other = (uintptr_t)object;

	do
		other += 16;
	while ((uint64_t)other * odd >> 47 != (uint64_t)(uintptr_t)object * odd >> 47);
	return (const void *)other;
}

TEST(what_another_pushed_out_is_not_known_and_harms_that_not)
{
	static const char object;
	const void *other = pushing_out(&object);

	place_note(PLACE_LOCKED, &object, 1);
	ASSERT_INT(place_holder(PLACE_LOCKED, &object), !=, 0);
	place_note(PLACE_LOCKED, other, 2);
	ASSERT_INT(place_holder(PLACE_LOCKED, &object), ==, 0);
	place_over(PLACE_LOCKED, &object);
	ASSERT_INT(place_holder(PLACE_LOCKED, other), !=, 0);
	ASSERT_INT(place_of(PLACE_LOCKED, other), ==, 2);
	place_forget(PLACE_LOCKED, other);
}

static const void *pushed_out;

static void push_out(const char *label)
{
	if (!strcmp(label, "places: before the second look"))
		place_note(PLACE_LOCKED, pushing_out(pushed_out), 2);
}

TEST(holder_of_what_is_pushed_out_meanwhile_is_not_given)
{
	static const char object;

	pushed_out = &object;
	place_note(PLACE_LOCKED, &object, 1);
	os_race_hook(push_out);
	ASSERT_INT(place_holder(PLACE_LOCKED, &object), ==, 0);
	os_race_hook(NULL);
	place_forget(PLACE_LOCKED, pushing_out(&object));
}

/*
 * Odd calls.
 */

STEP void take_both(lock_kind *first, lock_kind *second)
{
	take(first, first);
	take(second, second);
	drop(second);
	drop(first);
	STAYS;
}

TEST(end_of_no_lock_makes_nothing_forgotten)
{
	static lock_kind a = { .name = "a" }, b = { .name = "b" };

	take_both(&a, &b);
	dmabuf_lock_forget(NULL);
	ASSERT_REPORTED(take_both(&b, &a), "D001", "a cycle of 2", "take_both");
}

/* Each of the two is known by itself, too, since a fence has to do with it. */
TEST(inversion_of_locks_under_which_fences_are_awaited_is_reported_once)
{
	static lock_kind a = { .name = "a" }, b = { .name = "b" };
	struct dma_fence *fence = make_fence();

	take(&a, &a);
	dma_fence_wait_timeout(fence, false, 1);
	drop(&a);
	take(&b, &b);
	dma_fence_wait_timeout(fence, false, 1);
	drop(&b);
	take_both(&a, &b);
	ASSERT_REPORTED(take_both(&b, &a), "D001", "a cycle of 2");
	dma_fence_put(fence);
}

TEST(drop_of_what_is_no_lock_of_the_programs_is_ignored)
{
	struct dma_resv obj;

	dma_resv_init(&obj);
	ASSERT_INT(dma_resv_lock(&obj, NULL), ==, 0);
	dmabuf_lock_release(&obj.lock);
	ASSERT_TRUE(dma_resv_held(&obj));
	dma_resv_unlock(&obj);
	dma_resv_fini(&obj);
}

TEST(section_that_never_began_is_not_ended)
{
	struct dma_fence *fence = make_fence();

	dma_fence_end_signalling(false);
	ASSERT_REPORTED(wait_in_section(fence), "D007", "wait_in_section");
	dma_fence_put(fence);
}

TEST(locks_of_two_contexts_have_an_order_each)
{
	static DEFINE_WW_CLASS(ww);
	static lock_kind kind = { .name = "inside" };
	struct ww_acquire_ctx ctx[2];
	struct ww_mutex mutex[2];

	for (unsigned int i = 0; i < 2; i++) {
		ww_mutex_init(&mutex[i], &ww);
		ww_acquire_init(&ctx[i], &ww);
		ASSERT_INT(ww_mutex_trylock(&mutex[i], &ctx[i]), ==, 1);
	}
	take(&kind, &kind);
	drop(&kind);
	for (unsigned int i = 0; i < 2; i++) {
		ww_mutex_unlock(&mutex[i]);
		ww_acquire_fini(&ctx[i]);
		ww_mutex_destroy(&mutex[i]);
	}
}
