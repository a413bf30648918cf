/* SPDX-License-Identifier: MIT */
/*
 * What the preload library says for each of libc's functions. A program of its own, run with
 * it: what it would call of libdmabuf is here, and writes down what is said.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <dmabuf/dmabuf-lockdep.h>

static char story[512];
static __thread bool off;
static bool locks_inside;
static pthread_mutex_t inside_lock = PTHREAD_MUTEX_INITIALIZER;
static const void *subject; /* whose story it is */
static const void *last_lock;

static void say(const void *lock, const char *what)
{
	if (locks_inside) {
		pthread_mutex_lock(&inside_lock);
		pthread_mutex_unlock(&inside_lock);
	}
	last_lock = lock;
	if (subject && lock != subject)
		what = "other ";
	strcat(story, what);
}

bool dmabuf_lockdep_is_on(void)
{
	return !off;
}

void dmabuf_lock_acquire(const struct dmabuf_lock_class *lock_class, const void *lock,
			 unsigned int flags)
{
	say(lock, flags & DMABUF_LOCK_TRY ? "try " :
		  lock_class->flags & DMABUF_LOCK_RECURSIVE ? "nest " :
		  lock_class->flags & DMABUF_LOCK_PROCESS_SHARED
			  ? "shared " : "acquire ");
	if (!(lock_class->flags & DMABUF_LOCK_BY_OBJECT) || strcmp(lock_class->name, "mutex"))
		abort();
}

void dmabuf_lock_release(const void *lock)
{
	say(lock, "release ");
}

void dmabuf_lock_forget(const void *lock)
{
	say(lock, "forget ");
}

static unsigned int passed, failed;

static void expect(const char *claim, const char *wanted)
{
	if (strcmp(story, wanted)) {
		printf("%s: \"%s\", not \"%s\"\n", claim, story, wanted);
		failed++;
	} else {
		passed++;
	}
	story[0] = '\0';
}

static void expect_int(const char *claim, int got, int wanted)
{
	if (got != wanted) {
		printf("%s: %d, not %d\n", claim, got, wanted);
		failed++;
	} else {
		passed++;
	}
}

#define NEW "forget release "

static struct timespec past(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	now.tv_sec--;
	return now;
}

static void *in_thread(void *func)
{
	((void (*)(void))(uintptr_t)func)();
	return NULL;
}

static void elsewhere(void (*func)(void))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, in_thread, (void *)(uintptr_t)func))
		abort();
	pthread_join(thread, NULL);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

/* With a history, so that it is no longer new. */
static void fresh(int type, bool robust)
{
	pthread_mutexattr_t attr;

	subject = &mutex;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, type);
	if (robust)
		pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&mutex, &attr);
	pthread_mutexattr_destroy(&attr);
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	story[0] = '\0';
}

static void test_plain(void)
{
	const struct timespec realtime = past(CLOCK_REALTIME), monotonic = past(CLOCK_MONOTONIC);

	fresh(PTHREAD_MUTEX_NORMAL, false);
	pthread_mutex_lock(&mutex);
	expect("a lock is told of", "acquire ");
	expect_int("trylock of a held one", pthread_mutex_trylock(&mutex), EBUSY);
	expect_int("timedlock of a held one", pthread_mutex_timedlock(&mutex, &realtime), ETIMEDOUT);
	expect_int("clocklock of a held one",
		   pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &monotonic), ETIMEDOUT);
	expect("what was not taken is not told of", "");
	pthread_mutex_unlock(&mutex);
	expect("an unlock is told of", "release ");
	expect_int("trylock", pthread_mutex_trylock(&mutex), 0);
	pthread_mutex_unlock(&mutex);
	expect("trylock is trying", "try release ");
	expect_int("timedlock", pthread_mutex_timedlock(&mutex, &realtime), 0);
	pthread_mutex_unlock(&mutex);
	expect("timedlock is trying", "try release ");
	expect_int("clocklock", pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &monotonic), 0);
	pthread_mutex_unlock(&mutex);
	expect("clocklock is trying", "try release ");
	expect_int("destroy", pthread_mutex_destroy(&mutex), 0);
	expect("a destroyed one is forgotten", NEW);
	expect_int("lock of a destroyed one", pthread_mutex_lock(&mutex), EINVAL);
	expect("which is not held", "");
	pthread_mutex_init(&mutex, NULL);
	expect("an initialised one is forgotten", NEW);
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	expect("as is a new one when it is first taken", NEW "acquire release ");
	mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_trylock(&mutex);
	pthread_mutex_unlock(&mutex);
	expect("also if it became new by assignment", NEW "try release ");
}

