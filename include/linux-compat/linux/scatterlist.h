/* SPDX-License-Identifier: MIT */
/*
 * linux/scatterlist.h - scatter tables
 *
 * The device's address of a segment is its address in this process. A page is known by
 * its address. What sg_set_page() and sg_set_buf() describe has no descriptor.
 */
#ifndef LINUX_COMPAT_SCATTERLIST_H
#define LINUX_COMPAT_SCATTERLIST_H

#include <compat/tags.h>
#include <linux/bug.h>
#include <linux/gfp.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/types.h>

#include <dmabuf/scatterlist.h>

typedef dma_addr_t __attribute__((__may_alias__)) lc_dma_address;
_Static_assert(sizeof(dma_addr_t) == sizeof(void *), "an address is an address");

/* Both may be assigned to. */
#define sg_dma_address(sg) (*(lc_dma_address *)&(sg)->address)
#define sg_dma_len(sg)     ((sg)->length)

static inline void *sg_virt(struct scatterlist *sg)
{
	return sg->address;
}

static inline struct page *sg_page(struct scatterlist *sg)
{
	return virt_to_page(sg->address);
}

static inline void sg_set_buf(struct scatterlist *sg, const void *buf, unsigned int buflen)
{
	sg->address = (void *)(uintptr_t)buf;
	sg->length = buflen;
	sg->fd = -1;
	sg->offset = offset_in_page(buf);
}

static inline void sg_set_page(struct scatterlist *sg, struct page *page, unsigned int len,
			       unsigned int offset)
{
	sg_set_buf(sg, (char *)page_address(page) + offset, len);
	sg->offset = offset;
}

static inline bool sg_is_last(struct scatterlist *sg)
{
	return sg->is_last;
}

static inline void sg_mark_end(struct scatterlist *sg)
{
	sg->is_last = true;
}

static inline void sg_unmark_end(struct scatterlist *sg)
{
	sg->is_last = false;
}

static inline struct scatterlist *sg_next(struct scatterlist *sg)
{
	return sg->is_last ? NULL : sg + 1;
}

static inline struct scatterlist *sg_last(struct scatterlist *sgl, unsigned int nents)
{
	return &sgl[nents - 1];
}

static inline int sg_nents(struct scatterlist *sg)
{
	int n = 0;

	for (; sg; sg = sg_next(sg))
		n++;
	return n;
}

static inline void sg_init_table(struct scatterlist *sgl, unsigned int nents)
{
	for (unsigned int i = 0; i < nents; i++)
		sgl[i] = (struct scatterlist){ .fd = -1, .is_last = i + 1 == nents };
}

static inline void sg_init_one(struct scatterlist *sg, const void *buf, unsigned int buflen)
{
	sg_init_table(sg, 1);
	sg_set_buf(sg, buf, buflen);
}

/* The library's, and Linux's flags. */
#define sg_alloc_table(table, nents, ...) (sg_alloc_table)(table, nents)

static inline int sg_alloc_table_from_pages_segment(struct sg_table *sgt, struct page **pages,
						    unsigned int n_pages, unsigned int offset,
						    unsigned long size, unsigned int max_segment,
						    gfp_t gfp_mask)
{
	const struct device limit = { .max_segment_size = max_segment };
	struct scatterlist *pieces;
	int err;

	pieces = kcalloc(n_pages, sizeof(*pieces), gfp_mask);
	if (!pieces)
		return -ENOMEM;
	for (unsigned int i = 0; i < n_pages; i++) {
		const unsigned long length = min(size, PAGE_SIZE - offset);

		sg_set_page(&pieces[i], pages[i], length, offset);
		size -= length;
		offset = 0;
	}
	err = sg_alloc_table_from_pieces(sgt, pieces, n_pages, &limit);
	kfree(pieces);
	return err;
}

static inline int sg_alloc_table_from_pages(struct sg_table *sgt, struct page **pages,
					    unsigned int n_pages, unsigned int offset,
					    unsigned long size, gfp_t gfp_mask)
{
	return sg_alloc_table_from_pages_segment(sgt, pages, n_pages, offset, size, 0, gfp_mask);
}

#define for_each_sg(sglist, sg, nr, i) \
	for (i = 0, sg = (sglist); i < (nr); i++, sg = sg_next(sg))
#define for_each_sgtable_sg(sgt, sg, i)     for_each_sg((sgt)->sgl, sg, (sgt)->orig_nents, i)
#define for_each_sgtable_dma_sg(sgt, sg, i) for_each_sg((sgt)->sgl, sg, (sgt)->nents, i)

/* Copy between a buffer and a list, from @skip bytes on: how many bytes it were. */
static inline size_t lc_sg_copy(struct scatterlist *sgl, unsigned int nents, void *buf,
				size_t buflen, size_t skip, bool to_buffer)
{
	struct scatterlist *sg;
	size_t done = 0;
	unsigned int i;

	for_each_sg(sgl, sg, nents, i) {
		const size_t from = min(skip, sg->length);
		const size_t length = min(sg->length - from, buflen - done);
		char *const there = (char *)sg_virt(sg) + from, *const here = (char *)buf + done;

		memcpy(to_buffer ? here : there, to_buffer ? there : here, length);
		skip -= from;
		done += length;
	}
	return done;
}

static inline size_t sg_pcopy_to_buffer(struct scatterlist *sgl, unsigned int nents, void *buf,
					size_t buflen, off_t skip)
{
	return lc_sg_copy(sgl, nents, buf, buflen, (size_t)skip, true);
}

static inline size_t sg_pcopy_from_buffer(struct scatterlist *sgl, unsigned int nents,
					  const void *buf, size_t buflen, off_t skip)
{
	return lc_sg_copy(sgl, nents, (void *)(uintptr_t)buf, buflen, (size_t)skip, false);
}

static inline size_t sg_copy_to_buffer(struct scatterlist *sgl, unsigned int nents, void *buf,
				       size_t buflen)
{
	return sg_pcopy_to_buffer(sgl, nents, buf, buflen, 0);
}

static inline size_t sg_copy_from_buffer(struct scatterlist *sgl, unsigned int nents,
					 const void *buf, size_t buflen)
{
	return sg_pcopy_from_buffer(sgl, nents, buf, buflen, 0);
}

#endif
