/* SPDX-License-Identifier: MIT */
/* Who may change the container of a shared reservation: one at a time. */
#include "../fence/fences.h"
#include "members.h"
#include "share/shared-resv.h"

static const struct dma_buf_pool_limits limits = {
	.members = 2, .buffers = 1, .fences = 4, .timelines = 4,
};

static struct {
	struct dma_buf_pool *pool;
	struct dma_buf *dmabuf;
	struct test_thread *thread;
	uint32_t is_at, is_in, is_over; /* atomic */
	const char *at, *in; /* race points that say so */
} world;

static struct shared_resv *shared(void)
{
	return shared_resv_of(world.dmabuf->resv);
}

static void begin(void)
{
	memset(&world, 0, sizeof(world));
	world.pool = create_pool(&limits);
	ASSERT_INT(dma_buf_pool_alloc(world.pool, NULL, 4096, 0, &world.dmabuf), ==, 0);
	dma_resv_wait_timeout(world.dmabuf->resv, DMA_RESV_USAGE_BOOKKEEP, false, 0);
}

static void end(void)
{
	os_race_hook(NULL);
	test_thread_join(world.thread);
	dma_buf_put(world.dmabuf);
	leave(world.pool);
}

static void ask(void *unused)
{
	struct dma_fence *fence;

	(void)unused;
	if (dma_resv_get_singleton(world.dmabuf->resv, DMA_RESV_USAGE_READ, &fence))
		abort();
	dma_fence_put(fence);
	store_release(&world.is_over, true);
}

static void lock(void *unused)
{
	(void)unused;
	if (dma_resv_lock(world.dmabuf->resv, NULL))
		abort();
	store_release(&world.is_over, true);
	dma_resv_unlock(world.dmabuf->resv);
}

/* At the first race point @point, @other runs until it is at another one, and must not be further. */
static const char *point;
static void (*other)(void *);

static void let_other_run(const char *label)
{
	if (!strcmp(label, world.at))
		store_release(&world.is_at, true);
	else if (!strcmp(label, world.in) && world.thread)
		store_release(&world.is_in, true);
	if (strcmp(label, point) != 0 || world.thread)
		return;
	world.thread = test_thread_start(other, NULL);
	WAIT_UNTIL(load_acquire(&world.is_at) || load_acquire(&world.is_in) ||
		   load_acquire(&world.is_over));
	ASSERT_FALSE(load_acquire(&world.is_in));
	ASSERT_FALSE(load_acquire(&world.is_over));
}

/* Where somebody watches, each says that it is keeper. */
static void needs_nobody_who_watches(void)
{
	if (dmabuf_lockdep_is_on())
		test_skip();
}

TEST(who_looks_changes_nothing_while_a_holder_commits)
{
	struct dma_fence *fence;

	needs_nobody_who_watches();
	fence = make_fence();
	begin();
	world.at = "shared mirror: the holder is keeper";
	world.in = "shared log: before it is read";
	point = "commit: before the word";
	other = ask;
	os_race_hook(let_other_run);
	ASSERT_INT(dma_resv_lock(world.dmabuf->resv, NULL), ==, 0);
	ASSERT_INT(dma_resv_reserve_fences(world.dmabuf->resv, 1), ==, 0);
	dma_resv_add_fence(world.dmabuf->resv, fence, DMA_RESV_USAGE_WRITE);
	dma_resv_unlock(world.dmabuf->resv);
	ASSERT_TRUE(world.thread);
	end();
	signal_and_put(fence);
}

TEST(a_holder_changes_nothing_while_somebody_looks)
{
	needs_nobody_who_watches();
	begin();
	fetch_add_release(&shared()->shm->commit, 1); /* there is something to read */
	world.at = "shared mirror: somebody is keeper";
	world.in = "shared mirror: nobody";
	point = "shared log: before it is read";
	other = lock;
	os_race_hook(let_other_run);
	ask(NULL);
	ASSERT_TRUE(world.thread);
	end();
}

/* That may take long. */
TEST(who_looks_does_not_wait_for_who_awaits_the_lock)
{
	struct dma_buf_pool *member;

	begin();
	member = add_member(world.pool);
	store_release(&shared()->shm->lock, dma_buf_pool_self(member)); /* as if it had it */
	world.thread = test_thread_start(lock, NULL);
	WAIT_UNTIL(dma_resv_is_locked(world.dmabuf->resv));
	fetch_add_release(&shared()->shm->commit, 1);
	ask(NULL);
	store_release(&shared()->shm->lock, 0);
	end();
	leave(member);
}
