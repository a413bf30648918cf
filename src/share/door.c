/* SPDX-License-Identifier: MIT */
/*
 * Joining. An invitation has the pool's file, an end of the channel to the one who invites, and its
 * timelines; the answer has the newcomer's. Then it is told of all others, and they of it, before
 * its place is PLACE_LIVE; so whoever meets something of the newcomer's finds it in his mail.
 *
 * Who invites holds the admission lock while it makes the newcomer known, never while it waits for it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "os/channel.h"
#include "os/clock.h"
#include "os/fault.h"
#include "os/file.h"
#include "os/futex.h"
#include "os/process.h"
#include "share/member.h"
#include "share/memory-table.h"
#include "share/place.h"

#define INVITATION_MAGIC UINT64_C(0x7669746e69627564) /* "dubintiv", nearly */
#define ANSWER_MAGIC UINT64_C(0x72657773616e6264)     /* "dbanswer" */
#define SLICE_NS 10000000

struct invitation {
	uint64_t magic;
	uint64_t pool_id[2];
	struct pool_shape shape;
	uint32_t version;
	uint32_t inviter;
	uint32_t newcomer;
	uint32_t flags;
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
_Static_assert(INVITATION_FDS <= DMA_BUF_POOL_MESSAGE_FDS, "they fit");

void dma_buf_pool_message_close(struct dma_buf_pool_message *message)
{
	while (message->count)
		os_file_close(message->fd[--message->count]);
}

/* Copies of @fd, which all are open; on failure none is left. */
static int add_fds(struct dma_buf_pool_message *message, const int *fd, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		const int copy = os_file_dup(fd[i], true);

		if (copy < 0) {
			dma_buf_pool_message_close(message);
			return copy;
		}
		message->fd[message->count++] = copy;
	}
	return 0;
}

/*
 * Inviting.
 */

static void keep_channel(struct dma_buf_pool *pool, uint32_t newcomer, int channel)
{
	int *kept = &pool->guest_channel[member_place(newcomer)];
	int old;

	dmabuf_spin_lock(&pool->lock);
	old = *kept;
	*kept = channel;
	dmabuf_spin_unlock(&pool->lock);
	if (old >= 0)
		os_file_close(old);
}

static int take_channel(struct dma_buf_pool *pool, uint32_t newcomer)
{
	int *kept = &pool->guest_channel[member_place(newcomer)];
	int channel;

	dmabuf_spin_lock(&pool->lock);
	channel = *kept;
	*kept = -1;
	dmabuf_spin_unlock(&pool->lock);
	return channel;
}

static int take_place(struct dma_buf_pool *pool, unsigned int flags, uint32_t *ret_id)
{
	int err;

	err = places_lock(pool);
	if (err)
		return err;
	*ret_id = place_take(pool, flags);
	if (!*ret_id) {
		places_reclaim(pool);
		*ret_id = place_take(pool, flags);
	}
	places_unlock(pool);
	return *ret_id ? 0 : -EUSERS;
}

static void give_back_place(struct dma_buf_pool *pool, uint32_t newcomer)
{
	if (places_lock(pool))
		return;
	if (place_is(pool, newcomer, PLACE_INVITED))
		place_settle(pool, newcomer, PLACE_FREE);
	places_unlock(pool);
}

static int write_invitation(struct dma_buf_pool *pool, uint32_t newcomer, unsigned int flags,
			    int channel, struct dma_buf_pool_message *message)
{
	const struct invitation invitation = {
		.magic = INVITATION_MAGIC,
		.pool_id = { pool->id[0], pool->id[1] },
		.shape = pool->shape,
		.version = POOL_VERSION,
		.inviter = pool->self->id,
		.newcomer = newcomer,
		.flags = flags,
	};
	const int fds[] = {
		[INVITATION_POOL] = pool->file,
		[INVITATION_CHANNEL] = channel,
		[INVITATION_PROCESS] = pool->self->process,
		[INVITATION_FILE] = pool->self->file,
	};

	*message = (struct dma_buf_pool_message){ .count = 0 };
	memcpy(message->bytes, &invitation, sizeof(invitation));
	return add_fds(message, fds, INVITATION_FDS);
}

int dma_buf_pool_invite(struct dma_buf_pool *pool, unsigned int flags,
			struct dma_buf_pool_message *ret_invitation)
{
	uint32_t newcomer;
	int ends[2];
	int err;

