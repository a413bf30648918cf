/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "harness.h"

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "torture.h"

#define MAX_TESTS 512
#define MAX_THREADS 32

static struct test_case *tests, **tests_end = &tests;
static struct test_resources at_start;
static pthread_t test_thread;
static unsigned int passed, failed;
static bool is_child; /* of a death test: it has no test to go back to */

void test_register(struct test_case *test)
{
	*tests_end = test;
	tests_end = &test->next;
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
	static __thread char text[16384];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (is_child || !pthread_equal(pthread_self(), test_thread)) {
		fprintf(stderr, "%s:%d: %s\n", file, line, text);
		abort();
	}
	print_error("%s\n", text);
	_fail(file, line);
	abort(); /* not reached */
}

void test_forks_beside_threads(void)
{
	if (!getenv("DMABUF_TEST_EMULATOR")) /* scripts/cross.sh */
		return;
	puts("not tested: a fork beside a thread that runs, which this emulator may not survive");
	test_skip();
}

void test_skip(void)
{
	failed--;
	skip();
	abort(); /* not reached */
}

/*
 * Warnings.
 */

static bool warnings_expected;
static char last_warning[8192];

static void warned(const char *message)
{
	if (!warnings_expected) {
		fprintf(stderr, "unexpected warning: %s\n", message);
		abort();
	}
	snprintf(last_warning, sizeof(last_warning), "%s", message);
}

void test_warnings_begin(void)
{
	warnings_expected = true;
	last_warning[0] = '\0';
}

void test_warnings_end(const char *text, const char *file, int line)
{
	warnings_expected = false;
	if (!last_warning[0])
		test_fail(file, line, "no warning, expected: %s", text);
	if (!strstr(last_warning, text))
		test_fail(file, line, "warning is \"%s\", without \"%s\"", last_warning, text);
}

static void do_nothing(struct dmabuf_rcu_head *head)
{
	(void)head;
}

/* A new thread's first malloc() opens a file to count the CPUs: be past the reclaimer's. */
static void start_reclaimer(void)
{
	static struct dmabuf_rcu_head head;

	dmabuf_call_rcu(&head, do_nothing);
	dmabuf_rcu_barrier();
}

FILE *test_popen_self(const char *setting, const char *args)
{
	char command[4096], self[3072];
	const ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	FILE *process;

	ASSERT_INT(length, >, 0);
	self[length] = '\0';
	/* scripts/cross.sh names an emulator. */
	snprintf(command, sizeof(command),
		 "%s ${DMABUF_TEST_EMULATOR:+\"$DMABUF_TEST_EMULATOR\"} '%s' %s", setting, self, args);
	process = popen(command, "r");
	if (!process)
		FAIL("popen: %s", strerror(errno));
	return process;
}

/*
 * Death.
 */

bool test_child_begins(struct test_child *child)
{
	const struct rlimit no_core = { 0, 0 };
	int fds[2];

	fflush(NULL);
	if (pipe(fds))
		FAIL("pipe: %s", strerror(errno));
	child->pid = fork();
	if (child->pid < 0)
		FAIL("fork: %s", strerror(errno));
	if (child->pid) {
		close(fds[1]);
		child->stderr_fd = fds[0];
		return false;
	}
	is_child = true;
	setrlimit(RLIMIT_CORE, &no_core);
	signal(SIGABRT, SIG_DFL);
	dup2(fds[1], STDERR_FILENO);
	close(fds[0]);
	close(fds[1]);
	return true;
}

void test_child_survives(void)
{
	_exit(0);
}

void test_child_died(const struct test_child *child, const char *text, const char *file, int line)
{
	char said[2048];
	size_t length = 0;
	int status;

	while (length < sizeof(said) - 1) {
		const ssize_t got = read(child->stderr_fd, said + length, sizeof(said) - 1 - length);

		if (got <= 0)
			break;
		length += (size_t)got;
	}
	said[length] = '\0';
	close(child->stderr_fd);
	waitpid(child->pid, &status, 0);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
		test_fail(file, line, "no abort, but status %#x, saying \"%s\"", status, said);
	if (!strstr(said, text))
		test_fail(file, line, "it died of \"%s\", without \"%s\"", said, text);
}

