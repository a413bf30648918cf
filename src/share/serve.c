/* SPDX-License-Identifier: MIT */
/* The door, over a socket of the caller's. */
#include <errno.h>

#include "debug/lockdep.h"
#include "os/channel.h"
#include "os/clock.h"
#include "os/fault.h"
#include "share/message.h"
#include "share/pool.h"

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

	if (user == -EBADF || user == -ENOTSOCK)
		return (int)user;
	if (user < 0)
		return -EPERM; /* nobody knows who that is */
	return flags & DMA_BUF_POOL_ANY_USER || user == os_own_user() ? 0 : -EPERM;
}

static int exchange(struct dma_buf_pool *pool, int sock, struct dma_buf_pool_message *invitation,
		    int64_t deadline, uint32_t *ret_member)
{
	struct dma_buf_pool_message answer;
	int err;

	OS_RACE_POINT("serve: about to invite");
	err = send_by(sock, invitation, deadline);
	OS_RACE_POINT("serve: invited");
	/* The newcomer has them; while we had its end of the channel, it could not hang up. */
	dma_buf_pool_message_close(invitation);
	if (err)
		return err;
	err = receive_by(sock, &answer, deadline);
	if (err)
		return err;
	err = pool_admit_by(pool, invitation, &answer, deadline, ret_member);
	dma_buf_pool_message_close(&answer);
	return err;
}

int dma_buf_pool_serve(struct dma_buf_pool *pool, int sock, unsigned int flags, int64_t timeout,
		       uint32_t *ret_member)
{
	const int64_t deadline = os_deadline_ns(timeout);
	struct dma_buf_pool_message invitation;
	int err;

	lockdep_might_alloc();
	lockdep_might_sleep();
	if (!pool || timeout < 0 || flags & ~(DMA_BUF_POOL_READ_ONLY | DMA_BUF_POOL_ANY_USER))
		return -EINVAL;
	err = check_peer(sock, flags);
	if (err)
		return err;
	err = pool_invite_by(pool, flags & DMA_BUF_POOL_READ_ONLY, deadline, &invitation);
	if (err)
		return err;
	err = exchange(pool, sock, &invitation, deadline, ret_member);
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

	lockdep_might_alloc();
	lockdep_might_sleep();
	if (timeout < 0 || !ret_pool)
		return -EINVAL;
	err = receive_by(sock, &invitation, deadline);
	if (err)
		return err;
	err = dma_buf_pool_accept(&invitation, &answer, &pool);
	dma_buf_pool_message_close(&invitation);
	if (err)
		return err;
	OS_RACE_POINT("join: about to answer");
	err = send_by(sock, &answer, deadline);
	OS_RACE_POINT("join: answered");
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
