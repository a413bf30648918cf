/* SPDX-License-Identifier: MIT */
/*
 * A buffer goes to and fro between two processes; n: its bytes. Who has it touches each of its pages, then
 * hands it over. Ours adds a fence to its reservation each time, under its lock, as a job does, and
 * waits for the other's. What others do: a futex on a shared word, without anything else; an eventfd each way; a pipe
 * each way; a robust mutex with a condition variable; and a copy of all bytes through a socket.
 */
#define _GNU_SOURCE
#include <dmabuf/dmabuf.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "processes.h"
#include "rows.h"

#define PAGE 4096
#define PATIENCE INT64_C(60000000000)

/* One side of it. */
struct side {
	int sock;
	unsigned int which;
	char *data;
	size_t size;
	struct dma_buf_pool *pool;
	struct dma_buf *dmabuf;
	struct dma_fence_timeline *tl;
	struct dma_buf_pool_fence theirs; /* their point 0 */
};

/* What both have, in memory that they share. */
struct table {
	uint32_t turn; /* atomic; the futex */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	int fd[2][2]; /* each way: to read, to write */
};

static struct table *table;

struct way {
	void (*open)(void);			   /* before the fork */
	void (*pass)(struct side *side, unsigned int turn); /* it is the other's turn, @turn */
	void (*await)(struct side *side, unsigned int turn); /* until @turn has come */
};

static unsigned int turns_for(size_t size)
{
	return size > 1 << 20 ? 200 : 2000;
}

static void touch(struct side *side)
{
	for (size_t i = 0; i < side->size; i += PAGE)
		((volatile char *)side->data)[i]++;
}

/* Turns 1, 3, 5, ... are the other side's. */
static void play(const struct way *way, struct side *side)
{
	const unsigned int turns = turns_for(side->size);

	for (unsigned int turn = 0; turn < turns; turn++) {
		if (turn % 2 != side->which)
			continue;
		way->await(side, turn);
		touch(side);
		way->pass(side, turn + 1);
	}
	if (turns % 2 == side->which)
		way->await(side, turns);
}

/*
 * Ours.
 */

static void ours_pass(struct side *side, unsigned int turn)
{
	struct dma_fence *fence = dma_fence_timeline_emit(side->tl);

	(void)turn;
	MUST(fence && !dma_resv_lock(side->dmabuf->resv, NULL));
	MUST(!dma_resv_reserve_fences(side->dmabuf->resv, 1));
	dma_resv_add_fence(side->dmabuf->resv, fence, DMA_RESV_USAGE_WRITE);
	dma_resv_unlock(side->dmabuf->resv);
	MUST(!dma_fence_timeline_signal(side->tl, fence->seqno, 0));
	dma_fence_put(fence);
}

static void ours_await(struct side *side, unsigned int turn)
{
	struct dma_buf_pool_fence value = side->theirs;
	struct dma_fence *fence;

	value.seqno += (turn + 1) / 2;
	fence = dma_buf_pool_import_fence(side->pool, &value);
	MUST(!dmabuf_is_err(fence) && !dma_fence_wait(fence, false));
	dma_fence_put(fence);
}

static void ours_exchange(struct side *side)
{
	struct dma_buf_pool_fence own;

	side->tl = dma_fence_timeline_create("side");
	MUST(side->tl && !dma_buf_pool_share_timeline(side->pool, side->tl, &own));
	process_tell(side->sock, &own, sizeof(own));
	process_hear(side->sock, &side->theirs, sizeof(side->theirs));
}

static void ours_close(struct side *side)
{
	dma_fence_timeline_destroy(side->tl);
	dma_buf_put(side->dmabuf);
	dma_buf_pool_leave(side->pool);
}

static const struct way ours = { .pass = ours_pass, .await = ours_await };

/*
 * Others.
 */

static void open_table(void)
{
	table = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(table != MAP_FAILED);
}

