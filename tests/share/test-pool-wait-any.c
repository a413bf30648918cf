/* SPDX-License-Identifier: MIT */
/*
 * Waiting for any of several members' fences: by the words in memory that they change, where the kernel
 * waits for many of those, and through the watcher where not. Both members are this process.
 */
#include "members.h"
#include "waiting.h"

#include "share/shared-fence.h"

static const struct dma_buf_pool_limits limits = {
	.members = 4, .buffers = 1, .fences = 1, .timelines = 256,
};

/*
 * Two members that are this process: what one has exported, and what it is to the other.
 */

enum { MANY = 127 };

static struct {
	struct dma_buf_pool *host, *other;
	struct dma_fence *here[MANY], *there[MANY];
	unsigned int count;
} world;

static void begin(unsigned int count)
{
	world.host = create_pool(&limits);
	world.other = add_member(world.host);
	for (world.count = 0; world.count < count; world.count++) {
		world.there[world.count] = make_fence();
		world.here[world.count] = pass_fence(world.other, world.there[world.count], world.host);
	}
}

static void end(void)
{
	while (world.count) {
		dma_fence_put(world.here[--world.count]);
		signal_and_put(world.there[world.count]);
	}
	leave(world.other);
	leave(world.host);
}

static unsigned int chosen;

static void signal_chosen(void)
{
	dma_fence_signal(world.there[chosen]);
}

/* The chosen one of @count signals as the waiter is about to sleep for the @nth time. */
static unsigned int left_to_pass;

static void pass(void)
{
	if (!--left_to_pass)
		signal_chosen();
	else
		do_at(SLEEP, pass);
}

static void wait_for_chosen(unsigned int count, unsigned int index, unsigned int nth)
{
	uint32_t idx = 99;

	chosen = index;
	left_to_pass = nth;
	do_at(SLEEP, pass);
	ASSERT_INT(dma_fence_wait_any_timeout(world.here, count, false, PEER_PATIENCE, &idx), >, 0);
	os_race_hook(NULL);
	ASSERT_INT(idx, ==, index);
	ASSERT_INT(left_to_pass, ==, 0);
}

TEST(any_of_several_needs_neither_callback_nor_watcher)
{
	begin(3);
	wait_for_chosen(3, 1, 1);
	for (unsigned int i = 0; i < 3; i++)
		ASSERT_FALSE(world.here[i]->flags & 1u << DMA_FENCE_FLAG_HAS_CALLBACKS_BIT);
	ASSERT_FALSE(is_watched(world.host));
	ASSERT_INT(dma_fence_get_status(world.here[1]), ==, 1);
	ASSERT_FALSE(dma_fence_is_signaled(world.here[0]));
	end();
}

TEST(a_waiter_for_any_looks_again_and_again)
{
	begin(2);
	wait_for_chosen(2, 0, 3);
	end();
}

/* As many as the kernel waits for: one word more is the waiter's own, and one says who is gone. */
TEST(any_of_126_is_waited_for_by_words)
{
	begin(126);
	wait_for_chosen(126, 125, 1);
	ASSERT_FALSE(is_watched(world.host));
	end();
}

TEST(any_of_more_than_that_is_waited_for_by_callbacks)
{
	begin(MANY);
	wait_for_chosen(127, 126, 1);
	ASSERT_TRUE(is_watched(world.host));
	for (unsigned int i = 0; i < 126; i++)
		ASSERT_PTR(world.here[i]->cb_list.next, ==, &world.here[i]->cb_list);
	end();
}

