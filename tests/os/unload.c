/* SPDX-License-Identifier: MIT */
/*
 * unload LIBRARY: dlclose() while a thread is about that must still clean up after the
 * library when it ends. A program of its own, since the harness links the library.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static struct {
	void *(*create)(const char *name);
	void *(*emit)(void *timeline);
	void (*destroy)(void *timeline);
	void (*put)(void *fence);
} library;

static pthread_barrier_t both;

/* Leaves a fence behind that is to be freed when this thread ends, if not before. */
static void *use_library(void *unused)
{
	void *timeline = library.create("unload");
	void *fence = timeline ? library.emit(timeline) : NULL;

	if (!fence)
		abort();
	library.destroy(timeline);
	library.put(fence);
	pthread_barrier_wait(&both);
	/* Unloaded here. */
	pthread_barrier_wait(&both);
	return unused;
}

static void *find(void *handle, const char *name)
{
	void *symbol = dlsym(handle, name);

	if (!symbol) {
		puts(dlerror());
		exit(1);
	}
	return symbol;
}

int main(int argc, char **argv)
{
	void *handle = argc == 2 ? dlopen(argv[1], RTLD_NOW) : NULL;
	pthread_t thread;

	if (!handle) {
		puts(argc == 2 ? dlerror() : "usage: unload LIBRARY");
		return 1;
	}
	*(void **)&library.create = find(handle, "dma_fence_timeline_create");
	*(void **)&library.emit = find(handle, "dma_fence_timeline_emit");
	*(void **)&library.destroy = find(handle, "dma_fence_timeline_destroy");
	*(void **)&library.put = find(handle, "dma_fence_put");
	pthread_barrier_init(&both, NULL, 2);
	if (pthread_create(&thread, NULL, use_library, NULL))
		return 1;
	pthread_barrier_wait(&both);
	dlclose(handle);
	pthread_barrier_wait(&both);
	pthread_join(thread, NULL);
	puts("1 passed, 0 failed");
	return 0;
}
