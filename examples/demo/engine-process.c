/* SPDX-License-Identifier: MIT */
#include "engine-process.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "chaos-points.h"
#include "decoder-port.h"
#include "ffmpeg-log.h"
#include "player.h"
#include "port.h"
#include "wire.h"

#define LOOK_NS INT64_C(50000000)
#define WATCHER_DESCRIPTORS 1 /* that the library keeps once it has a watcher: the set that it waits for */

struct self {
	int sock;
	struct assignment assignment;
	struct introduction introduction;
	struct dma_buf_pool *share;
	struct player player;
	struct engine *engine; /* of the player's, the one that works here */
	struct pool pool;
	struct port port;
	struct decoder_port decoder;

	struct dma_buf *station_buf, *results_buf;
	struct station *station;
	uint8_t *results;
	struct dma_fence_timeline *doorbell; /* of its news */
	struct dma_buf_pool_fence doorbell_origin, work_origin;
	bool is_placed;	      /* what the player's engines write lies in the two */
	uint64_t told, heard; /* so many news, so many orders */
};

/*
 * Rights.
 */

/* An error of a call that takes the pool, or a lock, means that this is no member any more. */
static void leave_if(const struct self *self, int err)
{
	if (err == -ESTALE)
		_exit(LEFT_EVICTED);
	if (!err)
		return;
	fprintf(stderr, "dmabuf-demo: %s: %s\n", self->engine->name, strerror(-err));
	_exit(LEFT_PROBLEM);
}

/* What is done from here on, up to the next call of the library, is done by a member. */
static void stay_if_member(struct self *self)
{
	leave_if(self, dma_buf_pool_status(self->share));
}

static void may_go_on(struct port *port)
{
	stay_if_member(port->engine->owner);
}

/*
 * News and orders.
 */

static void ring_doorbell(struct self *self)
{
	struct dma_fence *fence = dma_fence_timeline_emit(self->doorbell);

	if (!fence) {
		leave_if(self, -ENOMEM);
		return;
	}
	dma_fence_timeline_signal(self->doorbell, fence->seqno, 0);
	dma_fence_put(fence);
}

static void tell(struct self *self, const struct news *news)
{
	stay_if_member(self);
	self->station->news[self->told % WIRE_ROOM] = *news;
	self->station->told = ++self->told;
	ring_doorbell(self);
}

/* Whoever gives the orders lives no longer. */
static void leave_orphaned(void)
{
	_exit(LEFT_PROBLEM);
}

static struct dma_fence *import(struct self *self, struct dma_buf_pool_fence value)
{
	struct dma_fence *fence = dma_buf_pool_import_fence(self->share, &value);

	if (dmabuf_is_err(fence))
		leave_if(self, (int)dmabuf_ptr_err(fence));
	return fence;
}

/* The next order; waits for it. */
static const struct order *hear(struct self *self)
{
	struct dma_buf_pool_fence value = self->introduction.doorbell;
	struct dma_fence *fence;

	value.seqno += ++self->heard;
	fence = import(self, value);
	/* One that was evicted hears of no order: it looks, now and then. */
	while (!dma_fence_wait_timeout(fence, false, LOOK_NS))
		stay_if_member(self);
	if (dma_fence_get_status(fence) < 0)
		leave_orphaned();
	dma_fence_put(fence);
	return &self->station->order[(self->heard - 1) % WIRE_ROOM];
}

/*
 * Jobs.
 */

static void add_frame(struct self *self, struct job *job, const struct wire_frame *frame)
{
	struct buffer *buffer = &self->pool.buffers[frame->buffer];
	const unsigned int i = job->work.count;

	job_add_buffer(job, buffer);
	job->work.picture[i] =
		wire_picture_in(&frame->picture, self->port.import[frame->buffer].memory);
	job->input[i].error = frame->error;
	if (!frame->error && frame->made.member)
		job->input[i].fence = import(self, frame->made);
}

/* A job of an order, in the reservations of its buffers: what comes to those from now on waits for it. */
static struct job *submit(struct self *self, const struct order *order)
{
	const int engine = self->assignment.engine;
	const bool writes = engine <= ENGINE_COUNTER;
	struct job *job = job_new(&self->port, order->frame,
				  writes ? DMA_RESV_USAGE_WRITE : DMA_RESV_USAGE_READ);

	leave_if(self, job ? 0 : -ENOMEM);
	for (unsigned int i = 0; i < order->count; i++)
		add_frame(self, job, &order->in[i]);
	if (engine == ENGINE_DECODER)
		job->holder = job->buffer[0]->decoder_hold;
	if (engine == ENGINE_ENCODER)
		job->holder = job->buffer[0]->encoder_hold;
	leave_if(self, job_submit(job, false));
	/* One that was evicted meanwhile has committed nothing, and is in no one's way. */
	stay_if_member(self);
	return job;
}

