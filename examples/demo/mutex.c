/* SPDX-License-Identifier: MIT */
/*
 * Frames handed over in place, in a pool of shared buffers, each with one mutex: whoever
 * works on a buffer holds it all the while, readers too. Beside the mutex there is what
 * stage the frame has reached, and a condition variable, for those whose turn comes later.
 *
 * libavcodec has several pictures at a time, in an order of its own, so it cannot hold their
 * mutexes: what keeps others away is the stage. A buffer also counts who still has to
 * read it; the last one gives it back.
 *
 * Locking: tasks of several buffers first wait for the turn at each, holding nothing, since
 * the stage stays where it is until they have read; then they lock all, in the order of
 * the buffers. Nobody else holds more than one. User counts are atomic, since a codec lets
 * go of one buffer while it is at another.
 */
#include <stdlib.h>
#include <string.h>

#include "hand-over.h"

enum stage { DECODING, DECODED, CONTRASTED, COUNTED };

struct task {
	struct work work;
	struct shared *buffer[WORK_FRAMES];
	struct shared *sorted[WORK_FRAMES]; /* the same, in the order of the pool */
};

struct shared {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum stage stage;           /* under lock */
	_Atomic unsigned int users; /* readers that are not done */
	struct mutex_way *way;
	uint8_t *memory;
	struct picture picture; /* in it */
	bool shown;             /* the decoder's: readers have been told */

	/* One for each engine, in the first of its buffers; that engine's once it is in its ring. */
	struct task task[ENGINES];
};

/* One engine's place. */
struct place {
	struct engine *engine;
	enum stage from, to; /* what it waits for, and what it makes of it */
	bool codec;          /* the engine lets go of the buffer itself */
};

struct mutex_way {
	struct player *player;
	struct shared buffer[POOL_MAX];
	unsigned int count;
	struct ring free;
	struct place place[ENGINES];

	/* The decoder's thread, then others. */
	struct task *sheet_task; /* gathers frames until it has all */
	struct shared *last;     /* shown */
};

static void drop(struct shared *buffer)
{
	if (--buffer->users == 0)
		ring_push(&buffer->way->free, buffer);
}

static void let_go(void *keeper, uint8_t *memory)
{
	(void)memory;
	drop(keeper);
}

static void reach(struct shared *buffer, enum stage stage)
{
	pthread_mutex_lock(&buffer->lock);
	buffer->stage = stage;
	pthread_cond_broadcast(&buffer->changed);
	pthread_mutex_unlock(&buffer->lock);
}

/* Returns with the buffer's lock held. */
static void lock_at(struct shared *buffer, enum stage stage)
{
	pthread_mutex_lock(&buffer->lock);
	while (buffer->stage != stage)
		pthread_cond_wait(&buffer->changed, &buffer->lock);
}

static void lock_all(const struct place *place, struct task *task)
{
	unsigned int count = task->work.count;

	for (unsigned int i = 0; i < count; i++) {
		lock_at(task->buffer[i], place->from);
		if (count > 1)
			pthread_mutex_unlock(&task->buffer[i]->lock);
	}
	for (unsigned int i = 0; count > 1 && i < count; i++)
		pthread_mutex_lock(&task->sorted[i]->lock);
}

static void do_task(const struct place *place, struct task *task)
{
	unsigned int count = task->work.count;
	bool done_with = place->to == place->from && !place->codec;

	lock_all(place, task);
	engine_work(place->engine, &task->work);
	/* From the last on, since the task is in the first, and gone with it. */
	while (count--) {
		struct shared *buffer = task->buffer[count];

		if (place->to != place->from) {
			buffer->stage = place->to;
			pthread_cond_broadcast(&buffer->changed);
		}
		pthread_mutex_unlock(&buffer->lock);
		if (done_with)
			drop(buffer);
	}
}

static void *body(void *arg)
{
	const struct place *place = arg;
	struct task *task;

	while ((task = ring_pop(&place->engine->ring)))
		do_task(place, task);
	engine_finish(place->engine);
	return NULL;
}

/* libavcodec needs the picture no more: free of the AVBufferRef. */
static void decoder_let_go(void *opaque, uint8_t *memory)
{
	struct shared *buffer = opaque;

	(void)memory;
	if (buffer->shown)
		reach(buffer, DECODED);
	else
		ring_push(&buffer->way->free, buffer);
}

static int get_buffer(struct input *in, AVFrame *frame, int flags)
{
	struct mutex_way *way = in->owner;
	const struct layout *layout = &way->player->ref->layout;
	struct shared *buffer;

	(void)flags;
	if (player_failed(way->player))
		return AVERROR_EXIT;
	buffer = ring_pop(&way->free);
	buffer->shown = false;
	reach(buffer, DECODING);
	if (decoder_lend(frame, layout, buffer->memory, layout->size, decoder_let_go, buffer)) {
		decoder_let_go(buffer, buffer->memory);
		problem_set(&way->player->decoder.base.problem, "out of memory");
		return AVERROR_EXIT;
	}
	return 0;
}

static void add_buffer(struct task *task, struct shared *buffer)
{
	unsigned int at = task->work.count++;

	task->work.picture[at] = buffer->picture;
	task->buffer[at] = buffer;
	for (; at && task->sorted[at - 1] > buffer; at--)
		task->sorted[at] = task->sorted[at - 1];
	task->sorted[at] = buffer;
}

