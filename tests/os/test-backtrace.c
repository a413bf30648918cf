/* SPDX-License-Identifier: MIT */
/* This program is linked without -rdynamic: its functions' names are in its file only. */
#define _GNU_SOURCE
#include "harness.h"

#include <dlfcn.h>
#include <malloc.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

#include "code.h"
#include "os/backtrace.h"

/* A function that keeps its frame. */
#define STAY __attribute__((noinline))

struct trace {
	void *frames[OS_BACKTRACE_MAX];
	unsigned int count;
};

/* Something to do after a call, so that it is none that replaces its caller. */
static void after_call(void)
{
	__asm__ volatile("" ::: "memory");
}

static STAY void inner(struct trace *trace, unsigned int max)
{
	trace->count = os_backtrace(trace->frames, max);
	after_call();
}

static STAY void outer(struct trace *trace, unsigned int max)
{
	inner(trace, max);
	after_call();
}

static STAY void helper(struct trace *trace)
{
	trace->count = os_backtrace_from(__builtin_return_address(0), trace->frames, 4);
	after_call();
}

static STAY void asks_helper(struct trace *trace)
{
	helper(trace);
	after_call();
}

static STAY void deep(struct trace *trace, unsigned int max, unsigned int depth)
{
	if (depth)
		deep(trace, max, depth - 1);
	else
		inner(trace, max);
	after_call();
}

#define ASSERT_BEGINS(text, with) ASSERT_STR(beginning(text, sizeof(with) - 1), with)

static const char *beginning(const char *text, size_t length)
{
	static char copy[128];

	snprintf(copy, sizeof(copy), "%.*s", (int)length, text);
	return copy;
}

TEST(a_stack_begins_with_who_asked)
{
	struct trace trace;
	char text[128];

	outer(&trace, 16);
	ASSERT_INT(trace.count, >=, 3);
	os_symbol(trace.frames[0], text, sizeof(text));
	ASSERT_BEGINS(text, "inner+0x");
	os_symbol(trace.frames[1], text, sizeof(text));
	ASSERT_BEGINS(text, "outer+0x");
}

TEST(a_stack_can_begin_with_who_called_the_one_that_asks)
{
	struct trace trace;
	char text[128];

	asks_helper(&trace);
	os_symbol(trace.frames[0], text, sizeof(text));
	ASSERT_BEGINS(text, "asks_helper+0x");
}

TEST(a_caller_that_is_not_in_the_stack_leaves_all_of_it)
{
	struct trace trace = { .count = 0 };
	char text[128];

	trace.count = os_backtrace_from(&trace, trace.frames, 4);
	ASSERT_INT(trace.count, >=, 1);
	os_symbol(trace.frames[0], text, sizeof(text));
	ASSERT_TRUE(strstr(text, "a_caller_that_is_not_in") || strstr(text, "os_backtrace_from"));
}

TEST(a_deep_stack_gives_as_many_as_are_wanted)
{
	struct trace trace;

	deep(&trace, 16, 100);
	ASSERT_INT(trace.count, ==, 16);
	deep(&trace, OS_BACKTRACE_MAX, 100);
	ASSERT_INT(trace.count, ==, OS_BACKTRACE_MAX);
	deep(&trace, OS_BACKTRACE_MAX + 1, 100);
	ASSERT_INT(trace.count, ==, OS_BACKTRACE_MAX);
	outer(&trace, 1);
	ASSERT_INT(trace.count, ==, 1);
	outer(&trace, 0);
	ASSERT_INT(trace.count, ==, 0);
}

TEST(once_initialised_neither_a_stack_nor_a_symbol_allocates)
{
	struct trace trace;
	struct mallinfo2 before, after;
	char text[128];

	os_backtrace_init();
	before = mallinfo2();
	outer(&trace, 16);
	for (unsigned int i = 0; i < trace.count; i++)
		os_symbol(trace.frames[i], text, sizeof(text));
	after = mallinfo2();
	ASSERT_INT(after.uordblks, ==, before.uordblks);
}

