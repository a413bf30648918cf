/* SPDX-License-Identifier: MIT */
/* Invitations and answers, by those who send them themselves. Both sides are memberships of this process. */
#include "members.h"
#include "peers.h"

static const struct dma_buf_pool_limits limits = {
	.members = 4, .buffers = 8, .fences = 4, .timelines = 4,
};

/* Somebody who is on the way. */
struct guest {
	struct dma_buf_pool_message invitation, answer;
	struct dma_buf_pool *pool;
};

static void close_messages(struct guest *guest)
{
	dma_buf_pool_message_close(&guest->invitation);
	dma_buf_pool_message_close(&guest->answer);
}

static void end_guest(struct guest *guest)
{
	close_messages(guest);
	leave(guest->pool);
}

static void come(struct dma_buf_pool *host, struct guest *guest)
{
	ASSERT_INT(dma_buf_pool_invite(host, 0, &guest->invitation), ==, 0);
	ASSERT_INT(dma_buf_pool_accept(&guest->invitation, &guest->answer, &guest->pool), ==, 0);
	dma_buf_pool_message_close(&guest->invitation); /* so that somebody else can hang up */
}

static int admit(struct dma_buf_pool *host, struct guest *guest)
{
	return dma_buf_pool_admit(host, &guest->invitation, &guest->answer, NULL);
}

TEST(two_messages_make_a_member)
{
	struct dma_buf_pool *host = create_pool(&limits);
	struct guest guest;
	uint32_t member = 0;

	ASSERT_INT(dma_buf_pool_invite(host, 0, &guest.invitation), ==, 0);
	ASSERT_INT(guest.invitation.count, ==, DMA_BUF_POOL_MESSAGE_FDS);
	ASSERT_INT(dma_buf_pool_accept(&guest.invitation, &guest.answer, &guest.pool), ==, 0);
	ASSERT_INT(dma_buf_pool_status(guest.pool), ==, -EAGAIN);
	ASSERT_INT(dma_buf_pool_await(guest.pool, 0), ==, -ETIMEDOUT);
	ASSERT_INT(dma_buf_pool_await(guest.pool, 1000000), ==, -ETIMEDOUT);
	ASSERT_INT(dma_buf_pool_admit(host, &guest.invitation, &guest.invitation, &member), ==, -EPROTO);
	ASSERT_INT(member, ==, 0);
	ASSERT_INT(dma_buf_pool_admit(host, &guest.invitation, &guest.answer, &member), ==, 0);
	ASSERT_INT(dma_buf_pool_self(guest.pool), ==, member);
	ASSERT_INT(dma_buf_pool_await(guest.pool, 0), ==, 0);
	ASSERT_INT(dma_buf_pool_status(guest.pool), ==, 0);
	ASSERT_INT(dma_buf_pool_self(guest.pool), !=, dma_buf_pool_self(host));
	close_messages(&guest);
	ASSERT_INT(guest.invitation.count, ==, 0);
	dma_buf_pool_message_close(&guest.invitation);
	leave(guest.pool);
	leave(host);
}

TEST(who_is_not_admitted_may_nothing)
{
	struct dma_buf_pool *host = create_pool(&limits), *pool = NULL;
	struct dma_fence *fence = dma_fence_get_stub();
	struct dma_buf_pool_fence value = { 0 };
	struct dma_buf_pool_handle handle = { 0 };
	struct dma_buf_pool_message message;
	struct dma_buf *dmabuf = NULL;
	struct guest guest;
	int ends[2];

	come(host, &guest);
	pool = guest.pool;
	ASSERT_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
	ASSERT_INT(dma_buf_pool_invite(pool, 0, &message), ==, -EAGAIN);
	ASSERT_INT(dma_buf_pool_admit(pool, &guest.invitation, &guest.answer, NULL), ==, -EAGAIN);
	ASSERT_INT(dma_buf_pool_serve(pool, ends[0], 0, 0, NULL), ==, -EAGAIN);
	ASSERT_INT(dma_buf_pool_evict(pool, dma_buf_pool_self(host)), ==, -EAGAIN);
	ASSERT_INT(dma_buf_pool_alloc(pool, "no", 4096, 0, &dmabuf), ==, -EAGAIN);
	ASSERT_INT(dma_buf_pool_get_buf(pool, &handle, &dmabuf), ==, -EAGAIN);
	ASSERT_INT(dma_buf_pool_export_fence(pool, fence, &value), ==, -EAGAIN);
	ASSERT_INT(dmabuf_ptr_err(dma_buf_pool_import_fence(pool, &value)), ==, -EAGAIN);
	dma_buf_pool_uninvite(pool, &guest.invitation);
	ASSERT_INT(dma_buf_pool_status(host), ==, 0);
	ASSERT_INT(admit(host, &guest), ==, 0);
	dma_fence_put(fence);
	close(ends[0]);
	close(ends[1]);
	close_messages(&guest);
	leave(pool);
	leave(host);
}

