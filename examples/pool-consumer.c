/* SPDX-License-Identifier: MIT */
/* pool-consumer SOCKET: prints the frames of the pool-producer there. */
#include "pool-consumer.h"

/* 0, or what went wrong, with the drawing or here. */
static int show(struct consumer *consumer, const struct frame *frame, struct dma_fence *done)
{
	struct dma_fence *drawn;
	int err;

	err = take(consumer, frame, done);
	if (err)
		return err;
	/* To wait for the buffer would do, but who waits for the fence also learns how it ended. */
	drawn = dma_buf_pool_import_fence(consumer->pool, &frame->drawn);
	if (dmabuf_is_err(drawn))
		return (int)dmabuf_ptr_err(drawn);
	dma_fence_wait(drawn, false);
	err = dma_fence_get_status(drawn);
	dma_fence_put(drawn);
	return err < 0 ? err : print(consumer, frame);
}

int main(int argc, char **argv)
{
	struct consumer consumer;
	struct frame frame;
	int err;

	err = argc == 2 ? come(&consumer, argv[1]) : -EINVAL;
	if (err) {
		fprintf(stderr, "cannot join: %s\n", strerror(-err));
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("member %u\n", consumer.member);
	while (receive_message(consumer.sock, &frame, sizeof(frame), -1)) {
		struct dma_fence *done = dma_fence_timeline_emit(consumer.timeline);

		err = done ? show(&consumer, &frame, done) : -ENOMEM;
		report(&frame, err);
		if (done)
			dma_fence_timeline_signal(consumer.timeline, done->seqno, 0);
		dma_fence_put(done);
	}
	leave(&consumer);
	return err == -ENODATA ? 0 : 1; /* the producer has said that there is no more */
}
