/* SPDX-License-Identifier: MIT */
/* Kernels without what a pool needs, or processes that may not use it. */
#define _GNU_SOURCE
#include "../os/forbid.h"
#include "members.h"
#include "peers.h"

#include <sys/syscall.h>

static const struct dma_buf_pool_limits limits = {
	.members = 2, .buffers = 2, .fences = 4, .timelines = 2,
};

static struct dma_buf_pool_message invitation;

static void have_no_pidfd(int sock)
{
	struct dma_buf_pool_message answer;
	struct dma_buf_pool *pool = NULL;

	(void)sock;
	if (!forbid(SYS_pidfd_open, ENOSYS))
		_exit(NOTHING_CAN_BE_FORBIDDEN);
	PEER_MUST(dma_buf_pool_create(&limits, &pool) == -ENOSYS);
	PEER_MUST(dma_buf_pool_accept(&invitation, &answer, &pool) == -ENOSYS);
	PEER_MUST(!pool);
}

TEST(without_pidfd_open_there_is_no_pool)
{
	struct dma_buf_pool *host;
	struct peer peer;
	int ended;

	ASSERT_INT(dma_buf_pool_create(&limits, &host), ==, 0);
	ASSERT_INT(dma_buf_pool_invite(host, 0, &invitation), ==, 0);
	peer = peer_fork(have_no_pidfd);
	ended = peer_reap(&peer);
	dma_buf_pool_uninvite(host, &invitation);
	dma_buf_pool_message_close(&invitation);
	leave(host);
	skip_if_nothing_can_be_forbidden(ended);
	ASSERT_INT(ended, ==, 0);
}
