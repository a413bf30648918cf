/* SPDX-License-Identifier: MIT */
/* The hook: set, replaced and removed while events happen. */
#include <errno.h>

#include "debug/trace.h"
#include "recorder.h"

/* As every layer does it. */
static void happen(void)
{
	if (trace_is_on())
		trace_emit(&(struct dmabuf_trace){ .event = DMABUF_TRACE_FENCE_INIT });
}

TEST(nobody_listens_at_first)
{
	ASSERT_FALSE(trace_is_on());
	happen();
}

TEST(a_hook_that_is_removed_hears_nothing_more)
{
	struct recorder recorder;

	ASSERT_STORY(&recorder, happen(), "fence_init");
	ASSERT_FALSE(trace_is_on());
	happen();
	ASSERT_INT(recorder.n, ==, 1);
	recorder_end(); /* twice does no harm */
	ASSERT_FALSE(trace_is_on());
}

TEST(a_hook_that_replaces_another_hears_the_rest)
{
	struct recorder first, second;

	recorder_begin(&first);
	happen();
	recorder_begin(&second);
	happen();
	happen();
	recorder_end();
	ASSERT_INT(first.n, ==, 1);
	ASSERT_INT(second.n, ==, 2);
	ASSERT_FALSE(trace_is_on());
}

TEST(setting_a_hook_unwinds_from_every_failure)
{
	struct test_resources before = test_resources();
	struct recorder recorder = { .n = 0 };

	os_fault_arm(1);
	ASSERT_INT(dmabuf_set_trace_hook(recorder_hook, &recorder), ==, -ENOMEM);
	ASSERT_TRUE(os_fault_disarm());
	ASSERT_FALSE(trace_is_on());
	ASSERT_RESOURCES(before);

	/* The hook that is there stays, and nothing can keep it from being removed. */
	recorder_begin(&recorder);
	os_fault_arm(1);
	ASSERT_INT(dmabuf_set_trace_hook(recorder_hook, NULL), ==, -ENOMEM);
	ASSERT_TRUE(os_fault_disarm());
	happen();
	ASSERT_INT(recorder.n, ==, 1);
	os_fault_arm(1);
	recorder_end();
	ASSERT_FALSE(os_fault_disarm());
	ASSERT_RESOURCES(before);
}

TEST(every_event_has_a_name_and_others_have_none)
{
	ASSERT_STR(dmabuf_trace_name(DMABUF_TRACE_FENCE_INIT), "fence_init");
	ASSERT_STR(dmabuf_trace_name(DMABUF_TRACE_RESV_CONTENDED), "resv_contended");
	ASSERT_STR(dmabuf_trace_name(DMABUF_TRACE_BUF_RELEASE), "buf_release");
	ASSERT_STR(dmabuf_trace_name((enum dmabuf_trace_event)99), "unknown");
}

/* As the kernel does it, or a debugger; hooks come and go beside it. */
TEST(a_tracer_turns_it_on_from_outside)
{
	struct recorder recorder;

	trace_switch.probes++;
	ASSERT_TRUE(trace_is_on());
	happen();
	ASSERT_STORY(&recorder, happen(), "fence_init");
	ASSERT_TRUE(trace_is_on());
	trace_switch.probes--;
	ASSERT_FALSE(trace_is_on());
}

/*
 * Inside the hook.
 */

static void make_another(const struct dmabuf_trace *trace, void *data)
{
	(void)trace;
	++*(unsigned int *)data;
	happen();
}

TEST(a_hook_does_not_hear_itself)
{
	unsigned int calls = 0;

	ASSERT_INT(dmabuf_set_trace_hook(make_another, &calls), ==, 0);
	happen();
	happen();
	recorder_end();
	ASSERT_INT(calls, ==, 2);
}

/* With the rules on that is reported first, and does not end the program yet. */
static void remove_loudly(void)
{
	dmabuf_set_warn_handler(NULL);
	recorder_end();
}

static void remove_itself(const struct dmabuf_trace *trace, void *data)
{
	(void)trace;
	(void)data;
	remove_loudly();
}

TEST(a_hook_that_removes_itself_aborts)
{
	ASSERT_INT(dmabuf_set_trace_hook(remove_itself, NULL), ==, 0);
	ASSERT_DEATH(happen(), "in a trace hook: do it outside");
	recorder_end();
}

TEST(a_hook_is_not_replaced_inside_a_read_section)
{
	struct recorder recorder;

	recorder_begin(&recorder);
	dmabuf_rcu_read_lock();
	ASSERT_DEATH(remove_loudly(), "inside of one");
	dmabuf_rcu_read_unlock();
	recorder_end();
}

