/* SPDX-License-Identifier: MIT */
/* Pools, and members of them that are all this process. */
#ifndef MEMBERS_H
#define MEMBERS_H

#include <dmabuf/dma-buf-pool.h>
#include <dmabuf/dmabuf.h>

#include "harness.h"

static inline struct dma_buf_pool *create_pool(const struct dma_buf_pool_limits *limits)
{
	struct dma_buf_pool *pool = NULL;

	ASSERT_INT(dma_buf_pool_create(limits, &pool), ==, 0);
	return pool;
}

/* What it had is freed, too. */
static inline void leave(struct dma_buf_pool *pool)
{
	dma_buf_pool_leave(pool);
	dmabuf_rcu_barrier();
}

static inline struct dma_buf_pool *add_member_with(struct dma_buf_pool *host, uint32_t flags)
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

static inline struct dma_buf_pool *add_member(struct dma_buf_pool *host)
{
	return add_member_with(host, 0);
}

/* What @fence, which @from has, is to @to. */
static inline struct dma_fence *pass_fence(struct dma_buf_pool *from, struct dma_fence *fence,
					   struct dma_buf_pool *to)
{
	struct dma_buf_pool_fence value;
	struct dma_fence *passed;

	ASSERT_INT(dma_buf_pool_export_fence(from, fence, &value), ==, 0);
	passed = dma_buf_pool_import_fence(to, &value);
	ASSERT_FALSE(dmabuf_is_err(passed));
	return passed;
}

#endif
