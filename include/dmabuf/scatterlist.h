/* SPDX-License-Identifier: MIT */
/*
 * scatterlist.h - where the memory of a buffer is, for one importer
 *
 * A table lists segments. Where Linux lists pages and bus addresses, a segment here
 * is a range of this process's addresses and, where the memory has one, a range of
 * a descriptor, so that importers which need a descriptor (another process, io_uring,
 * Vulkan) have it.
 *
 * Exporters build tables from pieces: pieces that are neighbours are merged, pieces
 * that are longer than the importer can take are split.
 *
 * Locking: none. A table belongs to one owner at a time.
 */
#ifndef DMABUF_SCATTERLIST_H
#define DMABUF_SCATTERLIST_H

#include <dmabuf/dmabuf-types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** enum dma_data_direction - which way data goes, seen from the memory (values: Linux) */
enum dma_data_direction {
	/** @DMA_BIDIRECTIONAL: the device reads and writes */
	DMA_BIDIRECTIONAL = 0,
	/** @DMA_TO_DEVICE: the device reads what the CPU wrote */
	DMA_TO_DEVICE = 1,
	/** @DMA_FROM_DEVICE: the device writes what the CPU will read */
	DMA_FROM_DEVICE = 2,
	/** @DMA_NONE: neither; every function here refuses it */
	DMA_NONE = 3,
};

/**
 * struct device - an importer's name and limits (tag: Linux)
 *
 * What maps a buffer: an engine, an API, a thread. All zero is a device without
 * limits. Constant while anything is attached for it.
 */
struct device {
	/** @name: for people; may be NULL */
	const char *name;
	/** @max_segment_size: longest segment in bytes, at least @alignment; 0: any */
	size_t max_segment_size;
	/** @max_segments: longest table; 0: any */
	unsigned int max_segments;
	/** @alignment: where segments may begin: multiples of this power of two; 0: anywhere */
	size_t alignment;
	/** @driver_data: its owner's; the library does not look at it */
	void *driver_data;
};

/** struct scatterlist - one segment, or one piece to make segments of (tag: Linux) */
struct scatterlist {
	/** @address: first byte in this process; NULL: not mapped here, use @fd */
	void *address;
	/** @length: bytes, never 0 */
	size_t length;
	/** @fd: descriptor of the memory, borrowed from the buffer; -1: it has none */
	int fd;
	/** @is_last: no segment follows; set in tables that sg_alloc_table() made */
	bool is_last;
	/** @offset: where the segment begins in @fd, in bytes; meaningless without @fd */
	uint64_t offset;
};

/** struct sg_table - a row of segments (tag: Linux) */
struct sg_table {
	/** @sgl: the segments; owned by the table */
	struct scatterlist *sgl;
	/** @nents: how many of them count */
	unsigned int nents;
	/** @orig_nents: how many there is room for */
	unsigned int orig_nents;
};

/**
 * sg_alloc_table() - make room for segments
 * @table: table to initialise; what it held is forgotten, not freed
 * @nents: how many segments
 *
 * All segments are empty, with @fd -1, for the caller to fill.
 *
 * Lifetime: until sg_free_table().
 *
 * Context: allocates.
 *
 * Return: 0; -EINVAL: @table is NULL or @nents is 0; -ENOMEM. On failure @table is
 * as before.
 *
 * Since: 0.1 (Linux takes allocation flags as well)
 */
int sg_alloc_table(struct sg_table *table, unsigned int nents) DMABUF_MUST_CHECK;

/**
 * sg_free_table() - free the segments of a table
 * @table: table; empty afterwards, so that freeing it again is harmless. NULL is fine.
 *
 * The table itself is the caller's memory, and so is the memory that it describes.
 *
 * Since: 0.1
 */
void sg_free_table(struct sg_table *table);

/**
 * sg_check_pieces() - could a device take this memory?
 * @pieces:   the memory, in order; sg_alloc_table_from_pieces() says what is allowed
 * @n_pieces: how many
 * @dev:      whose limits; NULL: none
 *
 * For an exporter's attach op, when no table is built yet.
 *
 * Return: 0: sg_alloc_table_from_pieces() will not refuse it; -EBUSY: a segment would
 * begin where @dev cannot reach it, or there would be too many; -EINVAL: the limits
 * contradict themselves (the alignment is no power of two, or longer than a segment
 * may be), or a piece is empty, wraps around, or has neither an address nor a
 * descriptor, or there is none.
 *
 * Since: 0.1. Extension.
 */
int sg_check_pieces(const struct scatterlist *pieces, unsigned int n_pieces,
		    const struct device *dev) DMABUF_MUST_CHECK;

/**
 * sg_alloc_table_from_pieces() - build a table within a device's limits
 * @table:    table to initialise; what it held is forgotten, not freed
 * @pieces:   the memory, in order; copied
 * @n_pieces: how many
 * @dev:      whose limits; NULL: none
 *
 * Pieces are neighbours, and become one segment, when the second begins where the
 * first ends: in addresses (or neither has one), and in the same descriptor (or
 * neither has one). Segments are as long as @dev allows; where a run of neighbours is
 * longer, it is split at multiples of the alignment.
 *
 * Lifetime: until sg_free_table().
 *
 * Context: allocates.
 *
 * Return: 0; -EINVAL and -EBUSY: as sg_check_pieces(), or @table is NULL; -ENOMEM. On
 * failure @table is as before.
 *
 * Since: 0.1. Extension.
 */
int sg_alloc_table_from_pieces(struct sg_table *table, const struct scatterlist *pieces,
			       unsigned int n_pieces, const struct device *dev) DMABUF_MUST_CHECK;

/**
 * sg_check_table() - is a finished table within a device's limits?
 * @table: table
 * @dev:   whose limits; NULL: none
 *
 * dma_buf_map_attachment() asks this for every table that an exporter gives it.
 *
 * Return: 0; -EBUSY: a segment is too long or begins where @dev cannot reach it, or
 * there are too many; -EINVAL: the limits contradict themselves.
 *
 * Since: 0.1. Extension.
 */
int sg_check_table(const struct sg_table *table, const struct device *dev) DMABUF_MUST_CHECK;

/**
 * sg_table_for_each() - visit the segments of a table in order
 * @sg:    a struct scatterlist * for the loop
 * @table: table
 *
 * Since: 0.1 (Linux: for_each_sgtable_dma_sg)
 */
#define sg_table_for_each(sg, table) \
	for ((sg) = (table)->sgl; (sg) - (table)->sgl < (ptrdiff_t)(table)->nents; (sg)++)

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_SCATTERLIST_H */