/* The second fallible call is the wait for many; the first is for memory. */
TEST(where_the_kernel_cannot_wait_for_many_callbacks_are_called)
{
	uint32_t idx = 99;

	begin(3);
	chosen = 2;
	left_to_pass = 2;
	do_at(SLEEP, pass);
	os_fault_arm(2);
	ASSERT_INT(dma_fence_wait_any_timeout(world.here, 3, false, PEER_PATIENCE, &idx), >, 0);
	ASSERT_TRUE(os_fault_disarm());
	os_race_hook(NULL);
	ASSERT_INT(idx, ==, 2);
	ASSERT_TRUE(is_watched(world.host));
	ASSERT_PTR(world.here[0]->cb_list.next, ==, &world.here[0]->cb_list);
	end();
}

TEST(it_survives_a_lack_of_memory)
{
	begin(2);
	os_fault_arm(1);
	ASSERT_INT(dma_fence_wait_any_timeout(world.here, 2, false, 1, NULL), ==, -ENOMEM);
	ASSERT_TRUE(os_fault_disarm());
	end();
}

TEST(it_ends_in_time)
{
	const int64_t timeouts[] = { 0, 1, 3 * FENCE_SLICE_NS };

	begin(2);
	for (unsigned int i = 0; i < 3; i++) {
		uint32_t idx = 99;

		ASSERT_INT(dma_fence_wait_any_timeout(world.here, 2, false, timeouts[i], &idx), ==, 0);
		ASSERT_INT(idx, ==, 99);
	}
	end();
}

/* What a waiter promises itself: who signals looks at the watermark, and wakes. */
TEST(who_signals_one_of_them_wakes)
{
	begin(2);
	ASSERT_INT(dma_fence_wait_any_timeout(world.here, 2, false, 1, NULL), ==, 0);
	for (unsigned int i = 0; i < 2; i++) {
		count_syscalls();
		dma_fence_signal(world.there[i]);
		os_race_hook(NULL);
		ASSERT_INT(syscall_wakes, >=, 1);
	}
	end();
}

static bool have_changed(const struct os_futex_word *words, unsigned int which)
{
	return load_acquire(words[which].word) != words[which].expected;
}

TEST(a_signal_and_a_verdict_each_change_a_word)
{
	struct os_futex_word words[FENCE_WORDS];

	begin(2);
	ASSERT_TRUE(fence_await(world.here[0], words));
	ASSERT_FALSE(have_changed(words, FENCE_SHARED_WORD) || have_changed(words, FENCE_OWN_WORD));
	dma_fence_signal(world.there[0]);
	ASSERT_TRUE(have_changed(words, FENCE_SHARED_WORD));
	ASSERT_FALSE(fence_await(world.here[0], words));
	ASSERT_TRUE(fence_await(world.here[1], words));
	member_judge(to_shared_fence(world.here[1])->member, VERDICT_DEAD);
	ASSERT_TRUE(have_changed(words, FENCE_OWN_WORD));
	ASSERT_FALSE(have_changed(words, FENCE_SHARED_WORD));
	ASSERT_FALSE(fence_await(world.here[1], words));
	end();
}

/*
 * Who looks after its pool itself does not while it sleeps, and neither does anybody else.
 */

static struct dma_buf_pool *third;

static void evict_other(void)
{
	ASSERT_INT(dma_buf_pool_evict(third, dma_buf_pool_self(world.other)), ==, 0);
}

/* Its owner stops before it rings. */
static void raise_value(void)
{
	struct shm_timelines *map = world.other->self->map;

	store_seq_cst(&map->timeline[to_shared_fence(world.here[0])->timeline].value, 1);
}

static void find_alone(uint32_t count, bool intr, void (*func)(void), int status)
{
	uint32_t idx = 99;

	begin(count);
	third = add_member(world.host);
	ASSERT_INT(dma_buf_pool_watch_fd(world.host), >=, 0);
	do_at(SLEEP, func);
	ASSERT_INT(dma_fence_wait_any_timeout(world.here, count, intr, PEER_PATIENCE, &idx), >, 0);
	os_race_hook(NULL);
	ASSERT_INT(idx, ==, 0);
	ASSERT_INT(dma_fence_get_status(world.here[0]), ==, status);
	leave(third);
	end();
}

