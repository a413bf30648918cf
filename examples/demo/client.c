/* SPDX-License-Identifier: MIT */
#include "client.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "png.h"

/* What a decoder with the most demanding picture, and each engine, may use at once. */
static unsigned int pool_size(const struct client *client)
{
	unsigned int kept = encoder_keeps(&client->encoder);
	unsigned int decode = client->ref->stuck; /* with the picture that it asks for */
	unsigned int filters = 2, checksum = 1;

	return decode + filters + checksum + SHEET_CHOICE + 1 + kept;
}

uint64_t client_copied(const struct client *client)
{
	uint64_t copied = 0;

	for (int i = 0; i < ENGINES; i++)
		copied += client->engine[i]->copied;
	return copied;
}

/* A job takes its place among the jobs of its buffers, and goes to its engine. */
static bool submit(struct client *client, struct job *job)
{
	int err = job ? job_submit(job, client->break_rule) : -ENOMEM;

	if (err) {
		job_free(job);
		problem_set(&client->problem, "cannot submit a job: %s", strerror(-err));
		return false;
	}
	client->submissions++;
	/* cppcheck-suppress nullPointer; no job is an error, which has returned */
	for (unsigned int i = 0; i < job->count; i++)
		job->buffer[i]->used = client->submissions;
	if (job->engine == &client->decoder.base) {
		dma_fence_put(job->buffer[0]->held);
		job->buffer[0]->held = dma_fence_get(job->hold);
	}
	engine_push(job->engine, job);
	return true;
}

/* libavcodec wants memory: a decode job for a buffer that the client picks. */
static bool submit_decode(struct client *client)
{
	struct buffer *buffer = pool_pick(&client->pool, client->shown, client->break_rule);
	struct job *job;

	if (!buffer) {
		problem_set(&client->problem, "the pool of %u buffers is too small for this codec",
			    client->pool.count);
		return false;
	}
	job = job_new(&client->decoder.base, NOT_SHOWN, DMA_RESV_USAGE_WRITE);
	if (job) {
		job_add_buffer(job, buffer);
		job->holder = buffer->decoder_hold;
	}
	if (!submit(client, job))
		return false;
	buffer->frame = NOT_SHOWN;
	return true;
}

static bool submit_one(struct client *client, struct engine *engine, struct buffer *buffer,
		       enum dma_resv_usage usage, struct dma_fence_timeline *holder)
{
	struct job *job = job_new(engine, buffer->frame, usage);

	if (job) {
		job_add_buffer(job, buffer);
		job->holder = holder;
	}
	return submit(client, job);
}

/* The buffers wait for the sheet's job to be submitted: the client remembers that. */
static bool submit_sheet(struct client *client)
{
	struct job *job = client->sheet_job;

	if (!job)
		return true;
	client->sheet_job = NULL;
	for (unsigned int i = 0; i < job->count; i++)
		job->buffer[i]->unsubmitted--;
	return submit(client, job);
}

static bool add_to_sheet(struct client *client, struct buffer *buffer, bool last)
{
	if (!client->sheet_job)
		client->sheet_job =
			job_new(&client->sheet.base, buffer->frame, DMA_RESV_USAGE_READ);
	if (!client->sheet_job)
		return submit(client, NULL);
	job_add_buffer(client->sheet_job, buffer);
	buffer->unsubmitted++;
	return !last || submit_sheet(client);
}

/* A frame is out: its other jobs, in program order. */
static bool submit_frame(struct client *client, struct buffer *buffer, const struct picture *pic)
{
	bool last;

	buffer->frame = client->shown++;
	buffer->picture = *pic;
	client->last = buffer;
	return submit_one(client, &client->contrast.base, buffer, DMA_RESV_USAGE_WRITE, NULL) &&
	       submit_one(client, &client->counter, buffer, DMA_RESV_USAGE_WRITE, NULL) &&
	       submit_one(client, &client->checksum.base, buffer, DMA_RESV_USAGE_READ, NULL) &&
	       submit_one(client, &client->encoder.base, buffer, DMA_RESV_USAGE_READ,
			  buffer->encoder_hold) &&
	       (!sheet_wants(&client->sheet, buffer->frame, &last) ||
		add_to_sheet(client, buffer, last));
}

static bool any_failed(const struct client *client)
{
	for (int i = 0; i < ENGINES; i++)
		if (client->engine[i]->failed)
			return true;
	return problem_is(&client->problem);
}

static void show_progress(struct client *client, bool last)
{
	uint64_t done = client->checksum.base.done;
	char detail[80];

	if (!last && !progress_due(&client->progress, done, client->ref->count))
		return;
	snprintf(detail, sizeof(detail), "%2u/%u buffers, %" PRIu64 " bytes copied",
		 pool_in_flight(&client->pool), client->pool.count, client_copied(client));
	if (last)
		progress_end(&client->progress, done, client->ref->count, detail);
	else
		progress_show(&client->progress, done, client->ref->count, detail);
}

/* Hear the decoder out, and submit what follows from it. */
static void serve_decoder(struct client *client)
{
	struct message message;

	for (;;) {
		mailbox_get(&client->mailbox, &message);
		switch (message.kind) {
		case MESSAGE_WANTS_BUFFER:
			if (any_failed(client) || !submit_decode(client))
				engine_close(&client->decoder.base);
			break;
		case MESSAGE_SHOWN:
			if (!problem_is(&client->problem))
				submit_frame(client, message.buffer, &message.picture);
			break;
		case MESSAGE_END:
			submit_sheet(client);
			return;
		}
		show_progress(client, false);
	}
}

