/* SPDX-License-Identifier: MIT */
/*
 * Members that die and are stopped anywhere, while others go on.
 *
 * Workers are processes. Each joins, and then does jobs: it locks some buffers, adds its fence to them, waits
 * for what was there before, reads or writes their memory, and signals. The test kills them, at any moment
 * or at labelled points inside of the library, stops and evicts them, and starts others.
 *
 * Claims: who reads finds what one writer wrote, unless that one says that it had not finished; jobs go on; and
 * in the end nothing is kept: every place, buffer and lock is free.
 */
#define _GNU_SOURCE
#include <dmabuf/dmabuf.h>
#include <sys/mman.h>

#include "peers.h"

enum { WORKERS = 4, BUFFERS = 3 /* a prime number */, WORDS = 512 };

static const struct dma_buf_pool_limits limits = {
	.members = WORKERS + 1, .buffers = BUFFERS, .fences = 16, .timelines = 4,
};

/* In memory that all have from the beginning. */
struct board {
	uint32_t jobs;	 /* atomic: done so far, by all */
	uint32_t failed; /* atomic: jobs of which something that they waited for had failed */
	uint32_t member[WORKERS]; /* atomic: who they are; 0: not known yet */
};

static struct board *board;
static struct dma_buf_pool *pool; /* the test's own */
static struct dma_buf *buffers[BUFFERS];

/*
 * A worker.
 */

static unsigned int points_left; /* labelled points until it dies, or stops; 0: it does not */
static int how;			 /* SIGKILL or SIGSTOP */

static void maybe_die(const char *label)
{
	(void)label;
	if (points_left && !--points_left)
		raise(how);
}

/* What the test tells it. */
struct orders {
	uint32_t random;
	unsigned int which;
	unsigned int points_left;
	int how;
};

struct worker {
	struct orders orders;
	int sock;
	struct dma_buf_pool *pool;
	struct dma_buf *dmabuf[BUFFERS];
	uint64_t *words[BUFFERS];
	struct dma_fence_timeline *tl;
};

static unsigned int draw(struct worker *worker, unsigned int limit)
{
	return (test_random(&worker->orders.random) >> 16) % limit;
}

/* It was evicted: that is all that may go wrong. */
static void leave_if(struct worker *worker, int err)
{
	if (!err)
		return;
	if (err != -ESTALE)
		fprintf(stderr, "worker: %d\n", err);
	PEER_MUST(err == -ESTALE && dma_buf_pool_status(worker->pool) == -ESTALE);
	_exit(0);
}

/* As an engine, whose accesses are ordered by fences. */
static uint64_t *map(struct dma_buf *dmabuf)
{
	static struct device device = { .name = "worker" };
	struct dma_buf_attachment *attach = dma_buf_attach(dmabuf, &device);
	struct sg_table *table;

	PEER_MUST(!dmabuf_is_err(attach));
	table = dma_buf_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	PEER_MUST(!dmabuf_is_err(table));
	return table->sgl->address;
}

static void arrive(struct worker *worker)
{
	struct dma_buf_pool_handle handle[BUFFERS];
	struct dma_buf_pool_fence origin;

	if (dma_buf_pool_join(worker->sock, PEER_PATIENCE, &worker->pool))
		_exit(0); /* evicted, or the test has enough */
	if (!peer_hear(worker->sock, handle, sizeof(handle)))
		_exit(0);
	for (unsigned int i = 0; i < BUFFERS; i++) {
		leave_if(worker, dma_buf_pool_get_buf(worker->pool, &handle[i], &worker->dmabuf[i]));
		worker->words[i] = map(worker->dmabuf[i]);
	}
	worker->tl = dma_fence_timeline_create("worker");
	leave_if(worker, dma_buf_pool_share_timeline(worker->pool, worker->tl, &origin));
}

/* The first word is 0 while somebody writes. */
static void write_words(struct worker *worker, unsigned int buffer)
{
	uint64_t *words = worker->words[buffer];
	const uint64_t value = ((uint64_t)getpid() << 32) + draw(worker, 1 << 16) + 1;

	store_release(&words[0], 0);
	for (unsigned int i = 1; i < WORDS; i++)
		store_relaxed(&words[i], value);
	store_release(&words[0], value);
}

static void read_words(const struct worker *worker, unsigned int buffer)
{
	const uint64_t *words = worker->words[buffer];
	const uint64_t value = load_acquire(&words[0]);

	for (unsigned int i = 1; value && i < WORDS; i++)
		PEER_MUST(load_relaxed(&words[i]) == value);
	PEER_MUST(load_acquire(&words[0]) == value);
}

