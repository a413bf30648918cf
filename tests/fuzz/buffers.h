/* SPDX-License-Identifier: MIT */
/* The fuzz target's buffers: one around each reservation, whose fences are descriptors. */
#ifndef BUFFERS_H
#define BUFFERS_H

#include <dmabuf/dma-buf-sync-file.h>

#include "reservations.h"
#include "sync-files.h"

static struct dma_buf *buffers[SIDES];

static struct sg_table *buffer_map(struct dma_buf_attachment *attach, enum dma_data_direction dir)
{
	(void)attach;
	(void)dir;
	return NULL;
}

static void buffer_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
			 enum dma_data_direction dir)
{
	(void)attach;
	(void)sgt;
	(void)dir;
}

static void buffer_release(struct dma_buf *buffer)
{
	(void)buffer;
}

static const struct dma_buf_ops buffer_ops = {
	.map_dma_buf = buffer_map,
	.unmap_dma_buf = buffer_unmap,
	.release = buffer_release,
};

static unsigned int any_flags(void)
{
	return 1 + below(DMA_BUF_SYNC_RW);
}

/* What a query for @usage returns, before the descriptor enables somebody to signal. */
static void exported_leaves(struct leaves *leaves, const struct side *side,
			    enum dma_resv_usage usage)
{
	static struct list expected;

	model_ask(&side->staged, usage, &expected);
	while (leaves->n < expected.n && leaves->n < MAX_LEAVES) {
		leaves->at[leaves->n] = thing_of(expected.at[leaves->n].known);
		leaves->n++;
	}
}

/* Adopts @fence. */
static struct thing *check_exported(struct dma_fence *fence, const struct leaves *leaves)
{
	struct thing *only = leaves->n ? leaves->at[0] : &things[0]; /* for nothing, the stub */
	const struct dma_fence_array *array = to_dma_fence_array(fence);

	if (leaves->n < 2) {
		CHECK(fence == only->fence, "export: another fence");
		return got(only);
	}
	CHECK(array && array->num_fences == leaves->n, "export: no such array");
	for (unsigned int i = 0; i < leaves->n; i++)
		CHECK(array->fences[i] == leaves->at[i]->fence, "export: a wrong member");
	return adopt_array(fence, leaves);
}

static void step_export(void)
{
	struct side *side = any_side();
	const unsigned int flags = any_flags();
	const int i = free_file();
	struct leaves leaves = { .n = 0 };
	struct thing *thing;
	int fd;

	if (i < 0)
		return;
	exported_leaves(&leaves, side, dma_resv_usage_rw(flags & DMA_BUF_SYNC_WRITE));
	TRACE("export %u of %u", flags, (unsigned int)(side - w.side));
	os_fault_arm(below(3) ? 0 : 1 + below(9));
	fd = dma_buf_export_sync_file(buffers[side - w.side], flags);
	CHECK(os_fault_disarm() == (fd < 0), "export: no descriptor: %d", fd);
	if (fd < 0)
		return;
	thing = check_exported(sync_file_get_fence(fd), &leaves);
	if (!thing) {
		close(fd);
		return;
	}
	opened(i, fd, thing, "");
	thing->enabled |= is_container(thing);
}

static void step_import(void)
{
	struct side *side = any_side();
	const unsigned int flags = any_flags();
	const int i = choose_file();
	struct leaves leaves = { .n = 0 };
	bool failed;
	int err;

	if (i < 0)
		return;
	leaves_of(&leaves, files[i].thing);
	if (leaves.n == MAX_LEAVES)
		return;
	/* It locks the buffer, which nobody may do who has locked another. */
	for (unsigned int j = 0; j < SIDES; j++) {
		if (w.side[j].locked)
			step_lock(&w.side[j]);
	}
	TRACE("import descriptor %d for %u to %u", i, flags, (unsigned int)(side - w.side));
	arm();
	err = dma_buf_import_sync_file(buffers[side - w.side], flags, files[i].fd);
	failed = os_fault_disarm();
	CHECK(!err == !failed, "import: %d", err);
	for (unsigned int j = 0; !err && j < leaves.n; j++)
		model_add(&side->staged, known_of(leaves.at[j]),
			  flags & DMA_BUF_SYNC_WRITE ? DMA_RESV_USAGE_WRITE : DMA_RESV_USAGE_READ);
	commit(side);
}

static void begin_buffers(void)
{
	for (unsigned int i = 0; i < SIDES; i++) {
		const struct dma_buf_export_info info = {
			.exp_name = "fuzz",
			.ops = &buffer_ops,
			.size = 1,
			.flags = O_RDWR,
			.resv = &w.side[i].obj,
			.priv = buffers,
		};

		buffers[i] = dma_buf_export(&info);
		CHECK(!dmabuf_is_err(buffers[i]), "no buffer");
	}
}

static void end_buffers(void)
{
	for (unsigned int i = 0; i < SIDES; i++) {
		dma_buf_put(buffers[i]);
		dma_resv_fini(&w.side[i].obj);
	}
}

#endif