TEST(arguments_are_checked)
{
	struct dma_buf_pool *host = create_pool(&limits), *pool = NULL;
	struct dma_buf_pool_message message = { .count = 0 };
	struct guest guest;

	come(host, &guest);
	ASSERT_INT(dma_buf_pool_invite(NULL, 0, &message), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_invite(host, 0, NULL), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_invite(host, DMA_BUF_POOL_ANY_USER, &message), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_invite(host, 1u << 31, &message), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_accept(NULL, &message, &pool), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_accept(&guest.invitation, NULL, &pool), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_accept(&guest.invitation, &message, NULL), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_admit(NULL, &guest.invitation, &guest.answer, NULL), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_admit(host, NULL, &guest.answer, NULL), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_admit(host, &guest.invitation, NULL, NULL), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_await(guest.pool, -1), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_await(NULL, 0), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_serve(host, 0, 4, 0, NULL), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_serve(host, 0, 0, -1, NULL), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_serve(NULL, 0, 0, 0, NULL), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_join(0, -1, &pool), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_join(0, 0, NULL), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_evict(host, dma_buf_pool_self(host)), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_evict(NULL, 0), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_evict(host, 0), ==, -ENOENT);
	ASSERT_INT(dma_buf_pool_evict(host, dma_buf_pool_self(guest.pool)), ==, -ENOENT);
	ASSERT_INT(dma_buf_pool_evict(host, ~0u), ==, -ENOENT);
	dma_buf_pool_uninvite(host, &message);
	end_guest(&guest);
	leave(host);
}

TEST(values_that_stand_for_no_fence_are_refused)
{
	struct dma_buf_pool *host = create_pool(&limits);
	struct dma_buf_pool_fence value = { .member = dma_buf_pool_self(host) };
	struct dma_fence *fence = dma_fence_get_stub();

	value.timeline = limits.timelines;
	ASSERT_INT(dmabuf_ptr_err(dma_buf_pool_import_fence(host, &value)), ==, -EINVAL);
	value.timeline = ~0u;
	ASSERT_INT(dmabuf_ptr_err(dma_buf_pool_import_fence(host, &value)), ==, -EINVAL);
	ASSERT_INT(dmabuf_ptr_err(dma_buf_pool_import_fence(host, NULL)), ==, -EINVAL);
	ASSERT_INT(dmabuf_ptr_err(dma_buf_pool_import_fence(NULL, &value)), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_export_fence(host, fence, NULL), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_export_fence(host, NULL, &value), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_export_fence(NULL, fence, &value), ==, -EINVAL);
	dma_fence_put(fence);
	leave(host);
}

/*
 * Places.
 */

TEST(every_place_can_be_invited_to_and_given_back)
{
	struct dma_buf_pool *host = create_pool(&limits);
	struct dma_buf_pool_message invitation[3], another;

	for (unsigned int round = 0; round < 3; round++) {
		for (unsigned int i = 0; i < 3; i++)
			ASSERT_INT(dma_buf_pool_invite(host, 0, &invitation[i]), ==, 0);
		ASSERT_INT(dma_buf_pool_invite(host, 0, &another), ==, -EUSERS);
		for (unsigned int i = 0; i < 3; i++) {
			dma_buf_pool_uninvite(host, &invitation[i]);
			dma_buf_pool_message_close(&invitation[i]);
		}
	}
	leave(host);
}

TEST(who_is_uninvited_hears_of_it)
{
	struct dma_buf_pool *host = create_pool(&limits);
	struct guest guest;

	come(host, &guest);
	dma_buf_pool_uninvite(host, &guest.invitation);
	ASSERT_INT(dma_buf_pool_await(guest.pool, INT64_MAX), ==, -EPIPE);
	ASSERT_INT(admit(host, &guest), ==, -EPROTO);
	end_guest(&guest);
	leave(host);
}

TEST(an_invitation_that_was_given_back_cannot_spoil_the_next_one)
{
	struct dma_buf_pool *host = create_pool(&limits);
	struct guest old, new;

	come(host, &old);
	dma_buf_pool_uninvite(host, &old.invitation);
	come(host, &new);
	ASSERT_INT(admit(host, &old), ==, -EPROTO);
	dma_buf_pool_uninvite(host, &old.invitation);
	ASSERT_INT(admit(host, &new), ==, 0);
	ASSERT_INT(dma_buf_pool_await(new.pool, PEER_PATIENCE), ==, 0);
	dma_buf_pool_uninvite(host, &new.invitation); /* too late */
	ASSERT_INT(dma_buf_pool_status(new.pool), ==, 0);
	end_guest(&old);
	end_guest(&new);
	leave(host);
}

TEST(whose_inviter_leaves_hears_of_it)
{
	struct dma_buf_pool *host = create_pool(&limits);
	struct dma_buf *dmabuf;
	struct guest guest;

	come(host, &guest);
	/* Which keeps the host's membership, but not its channels. */
	ASSERT_INT(dma_buf_pool_alloc(host, "kept", 4096, 0, &dmabuf), ==, 0);
	dma_buf_pool_leave(host);
	ASSERT_INT(dma_buf_pool_await(guest.pool, PEER_PATIENCE), ==, -EPIPE);
	dma_buf_put(dmabuf);
	end_guest(&guest);
}

