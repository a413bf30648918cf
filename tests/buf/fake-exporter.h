/* SPDX-License-Identifier: MIT */
/*
 * An exporter that writes down what it is asked, and whether the caller held the
 * reservation lock then. It does as told: dynamic or not, and failing or not.
 */
#ifndef FAKE_EXPORTER_H
#define FAKE_EXPORTER_H

#include <dmabuf/dma-buf.h>
#include <errno.h>
#include <fcntl.h>

#include "harness.h"

enum fake_call {
	FAKE_ATTACH,
	FAKE_DETACH,
	FAKE_PIN,
	FAKE_UNPIN,
	FAKE_MAP,
	FAKE_UNMAP,
	FAKE_BEGIN,
	FAKE_END,
	FAKE_MMAP,
	FAKE_VMAP,
	FAKE_VUNMAP,
	FAKE_RELEASE,
	FAKE_CALLS,
};

struct fake {
	struct dma_buf_ops ops; /* a test may change it before it exports */
	struct dma_buf *dmabuf;
	unsigned int calls[FAKE_CALLS];	     /* relaxed */
	unsigned int calls_held[FAKE_CALLS]; /* relaxed; those with the lock held */
	int fail[FAKE_CALLS];		     /* what to return; 0: succeed */
	int pinned;			     /* relaxed; pins that succeeded, and were not undone */
	bool map_gives_null;
	enum dma_data_direction direction;   /* of the last map */
	char memory[64];
};

/* Write it down, and fail if so told. */
static inline int fake_called(struct fake *fake, enum fake_call call)
{
	fetch_add_relaxed(&fake->calls[call], 1);
	if (dma_resv_held(fake->dmabuf->resv))
		fetch_add_relaxed(&fake->calls_held[call], 1);
	return fake->fail[call];
}

static inline int fake_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	(void)attach;
	return fake_called(dmabuf->priv, FAKE_ATTACH);
}

static inline void fake_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	(void)attach;
	fake_called(dmabuf->priv, FAKE_DETACH);
}

static inline int fake_pin(struct dma_buf_attachment *attach)
{
	struct fake *fake = attach->dmabuf->priv;
	const int err = fake_called(fake, FAKE_PIN);

	if (!err)
		fetch_add_relaxed(&fake->pinned, 1);
	return err;
}

static inline void fake_unpin(struct dma_buf_attachment *attach)
{
	struct fake *fake = attach->dmabuf->priv;

	fake_called(fake, FAKE_UNPIN);
	fetch_sub_relaxed(&fake->pinned, 1);
}

/* Who cannot be told of a move has a table only of memory that stays where it is. */
static inline void fake_assert_pinned(const struct dma_buf_attachment *attach)
{
	const struct fake *fake = attach->dmabuf->priv;

	if (fake->ops.pin && !dma_buf_attach_revocable((struct dma_buf_attachment *)attach))
		ASSERT_INT(load_relaxed(&fake->pinned), >, 0);
}

static inline struct sg_table *fake_map(struct dma_buf_attachment *attach,
					enum dma_data_direction direction)
{
	struct fake *fake = attach->dmabuf->priv;
	const int err = fake_called(fake, FAKE_MAP);
	struct sg_table *table;

	fake_assert_pinned(attach);
	if (err)
		return dmabuf_err_ptr(err);
	if (fake->map_gives_null)
		return NULL;
	store_relaxed(&fake->direction, direction);
	table = malloc(sizeof(*table));
	if (!table)
		return NULL;
	if (sg_alloc_table(table, 1)) {
		free(table);
		return NULL;
	}
	table->sgl[0].address = fake->memory;
	table->sgl[0].length = sizeof(fake->memory);
	return table;
}

static inline void fake_unmap(struct dma_buf_attachment *attach, struct sg_table *table,
			      enum dma_data_direction direction)
{
	(void)direction;
	fake_called(attach->dmabuf->priv, FAKE_UNMAP);
	fake_assert_pinned(attach);
	sg_free_table(table);
	free(table);
}

static inline void fake_release(struct dma_buf *dmabuf)
{
	fake_called(dmabuf->priv, FAKE_RELEASE);
}

