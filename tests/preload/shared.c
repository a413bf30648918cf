/* SPDX-License-Identifier: MIT */
/* Programs with mutexes that processes share, and programs that fork under a mutex. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "programs.h"

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER;

static pthread_mutex_t *map(int fd)
{
	pthread_mutex_t *mutex =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	NEEDS(mutex != MAP_FAILED);
	return mutex;
}

static void unmap(pthread_mutex_t *mutex)
{
	NEEDS(!munmap(mutex, 4096));
}

static void init_shared(pthread_mutex_t *mutex, int robust)
{
	pthread_mutexattr_t attr;

	NEEDS(!pthread_mutexattr_init(&attr));
	NEEDS(!pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED));
	NEEDS(!pthread_mutexattr_setrobust(&attr, robust));
	NEEDS(!pthread_mutex_init(mutex, &attr));
	pthread_mutexattr_destroy(&attr);
}

/* A memory file with a mutex in it. */
static int make_file(int robust)
{
	const int fd = memfd_create("mutex", MFD_CLOEXEC);
	pthread_mutex_t *mutex;

	NEEDS(fd >= 0 && !ftruncate(fd, 4096));
	mutex = map(fd);
	init_shared(mutex, robust);
	unmap(mutex);
	return fd;
}

/* It ends as @child does. */
static void end_as(pid_t child)
{
	int status;

	NEEDS(child > 0 && waitpid(child, &status, 0) == child);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
		abort();
	NEEDS(!status);
}

/*
 * Forks.
 */

/* The parent lets its child go, by a mutex that it had at the fork. */
static void gate(int robust)
{
	pthread_mutex_t *mutex = map(make_file(robust));
	pid_t child;

	lock_both(&a, mutex);
	pthread_mutex_lock(mutex);
	child = fork();
	if (!child) {
		pthread_mutex_lock(&a); /* nothing is held, so that is in order */
		pthread_mutex_lock(mutex);
		pthread_mutex_unlock(mutex);
		pthread_mutex_unlock(&a);
		_exit(0);
	}
	pthread_mutex_unlock(mutex);
	end_as(child);
	lock_both(&a, mutex);
}

static void shared_gate(void)
{
	gate(PTHREAD_MUTEX_STALLED);
}

static void robust_gate(void)
{
	gate(PTHREAD_MUTEX_ROBUST);
}

static void lock_twice(int robust)
{
	pthread_mutex_t *mutex = map(make_file(robust));

	alarm(30); /* where it is not reported */
	for (unsigned int i = 0; i < 3; i++)
		pthread_mutex_lock(mutex);
}

static void shared_recursion(void)
{
	lock_twice(PTHREAD_MUTEX_STALLED);
}

static void robust_recursion(void)
{
	lock_twice(PTHREAD_MUTEX_ROBUST);
}

static void shared_recursion_of_child(void)
{
	pthread_mutex_t *mutex = map(make_file(PTHREAD_MUTEX_STALLED));
	pid_t child;

	pthread_mutex_lock(mutex);
	child = fork();
	if (!child) {
		for (unsigned int i = 0; i < 2; i++)
			pthread_mutex_lock(mutex);
	}
	pthread_mutex_unlock(mutex);
	end_as(child);
}

/* A private one is copied, as held by the child. */
static void private_recursion_of_child(void)
{
	pid_t child;

	pthread_mutex_lock(&a);
	child = fork();
	if (!child) {
		pthread_mutex_lock(&a);
		_exit(0);
	}
	pthread_mutex_unlock(&a);
	end_as(child);
}

static void lock_a(void)
{
	pthread_mutex_lock(&a);
}

static void unlock_a(void)
{
	pthread_mutex_unlock(&a);
}

static void private_over_fork(void)
{
	pthread_mutex_t *mutex = map(make_file(PTHREAD_MUTEX_STALLED));
	pid_t child;

	pthread_atfork(lock_a, unlock_a, unlock_a);
	lock_both(&a, mutex);
	child = fork();
	if (!child) {
		lock_both(&a, mutex);
		_exit(0);
	}
	end_as(child);
	lock_both(&a, mutex);
}

/*
 * Mappings.
 */

/* One in turn is outside of a, the other inside. The kernel mostly gives them one address. */
static void remap(int outer, int inner)
{
	for (unsigned int i = 0; i < 3; i++) {
		pthread_mutex_t *mutex = map(outer);

		lock_both(mutex, &a);
		unmap(mutex);
		mutex = map(inner);
		lock_both(&a, mutex);
		unmap(mutex);
	}
}

static void shared_remapped(void)
{
	remap(make_file(PTHREAD_MUTEX_STALLED), make_file(PTHREAD_MUTEX_STALLED));
}

static void robust_remapped(void)
{
	remap(make_file(PTHREAD_MUTEX_ROBUST), make_file(PTHREAD_MUTEX_ROBUST));
}

static void shared_inversion(void)
{
	const int fd = make_file(PTHREAD_MUTEX_STALLED);

	remap(fd, fd);
}

/* It stays the same mutex wherever another process has it, and whatever that does. */
static void shared_inversion_around_child(void)
{
	const int fd = make_file(PTHREAD_MUTEX_STALLED);
	pthread_mutex_t *mutex = map(fd);
	pid_t child;

	lock_both(&a, mutex);
	child = fork();
	if (!child) {
		lock_both(&a, map(fd));
		_exit(0);
	}
	end_as(child);
	lock_both(mutex, &a);
}

/* Taken by one address and dropped by another. */
static void two_mappings(void)
{
	const int fd = make_file(PTHREAD_MUTEX_STALLED);
	pthread_mutex_t *one = map(fd), *other = map(fd);

	NEEDS(one != other);
	for (unsigned int i = 0; i < 3; i++) {
		pthread_mutex_lock(one);
		pthread_mutex_unlock(other);
	}
	lock_both(one, &a);
	lock_both(other, &a);
}

const struct program shared_programs[] = {
	{ "shared-gate", shared_gate },
	{ "robust-gate", robust_gate },
	{ "shared-recursion", shared_recursion },
	{ "robust-recursion", robust_recursion },
	{ "shared-recursion-of-child", shared_recursion_of_child },
	{ "private-recursion-of-child", private_recursion_of_child },
	{ "private-over-fork", private_over_fork },
	{ "shared-remapped", shared_remapped },
	{ "robust-remapped", robust_remapped },
	{ "shared-inversion", shared_inversion },
	{ "shared-inversion-around-child", shared_inversion_around_child },
	{ "two-mappings", two_mappings },
	{ NULL, NULL },
};