/*
 * A hook that is replaced is not running when the call returns: so its data may go.
 */

static struct {
	unsigned int entered, go, removed; /* atomic */
} slow;

static void be_slow(const struct dmabuf_trace *trace, void *data)
{
	(void)trace;
	(void)data;
	store_release(&slow.entered, 1);
	WAIT_UNTIL(load_acquire(&slow.go));
	ASSERT_FALSE(load_acquire(&slow.removed));
}

static void make_one(void *unused)
{
	(void)unused;
	happen();
}

static void remove_hook(void *unused)
{
	(void)unused;
	recorder_end();
	store_release(&slow.removed, 1);
}

TEST(removing_a_hook_waits_until_it_has_returned)
{
	struct test_thread *event, *setter;

	store_relaxed(&slow.go, 0);
	ASSERT_INT(dmabuf_set_trace_hook(be_slow, NULL), ==, 0);
	event = test_thread_start(make_one, NULL);
	WAIT_UNTIL(load_acquire(&slow.entered));
	setter = test_thread_start(remove_hook, NULL);
	/* The hook is off for new events, and the setter is still there. */
	WAIT_UNTIL(!trace_is_on());
	for (unsigned int i = 0; i < 1000; i++) {
		ASSERT_FALSE(load_acquire(&slow.removed));
		test_yield();
	}
	store_release(&slow.go, 1);
	test_thread_join(event);
	test_thread_join(setter);
	ASSERT_TRUE(slow.removed);
}

static void remove_first(const char *label)
{
	if (!strcmp(label, "trace: before the section"))
		recorder_end();
}

TEST(an_event_whose_hook_goes_meanwhile_is_heard_by_nobody)
{
	struct recorder recorder;

	recorder_begin(&recorder);
	os_race_hook(remove_first);
	happen();
	os_race_hook(NULL);
	ASSERT_INT(recorder.n, ==, 0);
	ASSERT_FALSE(trace_is_on());
}

/*
 * Torture: some make events, others set hooks, each with data of its own that goes at once.
 */

#define ALIVE 0x5e7u

struct crowd {
	unsigned int rounds;
	unsigned int heard; /* relaxed */
	bool over;          /* atomic */
};

struct data {
	struct crowd *crowd;
	unsigned int magic; /* plain: ThreadSanitizer and AddressSanitizer look, too */
};

static void check_data(const struct dmabuf_trace *trace, void *data)
{
	const struct data *mine = data;

	(void)trace;
	ASSERT_INT(mine->magic, ==, ALIVE);
	fetch_add_relaxed(&mine->crowd->heard, 1);
}

static void replace_hooks(struct crowd *crowd)
{
	struct data *old = NULL;

	for (unsigned int i = 0; i < crowd->rounds; i++) {
		const unsigned int heard = load_relaxed(&crowd->heard);
		struct data *new = malloc(sizeof(*new));

		test_operation();
		if (!new)
			abort();
		*new = (struct data){ crowd, ALIVE };
		if (i % 3 == 2) {
			recorder_end();
			free(new);
			new = NULL;
		} else {
			ASSERT_INT(dmabuf_set_trace_hook(check_data, new), ==, 0);
			WAIT_UNTIL(load_relaxed(&crowd->heard) != heard);
		}
		if (old)
			old->magic = 0;
		free(old);
		old = new;
	}
	recorder_end();
	free(old);
	store_release(&crowd->over, true);
}

static void make_events(struct crowd *crowd)
{
	while (!load_acquire(&crowd->over))
		happen();
}

static void in_the_crowd(unsigned int index, void *arg)
{
	if (index == 0)
		replace_hooks(arg);
	else
		make_events(arg);
}

TORTURE(hooks_are_replaced_while_they_run)
{
	struct crowd crowd = { .rounds = test_rounds(100) };

	test_race_begin();
	test_threads(3, in_the_crowd, &crowd);
	test_race_end();
	ASSERT_INT(crowd.heard, >, 0);
	ASSERT_FALSE(trace_is_on());
}

static void set_and_remove(unsigned int index, void *arg)
{
	struct recorder *recorders = arg;

	for (unsigned int i = 0; i < test_rounds(100); i++) {
		recorder_begin(&recorders[index]);
		recorder_end();
		test_operation();
	}
}

TORTURE(several_may_set_hooks_and_the_switch_keeps_count)
{
	static struct recorder recorders[3];

	test_race_begin();
	test_threads(3, set_and_remove, recorders);
	test_race_end();
	ASSERT_FALSE(trace_is_on());
}
