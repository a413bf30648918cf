/* SPDX-License-Identifier: MIT */
/*
 * Pages of memory. A struct page is the page itself, so that there is no table of
 * them: its address is the page's, and the next one follows. There are no references.
 */
#ifndef LINUX_COMPAT_GFP_H
#define LINUX_COMPAT_GFP_H

#include <asm/page.h>
#include <dmabuf/dmabuf-lockdep.h>
#include <linux/gfp_types.h>

#include <stdlib.h>
#include <string.h>

struct page {
	unsigned char lc_byte[PAGE_SIZE];
};

static inline bool gfpflags_allow_blocking(gfp_t flags)
{
	return flags & __GFP_DIRECT_RECLAIM;
}

/* As in Linux it belongs to <linux/sched/mm.h>, which has this one. */
static inline void might_alloc(gfp_t flags)
{
	if (!gfpflags_allow_blocking(flags))
		return;
	dmabuf_might_sleep();
	dmabuf_might_alloc();
}

static inline struct page *alloc_pages(gfp_t flags, unsigned int order)
{
	const size_t size = PAGE_SIZE << order;
	void *memory;

	might_alloc(flags);
	if (posix_memalign(&memory, size, size))
		return NULL;
	if (flags & __GFP_ZERO)
		memset(memory, 0, size);
	return memory;
}

static inline void __free_pages(struct page *page, unsigned int order)
{
	(void)order;
	free(page);
}

#define alloc_page(flags) alloc_pages(flags, 0)
#define alloc_pages_node(node, flags, order) alloc_pages(flags, order)
#define __free_page(page) __free_pages(page, 0)
#define __get_free_pages(flags, order) ((unsigned long)alloc_pages(flags, order))
#define __get_free_page(flags) __get_free_pages(flags, 0)
#define get_zeroed_page(flags) __get_free_page((flags) | __GFP_ZERO)
#define free_pages(address, order) __free_pages((struct page *)(address), order)
#define free_page(address) free_pages(address, 0)

/* Whole pages, of any number. */
static inline void *alloc_pages_exact(size_t size, gfp_t flags)
{
	void *memory;

	if (posix_memalign(&memory, PAGE_SIZE, PAGE_ALIGN(size)))
		return NULL;
	if (flags & __GFP_ZERO)
		memset(memory, 0, size);
	return memory;
}

static inline void free_pages_exact(void *memory, size_t size)
{
	(void)size;
	free(memory);
}

#endif
