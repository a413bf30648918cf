/* SPDX-License-Identifier: MIT */
/* Walking all buffers of the process. */
#define _GNU_SOURCE
#include <dmabuf/dma-buf-info.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake-exporter.h"
#include "memfd-buffer.h"

TEST(a_walk_meets_every_live_buffer_once_in_the_order_of_export)
{
	struct dma_buf *buffers[3] = { new_memfd_buffer(65536), NULL, new_memfd_buffer(65536) };
	struct dma_buf *dmabuf;
	struct fake fake;

	dma_buf_put(buffers[0]);
	buffers[0] = fake_begin_test(&fake, FAKE_STATIC);
	buffers[1] = new_memfd_buffer(65536);
	dmabuf = dma_buf_iter_begin();
	ASSERT_PTR(dmabuf, ==, buffers[2]);
	dmabuf = dma_buf_iter_next(dmabuf);
	ASSERT_PTR(dmabuf, ==, buffers[0]);
	dmabuf = dma_buf_iter_next(dmabuf);
	ASSERT_PTR(dmabuf, ==, buffers[1]);
	ASSERT_PTR(dma_buf_iter_next(dmabuf), ==, NULL);
	for (unsigned int i = 0; i < 3; i++)
		dma_buf_put(buffers[i]);
	ASSERT_PTR(dma_buf_iter_begin(), ==, NULL);
}

TEST(a_walk_holds_the_buffer_where_it_is_and_ends_it_if_nobody_else_does)
{
	struct dma_buf *first = new_memfd_buffer(65536), *dmabuf;
	struct fake fake;

	dmabuf = dma_buf_iter_begin();
	dma_buf_put(first);
	ASSERT_INT(dmabuf->size, ==, 65536);
	fake_begin_test(&fake, FAKE_STATIC);
	dmabuf = dma_buf_iter_next(dmabuf);
	ASSERT_PTR(dmabuf, ==, fake.dmabuf);
	dma_buf_put(fake.dmabuf);
	ASSERT_INT(fake.calls[FAKE_RELEASE], ==, 0);
	ASSERT_PTR(dma_buf_iter_next(dmabuf), ==, NULL);
	fake_assert_calls(&fake, FAKE_RELEASE, 1, false);
}

static struct dma_buf *inherited[3];

/* The parent's buffers are not the child's: it meets its own, and may let go of those. */
static void be_the_child(void)
{
	struct dma_buf *own;

	if (dma_buf_iter_begin())
		_exit(1);
	own = new_memfd_buffer(65536);
	dma_buf_put(inherited[1]);
	dma_buf_put(inherited[0]);
	if (dma_buf_iter_next(inherited[2]))
		_exit(2);
	if (dma_buf_iter_begin() != own || dma_buf_iter_next(own))
		_exit(3);
	_exit(0);
}

TEST(a_forked_child_begins_with_no_buffers)
{
	int status;
	pid_t pid;

	for (unsigned int i = 0; i < 3; i++)
		inherited[i] = new_memfd_buffer(65536);
	fflush(NULL);
	pid = fork();
	ASSERT_INT(pid, >=, 0);
	if (!pid)
		be_the_child();
	ASSERT_INT(waitpid(pid, &status, 0), ==, pid);
	ASSERT_INT(status, ==, 0);
	for (unsigned int i = 0; i < 3; i++)
		dma_buf_put(inherited[i]);
}

/*
 * Torture: whoever meets a buffer holds a live one, also where its owner lets go meanwhile.
 */

static unsigned int alive; /* atomic: threads that have not ended */

struct mine {
	struct fake fake;
	bool gone; /* atomic */
};

/* Perhaps on the thread of who met it. */
static void release_mine(struct dma_buf *dmabuf)
{
	struct mine *mine = container_of(dmabuf->priv, struct mine, fake);

	fake_release(dmabuf);
	store_release(&mine->gone, true);
}

static void come_and_go(void)
{
	for (unsigned int i = 0; i < test_rounds(5000); i++) {
		struct mine mine = { .gone = false };

		fake_init(&mine.fake, FAKE_STATIC);
		mine.fake.ops.release = release_mine;
		fake_export(&mine.fake);
		dma_buf_put(mine.fake.dmabuf);
		WAIT_UNTIL(load_acquire(&mine.gone));
		test_operation();
	}
	fetch_sub_acq_rel(&alive, 1);
}

static void meet_all(void)
{
	struct dma_buf *dmabuf;

	do {
		for (dmabuf = dma_buf_iter_begin(); dmabuf; dmabuf = dma_buf_iter_next(dmabuf)) {
			const struct fake *fake = dmabuf->priv;

			ASSERT_INT(load_relaxed(&fake->calls[FAKE_RELEASE]), ==, 0);
			ASSERT_INT(dmabuf->size, ==, sizeof(fake->memory));
		}
	} while (load_acquire(&alive));
}

static void come_or_meet(unsigned int index, void *unused)
{
	(void)unused;
	if (index < 2)
		meet_all();
	else
		come_and_go();
}

TORTURE(a_walk_among_buffers_that_come_and_go_meets_live_ones)
{
	store_relaxed(&alive, 2);
	test_race_begin();
	test_threads(4, come_or_meet, NULL);
	test_race_end();
	ASSERT_PTR(dma_buf_iter_begin(), ==, NULL);
}
