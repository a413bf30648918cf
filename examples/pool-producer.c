/* SPDX-License-Identifier: MIT */
/*
 * pool-producer SOCKET: draws what it reads, a frame for each piece, for who comes to SOCKET. Each
 * is announced before it is drawn, once the writer's fence is in its buffer; each consumer puts a
 * reader's fence in, and answers. So the buffer itself knows for whom its next writer waits.
 */
#include "pool-common.h"

static struct dma_buf_pool *pool;
static unsigned int count;
static struct consumer {
	int sock;
	unsigned int owes; /* answers */
	uint32_t member;
} consumers[CONSUMERS];

/* Let one in; it begins with the frame that is announced now. */
static void greet(int listener, const struct frame *frame)
{
	struct consumer new = { .sock = accept(listener, NULL, NULL), .owes = 1 };

	if (count < CONSUMERS &&
	    !dma_buf_pool_serve(pool, new.sock, DMA_BUF_POOL_READ_ONLY, PATIENCE_NS, NULL) &&
	    receive_message(new.sock, &new.member, sizeof(new.member), PATIENCE) &&
	    send_message(new.sock, frame, sizeof(*frame)))
		consumers[count++] = new;
	else
		close(new.sock);
}

/* Has it put its fence into all buffers but the last two? */
static bool keeps_up(struct consumer *consumer)
{
	while (consumer->owes >= BUFFERS &&
	       receive_message(consumer->sock, &consumer->member, sizeof(uint32_t), 2 * PATIENCE))
		consumer->owes--;
	if (consumer->owes < BUFFERS)
		return true;
	if (errno == ETIME)
		dma_buf_pool_evict(pool, consumer->member); /* stopped, maybe with a lock */
	close(consumer->sock);
	return false;
}

static bool announce(struct dma_buf *dmabuf, struct dma_fence *drawn, struct frame *frame)
{
	for (unsigned int i = count; i--;) {
		if (!keeps_up(&consumers[i]))
			consumers[i] = consumers[--count];
	}
	wait_for_readers(pool, dmabuf);
	if (dma_buf_begin_cpu_access(dmabuf, DMA_TO_DEVICE) || /* before its own fence is in */
	    add_fence(dmabuf, drawn, DMA_RESV_USAGE_WRITE) ||
	    dma_buf_pool_export_fence(pool, drawn, &frame->drawn) ||
	    dma_buf_pool_get_handle(dmabuf, &frame->buffer))
		return false;
	for (unsigned int i = 0; i < count; consumers[i++].owes++)
		send_message(consumers[i].sock, frame, sizeof(*frame));
	return true;
}

int main(int argc, char **argv)
{
	const struct dma_buf_pool_limits limits = { 1 + CONSUMERS, BUFFERS, 1 + CONSUMERS, 4 };
	struct dma_fence_timeline *timeline = dma_fence_timeline_create("producer");
	struct pollfd wait[] = { { .events = POLLIN }, { .events = POLLIN } }; /* input, guests */
	struct frame frame = { .number = 0 };
	struct dma_buf *buffers[BUFFERS];

	wait[1].fd = argc == 2 ? open_socket(argv[1], true) : -1;
	if (listen(wait[1].fd, CONSUMERS) || !timeline || dma_buf_pool_create(&limits, &pool))
		return 1;
	for (unsigned int i = 0; i < BUFFERS; i++) {
		if (dma_buf_pool_alloc(pool, "frame", SIZE, DMA_BUF_POOL_OWNER_WRITES, &buffers[i]))
			return 1;
	}
	for (ssize_t length = 1; length > 0; frame.number++) {
		struct dma_buf *dmabuf = buffers[frame.number % BUFFERS];
		struct dma_fence *drawn = dma_fence_timeline_emit(timeline);
		void *pixels;

		if (!drawn || dma_buf_mmap_cpu(dmabuf, PROT_READ | PROT_WRITE, &pixels) ||
		    !announce(dmabuf, drawn, &frame))
			return 1;
		dprintf(STDOUT_FILENO, "frame %u?\n", frame.number);
		while (poll(wait, 2, -1) > 0 && wait[1].revents)
			greet(wait[1].fd, &frame);
		memset(pixels, 0, SIZE);
		length = read(STDIN_FILENO, pixels, SIZE - 1);
		dma_buf_end_cpu_access(dmabuf, DMA_TO_DEVICE);
		dma_fence_timeline_signal(timeline, drawn->seqno, length > 0 ? 0 : -ENODATA);
		dma_fence_put(drawn);
	}
	for (unsigned int i = 0; i < BUFFERS; i++)
		dma_buf_put(buffers[i]);
	dma_buf_pool_leave(pool);
	dma_fence_timeline_destroy(timeline);
	return 0;
}
