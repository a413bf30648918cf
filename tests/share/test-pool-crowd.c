/* SPDX-License-Identifier: MIT */
/*
 * Members that come, go and die all the time, and are admitted by whoever is there.
 *
 * All processes have one listening socket, from the beginning. Who is no member connects to it; who is one
 * accepts, and serves. Each says on a board what a fence of its is called, and whether it lives.
 *
 * Claims: to nobody does somebody seem dead, or evicted, who lives; and in the end all places and buffers
 * can be had.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <sys/mman.h>
#include <sys/un.h>

#include "../fence/fences.h"
#include "members.h"
#include "peers.h"

enum { WORKERS = 6, BUFFERS = 4 };

static const struct dma_buf_pool_limits limits = {
	.members = WORKERS + 1, .buffers = BUFFERS, .fences = 4, .timelines = 4,
};

/* Of a process, by itself. */
struct entry {
	uint32_t lives; /* atomic: which of those that had this entry; 0: none, or not for long */
	struct dma_buf_pool_fence value; /* of one that has not signalled; constant while it lives */
};

/* In memory that all have. */
static struct {
	uint32_t numbers; /* atomic: processes so far */
	uint32_t closes;  /* atomic: nobody lives for long */
	struct entry entry[WORKERS];
} *board;

static int door;
static struct sockaddr_un address;

/*
 * A worker.
 */

static struct {
	unsigned int which;
	uint32_t number, random;
	unsigned int points_left; /* until it dies */
	struct dma_buf_pool *pool;
} self;

static void maybe_die(const char *label)
{
	(void)label;
	if (!self.points_left || --self.points_left)
		return;
	store_seq_cst(&board->entry[self.which].lives, 0);
	raise(SIGKILL);
}

static unsigned int draw(unsigned int limit)
{
	return (test_random(&self.random) >> 16) % limit;
}

/* Nobody evicts anybody: who hears so was taken for dead. */
static void must(int err)
{
	if (err) {
		fprintf(stderr, "worker: %d\n", err);
		abort();
	}
}

/* Somebody who serves may die on the way. */
static void come_in(void)
{
	int err = -EPIPE;

	while (err) {
		const int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (sock < 0 || connect(sock, (struct sockaddr *)&address, sizeof(address)))
			_exit(0); /* the test has enough */
		err = dma_buf_pool_join(sock, PEER_PATIENCE, &self.pool);
		close(sock);
		if (err && err != -EPIPE)
			must(err);
	}
}

