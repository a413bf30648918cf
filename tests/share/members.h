/* SPDX-License-Identifier: MIT */
/* Pools, and members of them that are all this process. */
#ifndef MEMBERS_H
#define MEMBERS_H

#include <dmabuf/dma-buf-pool.h>
#include <dmabuf/dmabuf.h>

#include "harness.h"

__attribute__((unused)) static struct dma_buf_pool *
create_pool(const struct dma_buf_pool_limits *limits)
{
	struct dma_buf_pool *pool = NULL;

	ASSERT_INT(dma_buf_pool_create(limits, &pool), ==, 0);
	return pool;
}

/* What it had is freed, too. */
__attribute__((unused)) static void leave(struct dma_buf_pool *pool)
{
	dma_buf_pool_leave(pool);
	dmabuf_rcu_barrier();
}

__attribute__((unused)) static struct dma_buf_pool *add_member_with(struct dma_buf_pool *host,
								    uint32_t flags)
{
	struct dma_buf_pool_message invitation, answer;
	struct dma_buf_pool *member = NULL;

	ASSERT_INT(dma_buf_pool_invite(host, flags, &invitation), ==, 0);
	ASSERT_INT(dma_buf_pool_accept(&invitation, &answer, &member), ==, 0);
	ASSERT_INT(dma_buf_pool_admit(host, &invitation, &answer, NULL), ==, 0);
	dma_buf_pool_message_close(&invitation);
	dma_buf_pool_message_close(&answer);
	return member;
}

__attribute__((unused)) static struct dma_buf_pool *add_member(struct dma_buf_pool *host)
{
	return add_member_with(host, 0);
}

#endif
