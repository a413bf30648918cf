/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "share/memory-table.h"

#include <errno.h>

#include <fcntl.h>

#include "os/channel.h"
#include "os/clock.h"
#include "os/fault.h"
#include "os/file.h"
#include "os/poll.h"
#include "share/member.h"

static bool is_later(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

/* What is to be closed afterwards: @fd, what was there before, or -1. */
static int put_in(struct pool_memory *entry, const struct mail_memory *memory, uint32_t sender, int fd)
{
	const bool is_first_hand = sender == memory->owner;
	int old = fd;

	if (entry->fd < 0 || is_later(memory->number, entry->number) ||
	    (memory->number == entry->number && is_first_hand && !entry->is_first_hand)) {
		old = entry->fd;
		*entry = (struct pool_memory){
			.owner = memory->owner,
			.number = memory->number,
			.uses = entry->uses,
			.fd = fd,
			.is_first_hand = is_first_hand,
			.denied = entry->denied,
		};
	}
	return old;
}

void memory_table_add(struct dma_buf_pool *pool, const struct mail_memory *memory, uint32_t sender,
		      int fd)
{
	int closed = fd;

	if (memory->buffer < pool->shape.buffers) {
		dmabuf_spin_lock(&pool->lock);
		closed = put_in(&pool->memory[memory->buffer], memory, sender, fd);
		dmabuf_spin_unlock(&pool->lock);
	}
	if (closed >= 0)
		os_file_close(closed);
}

static int find(struct dma_buf_pool *pool, const struct mail_memory *memory)
{
	const struct pool_memory *entry = &pool->memory[memory->buffer];
	int fd = -ENOENT;

	dmabuf_spin_lock(&pool->lock);
	if (entry->fd >= 0 && entry->number == memory->number && entry->owner == memory->owner)
		fd = os_file_dup(entry->fd, true);
	dmabuf_spin_unlock(&pool->lock);
	return fd;
}

static bool is_live(const struct dma_buf_pool *pool, uint32_t buffer, uint32_t number)
{
	return load_acquire(&shm_resv(&pool->shape, pool->base, buffer)->number) == number;
}

static bool is_denied(struct dma_buf_pool *pool, const struct mail_memory *memory)
{
	bool is_denied;

	dmabuf_spin_lock(&pool->lock);
	is_denied = pool->memory[memory->buffer].denied == memory->number;
	dmabuf_spin_unlock(&pool->lock);
	return is_denied;
}

#define PATIENCE_NS INT64_C(1000000000)

/* True: @owner was asked, and may answer until then. */
static bool ask(struct dma_buf_pool *pool, struct member *owner, const struct mail_memory *memory,
		int64_t deadline)
{
	if (owner->channel < 0 || is_denied(pool, memory) || !os_remaining_ns(deadline) ||
	    mail_want_memory(owner, memory))
		return false;
	OS_RACE_POINT("memory: asked for");
	return member_check(owner) == VERDICT_ALIVE;
}

/*
 * Its owner knows it, but our mail box was full when he would have told us. He, or his watcher, reads
 * what we ask.
 */
static int ask_owner(struct dma_buf_pool *pool, const struct mail_memory *memory)
{
	const int64_t deadline = os_deadline_ns(PATIENCE_NS);
	struct member *owner = member_get(pool, memory->owner);
	int fd = -ENOENT;

	if (!owner)
		return -ENOENT;
	while (fd == -ENOENT && ask(pool, owner, memory, deadline) &&
	       !os_poll(owner->channel, deadline, false)) {
		mail_read(pool);
		fd = find(pool, memory);
	}
	member_put(owner);
	return fd;
}

int memory_table_get(struct dma_buf_pool *pool, const struct mail_memory *memory)
{
	int fd;

	if (memory->buffer >= pool->shape.buffers)
		return -ENOENT;
	fd = find(pool, memory);
	if (fd == -ENOENT) {
		OS_RACE_POINT("memory: unknown");
		mail_read(pool);
		fd = find(pool, memory); /* another thread may have read it */
	}
	if (fd == -ENOENT && is_live(pool, memory->buffer, memory->number))
		fd = ask_owner(pool, memory);
	return fd;
}

/* Who may only read gets nothing that can be written. */
static bool may_have(const struct member *member, int fd)
{
	int seals;

	if (!(member->flags & DMA_BUF_POOL_READ_ONLY))
		return true;
	seals = os_file_get_seals(fd);
	return seals >= 0 && seals & NO_WRITING;
}

/*
 * For @member, up to OS_MOST_FDS from *@buffer on, which is moved behind them; the descriptors are the
 * caller's. How many. An errno in *@ret_err: some are missing.
 */
static unsigned int collect(struct dma_buf_pool *pool, const struct member *member, uint32_t *buffer,
			    struct mail_memory *memory, int *fds, int *ret_err)
{
	unsigned int count = 0;

	dmabuf_spin_lock(&pool->lock);
	for (; *buffer < pool->shape.buffers && count < OS_MOST_FDS; ++*buffer) {
		const struct pool_memory *entry = &pool->memory[*buffer];

		if (entry->fd < 0 || !is_live(pool, *buffer, entry->number) ||
		    !may_have(member, entry->fd))
			continue;
		fds[count] = os_file_dup(entry->fd, true);
		if (fds[count] < 0) {
			*ret_err = fds[count];
			break;
		}
		memory[count++] = (struct mail_memory){ entry->owner, *buffer, entry->number };
	}
	dmabuf_spin_unlock(&pool->lock);
	return count;
}

void memory_table_answer(struct dma_buf_pool *pool, const struct member *member,
			 const struct mail_memory *memory)
{
	int fd;

	if (memory->buffer >= pool->shape.buffers)
		return;
	fd = find(pool, memory);
	if (fd >= 0 && may_have(member, fd))
		(void)mail_send_memory(member, memory, &fd, 1);
	else
		(void)mail_deny_memory(member, memory);
	if (fd >= 0)
		os_file_close(fd);
}

void memory_table_deny(struct dma_buf_pool *pool, const struct mail_memory *memory, uint32_t sender)
{
	if (memory->buffer >= pool->shape.buffers || memory->owner != sender)
		return;
	dmabuf_spin_lock(&pool->lock);
	pool->memory[memory->buffer].denied = memory->number;
	dmabuf_spin_unlock(&pool->lock);
}

int memory_table_send(struct dma_buf_pool *pool, const struct member *member)
{
	struct mail_memory memory[OS_MOST_FDS];
	int fds[OS_MOST_FDS];
	uint32_t buffer = 0;
	int err = 0;

	while (!err && buffer < pool->shape.buffers) {
		unsigned int count = collect(pool, member, &buffer, memory, fds, &err);

		if (count && !err)
			err = mail_send_memory(member, memory, fds, count);
		while (count)
			os_file_close(fds[--count]);
	}
	return err;
}

void memory_table_sweep(struct dma_buf_pool *pool, uint32_t buffer)
{
	struct pool_memory *entry = &pool->memory[buffer];
	int fd = -1;

	dmabuf_spin_lock(&pool->lock);
	if (entry->fd >= 0 && (pool->error == -ECHILD || !is_live(pool, buffer, entry->number))) {
		fd = entry->fd;
		entry->fd = -1;
	}
	dmabuf_spin_unlock(&pool->lock);
	if (fd >= 0)
		os_file_close(fd);
}

DMABUF_UNCHECKED("nobody uses it any more")
void memory_table_fini(struct dma_buf_pool *pool)
{
	for (uint32_t i = 0; i < pool->shape.buffers; i++) {
		if (pool->memory[i].fd >= 0)
			os_file_close(pool->memory[i].fd);
	}
}
