/* SPDX-License-Identifier: MIT */
/*
 * What the dispatcher and the process of an engine tell each other.
 *
 * While it comes, over a socket: its assignment, then the two messages of joining the pool, then what
 * it has to know of the pool, and its hello. From then on through its station, a buffer of the pool
 * that the two have for themselves: orders go one way, news the other, each through a ring. Nobody polls:
 * the nth order is there when the nth point of the dispatcher's doorbell has signalled, and the nth
 * news wake by the nth point of the engine's. If the other one dies, that fence says so. How many news
 * there are, a count in the station says: of a point of the dead whose place is another's, nobody gets to
 * know any more that it had signalled.
 */
#ifndef DEMO_WIRE_H
#define DEMO_WIRE_H

#include <dmabuf/dma-buf-pool.h>

#include "chaos-plan.h"
#include "reference.h"
#include "trace.h"
#include "work.h"

/* More than can be under way: an order a buffer and engine, a few news a buffer. */
#define WIRE_ROOM (UINT64_C(4) * POOL_MAX)

/* Lanes of an engine in the timeline: what it works on, and, of a decoder, what it holds. */
#define WIRE_LANES 2

/* Where a picture lies in its buffer. */
struct wire_picture {
	struct picture shape; /* without planes */
	size_t offset[PICTURE_PLANES];
};

/*
 * A frame, the buffer that it is in, and the fence that says it is so. The dispatcher looks at that
 * before it sends it on: with @error it is known to have failed, and with member 0 to be good.
 */
struct wire_frame {
	uint32_t buffer;
	int error;
	struct dma_buf_pool_fence made;
	struct wire_picture picture;
};

enum order_kind {
	ORDER_WORK,   /* on the frames */
	ORDER_BUFFER, /* to a decoder: take that of the one frame */
	ORDER_STOP,   /* to a decoder: there is no buffer, and will be none */
	ORDER_END,    /* do what is there, and end */
};

struct order {
	enum order_kind kind;
	uint32_t count;
	uint64_t frame; /* number of the first; the others follow */
	struct wire_frame in[WORK_FRAMES];
};

enum news_kind {
	NEWS_TAKEN, /* the next order is in its buffers' reservations */
	NEWS_WANTS, /* a decoder wants a buffer */
	NEWS_SHOWN, /* a decoder has put out a frame */
	NEWS_END,   /* a decoder has no more */
};

struct news {
	enum news_kind kind;
	uint64_t frame;
	struct wire_frame out;         /* of a work, as it leaves the engine; its first buffer */
	struct dma_buf_pool_fence hold; /* until when a codec keeps it; member 0: no codec does */
};

/* What becomes of the engine; written by it, and read when it is gone, or for the progress line. */
struct wire_report {
	_Atomic uint64_t done, copied, passed; /* the last: pictures of a decoder, shown or not */
	_Atomic int64_t first_done; /* ns; 0: nothing is done */
	_Atomic int64_t died;       /* ns; at a labelled point; 0: not there */
	_Atomic bool failed;
	_Atomic size_t bars[WIRE_LANES];
	struct problem problem; /* whole when it has ended by itself */
};

struct station {
	struct order order[WIRE_ROOM];
	struct news news[WIRE_ROOM];
	_Atomic uint64_t told; /* so many news */
	struct wire_report report;
	struct trace_bar bar[WIRE_LANES][TRACE_MAX];
};

/* A checksum a frame, and the contact sheet, in one more buffer that outlives its engines. */
static inline size_t results_size(uint64_t frames, size_t image)
{
	return (size_t)frames * sizeof(uint64_t) + image;
}

/* The first message to a new process. */
struct assignment {
	int engine;
	uint64_t from;        /* the first frame that a decoder shall show */
	struct reference ref; /* without checksums */
	char path[4096], part[4096];
	struct chaos_plan plan;
};

/* Once it is a member. */
struct introduction {
	struct dma_buf_pool_handle station, results, buffer[POOL_MAX];
	uint32_t buffers;
	struct dma_buf_pool_fence doorbell; /* its point 0 */
};

struct hello {
	bool is_ready;
	struct dma_buf_pool_fence doorbell; /* its point 0 */
	struct problem problem;
};

/* What it exits with, where it is not killed. */
enum { LEFT_DONE = 0, LEFT_PROBLEM = 1, LEFT_EVICTED = 3, LEFT_LEAKING = 4 };

/* @pic, which is in the @size bytes at @memory. False: it is not. */
bool wire_picture_of(struct wire_picture *wire, const struct picture *pic, const uint8_t *memory,
		     size_t size);
struct picture wire_picture_in(const struct wire_picture *wire, uint8_t *memory);

/*
 * The memory of a station, or of the results, for as long as this process has it: the orders' and the
 * news' fences say who may write, and none of them is in its reservation. 0 or a negative errno.
 */
int wire_map(struct dma_buf *dmabuf, void *ret_memory);
void wire_unmap(struct dma_buf *dmabuf);

/* How long one waits for the other while it comes. */
#define WIRE_PATIENCE_NS INT64_C(20000000000)

/* How many this process has open. */
unsigned int wire_count_descriptors(void);

/*
 * When the pool was left: are there more than @most for good? Another thread of the library may have been at
 * work for the pool, and closes what it has of it a moment later.
 */
bool wire_have_leaked(unsigned int most);

/* Whole messages over a socket. False: the other end is gone. */
bool wire_send(int sock, const void *bytes, size_t size);
bool wire_receive(int sock, void *bytes, size_t size);

#endif
