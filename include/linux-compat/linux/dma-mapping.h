/* SPDX-License-Identifier: MIT */
/*
 * linux/dma-mapping.h - addresses for devices
 *
 * The devices are threads: their addresses are this process's, and caches need no care.
 * What is left is the limits of a struct device, which dma_map_sgtable() checks.
 */
#ifndef LINUX_COMPAT_DMA_MAPPING_H
#define LINUX_COMPAT_DMA_MAPPING_H

#include <compat/vma.h>
#include <linux/device.h>
#include <linux/dma-direction.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/scatterlist.h>
#include <linux/types.h>

#define DMA_BIT_MASK(n)   ((n) == 64 ? ~0ULL : (1ULL << (n)) - 1)
#define DMA_MAPPING_ERROR (~(dma_addr_t)0)

#define DMA_ATTR_WEAK_ORDERING    (1UL << 1)
#define DMA_ATTR_WRITE_COMBINE    (1UL << 2)
#define DMA_ATTR_NO_KERNEL_MAPPING (1UL << 4)
#define DMA_ATTR_SKIP_CPU_SYNC    (1UL << 5)
#define DMA_ATTR_FORCE_CONTIGUOUS (1UL << 6)
#define DMA_ATTR_NO_WARN          (1UL << 8)

static inline int dma_set_mask(struct device *dev, u64 mask)
{
	(void)dev;
	(void)mask;
	return 0;
}

static inline int dma_set_coherent_mask(struct device *dev, u64 mask)
{
	return dma_set_mask(dev, mask);
}

static inline int dma_set_mask_and_coherent(struct device *dev, u64 mask)
{
	return dma_set_mask(dev, mask);
}

static inline int dma_set_max_seg_size(struct device *dev, unsigned int size)
{
	dev->max_segment_size = size;
	return 0;
}

static inline unsigned int dma_get_max_seg_size(struct device *dev)
{
	return dev->max_segment_size && dev->max_segment_size < UINT_MAX ?
		       (unsigned int)dev->max_segment_size : UINT_MAX;
}

/* -EBUSY: not within the limits of @dev. */
static inline int dma_map_sgtable(struct device *dev, struct sg_table *sgt,
				  enum dma_data_direction dir, unsigned long attrs)
{
	(void)attrs;
	if (!valid_dma_direction(dir))
		return -EINVAL;
	sgt->nents = sgt->orig_nents;
	return sg_check_table(sgt, dev);
}

static inline void dma_unmap_sgtable(struct device *dev, struct sg_table *sgt,
				     enum dma_data_direction dir, unsigned long attrs)
{
	(void)dev;
	(void)sgt;
	(void)dir;
	(void)attrs;
}

static inline unsigned int dma_map_sg_attrs(struct device *dev, struct scatterlist *sgl, int nents,
					    enum dma_data_direction dir, unsigned long attrs)
{
	struct sg_table table = { .sgl = sgl, .orig_nents = (unsigned int)nents };

	return dma_map_sgtable(dev, &table, dir, attrs) ? 0 : table.nents;
}

static inline void dma_unmap_sg_attrs(struct device *dev, struct scatterlist *sgl, int nents,
				      enum dma_data_direction dir, unsigned long attrs)
{
	(void)dev;
	(void)sgl;
	(void)nents;
	(void)dir;
	(void)attrs;
}

#define dma_map_sg(dev, sgl, nents, dir)   dma_map_sg_attrs(dev, sgl, nents, dir, 0)
#define dma_unmap_sg(dev, sgl, nents, dir) dma_unmap_sg_attrs(dev, sgl, nents, dir, 0)

static inline dma_addr_t dma_map_single(struct device *dev, void *ptr, size_t size,
					enum dma_data_direction dir)
{
	struct scatterlist sg;
	struct sg_table table = { .sgl = &sg, .orig_nents = 1 };

	sg_init_one(&sg, ptr, (unsigned int)size);
	return dma_map_sgtable(dev, &table, dir, 0) ? DMA_MAPPING_ERROR : sg_dma_address(&sg);
}

static inline void dma_unmap_single(struct device *dev, dma_addr_t address, size_t size,
				    enum dma_data_direction dir)
{
	(void)dev;
	(void)address;
	(void)size;
	(void)dir;
}

static inline dma_addr_t dma_map_page(struct device *dev, struct page *page, size_t offset,
				      size_t size, enum dma_data_direction dir)
{
	return dma_map_single(dev, (char *)page_address(page) + offset, size, dir);
}

#define dma_unmap_page(dev, address, size, dir) dma_unmap_single(dev, address, size, dir)

static inline int dma_mapping_error(struct device *dev, dma_addr_t address)
{
	(void)dev;
	return address == DMA_MAPPING_ERROR ? -ENOMEM : 0;
}

/* Caches need no care. */
#define lc_dma_sync(dev, what, ...) ((void)(dev), (void)(what))
#define dma_sync_single_for_cpu(...)     lc_dma_sync(__VA_ARGS__)
#define dma_sync_single_for_device(...)  lc_dma_sync(__VA_ARGS__)
#define dma_sync_sg_for_cpu(...)         lc_dma_sync(__VA_ARGS__)
#define dma_sync_sg_for_device(...)      lc_dma_sync(__VA_ARGS__)
#define dma_sync_sgtable_for_cpu(...)    lc_dma_sync(__VA_ARGS__)
#define dma_sync_sgtable_for_device(...) lc_dma_sync(__VA_ARGS__)

static inline void *dma_alloc_coherent(struct device *dev, size_t size, dma_addr_t *dma_handle,
				       gfp_t gfp)
{
	void *const memory = lc_shared_alloc(size);

	(void)dev;
	(void)gfp;
	if (memory)
		*dma_handle = (dma_addr_t)(uintptr_t)memory;
	return memory;
}

static inline void dma_free_coherent(struct device *dev, size_t size, void *cpu_addr,
				     dma_addr_t dma_handle)
{
	(void)dev;
	(void)dma_handle;
	lc_shared_free(cpu_addr, size);
}

#define dma_alloc_wc(dev, size, dma_handle, gfp) dma_alloc_coherent(dev, size, dma_handle, gfp)
#define dma_free_wc(dev, size, cpu_addr, dma_handle) \
	dma_free_coherent(dev, size, cpu_addr, dma_handle)

static inline int dma_get_sgtable(struct device *dev, struct sg_table *sgt, void *cpu_addr,
				  dma_addr_t dma_handle, size_t size)
{
	const int err = sg_alloc_table(sgt, 1, GFP_KERNEL);

	(void)dev;
	(void)dma_handle;
	if (!err)
		sg_set_buf(sgt->sgl, cpu_addr, (unsigned int)size);
	return err;
}

/* Pages vma->vm_pgoff and after of what dma_alloc_coherent() gave. */
static inline int dma_mmap_coherent(struct device *dev, struct vm_area_struct *vma, void *cpu_addr,
				    dma_addr_t dma_handle, size_t size)
{
	const size_t length = vma->vm_end - vma->vm_start;
	const size_t begin = vma->vm_pgoff * PAGE_SIZE;

	(void)dev;
	(void)dma_handle;
	if (begin > size || length > PAGE_ALIGN(size) - begin)
		return -ENXIO;
	return lc_map_again(vma, vma->vm_start, (char *)cpu_addr + begin, length);
}

#define dma_mmap_wc(dev, vma, cpu_addr, dma_handle, size) \
	dma_mmap_coherent(dev, vma, cpu_addr, dma_handle, size)

#endif