TEST(whom_the_evicted_have_invited_does_not_come)
{
	struct dma_buf_pool *host = create_pool(&limits);
	struct dma_buf_pool_message invitation[2];
	struct guest member, guest;

	come(host, &member);
	ASSERT_INT(admit(host, &member), ==, 0);
	ASSERT_INT(dma_buf_pool_status(member.pool), ==, 0);
	come(member.pool, &guest);
	ASSERT_INT(dma_buf_pool_evict(host, dma_buf_pool_self(member.pool)), ==, 0);
	ASSERT_INT(dma_buf_pool_await(guest.pool, PEER_PATIENCE), ==, -EPIPE);
	ASSERT_INT(admit(member.pool, &guest), ==, -ESTALE);
	for (unsigned int i = 0; i < 2; i++)
		ASSERT_INT(dma_buf_pool_invite(host, 0, &invitation[i]), ==, 0);
	for (unsigned int i = 0; i < 2; i++)
		dma_buf_pool_message_close(&invitation[i]);
	end_guest(&guest);
	end_guest(&member);
	leave(host);
}

TEST(who_was_evicted_before_it_looked_hears_of_it)
{
	struct dma_buf_pool *host = create_pool(&limits);
	struct guest guest;

	come(host, &guest);
	ASSERT_INT(admit(host, &guest), ==, 0);
	ASSERT_INT(dma_buf_pool_evict(host, dma_buf_pool_self(guest.pool)), ==, 0);
	ASSERT_INT(dma_buf_pool_await(guest.pool, PEER_PATIENCE), ==, -ESTALE);
	ASSERT_INT(dma_buf_pool_status(guest.pool), ==, -ESTALE);
	end_guest(&guest);
	leave(host);
}

TEST(one_who_was_invited_may_leave)
{
	struct dma_buf_pool *host = create_pool(&limits);
	struct guest guest;

	for (unsigned int i = 0; i < 5; i++) {
		come(host, &guest);
		leave(guest.pool);
		if (i % 2)
			ASSERT_INT(admit(host, &guest), ==, 0); /* nobody has noticed */
		else
			dma_buf_pool_uninvite(host, &guest.invitation);
		close_messages(&guest);
	}
	leave(host);
}

/*
 * Answers.
 */

TEST(an_answer_counts_once)
{
	struct dma_buf_pool *host = create_pool(&limits);
	struct guest guest;

	come(host, &guest);
	ASSERT_INT(admit(host, &guest), ==, 0);
	ASSERT_INT(admit(host, &guest), ==, -EPROTO);
	ASSERT_INT(dma_buf_pool_await(guest.pool, PEER_PATIENCE), ==, 0);
	end_guest(&guest);
	leave(host);
}

TEST(an_answer_is_to_one_invitation)
{
	struct dma_buf_pool *host = create_pool(&limits);
	struct guest one, two;

	come(host, &one);
	come(host, &two);
	ASSERT_INT(dma_buf_pool_admit(host, &one.invitation, &two.answer, NULL), ==, -EPROTO);
	ASSERT_INT(dma_buf_pool_admit(host, &two.invitation, &one.answer, NULL), ==, -EPROTO);
	ASSERT_INT(admit(host, &one), ==, 0);
	ASSERT_INT(admit(host, &two), ==, 0);
	ASSERT_INT(dma_buf_pool_await(one.pool, PEER_PATIENCE), ==, 0);
	ASSERT_INT(dma_buf_pool_await(two.pool, PEER_PATIENCE), ==, 0);
	end_guest(&one);
	end_guest(&two);
	leave(host);
}

TEST(an_answer_is_to_one_pool)
{
	struct dma_buf_pool *host = create_pool(&limits), *other = create_pool(&limits);
	struct guest guest, stranger;

	come(host, &guest);
	come(other, &stranger);
	ASSERT_INT(dma_buf_pool_admit(host, &guest.invitation, &stranger.answer, NULL), ==, -EPROTO);
	ASSERT_INT(dma_buf_pool_admit(other, &guest.invitation, &guest.answer, NULL), ==, -EPROTO);
	ASSERT_INT(admit(other, &stranger), ==, 0);
	ASSERT_INT(admit(host, &guest), ==, 0);
	end_guest(&guest);
	end_guest(&stranger);
	leave(host);
	leave(other);
}

TEST(another_member_did_not_invite)
{
	struct dma_buf_pool *host = create_pool(&limits);
	struct guest member, guest;

	come(host, &member);
	ASSERT_INT(admit(host, &member), ==, 0);
	come(host, &guest);
	ASSERT_INT(admit(member.pool, &guest), ==, -EPROTO);
	dma_buf_pool_uninvite(member.pool, &guest.invitation);
	ASSERT_INT(admit(host, &guest), ==, 0);
	ASSERT_INT(dma_buf_pool_await(guest.pool, PEER_PATIENCE), ==, 0);
	end_guest(&member);
	end_guest(&guest);
	leave(host);
}
