/* SPDX-License-Identifier: MIT */
/* pool-epoll SOCKET: as pool-consumer, but in an event loop, which never waits for a fence. */
#include <sys/epoll.h>

#include "pool-consumer.h"

struct job {
	struct dma_fence_cb cb; /* first, so that a pointer to it is one to the job */
	struct frame frame;
	struct dma_fence *drawn, *done;
	bool is_ready;
};

static struct consumer consumer;
static struct job jobs[BUFFERS]; /* by frame; the producer waits for who had the place before */
static uint32_t first, count;	 /* of the jobs that are under way */
static int error;

/* In dma_buf_pool_watch(), with a lock held: just take note. */
static void note(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	(void)fence;
	((struct job *)cb)->is_ready = true;
}

static int start(const struct frame *frame)
{
	struct job *job = &jobs[frame->number % BUFFERS];
	int err;

	job->frame = *frame;
	job->drawn = dma_buf_pool_import_fence(consumer.pool, &frame->drawn);
	if (dmabuf_is_err(job->drawn))
		return (int)dmabuf_ptr_err(job->drawn);
	job->done = dma_fence_timeline_emit(consumer.timeline);
	err = job->done ? take(&consumer, frame, job->done) : -ENOMEM;
	if (err)
		return err;
	if (!count++)
		first = frame->number;
	if (dma_fence_add_callback(job->drawn, &job->cb, note))
		job->is_ready = true; /* it is drawn already */
	return 0;
}

static void finish(struct job *job)
{
	const int status = dma_fence_get_status(job->drawn);

	error = status < 0 ? status : print(&consumer, &job->frame);
	report(&job->frame, error);
	dma_fence_timeline_signal(consumer.timeline, job->done->seqno, 0);
	dma_fence_put(job->done);
	dma_fence_put(job->drawn);
	job->is_ready = false;
}

/* Put a descriptor into the set; its events have that descriptor as their data. */
static void add(int set, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event))
		error = -errno;
}

int main(int argc, char **argv)
{
	const int set = epoll_create1(EPOLL_CLOEXEC);
	bool is_open = true;

	if (argc != 2 || come(&consumer, argv[1]))
		return 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("member %u\n", consumer.member);
	add(set, consumer.sock);
	add(set, dma_buf_pool_watch_fd(consumer.pool)); /* else a thread calls the callbacks */
	while (is_open || count) {
		struct epoll_event event;
		struct frame frame;

		if (epoll_wait(set, &event, 1, -1) < 1)
			continue;
		if (event.data.fd != consumer.sock)
			dma_buf_pool_watch(consumer.pool);
		else if (receive_message(consumer.sock, &frame, sizeof(frame), 0))
			report(&frame, error = start(&frame));
		else
			is_open = epoll_ctl(set, EPOLL_CTL_DEL, consumer.sock, NULL);
		for (; count && jobs[first % BUFFERS].is_ready; first++, count--)
			finish(&jobs[first % BUFFERS]);
	}
	leave(&consumer);
	return error == -ENODATA ? 0 : 1;
}