	if (!pool || !ret_invitation || flags & ~DMA_BUF_POOL_READ_ONLY)
		return -EINVAL;
	err = take_place(pool, flags, &newcomer);
	if (err)
		return err;
	err = os_channel_pair(ends);
	if (err)
		goto give_back;
	err = write_invitation(pool, newcomer, flags, ends[1], ret_invitation);
	os_file_close(ends[1]);
	if (err) {
		os_file_close(ends[0]);
		goto give_back;
	}
	keep_channel(pool, newcomer, ends[0]);
	return 0;

give_back:
	give_back_place(pool, newcomer);
	return err;
}

static struct invitation read_invitation(const struct dma_buf_pool_message *message)
{
	struct invitation invitation;

	memcpy(&invitation, message->bytes, sizeof(invitation));
	return invitation;
}

void dma_buf_pool_uninvite(struct dma_buf_pool *pool, const struct dma_buf_pool_message *invitation)
{
	const uint32_t newcomer = read_invitation(invitation).newcomer;

	if (member_place(newcomer) >= pool->shape.members)
		return;
	keep_channel(pool, newcomer, -1);
	give_back_place(pool, newcomer);
}

/*
 * Accepting.
 */

static int check_invitation(const struct dma_buf_pool_message *message,
			    struct invitation *ret_invitation)
{
	const struct invitation invitation = read_invitation(message);
	const uint32_t newcomer = invitation.newcomer;

	if (message->count != INVITATION_FDS || invitation.magic != INVITATION_MAGIC ||
	    invitation.version != POOL_VERSION || !shape_is_fine(&invitation.shape) ||
	    member_place(newcomer) >= invitation.shape.members || !member_generation(newcomer) ||
	    newcomer & 1)
		return -EPROTO;
	*ret_invitation = invitation;
	return 0;
}

static int check_file(int fd, const struct pool_shape *shape)
{
	const int seals = os_file_get_seals(fd);
	struct os_file file;
	int err;

	if (seals < 0 || (seals & POOL_SEALS) != POOL_SEALS)
		return -EPROTO;
	err = os_file_inspect(fd, &file);
	if (err)
		return err;
	return file.size == pool_file_size(shape) ? 0 : -EPROTO;
}

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
	    load_relaxed(&head->id[0]) != pool->id[0] ||
	    load_relaxed(&head->id[1]) != pool->id[1] ||
	    memcmp(&shape, &pool->shape, sizeof(shape)) != 0)
		return -EPROTO;
	return 0;
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

/* The one who invited; copies of its descriptors. */
static int add_inviter(struct dma_buf_pool *pool, uint32_t inviter, const int *fds)
{
	struct dma_buf_pool_message copies = { .count = 0 };
	struct card card = { .id = inviter };
	int err;

	err = add_fds(&copies, fds, INVITATION_FDS);
	if (err)
		return err;
	os_file_close(copies.fd[INVITATION_POOL]);
	card.channel = copies.fd[INVITATION_CHANNEL];
	card.process = copies.fd[INVITATION_PROCESS];
	card.file = copies.fd[INVITATION_FILE];
	err = member_add(pool, &card);
	if (!err)
		return 0;
	os_file_close(card.channel);
	os_file_close(card.process);
	os_file_close(card.file);
	return err == -EEXIST ? -EPROTO : err;
}

static int write_answer(const struct dma_buf_pool *pool, struct dma_buf_pool_message *message)
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

	*message = (struct dma_buf_pool_message){ .count = 0 };
	memcpy(message->bytes, &answer, sizeof(answer));
	return add_fds(message, fds, ANSWER_FDS);
}

int dma_buf_pool_accept(const struct dma_buf_pool_message *invitation,
			struct dma_buf_pool_message *ret_answer, struct dma_buf_pool **ret_pool)
{
	struct invitation read;
	struct dma_buf_pool *pool;
	int err;