TEST(who_waits_by_callbacks_and_watches_itself_finds_who_was_evicted)
{
	find_alone(2, true, evict_other, -ECANCELED);
	find_alone(MANY, false, evict_other, -ECANCELED);
}

TEST(who_waits_by_callbacks_needs_no_ring)
{
	find_alone(2, true, raise_value, 1);
}

/*
 * Among fences of this process.
 */

TEST(a_fence_of_this_process_may_be_among_them)
{
	for (unsigned int i = 0; i < 3; i++) {
		struct dma_fence *fences[3];
		struct waiting waiting = { .fences = fences, .count = 3, .idx = 99 };
		struct test_thread *thread;

		begin(2);
		fences[0] = world.here[0];
		fences[1] = make_fence();
		fences[2] = world.here[1];
		thread = start(&waiting);
		dma_fence_signal(i == 1 ? fences[1] : world.there[i / 2]);
		join(thread);
		ASSERT_INT(waiting.waiter.ret, >, 0);
		ASSERT_INT(waiting.idx, ==, i);
		ASSERT_FALSE(is_watched(world.host));
		if (i != 1) { /* nothing of the waiter's is left with it */
			ASSERT_PTR(fences[1]->cb_list.next, ==, &fences[1]->cb_list);
			dma_fence_signal(fences[1]);
		}
		dma_fence_put(fences[1]);
		end();
	}
}

static struct dma_fence *local;

static void signal_local(void)
{
	dma_fence_signal(local);
}

TEST(one_of_this_process_that_signals_before_the_sleep_is_not_missed)
{
	struct dma_fence *fences[2];
	uint32_t idx = 99;

	begin(1);
	fences[0] = world.here[0];
	fences[1] = local = make_fence();
	fence_slice_ns = INT64_MAX;
	do_at(SLEEP, signal_local);
	ASSERT_INT(dma_fence_wait_any_timeout(fences, 2, false, PEER_PATIENCE, &idx), >, 0);
	os_race_hook(NULL);
	fence_slice_ns = FENCE_SLICE_NS;
	ASSERT_INT(idx, ==, 1);
	dma_fence_put(local);
	end();
}

/* One that is done when it is enabled. */
TEST(one_of_this_process_may_be_done_when_it_is_asked)
{
	struct asked_fence *lazy = make_asked();
	struct dma_fence *fences[2];
	uint32_t idx = 99;

	lazy->refuse = true;
	begin(1);
	fences[0] = world.here[0];
	fences[1] = &lazy->base;
	ASSERT_INT(dma_fence_wait_any_timeout(fences, 2, false, PEER_PATIENCE, &idx), >, 0);
	ASSERT_INT(idx, ==, 1);
	dma_fence_put(&lazy->base);
	end();
}

/*
 * Words that an enemy changes whenever somebody is about to sleep: not for ever, or a test would never end.
 */

enum { MOST_CHANGES = 200000 };

static unsigned int changes;
static uint32_t *restless;

static void change(const char *label)
{
	if ((!strcmp(label, SLEEP) || !strcmp(label, "shared fence: before sleep")) &&
	    changes++ < MOST_CHANGES)
		store_relaxed(restless, load_relaxed(restless) ^ LOCK_WAITERS);
}

static void begin_changes(uint32_t *word)
{
	changes = 0;
	restless = word;
	os_race_hook(change);
}

static void end_changes(void)
{
	os_race_hook(NULL);
	ASSERT_INT(changes, >, 0);
	ASSERT_INT(changes, <, MOST_CHANGES);
}

/* A point that is far away. */
static struct dma_fence *begin_restless(void)
{
	struct dma_buf_pool_fence value;

	begin(0);
	value = (struct dma_buf_pool_fence){ dma_buf_pool_self(world.other), 0, UINT64_C(1) << 40 };
	begin_changes((uint32_t *)(uintptr_t)low_half(&world.other->self->map->timeline[0].value));
	return import(world.host, &value);
}

