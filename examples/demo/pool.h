/* SPDX-License-Identifier: MIT */
/*
 * The pool: buffers of one size, each a struct dma_buf, through which every frame goes
 * from the decoder to the last reader.
 *
 * What is said about a buffer falls into two: its reservation, which all engines go by,
 * and the client's notes, which only the client's thread looks at.
 */
#ifndef DEMO_POOL_H
#define DEMO_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include <dmabuf/dma-buf-memfd.h>
#include <dmabuf/dma-fence-timeline.h>

#include "picture.h"
#include "problem.h"
#include "work.h"

#define NOT_SHOWN UINT64_MAX

struct buffer {
	/* Constant after pool_init(). */
	struct dma_buf *dmabuf;
	unsigned int index;
	const uint8_t *decoder_memory; /* where it is for libavcodec; NULL until that attaches */

	/*
	 * Codecs keep pictures, and give them back out of order, so a codec that holds a
	 * buffer is a timeline of that buffer: a codec holds it at most once at a time.
	 */
	struct dma_fence_timeline *decoder_hold, *encoder_hold;
	uint64_t encoder_point; /* the encoder's: the last of encoder_hold that is its own */

	/* The client's notes. */
	struct dma_fence *held;   /* the decoder's hold of the last picture in it, or NULL */
	uint64_t frame;           /* which, in the order shown, or NOT_SHOWN */
	uint64_t used;            /* when a job was last submitted for it */
	unsigned int unsubmitted; /* jobs that this frame still has to get */
	struct picture picture;   /* where libavcodec said that the picture is */
};

struct pool {
	struct buffer *buffers;
	unsigned int count;
	/* The last frames may stay with a reader until later ones come: so many at most. */
	unsigned int kept;
};

/* Where its buffers come from. */
struct pool_source {
	/* The one with that index, of @size bytes: a new reference. 0 or a negative errno. */
	int (*make)(void *owner, unsigned int index, const char *name, size_t size,
		    struct dma_buf **ret_buf);
	void *owner;
};

/* Memory files of this process. */
extern const struct pool_source pool_source_private;

/*
 * @count buffers, at most POOL_MAX, of @size bytes. False: @problem says why. pool_fini() in
 * any case.
 */
bool pool_init(struct pool *pool, const struct pool_source *source, unsigned int count, size_t size,
	       struct problem *problem);
void pool_fini(struct pool *pool);

/*
 * The buffer that the decoder shall get next: one that is idle, else the one whose jobs
 * will be done soonest; @shown frames are out so far. With @ignore_readers, a buffer
 * that only readers use counts as idle, and tearing begins.
 *
 * Returns NULL if no buffer can become idle before the decoder goes on: the pool is
 * too small.
 */
struct buffer *pool_pick(struct pool *pool, uint64_t shown, bool ignore_readers);

/*
 * One that is idle, the one that has been so for longest, or NULL. With @ignore_readers as above.
 */
struct buffer *pool_idle(struct pool *pool, bool ignore_readers);

/* The buffer whose memory for libavcodec begins at @memory, or NULL. */
struct buffer *pool_find(struct pool *pool, const uint8_t *memory);

/* How many buffers some engine, some codec or the client still needs. */
unsigned int pool_in_flight(const struct pool *pool);

#endif
