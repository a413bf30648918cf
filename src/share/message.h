/* SPDX-License-Identifier: MIT */
/* What is in an invitation and in an answer. Numbers are as the machine has them: both are on one. */
#ifndef SHARE_MESSAGE_H
#define SHARE_MESSAGE_H

#include <dmabuf/dma-buf-pool.h>

#include "share/layout.h"

#define INVITATION_MAGIC UINT64_C(0x7669746e69627564) /* "dubintiv", nearly */
#define ANSWER_MAGIC UINT64_C(0x72657773616e6264)     /* "dbanswer" */

struct invitation {
	uint64_t magic;
	uint64_t pool_id[2];
	struct pool_shape shape;
	uint32_t version;
	uint32_t inviter;
	uint32_t newcomer;
	uint32_t flags;
	uint32_t inviter_flags;
};

enum { INVITATION_POOL, INVITATION_CHANNEL, INVITATION_PROCESS, INVITATION_FILE, INVITATION_FDS };

struct answer {
	uint64_t magic;
	uint64_t pool_id[2];
	uint32_t newcomer;
	uint32_t process;
};

enum { ANSWER_PROCESS, ANSWER_FILE, ANSWER_FDS };

_Static_assert(sizeof(struct invitation) <= DMA_BUF_POOL_MESSAGE_BYTES, "it fits");
_Static_assert(sizeof(struct answer) <= DMA_BUF_POOL_MESSAGE_BYTES, "it fits");
_Static_assert(INVITATION_FDS <= DMA_BUF_POOL_MESSAGE_FDS, "they fit");

struct invitation invitation_read(const struct dma_buf_pool_message *message);
struct answer answer_read(const struct dma_buf_pool_message *message);

/* @bytes, and copies of @count descriptors. 0 or -errno; @ret_message is written on success. */
int message_make(const void *bytes, size_t size, const int *fds, unsigned int count,
		 struct dma_buf_pool_message *ret_message);

/* As dma_buf_pool_invite() and dma_buf_pool_admit(), but -ETIMEDOUT at the deadline. */
int pool_invite_by(struct dma_buf_pool *pool, unsigned int flags, int64_t deadline,
		   struct dma_buf_pool_message *ret_invitation);
int pool_admit_by(struct dma_buf_pool *pool, const struct dma_buf_pool_message *invitation,
		  const struct dma_buf_pool_message *answer, int64_t deadline,
		  uint32_t *ret_member);

#endif
