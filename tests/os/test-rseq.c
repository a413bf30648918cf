/* SPDX-License-Identifier: MIT */
/* Compare and store in one step that nobody interrupts. Where that works; else nothing is run. */
#define _GNU_SOURCE
#include "harness.h"

#include "os/futex.h"
#include "os/rseq.h"

#ifdef OS_HAS_RSEQ

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "forbid.h"

/* Skips the test where there are no sequences; else this thread is ready. */
static void needs_rseq(void)
{
	if (!os_rseq_can_work())
		test_skip();
	os_rseq_wake();
	ASSERT_TRUE(os_rseq_is_ready());
}

static bool kernel_is_told(void)
{
	return *os_this_thread.rseq_cs;
}

TEST(a_word_as_expected_is_changed)
{
	uintptr_t word = 1;

	needs_rseq();
	ASSERT_TRUE(os_rseq_store(&word, 1, 0));
	ASSERT_INT(word, ==, 0);
	ASSERT_FALSE(kernel_is_told());
}

TEST(a_word_that_differs_stays)
{
	uintptr_t word = 1;

	needs_rseq();
	ASSERT_FALSE(os_rseq_store(&word, 2, 0));
	ASSERT_INT(word, ==, 1);
	ASSERT_FALSE(kernel_is_told());
}

/* Its code is where a compiler puts what is cold, as with a profile. */
static __attribute__((cold, noinline)) bool store_coldly(uintptr_t *word)
{
	return os_rseq_store(word, 1, 0);
}

TEST(it_may_be_in_cold_code)
{
	uintptr_t word = 1;

	needs_rseq();
	ASSERT_TRUE(store_coldly(&word));
	ASSERT_INT(word, ==, 0);
}

TEST(a_thread_rests_as_long_as_it_is_told)
{
	uintptr_t word = 1;

	needs_rseq();
	os_rseq_rest();
	for (unsigned int i = 0; i < os_rseq_rest_length; i++) {
		ASSERT_FALSE(os_rseq_store(&word, 1, 0));
		os_rseq_rested(true);
	}
	ASSERT_FALSE(os_rseq_is_ready());
	os_rseq_rested(false);
	ASSERT_FALSE(os_rseq_is_ready());
	os_rseq_rested(true);
	ASSERT_TRUE(os_rseq_is_ready());
	ASSERT_INT(word, ==, 1);
}

/*
 * One thread stays between its compare and its store while the test does something.
 */

static struct {
	uintptr_t word;
	bool stored;
	pthread_t id;
	bool ended; /* atomic */
} scene;

static void store(void *unused)
{
	(void)unused;
	os_rseq_wake();
	scene.id = pthread_self();
	scene.stored = os_rseq_store(&scene.word, 1, 0);
	store_release(&scene.ended, true);
}

/* Did it store, although @func was called meanwhile? */
static bool stores_over(void (*func)(void))
{
	struct test_thread *thread;

	scene.word = 1;
	scene.ended = false;
	store_relaxed(&os_rseq_stays, 0);
	store_release(&os_rseq_stay, 1);
	thread = test_thread_start(store, NULL);
	WAIT_UNTIL(load_acquire(&os_rseq_stays) || load_acquire(&scene.ended));
	func();
	WAIT_UNTIL(load_acquire(&scene.ended));
	store_release(&os_rseq_stay, 0);
	test_thread_join(thread);
	ASSERT_INT(load_relaxed(&scene.word), ==, !scene.stored);
	return scene.stored;
}

static void let_go(void)
{
	store_release(&os_rseq_stay, 0);
}

/* Unless it is preempted by chance; where there is one processor, always. */
TEST(a_thread_that_nobody_interrupts_stores)
{
	bool stored = false;

	needs_rseq();
	if (!os_spin_limit())
		test_skip();
	while (!stored)
		stored = stores_over(let_go);
}

/* Also who did not notice until later. */
static void come_between(void)
{
	os_rseq_barrier();
	let_go();
}

TEST(the_barrier_interrupts)
{
	const unsigned long before = load_relaxed(&os_rseq_given_up);

	needs_rseq();
	ASSERT_FALSE(stores_over(come_between));
	ASSERT_INT(load_relaxed(&os_rseq_given_up), ==, before + 1);
}

static void on_signal(int signo)
{
	(void)signo;
}

static void interrupt(void)
{
	pthread_kill(scene.id, SIGUSR1);
}

