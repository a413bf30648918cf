/* SPDX-License-Identifier: MIT */
/*
 * Forks, from two threads, while others are in the middle of anything. The child begins anew,
 * whatever was locked, queued or half done in its parent.
 */
#include <dmabuf/dma-buf-info.h>
#include <dmabuf/dma-buf-memfd.h>
#include <dmabuf/dma-buf-sync-file.h>
#include <dmabuf/dma-buf.h>
#include <dmabuf/dma-fence-timeline.h>
#include <sys/mman.h>

#include "../fence/descriptors.h"

#define FORKS (TEST_SANITIZED ? 0 : 20) /* locks of its runtime may stay locked in the child */
#define FORKERS 2
#define USERS 3

struct forks {
	unsigned int rounds;
	unsigned int forking; /* atomic: forkers that have not ended */
};

static struct device any_device = { .name = "any" };

/* Work with a buffer: a fence in its reservation, a callback, a descriptor that gets readable. */
static void submit_and_wait(struct dma_buf *dmabuf, struct dma_fence_timeline *timeline)
{
	struct dma_fence *point = dma_fence_timeline_emit(timeline);
	struct counting_cb counter = { .calls = 0 };
	int fd;

	ASSERT_TRUE(point);
	ASSERT_INT(dma_fence_add_callback(point, &counter.cb, count_call), ==, 0);
	ASSERT_INT(dma_resv_lock(dmabuf->resv, NULL), ==, 0);
	ASSERT_INT(dma_resv_reserve_fences(dmabuf->resv, 1), ==, 0);
	dma_resv_add_fence(dmabuf->resv, point, DMA_RESV_USAGE_WRITE);
	dma_resv_unlock(dmabuf->resv);
	fd = dma_buf_export_sync_file(dmabuf, DMA_BUF_SYNC_READ);
	ASSERT_INT(fd, >=, 0);
	ASSERT_NOT_READABLE(fd);
	ASSERT_INT(dma_fence_timeline_signal(timeline, point->seqno, 0), ==, 0);
	ASSERT_READABLE(fd);
	ASSERT_INT(counter.calls, ==, 1);
	close(fd);
	dma_fence_put(point);
}

static void touch(struct dma_buf *dmabuf)
{
	void *address;

	ASSERT_INT(dma_buf_mmap_cpu(dmabuf, PROT_READ | PROT_WRITE, &address), ==, 0);
	ASSERT_INT(dma_buf_begin_cpu_access(dmabuf, DMA_BIDIRECTIONAL), ==, 0);
	++*(unsigned int *)address;
	ASSERT_INT(dma_buf_end_cpu_access(dmabuf, DMA_BIDIRECTIONAL), ==, 0);
}

/* Everything that has a lock, a list or a cache of the whole process. */
static void use_library(void)
{
	struct dma_fence_timeline *timeline = dma_fence_timeline_create("fork");
	struct dma_buf_attachment *attach;
	struct dma_buf *dmabuf, *found;
	int fd;

	ASSERT_TRUE(timeline);
	ASSERT_INT(dma_buf_memfd_create("fork", 4096, &dmabuf), ==, 0);
	attach = dma_buf_attach(dmabuf, &any_device);
	ASSERT_FALSE(dmabuf_is_err(attach));
	fd = dma_buf_fd(dmabuf, O_RDWR | O_CLOEXEC);
	found = dma_buf_get(fd);
	ASSERT_PTR(found, ==, dmabuf);
	dma_buf_put(found);
	close(fd);
	submit_and_wait(dmabuf, timeline);
	touch(dmabuf);
	dma_buf_detach(dmabuf, attach);
	dma_fence_timeline_destroy(timeline);
	dma_buf_put(dmabuf);
}

static void begin_anew(void)
{
	if (dma_buf_iter_begin())
		_exit(1);
	use_library();
	dmabuf_rcu_barrier();
	_exit(0);
}

static void fork_again_and_again(struct forks *forks)
{
	for (unsigned int i = 0; i < forks->rounds; i++) {
		const pid_t pid = fork();
		int status;

		if (!pid)
			begin_anew();
		ASSERT_INT(pid, >, 0);
		ASSERT_INT(waitpid(pid, &status, 0), ==, pid);
		ASSERT_INT(status, ==, 0);
		test_operation();
	}
	fetch_sub_acq_rel(&forks->forking, 1);
}

static void fork_or_use(unsigned int index, void *arg)
{
	struct forks *forks = arg;

	if (index < FORKERS)
		fork_again_and_again(forks);
	while (load_acquire(&forks->forking))
		use_library();
}

TORTURE(a_child_begins_anew_whatever_its_parent_was_at)
{
	struct forks forks = { .rounds = test_rounds(FORKS), .forking = FORKERS };

	fflush(NULL);
	test_race_begin();
	test_threads(FORKERS + USERS, fork_or_use, &forks);
	test_race_end();
}