static void test_types(void)
{
	fresh(PTHREAD_MUTEX_RECURSIVE, false);
	pthread_mutex_lock(&mutex);
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	pthread_mutex_unlock(&mutex);
	expect("a recursive one may nest", "nest nest release release ");
	expect_int("unlock of a recursive one that is free", pthread_mutex_unlock(&mutex), EPERM);
	expect("was none", "");

	fresh(PTHREAD_MUTEX_ERRORCHECK, false);
	pthread_mutex_lock(&mutex);
	expect_int("lock again of one that checks", pthread_mutex_lock(&mutex), EDEADLK);
	expect("did not take it", "nest nest release ");
	expect_int("destroy of a held one", pthread_mutex_destroy(&mutex), EBUSY);
	expect("which stays known", "");
	expect_int("unlock of one that checks", pthread_mutex_unlock(&mutex), 0);
	expect_int("twice", pthread_mutex_unlock(&mutex), EPERM);
	expect("is told of once", "release ");
	expect_int("wait with one that is not held", pthread_cond_wait(&cond, &mutex), EPERM);
	expect("takes nothing", "release nest release ");

	fresh(PTHREAD_MUTEX_ADAPTIVE_NP, false);
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	expect("an adaptive one is as others", "acquire release ");
}

static void lock_and_end(void)
{
	pthread_mutex_lock(&mutex);
}

/* Does the kernel learn which locks a thread leaves behind? */
static bool is_robust(void)
{
	size_t size;
	void *list;

	return !syscall(SYS_get_robust_list, 0, &list, &size);
}

static void test_robust(void)
{
	if (!is_robust()) {
		puts("not tested: robust mutexes, of which this emulator knows nothing");
		return;
	}
	fresh(PTHREAD_MUTEX_NORMAL, true);
	elsewhere(lock_and_end);
	expect("one is left behind, of which nothing is known for long", "forget shared ");
	expect_int("by its owner's death", pthread_mutex_lock(&mutex), EOWNERDEAD);
	expect("it is held", "forget shared ");
	pthread_mutex_consistent(&mutex);
	pthread_mutex_unlock(&mutex);
	expect("and dropped", "release ");
	elsewhere(lock_and_end);
	expect_int("trylock by its owner's death", pthread_mutex_trylock(&mutex), EOWNERDEAD);
	expect("takes it", "forget shared forget try ");
	pthread_mutex_unlock(&mutex); /* not made consistent */
	expect_int("lock of one that is beyond help", pthread_mutex_lock(&mutex), ENOTRECOVERABLE);
	expect("does not", "release ");
	expect_int("wait with one that is beyond help", pthread_cond_wait(&cond, &mutex), EPERM);
	expect("neither", "release shared release ");
	fresh(PTHREAD_MUTEX_ERRORCHECK, true);
	pthread_mutex_lock(&mutex);
	expect_int("lock again of a robust one", pthread_mutex_lock(&mutex), EDEADLK);
	pthread_mutex_unlock(&mutex);
	expect("did not take it", "forget nest nest release release ");
}

static bool ready;

static void *make_ready(void *unused)
{
	off = true; /* what this does is not part of the story */
	pthread_mutex_lock(&mutex);
	ready = true;
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&mutex);
	return unused;
}