TEST(a_symbol_has_its_module_and_its_place_there)
{
	struct trace trace;
	char text[128], module[64];
	size_t into, at;

	outer(&trace, 1);
	ASSERT_INT(os_symbol(trace.frames[0], text, sizeof(text)), ==, strlen(text));
	ASSERT_INT(sscanf(text, "inner+%zi (%63[^+]+%zi)", &into, module, &at), ==, 3);
	ASSERT_STR(module, "test-backtrace");
	ASSERT_INT(into, >, 0);
	ASSERT_INT(at, >, into);
	ASSERT_INT(text[strlen(text) - 1], ==, ')');
}

/* A call may be the last of its function: then it returns to what follows that. */
TEST(a_return_address_belongs_to_the_call_before_it)
{
	char text[128];

	os_symbol(first_return(inner), text, sizeof(text));
	ASSERT_BEGINS(text, "inner" FIRST_CALL " (");
	os_symbol((const void *)code_of(inner), text, sizeof(text));
	ASSERT_TRUE(strncmp(text, "inner+", 6));
}

TEST(an_exported_function_is_found_in_its_library)
{
	char text[128];
	void *function = dlsym(RTLD_DEFAULT, "pthread_mutex_lock");

	os_symbol(first_return(function), text, sizeof(text));
	ASSERT_TRUE(strstr(text, "mutex_lock" FIRST_CALL " ("));
}

TEST(without_a_name_there_is_the_place_and_without_a_module_the_address)
{
	static int data;
	char text[128];

	os_symbol(&data, text, sizeof(text));
	ASSERT_BEGINS(text, "(test-backtrace+0x");
	os_symbol((const void *)0x18, text, sizeof(text));
	ASSERT_STR(text, "0x17");
	os_symbol(NULL, text, sizeof(text));
	ASSERT_BEGINS(text, "0xffff");
}

/* The kernel's own library has none. */
TEST(a_module_without_a_file_has_places)
{
	const void *vdso = (const void *)getauxval(AT_SYSINFO_EHDR);
	char text[128];

	if (!vdso)
		return;
	os_symbol((const char *)vdso + SHORTEST_CALL, text, sizeof(text));
	ASSERT_BEGINS(text, "(linux-vdso");
}

TEST(a_symbol_is_cut_off_where_the_room_ends)
{
	const void *address = first_return(inner);
	char text[8] = "untouch";

	ASSERT_INT(os_symbol(address, text, 0), ==, 0);
	ASSERT_STR(text, "untouch");
	ASSERT_INT(os_symbol(address, text, 1), ==, 0);
	ASSERT_STR(text, "");
	ASSERT_INT(os_symbol(address, text, sizeof(text)), ==, 7);
	ASSERT_STR(text, "inner+0");
}

/*
 * Forks.
 */

static uint32_t unwinding, forking, forked; /* atomic */

/* A fork has begun: stay in the unwinder for a while, in which it may not end. */
static void stay(const char *label)
{
	if (!strcmp(label, "rcu: about to fork"))
		store_release(&forking, 1);
	if (strcmp(label, "backtrace: the unwinder runs") != 0 || load_acquire(&unwinding))
		return;
	store_release(&unwinding, 1);
	WAIT_UNTIL(load_acquire(&forking));
	for (unsigned int i = 0; i < 20000; i++) {
		test_yield();
		ASSERT_FALSE(load_acquire(&forked));
	}
}

static void take_a_stack(void *unused)
{
	struct trace trace;

	(void)unused;
	outer(&trace, 4);
}

TEST(a_fork_waits_until_nobody_is_in_the_unwinder)
{
	struct test_thread *thread;
	int status;
	pid_t pid;

	test_forks_beside_threads();
	os_race_hook(stay);
	thread = test_thread_start(take_a_stack, NULL);
	WAIT_UNTIL(load_acquire(&unwinding));
	pid = fork();
	if (!pid)
		_exit(0);
	store_release(&forked, 1);
	ASSERT_INT(waitpid(pid, &status, 0), ==, pid);
	ASSERT_INT(status, ==, 0);
	test_thread_join(thread);
	os_race_hook(NULL);
}