/*
 * The last frame, as the CPU sees it. Nobody is asked whether it is done:
 * dma_buf_begin_cpu_access() waits for its writers.
 */
static void look_at_last(struct client *client, const char *path)
{
	struct dma_buf *dmabuf = client->last->dmabuf;
	struct picture pic = client->last->picture;
	struct rgb_image image;
	void *memory;
	int err;

	err = dma_buf_mmap_cpu(dmabuf, PROT_READ, &memory);
	if (!err)
		err = dma_buf_begin_cpu_access(dmabuf, DMA_FROM_DEVICE);
	if (err) {
		problem_set(&client->problem, "cannot look at the last frame: %s", strerror(-err));
		return;
	}
	for (int i = 0; i < PICTURE_PLANES; i++)
		pic.plane[i] = (uint8_t *)memory + (pic.plane[i] - client->last->decoder_memory);
	if (!rgb_image_init(&image, pic.width, pic.height) ||
	    !rgb_image_draw(&image, 0, 0, pic.width, pic.height, &pic))
		problem_set(&client->problem, "out of memory");
	dma_buf_end_cpu_access(dmabuf, DMA_FROM_DEVICE);
	if (!problem_is(&client->problem))
		client->looked = png_write(&image, path, &client->problem);
	rgb_image_fini(&image);
}

/* Let every engine do what is in its ring. The decoder has ended already. */
static void drain(struct client *client)
{
	if (client->break_rule)
		race_point_over(&client->race);
	for (int i = 0; i < ENGINES; i++)
		engine_close(client->engine[i]);
	for (int i = 0; i < ENGINES; i++)
		engine_join(client->engine[i]);
	for (int i = 0; i < ENGINES; i++)
		if (problem_is(&client->engine[i]->problem))
			problem_set(&client->problem, "%s", client->engine[i]->problem.text);
}

bool client_run(struct client *client, const char *poster)
{
	bool started = true;

	progress_begin(&client->progress, "shared");
	for (int i = ENGINES - 1; i > ENGINE_DECODER && started; i--)
		started = engine_start(client->engine[i], NULL);
	if (started && decoder_start(&client->decoder))
		serve_decoder(client);
	else
		problem_set(&client->problem, "cannot start a thread for each engine");
	if (client->last && !client->break_rule && !problem_is(&client->problem))
		look_at_last(client, poster);
	drain(client);
	show_progress(client, true);
	return !problem_is(&client->problem);
}

static int attach_engines(struct client *client)
{
	int err = decoder_attach(&client->decoder);

	for (int i = ENGINE_DECODER + 1; i < ENGINES && !err; i++) {
		bool writes = i == ENGINE_CONTRAST || i == ENGINE_COUNTER;

		err = engine_attach(client->engine[i], &client->pool,
				    writes ? DMA_BIDIRECTIONAL : DMA_TO_DEVICE);
	}
	return err;
}

static bool init_engines(struct client *client, const char *path, const char *video)
{
	const struct reference *ref = client->ref;

	/* All of them, so that client_fini() finds each initialised. */
	bool memory = contrast_engine_init(&client->contrast, ref->width, ref->height);

	memory = counter_engine_init(&client->counter) && memory;
	memory = checksum_engine_init(&client->checksum, ref->count) && memory;
	memory = sheet_engine_init(&client->sheet, ref->count, ref->width, ref->height) && memory;
	if (!memory)
		problem_set(&client->problem, "out of memory");
	encoder_engine_init(&client->encoder, ref, video, &client->problem);
	decoder_engine_init(&client->decoder, &client->pool, ref, path, &client->mailbox,
			    &client->problem);
	return !problem_is(&client->problem);
}

bool client_init(struct client *client, const struct reference *ref, const char *path,
		 const char *video, bool break_rule)
{
	unsigned int before = SHEET_CHOICE - 1;
	int err;

	memset(client, 0, sizeof(*client));
	client->ref = ref;
	client->break_rule = break_rule;
	client->engine[ENGINE_DECODER] = &client->decoder.base;
	client->engine[ENGINE_CONTRAST] = &client->contrast.base;
	client->engine[ENGINE_COUNTER] = &client->counter;
	client->engine[ENGINE_CHECKSUM] = &client->checksum.base;
	client->engine[ENGINE_SHEET] = &client->sheet.base;
	client->engine[ENGINE_ENCODER] = &client->encoder.base;
	mailbox_init(&client->mailbox);
	race_point_init(&client->race);
	if (!init_engines(client, path, video))
		return false;

	for (int i = 0; break_rule && i < ENGINES; i++)
		client->engine[i]->race = &client->race;
	if (encoder_keeps(&client->encoder) > before)
		before = encoder_keeps(&client->encoder);
	client->pool.kept = before;
	if (!pool_init(&client->pool, pool_size(client), ref->layout.size, &client->problem))
		return false;
	err = attach_engines(client);
	if (err)
		problem_set(&client->problem, "cannot attach an engine to the pool: %s",
			    strerror(-err));
	return !err;
}

void client_fini(struct client *client)
{
	job_free(client->sheet_job);
	for (int i = 0; i < ENGINES; i++)
		engine_detach(client->engine[i]);
	decoder_engine_fini(&client->decoder);
	contrast_engine_fini(&client->contrast);
	counter_engine_fini(&client->counter);
	checksum_engine_fini(&client->checksum);
	sheet_engine_fini(&client->sheet);
	encoder_engine_fini(&client->encoder);
	pool_fini(&client->pool);
	race_point_fini(&client->race);
	mailbox_fini(&client->mailbox);
}
