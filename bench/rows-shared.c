/* SPDX-License-Identifier: MIT */
/*
 * A reservation that processes share against one that they do not: what one thread pays that nobody
 * disturbs. The private one is the second design. n: members of the pool, or its buffers.
 */
#include <dmabuf/dmabuf.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "processes.h"
#include "rows.h"

#define PATIENCE INT64_C(60000000000)
#define MOST_MEMBERS 32
#define MOST_BUFFERS 4096
#define TIMES 4096
#define FENCES 8		   /* of a buffer */
#define LOG (2 * (2 * FENCES + 2)) /* entries: after so many adds each place has been used */
#define ADDS (LOG * MOST_BUFFERS)

static struct {
	struct dma_buf_pool *pool;
	struct process process[MOST_MEMBERS];
	unsigned int processes;
	struct dma_fence_timeline *tl;
	struct dma_buf *dmabuf[MOST_BUFFERS];
	unsigned int buffers;
	bool is_shared;
} world;

/* A member that is there, and does nothing. */
static void sit(int sock, void *unused)
{
	struct dma_buf_pool *pool;
	char byte;

	(void)unused;
	MUST(!dma_buf_pool_join(sock, PATIENCE, &pool));
	process_tell(sock, "j", 1);
	if (recv(sock, &byte, 1, 0) == 0)
		dma_buf_pool_leave(pool);
}

