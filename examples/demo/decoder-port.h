/* SPDX-License-Identifier: MIT */
/*
 * The decoder's port: libavcodec decodes straight into the pool. When it wants memory
 * for a picture (get_buffer2), the decoder asks for a job with a buffer; it waits for that
 * job's fences, as every engine does, and hands the buffer to libavcodec.
 *
 * One that takes over from another, which was killed, shows frames from decoder_port->from on
 * only. libavcodec must see those before, too, and decodes them into memory of its own. What it
 * still has there when their turn comes is copied into the pool.
 */
#ifndef DEMO_DECODER_PORT_H
#define DEMO_DECODER_PORT_H

#include "decoder-engine.h"
#include "port.h"

/* A picture that libavcodec holds. */
struct decoding {
	struct decoder_port *decoder;
	struct buffer *buffer;
	uint64_t seqno;      /* of the job */
	uint64_t hold_seqno; /* of the buffer's decoder_hold */
	uint64_t frame;      /* which, once it was shown */
	size_t bar;
	struct trace_bar hold_bar;
};

struct decoder_port;

/* Who decides which buffers it gets. All are called on the decoder's thread. */
struct decoder_client {
	/* A job for one buffer, submitted; waits for it. NULL: there will be none any more. */
	struct job *(*ask)(struct decoder_port *decoder);
	/* The next frame, in the order shown, is in this buffer. */
	void (*shown)(struct decoder_port *decoder, struct decoding *decoding,
		      const struct picture *pic);
	/* libavcodec holds nothing any more. */
	void (*ended)(struct decoder_port *decoder);
	void *owner;
};

struct decoder_port {
	struct port *port;             /* constant */
	struct decoder_engine *engine; /* constant */
	struct pool *pool;             /* constant */
	const struct layout *layout;   /* constant */
	struct decoder_client client;  /* constant */
	uint64_t from;                 /* constant */

	/* The engine's thread. */
	struct decoding decoding[POOL_MAX]; /* by buffer */
	struct decoding *at_work;           /* whose bar has no end yet */
	uint64_t next;                      /* frame, in the order shown */
	uint64_t finished;                  /* last point signalled */
	struct trace holds;                 /* the engine's thread, then others */
};

/* Connect @engine to the pool. decoder_port_fini() in any case. */
void decoder_port_init(struct decoder_port *decoder, struct port *port,
		       struct decoder_engine *engine, struct pool *pool,
		       const struct layout *layout, const struct decoder_client *client);
void decoder_port_fini(struct decoder_port *decoder);

/* Attach to the pool. Returns 0 or a negative errno. */
int decoder_port_attach(struct decoder_port *decoder);

#endif