static inline int fake_begin(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	(void)direction;
	return fake_called(dmabuf->priv, FAKE_BEGIN);
}

static inline int fake_end(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	(void)direction;
	return fake_called(dmabuf->priv, FAKE_END);
}

static inline int fake_mmap(struct dma_buf *dmabuf, int prot, void **ret_addr)
{
	struct fake *fake = dmabuf->priv;
	const int err = fake_called(fake, FAKE_MMAP);

	(void)prot;
	if (!err)
		*ret_addr = fake->memory;
	return err;
}

static inline int fake_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct fake *fake = dmabuf->priv;
	const int err = fake_called(fake, FAKE_VMAP);

	map->vaddr = fake->memory; /* on failure, too: nobody may look then */
	return err;
}

static inline void fake_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct fake *fake = dmabuf->priv;

	ASSERT_PTR(map->vaddr, ==, fake->memory);
	fake_called(fake, FAKE_VUNMAP);
}

/* How it maps. */
enum fake_kind { FAKE_STATIC, FAKE_DYNAMIC, FAKE_PINNING };

static inline void fake_init(struct fake *fake, enum fake_kind kind)
{
	*fake = (struct fake){
		.ops = {
			.dynamic_mapping = kind == FAKE_DYNAMIC,
			.attach = fake_attach,
			.detach = fake_detach,
			.pin = kind == FAKE_PINNING ? fake_pin : NULL,
			.unpin = kind == FAKE_PINNING ? fake_unpin : NULL,
			.map_dma_buf = fake_map,
			.unmap_dma_buf = fake_unmap,
			.release = fake_release,
			.begin_cpu_access = fake_begin,
			.end_cpu_access = fake_end,
			.mmap_cpu = fake_mmap,
			.vmap = fake_vmap,
			.vunmap = fake_vunmap,
		},
	};
}

static inline struct dma_buf_export_info fake_info(struct fake *fake)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	info.exp_name = "fake";
	info.ops = &fake->ops;
	info.size = sizeof(fake->memory);
	info.flags = O_RDWR;
	info.priv = fake;
	return info;
}

static inline void fake_export(struct fake *fake)
{
	const struct dma_buf_export_info info = fake_info(fake);

	fake->dmabuf = dma_buf_export(&info);
	ASSERT_FALSE(dmabuf_is_err(fake->dmabuf));
}

/* The common beginning: an exported buffer of this kind. */
static inline struct dma_buf *fake_begin_test(struct fake *fake, enum fake_kind kind)
{
	fake_init(fake, kind);
	fake_export(fake);
	return fake->dmabuf;
}

/* It was asked this often, and each time with the lock held, or each time without. */
static inline void fake_assert_calls(const struct fake *fake, enum fake_call call, unsigned int n,
				     bool held)
{
	ASSERT_INT(load_relaxed(&fake->calls[call]), ==, n);
	ASSERT_INT(load_relaxed(&fake->calls_held[call]), ==, held ? n : 0);
}

static inline void assert_is_error(const void *pointer, int err)
{
	ASSERT_TRUE(dmabuf_is_err(pointer));
	ASSERT_INT(dmabuf_ptr_err(pointer), ==, err);
}

/* A static importer without @ops. */
static inline struct dma_buf_attachment *attach_with(struct dma_buf *dmabuf, struct device *dev,
						     const struct dma_buf_attach_ops *ops)
{
	struct dma_buf_attachment *attach = dma_buf_dynamic_attach(dmabuf, dev, ops, NULL);

	ASSERT_FALSE(dmabuf_is_err(attach));
	return attach;
}

static inline struct sg_table *map(struct dma_buf_attachment *attach,
				   enum dma_data_direction direction)
{
	struct sg_table *table = dma_buf_map_attachment(attach, direction);

	ASSERT_FALSE(dmabuf_is_err(table));
	return table;
}

static inline void lock(struct dma_buf *dmabuf)
{
	ASSERT_INT(dma_resv_lock(dmabuf->resv, NULL), ==, 0);
}

static inline void unlock(struct dma_buf *dmabuf)
{
	dma_resv_unlock(dmabuf->resv);
}

#endif