static void allow_descriptors(void)
{
	struct rlimit limit;

	MUST(!getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = limit.rlim_max;
	MUST(!setrlimit(RLIMIT_NOFILE, &limit));
}

static void open_pool(unsigned int members)
{
	const struct dma_buf_pool_limits limits = { MOST_MEMBERS, MOST_BUFFERS, FENCES, 8 };
	struct dma_buf_pool_fence origin;
	char byte;

	MUST(!dma_buf_pool_create(&limits, &world.pool));
	for (world.processes = 0; world.processes + 1 < members; world.processes++) {
		struct process *process = &world.process[world.processes];

		*process = process_begin(sit, NULL);
		MUST(!dma_buf_pool_serve(world.pool, process->sock, 0, PATIENCE, NULL));
		process_hear(process->sock, &byte, 1);
	}
	MUST(!dma_buf_pool_share_timeline(world.pool, world.tl, &origin));
}

static void begin(bool is_shared, unsigned int members, unsigned int buffers)
{
	world.is_shared = is_shared;
	world.buffers = buffers;
	world.tl = dma_fence_timeline_create("bench");
	MUST(world.tl);
	allow_descriptors();
	if (is_shared)
		open_pool(members);
	for (unsigned int i = 0; i < buffers; i++) {
		if (is_shared)
			MUST(!dma_buf_pool_alloc(world.pool, "bench", 4096, 0, &world.dmabuf[i]));
		else
			MUST(!dma_buf_malloc_create("bench", 4096, &world.dmabuf[i]));
	}
}

static double end(double ns)
{
	for (unsigned int i = 0; i < world.buffers; i++)
		dma_buf_put(world.dmabuf[i]);
	if (world.is_shared)
		dma_buf_pool_leave(world.pool);
	for (unsigned int i = 0; world.is_shared && i < world.processes; i++)
		process_end(&world.process[i]);
	dma_fence_timeline_destroy(world.tl);
	return ns;
}

static double lock_unlock(bool is_shared)
{
	struct dma_resv *resv;
	double ns;

	begin(is_shared, 2, 1);
	resv = world.dmabuf[0]->resv;
	ns = MEASURED(TIMES, for (unsigned int i = 0; i < TIMES; i++) {
		if (dma_resv_lock(resv, NULL))
			abort();
		dma_resv_unlock(resv);
	});
	return end(ns);
}

static struct dma_fence *fence[2 * ADDS];

/* Of one timeline; none has signalled. */
static void make_fences(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		MUST(fence[i] = dma_fence_timeline_emit(world.tl));
}

static void end_fences(unsigned int n)
{
	MUST(!dma_fence_timeline_signal(world.tl, n, 0));
	for (unsigned int i = 0; i < n; i++)
		dma_fence_put(fence[i]);
}

/* To each buffer in turn. */
static void add_from(unsigned int first, unsigned int adds)
{
	for (unsigned int i = first; i < first + adds; i++) {
		struct dma_resv *resv = world.dmabuf[i % world.buffers]->resv;

		if (dma_resv_lock(resv, NULL) || dma_resv_reserve_fences(resv, 1))
			abort();
		dma_resv_add_fence(resv, fence[i], DMA_RESV_USAGE_WRITE);
		dma_resv_unlock(resv);
	}
}

/* When all of each buffer's log has been used. As many adds for any number of buffers. */
static double add(bool is_shared, unsigned int members, unsigned int buffers)
{
	double ns;

	begin(is_shared, members, buffers);
	make_fences(2 * ADDS);
	add_from(0, ADDS);
	ns = MEASURED(ADDS, add_from(ADDS, ADDS));
	end_fences(2 * ADDS);
	return end(ns);
}

/* To buffers that nobody has used. */
static double add_first(bool is_shared, unsigned int buffers)
{
	double ns;

	begin(is_shared, 2, buffers);
	make_fences(buffers);
	ns = MEASURED(buffers, add_from(0, buffers));
	end_fences(buffers);
	return end(ns);
}

/* One fence in each buffer, and each has been looked at. */
static void begin_looking(bool is_shared, unsigned int members, unsigned int buffers)
{
	struct dma_resv_snapshot set;

	begin(is_shared, members, buffers);
	make_fences(buffers);
	add_from(0, buffers);
	for (unsigned int i = 0; i < buffers; i++) {
		MUST(!dma_resv_test_signaled(world.dmabuf[i]->resv, DMA_RESV_USAGE_WRITE));
		MUST(dma_resv_get_snapshot(world.dmabuf[i]->resv, &set));
		dma_resv_put_snapshot(&set);
	}
}

static double end_looking(double ns)
{
	end_fences(world.buffers);
	return end(ns);
}

static double test(bool is_shared, unsigned int members, unsigned int buffers)
{
	double ns;

	begin_looking(is_shared, members, buffers);
	ns = MEASURED(TIMES, for (unsigned int i = 0; i < TIMES; i++)
		frame_sink += dma_resv_test_signaled(world.dmabuf[i % buffers]->resv, DMA_RESV_USAGE_WRITE));
	return end_looking(ns);
}

static double snapshot(bool is_shared, unsigned int members, unsigned int buffers)
{
	struct dma_resv_snapshot set;
	double ns;

	begin_looking(is_shared, members, buffers);
	ns = MEASURED(TIMES, for (unsigned int i = 0; i < TIMES; i++) {
		frame_sink += dma_resv_get_snapshot(world.dmabuf[i % buffers]->resv, &set);
		dma_resv_put_snapshot(&set);
	});
	return end_looking(ns);
}

/* Signalling that nobody waits for. */
static double signal_alone(bool is_shared)
{
	double ns;

	begin(is_shared, 2, 1);
	make_fences(TIMES);
	ns = MEASURED(TIMES, for (unsigned int i = 0; i < TIMES; i++) {
		if (dma_fence_timeline_signal(world.tl, i + 1, 0))
			abort();
	});
	for (unsigned int i = 0; i < TIMES; i++)
		dma_fence_put(fence[i]);
	return end(ns);
}

/* Of what is done with members and buffers: n of the ones, and 2 and 1 of the others. */
#define BY_SIZE(name, is_shared, what)                       \
	static double name##_##what##_members(unsigned int n) \
	{                                                     \
		return what(is_shared, n, 1);                 \
	}                                                     \
	static double name##_##what##_buffers(unsigned int n) \
	{                                                     \
		return what(is_shared, 2, n);                 \
	}

#define SIZES(text, name, what)                                              \
	{ text "; n members", 2, name##_##what##_members, true },            \
	{ text "; n members", 8, name##_##what##_members, true },            \
	{ text "; n members", 32, name##_##what##_members, true },           \
	{ text "; n buffers", 1, name##_##what##_buffers, true },            \
	{ text "; n buffers", 64, name##_##what##_buffers, true },           \
	{ text "; n buffers", MOST_BUFFERS, name##_##what##_buffers, true }

#define KIND(name, is_shared)                                                               \
	BY_SIZE(name, is_shared, add)                                                       \
	BY_SIZE(name, is_shared, test)                                                      \
	BY_SIZE(name, is_shared, snapshot)                                                  \
	static double name##_lock_unlock(unsigned int n)                                    \
	{                                                                                   \
		(void)n;                                                                    \
		return lock_unlock(is_shared);                                              \
	}                                                                                   \
	static double name##_add_first(unsigned int n)                                      \
	{                                                                                   \
		return add_first(is_shared, n);                                             \
	}                                                                                   \
	static double name##_signal(unsigned int n)                                         \
	{                                                                                   \
		(void)n;                                                                    \
		return signal_alone(is_shared);                                             \
	}                                                                                   \
	static const struct row name##_rows[] = {                                           \
		{ "lock and unlock", 1, name##_lock_unlock, true },                         \
		SIZES("lock, add, commit", name, add),                                      \
		{ "lock, add, commit, the first time; n buffers", MOST_BUFFERS, name##_add_first, true }, \
		SIZES("test", name, test),                                                  \
		SIZES("keep the whole set", name, snapshot),                                \
		{ "signal", 1, name##_signal, true },                                       \
	};                                                                                  \
	const struct design name##_shared_rows = { #name, name##_rows, COUNT(name##_rows) };

KIND(ours, true)
KIND(private, false)
