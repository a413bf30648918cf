/* SPDX-License-Identifier: MIT */
/*
 * Frames handed over as copies, as between programs that send each other messages. Each
 * engine has an inbox: slots of memory of its own, and a queue. Who has a frame for it takes
 * a free slot, or waits for one, copies the frame there, and queues it. Filters change
 * the frame in their slot, and readers read theirs, so nobody waits for anybody's reading,
 * and libavcodec decodes into memory of its own. A frame is copied once for each engine
 * after the decoder that gets it.
 *
 * Engines are a line that forks at its end, and an inbox has more slots than its engine
 * can keep, so there is always one to be waited for.
 */
#include <stdlib.h>
#include <string.h>

#include "hand-over.h"

/*
 * Slots of an inbox beyond what its engine keeps: one is worked on, one is filled. More
 * were tried, and are not faster.
 */
#define AHEAD 2

struct slot {
	struct inbox *inbox;
	uint8_t *memory;
	struct picture picture; /* in it */
	uint64_t frame;
	bool last; /* the engine's work is complete with it */
};

struct inbox {
	struct copies *copies;
	struct engine *engine; /* its ring has the full slots */
	struct inbox **to;     /* who gets what the engine has done; ends with NULL */
	bool codec;            /* the engine lets go of slots itself */
	struct slot slot[POOL_MAX];
	unsigned int count;
	struct ring free;
};

struct copies {
	struct player *player;
	struct inbox inbox[ENGINES];
	struct inbox *first[2], *filtered[2], *readers[4]; /* lists of whom to send to */
	struct picture last; /* the second filter's: what it did last */
};

/* Slots that are not free, over all inboxes. */
static unsigned int in_flight(struct copies *copies)
{
	unsigned int count = copies->player->buffers;

	for (int i = ENGINE_CONTRAST; i < ENGINES; i++)
		count -= ring_count(&copies->inbox[i].free);
	return count;
}

/* The one copy, from @sender's memory into the receiver's. */
static void deliver(struct inbox *inbox, struct engine *sender, uint64_t frame,
		    const struct picture *pic)
{
	struct player *player = inbox->copies->player;
	bool last = true;
	struct slot *slot;

	if (inbox->engine == &player->sheet.base && !sheet_wants(&player->sheet, frame, &last))
		return;
	slot = ring_pop(&inbox->free);
	slot->picture = layout_picture(&player->ref->layout, slot->memory, pic);
	slot->frame = frame;
	slot->last = last;
	sender->copied += picture_copy(&slot->picture, pic);
	ring_push(&inbox->engine->ring, slot);
}

static void let_go(void *keeper, uint8_t *memory)
{
	struct slot *slot = keeper;

	(void)memory;
	ring_push(&slot->inbox->free, slot);
}

/* Have the frames of some slots worked on, and send them on. */
static void work(struct inbox *inbox, struct slot **slots, unsigned int count)
{
	struct copies *copies = inbox->copies;
	struct work work = { .frame = slots[0]->frame, .count = count };

	for (unsigned int i = 0; i < count; i++)
		work.picture[i] = slots[i]->picture;
	work.memory = slots[0]->memory;
	work.size = copies->player->ref->layout.size;
	work.let_go = let_go;
	work.keeper = slots[0];
	engine_work(inbox->engine, &work);
	if (inbox->codec)
		return;
	if (inbox->to == copies->readers)
		copies->last = slots[0]->picture;
	for (unsigned int i = 0; i < count; i++) {
		for (struct inbox **to = inbox->to; *to; to++)
			deliver(*to, inbox->engine, slots[i]->frame, &slots[i]->picture);
		let_go(slots[i], slots[i]->memory);
	}
}

static void *body(void *arg)
{
	struct inbox *inbox = arg;
	struct slot *slots[WORK_FRAMES], *slot;
	unsigned int count = 0;

	while ((slot = ring_pop(&inbox->engine->ring))) {
		slots[count++] = slot;
		if (slot->last) {
			work(inbox, slots, count);
			count = 0;
		}
	}
	if (count)
		work(inbox, slots, count);
	engine_finish(inbox->engine);
	for (struct inbox **to = inbox->to; *to; to++)
		ring_close(&(*to)->engine->ring);
	return NULL;
}

