/* SPDX-License-Identifier: MIT */
/*
 * The door, from inside. An invitation has the pool's file, an end of the channel to the one who invites,
 * and its timelines; the answer has the newcomer's (guest.c). Then it is told of all others, and they of it,
 * before its place is PLACE_LIVE; so whoever meets something of the newcomer's finds it in his mail.
 *
 * Who invites holds the admission lock while it makes the newcomer known, never while it waits for it. Where
 * that fails half-way, some know a newcomer who will never live: the next one has another id.
 */
#include <errno.h>
#include <string.h>

#include "debug/lockdep.h"
#include "os/channel.h"
#include "os/clock.h"
#include "os/fault.h"
#include "os/file.h"
#include "share/mail.h"
#include "share/member.h"
#include "share/memory-table.h"
#include "share/message.h"
#include "share/place.h"
#include "share/watcher.h"

/*
 * Guests.
 */

static void keep_guest(struct dma_buf_pool *pool, uint32_t newcomer, uint32_t flags, int channel)
{
	struct guest *guest = &pool->guest[member_place(newcomer)];
	int old;

	dmabuf_spin_lock(&pool->lock);
	old = guest->channel;
	*guest = (struct guest){ newcomer, flags, channel };
	dmabuf_spin_unlock(&pool->lock);
	if (old >= 0)
		os_file_close(old);
}

/* Who was invited by this process, and is not admitted; without a channel: nobody. */
static struct guest take_guest(struct dma_buf_pool *pool, uint32_t newcomer)
{
	struct guest taken = { .channel = -1 };

	if (member_place(newcomer) >= MOST_MEMBERS)
		return taken;
	dmabuf_spin_lock(&pool->lock);
	if (pool->guest[member_place(newcomer)].id == newcomer) {
		taken = pool->guest[member_place(newcomer)];
		pool->guest[member_place(newcomer)].channel = -1;
	}
	dmabuf_spin_unlock(&pool->lock);
	return taken;
}

/*
 * Inviting.
 */

static int take_place(struct dma_buf_pool *pool, int64_t deadline, uint32_t *ret_id)
{
	int err;

	err = places_lock(pool, deadline);
	if (err)
		return err;
	*ret_id = place_take(pool);
	if (!*ret_id) {
		places_reclaim(pool);
		*ret_id = place_take(pool);
	}
	places_unlock(pool);
	return *ret_id ? 0 : -EUSERS;
}

static int write_invitation(struct dma_buf_pool *pool, uint32_t newcomer, unsigned int flags,
			    int channel, struct dma_buf_pool_message *ret_message)
{
	const struct invitation invitation = {
		.magic = INVITATION_MAGIC,
		.pool_id = { pool->id[0], pool->id[1] },
		.shape = pool->shape,
		.version = POOL_VERSION,
		.inviter = pool->self->id,
		.newcomer = newcomer,
		.flags = flags,
		.inviter_flags = pool->flags,
	};
	const int fds[] = {
		[INVITATION_POOL] = pool->file,
		[INVITATION_CHANNEL] = channel,
		[INVITATION_PROCESS] = pool->self->process,
		[INVITATION_FILE] = pool->self->file,
	};

	return message_make(&invitation, sizeof(invitation), fds, INVITATION_FDS, ret_message);
}

int pool_invite_by(struct dma_buf_pool *pool, unsigned int flags, int64_t deadline,
		   struct dma_buf_pool_message *ret_invitation)
{
	uint32_t newcomer;
	int ends[2];
	int err;

	flags |= pool->flags; /* who may only read brings nobody in who may do more */
	err = take_place(pool, deadline, &newcomer);
	if (err)
		return err;
	OS_RACE_POINT("door: has a place");
	err = os_channel_pair(ends);
	if (err)
		goto give_back;
	err = write_invitation(pool, newcomer, flags, ends[1], ret_invitation);
	os_file_close(ends[1]);
	if (err) {
		os_file_close(ends[0]);
		goto give_back;
	}
	keep_guest(pool, newcomer, flags, ends[0]);
	return 0;

give_back:
	place_settle(pool, newcomer, PLACE_FREE);
	return err;
}

int dma_buf_pool_invite(struct dma_buf_pool *pool, unsigned int flags,
			struct dma_buf_pool_message *ret_invitation)
{
	lockdep_might_sleep();
	if (!pool || !ret_invitation || flags & ~DMA_BUF_POOL_READ_ONLY)
		return -EINVAL;
	return pool_invite_by(pool, flags, INT64_MAX, ret_invitation);
}

void dma_buf_pool_uninvite(struct dma_buf_pool *pool, const struct dma_buf_pool_message *invitation)
{
	const uint32_t newcomer = invitation_read(invitation).newcomer;
	const struct guest guest = take_guest(pool, newcomer);

	if (guest.channel < 0)
		return;
	os_file_close(guest.channel);
	place_settle(pool, newcomer, PLACE_FREE);
}

/*
 * Admitting.
 */

static struct card as_card(const struct member *member)
{
	return (struct card){
		.id = member->id,
		.flags = member->flags,
		.process = member->process,
		.file = member->file,
	};
}

