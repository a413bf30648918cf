/* SPDX-License-Identifier: MIT */
/* Memory and mappings. Pages: see linux/gfp.h; nothing here changes a page table. */
#ifndef LINUX_COMPAT_MM_H
#define LINUX_COMPAT_MM_H

#include <linux/mm_types.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#define VM_READ 0x1ul
#define VM_WRITE 0x2ul
#define VM_EXEC 0x4ul
#define VM_SHARED 0x8ul
#define VM_MAYREAD 0x10ul
#define VM_MAYWRITE 0x20ul
#define VM_MAYEXEC 0x40ul
#define VM_MAYSHARE 0x80ul
#define VM_PFNMAP 0x400ul
#define VM_IO 0x4000ul
#define VM_DONTCOPY 0x20000ul
#define VM_DONTEXPAND 0x40000ul
#define VM_DONTDUMP 0x4000000ul
#define VM_MIXEDMAP 0x10000000ul

#define VM_FAULT_OOM 0x1u
#define VM_FAULT_SIGBUS 0x2u
#define VM_FAULT_NOPAGE 0x100u

#define page_address(page) page_to_virt(page)
#define nth_page(page, n) ((page) + (n))
#define page_size(page) ((void)(page), PAGE_SIZE)
#define get_order(size) lc_get_order(size)

/* The smallest order whose pages hold @size bytes. */
static inline int lc_get_order(unsigned long size)
{
	int order = 0;

	while ((PAGE_SIZE << order) < size)
		order++;
	return order;
}

static inline unsigned long vma_pages(const struct vm_area_struct *vma)
{
	return (vma->vm_end - vma->vm_start) >> PAGE_SHIFT;
}

static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}

static inline void vm_flags_mod(struct vm_area_struct *vma, vm_flags_t set, vm_flags_t clear)
{
	vma->vm_flags = (vma->vm_flags & ~clear) | set;
}

#endif
