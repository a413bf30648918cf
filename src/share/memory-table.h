/* SPDX-License-Identifier: MIT */
/* Where the memory of buffers is: what this process made, and what others told of. */
#ifndef SHARE_MEMORY_TABLE_H
#define SHARE_MEMORY_TABLE_H

#include "share/mail.h"
#include "share/pool.h"

/*
 * Take over @fd as the memory of a buffer, as @sender says. Its owner's word counts more than that of
 * others, and a later number more than an earlier one; what does not count is closed.
 */
void memory_table_add(struct dma_buf_pool *pool, const struct mail_memory *memory, uint32_t sender,
		      int fd);

/* A descriptor of a buffer's memory, the caller's; -ENOENT: not known, also after all mail was read. */
int memory_table_get(struct dma_buf_pool *pool, const struct mail_memory *memory);

/* Who made it, if that is @sender, does not give it to us. */
void memory_table_deny(struct dma_buf_pool *pool, const struct mail_memory *memory, uint32_t sender);

/* Send @member what it asks for, if it may have it. If nothing goes, it asks again. */
void memory_table_answer(struct dma_buf_pool *pool, const struct member *member,
			 const struct mail_memory *memory);

/* Send all that is known to a new member. 0 or -errno. */
int memory_table_send(struct dma_buf_pool *pool, const struct member *member);

/* If a buffer is no more, close what is kept of it. */
void memory_table_sweep(struct dma_buf_pool *pool, uint32_t buffer);

void memory_table_fini(struct dma_buf_pool *pool);

#endif
