/* SPDX-License-Identifier: MIT */
/* Joining over a socket, and those at its other end who do not. */
#define _GNU_SOURCE
#include "members.h"
#include "peers.h"

#include <stddef.h>
#include <sys/un.h>

#include "os/channel.h"
#include "os/clock.h"
#include "os/file.h"
#include "share/pool.h"

#define SOON (SECOND / 100)

static const struct dma_buf_pool_limits limits = {
	.members = 3, .buffers = 8, .fences = 4, .timelines = 4,
};

struct pair {
	int here, there;
};

static struct pair make_pair(int type)
{
	int ends[2];

	ASSERT_INT(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), ==, 0);
	return (struct pair){ ends[0], ends[1] };
}

static void close_pair(const struct pair *pair)
{
	close(pair->here);
	close(pair->there);
}

static void send_fds(int sock, const void *bytes, size_t size, unsigned int count)
{
	const int file = os_memfd_create("sent");
	int fds[16];
	const struct os_message message = { (void *)(uintptr_t)bytes, size, fds, count };

	for (unsigned int i = 0; i < count; i++)
		fds[i] = file;
	ASSERT_INT(os_message_send_by(sock, &message, INT64_MAX), ==, 0);
	close(file);
}

/* All places are free, but the host's own. */
static void check_places(struct dma_buf_pool *host)
{
	struct dma_buf_pool_message invitation[2], more;

	for (unsigned int i = 0; i < 2; i++)
		ASSERT_INT(dma_buf_pool_invite(host, 0, &invitation[i]), ==, 0);
	ASSERT_INT(dma_buf_pool_invite(host, 0, &more), ==, -EUSERS);
	for (unsigned int i = 0; i < 2; i++) {
		dma_buf_pool_uninvite(host, &invitation[i]);
		dma_buf_pool_message_close(&invitation[i]);
	}
}

/*
 * Serving.
 */

struct joiner {
	int sock;
	struct dma_buf_pool *pool;
	int err;
};

static void join(void *arg)
{
	struct joiner *joiner = arg;

	joiner->err = dma_buf_pool_join(joiner->sock, PEER_PATIENCE, &joiner->pool);
}

TEST(any_socket_will_do)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
	struct dma_buf_pool *host = create_pool(&limits);

	for (unsigned int i = 0; i < 3; i++) {
		const struct pair pair = make_pair(types[i]);
		struct joiner joiner = { .sock = pair.there };
		struct test_thread *thread = test_thread_start(join, &joiner);
		uint32_t member = 0;

		ASSERT_INT(dma_buf_pool_serve(host, pair.here, 0, INT64_MAX, &member), ==, 0);
		test_thread_join(thread);
		ASSERT_INT(joiner.err, ==, 0);
		ASSERT_INT(dma_buf_pool_self(joiner.pool), ==, member);
		/* Nothing else came over it. */
		ASSERT_INT(recv(pair.here, &(char){ 0 }, 1, MSG_DONTWAIT), ==, -1);
		ASSERT_INT(recv(pair.there, &(char){ 0 }, 1, MSG_DONTWAIT), ==, -1);
		close_pair(&pair);
		leave(joiner.pool);
	}
	check_places(host);
	leave(host);
}

static int serve_failing(struct dma_buf_pool *host, int sock, int64_t timeout)
{
	const struct test_resources before = test_resources();
	const int err = dma_buf_pool_serve(host, sock, 0, timeout, NULL);

	ASSERT_RESOURCES(before);
	check_places(host);
	return err;
}

TEST(who_hangs_up_is_not_served)
{
	struct dma_buf_pool *host = create_pool(&limits);

	for (unsigned int i = 0; i < 3; i++) {
		const struct pair pair = make_pair(SOCK_STREAM);

		if (i == 0)
			close(pair.there); /* before the invitation */
		else
			shutdown(pair.there, SHUT_WR); /* after that */
		ASSERT_INT(serve_failing(host, pair.here, PEER_PATIENCE), ==, -EPIPE);
		close(pair.here);
		if (i)
			close(pair.there);
	}
	leave(host);
}