struct job {
	bool uses[BUFFERS], writes[BUFFERS];
	unsigned int first, step; /* the order in which it locks, so that others' orders cross it */
	struct dma_fence *before[BUFFERS];
	struct dma_fence *done;
};

static void draw_job(struct worker *worker, struct job *job)
{
	*job = (struct job){ 0 };
	for (unsigned int i = 0; i < BUFFERS; i++) {
		job->uses[i] = draw(worker, 2);
		job->writes[i] = !draw(worker, 3);
	}
	job->first = draw(worker, BUFFERS);
	job->step = 1 + draw(worker, BUFFERS - 1);
}

static int lock_all(struct worker *worker, struct job *job, struct drm_exec *exec)
{
	int err = 0;

	drm_exec_init(exec, 0, BUFFERS);
	drm_exec_until_all_locked (exec) {
		err = 0;
		for (unsigned int k = 0; !err && k < BUFFERS; k++) {
			const unsigned int i = (job->first + job->step * k) % BUFFERS;

			if (!job->uses[i])
				continue;
			err = drm_exec_prepare_resv(exec, worker->dmabuf[i]->resv, 1);
			drm_exec_retry_on_contention(exec);
		}
		if (err)
			break;
	}
	return err;
}

/* The fence goes in; what is there before it, comes out. */
static int publish(struct worker *worker, struct job *job)
{
	struct drm_exec exec;
	int err;

	err = lock_all(worker, job, &exec);
	job->done = err ? NULL : dma_fence_timeline_emit(worker->tl);
	for (unsigned int i = 0; !err && i < BUFFERS; i++) {
		struct dma_resv *resv = worker->dmabuf[i]->resv;

		if (!job->uses[i])
			continue;
		err = dma_resv_get_singleton(resv, dma_resv_usage_rw(job->writes[i]), &job->before[i]);
		dma_resv_add_fence(resv, job->done,
				   job->writes[i] ? DMA_RESV_USAGE_WRITE : DMA_RESV_USAGE_READ);
	}
	drm_exec_fini(&exec);
	return err;
}

static void await_before(struct job *job)
{
	for (unsigned int i = 0; i < BUFFERS; i++) {
		if (!job->before[i])
			continue;
		PEER_MUST(!dma_fence_wait(job->before[i], false));
		if (dma_fence_get_status(job->before[i]) < 0)
			fetch_add_relaxed(&board->failed, 1);
		dma_fence_put(job->before[i]);
	}
}

static void do_job(struct worker *worker)
{
	struct job job;

	alarm(60); /* from now on: some live long */
	draw_job(worker, &job);
	leave_if(worker, publish(worker, &job));
	/* What was published by one who was evicted then is not there, and protects nothing. */
	leave_if(worker, dma_buf_pool_status(worker->pool));
	await_before(&job);
	leave_if(worker, dma_buf_pool_status(worker->pool)); /* it stops at labelled points only */
	for (unsigned int i = 0; i < BUFFERS; i++) {
		if (!job.uses[i])
			continue;
		if (job.writes[i])
			write_words(worker, i);
		else
			read_words(worker, i);
	}
	PEER_MUST(!dma_fence_timeline_signal(worker->tl, job.done->seqno, 0));
	dma_fence_put(job.done);
	fetch_add_relaxed(&board->jobs, 1);
}

static void work(int sock)
{
	struct worker worker = { .sock = sock };

	PEER_MUST(peer_hear(sock, &worker.orders, sizeof(worker.orders)));
	for (unsigned int i = 0; i < BUFFERS; i++)
		dma_buf_put(buffers[i]);
	dma_buf_pool_leave(pool); /* what it has of its parent's is nothing to it */
	how = worker.orders.how;
	points_left = worker.orders.points_left;
	os_race_hook(maybe_die);
	arrive(&worker);
	store_release(&board->member[worker.orders.which], dma_buf_pool_self(worker.pool));
	for (;;)
		do_job(&worker);
}

/*
 * The test.
 */

static struct peer peers[WORKERS];

