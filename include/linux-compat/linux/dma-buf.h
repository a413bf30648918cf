/* SPDX-License-Identifier: MIT */
/*
 * linux/dma-buf.h - buffers by Linux's names
 *
 * From 6.2 on Linux maps with the reservation lock held, whoever exports and imports. So
 * what is compiled with such a LINUX_COMPAT_VERSION counts as dynamic in the library's
 * table, and may meet parties of the library's own kinds. For 6.1 the table holds as it
 * is: that version has it.
 *
 * dma_buf_fd() takes over the caller's reference, as in Linux; compat/buffer-fd.h says when
 * it is put.
 */
#ifndef LINUX_COMPAT_DMA_BUF_H
#define LINUX_COMPAT_DMA_BUF_H

#include <compat/tags.h>
#include <linux/dma-fence.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iosys-map.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/version.h>
#include <linux/wait.h>

#include <compat/buffer-fd.h>
#include <dmabuf/dma-buf.h>
#include <uapi/linux/dma-buf.h>

#undef DEFINE_DMA_BUF_EXPORT_INFO
#define DEFINE_DMA_BUF_EXPORT_INFO(name) \
	struct dma_buf_export_info name = { .exp_name = KBUILD_MODNAME, .owner = THIS_MODULE }

#define dma_buf_fd(dmabuf, flags) lc_buffer_fd(dmabuf, flags)
#define dma_buf_get(fd)           lc_buffer_get(fd)

/* What has no mmap op is mapped through a descriptor of its memory, if it has one. */
static inline int lc_mmap_memory(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	const int prot = (int)vma->vm_page_prot.pgprot;
	const int fd = (dma_buf_fd)(dmabuf, prot & PROT_WRITE ? O_RDWR : O_RDONLY);
	int err;

	if (fd < 0)
		return fd == -EOPNOTSUPP ? -EINVAL : fd;
	err = mmap((void *)vma->vm_start, vma->vm_end - vma->vm_start, prot, MAP_SHARED | MAP_FIXED,
		   fd, (off_t)(vma->vm_pgoff * PAGE_SIZE)) == MAP_FAILED ? -errno : 0;
	close(fd);
	return err;
}

static inline int dma_buf_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma,
			       unsigned long pgoff)
{
	unsigned long end;
	int err;

	if (WARN_ON(!dmabuf || !vma))
		return -EINVAL;
	if (__builtin_add_overflow(pgoff, vma_pages(vma), &end))
		return -EOVERFLOW;
	if (end > dmabuf->size >> PAGE_SHIFT)
		return -EINVAL;
	vma->vm_pgoff = pgoff;
	if (!dmabuf->ops->mmap)
		return lc_mmap_memory(dmabuf, vma);
	err = dmabuf->ops->mmap(dmabuf, vma);
	/* Nobody would call it. */
	if (!err && vma->vm_ops && vma->vm_ops->fault) {
		if (vma->vm_ops->close)
			vma->vm_ops->close(vma);
		vma->vm_ops = NULL;
		err = -EOPNOTSUPP;
	}
	return err;
}

/* Before 7.1 importer ops had to have move_notify. */
static inline bool lc_importer_is_refused(const struct dma_buf_attach_ops *importer_ops)
{
	return LINUX_VERSION_CODE < KERNEL_VERSION(7, 1, 0) &&
	       WARN_ON(importer_ops && !importer_ops->move_notify);
}

/* Since 6.2 who attaches without importer ops takes part in the locking all the same. */
LC_SHARED const struct dma_buf_attach_ops lc_locked_importer = { .move_notify = NULL };
#define LC_STATIC_IMPORTER \
	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0) ? &lc_locked_importer : NULL)

static inline struct dma_buf_attachment *
lc_dma_buf_dynamic_attach(struct dma_buf *dmabuf, struct device *dev,
			  const struct dma_buf_attach_ops *importer_ops, void *importer_priv)
{
	if (lc_importer_is_refused(importer_ops))
		return (struct dma_buf_attachment *)ERR_PTR(-EINVAL);
	return (dma_buf_dynamic_attach)(dmabuf, dev,
					importer_ops ? importer_ops : LC_STATIC_IMPORTER,
					importer_priv);
}
#define dma_buf_dynamic_attach(dmabuf, dev, importer_ops, importer_priv) \
	lc_dma_buf_dynamic_attach(dmabuf, dev, importer_ops, importer_priv)
#define dma_buf_attach(dmabuf, dev) lc_dma_buf_dynamic_attach(dmabuf, dev, NULL, NULL)

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)

static inline struct dma_buf *lc_dma_buf_export(const struct dma_buf_export_info *exp_info)
{
	struct dma_buf_export_info info;

	if (!exp_info)
		return (dma_buf_export)(NULL);
	info = *exp_info;
	info.dynamic_mapping = true;
	return (dma_buf_export)(&info);
}
#define dma_buf_export(exp_info) lc_dma_buf_export(exp_info)

static inline bool lc_dma_buf_is_dynamic(const struct dma_buf *dmabuf)
{
	return dmabuf->ops->pin;
}
#define dma_buf_is_dynamic(dmabuf) lc_dma_buf_is_dynamic(dmabuf)

static inline bool lc_attachment_is_dynamic(const struct dma_buf_attachment *attach)
{
	return attach->importer_ops && attach->importer_ops != &lc_locked_importer;
}
#define dma_buf_attachment_is_dynamic(attach) lc_attachment_is_dynamic(attach)

/* Who is not told of moves need not look at the fences of moves. */
static inline struct sg_table *lc_dma_buf_map(struct dma_buf_attachment *attach,
					      enum dma_data_direction direction)
{
	struct sg_table *const sgt = (dma_buf_map_attachment)(attach, direction);
	int64_t left;

	if (IS_ERR(sgt) || dma_buf_attachment_is_dynamic(attach))
		return sgt;
	left = dma_resv_wait_timeout(attach->dmabuf->resv, DMA_RESV_USAGE_KERNEL, true,
				     MAX_SCHEDULE_TIMEOUT);
	if (left > 0)
		return sgt;
	(dma_buf_unmap_attachment)(attach, sgt, direction);
	return (struct sg_table *)ERR_PTR(left);
}
#define dma_buf_map_attachment(attach, direction) lc_dma_buf_map(attach, direction)

static inline struct sg_table *lc_dma_buf_map_unlocked(struct dma_buf_attachment *attach,
						       enum dma_data_direction direction)
{
	struct sg_table *sgt;

	if (WARN_ON(!attach))
		return (struct sg_table *)ERR_PTR(-EINVAL);
	(void)dma_resv_lock(attach->dmabuf->resv, NULL);
	sgt = dma_buf_map_attachment(attach, direction);
	dma_resv_unlock(attach->dmabuf->resv);
	return sgt;
}
#define dma_buf_map_attachment_unlocked(attach, direction) \
	lc_dma_buf_map_unlocked(attach, direction)

static inline int lc_dma_buf_pin(struct dma_buf_attachment *attach)
{
	WARN_ON(attach && !dma_buf_attachment_is_dynamic(attach));
	return (dma_buf_pin)(attach);
}
#define dma_buf_pin(attach) lc_dma_buf_pin(attach)

#else

/* The lock is the library's: the exporter's ops run with it held. */
#define dma_buf_vmap(dmabuf, map)   dma_buf_vmap_unlocked(dmabuf, map)
#define dma_buf_vunmap(dmabuf, map) dma_buf_vunmap_unlocked(dmabuf, map)

#endif

#endif