TEST(who_sends_half_an_answer_is_not_served)
{
	const unsigned char half[32] = { 0 };
	struct dma_buf_pool *host = create_pool(&limits);
	struct pair pair = make_pair(SOCK_STREAM);

	send_fds(pair.there, half, sizeof(half), 2);
	shutdown(pair.there, SHUT_WR);
	ASSERT_INT(serve_failing(host, pair.here, PEER_PATIENCE), ==, -EPROTO);
	close_pair(&pair);
	pair = make_pair(SOCK_STREAM);
	send_fds(pair.there, half, sizeof(half), 2);
	ASSERT_INT(serve_failing(host, pair.here, SOON), ==, -ETIMEDOUT);
	close_pair(&pair);
	leave(host);
}

TEST(who_sends_nonsense_is_not_served)
{
	const unsigned char nonsense[65] = { 1, 2, 3 };
	struct dma_buf_pool *host = create_pool(&limits);

	for (unsigned int count = 0; count < 8; count++) {
		const struct pair pair = make_pair(SOCK_STREAM);

		send_fds(pair.there, nonsense, 64, count);
		ASSERT_INT(serve_failing(host, pair.here, PEER_PATIENCE), ==, -EPROTO);
		close_pair(&pair);
	}
	for (unsigned int size = 63; size <= 65; size++) {
		const struct pair pair = make_pair(SOCK_SEQPACKET);

		send_fds(pair.there, nonsense, size, 2);
		shutdown(pair.there, SHUT_WR);
		ASSERT_INT(serve_failing(host, pair.here, PEER_PATIENCE), ==, -EPROTO);
		close_pair(&pair);
	}
	leave(host);
}

TEST(who_is_silent_is_not_served_for_long)
{
	struct dma_buf_pool *host = create_pool(&limits);
	const struct pair pair = make_pair(SOCK_STREAM);

	ASSERT_INT(serve_failing(host, pair.here, SOON), ==, -ETIMEDOUT);
	ASSERT_INT(serve_failing(host, pair.here, 0), ==, -ETIMEDOUT);
	while (send(pair.here, "full", 4, MSG_DONTWAIT) == 4)
		;
	ASSERT_INT(serve_failing(host, pair.here, SOON), ==, -ETIMEDOUT);
	close_pair(&pair);
	leave(host);
}

TEST(a_full_pool_serves_nobody)
{
	struct dma_buf_pool *host = create_pool(&limits);
	const struct pair pair = make_pair(SOCK_STREAM);
	struct dma_buf_pool_message invitation[2];

	for (unsigned int i = 0; i < 2; i++)
		ASSERT_INT(dma_buf_pool_invite(host, 0, &invitation[i]), ==, 0);
	ASSERT_INT(dma_buf_pool_serve(host, pair.here, 0, PEER_PATIENCE, NULL), ==, -EUSERS);
	ASSERT_INT(recv(pair.there, &(char){ 0 }, 1, MSG_DONTWAIT), ==, -1);
	for (unsigned int i = 0; i < 2; i++)
		dma_buf_pool_message_close(&invitation[i]);
	close_pair(&pair);
	leave(host);
}