static void start(unsigned int which, uint32_t *random, int how_it_ends)
{
	const struct orders orders = {
		.random = test_random(random),
		.which = which,
		.points_left = how_it_ends ? 1 + (test_random(random) >> 8) % 3000 : 0,
		.how = how_it_ends,
	};
	struct dma_buf_pool_handle handle[BUFFERS];

	store_release(&board->member[which], 0);
	peers[which] = peer_fork(work);
	peer_tell(peers[which].sock, &orders, sizeof(orders));
	/* It may die on the way; and stop, which is worse: nobody knows it yet. */
	if (dma_buf_pool_serve(pool, peers[which].sock, 0, how_it_ends ? SECOND / 5 : PEER_PATIENCE, NULL))
		return;
	for (unsigned int i = 0; i < BUFFERS; i++)
		ASSERT_INT(dma_buf_pool_get_handle(buffers[i], &handle[i]), ==, 0);
	peer_tell(peers[which].sock, handle, sizeof(handle));
}

/* It ended as it was told to, or was evicted. */
static void check_end(int status)
{
	const bool is_fine = WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : !WEXITSTATUS(status);

	if (!is_fine)
		FAIL("a worker ended with status 0x%x", (unsigned int)status);
}

static int way[WORKERS]; /* how each ends: SIGKILL and SIGSTOP: by itself; 0: the test kills it */

/* One that is stopped, and may hold what the others need, is evicted; it ends when it finds that out. */
static void evict_stopped(void)
{
	for (unsigned int i = 0; i < WORKERS; i++) {
		const uint32_t member = load_acquire(&board->member[i]);
		siginfo_t info = { 0 };

		if (way[i] != SIGSTOP || waitid(P_PID, (id_t)peers[i].pid, &info, WSTOPPED | WNOHANG) ||
		    !info.si_pid)
			continue;
		if (member)
			ASSERT_INT(dma_buf_pool_evict(pool, member), ==, 0);
		kill(peers[i].pid, member ? SIGCONT : SIGKILL);
	}
}

/* It lives on until it has been seen to work; then it is killed. */
static void kill_it(unsigned int which)
{
	const uint32_t before = load_relaxed(&board->jobs);

	while (load_relaxed(&board->jobs) - before < 4) {
		evict_stopped();
		usleep(100);
	}
	peer_kill(&peers[which]);
}

static void reap(unsigned int which)
{
	int status;

	for (;;) {
		const pid_t pid = waitpid(peers[which].pid, &status, WNOHANG);

		if (pid == peers[which].pid)
			break;
		ASSERT_INT(pid, ==, 0);
		evict_stopped();
		usleep(100);
	}
	close(peers[which].sock);
	check_end(status);
}

static void begin(void)
{
	board = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(board != MAP_FAILED);
	ASSERT_INT(dma_buf_pool_create(&limits, &pool), ==, 0);
	for (unsigned int i = 0; i < BUFFERS; i++)
		ASSERT_INT(dma_buf_pool_alloc(pool, "shared", WORDS * sizeof(uint64_t), 0, &buffers[i]),
			   ==, 0);
}

/* Nobody holds anything any more. */
static void end(void)
{
	for (unsigned int i = 0; i < BUFFERS; i++) {
		ASSERT_INT(dma_resv_lock_timeout(buffers[i]->resv, NULL, PEER_PATIENCE), ==, 0);
		dma_resv_unlock(buffers[i]->resv);
		ASSERT_INT(dma_resv_wait_timeout(buffers[i]->resv, DMA_RESV_USAGE_BOOKKEEP, false,
						 PEER_PATIENCE), >, 0);
		dma_buf_put(buffers[i]);
	}
	for (unsigned int i = 0; i < BUFFERS; i++)
		ASSERT_INT(dma_buf_pool_alloc(pool, "new", 4096, 0, &buffers[i]), ==, 0);
	for (unsigned int i = 0; i < BUFFERS; i++)
		dma_buf_put(buffers[i]);
	dma_buf_pool_leave(pool);
	munmap(board, 4096);
	dmabuf_rcu_barrier();
}

TORTURE(members_die_anywhere_and_the_others_go_on)
{
	static const int ways[] = { 0, 0, SIGKILL, SIGKILL, SIGSTOP };
	uint32_t random = test_thread_seed();

	test_forks_beside_threads();
	begin();
	for (unsigned int i = 0; i < WORKERS; i++) {
		way[i] = 0;
		start(i, &random, 0);
	}
	for (unsigned int i = test_rounds(60); i; i--) {
		/* The first is always there, and works. */
		const unsigned int which = 1 + (test_random(&random) >> 16) % (WORKERS - 1);

		if (!way[which])
			kill_it(which);
		reap(which);
		way[which] = ways[(test_random(&random) >> 16) % 5];
		start(which, &random, way[which]);
		test_operation();
	}
	for (unsigned int i = 0; i < WORKERS; i++) {
		peer_kill(&peers[i]);
		reap(i);
	}
	end();
}
