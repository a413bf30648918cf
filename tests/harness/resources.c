/* SPDX-License-Identifier: MIT */
/*
 * What a test may not leave more of. The linker sends every call of malloc() and its kin
 * from the tests and from the library here; libc's and cmocka's own calls are not counted.
 */
#define _GNU_SOURCE
#include "harness.h"

#include <dirent.h>
#include <sched.h>
#include <unistd.h>

#include "fence/sync-file.h"
#include "os/thread.h"

static long allocations; /* relaxed: threads that count are joined before it is read */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_free(void *memory);

static void *counted(void *memory)
{
	if (memory)
		fetch_add_relaxed(&allocations, 1);
	return memory;
}

static __thread bool malloc_fails;

void test_malloc_fails(bool fails)
{
	malloc_fails = fails;
}

void *__wrap_malloc(size_t size)
{
	if (malloc_fails)
		return NULL;
	return counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
	return counted(__real_calloc(count, size));
}

void *__real_realloc(void *memory, size_t size);

void *__wrap_realloc(void *memory, size_t size)
{
	void *larger = __real_realloc(memory, size);

	return memory ? larger : counted(larger);
}

static void (*on_free)(const void *memory); /* atomic */

void test_on_free(void (*func)(const void *memory))
{
	store_release(&on_free, func);
}

void __wrap_free(void *memory)
{
	void (*func)(const void *memory) = load_acquire(&on_free);

	if (memory)
		fetch_sub_relaxed(&allocations, 1);
	if (memory && func)
		func(memory);
	__real_free(memory);
}

/*
 * ThreadSanitizer opens maps, programs and libraries for a moment, from any thread.
 * What looks into /proc, which the count itself does, is never counted.
 */
static bool is_counted(const char *descriptor)
{
	char link[64], target[512], program[512];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%s", descriptor);
	length = readlink(link, target, sizeof(target) - 1);
	if (length < 0)
		return false;
	target[length] = '\0';
	if (!strncmp(target, "/proc/", 6))
		return false;
#ifdef __SANITIZE_THREAD__
	length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	program[length < 0 ? 0 : length] = '\0';
	return strcmp(target, program) && !strstr(target, ".so");
#else
	(void)program;
	return true;
#endif
}

long test_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;
	long count = 0;

	if (!dir)
		return -1;
	while ((entry = readdir(dir)))
		count += is_counted(entry->d_name);
	closedir(dir);
	return count;
}

long test_allocations(void)
{
	return load_relaxed(&allocations);
}

struct test_resources test_resources(void)
{
	sync_fd_reap();
	os_thread_flush();
	dmabuf_rcu_barrier();
	dmabuf_rcu_barrier(); /* for what the first round deferred */
	return (struct test_resources){
		.allocations = load_relaxed(&allocations),
		.descriptors = test_descriptors(),
	};
}

struct test_resources test_resources_at_rest(struct test_resources before)
{
	struct test_resources now = test_resources();

	for (unsigned int tries = 100; tries && (now.descriptors > before.descriptors ||
						 now.allocations > before.allocations); tries--) {
		sched_yield();
		now = test_resources();
	}
	return now;
}