static void test_cond(void)
{
	const struct timespec realtime = past(CLOCK_REALTIME), monotonic = past(CLOCK_MONOTONIC);
	pthread_t thread;

	fresh(PTHREAD_MUTEX_NORMAL, false);
	pthread_mutex_lock(&mutex);
	pthread_create(&thread, NULL, make_ready, NULL);
	while (!ready)
		pthread_cond_wait(&cond, &mutex);
	pthread_mutex_unlock(&mutex);
	pthread_join(thread, NULL);
	expect("a wait drops it and takes it again", "acquire release acquire release ");
	pthread_mutex_lock(&mutex);
	expect_int("timedwait", pthread_cond_timedwait(&cond, &mutex, &realtime), ETIMEDOUT);
	expect("so does one with an end", "acquire release acquire ");
	expect_int("clockwait", pthread_cond_clockwait(&cond, &mutex, CLOCK_MONOTONIC, &monotonic),
		   ETIMEDOUT);
	expect("on any clock", "release acquire ");
	pthread_mutex_unlock(&mutex);
	story[0] = '\0';
}

static void test_inside(void)
{
	fresh(PTHREAD_MUTEX_NORMAL, false);
	locks_inside = true;
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	locks_inside = false;
	expect("what the library locks meanwhile is not told of", "acquire release ");
}

static void test_off(void)
{
	fresh(PTHREAD_MUTEX_NORMAL, false);
	off = true;
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	off = false;
	expect("nothing is said while rules are not checked", "");
}

/* Initialising it anew is what a child may do with a lock that was held at the fork. */
static void test_child(void)
{
	pid_t child;
	int status;

	fresh(PTHREAD_MUTEX_NORMAL, false);
	pthread_mutex_lock(&mutex);
	fflush(NULL);
	story[0] = '\0';
	child = fork();
	if (!child) {
		mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
		pthread_mutex_lock(&mutex);
		_exit(strcmp(story, NEW "acquire "));
	}
	waitpid(child, &status, 0);
	expect_int("a forked child goes on", status, 0);
	pthread_mutex_unlock(&mutex);
	story[0] = '\0';
}

static const void *taken_as(pthread_mutex_t *which)
{
	subject = NULL;
	pthread_mutex_lock(which);
	pthread_mutex_unlock(which);
	return last_lock;
}

static pthread_mutex_t *map(int fd)
{
	void *mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (mapped == MAP_FAILED)
		abort();
	return mapped;
}

/* It is known by the same wherever it is, and by another when it begins anew. */
static void test_shared(void)
{
	const int fd = memfd_create("mutex", MFD_CLOEXEC);
	pthread_mutex_t *shared, *elsewhere_mapped;
	pthread_mutexattr_t attr;
	const void *name;
	pid_t child;
	int status;

	if (fd < 0 || ftruncate(fd, 4096))
		abort();
	shared = map(fd);
	elsewhere_mapped = map(fd);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(shared, &attr);
	story[0] = '\0';

	fflush(NULL);
	child = fork();
	if (!child) {
		off = true;
		pthread_mutex_lock(shared);
		pthread_mutex_unlock(shared);
		off = false;
		_exit(strcmp(story, "") || !((uintptr_t)taken_as(shared) & 1));
	}
	waitpid(child, &status, 0);
	expect_int("another process names it, if it watches", status, 0);
	name = taken_as(shared);
	expect("it has no history but its own", "shared release ");
	expect_int("it is no address", (uintptr_t)name & 1, 1);
	expect_int("it is the same at another", taken_as(elsewhere_mapped) == name, true);
	pthread_mutex_destroy(shared);
	expect_int("it is forgotten", last_lock == name, true);
	pthread_mutex_init(shared, &attr);
	expect_int("it is another one now", taken_as(shared) != name, true);
	munmap(shared, 4096);
	munmap(elsewhere_mapped, 4096);
	close(fd);
	story[0] = '\0';
}

int main(void)
{
	test_plain();
	test_types();
	test_robust();
	test_cond();
	test_inside();
	test_off();
	test_child();
	test_shared();
	printf("%u passed, %u failed\n", passed, failed);
	return failed ? 1 : 0;
}