static struct dma_buf_pool_fence work_value(const struct self *self, uint64_t seqno)
{
	struct dma_buf_pool_fence value = self->work_origin;

	value.seqno += seqno;
	return value;
}

static void tell_taken(struct self *self, const struct job *job)
{
	struct news news = {
		.kind = NEWS_TAKEN,
		.frame = job->work.frame,
		.out = { .buffer = job->buffer[0]->index, .made = work_value(self, job->fence->seqno) },
	};

	if (job->hold)
		leave_if(self, dma_buf_pool_export_fence(self->share, job->hold, &news.hold));
	tell(self, &news);
}

static void take_orders(struct self *self)
{
	const struct order *order;

	while ((order = hear(self))->kind == ORDER_WORK) {
		struct job *job = submit(self, order);

		tell_taken(self, job);
		ring_push(&self->engine->ring, job);
	}
	ring_close(&self->engine->ring);
}

/*
 * The decoder, which asks for its orders.
 */

static struct job *ask(struct decoder_port *decoder)
{
	struct self *self = decoder->client.owner;
	const struct order *order;
	struct job *job;

	tell(self, &(struct news){ .kind = NEWS_WANTS });
	order = hear(self);
	if (order->kind != ORDER_BUFFER)
		return NULL;
	job = submit(self, order);
	tell_taken(self, job);
	return job;
}

static void shown(struct decoder_port *decoder, struct decoding *decoding, const struct picture *pic)
{
	struct self *self = decoder->client.owner;
	const struct buffer *buffer = decoding->buffer;
	struct news news = {
		.kind = NEWS_SHOWN,
		.frame = decoding->frame,
		.out = { .buffer = buffer->index, .made = work_value(self, decoding->seqno) },
	};

	if (wire_picture_of(&news.out.picture, pic, buffer->decoder_memory, buffer->dmabuf->size))
		tell(self, &news);
	else
		decoder_astray(decoder->engine);
}

static void ended(struct decoder_port *decoder)
{
	struct self *self = decoder->client.owner;

	self->station->report.problem = self->engine->problem;
	self->station->report.failed = self->engine->failed;
	tell(self, &(struct news){ .kind = NEWS_END });
}

/*
 * What is seen of it from outside.
 */

static void report(struct engine *engine)
{
	struct self *self = engine->owner;
	struct wire_report *report = &self->station->report;

	report->done = engine->done;
	report->copied = engine->copied;
	report->passed = self->decoder.next;
	report->first_done = engine->first_done;
	report->failed = engine->failed;
	report->bars[0] = self->port.trace.count;
	report->bars[1] = self->decoder.holds.count;
}

/* The arrays of the engines lie where all can read them. */
static void place_results(struct self *self)
{
	struct checksum_engine *sum = &self->player.checksum;
	struct sheet_engine *sheet = &self->player.sheet;

	free(sum->checksum);
	sum->checksum = (uint64_t *)self->results;
	free(sheet->image.data);
	sheet->image.data = self->results + results_size(sum->count, 0);
	self->is_placed = true;
}

static void place_traces(struct self *self)
{
	self->port.trace.bars = self->station->bar[0];
	self->port.trace.room = TRACE_MAX;
	self->decoder.holds.bars = self->station->bar[1];
	self->decoder.holds.room = TRACE_MAX;
}

/* Before what they lie in is gone. */
static void displace(struct self *self)
{
	self->player.checksum.checksum = NULL;
	self->player.sheet.image.data = NULL;
	self->port.trace.bars = NULL;
	self->decoder.holds.bars = NULL;
}

/*
 * Coming and going.
 */

static int get_buffer(void *owner, unsigned int index, const char *name, size_t size,
		      struct dma_buf **ret_buf)
{
	struct self *self = owner;

	(void)name;
	(void)size;
	return dma_buf_pool_get_buf(self->share, &self->introduction.buffer[index], ret_buf);
}

static int map(struct self *self, const struct dma_buf_pool_handle *handle, struct dma_buf **ret_buf,
	       void *ret_memory)
{
	const int err = dma_buf_pool_get_buf(self->share, handle, ret_buf);

	return err ? err : wire_map(*ret_buf, ret_memory);
}

static int share_timelines(struct self *self)
{
	const int err = dma_buf_pool_share_timeline(self->share, self->port.timeline,
						    &self->work_origin);

	self->doorbell = dma_fence_timeline_create("news");
	if (err || !self->doorbell)
		return err ? err : -ENOMEM;
	return dma_buf_pool_share_timeline(self->share, self->doorbell, &self->doorbell_origin);
}

