/* SPDX-License-Identifier: MIT */
/*
 * Who gets a buffer, and when. A buffer is somebody's from the moment it is lent to the decoder until the
 * last reader of the frame has its fence in it ("taken"): buffer->unsubmitted counts what is left of
 * that. From then on its reservation tells, and it is lent again when it is idle.
 *
 * With threads, one whose jobs are on their way is lent as well, and the decode job waits for those.
 * Here that would be wrong. An encoder keeps its last frames until it gets later ones; if these are lost,
 * with an engine, there are none until the decoder goes on, which would wait for the encoder. And who was
 * evicted may still write there. The pool has room for one more than can be kept and stuck at once, so
 * there will be an idle one.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "dispatcher.h"

/* Which engine has made what @engine works on. */
static int maker_of(int engine)
{
	return engine > ENGINE_COUNTER ? ENGINE_COUNTER : engine - 1;
}

static void queue_put(struct queue *queue, const struct order *order)
{
	queue->item[queue->tail++ % WIRE_ROOM] = *order;
}

static bool is_empty(const struct queue *queue)
{
	return queue->head == queue->tail;
}

static void queue_frame(struct dispatcher *d, int engine, uint64_t frame, const struct wire_frame *in)
{
	struct order order = { .kind = ORDER_WORK, .count = 1, .frame = frame };

	order.in[0] = *in;
	queue_put(&d->queue[engine], &order);
}

/*
 * The decoder.
 */

static void lend(struct dispatcher *d)
{
	struct order order = { .kind = ORDER_STOP, .count = 1 };
	struct buffer *buffer;

	if (player_failed(d->player) || problem_is(&d->player->problem)) {
		queue_put(&d->queue[ENGINE_DECODER], &order);
		d->wants = false;
		return;
	}
	buffer = pool_idle(&d->pool, false);
	if (!buffer)
		return; /* until somebody has done something */
	order.kind = ORDER_BUFFER;
	order.in[0].buffer = buffer->index;
	queue_put(&d->queue[ENGINE_DECODER], &order);
	dma_fence_put(buffer->held);
	buffer->held = NULL; /* until it has taken it */
	buffer->used = ++d->lent;
	buffer->unsubmitted++;
	d->is_lent[buffer->index] = true;
	d->wants = false;
}

static struct dma_fence *import(struct dispatcher *d, const struct dma_buf_pool_fence *value)
{
	struct dma_fence *fence = dma_buf_pool_import_fence(d->world.share, value);

	if (!dmabuf_is_err(fence))
		return fence;
	problem_set(&d->player->problem, "cannot get to know a fence of an engine: %s",
		    strerror(-(int)dmabuf_ptr_err(fence)));
	return dma_fence_get_stub();
}

static void show(struct dispatcher *d, const struct news *news)
{
	struct buffer *buffer = &d->pool.buffers[news->out.buffer];
	struct note *note = &d->note[d->shown];

	buffer->picture = wire_picture_in(&news->out.picture, NULL);
	d->is_lent[buffer->index] = false;
	d->last = buffer;
	note->made[ENGINE_DECODER] = import(d, &news->out.made);
	note->by[ENGINE_DECODER] = news->out.made.member;
	queue_frame(d, ENGINE_CONTRAST, d->shown++, &news->out);
}

/*
 * Whose turn it is next.
 */

static void queue_sheet(struct dispatcher *d)
{
	if (d->sheet.count)
		queue_put(&d->queue[ENGINE_SHEET], &d->sheet);
	d->sheet.count = 0;
}

static void gather(struct dispatcher *d, uint64_t frame, const struct wire_frame *in)
{
	bool last;

	if (!sheet_wants(&d->player->sheet, frame, &last))
		return;
	if (!d->sheet.count)
		d->sheet.frame = frame;
	d->sheet.kind = ORDER_WORK;
	d->sheet.in[d->sheet.count++] = *in;
	d->pool.buffers[in->buffer].unsubmitted++;
	if (last)
		queue_sheet(d);
}