TEST(a_wait_for_any_ends_in_time_though_a_word_always_changes)
{
	struct dma_fence *fences[2] = { begin_restless(), NULL };

	fences[1] = fences[0];
	ASSERT_INT(dma_fence_wait_any_timeout(fences, 2, false, SECOND / 1000, NULL), ==, 0);
	end_changes();
	dma_fence_put(fences[0]);
	end();
}

TEST(a_wait_ends_in_time_though_the_word_always_changes)
{
	struct dma_fence *fence = begin_restless();

	ASSERT_INT(dma_fence_wait_timeout(fence, false, SECOND / 1000), ==, 0);
	end_changes();
	dma_fence_put(fence);
	end();
}

TEST(a_wait_for_a_lock_ends_in_time_though_the_word_always_changes)
{
	struct dma_buf *dmabuf;
	uint32_t *lock;

	begin(0);
	ASSERT_INT(dma_buf_pool_alloc(world.host, "locked", 4096, 0, &dmabuf), ==, 0);
	lock = &shm_resv(&world.host->shape, world.host->base, 0)->lock;
	store_relaxed(lock, dma_buf_pool_self(world.other));
	begin_changes(lock);
	ASSERT_INT(dma_resv_lock_timeout(dmabuf->resv, NULL, SECOND / 1000), ==, -ETIME);
	end_changes();
	dma_buf_put(dmabuf);
	end();
}

/*
 * Handlers.
 */

TEST(a_handler_ends_it_if_that_is_wanted)
{
	const int flags[] = { 0, SA_RESTART };

	for (unsigned int i = 0; i < 2; i++) {
		struct waiting waiting = { .fences = world.here, .waiter.intr = true, .count = 2, .idx = 99 };
		struct test_thread *thread;

		begin(2);
		catch_signals(flags[i]);
		thread = start(&waiting);
		DISTURB_UNTIL(&waiting.waiter, load_acquire(&waiting.waiter.returned));
		join(thread);
		ASSERT_INT(waiting.waiter.ret, ==, -ERESTARTSYS);
		ASSERT_INT(waiting.idx, ==, 99);
		end();
	}
}

TEST(a_handler_does_not_end_it_otherwise)
{
	struct waiting waiting = { .fences = world.here, .count = 2, .idx = 99 };
	struct test_thread *thread;

	begin(2);
	catch_signals(0);
	thread = start(&waiting);
	DISTURB_UNTIL(&waiting.waiter, load_acquire(&syscall_sleeps) >= 5);
	ASSERT_FALSE(load_acquire(&waiting.waiter.returned));
	dma_fence_signal(world.there[1]);
	join(thread);
	ASSERT_INT(waiting.waiter.ret, >, 0);
	ASSERT_INT(waiting.idx, ==, 1);
	end();
}

/*
 * All at once.
 */

static void signal_own(unsigned int index, void *arg)
{
	(void)arg;
	dma_fence_signal(world.there[index]);
}

static void signal_all(void *arg)
{
	test_threads(4, signal_own, arg);
}

TORTURE(who_waits_for_any_misses_none)
{
	fence_slice_ns = INT64_MAX;
	for (unsigned int i = 0; i < test_rounds(20); i++) {
		struct dma_fence *left[4];
		struct test_thread *thread;

		begin(4);
		memcpy(left, world.here, sizeof(left));
		test_race_begin();
		thread = test_thread_start(signal_all, NULL);
		for (uint32_t count = 4, idx; count; left[idx] = left[--count])
			ASSERT_INT(dma_fence_wait_any_timeout(left, count, false, PEER_PATIENCE, &idx),
				   >, 0);
		test_thread_join(thread);
		test_race_end();
		ASSERT_FALSE(is_watched(world.host));
		end();
		test_operation();
	}
	fence_slice_ns = FENCE_SLICE_NS;
}