/* Who would stay for ever. */
TEST(a_signal_interrupts)
{
	const unsigned long before = load_relaxed(&os_rseq_given_up);

	needs_rseq();
	signal(SIGUSR1, on_signal);
	ASSERT_FALSE(stores_over(interrupt));
	ASSERT_INT(load_relaxed(&os_rseq_given_up), ==, before + 1);
}

/* A trap after each instruction, as for a debugger that steps. */
#define TRAPS_BEGIN() \
	__asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq" : : : "memory", "cc")
#define TRAPS_END() \
	__asm__ volatile("pushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq" : : : "memory", "cc")

TEST(who_is_stepped_through_gives_up_and_gets_on)
{
	const unsigned long before = load_relaxed(&os_rseq_given_up);
	uintptr_t word = 1;
	bool stored;

	needs_rseq();
	signal(SIGTRAP, on_signal);
	TRAPS_BEGIN();
	stored = os_rseq_store(&word, 1, 0);
	TRAPS_END();
	ASSERT_FALSE(stored);
	ASSERT_INT(word, ==, 1);
	ASSERT_INT(load_relaxed(&os_rseq_given_up), ==, before + 1);
	ASSERT_FALSE(kernel_is_told());
}

/*
 * Where it does not work.
 */

static struct rseq *area(void)
{
	char *thread;

	__asm__("movq %%fs:0, %0" : "=r"(thread));
	return (struct rseq *)(thread + __rseq_offset);
}

/* As a thread is that libc did not make: the kernel was not told of it, and its area is as found. */
static void be_unknown(void *ret_is_ready)
{
	unsigned int size = 32;

	while (syscall(SYS_rseq, area(), size, RSEQ_FLAG_UNREGISTER, RSEQ_SIG))
		ASSERT_INT(size += 4, <=, 256);
	area()->cpu_id = 0;
	os_rseq_wake();
	*(bool *)ret_is_ready = os_rseq_is_ready();
}

TEST(a_thread_unknown_to_the_kernel_does_without)
{
	bool is_ready = true;

	needs_rseq();
	test_thread_join(test_thread_start(be_unknown, &is_ready));
	ASSERT_FALSE(is_ready);
}

static void wake(void *ret_errno)
{
	errno = 0;
	os_rseq_wake();
	*(int *)ret_errno = errno;
}

/* That is in a thread's first unlock. */
TEST(asking_the_kernel_leaves_no_error)
{
	int err = 1;

	needs_rseq();
	test_thread_join(test_thread_start(wake, &err));
	ASSERT_INT(err, ==, 0);
}

/* Refuse system call @number from now on. */
static void refuse(unsigned int number)
{
	if (!forbid(number, EPERM))
		_exit(2);
}

/* What @child returns, from a forked child. */
static int answer_of_child(int (*child)(void))
{
	int status;
	const pid_t pid = fork();

	ASSERT_INT(pid, >=, 0);
	if (!pid)
		_exit(child());
	ASSERT_INT(waitpid(pid, &status, 0), ==, pid);
	ASSERT_TRUE(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int without_barrier(void)
{
	refuse(SYS_membarrier);
	return os_rseq_can_work();
}

TEST(it_does_not_work_where_the_barrier_is_refused)
{
	needs_rseq();
	ASSERT_INT(answer_of_child(without_barrier), ==, 0);
}

static void be_refused_late(void)
{
	refuse(SYS_membarrier);
	os_rseq_barrier();
}

TEST(a_barrier_that_is_refused_late_ends_the_program)
{
	needs_rseq();
	ASSERT_DEATH(be_refused_late(), "membarrier is refused");
}

static int go_on_in_child(void)
{
	uintptr_t word = 1;

	if (!os_rseq_is_ready() || !os_rseq_store(&word, 1, 0) || word)
		return 1;
	return stores_over(come_between);
}

/* What the kernel knows of thread and process, a fork copies. */
TEST(a_forked_child_goes_on)
{
	needs_rseq();
	ASSERT_INT(answer_of_child(go_on_in_child), ==, 0);
}

#else

TEST(there_are_no_sequences_here)
{
	uintptr_t word = 1;

	os_rseq_rested(true);
	ASSERT_FALSE(os_rseq_is_ready());
	ASSERT_FALSE(os_rseq_store(&word, 1, 0));
	ASSERT_INT(word, ==, 1);
}

#endif