/* The hook of the input: libavcodec's own memory will do. */
static int get_buffer(struct input *in, AVFrame *frame, int flags)
{
	const struct copies *copies = in->owner;

	if (player_failed(copies->player))
		return AVERROR_EXIT;
	return avcodec_default_get_buffer2(in->codec, frame, flags);
}

static bool put_out(struct decoder_engine *decoder, AVFrame *frame, uint64_t number)
{
	struct copies *copies = decoder->owner;
	struct picture pic;

	picture_of_frame(&pic, frame);
	decoder->base.done++;
	deliver(copies->first[0], &decoder->base, number, &pic);
	if (player_due(copies->player))
		player_show(copies->player, in_flight(copies), NULL);
	return true;
}

static void end(struct decoder_engine *decoder)
{
	const struct copies *copies = decoder->owner;

	ring_close(&copies->first[0]->engine->ring);
}

static void run(struct copies *copies)
{
	struct player *player = copies->player;
	bool started = true;

	player_begin(player, "copies");
	for (int i = ENGINES - 1; i > ENGINE_DECODER && started; i--)
		started = engine_start(player->engine[i], body, &copies->inbox[i]);
	if (!started || !decoder_start(&player->decoder)) {
		problem_set(&player->problem, "cannot start a thread for each engine");
		for (int i = 0; i < ENGINES; i++)
			ring_close(&player->engine[i]->ring);
	}
	player_join(player);
	if (copies->last.plane[0] && !problem_is(&player->problem))
		player_look(player, &copies->last);
	player_end(player);
}

/* False: no memory. */
static bool inbox_init(struct inbox *inbox, struct copies *copies, int engine)
{
	static struct inbox *nobody[] = { NULL };
	struct player *player = copies->player;
	unsigned int count = AHEAD;

	inbox->copies = copies;
	inbox->engine = player->engine[engine];
	inbox->to = engine == ENGINE_CONTRAST ? copies->filtered :
		    engine == ENGINE_COUNTER  ? copies->readers :
						nobody;
	inbox->codec = engine == ENGINE_ENCODER;
	if (engine == ENGINE_ENCODER)
		count += encoder_keeps(player->ref);
	if (engine == ENGINE_SHEET)
		count += SHEET_CHOICE;
	ring_init(&inbox->free);
	for (; inbox->count < count; inbox->count++) {
		struct slot *slot = &inbox->slot[inbox->count];

		slot->inbox = inbox;
		slot->memory = layout_alloc(&player->ref->layout);
		if (!slot->memory)
			return false;
		ring_push(&inbox->free, slot);
	}
	player->buffers += count;
	return true;
}

static void inbox_fini(struct inbox *inbox)
{
	while (inbox->count)
		free(inbox->slot[--inbox->count].memory);
	ring_fini(&inbox->free);
}

static void play(struct player *player)
{
	static struct copies copies; /* large */
	bool memory = true;

	memset(&copies, 0, sizeof(copies));
	copies.player = player;
	copies.first[0] = &copies.inbox[ENGINE_CONTRAST];
	copies.filtered[0] = &copies.inbox[ENGINE_COUNTER];
	copies.readers[0] = &copies.inbox[ENGINE_CHECKSUM];
	copies.readers[1] = &copies.inbox[ENGINE_ENCODER];
	copies.readers[2] = &copies.inbox[ENGINE_SHEET];
	player->decoder.input.get_buffer = get_buffer;
	player->decoder.input.owner = &copies;
	player->decoder.put_out = put_out;
	player->decoder.end = end;
	player->decoder.owner = &copies;
	for (int i = ENGINE_CONTRAST; i < ENGINES; i++)
		memory = inbox_init(&copies.inbox[i], &copies, i) && memory;
	if (memory)
		run(&copies);
	else
		problem_set(&player->problem, "out of memory");
	for (int i = ENGINE_CONTRAST; i < ENGINES; i++)
		inbox_fini(&copies.inbox[i]);
}

const struct hand_over hand_over_copies = { "copies", ENGINES_ALL, play };
