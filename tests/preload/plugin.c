/* SPDX-License-Identifier: MIT */
/* A library that uses mutexes while it is loaded: in its constructor, and in a thread of that. */
#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *use_lock(void *unused)
{
	pthread_mutex_lock(&lock);
	pthread_mutex_unlock(&lock);
	return unused;
}

__attribute__((constructor)) static void loaded(void)
{
	pthread_t thread;

	use_lock(NULL);
	if (!pthread_create(&thread, NULL, use_lock, NULL))
		pthread_join(thread, NULL);
}
