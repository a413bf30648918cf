/* SPDX-License-Identifier: MIT */
/*
 * What memory things take: a program of its own, in which malloc() and its kin count. Linked with
 * --wrap for each of them.
 */
#include "bytes.h"

#include <dmabuf/dma-buf.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_free(void *memory);

static size_t live; /* atomic */

size_t bytes_live(void)
{
	return __atomic_load_n(&live, __ATOMIC_RELAXED);
}

static void *counted(void *memory)
{
	__atomic_fetch_add(&live, malloc_usable_size(memory), __ATOMIC_RELAXED);
	return memory;
}

void *__wrap_malloc(size_t size)
{
	return counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
	return counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *memory, size_t size)
{
	__atomic_fetch_sub(&live, malloc_usable_size(memory), __ATOMIC_RELAXED);
	return counted(__real_realloc(memory, size));
}

void __wrap_free(void *memory)
{
	__atomic_fetch_sub(&live, malloc_usable_size(memory), __ATOMIC_RELAXED);
	__real_free(memory);
}

/* A buffer of an exporter that takes no memory itself; with its reservation. */

static struct sg_table *map(struct dma_buf_attachment *attach, enum dma_data_direction direction)
{
	(void)attach;
	(void)direction;
	return NULL;
}

static void unmap(struct dma_buf_attachment *attach, struct sg_table *table,
		  enum dma_data_direction direction)
{
	(void)attach;
	(void)table;
	(void)direction;
}

static void release(struct dma_buf *dmabuf)
{
	(void)dmabuf;
}

static const struct dma_buf_ops ops = {
	.map_dma_buf = map, .unmap_dma_buf = unmap, .release = release,
};

static struct device device;

static double buffer(unsigned int n)
{
	const struct dma_buf_export_info info = {
		.exp_name = "bench", .ops = &ops, .size = 4096, .flags = O_RDWR, .priv = &live,
	};
	static struct dma_buf *dmabuf[BYTES_OBJECTS];
	size_t before;

	(void)n;
	dma_buf_put(dma_buf_export(&info)); /* whatever only the first one needs */
	dmabuf_rcu_barrier();
	before = bytes_live();
	for (unsigned int i = 0; i < BYTES_OBJECTS; i++)
		dmabuf[i] = dma_buf_export(&info);
	frame_report("a buffer", bytes_each(before), "bytes");
	before = bytes_live();
	for (unsigned int i = 0; i < BYTES_OBJECTS; i++)
		MUST(!dmabuf_is_err(dma_buf_attach(dmabuf[i], &device)));
	frame_report("an attachment", bytes_each(before), "bytes");
	return REPORTED; /* they are kept: the program ends */
}

static const struct row rows[] = { { "buffer", 1, buffer, false } };
static const struct design ours_buffer = { "ours", rows, COUNT(rows) };

static const struct design *const buffers[] = { &ours_buffer };
static const struct design *const resv[] = {
	&ours_bytes_rows, &flat_bytes_rows, &inline_bytes_rows, &classic_bytes_rows,
};

const struct family families[] = {
	{ "memory of a reservation", resv, COUNT(resv) },
	{ "memory of a buffer", buffers, COUNT(buffers) },
};
const unsigned int families_count = COUNT(families);
