/* SPDX-License-Identifier: MIT */
/* What the programs of these examples have in common: above all, what they say to each other. */
#ifndef POOL_COMMON_H
#define POOL_COMMON_H

#include <dmabuf/dmabuf.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BUFFERS = 3, SIZE = 4096, CONSUMERS = 15, PATIENCE = 2000 /* milliseconds */ };
#define PATIENCE_NS (PATIENCE * INT64_C(1000000))

/* From the producer: this frame is in that buffer, once that fence has signalled. */
struct frame {
	struct dma_buf_pool_fence drawn;
	struct dma_buf_pool_handle buffer;
	uint32_t number;
};

/*
 * A consumer sends its dma_buf_pool_self() when it has joined, and to answer each frame: when its
 * fence is in the buffer, or cannot be. Who does not answer is stopped, or dead.
 */

/* A socket for whole messages: bound to a path, or connected to the one that is. Or -1. */
static inline int open_socket(const char *path, bool binds)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (!(binds ? bind : connect)(sock, (struct sockaddr *)&address, sizeof(address)))
		return sock;
	perror(path); /* one that is there from before is to be removed */
	close(sock);
	return -1;
}

/* False: the other end is gone, or takes nothing. */
static inline bool send_message(int sock, const void *message, size_t size)
{
	return send(sock, message, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size;
}

/* False: the other end is gone; or it is silent for so many milliseconds, then errno is ETIME. */
static inline bool receive_message(int sock, void *message, size_t size, int timeout)
{
	struct pollfd wait = { .fd = sock, .events = POLLIN };
	ssize_t got;

	errno = ETIME;
	if (poll(&wait, 1, timeout) != 1)
		return false;
	do
		got = recv(sock, message, size, 0);
	while (got < 0 && errno == ECONNRESET); /* it did not read all; what it sent comes now */
	return got == (ssize_t)size;
}

/* From now on others see that @fence uses the buffer. -ETIME: somebody does not drop the lock. */
static inline int add_fence(struct dma_buf *dmabuf, struct dma_fence *fence,
			    enum dma_resv_usage usage)
{
	int err = dma_resv_lock_timeout(dmabuf->resv, NULL, PATIENCE_NS);

	if (err)
		return err;
	err = dma_resv_reserve_fences(dmabuf->resv, 1);
	if (!err)
		dma_resv_add_fence(dmabuf->resv, fence, usage);
	dma_resv_unlock(dmabuf->resv);
	return err;
}

/* Who reads for longer than that is stopped, or stuck: the pool goes on without it. */
static inline void wait_for_readers(struct dma_buf_pool *pool, struct dma_buf *dmabuf)
{
	while (!dma_resv_wait_timeout(dmabuf->resv, DMA_RESV_USAGE_READ, false, PATIENCE_NS)) {
		struct dma_buf_pool_fence value;
		struct dma_resv_iter cursor;
		struct dma_fence *fence;

		dma_resv_iter_begin(&cursor, dmabuf->resv, DMA_RESV_USAGE_READ);
		dma_resv_for_each_fence_unlocked(&cursor, fence) {
			if (!dma_buf_pool_export_fence(pool, fence, &value))
				dma_buf_pool_evict(pool, value.member);
		}
		dma_resv_iter_end(&cursor);
	}
}

#endif