static void futex_pass(struct side *side, unsigned int turn)
{
	(void)side;
	__atomic_store_n(&table->turn, turn, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &table->turn, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void futex_await(struct side *side, unsigned int turn)
{
	(void)side;
	for (;;) {
		const uint32_t now = __atomic_load_n(&table->turn, __ATOMIC_SEQ_CST);

		if (now == turn)
			return;
		syscall(SYS_futex, &table->turn, FUTEX_WAIT, now, NULL, NULL, 0);
	}
}

static void eventfd_open(void)
{
	open_table();
	for (unsigned int i = 0; i < 2; i++) {
		table->fd[i][0] = eventfd(0, EFD_CLOEXEC);
		table->fd[i][1] = table->fd[i][0];
	}
}

static void pipe_open(void)
{
	open_table();
	for (unsigned int i = 0; i < 2; i++)
		MUST(!pipe(table->fd[i]));
}

static void fd_pass(struct side *side, unsigned int turn)
{
	const uint64_t one = 1;

	(void)turn;
	MUST(write(table->fd[side->which][1], &one, sizeof(one)) == sizeof(one));
}

static void fd_await(struct side *side, unsigned int turn)
{
	uint64_t one;

	if (turn)
		MUST(read(table->fd[!side->which][0], &one, sizeof(one)) == sizeof(one));
}

static void mutex_open(void)
{
	pthread_mutexattr_t mutex;
	pthread_condattr_t changed;

	open_table();
	pthread_mutexattr_init(&mutex);
	pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&mutex, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&table->mutex, &mutex);
	pthread_condattr_init(&changed);
	pthread_condattr_setpshared(&changed, PTHREAD_PROCESS_SHARED);
	pthread_cond_init(&table->changed, &changed);
}

static void mutex_pass(struct side *side, unsigned int turn)
{
	(void)side;
	MUST(!pthread_mutex_lock(&table->mutex));
	table->turn = turn;
	pthread_mutex_unlock(&table->mutex);
	pthread_cond_signal(&table->changed);
}

static void mutex_await(struct side *side, unsigned int turn)
{
	(void)side;
	MUST(!pthread_mutex_lock(&table->mutex));
	while (table->turn != turn)
		pthread_cond_wait(&table->changed, &table->mutex);
	pthread_mutex_unlock(&table->mutex);
}

static void copy_pass(struct side *side, unsigned int turn)
{
	(void)turn;
	for (size_t sent = 0; sent < side->size;) {
		const ssize_t size = send(side->sock, side->data + sent, side->size - sent, 0);

		MUST(size > 0);
		sent += (size_t)size;
	}
}

static void copy_await(struct side *side, unsigned int turn)
{
	if (turn)
		process_hear(side->sock, side->data, side->size);
}

static const struct way futex_way = { open_table, futex_pass, futex_await };
static const struct way eventfd_way = { eventfd_open, fd_pass, fd_await };
static const struct way pipe_way = { pipe_open, fd_pass, fd_await };
static const struct way mutex_way = { mutex_open, mutex_pass, mutex_await };
static const struct way copy_way = { open_table, copy_pass, copy_await };

/*
 * Both sides.
 */

struct game {
	const struct way *way;
	size_t size;
	char *data;
};

static void ours_join(struct side *side)
{
	struct dma_buf_pool_handle handle;
	void *data;

	MUST(!dma_buf_pool_join(side->sock, PATIENCE, &side->pool));
	process_hear(side->sock, &handle, sizeof(handle));
	MUST(!dma_buf_pool_get_buf(side->pool, &handle, &side->dmabuf));
	MUST(!dma_buf_mmap_cpu(side->dmabuf, PROT_READ | PROT_WRITE, &data));
	side->data = data;
	ours_exchange(side);
}

static void other_side(int sock, void *arg)
{
	const struct game *game = arg;
	struct side side = { .sock = sock, .which = 1, .data = game->data, .size = game->size };

	if (game->way == &ours)
		ours_join(&side);
	play(game->way, &side);
	if (game->way == &ours)
		ours_close(&side);
}

static void ours_serve(struct side *side)
{
	const struct dma_buf_pool_limits limits = { 2, 1, 4, 4 };
	struct dma_buf_pool_handle handle;
	void *data;

	MUST(!dma_buf_pool_create(&limits, &side->pool));
	MUST(!dma_buf_pool_serve(side->pool, side->sock, 0, PATIENCE, NULL));
	MUST(!dma_buf_pool_alloc(side->pool, "bench", side->size, 0, &side->dmabuf));
	MUST(!dma_buf_pool_get_handle(side->dmabuf, &handle));
	process_tell(side->sock, &handle, sizeof(handle));
	MUST(!dma_buf_mmap_cpu(side->dmabuf, PROT_READ | PROT_WRITE, &data));
	side->data = data;
	ours_exchange(side);
}

static double hand_over(const struct way *way, unsigned int size)
{
	const bool copies = way == &copy_way;
	struct game game = { .way = way, .size = size };
	struct side side = { .size = size };
	struct process process;
	double ns;

	if (way->open)
		way->open();
	if (way != &ours)
		game.data = mmap(NULL, size, PROT_READ | PROT_WRITE,
				 (copies ? MAP_PRIVATE : MAP_SHARED) | MAP_ANONYMOUS, -1, 0);
	side.data = game.data;
	process = process_begin(other_side, &game);
	side.sock = process.sock;
	if (way == &ours)
		ours_serve(&side);
	ns = MEASURED(turns_for(size), play(way, &side));
	process_end(&process);
	if (way == &ours)
		ours_close(&side);
	else
		munmap(game.data, size);
	if (way->open) {
		for (unsigned int i = 0; i < 2; i++) {
			for (unsigned int j = 0; j < 2; j++) {
				if (table->fd[i][j] > 2)
					close(table->fd[i][j]);
			}
		}
		munmap(table, PAGE);
	}
	return ns;
}

#define WAY(name, way)                                                                          \
	static double name##_rows_measure(unsigned int size)                                    \
	{                                                                                       \
		return hand_over(&(way), size);                                                 \
	}                                                                                       \
	static const struct row name##_hand_over_rows_of[] = {                                  \
		{ "hand over n bytes", 8192, name##_rows_measure, false },                      \
		{ "hand over n bytes", 1 << 20, name##_rows_measure, false },                   \
		{ "hand over n bytes", 8 << 20, name##_rows_measure, false },                   \
	};                                                                                      \
	const struct design name##_hand_over_rows = { #name, name##_hand_over_rows_of, 3 };

WAY(ours, ours)
WAY(futex, futex_way)
WAY(eventfd, eventfd_way)
WAY(pipe, pipe_way)
WAY(mutex, mutex_way)
WAY(copy, copy_way)
