/* SPDX-License-Identifier: MIT */
/*
 * What members send each other: that somebody is new, where the memory of a buffer is, and that
 * a point has signalled which somebody watches. It is read when somebody needs to know, or by
 * the watcher.
 */
#ifndef SHARE_MAIL_H
#define SHARE_MAIL_H

#include <stdint.h>

struct card;
struct dma_buf_pool;
struct member;

/* Of a buffer: whose it is, which, and the file behind it. */
struct mail_memory {
	uint32_t owner;
	uint32_t buffer;
	uint32_t number;
};

/* Take in all that has come. Sleeps while another thread does. Callbacks may be called. */
void mail_read(struct dma_buf_pool *pool);

/* Nothing is taken in any more. */
void mail_leave(struct dma_buf_pool *pool);

/*
 * Tell the member in a place that a point of one of our timelines has signalled. Does not sleep: mail is read
 * first if that one is not known, by another thread if one is at it. Callbacks may be called then.
 */
void mail_ring(struct dma_buf_pool *pool, unsigned int place, uint32_t timeline);

/* Tell the member in a place that another one is evicted. Likewise. */
void mail_evicted(struct dma_buf_pool *pool, unsigned int place, uint32_t id);

/* Tell @member of another one. 0; -EAGAIN: it does not read its mail; another -errno. */
int mail_send_card(const struct member *member, const struct card *card);

/* Tell a newcomer that it knows all who are there: until then it reads nobody else's mail. Likewise. */
int mail_send_all_known(const struct member *newcomer);

/* Ask it for the memory of a buffer, or say that it does not get it. Likewise. */
int mail_want_memory(const struct member *member, const struct mail_memory *memory);
int mail_deny_memory(const struct member *member, const struct mail_memory *memory);

/* Tell it where the memory of @count buffers is. Likewise. */
int mail_send_memory(const struct member *member, const struct mail_memory *memory, const int *fds,
		     unsigned int count);

#endif