static int attach(struct self *self)
{
	const int engine = self->assignment.engine;
	int err;

	if (engine == ENGINE_DECODER)
		return decoder_port_attach(&self->decoder);
	err = port_attach(&self->port, &self->pool,
			  engine <= ENGINE_COUNTER ? DMA_BIDIRECTIONAL : DMA_TO_DEVICE);
	/* Orders say where pictures lie in a buffer, and not in the decoder's memory. */
	for (unsigned int i = 0; !err && i < self->pool.count; i++)
		self->pool.buffers[i].decoder_memory = self->port.import[i].memory;
	return err;
}

/* 0 or a negative errno. */
static int settle(struct self *self)
{
	const struct reference *ref = &self->assignment.ref;
	const struct pool_source source = { get_buffer, self };
	const struct decoder_client client = { ask, shown, ended, self };
	int err;

	err = map(self, &self->introduction.station, &self->station_buf, &self->station);
	if (!err)
		err = map(self, &self->introduction.results, &self->results_buf, &self->results);
	if (err)
		return err;
	chaos_points_report(&self->station->report);
	if (!pool_init(&self->pool, &source, self->introduction.buffers, ref->layout.size,
		       &self->player.problem) ||
	    !port_init(&self->port, self->engine))
		return -ENOMEM;
	decoder_port_init(&self->decoder, &self->port, &self->player.decoder, &self->pool,
			  &ref->layout, &client);
	self->decoder.from = self->assignment.from;
	self->port.share = self->share;
	self->port.may_go_on = may_go_on;
	self->engine->owner = self;
	self->engine->report = report;
	place_results(self);
	place_traces(self);
	err = attach(self);
	return err ? err : share_timelines(self);
}

static bool say_hello(struct self *self, int err)
{
	struct hello hello = { .problem = self->player.problem };

	if (err == -ESTALE)
		_exit(LEFT_EVICTED);
	if (err)
		problem_set(&hello.problem, "%s cannot come into the pool: %s", self->engine->name,
			    strerror(-err));
	if (!problem_is(&hello.problem)) {
		hello.is_ready = true;
		hello.doorbell = self->doorbell_origin;
	}
	return wire_send(self->sock, &hello, sizeof(hello)) && hello.is_ready;
}

/* False: it cannot begin, or is not wanted any more. */
static bool come(struct self *self)
{
	struct assignment *assignment = &self->assignment;
	bool is_good;
	int err;

	if (!wire_receive(self->sock, assignment, sizeof(*assignment)))
		return false;
	is_good = player_init(&self->player, &assignment->ref, assignment->path, assignment->part,
			      ENGINE_BIT(assignment->engine));
	self->engine = self->player.engine[assignment->engine];
	prctl(PR_SET_NAME, self->engine->name);
	if (!is_good)
		return say_hello(self, 0);
	chaos_points_begin(&assignment->plan);
	err = dma_buf_pool_join(self->sock, WIRE_PATIENCE_NS, &self->share);
	if (err == -EPIPE || err == -ESTALE)
		return false;
	if (!err && !wire_receive(self->sock, &self->introduction, sizeof(self->introduction)))
		return false;
	if (!err)
		err = settle(self);
	return say_hello(self, err);
}

static void work(struct self *self)
{
	if (self->assignment.engine == ENGINE_DECODER) {
		leave_if(self, decoder_start(&self->player.decoder) ? 0 : -EAGAIN);
	} else {
		leave_if(self, port_start(&self->port) ? 0 : -EAGAIN);
		take_orders(self);
	}
	engine_join(self->engine);
	stay_if_member(self);
	report(self->engine);
	self->station->report.problem = self->engine->problem;
}

static void go(struct self *self)
{
	if (self->is_placed)
		displace(self);
	port_fini(&self->port);
	decoder_port_fini(&self->decoder);
	pool_fini(&self->pool);
	player_fini(&self->player);
	dma_fence_timeline_destroy(self->doorbell);
	if (self->results)
		wire_unmap(self->results_buf);
	dma_buf_put(self->results_buf);
	dma_buf_pool_leave(self->share);
	/* Last, so that it can be told of an end in all that comes before. */
	chaos_points_report(NULL);
	if (self->station)
		wire_unmap(self->station_buf);
	dma_buf_put(self->station_buf);
}

int engine_process(int sock)
{
	static struct self self; /* large */
	const unsigned int descriptors = wire_count_descriptors();
	bool came;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	ffmpeg_log_init();
	self.sock = sock;
	came = come(&self);
	if (came)
		work(&self);
	if (self.engine)
		go(&self);
	if (came && wire_have_leaked(descriptors + WATCHER_DESCRIPTORS))
		return LEFT_LEAKING;
	return came ? LEFT_DONE : LEFT_PROBLEM;
}
