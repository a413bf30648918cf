/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "os/backtrace.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "os/elf.h"
#include "os/fault.h"
#include "os/file.h"
#include "os/thread.h"

/* Frames that may stand before the first that is wanted: ours, a sanitizer's, the caller's. */
#define MAX_SKIPPED 4

/*
 * Held while the unwinder runs, and by a fork. The unwinder may have a lock of its own, of which
 * a fork knows nothing (that of libc on s390x has): the child would find it held, by nobody.
 */
static struct dmabuf_spinlock unwinder_lock = DMABUF_SPINLOCK_INIT;

/* Inlined, so that it is no frame. */
static inline __attribute__((always_inline)) int unwind(void **frames, int max)
{
	int count;

	dmabuf_spin_lock(&unwinder_lock);
	OS_RACE_POINT("backtrace: the unwinder runs");
	count = backtrace(frames, max);
	dmabuf_spin_unlock(&unwinder_lock);
	return count;
}

static struct os_fork_hook fork_hook = { .lock = &unwinder_lock };

/* Early, so that a fork takes the lock after all others: stacks are taken under those. */
__attribute__((constructor(1001))) static void watch_forks(void)
{
	os_fork_hook_add(&fork_hook);
}

void os_backtrace_init(void)
{
	void *frame;

	unwind(&frame, 1);
}

/* As the unwinder has it. */
static uintptr_t plain(const void *address)
{
	uintptr_t value = (uintptr_t)__builtin_extract_return_addr((void *)(uintptr_t)address);

#ifdef __arm__
	value &= ~(uintptr_t)1; /* it is in Thumb code */
#endif
	return value;
}

unsigned int os_backtrace_from(const void *caller, void **ret_frames, unsigned int max)
{
	void *frames[OS_BACKTRACE_MAX + MAX_SKIPPED];
	unsigned int count, first = 0;

	if (max > OS_BACKTRACE_MAX)
		max = OS_BACKTRACE_MAX;
	count = (unsigned int)unwind(frames, (int)max + MAX_SKIPPED);
	while (first < count && (uintptr_t)frames[first] != plain(caller))
		first++;
	if (first == count)
		first = count ? 1 : 0; /* without this function at least */
	if (max > count - first)
		max = count - first;
	memcpy(ret_frames, frames + first, max * sizeof(frames[0]));
	return max;
}

__attribute__((noinline)) unsigned int os_backtrace(void **ret_frames, unsigned int max)
{
	return os_backtrace_from(__builtin_return_address(0), ret_frames, max);
}

/*
 * Ask the file of a module. The program's name may be no path, or no longer. No OS_FAULT(),
 * since failing shows in no result.
 */
static bool ask_file(const char *name, uintptr_t address, struct elf_function *ret_function)
{
	bool found;
	int fd;

	fd = open(name[0] ? name : "/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	found = elf_find_function(fd, address, ret_function);
	os_file_close(fd);
	return found;
}

__attribute__((format(printf, 3, 4))) static size_t print(char *text, size_t size, const char *fmt,
							   ...)
{
	va_list args;
	size_t length;

	va_start(args, fmt);
	length = (size_t)vsnprintf(text, size, fmt, args);
	va_end(args);
	if (length < size)
		return length;
	return size ? size - 1 : 0;
}

size_t os_symbol(const void *address, char *text, size_t size)
{
	const uintptr_t call = plain(address) - 1;
	struct elf_function function;
	struct link_map *map;
	const char *name, *module;
	uintptr_t offset, start;
	Dl_info info;

	if (!dladdr1((void *)call, &info, (void **)&map, RTLD_DL_LINKMAP))
		return print(text, size, "%#zx", (size_t)call);

	/* Counted as the file does: programs at a fixed address are loaded at 0, so to speak. */
	offset = call - map->l_addr;
	module = strrchr(info.dli_fname, '/');
	module = module ? module + 1 : info.dli_fname;
	if (info.dli_sname) {
		name = info.dli_sname;
		start = plain(info.dli_saddr) - map->l_addr;
	} else if (ask_file(map->l_name, offset, &function)) {
		name = function.name;
		start = function.start;
	} else {
		return print(text, size, "(%s+%#zx)", module, (size_t)offset);
	}
	return print(text, size, "%s+%#zx (%s+%#zx)", name, (size_t)(offset - start), module,
		     (size_t)offset);
}
