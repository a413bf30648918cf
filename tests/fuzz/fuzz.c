/* SPDX-License-Identifier: MIT */
/*
 * Random calls of fences, arrays, chains, merges, reservations and sync files, against a
 * naive model; after every step library and model agree on all that can be seen.
 *
 * world.h says what a program is, and what the model knows. libFuzzer makes programs
 * (`./run fuzz`); replay.c runs those that are in files, such as corpus/. FUZZ_TRACE=1
 * says what a program does.
 */
#include "buffers.h"
#include "callbacks.h"

#include "os/stamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In the order of their numbers. What is here twice is twice as likely. */
static const struct {
	void (*func)(void);
	bool may_allocate; /* makes no failures, so that callbacks may allocate */
} steps[] = {
	{ step_new, true },	      { step_new, true },
	{ step_finish, true },	      { step_finish, true },
	{ step_put, true },	      { step_get, true },
	{ step_status, true },	      { step_wait, true },
	{ step_enable, true },	      { step_compare, true },
	{ step_stub, false },	      { step_emit, false },
	{ step_timeline, true },      { step_fail, true },
	{ step_destroy, true },	      { step_register, false },
	{ step_register, false },     { step_unregister, true },
	{ step_array, false },	      { step_array, false },
	{ step_recycle, true },	      { step_link, false },
	{ step_link, false },	      { step_walk_chain, true },
	{ step_find, true },	      { step_unwrap, true },
	{ step_merge, false },	      { step_merge, false },
	{ step_dedup, true },	      { step_deadline, true },
	{ step_side_lock, false },    { step_side_lock, false },
	{ step_side_commit, false },  { step_side_commit, false },
	{ step_side_reserve, false }, { step_side_add, false },
	{ step_side_add, false },     { step_side_add, false },
	{ step_side_add, false },     { step_side_set, false },
	{ step_side_replace, false }, { step_side_copy, false },
	{ step_side_prune, false },   { step_side_walk, false },
	{ step_side_ask, false },     { step_side_ask, false },
	{ step_side_snapshot, true }, { step_side_deadline, true },
	{ step_open, false },	      { step_open, false },
	{ step_close, true },	      { step_dup, true },
	{ step_get_fence, true },     { step_merge_files, false },
	{ step_info, true },	      { step_file_deadline, true },
	{ step_export, false },	      { step_import, false },
};

/*
 * The check after each step. It asks no fence anything that could make it signal.
 */

/* It must have signalled by itself. */
static bool must_signal(const struct thing *thing)
{
	switch (thing->kind) {
	case ASKED:
		return false;
	case EITHER:
		return thing->enabled && is_done(thing);
	case ALL:
	case ANY:
	case LINK:
		return thing->enabled && is_due(thing);
	default:
		return is_done(thing);
	}
}

static void first_seen(struct thing *thing)
{
	const struct known *known = known_of(thing);

	thing->seen = true;
	thing->timestamp = dma_fence_timestamp(thing->fence);
	CHECK(thing->timestamp >= program.began && thing->timestamp <= os_now_ns(),
	      "%u signalled at another time", (unsigned int)(thing - things));
	thing->error = error_of(thing);
	/* Those that nobody has to ask signal in order. */
	for (const struct thing *old = things; old < thing; old++) {
		if ((thing->kind == PLAIN || thing->kind == POINT) && old->kind == thing->kind &&
		    old->seen && known_of(old)->context == known->context)
			CHECK(old->timestamp <= thing->timestamp, "times in another order");
	}
}

static void check_thing(struct thing *thing)
{
	const struct dma_fence *fence = thing->fence;
	const unsigned int number = (unsigned int)(thing - things);
	const bool flag = dma_fence_test_signaled_flag(fence);

	CHECK(fence->refcount.count >= (thing->references ? thing->references : 1),
	      "%u has lost a reference", number);
	CHECK(flag || !thing->seen, "%u has not signalled any more", number);
	CHECK(flag || !must_signal(thing), "%u does not signal", number);
	CHECK(!flag || is_done(thing), "%u signals too early", number);
	if (!flag)
		return;
	if (!thing->seen)
		first_seen(thing);
	CHECK(dma_fence_timestamp(thing->fence) == thing->timestamp, "%u: another time", number);
	CHECK(fence->error == thing->error, "%u: error %d, not %d", number, fence->error,
	      thing->error);
}

