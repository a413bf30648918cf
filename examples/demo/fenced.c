/* SPDX-License-Identifier: MIT */
#include "fenced.h"

#include <inttypes.h>
#include <sys/mman.h>

static int look_at(struct player *player, const struct buffer *last)
{
	struct picture pic = last->picture;
	void *memory;
	int err;

	err = dma_buf_mmap_cpu(last->dmabuf, PROT_READ, &memory);
	if (!err)
		err = dma_buf_begin_cpu_access(last->dmabuf, DMA_FROM_DEVICE);
	if (err)
		return err;
	picture_move(&pic, last->decoder_memory, memory, last->dmabuf->size);
	player_look(player, &pic);
	return dma_buf_end_cpu_access(last->dmabuf, DMA_FROM_DEVICE);
}

void fenced_look_at(struct player *player, const struct buffer *last)
{
	const int err = look_at(player, last);

	if (err)
		problem_cannot(&player->problem, "look at the last frame", err);
}

void fenced_add_lane(struct timeline_lanes *lanes, int engine, const struct trace *trace,
		     const struct trace *holds)
{
	if (engine == ENGINE_CONTRAST)
		lanes->first = lanes->count;
	if (engine == ENGINE_ENCODER)
		lanes->last = lanes->count;
	lanes->lane[lanes->count++] = trace;
	if (engine == ENGINE_DECODER)
		lanes->lane[lanes->count++] = holds;
}

void fenced_write_timeline(struct player *player, const struct timeline_lanes *lanes,
			   const char *whose)
{
	struct timeline_lanes titled = *lanes;
	const char *name = strrchr(player->path, '/');
	char title[512];

	snprintf(title, sizeof(title), "%s: %" PRIu64 " frames through %u buffers%s",
		 name ? name + 1 : player->path, lanes->frames, player->buffers, whose);
	titled.title = title;
	timeline_svg_write(&titled, player->timeline, &player->problem);
}