/* Tell @member and @newcomer of each other. Who is gone, or about to be found so, needs not be told. */
static int introduce(struct member *member, struct member *newcomer)
{
	struct card card = as_card(newcomer);
	int ends[2];
	int err;

	err = os_channel_pair(ends);
	if (err)
		return err;
	card.channel = ends[0];
	err = mail_send_card(member, &card);
	OS_RACE_POINT("door: told one of the other");
	if (!err || err == -EPIPE) {
		card = as_card(member);
		card.channel = ends[1];
		err = mail_send_card(newcomer, &card);
	} else if (err == -EAGAIN && member_is_evicted(member)) {
		err = 0; /* a newcomer that does not know it lets it keep its place */
	}
	os_file_close(ends[0]);
	os_file_close(ends[1]);
	return err == -EPIPE ? 0 : err;
}

/* Of all that have a place: also of the dead, whose channel is seen to be, and the evicted, who may go on. */
static int introduce_to_all(struct dma_buf_pool *pool, struct member *newcomer)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < pool->shape.members; i++) {
		const uint32_t id = place_taken(pool, i);
		struct member *member = id && id != pool->self->id ? member_get(pool, id) : NULL;

		if (!member)
			continue;
		err = introduce(member, newcomer);
		member_put(member);
	}
	return err;
}

/* All that the newcomer must know, and that must know it. */
static int make_known(struct dma_buf_pool *pool, struct member *newcomer)
{
	int err;

	err = introduce_to_all(pool, newcomer);
	if (err)
		return err;
	err = mail_send_all_known(newcomer);
	if (err && err != -EPIPE)
		return err;
	OS_RACE_POINT("door: told all of each other");
	mail_read(pool); /* of buffers, of which those who made them have told before this lock was taken */
	err = memory_table_send(pool, newcomer);
	if (err == -EAGAIN)
		watcher_need(pool); /* it will ask, when it needs more */
	return err == -EPIPE || err == -EAGAIN ? 0 : err;
}

/* From now on there is no way back: @newcomer is one of us, or never will be. */
static int let_in(struct dma_buf_pool *pool, struct member *newcomer)
{
	struct member *old = NULL;
	int err;

	err = make_known(pool, newcomer);
	OS_RACE_POINT("door: made known");
	if (!err && !member_enter(newcomer, &old))
		err = -EPROTO; /* an enemy was before it */
	if (err) {
		place_settle(pool, newcomer->id, PLACE_FREE);
		member_put(newcomer);
		return err;
	}
	if (old) {
		member_judge(old, VERDICT_DEAD);
		member_put(old);
	}
	if (place_settle(pool, newcomer->id, PLACE_LIVE))
		return 0;
	err = pool_check(pool);
	return err ? err : -EPROTO;
}

/* What it answered, and the channel, become a member; or stay the caller's. */
static int make_guest(struct dma_buf_pool *pool, const struct guest *guest,
		      const struct dma_buf_pool_message *answer, struct member **ret_member)
{
	struct dma_buf_pool_message copies;
	struct card card;
	int err;

	err = message_make(answer->bytes, sizeof(answer->bytes), answer->fd, answer->count, &copies);
	if (err)
		return err;
	card = (struct card){
		.id = guest->id,
		.flags = guest->flags,
		.channel = guest->channel,
		.process = copies.fd[ANSWER_PROCESS],
		.file = copies.fd[ANSWER_FILE],
	};
	err = member_make(pool, &card, ret_member);
	if (err)
		dma_buf_pool_message_close(&copies);
	return err;
}

static int admit_locked(struct dma_buf_pool *pool, uint32_t newcomer,
			const struct dma_buf_pool_message *answer)
{
	const struct guest guest = take_guest(pool, newcomer);
	struct member *member;
	int err;

	if (guest.channel < 0)
		return -EPROTO;
	err = place_is_invited(pool, newcomer) ? make_guest(pool, &guest, answer, &member) : -EPROTO;
	if (!err)
		return let_in(pool, member);
	keep_guest(pool, newcomer, guest.flags, guest.channel);
	return err;
}

static bool is_answer_to(const struct dma_buf_pool *pool, const struct answer *answer,
			 unsigned int count, uint32_t newcomer)
{
	return count == ANSWER_FDS && answer->magic == ANSWER_MAGIC &&
	       answer->pool_id[0] == pool->id[0] && answer->pool_id[1] == pool->id[1] &&
	       answer->newcomer == newcomer && member_place(newcomer) < pool->shape.members;
}

int pool_admit_by(struct dma_buf_pool *pool, const struct dma_buf_pool_message *invitation,
		  const struct dma_buf_pool_message *answer, int64_t deadline,
		  uint32_t *ret_member)
{
	const uint32_t newcomer = invitation_read(invitation).newcomer;
	const struct answer read = answer_read(answer);
	int err;

	err = places_lock(pool, deadline);
	if (err)
		return err;
	if (is_answer_to(pool, &read, answer->count, newcomer)) {
		store_relaxed(&shm_place(pool->base, member_place(newcomer))->process, read.process);
		err = admit_locked(pool, newcomer, answer);
	} else {
		err = -EPROTO;
	}
	places_unlock(pool);
	if (!err && ret_member)
		*ret_member = newcomer;
	return err;
}

int dma_buf_pool_admit(struct dma_buf_pool *pool, const struct dma_buf_pool_message *invitation,
		       const struct dma_buf_pool_message *answer, uint32_t *ret_member)
{
	lockdep_might_alloc();
	lockdep_might_sleep();
	if (!pool || !invitation || !answer)
		return -EINVAL;
	return pool_admit_by(pool, invitation, answer, INT64_MAX, ret_member);
}