/* An enemy may hold the lock for ever: others wait no longer than they want to, and can evict it. */
TEST(who_keeps_the_door_shut_can_be_put_out)
{
	const struct pair pair = make_pair(SOCK_STREAM);
	struct joiner joiner = { .sock = pair.there };
	struct dma_buf_pool *host = create_pool(&limits), *enemy;
	struct test_thread *thread;
	struct dma_buf *dmabuf;

	enemy = add_member(host);
	ASSERT_INT(dma_buf_pool_status(enemy), ==, 0);
	store_release(&pool_head(enemy)->admission, dma_buf_pool_self(enemy));
	ASSERT_INT(dma_buf_pool_serve(host, pair.here, 0, SOON, NULL), ==, -ETIMEDOUT);
	ASSERT_INT(recv(pair.there, &(char){ 0 }, 1, MSG_DONTWAIT), ==, -1);
	ASSERT_INT(dma_buf_pool_evict(host, dma_buf_pool_self(enemy)), ==, 0);
	ASSERT_INT(dma_buf_pool_alloc(host, "free", 4096, 0, &dmabuf), ==, 0);
	thread = test_thread_start(join, &joiner);
	ASSERT_INT(dma_buf_pool_serve(host, pair.here, 0, PEER_PATIENCE, NULL), ==, 0);
	test_thread_join(thread);
	ASSERT_INT(joiner.err, ==, 0);
	close_pair(&pair);
	dma_buf_put(dmabuf);
	leave(enemy);
	leave(joiner.pool);
	leave(host);
}

TEST(who_leaves_waits_for_no_lock)
{
	struct dma_buf_pool *host = create_pool(&limits), *enemy;

	enemy = add_member(host);
	store_release(&pool_head(enemy)->admission, dma_buf_pool_self(enemy));
	leave(host);
	/* Its place is free at once. */
	ASSERT_INT(place_state(load_acquire(&shm_place(enemy->base, 0)->word)), ==, PLACE_FREE);
	leave(enemy);
}

/*
 * Joining.
 */

static int join_failing(int sock, int64_t timeout)
{
	struct dma_buf_pool *const untouched = (void *)&(char){ 0 };
	struct dma_buf_pool *pool = untouched;
	const struct test_resources before = test_resources();
	const int err = dma_buf_pool_join(sock, timeout, &pool);

	ASSERT_PTR(pool, ==, untouched);
	ASSERT_RESOURCES(before);
	return err;
}

TEST(who_hears_nothing_does_not_join)
{
	const struct pair pair = make_pair(SOCK_STREAM);
	const int file = os_memfd_create("file");

	ASSERT_INT(join_failing(pair.here, SOON), ==, -ETIMEDOUT);
	close(pair.there);
	ASSERT_INT(join_failing(pair.here, PEER_PATIENCE), ==, -EPIPE);
	close(pair.here);
	ASSERT_INT(join_failing(pair.here, PEER_PATIENCE), ==, -EBADF);
	ASSERT_INT(join_failing(file, PEER_PATIENCE), ==, -ENOTSOCK);
	close(file);
}

TEST(who_hears_nonsense_does_not_join)
{
	const unsigned char nonsense[64] = { 1, 2, 3 };

	for (unsigned int count = 0; count < 8; count++) {
		const struct pair pair = make_pair(SOCK_STREAM);

		send_fds(pair.there, nonsense, 64, count);
		ASSERT_INT(join_failing(pair.here, PEER_PATIENCE), ==, -EPROTO);
		close_pair(&pair);
	}
}

static void send_message(int sock, struct dma_buf_pool_message *message, size_t size)
{
	const struct os_message part = { message->bytes, size, message->fd, message->count };

	ASSERT_INT(os_message_send_by(sock, &part, INT64_MAX), ==, 0);
	dma_buf_pool_message_close(message);
}

/* How far the one who invites goes before it hangs up. */
enum how_far { HALF, NOT_WANTED, NOT_ADMITTED, LEFT };

static int join_one_who(enum how_far how_far, int64_t timeout)
{
	struct dma_buf_pool *host = create_pool(&limits);
	struct pair pair = make_pair(SOCK_STREAM);
	struct dma_buf_pool_message invitation;
	int err;

	ASSERT_INT(dma_buf_pool_invite(host, 0, &invitation), ==, 0);
	send_message(pair.there, &invitation, how_far == HALF ? 32 : 64);
	if (how_far == NOT_WANTED)
		dma_buf_pool_uninvite(host, &invitation);
	if (how_far == LEFT)
		leave(host);
	if (how_far == HALF)
		close(pair.there);
	err = join_failing(pair.here, timeout);
	if (how_far != HALF)
		close(pair.there);
	close(pair.here);
	if (how_far != LEFT) {
		dma_buf_pool_uninvite(host, &invitation);
		check_places(host);
		leave(host);
	}
	return err;
}

