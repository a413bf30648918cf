/* SPDX-License-Identifier: MIT */
/*
 * compat/vma.h - mapping memory into a range of addresses that somebody else chose
 *
 * In Linux mmap() makes the range, and the driver fills it. Here the program does what
 * mmap() did:
 *
 *	err = linux_compat_vma_open(&vma, size, PROT_READ | PROT_WRITE);
 *	err = dma_buf_mmap(dmabuf, &vma, 0);
 *	... use vma.vm_start to vma.vm_end
 *	linux_compat_vma_close(&vma);
 *
 * A driver can map shared memory once more: what vmalloc_user() and dma_alloc_coherent()
 * give. Of other memory there is no second mapping (-EINVAL), and under an emulator that
 * does not know mremap() so, as qemu-user, of none. Page faults reach nobody: a driver that
 * would fill the range later is refused (-EOPNOTSUPP).
 */
#ifndef LINUX_COMPAT_VMA_H
#define LINUX_COMPAT_VMA_H

#include <compat/tags.h>
#include <asm/page.h>
#include <linux/mm_types.h>

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Choose @size bytes of addresses, in which nothing is yet: 0, or a negative errno. */
static inline int linux_compat_vma_open(struct vm_area_struct *vma, size_t size, int prot)
{
	void *const start = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (start == MAP_FAILED)
		return -errno;
	*vma = (struct vm_area_struct){
		.vm_start = (unsigned long)start,
		.vm_end = (unsigned long)start + size,
		.vm_page_prot = { (unsigned long)prot },
		/* VM_READ and VM_WRITE have the values of PROT_*; VM_SHARED */
		.vm_flags = (unsigned long)(prot & (PROT_READ | PROT_WRITE)) | 8,
	};
	return 0;
}

static inline void linux_compat_vma_close(struct vm_area_struct *vma)
{
	if (vma->vm_ops && vma->vm_ops->close)
		vma->vm_ops->close(vma);
	munmap((void *)vma->vm_start, vma->vm_end - vma->vm_start);
}

/* mremap(), which is there with _GNU_SOURCE only: length 0 copies; may move, fixed */
static inline void *lc_mremap(const void *memory, size_t size, unsigned long address)
{
	return (void *)syscall(SYS_mremap, memory, 0, size, 1 | 2, address);
}

/* Is there a second mapping of shared memory here? For tests: only emulators lack it. */
static inline bool linux_compat_maps_again(void)
{
	const size_t size = PAGE_SIZE;
	char *const memory = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool maps;

	if (memory == MAP_FAILED)
		return false;
	maps = lc_mremap(memory, size, (unsigned long)(memory + size)) == memory + size;
	munmap(memory, 2 * size);
	return maps;
}

/* Map shared memory once more, at @address inside of @vma. */
static inline int lc_map_again(struct vm_area_struct *vma, unsigned long address,
			       const void *memory, size_t size)
{
	if (address < vma->vm_start || address > vma->vm_end || size > vma->vm_end - address)
		return -EINVAL;
	if (lc_mremap(memory, size, address) == MAP_FAILED)
		return -errno;
	return mprotect((void *)address, size, (int)vma->vm_page_prot.pgprot) ? -errno : 0;
}

static inline int remap_pfn_range(struct vm_area_struct *vma, unsigned long address,
				  unsigned long pfn, unsigned long size, pgprot_t prot)
{
	(void)prot;
	return lc_map_again(vma, address, pfn_to_page(pfn), size);
}

static inline int vm_insert_page(struct vm_area_struct *vma, unsigned long address,
				 struct page *page)
{
	return lc_map_again(vma, address, page, PAGE_SIZE);
}

#define pgprot_writecombine(prot) (prot)
#define pgprot_noncached(prot)    (prot)

/* Zeroed memory in whole pages that can be mapped once more. */
static inline void *lc_shared_alloc(size_t size)
{
	void *const memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
				  -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static inline void lc_shared_free(void *memory, size_t size)
{
	if (memory)
		munmap(memory, size);
}

#endif