/* The engine has its fence in the buffers of its next order. */
static void taken(struct dispatcher *d, struct life *life, const struct news *news)
{
	const int engine = life->engine;
	struct queue *queue = &d->queue[engine];
	const struct order *order = &queue->item[queue->head++ % WIRE_ROOM];
	struct note *note = &d->note[order->frame];
	struct dma_fence *made = import(d, &news->out.made);
	struct dma_fence *hold = news->hold.member ? import(d, &news->hold) : NULL;

	for (unsigned int i = 0; i < order->count; i++) {
		struct wire_frame in = order->in[i];
		struct buffer *buffer = &d->pool.buffers[in.buffer];

		life_uses(life, in.buffer, made, hold);
		in.made = news->out.made;
		in.error = 0;
		if (engine == ENGINE_DECODER) {
			dma_fence_put(buffer->held);
			buffer->held = dma_fence_get(hold);
		} else if (engine == ENGINE_CONTRAST) {
			queue_frame(d, ENGINE_COUNTER, order->frame, &in);
		} else if (engine == ENGINE_COUNTER) {
			queue_frame(d, ENGINE_CHECKSUM, order->frame, &in);
			queue_frame(d, ENGINE_ENCODER, order->frame, &in);
			gather(d, order->frame, &in);
			buffer->unsubmitted++; /* two for one */
		} else {
			buffer->unsubmitted--;
		}
	}
	if (engine != ENGINE_DECODER)
		note->made[engine] = dma_fence_get(made);
	/* What a decoder has taken is no frame yet. */
	if (engine != ENGINE_DECODER && engine <= ENGINE_CHECKSUM)
		note->by[engine] = news->out.made.member;
	if (engine == ENGINE_CHECKSUM)
		wake_by(&note->summed, dma_fence_get(made));
	if (engine == ENGINE_ENCODER)
		wake_by(&note->coded, dma_fence_get(hold));
	dma_fence_put(made);
	dma_fence_put(hold);
}

bool frames_hear(struct dispatcher *d, struct life *life)
{
	struct news news;
	bool gone;

	while (life_hear(life, &news, &gone)) {
		d->still = 0;
		switch (news.kind) {
		case NEWS_TAKEN:
			taken(d, life, &news);
			break;
		case NEWS_WANTS:
			d->wants = true;
			break;
		case NEWS_SHOWN:
			show(d, &news);
			break;
		case NEWS_END:
			d->is_decoded = true;
			d->queue[ENGINE_DECODER].head = d->queue[ENGINE_DECODER].tail;
			d->queue[ENGINE_DECODER].given = d->queue[ENGINE_DECODER].tail;
			break;
		}
	}
	return !gone;
}

/*
 * Orders.
 */

/* What is known of it by now. The engine may know nothing of those who made it: they may be dead. */
static void look_at(struct dispatcher *d, int engine, uint64_t frame, struct wire_frame *in)
{
	const struct note *note = &d->note[frame];
	const int maker = maker_of(engine);
	const int status = note->made[maker] ? dma_fence_get_status(note->made[maker])
					     : note->outcome[maker];

	if (status > 0)
		in->made.member = 0;
	in->error = status < 0 ? status : 0;
}

static void give(struct dispatcher *d, int engine)
{
	struct life *life = d->working[engine];
	struct queue *queue = &d->queue[engine];

	if (!life || life->stage != LIFE_WORKING)
		return;
	for (; queue->given < queue->tail; queue->given++) {
		struct order order = queue->item[queue->given % WIRE_ROOM];

		for (unsigned int i = 0; order.kind == ORDER_WORK && i < order.count; i++)
			look_at(d, engine, order.frame + i, &order.in[i]);
		if (!life_order(life, &order)) {
			problem_set(&d->player->problem, "out of memory");
			return;
		}
	}
}

/*
 * Of a timeline's errors only the last are known, so who wants to know looks in time: what is seen once
 * is remembered.
 */
static void look_at_all(const struct dispatcher *d)
{
	for (uint64_t i = d->settled; i < d->shown; i++)
		for (int engine = 0; engine <= ENGINE_CHECKSUM; engine++)
			if (d->note[i].made[engine])
				dma_fence_is_signaled(d->note[i].made[engine]);
}

/* Frames that have come to their end. */
static void settle(struct dispatcher *d)
{
	struct checksum_engine *sum = &d->player->checksum;

	for (; d->settled < d->shown; d->settled++) {
		struct note *note = &d->note[d->settled];

		if (!note->made[ENGINE_CHECKSUM] ||
		    !dma_fence_is_signaled(note->made[ENGINE_CHECKSUM]))
			return;
		note->lost_by = -1;
		for (int i = ENGINE_CHECKSUM; i >= ENGINE_DECODER; i--) {
			note->outcome[i] = dma_fence_get_status(note->made[i]);
			if (note->outcome[i] < 0)
				note->lost_by = i;
			dma_fence_put(note->made[i]);
			note->made[i] = NULL;
		}
		if (note->lost_by < 0) {
			sum->checksum[d->settled] = ((const uint64_t *)d->results)[d->settled];
			sum->taken[d->settled] = true;
		}
	}
}