/* The buffer's task for @engine, which does not have it yet. */
static struct task *begin_task(struct shared *buffer, int engine, uint64_t frame)
{
	struct task *task = &buffer->task[engine];

	task->work = (struct work){
		.frame = frame,
		.memory = buffer->memory,
		.size = buffer->way->player->ref->layout.size,
		.let_go = let_go,
		.keeper = buffer,
	};
	return task;
}

static void submit(struct mutex_way *way, int engine, struct shared *buffer, uint64_t frame)
{
	struct task *task = begin_task(buffer, engine, frame);

	add_buffer(task, buffer);
	ring_push(&way->player->engine[engine]->ring, task);
}

static void submit_sheet(struct mutex_way *way)
{
	if (way->sheet_task)
		ring_push(&way->player->sheet.base.ring, way->sheet_task);
	way->sheet_task = NULL;
}

static void add_to_sheet(struct mutex_way *way, struct shared *buffer, uint64_t frame, bool last)
{
	if (!way->sheet_task)
		way->sheet_task = begin_task(buffer, ENGINE_SHEET, frame);
	add_buffer(way->sheet_task, buffer);
	if (last)
		submit_sheet(way);
}

static bool put_out(struct decoder_engine *decoder, AVFrame *frame, uint64_t number)
{
	struct mutex_way *way = decoder->owner;
	struct player *player = way->player;
	struct shared *buffer = NULL;
	bool wanted, last;

	for (unsigned int i = 0; i < way->count && !buffer; i++)
		if (frame->buf[0] && way->buffer[i].memory == frame->buf[0]->data)
			buffer = &way->buffer[i];
	if (!buffer) {
		decoder_astray(decoder);
		return false;
	}
	picture_of_frame(&buffer->picture, frame);
	decoder->base.copied += picture_move(&buffer->picture, buffer->memory, buffer->memory,
					     player->ref->layout.size);
	decoder->base.done++;
	wanted = sheet_wants(&player->sheet, number, &last);
	buffer->users = 2 + wanted;
	buffer->shown = true;
	way->last = buffer;
	submit(way, ENGINE_CONTRAST, buffer, number);
	submit(way, ENGINE_COUNTER, buffer, number);
	submit(way, ENGINE_CHECKSUM, buffer, number);
	submit(way, ENGINE_ENCODER, buffer, number);
	if (wanted)
		add_to_sheet(way, buffer, number, last);
	if (player_due(player))
		player_show(player, way->count - ring_count(&way->free), NULL);
	return true;
}

static void end(struct decoder_engine *decoder)
{
	struct mutex_way *way = decoder->owner;

	submit_sheet(way);
	for (int i = 0; i < ENGINES; i++)
		ring_close(&way->player->engine[i]->ring);
}

static void run(struct mutex_way *way)
{
	struct player *player = way->player;
	bool started = true;

	player_begin(player, "mutex");
	for (int i = ENGINES - 1; i > ENGINE_DECODER && started; i--)
		started = engine_start(player->engine[i], body, &way->place[i]);
	if (!started || !decoder_start(&player->decoder)) {
		problem_set(&player->problem, "cannot start a thread for each engine");
		end(&player->decoder);
	}
	engine_join(&player->decoder.base);
	if (way->last && !player_failed(player)) {
		lock_at(way->last, COUNTED);
		player_look(player, &way->last->picture);
		pthread_mutex_unlock(&way->last->lock);
	}
	player_join(player);
	player_end(player);
}

static bool pool_init(struct mutex_way *way)
{
	struct player *player = way->player;

	player->buffers = player_needs(player);
	for (; way->count < player->buffers; way->count++) {
		struct shared *buffer = &way->buffer[way->count];

		buffer->way = way;
		buffer->memory = layout_alloc(&player->ref->layout);
		if (!buffer->memory) {
			problem_set(&player->problem, "out of memory");
			return false;
		}
		pthread_mutex_init(&buffer->lock, NULL);
		pthread_cond_init(&buffer->changed, NULL);
		ring_push(&way->free, buffer);
	}
	return player->buffers > 0;
}

static void pool_fini(struct mutex_way *way)
{
	while (way->count) {
		struct shared *buffer = &way->buffer[--way->count];

		pthread_cond_destroy(&buffer->changed);
		pthread_mutex_destroy(&buffer->lock);
		free(buffer->memory);
	}
}

static void play(struct player *player)
{
	static struct mutex_way way; /* large */

	memset(&way, 0, sizeof(way));
	way.player = player;
	ring_init(&way.free);
	for (int i = ENGINE_CONTRAST; i < ENGINES; i++)
		way.place[i] =
			(struct place){ player->engine[i], COUNTED, COUNTED, i == ENGINE_ENCODER };
	way.place[ENGINE_CONTRAST].from = DECODED;
	way.place[ENGINE_CONTRAST].to = CONTRASTED;
	way.place[ENGINE_COUNTER].from = CONTRASTED;
	player->decoder.input.get_buffer = get_buffer;
	player->decoder.input.owner = &way;
	player->decoder.put_out = put_out;
	player->decoder.end = end;
	player->decoder.owner = &way;
	if (pool_init(&way))
		run(&way);
	pool_fini(&way);
	ring_fini(&way.free);
}

const struct hand_over hand_over_mutex = { "mutex", ENGINES_ALL, play };
