/* SPDX-License-Identifier: MIT */
/*
 * How large must the demo's pool be? libavcodec goes on reading a picture after it has
 * put it out, for as long as later pictures are built on it. The demo's filters change
 * pictures in place, so they wait until libavcodec lets go; and since frames are
 * encoded in order, every frame behind the one that waits waits too. So there is no
 * way around as many buffers as that is at the worst moment, and codecs do not say
 * how many. This run sees each picture come and go, and counts.
 */
#include "reference.h"

#include <stdlib.h>
#include <string.h>

#include <libavutil/imgutils.h>

#include "filter.h"
#include "input.h"

#define PLANE_ROOM ((size_t)2 * LAYOUT_ALIGN - 1)

/* Or the two rates would look comparable. */
#define DETAIL "no encoder"

/* A picture that the decoder got a buffer for. */
struct held {
	struct held *next;
	AVBufferRef *buffer; /* what libavcodec allocated; NULL once it has let go */
	const uint8_t *data; /* the picture's first byte */
	uint64_t number;     /* in the order shown; NOT_SHOWN before that */
};

#define NOT_SHOWN UINT64_MAX

struct run {
	struct reference *ref;
	struct held *pictures;
	struct picture copy; /* filters work here */
	uint8_t *memory;
	int *room; /* the contrast filter's */
};

static void let_go(void *opaque, uint8_t *data)
{
	struct held *held = opaque;

	(void)data;
	av_buffer_unref(&held->buffer);
}

/* Pictures that are behind the first one that is still held, and that one. */
static unsigned int count_stuck(struct run *run)
{
	uint64_t first = NOT_SHOWN;
	unsigned int stuck = 0;

	for (struct held *held = run->pictures; held; held = held->next)
		if (held->buffer && held->number < first)
			first = held->number;

	for (struct held **at = &run->pictures; *at;) {
		struct held *held = *at;

		if (held->buffer || (held->number != NOT_SHOWN && held->number >= first)) {
			stuck++;
			at = &held->next;
		} else {
			*at = held->next;
			free(held);
		}
	}
	return stuck;
}

/* As libavcodec's own allocation does it, but one buffer for all planes. */
static int fill_layout(struct layout *layout, AVCodecContext *codec, const AVFrame *frame)
{
	int align[AV_NUM_DATA_POINTERS], stride[4], width = frame->width, height = frame->height;
	ptrdiff_t strides[4];
	size_t sizes[4];
	bool aligned;
	int err;

	avcodec_align_dimensions2(codec, &width, &height, align);
	do {
		err = av_image_fill_linesizes(stride, frame->format, width);
		if (err < 0)
			return err;
		aligned = true;
		for (int i = 0; i < PICTURE_PLANES; i++)
			aligned = aligned && stride[i] % LAYOUT_ALIGN == 0 &&
				  stride[i] % align[i] == 0;
		width += width & ~(width - 1);
	} while (!aligned);

	for (int i = 0; i < 4; i++)
		strides[i] = stride[i];
	err = av_image_fill_plane_sizes(sizes, frame->format, height, strides);
	if (err < 0)
		return err;
	layout->size = 0;
	for (int i = 0; i < PICTURE_PLANES; i++) {
		layout->offset[i] = layout->size;
		layout->stride[i] = stride[i];
		/* Vector code may read a little beyond a plane. */
		layout->size += (sizes[i] + PLANE_ROOM) & ~(size_t)(LAYOUT_ALIGN - 1);
	}
	return 0;
}

uint8_t *layout_alloc(const struct layout *layout)
{
	return aligned_alloc(LAYOUT_ALIGN, layout->size);
}

struct picture layout_picture(const struct layout *layout, uint8_t *memory,
			      const struct picture *like)
{
	struct picture pic = *like;

	for (int i = 0; i < PICTURE_PLANES; i++) {
		pic.plane[i] = memory + layout->offset[i];
		pic.stride[i] = layout->stride[i];
	}
	return pic;
}

static int get_buffer(struct input *in, AVFrame *frame, int flags)
{
	struct run *run = in->owner;
	struct reference *ref = run->ref;
	struct held *held;
	unsigned int stuck;
	AVBufferRef *wrapped;
	int err;

	if (!ref->layout.size) {
		err = fill_layout(&ref->layout, in->codec, frame);
		if (err < 0)
			return err;
	}
	stuck = count_stuck(run) + 1;
	if (stuck > ref->stuck)
		ref->stuck = stuck;

	held = calloc(1, sizeof(*held));
	if (!held)
		return AVERROR(ENOMEM);
	err = avcodec_default_get_buffer2(in->codec, frame, flags);
	if (err < 0) {
		free(held);
		return err;
	}
	/* Hear of the end. Read-only, as in the demo: no writing without asking here. */
	wrapped = av_buffer_create(frame->buf[0]->data, frame->buf[0]->size, let_go, held,
				   AV_BUFFER_FLAG_READONLY);
	if (!wrapped) {
		free(held);
		return AVERROR(ENOMEM);
	}
	held->buffer = frame->buf[0];
	held->data = frame->buf[0]->data;
	held->number = NOT_SHOWN;
	held->next = run->pictures;
	run->pictures = held;
	frame->buf[0] = wrapped;
	return 0;
}