/*
 * Codecs decode pictures, too, that are never shown. One that is let go, and that was not shown before
 * that, will not be.
 */
static void take_unshown(struct dispatcher *d)
{
	bool is_over[POOL_MAX] = { false };

	for (unsigned int i = 0; i < d->pool.count; i++) {
		const struct buffer *buffer = &d->pool.buffers[i];

		is_over[i] = d->is_lent[i] && buffer->held && dma_fence_is_signaled(buffer->held);
	}
	if (d->working[ENGINE_DECODER])
		frames_hear(d, d->working[ENGINE_DECODER]);
	for (unsigned int i = 0; i < d->pool.count; i++) {
		if (!is_over[i] || !d->is_lent[i])
			continue;
		d->is_lent[i] = false;
		d->pool.buffers[i].unsubmitted--;
	}
}

void frames_go_on(struct dispatcher *d)
{
	look_at_all(d);
	settle(d);
	take_unshown(d);
	if (d->wants)
		lend(d);
	if (d->is_decoded && is_empty(&d->queue[ENGINE_CONTRAST]) && is_empty(&d->queue[ENGINE_COUNTER]))
		queue_sheet(d); /* with fewer frames than it may choose from */
	for (int i = 0; i < ENGINES; i++)
		give(d, i);
}

void frames_take_back(struct dispatcher *d, int engine)
{
	struct queue *queue = &d->queue[engine];

	queue->given = queue->head;
	if (engine != ENGINE_DECODER)
		return;
	queue->tail = queue->head; /* its successor will ask */
	d->wants = false;
	for (unsigned int i = 0; i < d->pool.count; i++) {
		d->pool.buffers[i].unsubmitted -= d->is_lent[i];
		d->is_lent[i] = false;
	}
}

bool frames_are_done(const struct dispatcher *d)
{
	if (!d->is_decoded || d->settled < d->shown)
		return false;
	for (int i = 0; i < ENGINES; i++)
		if (!is_empty(&d->queue[i]))
			return false;
	return true;
}

static enum fate fate_of(const struct dispatcher *d, uint32_t member)
{
	for (size_t i = 0; i < d->deaths; i++)
		if (d->victim[i].member == member)
			return d->victim[i].is_evicted ? FATE_EVICTED : FATE_KILLED;
	return FATE_GOOD;
}

/*
 * Nobody loses a frame but who died over it; or who came so late that a successor had the place of who
 * had made it, and had died: of such a one nobody gets to know any more how far it was.
 */
static struct loss find_loss(struct dispatcher *d, uint64_t frame)
{
	const struct note *note = &d->note[frame];
	const int error = note->outcome[note->lost_by];

	for (int i = note->lost_by; i >= maker_of(note->lost_by) && i >= ENGINE_DECODER; i--) {
		const struct loss loss = { fate_of(d, note->by[i]), i };

		if (loss.fate != FATE_GOOD && (error == -EOWNERDEAD || error == -ECANCELED))
			return loss;
	}
	problem_set(&d->player->problem, "frame %" PRIu64 " failed in the %s, and nobody had died: %s",
		    frame, d->player->engine[note->lost_by]->name, strerror(-error));
	return (struct loss){ FATE_GOOD, 0 };
}

void frames_count(struct dispatcher *d)
{
	struct player *player = d->player;

	player->checksum.base.done = d->settled;
	for (uint64_t i = 0; i < d->settled; i++) {
		const struct note *note = &d->note[i];
		struct dma_fence *tile = note->made[ENGINE_SHEET];

		player->sheet.drawn += tile && dma_fence_get_status(tile) > 0;
		if (note->lost_by >= 0)
			player->loss[i] = find_loss(d, i);
	}
}

void frames_end(struct dispatcher *d, struct life *life)
{
	const struct order order = { .kind = ORDER_END };

	/* A decoder ends by itself. Of one that has not come yet, we hear when it comes. */
	if (life->engine == ENGINE_DECODER || life->stage != LIFE_WORKING)
		return;
	if (life_order(life, &order))
		life->stage = LIFE_ENDING;
	else
		problem_set(&d->player->problem, "out of memory");
}

void frames_fini(struct dispatcher *d)
{
	for (uint64_t i = 0; d->note && i < d->player->ref->count; i++) {
		struct note *note = &d->note[i];

		wake_by(&note->summed, NULL);
		wake_by(&note->coded, NULL);
		for (int engine = 0; engine < ENGINES; engine++)
			dma_fence_put(note->made[engine]);
	}
}
