/* SPDX-License-Identifier: MIT */
/*
 * Frames handed over with fences. The client is the one thread that submits jobs, to all
 * engines, frame by frame in program order. It never waits for a fence but to look at a
 * picture itself.
 */
#include <errno.h>
#include <string.h>

#include "decoder-port.h"
#include "fenced.h"
#include "hand-over.h"
#include "mailbox.h"
#include "pool.h"
#include "port.h"

struct client {
	struct player *player;
	struct pool pool;
	struct mailbox mailbox;
	struct race_point race;
	struct port port[ENGINES]; /* of each engine */
	struct decoder_port decoder;

	uint64_t shown; /* frames that the decoder has put out */
	uint64_t submissions;
	struct job *sheet_job; /* gathers frames until it has all */
	struct buffer *last;   /* of the last frame shown */
};

/* A job takes its place among the jobs of its buffers, and goes to its engine. */
static bool submit(struct client *client, struct job *job)
{
	int err = job ? job_submit(job, client->player->break_rule) : -ENOMEM;

	if (err) {
		job_free(job);
		problem_cannot(&client->player->problem, "submit a job", err);
		return false;
	}
	client->submissions++;
	/* cppcheck-suppress nullPointer; no job is an error, which has returned */
	for (unsigned int i = 0; i < job->work.count; i++)
		job->buffer[i]->used = client->submissions;
	if (job->port == client->decoder.port) {
		dma_fence_put(job->buffer[0]->held);
		job->buffer[0]->held = dma_fence_get(job->hold);
	}
	ring_push(&job->port->engine->ring, job);
	return true;
}

/* libavcodec wants memory: a decode job for a buffer that the client picks. */
static bool submit_decode(struct client *client)
{
	struct buffer *buffer = pool_pick(&client->pool, client->shown, client->player->break_rule);
	struct job *job;

	if (!buffer) {
		problem_set(&client->player->problem,
			    "the pool of %u buffers is too small for this codec",
			    client->pool.count);
		return false;
	}
	job = job_new(client->decoder.port, NOT_SHOWN, DMA_RESV_USAGE_WRITE);
	if (job) {
		job_add_buffer(job, buffer);
		job->holder = buffer->decoder_hold;
	}
	if (!submit(client, job))
		return false;
	buffer->frame = NOT_SHOWN;
	return true;
}

static bool submit_one(struct client *client, int engine, struct buffer *buffer,
		       enum dma_resv_usage usage, struct dma_fence_timeline *holder)
{
	struct job *job = job_new(&client->port[engine], buffer->frame, usage);

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
	for (unsigned int i = 0; i < job->work.count; i++)
		job->buffer[i]->unsubmitted--;
	return submit(client, job);
}

static bool add_to_sheet(struct client *client, struct buffer *buffer, bool last)
{
	if (!client->sheet_job)
		client->sheet_job =
			job_new(&client->port[ENGINE_SHEET], buffer->frame, DMA_RESV_USAGE_READ);
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
	return submit_one(client, ENGINE_CONTRAST, buffer, DMA_RESV_USAGE_WRITE, NULL) &&
	       submit_one(client, ENGINE_COUNTER, buffer, DMA_RESV_USAGE_WRITE, NULL) &&
	       submit_one(client, ENGINE_CHECKSUM, buffer, DMA_RESV_USAGE_READ, NULL) &&
	       submit_one(client, ENGINE_ENCODER, buffer, DMA_RESV_USAGE_READ,
			  buffer->encoder_hold) &&
	       (!sheet_wants(&client->player->sheet, buffer->frame, &last) ||
		add_to_sheet(client, buffer, last));
}

/*
 * On the decoder's thread.
 */

static struct job *ask(struct decoder_port *decoder)
{
	struct client *client = decoder->client.owner;

	mailbox_put(&client->mailbox, &(struct message){ .kind = MESSAGE_WANTS_BUFFER });
	return ring_pop(&decoder->engine->base.ring);
}

static void shown(struct decoder_port *decoder, struct decoding *decoding,
		  const struct picture *pic)
{
	struct client *client = decoder->client.owner;

	mailbox_put(&client->mailbox, &(struct message){ .kind = MESSAGE_SHOWN,
							 .buffer = decoding->buffer,
							 .picture = *pic });
}

