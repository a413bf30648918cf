/* SPDX-License-Identifier: MIT */
/*
 * The decoder's port: libavcodec decodes straight into the pool. When it wants memory
 * for a picture (get_buffer2), the decoder asks the client, who picks a buffer and submits
 * the job; then it waits for that job's fences, as every engine does, and hands the buffer
 * to libavcodec.
 */
#ifndef DEMO_DECODER_PORT_H
#define DEMO_DECODER_PORT_H

#include "decoder-engine.h"
#include "mailbox.h"
#include "port.h"

/* A picture that libavcodec holds. */
struct decoding {
	struct decoder_port *decoder;
	struct buffer *buffer;
	uint64_t seqno;      /* of the job */
	uint64_t hold_seqno; /* of the buffer's decoder_hold */
	size_t bar;
	struct trace_bar hold_bar;
};

struct decoder_port {
	struct port *port;             /* constant */
	struct decoder_engine *engine; /* constant */
	struct pool *pool;             /* constant */
	const struct layout *layout;   /* constant */
	struct mailbox *client;        /* constant */

	/* The engine's thread. */
	struct decoding decoding[POOL_MAX]; /* by buffer */
	struct decoding *at_work;           /* whose bar has no end yet */
	uint64_t finished;                  /* last point signalled */
	struct trace holds;                 /* the engine's thread, then others */
};

/* Connect @engine to the pool. decoder_port_fini() in any case. */
void decoder_port_init(struct decoder_port *decoder, struct port *port,
		       struct decoder_engine *engine, struct pool *pool,
		       const struct layout *layout, struct mailbox *client);
void decoder_port_fini(struct decoder_port *decoder);

/* Attach to the pool. Returns 0 or a negative errno. */
int decoder_port_attach(struct decoder_port *decoder);

#endif
