/* SPDX-License-Identifier: MIT */
/*
 * The buffers of the mixture: exporters of each kind, some of whose memory moves, and the
 * importers that follow it or do not. The memory is plain: nothing but fences keeps jobs
 * from meeting in it.
 */
#ifndef MIXTURE_BUFFERS_H
#define MIXTURE_BUFFERS_H

#include <dmabuf/dma-buf.h>
#include <errno.h>
#include <fcntl.h>

#include "harness.h"

#define WORDS 16
#define POISON 0xdeadbeefu
#define ENGINES 3

#define KERNEL DMA_RESV_USAGE_KERNEL
#define WRITE DMA_RESV_USAGE_WRITE
#define READ DMA_RESV_USAGE_READ
#define BOOKKEEP DMA_RESV_USAGE_BOOKKEEP

/* All words are the version that was written last. */
struct store {
	unsigned int word[WORDS];
};

/* The newest job of each engine that was committed to a reservation, by category. */
struct notes {
	uint64_t committed[ENGINES][BOOKKEEP]; /* atomic; written under the lock, after the commit */
};

enum kind { STATIC, DYNAMIC, PINNING };

struct buffer {
	struct dma_buf_ops ops;
	struct dma_buf *dmabuf;
	enum kind kind;
	struct notes own_notes, *notes; /* one for all buffers of a reservation */
	struct store *store, *spare;	/* under the lock: where the next job finds it */
	unsigned int version;		/* under the lock: after all jobs so far */
	unsigned int pins;		/* under the lock: while there are any it does not move */
};

static inline void fill_store(struct store *store, unsigned int version)
{
	for (unsigned int i = 0; i < WORDS; i++) {
		if (i == WORDS / 2)
			test_yield();
		store->word[i] = version;
	}
}

static inline void check_store(const struct store *store, unsigned int version)
{
	for (unsigned int i = 0; i < WORDS; i++) {
		if (i == WORDS / 2)
			test_yield();
		ASSERT_INT(store->word[i], ==, version);
	}
}

/*
 * Exporters.
 */

/* Will this importer hear of a move? */
static inline bool follows(const struct dma_buf_attachment *attach)
{
	return attach->importer_ops && attach->importer_ops->move_notify;
}

static inline int pin_store(struct dma_buf_attachment *attach)
{
	struct buffer *buffer = attach->dmabuf->priv;

	dma_resv_assert_held(attach->dmabuf->resv);
	buffer->pins++;
	return 0;
}

static inline void unpin_store(struct dma_buf_attachment *attach)
{
	struct buffer *buffer = attach->dmabuf->priv;

	dma_resv_assert_held(attach->dmabuf->resv);
	ASSERT_INT(buffer->pins, >, 0);
	buffer->pins--;
}

static inline struct sg_table *map_store(struct dma_buf_attachment *attach,
					 enum dma_data_direction direction)
{
	struct buffer *buffer = attach->dmabuf->priv;
	struct sg_table *table = malloc(sizeof(*table));

	(void)direction;
	if (!table || sg_alloc_table(table, 1))
		abort();
	if (buffer->kind == DYNAMIC && !follows(attach))
		pin_store(attach);
	table->sgl[0].address = buffer->store;
	table->sgl[0].length = sizeof(*buffer->store);
	return table;
}

static inline void unmap_store(struct dma_buf_attachment *attach, struct sg_table *table,
			       enum dma_data_direction direction)
{
	const struct buffer *buffer = attach->dmabuf->priv;

	(void)direction;
	if (buffer->kind == DYNAMIC && !follows(attach))
		unpin_store(attach);
	sg_free_table(table);
	free(table);
}

/* By whoever was last: perhaps the engine of its last job. */
static inline void release_store(struct dma_buf *dmabuf)
{
	struct buffer *buffer = dmabuf->priv;

	ASSERT_INT(buffer->pins, ==, 0);
	check_store(buffer->store, buffer->version);
	free(buffer->store);
	free(buffer->spare);
	free(buffer);
}