/*
 * Threads.
 */

struct group {
	pthread_barrier_t start;
	void (*func)(unsigned int index, void *arg);
	void *arg;
};

struct member {
	struct group *group;
	unsigned int index, number;
};

static void *run_member(void *arg)
{
	const struct member *member = arg;

	torture_thread_begins(member->number);
	pthread_barrier_wait(&member->group->start);
	member->group->func(member->index, member->group->arg);
	torture_thread_ends();
	return NULL;
}

void test_threads(unsigned int n, void (*func)(unsigned int index, void *arg), void *arg)
{
	struct group group = { .func = func, .arg = arg };
	struct member members[MAX_THREADS];
	pthread_t threads[MAX_THREADS];

	ASSERT_INT(n, <=, MAX_THREADS);
	pthread_barrier_init(&group.start, NULL, n);
	for (unsigned int i = 0; i < n; i++) {
		members[i] = (struct member){ &group, i, torture_new_thread() };
		if (pthread_create(&threads[i], NULL, run_member, &members[i]))
			abort();
	}
	for (unsigned int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&group.start);
}

struct test_thread {
	pthread_t thread;
	unsigned int number;
	void (*func)(void *arg);
	void *arg;
};

static void *run_thread(void *arg)
{
	struct test_thread *thread = arg;

	torture_thread_begins(thread->number);
	thread->func(thread->arg);
	torture_thread_ends();
	return NULL;
}

struct test_thread *test_thread_start(void (*func)(void *arg), void *arg)
{
	struct test_thread *thread = malloc(sizeof(*thread));

	if (!thread)
		abort();
	thread->number = torture_new_thread();
	thread->func = func;
	thread->arg = arg;
	if (pthread_create(&thread->thread, NULL, run_thread, thread))
		abort();
	return thread;
}

void test_thread_join(struct test_thread *thread)
{
	pthread_join(thread->thread, NULL);
	free(thread);
}

void test_yield(void)
{
	sched_yield();
}

/*
 * Running.
 */

static int before(void **state)
{
	(void)state;
	test_thread = pthread_self();
	warnings_expected = false;
	at_start = test_resources();
	failed++; /* until the body has returned */
	return 0;
}

static void body(void **state)
{
	const struct test_case *test = *state;

	test->func();
	os_race_hook(NULL);
	os_fault_disarm();
	ASSERT_RESOURCES(at_start);
	failed--;
	passed++;
}

/* Those named @asked, or else those whose names contain it. NULL: all. */
static size_t choose(const char *asked, struct CMUnitTest *list)
{
	const struct test_case *named = tests;
	size_t n = 0;

	while (asked && named && strcmp(named->name, asked))
		named = named->next;
	for (struct test_case *test = tests; test; test = test->next) {
		if (asked && (named ? test != named : !strstr(test->name, asked)))
			continue;
		if (n == MAX_TESTS)
			abort();
		list[n++] = (struct CMUnitTest){
			.name = test->name,
			.test_func = body,
			.setup_func = before,
			.initial_state = test,
		};
	}
	return n;
}

/* For scripts/torture.py: what to run, one a line. */
static int list_tortures(void)
{
	for (const struct test_case *test = tests; test; test = test->next) {
		if (test->is_torture)
			puts(test->name);
	}
	return 0;
}

int main(int argc, char **argv)
{
	static struct CMUnitTest list[MAX_TESTS];
	const char *asked = argc > 1 ? argv[1] : NULL;
	size_t n;
	int failures;

	if (asked && !strcmp(asked, "--tortures"))
		return list_tortures();
	n = choose(asked, list);
	if (!n) {
		printf("no name of a test contains '%s'\n0 passed, 1 failed\n", asked ? asked : "");
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0); /* who looks on shall see which test hangs */
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY); /* if it hangs, whoever runs it may look */
	dmabuf_set_warn_handler(warned);
	start_reclaimer();
	failures = _cmocka_run_group_tests(argv[0], list, n, NULL, NULL);
	torture_report();
	printf("%u passed, %u failed\n", passed, failed);
	return failures || failed ? 1 : 0;
}