TEST(who_is_invited_by_one_who_goes_away_does_not_join)
{
	ASSERT_INT(join_one_who(HALF, PEER_PATIENCE), ==, -EPROTO);
	ASSERT_INT(join_one_who(NOT_WANTED, PEER_PATIENCE), ==, -EPIPE);
	ASSERT_INT(join_one_who(NOT_ADMITTED, SOON), ==, -ETIMEDOUT);
	ASSERT_INT(join_one_who(LEFT, PEER_PATIENCE), ==, -EPIPE);
}

TEST(who_cannot_answer_does_not_join)
{
	struct dma_buf_pool *host = create_pool(&limits);
	const struct pair pair = make_pair(SOCK_SEQPACKET);
	struct dma_buf_pool_message invitation;

	ASSERT_INT(dma_buf_pool_invite(host, 0, &invitation), ==, 0);
	send_message(pair.there, &invitation, 64);
	close(pair.there);
	ASSERT_INT(join_failing(pair.here, PEER_PATIENCE), ==, -EPIPE);
	close(pair.here);
	dma_buf_pool_uninvite(host, &invitation);
	leave(host);
}

/*
 * Users.
 */

static struct sockaddr_un address;

static int listen_anywhere(void)
{
	const int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "dmabuf-test-%d", (int)getpid());
	ASSERT_INT(bind(sock, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	ASSERT_INT(listen(sock, 4), ==, 0);
	return sock;
}

/* Twice: it is refused once. */
static void join_as_nobody(int sock)
{
	for (unsigned int i = 0; i < 2; i++) {
		const int own = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		struct dma_buf_pool *pool = NULL;
		int err;

		if (!i)
			PEER_MUST(!setgid(65534) && !setuid(65534));
		PEER_MUST(!connect(own, (struct sockaddr *)&address, sizeof(address)));
		err = dma_buf_pool_join(own, PEER_PATIENCE, &pool);
		PEER_MUST(err == (i ? 0 : -EPIPE));
		if (i) {
			peer_go(sock);
			PEER_MUST(peer_await(sock));
		}
		dma_buf_pool_leave(pool);
		close(own);
	}
}

TEST(another_user_is_admitted_only_if_any_is)
{
	struct dma_buf_pool *host;
	struct peer peer;
	int door, sock;

	if (geteuid()) {
		puts("not tested: only root can become another user");
		test_skip();
	}
	door = listen_anywhere();
	peer = peer_fork(join_as_nobody);
	host = create_pool(&limits);
	sock = accept4(door, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_INT(serve_failing(host, sock, PEER_PATIENCE), ==, -EPERM);
	close(sock);
	sock = accept4(door, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_INT(dma_buf_pool_serve(host, sock, DMA_BUF_POOL_ANY_USER, PEER_PATIENCE, NULL), ==, 0);
	close(sock);
	close(door);
	ASSERT_TRUE(peer_await(peer.sock));
	peer_go(peer.sock);
	ASSERT_INT(peer_reap(&peer), ==, 0);
	check_places(host);
	leave(host);
}

TEST(what_has_no_user_at_its_other_end_is_refused)
{
	struct dma_buf_pool *host = create_pool(&limits);
	const int file = os_memfd_create("file"), internet = socket(AF_INET, SOCK_STREAM, 0),
		  alone = socket(AF_UNIX, SOCK_STREAM, 0);

	ASSERT_INT(serve_failing(host, file, PEER_PATIENCE), ==, -ENOTSOCK);
	ASSERT_INT(serve_failing(host, internet, PEER_PATIENCE), ==, -EPERM);
	ASSERT_INT(serve_failing(host, alone, PEER_PATIENCE), ==, -EPERM);
	ASSERT_INT(serve_failing(host, -1, PEER_PATIENCE), ==, -EBADF);
	close(file);
	close(internet);
	close(alone);
	leave(host);
}