static void check_things(void)
{
	for (unsigned int i = 0; i < w.n_known; i++)
		things[i].alive = is_usable(&things[i]);
	/* Containers come after what they contain. */
	for (unsigned int i = w.n_known; i--;) {
		for (unsigned int j = 0; things[i].alive && j < things[i].n_members; j++)
			things[i].members[j]->alive = true;
	}
	for (unsigned int i = 0; i < w.n_known; i++) {
		if (things[i].alive)
			check_thing(&things[i]);
	}
}

static void check_timelines(void)
{
	for (unsigned int i = 0; i < TIMELINES; i++) {
		int64_t deadline = INT64_MAX;

		if (!timelines[i].tl)
			continue;
		for (unsigned int j = 0; j < w.n_known; j++) {
			if (things[j].kind == POINT && w.known[j].context == OWN_CONTEXTS + i &&
			    !w.known[j].signaled && things[j].deadline < deadline)
				deadline = things[j].deadline;
		}
		CHECK(dma_fence_timeline_deadline(timelines[i].tl) == deadline,
		      "a timeline's deadline");
	}
}

static void check(void)
{
	check_things();
	check_registrations();
	check_timelines();
	check_sides();
	check_files();
}

/*
 * A program.
 */

static void begin(const uint8_t *data, size_t size)
{
	program.at = data;
	program.end = data + (size < MAX_SIZE ? size : MAX_SIZE);
	w.n_known = 0;
	w.step = 0;
	w.contexts = MAX_CONTEXTS;
	for (unsigned int i = 0; i < OWN_CONTEXTS; i++) {
		w.context[i] = dma_fence_context_alloc(1);
		w.next[i] = contexts[i].first;
	}
	w.context[STUBS] = 0;
	new_stub(dma_fence_get_stub(), 0);
	begin_timelines();
	begin_sides();
	begin_buffers();
}

/* All work ends, and those who must be asked are. */
static void finish_all(void)
{
	for (unsigned int i = 0; i < TIMELINES; i++) {
		if (timelines[i].tl)
			destroy_timeline(i);
	}
	for (unsigned int i = 0; i < w.n_known; i++) {
		struct dma_fence *fence = things[i].fence;

		if (!is_own(&things[i]))
			continue;
		finish(&things[i], 0, 0);
		if (w.known[i].released)
			continue;
		dma_fence_get(fence);
		dma_fence_enable_sw_signaling(fence);
		CHECK(dma_fence_is_signaled(fence), "%u does not end", i);
		dma_fence_put(fence);
	}
	check();
}

/* Nobody but the program holds a fence now. */
static void end(void)
{
	program.at = program.end;
	program.may_allocate = false;
	program.began = os_now_ns();
	finish_all();
	end_registrations();
	end_files();
	end_sides();
	end_buffers();
	for (unsigned int i = 0; i < w.n_known; i++) {
		while (things[i].references)
			put_thing(&things[i]);
	}
	for (unsigned int i = 0; i < w.n_known; i++)
		CHECK(!is_own(&things[i]) || w.known[i].released, "%u lives on", i);
}

static void warned(const char *message)
{
	print_world();
	FAIL("warning: %s", message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct test_resources before;

	dmabuf_set_warn_handler(warned);
	os_stamp_fake(NULL, NULL); /* by exact times one sees which signalled first */
	w.trace = getenv("FUZZ_TRACE");
	begin_files();
	before = test_resources();
	begin(data, size);
	for (; program.at != program.end; w.step++) {
		const unsigned int i = below(sizeof(steps) / sizeof(steps[0]));

		program.began = os_now_ns();
		program.may_allocate = steps[i].may_allocate;
		steps[i].func();
		drop_guards();
		settle_registrations();
		check();
	}
	end();
	ASSERT_RESOURCES(before);
	return 0;
}
