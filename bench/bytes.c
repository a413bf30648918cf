/* SPDX-License-Identifier: MIT */
/*
 * What memory things take: a program of its own, in which malloc() and its kin count. Linked with
 * --wrap for each of them.
 */
#include "bytes.h"

#include <dmabuf/dma-buf.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_free(void *memory);

/* What was asked for of each address that was ever allocated: 0 if it is free. Under lock. */
#define ADDRESSES_LOG2 18
#define ADDRESSES ((size_t)1 << ADDRESSES_LOG2)

static struct known {
	void *memory;
	size_t asked;
} known[ADDRESSES];
static size_t addresses; /* of them */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct bytes live; /* under lock */

struct bytes bytes_live(void)
{
	struct bytes now;

	pthread_mutex_lock(&lock);
	now = live;
	pthread_mutex_unlock(&lock);
	return now;
}

static struct known *known_of(void *memory)
{
	size_t i = ((uintptr_t)memory >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - ADDRESSES_LOG2);

	while (known[i].memory && known[i].memory != memory)
		i = (i + 1) % ADDRESSES;
	return &known[i];
}

static void *counted(void *memory, size_t asked)
{
	struct known *it;

	if (!memory)
		return NULL;
	pthread_mutex_lock(&lock);
	it = known_of(memory);
	if (!it->memory)
		MUST(++addresses < ADDRESSES / 2);
	*it = (struct known){ memory, asked };
	live.asked += asked;
	live.usable += malloc_usable_size(memory);
	pthread_mutex_unlock(&lock);
	return memory;
}

static void uncounted(void *memory)
{
	struct known *it;

	if (!memory)
		return;
	pthread_mutex_lock(&lock);
	it = known_of(memory);
	live.asked -= it->asked;
	live.usable -= malloc_usable_size(memory);
	it->asked = 0;
	pthread_mutex_unlock(&lock);
}

void *__wrap_malloc(size_t size)
{
	return counted(__real_malloc(size), size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return counted(__real_calloc(count, size), count * size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	uncounted(memory);
	return counted(__real_realloc(memory, size), size);
}

void __wrap_free(void *memory)
{
	uncounted(memory);
	__real_free(memory);
}

void bytes_report(const char *what, struct bytes before)
{
	const struct bytes now = bytes_live();
	char asked[80];

	snprintf(asked, sizeof(asked), "%s, as asked", what);
	frame_report(what, (double)(now.usable - before.usable) / BYTES_OBJECTS, "bytes");
	frame_report(asked, (double)(now.asked - before.asked) / BYTES_OBJECTS, "bytes");
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
	struct bytes before;

	(void)n;
	dma_buf_put(dma_buf_export(&info)); /* whatever only the first one needs */
	dmabuf_rcu_barrier();
	before = bytes_live();
	for (unsigned int i = 0; i < BYTES_OBJECTS; i++)
		dmabuf[i] = dma_buf_export(&info);
	bytes_report("a buffer", before);
	before = bytes_live();
	for (unsigned int i = 0; i < BYTES_OBJECTS; i++)
		MUST(!dmabuf_is_err(dma_buf_attach(dmabuf[i], &device)));
	bytes_report("an attachment", before);
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