static void serve_somebody(void)
{
	struct pollfd entry = { .fd = door, .events = POLLIN };
	int sock, err;

	if (poll(&entry, 1, 1) <= 0)
		return;
	sock = accept4(door, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (sock < 0)
		return;
	err = dma_buf_pool_serve(self.pool, sock, 0, PEER_PATIENCE, NULL);
	close(sock);
	/* It may be dead; or those that are have not been noticed. */
	if (err && err != -EPIPE && err != -EPROTO && err != -EUSERS)
		must(err);
}

static void look_at_somebody(void)
{
	const struct entry *entry = &board->entry[draw(WORKERS)];
	const uint32_t number = load_seq_cst(&entry->lives);
	const struct dma_buf_pool_fence value = entry->value;
	struct dma_fence *fence;
	int status;

	if (!number)
		return;
	fence = dma_buf_pool_import_fence(self.pool, &value);
	if (dmabuf_is_err(fence))
		must((int)dmabuf_ptr_err(fence));
	status = dma_fence_get_status(fence);
	if (load_seq_cst(&entry->lives) == number && status && !load_seq_cst(&board->closes)) {
		fprintf(stderr, "worker: %u of %u lives, and seems to be %d\n", value.member, number,
			status);
		abort();
	}
	dma_fence_put(fence);
}

static void make_something(void)
{
	struct dma_buf *dmabuf;
	int err;

	err = dma_buf_pool_alloc(self.pool, "crowd", 4096, 0, &dmabuf);
	if (err == -ENOSPC)
		return;
	must(err);
	must(dma_resv_lock(dmabuf->resv, NULL));
	dma_resv_unlock(dmabuf->resv);
	dma_buf_put(dmabuf);
}

static void live(void)
{
	struct entry *entry = &board->entry[self.which];
	struct dma_fence *fence = make_fence();

	must(dma_buf_pool_export_fence(self.pool, fence, &entry->value));
	store_seq_cst(&entry->lives, self.number);
	for (unsigned int i = 5 + draw(20); i; i--) {
		must(dma_buf_pool_status(self.pool));
		serve_somebody();
		look_at_somebody();
		make_something();
	}
	store_seq_cst(&entry->lives, 0);
	signal_and_put(fence);
	dma_buf_pool_leave(self.pool);
}

/* What it gets: which it is, and its seed. */
struct orders {
	unsigned int which;
	uint32_t random;
	unsigned int points_left;
};

static void work(int sock)
{
	struct orders orders;

	PEER_MUST(peer_hear(sock, &orders, sizeof(orders)));
	self.which = orders.which;
	self.random = orders.random;
	self.number = fetch_add_relaxed(&board->numbers, 1) + 1;
	self.points_left = orders.points_left;
	os_race_hook(maybe_die);
	come_in();
	live();
}

/*
 * The test.
 */

static struct peer peers[WORKERS];

static void start(unsigned int which, uint32_t *random)
{
	const struct orders orders = {
		.which = which,
		.random = test_random(random),
		.points_left = test_random(random) & 256 ? 0 : 1 + (test_random(random) >> 8) % 1000,
	};

	peers[which] = peer_fork(work);
	peer_tell(peers[which].sock, &orders, sizeof(orders));
}

static void open_door(void)
{
	address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "dmabuf-crowd-%d", (int)getpid());
	door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ASSERT_INT(bind(door, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	ASSERT_INT(listen(door, 64), ==, 0);
	board = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_PTR(board, !=, MAP_FAILED);
}

/* It went, or died as it was told to. */
static bool has_ended(unsigned int which)
{
	int status;
	const pid_t pid = waitpid(peers[which].pid, &status, WNOHANG);

	if (!pid)
		return false;
	ASSERT_INT(pid, ==, peers[which].pid);
	close(peers[which].sock);
	if (status && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
		FAIL("a worker ended with status 0x%x", (unsigned int)status);
	return true;
}

static void end_all(void)
{
	store_seq_cst(&board->closes, 1);
	for (unsigned int i = 0; i < WORKERS; i++) {
		peer_kill(&peers[i]);
		while (!has_ended(i))
			usleep(100);
	}
	close(door);
}

static void check_all(struct dma_buf_pool *pool)
{
	struct dma_buf_pool_message invitation[WORKERS];
	struct dma_buf *dmabuf[BUFFERS];

	for (unsigned int i = 0; i < WORKERS; i++)
		ASSERT_INT(dma_buf_pool_invite(pool, 0, &invitation[i]), ==, 0);
	for (unsigned int i = 0; i < WORKERS; i++)
		dma_buf_pool_message_close(&invitation[i]);
	for (unsigned int i = 0; i < BUFFERS; i++)
		ASSERT_INT(dma_buf_pool_alloc(pool, "checked", 4096, 0, &dmabuf[i]), ==, 0);
	for (unsigned int i = 0; i < BUFFERS; i++)
		dma_buf_put(dmabuf[i]);
}

TORTURE(nobody_who_lives_seems_dead_in_a_crowd)
{
	uint32_t random = test_thread_seed();

	test_forks_beside_threads();
	open_door();
	ASSERT_INT(dma_buf_pool_create(&limits, &self.pool), ==, 0);
	self.random = random;
	for (unsigned int i = 0; i < WORKERS; i++)
		start(i, &random);
	for (unsigned int rounds = test_rounds(60); rounds;) {
		ASSERT_INT(dma_buf_pool_status(self.pool), ==, 0);
		serve_somebody();
		look_at_somebody();
		for (unsigned int i = 0; i < WORKERS && rounds; i++) {
			if (!has_ended(i))
				continue;
			store_seq_cst(&board->entry[i].lives, 0);
			start(i, &random);
			test_operation();
			rounds--;
		}
	}
	end_all();
	check_all(self.pool);
	leave(self.pool);
	munmap(board, 4096);
}
