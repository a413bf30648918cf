/* SPDX-License-Identifier: MIT */
/*
 * linux/vmalloc.h - memory in whole pages, all of it shared: it can be mapped once more
 *
 * Only vfree() frees it. The page before it says how long it is.
 */
#ifndef LINUX_COMPAT_VMALLOC_H
#define LINUX_COMPAT_VMALLOC_H

#include <compat/vma.h>
#include <linux/overflow.h>

static inline void *vzalloc(unsigned long size)
{
	size_t *first;

	if (!size || size > ~0UL / 2)
		return NULL;
	size = PAGE_ALIGN(size) + PAGE_SIZE;
	first = (size_t *)lc_shared_alloc(size);
	if (!first)
		return NULL;
	*first = size;
	return (char *)first + PAGE_SIZE;
}

#define vmalloc(size) vzalloc(size)
#define vmalloc_user(size) vzalloc(size)
#define vmalloc_array(n, size) vzalloc(array_size(n, size))
#define vcalloc(n, size) vzalloc(array_size(n, size))
#define is_vmalloc_addr(address) ((void)(address), false) /* kvmalloc() gives none */

static inline void vfree(const void *memory)
{
	size_t *const first = (size_t *)((char *)(uintptr_t)memory - PAGE_SIZE);

	if (memory)
		lc_shared_free(first, *first);
}

#define vmalloc_to_page(address) virt_to_page(address)

/* Fill @vma with @memory, from page @pgoff on. */
static inline int remap_vmalloc_range(struct vm_area_struct *vma, void *memory, unsigned long pgoff)
{
	const size_t size = *(size_t *)((char *)memory - PAGE_SIZE) - PAGE_SIZE;
	size_t begin, end;

	if (check_mul_overflow(pgoff, PAGE_SIZE, &begin) ||
	    check_add_overflow(begin, vma->vm_end - vma->vm_start, &end) || end > size)
		return -EINVAL;
	return lc_map_again(vma, vma->vm_start, (char *)memory + begin, end - begin);
}

#endif
