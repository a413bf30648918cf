/* SPDX-License-Identifier: MIT */
/*
 * Programs under the preload library (programs.c): each that must be reported has a twin
 * that must not, and must do what it would do without.
 */
#include "harness.h"

#include <sys/wait.h>
#include <unistd.h>

struct run {
	char said[16384];
	int status;
};

/* Run program @name; @debug: the value of DMABUF_DEBUG. */
static void run(const char *name, const char *debug, struct run *ret_run)
{
	const char *const emulator = getenv("DMABUF_TEST_EMULATOR"); /* scripts/cross.sh */
	size_t length = 0;
	int fds[2];
	pid_t child;

	fflush(NULL);
	ASSERT_INT(pipe(fds), ==, 0);
	child = fork();
	ASSERT_INT(child, >=, 0);
	if (!child) {
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		setenv("LD_PRELOAD", TEST_PRELOAD, 1);
		setenv("DMABUF_DEBUG", debug, 1);
		setenv("TEST_PLUGIN", TEST_PLUGIN, 1);
		if (emulator)
			execl(emulator, emulator, TEST_PROGRAMS, name, (char *)NULL);
		execl(TEST_PROGRAMS, TEST_PROGRAMS, name, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	while (length < sizeof(ret_run->said) - 1) {
		const ssize_t got = read(fds[0], ret_run->said + length,
					 sizeof(ret_run->said) - 1 - length);

		if (got <= 0)
			break;
		length += (size_t)got;
	}
	ret_run->said[length] = '\0';
	close(fds[0]);
	ASSERT_INT(waitpid(child, &ret_run->status, 0), ==, child);
}

/* It goes on; @rule is reported, with a call of @function in a stack. */
#define ASSERT_REPORTED(name, rule, function)                                         \
	do {                                                                          \
		struct run run_;                                                      \
		run(name, "1", &run_);                                                \
		if (!strstr(run_.said, "libdmabuf: " rule " ") ||                     \
		    !strstr(run_.said, " " function "+0x"))                           \
			FAIL("%s: not %s in %s: \"%s\"", name, rule, function, run_.said); \
		ASSERT_INT(run_.status, ==, 0);                                       \
	} while (0)

#define ASSERT_DIES(name, rule)                                                   \
	do {                                                                      \
		struct run run_;                                                  \
		run(name, "1", &run_);                                            \
		if (!strstr(run_.said, "libdmabuf: " rule " "))                   \
			FAIL("%s: not %s: \"%s\"", name, rule, run_.said);        \
		ASSERT_TRUE(WIFSIGNALED(run_.status));                            \
		ASSERT_INT(WTERMSIG(run_.status), ==, SIGABRT);                   \
	} while (0)

#define ASSERT_QUIET(name, debug)                   \
	do {                                        \
		struct run run_;                    \
		run(name, debug, &run_);            \
		ASSERT_STR(run_.said, "");          \
		ASSERT_INT(run_.status, ==, 0);     \
	} while (0)

TEST(a_mutex_and_a_reservation_in_two_orders_are_reported)
{
	ASSERT_REPORTED("resv-inversion", "D001", "resv_then_mutex");
	ASSERT_QUIET("resv-order", "1");
}

TEST(trying_for_a_mutex_makes_no_order_but_what_is_taken_inside_does)
{
	ASSERT_QUIET("resv-trylock", "1");
	ASSERT_REPORTED("resv-inside-trylock", "D001", "trylock_then_resv");
}

TEST(two_mutexes_in_two_orders_are_reported)
{
	ASSERT_REPORTED("mutex-inversion", "D001", "mutex_inversion");
	ASSERT_QUIET("mutex-order", "1");
}

TEST(a_new_mutex_is_not_blamed_for_what_was_at_its_address)
{
	ASSERT_QUIET("new-mutexes-in-old-memory", "1");
}

TEST(a_mutex_taken_twice_ends_the_program_unless_it_may_be)
{
	ASSERT_DIES("recursion", "D003");
	ASSERT_QUIET("recursion-of-those-that-may", "1");
}

TEST(a_mutex_dropped_by_another_thread_ends_the_program)
{
	ASSERT_DIES("unlock-by-another", "D004");
	ASSERT_QUIET("unlock-by-its-holder", "1");
}

TEST(a_wait_for_a_condition_takes_its_mutex_after_what_is_held)
{
	ASSERT_REPORTED("cond-inversion", "D001", "pthread_cond_wait");
	ASSERT_QUIET("cond-order", "1");
}

TEST(a_thread_cancelled_in_such_a_wait_has_its_mutex)
{
	ASSERT_QUIET("cancelled-wait", "1");
}

TEST(a_wait_for_a_fence_under_a_mutex_that_its_callback_takes_is_reported)
{
	ASSERT_REPORTED("wait-for-callback", "D010", "take_a");
	ASSERT_QUIET("wait-for-callback-without", "1");
}

TEST(a_wait_for_a_fence_under_a_mutex_that_its_signaller_holds_is_reported)
{
	ASSERT_REPORTED("wait-for-signaller", "D010", "signal_fence_holding_a");
	ASSERT_QUIET("wait-for-signaller-without", "1");
}

TEST(a_mutex_locked_before_any_constructor_is_as_others)
{
	ASSERT_QUIET("early-mutex", "1");
}

TEST(a_mutex_locked_while_its_library_is_loaded_is_as_others)
{
	ASSERT_QUIET("inside-of-loader", "1");
}

TEST(a_forked_child_is_watched_and_may_initialise_its_mutexes_anew)
{
	ASSERT_QUIET("forked-child", "1");
	ASSERT_REPORTED("forked-child-inversion", "D001", "forked_child_inversion");
}

TEST(a_forked_child_does_not_hold_what_processes_share)
{
	ASSERT_QUIET("shared-gate", "1");
	ASSERT_QUIET("robust-gate", "1");
	ASSERT_DIES("shared-recursion-of-child", "D003");
	ASSERT_DIES("shared-recursion", "D003");
	ASSERT_DIES("robust-recursion", "D003");
}

TEST(a_forked_child_holds_copies_of_what_they_do_not_share)
{
	ASSERT_QUIET("private-over-fork", "1");
	ASSERT_DIES("private-recursion-of-child", "D003");
}

TEST(a_shared_mutex_is_the_same_wherever_it_is_mapped)
{
	ASSERT_QUIET("shared-remapped", "1");
	ASSERT_QUIET("robust-remapped", "1");
	ASSERT_QUIET("two-mappings", "1");
	ASSERT_REPORTED("shared-inversion", "D001", "remap");
	ASSERT_REPORTED("shared-inversion-around-child", "D001", "shared_inversion_around_child");
}

TEST(many_threads_do_what_they_would_do_without)
{
	ASSERT_QUIET("many-threads", "1");
}

TEST(without_DMABUF_DEBUG_nothing_is_checked)
{
	ASSERT_QUIET("mutex-inversion", "0");
	ASSERT_QUIET("recursion-of-those-that-may", "0");
}