static void ended(struct decoder_port *decoder)
{
	struct client *client = decoder->client.owner;

	mailbox_put(&client->mailbox, &(struct message){ .kind = MESSAGE_END });
}

/*
 * On the client's.
 */

/* Hear the decoder out, and submit what follows from it. */
static void serve_decoder(struct client *client)
{
	struct player *player = client->player;
	struct message message;

	for (;;) {
		mailbox_get(&client->mailbox, &message);
		switch (message.kind) {
		case MESSAGE_WANTS_BUFFER:
			if (player_failed(player) || problem_is(&player->problem) ||
			    !submit_decode(client))
				ring_close(&player->decoder.base.ring);
			break;
		case MESSAGE_SHOWN:
			if (!problem_is(&player->problem))
				submit_frame(client, message.buffer, &message.picture);
			break;
		case MESSAGE_END:
			submit_sheet(client);
			return;
		}
		if (player_due(player))
			player_show(player, pool_in_flight(&client->pool), NULL);
	}
}

static void run(struct client *client)
{
	struct player *player = client->player;
	bool started = true;

	player_begin(player, "threads");
	for (int i = ENGINES - 1; i > ENGINE_DECODER && started; i--)
		started = port_start(&client->port[i]);
	if (started && decoder_start(&player->decoder))
		serve_decoder(client);
	else
		problem_set(&player->problem, "cannot start a thread for each engine");
	if (client->last && !player->break_rule && !problem_is(&player->problem))
		fenced_look_at(player, client->last);

	/* Let every engine do what is in its ring. The decoder has ended already. */
	if (player->break_rule)
		race_point_over(&client->race);
	for (int i = 0; i < ENGINES; i++)
		ring_close(&player->engine[i]->ring);
	player_join(player);
	player_end(player);
	player->torn = client->race.torn;
}

static void write_timeline(const struct client *client)
{
	struct timeline_lanes lanes = { .frames = client->shown };

	for (int i = 0; i < ENGINES; i++)
		fenced_add_lane(&lanes, i, &client->port[i].trace, &client->decoder.holds);
	fenced_write_timeline(client->player, &lanes, "");
}

static int attach_ports(struct client *client)
{
	int err = decoder_port_attach(&client->decoder);

	for (int i = ENGINE_DECODER + 1; i < ENGINES && !err; i++) {
		bool writes = i == ENGINE_CONTRAST || i == ENGINE_COUNTER;

		err = port_attach(&client->port[i], &client->pool,
				  writes ? DMA_BIDIRECTIONAL : DMA_TO_DEVICE);
	}
	return err;
}

/* client_fini() in any case. */
static bool client_init(struct client *client, struct player *player)
{
	const struct decoder_client of_decoder = { ask, shown, ended, client };
	bool memory = true;
	int err;

	memset(client, 0, sizeof(*client));
	client->player = player;
	mailbox_init(&client->mailbox);
	race_point_init(&client->race);
	for (int i = 0; i < ENGINES; i++) {
		memory = port_init(&client->port[i], player->engine[i]) && memory;
		client->port[i].race = player->break_rule ? &client->race : NULL;
	}
	decoder_port_init(&client->decoder, &client->port[ENGINE_DECODER], &player->decoder,
			  &client->pool, &player->ref->layout, &of_decoder);
	if (!memory) {
		problem_set(&player->problem, "out of memory");
		return false;
	}

	client->pool.kept = player_keeps(player);
	player->buffers = player_needs(player);
	if (!player->buffers ||
	    !pool_init(&client->pool, &pool_source_private, player->buffers,
		       player->ref->layout.size, &player->problem))
		return false;
	err = attach_ports(client);
	if (err)
		problem_cannot(&client->player->problem, "attach an engine to the pool", err);
	return !err;
}

static void client_fini(struct client *client)
{
	job_free(client->sheet_job);
	for (int i = 0; i < ENGINES; i++)
		port_fini(&client->port[i]);
	decoder_port_fini(&client->decoder);
	pool_fini(&client->pool);
	race_point_fini(&client->race);
	mailbox_fini(&client->mailbox);
}

static void play(struct player *player)
{
	static struct client client; /* large: it has what all engines see of the pool */

	if (client_init(&client, player)) {
		run(&client);
		if (client.shown)
			write_timeline(&client);
	}
	client_fini(&client);
}

const struct hand_over hand_over_threads = { "threads", ENGINES_ALL, play };
