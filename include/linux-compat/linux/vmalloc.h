/* SPDX-License-Identifier: MIT */
/*
 * Memory in whole pages, which is allocated as any other; not to be freed by kfree() in
 * Linux.
 */
#ifndef LINUX_COMPAT_VMALLOC_H
#define LINUX_COMPAT_VMALLOC_H

#include <linux/gfp.h>
#include <linux/overflow.h>

static inline void *vmalloc(unsigned long size)
{
	void *memory;

	return posix_memalign(&memory, PAGE_SIZE, PAGE_ALIGN(size ? size : 1)) ? NULL : memory;
}

static inline void *vzalloc(unsigned long size)
{
	void *memory = vmalloc(size);

	return memory ? memset(memory, 0, PAGE_ALIGN(size)) : NULL;
}

static inline void vfree(const void *memory)
{
	free((void *)(uintptr_t)memory);
}

#define vmalloc_user(size) vzalloc(size)
#define vmalloc_array(n, size) vmalloc(array_size(n, size))
#define vcalloc(n, size) vzalloc(array_size(n, size))
#define vmalloc_to_page(address) virt_to_page(address)
#define is_vmalloc_addr(address) ((void)(address), false)

#endif