/* @resv and @notes: those that it shares, or NULL. */
static inline struct buffer *make_buffer(enum kind kind, struct dma_resv *resv, struct notes *notes)
{
	struct buffer *buffer = calloc(1, sizeof(*buffer));
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	if (!buffer)
		abort();
	buffer->kind = kind;
	buffer->notes = notes ? notes : &buffer->own_notes;
	buffer->store = calloc(1, sizeof(*buffer->store));
	buffer->spare = calloc(1, sizeof(*buffer->spare));
	if (!buffer->store || !buffer->spare)
		abort();
	buffer->ops = (struct dma_buf_ops){
		.dynamic_mapping = kind == DYNAMIC,
		.pin = kind == PINNING ? pin_store : NULL,
		.unpin = kind == PINNING ? unpin_store : NULL,
		.map_dma_buf = map_store,
		.unmap_dma_buf = unmap_store,
		.release = release_store,
	};
	info.exp_name = "mixture";
	info.ops = &buffer->ops;
	info.size = sizeof(*buffer->store);
	info.flags = O_RDWR;
	info.resv = resv;
	info.priv = buffer;
	buffer->dmabuf = dma_buf_export(&info);
	ASSERT_FALSE(dmabuf_is_err(buffer->dmabuf));
	return buffer;
}

/*
 * Importers: a seat at a buffer.
 */

struct seat {
	struct buffer *buffer; /* with a reference */
	struct dma_buf_attachment *attach;
	struct sg_table *table; /* NULL: not mapped */
	bool stale;		/* under the lock: the memory has moved since it was mapped */
};

static inline void hear_of_move(struct dma_buf_attachment *attach)
{
	struct seat *seat = attach->importer_priv;

	dma_resv_assert_held(attach->dmabuf->resv);
	seat->stale = true;
}

static const struct dma_buf_attach_ops following = { .move_notify = hear_of_move };
static const struct dma_buf_attach_ops locking_only = { .allow_peer2peer = true };
static struct device any_device = { .name = "any" };

/* Consumes a reference on @buffer. */
static inline void sit_down(struct seat *seat, struct buffer *buffer, uint32_t chance)
{
	const struct dma_buf_attach_ops *const manners[] = { NULL, &following, &following,
							     &locking_only };

	*seat = (struct seat){ .buffer = buffer };
	seat->attach = dma_buf_dynamic_attach(buffer->dmabuf, &any_device, manners[chance % 4], seat);
	ASSERT_FALSE(dmabuf_is_err(seat->attach));
}

static inline void stand_up(struct seat *seat)
{
	struct dma_buf *dmabuf = seat->buffer->dmabuf;

	if (seat->table)
		dma_buf_unmap_attachment_unlocked(seat->attach, seat->table, DMA_BIDIRECTIONAL);
	dma_buf_detach(dmabuf, seat->attach);
	dma_buf_put(dmabuf);
	seat->buffer = NULL;
}

static inline void map_seat(struct seat *seat)
{
	seat->table = dma_buf_map_attachment(seat->attach, DMA_BIDIRECTIONAL);
	ASSERT_FALSE(dmabuf_is_err(seat->table));
	seat->stale = false;
}

static inline void unmap_seat(struct seat *seat)
{
	dma_buf_unmap_attachment(seat->attach, seat->table, DMA_BIDIRECTIONAL);
	seat->table = NULL;
}

/* A static importer maps before the lock is taken, a dynamic one under it, and anew after a move. */
static inline void open_seat(struct seat *seat, bool locked)
{
	if (dma_buf_attachment_is_dynamic(seat->attach) != locked)
		return;
	if (seat->table && seat->stale)
		unmap_seat(seat);
	if (!seat->table)
		map_seat(seat);
}

/* Only who follows moves keeps its table from one job to the next. */
static inline void close_seat(struct seat *seat, bool locked)
{
	if (dma_buf_attachment_is_dynamic(seat->attach) == locked && !follows(seat->attach))
		unmap_seat(seat);
}

/* Under the lock: where the importer believes the memory to be, which must be right. */
static inline struct store *store_of_seat(const struct seat *seat)
{
	ASSERT_PTR(seat->table->sgl[0].address, ==, seat->buffer->store);
	return seat->table->sgl[0].address;
}

#endif
