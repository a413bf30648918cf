/* SPDX-License-Identifier: MIT */
/* The door, from outside: who was invited answers, and waits. It believes nothing that it can check. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "debug/lockdep.h"
#include "os/clock.h"
#include "os/fault.h"
#include "os/file.h"
#include "os/futex.h"
#include "os/process.h"
#include "share/mail.h"
#include "share/member.h"
#include "share/message.h"
#include "share/place.h"

/*
 * Accepting.
 */

static bool is_fine(const struct dma_buf_pool_message *message, const struct invitation *invitation)
{
	const uint32_t newcomer = invitation->newcomer;

	return message->count == INVITATION_FDS && invitation->magic == INVITATION_MAGIC &&
	       invitation->version == POOL_VERSION && shape_is_fine(&invitation->shape) &&
	       !(invitation->flags & ~DMA_BUF_POOL_READ_ONLY) &&
	       member_place(newcomer) < invitation->shape.members && member_generation(newcomer) &&
	       !(newcomer & 1);
}

/* Is the file what a pool's must be? It cannot change any more then. */
static int check_file(int fd, const struct pool_shape *shape)
{
	const int seals = os_file_get_seals(fd);
	struct os_file file;

	if (seals < 0 || (seals & (POOL_SEALS | NO_WRITING)) != POOL_SEALS ||
	    !os_file_is_ordinary(fd) || os_file_inspect(fd, &file))
		return -EPROTO;
	return file.readable && file.writable && file.size == pool_file_size(shape) ? 0 : -EPROTO;
}

/* And is there a pool still? */
static int check_head(const struct dma_buf_pool *pool)
{
	const struct shm_head *head = pool_head(pool);
	struct pool_shape shape;

	shape.members = load_relaxed(&head->shape.members);
	shape.buffers = load_relaxed(&head->shape.buffers);
	shape.fences = load_relaxed(&head->shape.fences);
	shape.timelines = load_relaxed(&head->shape.timelines);
	if (load_relaxed(&head->magic) != POOL_MAGIC ||
	    load_relaxed(&head->version) != POOL_VERSION ||
	    load_relaxed(&head->size) != pool_file_size(&pool->shape) ||
	    load_relaxed(&head->id[0]) != pool->id[0] ||
	    load_relaxed(&head->id[1]) != pool->id[1] ||
	    memcmp(&shape, &pool->shape, sizeof(shape)) != 0)
		return -EPROTO;
	return pool_is_over(pool) ? -ESTALE : 0;
}

static int open_invited(const struct invitation *invitation, int fd, struct dma_buf_pool **ret_pool)
{
	const int own = os_file_dup(fd, true);
	int err;

	if (own < 0)
		return own;
	err = check_file(own, &invitation->shape);
	if (!err)
		err = pool_open(&invitation->shape, own, ret_pool);
	if (err)
		os_file_close(own);
	return err;
}

/* The one who invited, by copies of its descriptors. */
static int add_inviter(struct dma_buf_pool *pool, const struct invitation *invitation,
		       const int *fds)
{
	struct dma_buf_pool_message copies;
	struct member *member, *nobody;
	struct card card;
	int err;

	err = message_make("", 0, fds + 1, INVITATION_FDS - 1, &copies); /* the pool's file is open */
	if (err)
		return err;
	card = (struct card){
		.id = invitation->inviter,
		.flags = invitation->inviter_flags,
		.channel = copies.fd[INVITATION_CHANNEL - 1],
		.process = copies.fd[INVITATION_PROCESS - 1],
		.file = copies.fd[INVITATION_FILE - 1],
	};
	err = member_make(pool, &card, &member);
	if (err) {
		dma_buf_pool_message_close(&copies);
		return err;
	}
	member_enter(member, &nobody); /* but this process there is nobody yet */
	return 0;
}

static int write_answer(const struct dma_buf_pool *pool, struct dma_buf_pool_message *ret_message)
{
	const struct answer answer = {
		.magic = ANSWER_MAGIC,
		.pool_id = { pool->id[0], pool->id[1] },
		.newcomer = pool->self->id,
		.process = os_process_number(),
	};
	const int fds[] = {
		[ANSWER_PROCESS] = pool->self->process,
		[ANSWER_FILE] = pool->self->file,
	};

	return message_make(&answer, sizeof(answer), fds, ANSWER_FDS, ret_message);
}

/* Of a pool that has been opened: to its members. */
static int come_in(struct dma_buf_pool *pool, const struct invitation *invitation,
		   const struct dma_buf_pool_message *message,
		   struct dma_buf_pool_message *ret_answer)
{
	int err;

	pool->id[0] = invitation->pool_id[0];
	pool->id[1] = invitation->pool_id[1];
	pool->flags = invitation->flags;
	pool->inviter = invitation->inviter;
	store_release(&pool->error, -EAGAIN);
	err = check_head(pool);
	if (!err)
		err = member_add_self(pool, invitation->newcomer);
	if (!err)
		err = add_inviter(pool, invitation, message->fd);
	if (!err)
		err = write_answer(pool, ret_answer);
	return err;
}

int dma_buf_pool_accept(const struct dma_buf_pool_message *invitation,
			struct dma_buf_pool_message *ret_answer, struct dma_buf_pool **ret_pool)
{
	struct dma_buf_pool *pool;
	struct invitation read;
	int err;

	lockdep_might_alloc();
	if (!invitation || !ret_answer || !ret_pool)
		return -EINVAL;
	read = invitation_read(invitation);
	if (!is_fine(invitation, &read))
		return -EPROTO;
	err = open_invited(&read, invitation->fd[INVITATION_POOL], &pool);
	if (err)
		return err;
	OS_RACE_POINT("guest: opened");
	err = come_in(pool, &read, invitation, ret_answer);
	if (err) {
		member_forget_all(pool);
		pool_put(pool);
		return err;
	}
	*ret_pool = pool;
	return 0;
}

/*
 * Waiting.
 */

static bool is_wanted(struct dma_buf_pool *pool, uint64_t word)
{
	return member_check_id(pool, pool->inviter) == VERDICT_ALIVE &&
	       (word == place_word_by(PLACE_INVITED, pool->self->id, pool->inviter) ||
		word == place_word(PLACE_LIVE, pool->self->id));
}

int dma_buf_pool_await(struct dma_buf_pool *pool, int64_t timeout)
{
	const int64_t deadline = os_deadline_ns(timeout);

	lockdep_might_sleep();
	if (!pool || timeout < 0)
		return -EINVAL;
	for (;;) {
		const uint32_t verdicts = load_acquire(&pool->verdicts);
		const int64_t slice = os_deadline_ns(POOL_SLICE_NS);
		const int err = pool_check(pool);
		const uint64_t *place;
		uint64_t word;

		if (err != -EAGAIN)
			return err;
		place = &shm_place(pool->base, member_place(pool->self->id))->word;
		word = load_acquire(place);
		if (!is_wanted(pool, word))
			return -EPIPE;
		if (!os_remaining_ns(deadline))
			return -ETIMEDOUT;
		os_futex_wait_shared(low_half(place), (uint32_t)word, &pool->verdicts, verdicts,
				     slice < deadline ? slice : deadline, false);
	}
}