static void mark_shown(struct run *run, const AVFrame *frame, uint64_t number)
{
	for (struct held *held = run->pictures; held; held = held->next)
		if (held->buffer && frame->buf[0] && held->data == frame->buf[0]->data)
			held->number = number;
}

static bool allocate_copy(struct run *run, const AVFrame *frame)
{
	int size =
		av_image_get_buffer_size(frame->format, frame->width, frame->height, LAYOUT_ALIGN);
	uint8_t *plane[4];
	int stride[4];

	run->room = calloc(filter_contrast_room(frame->width, frame->height), sizeof(*run->room));
	run->memory = size > 0 ? malloc((size_t)size) : NULL;
	if (!run->memory || !run->room)
		return false;
	av_image_fill_arrays(plane, stride, run->memory, frame->format, frame->width, frame->height,
			     LAYOUT_ALIGN);
	picture_of_frame(&run->copy, frame);
	for (int i = 0; i < PICTURE_PLANES; i++) {
		run->copy.plane[i] = plane[i];
		run->copy.stride[i] = stride[i];
	}
	run->ref->width = frame->width;
	run->ref->height = frame->height;
	run->ref->pix_fmt = frame->format;
	return true;
}

static bool add_checksum(struct reference *ref, uint64_t sum)
{
	/* Grows at each power of two. */
	if ((ref->count & (ref->count - 1)) == 0) {
		size_t room = ref->count ? 2 * (size_t)ref->count : 1;
		uint64_t *grown = realloc(ref->checksum, room * sizeof(*grown));

		if (!grown)
			return false;
		ref->checksum = grown;
	}
	ref->checksum[ref->count++] = sum;
	return true;
}

/* One frame: copy, filter the copy, and sum it up. */
static bool take_frame(struct run *run, const AVFrame *frame)
{
	struct picture from;

	if (!run->memory && !allocate_copy(run, frame))
		return false;
	picture_of_frame(&from, frame);
	picture_copy(&run->copy, &from);
	filter_contrast(&run->copy, run->room);
	filter_counter(&run->copy, run->ref->count);
	return add_checksum(run->ref, checksum_picture(&run->copy));
}

static void read_all(struct run *run, struct input *in, struct progress *progress,
		     struct problem *problem)
{
	AVFrame *frame = av_frame_alloc();
	uint64_t promised = 0;

	if (in->format->streams[in->stream]->nb_frames > 0)
		promised = (uint64_t)in->format->streams[in->stream]->nb_frames;
	if (promised > in->limit)
		promised = in->limit;
	while (frame && input_next(in, frame)) {
		mark_shown(run, frame, run->ref->count);
		if (!take_frame(run, frame)) {
			problem_set(problem, "out of memory");
			break;
		}
		av_frame_unref(frame);
		progress_show(progress, run->ref->count, promised, DETAIL);
	}
	av_frame_free(&frame);
	if (problem_is(&in->problem))
		problem_set(problem, "%s", in->problem.text);
}

bool reference_run(struct reference *ref, const char *path, uint64_t limit,
		   struct progress *progress, struct problem *problem)
{
	struct run run = { .ref = ref };
	struct input in;

	memset(ref, 0, sizeof(*ref));
	if (!input_open(&in, path, limit)) {
		*problem = in.problem;
		return false;
	}
	in.get_buffer = get_buffer;
	in.owner = &run;
	ref->rate = input_rate(&in);
	snprintf(ref->decoder, sizeof(ref->decoder), "%s", in.codec->codec->name);
	progress_begin(progress, "reference");
	read_all(&run, &in, progress, problem);
	input_close(&in);
	if (ref->count)
		progress_end(progress, ref->count, ref->count, DETAIL);

	count_stuck(&run); /* nothing is held any more: frees all records */
	free(run.memory);
	free(run.room);
	if (!ref->count)
		problem_set(problem, "'%s' has no frames", path);
	return ref->count > 0;
}

void reference_fini(struct reference *ref)
{
	free(ref->checksum);
	ref->checksum = NULL;
}