	if (!invitation || !ret_answer || !ret_pool)
		return -EINVAL;
	err = check_invitation(invitation, &read);
	if (err)
		return err;
	err = open_invited(&read, invitation->fd[INVITATION_POOL], &pool);
	if (err)
		return err;
	pool->id[0] = read.pool_id[0];
	pool->id[1] = read.pool_id[1];
	pool->flags = read.flags;
	pool->inviter = read.inviter;
	store_release(&pool->error, -EAGAIN);
	err = check_head(pool);
	if (!err)
		err = member_add_self(pool, read.newcomer);
	if (!err)
		err = add_inviter(pool, read.inviter, invitation->fd);
	if (!err)
		err = write_answer(pool, ret_answer);
	if (err) {
		member_forget_all(pool);
		pool_put(pool);
		return err;
	}
	*ret_pool = pool;
	return 0;
}

/*
 * Admitting.
 */

/* Tell @member and @newcomer of each other. */
static int introduce(struct member *member, struct member *newcomer)
{
	struct card card = { .id = newcomer->id, .process = newcomer->process, .file = newcomer->file };
	int ends[2];
	int err;

	err = os_channel_pair(ends);
	if (err)
		return err;
	card.channel = ends[0];
	err = mail_send_card(member, &card);
	if (!err) {
		card = (struct card){ member->id, ends[1], member->process, member->file };
		err = mail_send_card(newcomer, &card);
	}
	os_file_close(ends[0]);
	os_file_close(ends[1]);
	return err == -EPIPE ? 0 : err; /* it is about to be found dead */
}

static int introduce_to_all(struct dma_buf_pool *pool, struct member *newcomer)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < pool->shape.members; i++) {
		const uint32_t id = place_live(pool, i);
		struct member *member = id && id != pool->self->id ? member_get(pool, id) : NULL;

		if (!member)
			continue;
		if (member_check(member) == VERDICT_ALIVE)
			err = introduce(member, newcomer);
		member_put(member);
	}
	return err ? err : memory_table_send(pool, newcomer);
}

static int admit_locked(struct dma_buf_pool *pool, uint32_t newcomer)
{
	struct member *member;
	int err;

	if (!place_is(pool, newcomer, PLACE_INVITED))
		return -EPROTO;
	member = member_get(pool, newcomer);
	if (!member)
		return -EPROTO;
	err = introduce_to_all(pool, member);
	if (!err)
		place_settle(pool, newcomer, PLACE_LIVE);
	member_put(member);
	return err;
}

/* Copies of what the answer has, and the channel, become a member that nobody else knows. */
static int add_guest(struct dma_buf_pool *pool, uint32_t newcomer, const int *fds)
{
	struct dma_buf_pool_message copies = { .count = 0 };
	struct card card = { .id = newcomer };
	int err;

	err = add_fds(&copies, fds, ANSWER_FDS);
	if (err)
		return err;
	card.channel = take_channel(pool, newcomer);
	card.process = copies.fd[ANSWER_PROCESS];
	card.file = copies.fd[ANSWER_FILE];
	err = card.channel < 0 ? -EPROTO : member_add(pool, &card);
	if (!err)
		return 0;
	dma_buf_pool_message_close(&copies);
	if (card.channel >= 0)
		os_file_close(card.channel);
	return err == -EEXIST ? -EPROTO : err;
}

static bool is_answer_to(const struct dma_buf_pool *pool, const struct answer *answer,
			 const struct dma_buf_pool_message *message, uint32_t newcomer)
{
	return message->count == ANSWER_FDS && answer->magic == ANSWER_MAGIC &&
	       answer->pool_id[0] == pool->id[0] && answer->pool_id[1] == pool->id[1] &&
	       answer->newcomer == newcomer && member_place(newcomer) < pool->shape.members;
}

int dma_buf_pool_admit(struct dma_buf_pool *pool, const struct dma_buf_pool_message *invitation,
		       const struct dma_buf_pool_message *answer)
{
	uint32_t newcomer;
	struct answer read;
	int err;

	if (!pool || !invitation || !answer)
		return -EINVAL;
	newcomer = read_invitation(invitation).newcomer;
	memcpy(&read, answer->bytes, sizeof(read));
	if (!is_answer_to(pool, &read, answer, newcomer))
		return -EPROTO;
	err = add_guest(pool, newcomer, answer->fd);
	if (err)
		return err;
	err = places_lock(pool);
	if (err)
		return err;
	store_relaxed(&shm_place(pool->base, member_place(newcomer))->process, read.process);
	err = admit_locked(pool, newcomer);
	places_unlock(pool);
	return err;
}

