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
	const struct dma_buf_pool_limits limits = { MOST_MEMBERS, MOST_BUFFERS, 8, 8 };
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

/* Fences of one timeline, made before; none has signalled. */
static double add(bool is_shared, unsigned int members, unsigned int buffers)
{
	static struct dma_fence *fence[TIMES];
	double ns;

	begin(is_shared, members, buffers);
	for (unsigned int i = 0; i < TIMES; i++)
		MUST(fence[i] = dma_fence_timeline_emit(world.tl));
	ns = MEASURED(TIMES, for (unsigned int i = 0; i < TIMES; i++) {
		struct dma_resv *resv = world.dmabuf[i % buffers]->resv;

		if (dma_resv_lock(resv, NULL) || dma_resv_reserve_fences(resv, 1))
			abort();
		dma_resv_add_fence(resv, fence[i], DMA_RESV_USAGE_WRITE);
		dma_resv_unlock(resv);
	});
	MUST(!dma_fence_timeline_signal(world.tl, TIMES, 0));
	for (unsigned int i = 0; i < TIMES; i++)
		dma_fence_put(fence[i]);
	return end(ns);
}

static struct dma_fence *add_one(void)
{
	struct dma_fence *fence = dma_fence_timeline_emit(world.tl);
	struct dma_resv *resv = world.dmabuf[0]->resv;

	MUST(fence && !dma_resv_lock(resv, NULL) && !dma_resv_reserve_fences(resv, 1));
	dma_resv_add_fence(resv, fence, DMA_RESV_USAGE_WRITE);
	dma_resv_unlock(resv);
	return fence;
}

static double test(bool is_shared)
{
	struct dma_fence *fence;
	struct dma_resv *resv;
	double ns;

	begin(is_shared, 2, 1);
	fence = add_one();
	resv = world.dmabuf[0]->resv;
	ns = MEASURED(TIMES, for (unsigned int i = 0; i < TIMES; i++)
		frame_sink += dma_resv_test_signaled(resv, DMA_RESV_USAGE_WRITE));
	dma_fence_put(fence);
	return end(ns);
}

static double snapshot(bool is_shared)
{
	struct dma_resv_snapshot set;
	struct dma_fence *fence;
	struct dma_resv *resv;
	double ns;

	begin(is_shared, 2, 1);
	fence = add_one();
	resv = world.dmabuf[0]->resv;
	ns = MEASURED(TIMES, for (unsigned int i = 0; i < TIMES; i++) {
		frame_sink += dma_resv_get_snapshot(resv, &set);
		dma_resv_put_snapshot(&set);
	});
	dma_fence_put(fence);
	return end(ns);
}

/* Signalling that nobody waits for. */
static double signal_alone(bool is_shared)
{
	static struct dma_fence *fence[TIMES];
	double ns;

	begin(is_shared, 2, 1);
	for (unsigned int i = 0; i < TIMES; i++)
		MUST(fence[i] = dma_fence_timeline_emit(world.tl));
	ns = MEASURED(TIMES, for (unsigned int i = 0; i < TIMES; i++) {
		if (dma_fence_timeline_signal(world.tl, i + 1, 0))
			abort();
	});
	for (unsigned int i = 0; i < TIMES; i++)
		dma_fence_put(fence[i]);
	return end(ns);
}

#define KIND(name, is_shared)                                                         \
	static double name##_lock_unlock(unsigned int n)                              \
	{                                                                             \
		(void)n;                                                              \
		return lock_unlock(is_shared);                                        \
	}                                                                             \
	static double name##_add_members(unsigned int n)                              \
	{                                                                             \
		return add(is_shared, n, 1);                                          \
	}                                                                             \
	static double name##_add_buffers(unsigned int n)                              \
	{                                                                             \
		return add(is_shared, 2, n);                                          \
	}                                                                             \
	static double name##_test(unsigned int n)                                     \
	{                                                                             \
		(void)n;                                                              \
		return test(is_shared);                                               \
	}                                                                             \
	static double name##_snapshot(unsigned int n)                                 \
	{                                                                             \
		(void)n;                                                              \
		return snapshot(is_shared);                                           \
	}                                                                             \
	static double name##_signal(unsigned int n)                                   \
	{                                                                             \
		(void)n;                                                              \
		return signal_alone(is_shared);                                       \
	}                                                                             \
	static const struct row name##_rows[] = {                                     \
		{ "lock and unlock", 1, name##_lock_unlock, true },                  \
		{ "lock, add, commit; n members", 2, name##_add_members, true },     \
		{ "lock, add, commit; n members", 8, name##_add_members, true },     \
		{ "lock, add, commit; n members", 32, name##_add_members, true },    \
		{ "lock, add, commit; n buffers", 1, name##_add_buffers, true },     \
		{ "lock, add, commit; n buffers", 64, name##_add_buffers, true },    \
		{ "lock, add, commit; n buffers", 4096, name##_add_buffers, true },  \
		{ "test", 1, name##_test, true },                                    \
		{ "keep the whole set", 1, name##_snapshot, true },                  \
		{ "signal", 1, name##_signal, true },                                \
	};                                                                            \
	const struct design name##_shared_rows = { #name, name##_rows, COUNT(name##_rows) };

KIND(ours, true)
KIND(private, false)
