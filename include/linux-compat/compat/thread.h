/* SPDX-License-Identifier: MIT */
/* Making threads, for kthreads, work queues and timers. */
#ifndef LINUX_COMPAT_THREAD_H
#define LINUX_COMPAT_THREAD_H

#include <errno.h>
#include <pthread.h>
#include <signal.h>

/* pthread_create() with every signal blocked, so that handlers run in the program's threads. */
static inline int lc_thread_create(pthread_t *thread, void *(*func)(void *arg), void *arg)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(thread, NULL, func, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -err;
}

#endif