static bool inviter_is_gone(struct dma_buf_pool *pool)
{
	return member_check_id(pool, pool->inviter) != VERDICT_ALIVE ||
	       !(place_is(pool, pool->self->id, PLACE_INVITED) ||
		 place_is(pool, pool->self->id, PLACE_LIVE));
}

int dma_buf_pool_await(struct dma_buf_pool *pool, int64_t timeout)
{
	const uint32_t *state = &shm_place(pool->base, member_place(pool->self->id))->state;
	const int64_t deadline = os_deadline_ns(timeout);

	if (timeout < 0)
		return -EINVAL;
	for (;;) {
		const uint32_t verdicts = load_acquire(&pool->verdicts);
		const int64_t slice = os_deadline_ns(SLICE_NS);
		const int err = pool_check(pool);

		if (err != -EAGAIN)
			return err;
		if (inviter_is_gone(pool))
			return -EPIPE;
		if (!os_remaining_ns(deadline))
			return -ETIMEDOUT;
		os_futex_wait_shared(state, place_word(PLACE_INVITED, pool->self->id),
				     &pool->verdicts, verdicts, slice < deadline ? slice : deadline,
				     false);
	}
}

/*
 * Over a socket.
 */

static struct os_message as_message(struct dma_buf_pool_message *message, unsigned int count)
{
	return (struct os_message){ message->bytes, sizeof(message->bytes), message->fd, count };
}

static int send_by(int sock, struct dma_buf_pool_message *message, int64_t deadline)
{
	const struct os_message bytes = as_message(message, message->count);

	return os_message_send_by(sock, &bytes, deadline);
}

static int receive_by(int sock, struct dma_buf_pool_message *message, int64_t deadline)
{
	struct os_message bytes = as_message(message, DMA_BUF_POOL_MESSAGE_FDS);
	const int err = os_message_receive_by(sock, &bytes, deadline);

	message->count = bytes.count;
	return err;
}

static int check_peer(int sock, unsigned int flags)
{
	const int64_t user = os_socket_peer_user(sock);

	if (user < 0)
		return (int)user;
	return flags & DMA_BUF_POOL_ANY_USER || user == os_own_user() ? 0 : -EPERM;
}

static int exchange(struct dma_buf_pool *pool, int sock,
		    struct dma_buf_pool_message *invitation, int64_t deadline)
{
	struct dma_buf_pool_message answer;
	int err;

	err = send_by(sock, invitation, deadline);
	/* The newcomer has them; while we had its end of the channel, it could not hang up. */
	dma_buf_pool_message_close(invitation);
	if (err)
		return err;
	err = receive_by(sock, &answer, deadline);
	if (err)
		return err;
	err = dma_buf_pool_admit(pool, invitation, &answer);
	dma_buf_pool_message_close(&answer);
	return err;
}

int dma_buf_pool_serve(struct dma_buf_pool *pool, int sock, unsigned int flags, int64_t timeout)
{
	const int64_t deadline = os_deadline_ns(timeout);
	struct dma_buf_pool_message invitation;
	int err;

	if (!pool || timeout < 0 || flags & ~(DMA_BUF_POOL_READ_ONLY | DMA_BUF_POOL_ANY_USER))
		return -EINVAL;
	err = check_peer(sock, flags);
	if (err)
		return err;
	err = dma_buf_pool_invite(pool, flags & DMA_BUF_POOL_READ_ONLY, &invitation);
	if (err)
		return err;
	err = exchange(pool, sock, &invitation, deadline);
	if (err)
		dma_buf_pool_uninvite(pool, &invitation);
	return err;
}

int dma_buf_pool_join(int sock, int64_t timeout, struct dma_buf_pool **ret_pool)
{
	const int64_t deadline = os_deadline_ns(timeout);
	struct dma_buf_pool_message invitation, answer;
	struct dma_buf_pool *pool;
	int err;

	if (timeout < 0 || !ret_pool)
		return -EINVAL;
	err = receive_by(sock, &invitation, deadline);
	if (err)
		return err;
	err = dma_buf_pool_accept(&invitation, &answer, &pool);
	dma_buf_pool_message_close(&invitation);
	if (err)
		return err;
	err = send_by(sock, &answer, deadline);
	dma_buf_pool_message_close(&answer);
	if (!err)
		err = dma_buf_pool_await(pool, os_remaining_ns(deadline));
	if (err) {
		dma_buf_pool_leave(pool);
		return err;
	}
	*ret_pool = pool;
	return 0;
}
