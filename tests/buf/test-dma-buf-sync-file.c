/* SPDX-License-Identifier: MIT */
/* A buffer's fences as a descriptor, and a descriptor's fences into a buffer. */
#define _GNU_SOURCE
#include <dmabuf/dma-buf-sync-file.h>
#include <dmabuf/dma-fence-array.h>
#include <dmabuf/dma-fence-chain.h>
#include <linux/dma-buf.h>

#include "../fence/fake-kernel.h"
#include "memfd-buffer.h"

#define SIZE 4096

_Static_assert(DMA_BUF_SYNC_READ == 1 && DMA_BUF_SYNC_WRITE == 2 && DMA_BUF_SYNC_RW == 3,
	       "as in <linux/dma-buf.h>");

static void add(struct dma_buf *dmabuf, struct dma_fence *fence, enum dma_resv_usage usage)
{
	ASSERT_INT(dma_resv_lock(dmabuf->resv, NULL), ==, 0);
	ASSERT_INT(dma_resv_reserve_fences(dmabuf->resv, 1), ==, 0);
	dma_resv_add_fence(dmabuf->resv, fence, usage);
	dma_resv_unlock(dmabuf->resv);
}

/* An array that somebody awaits lives until its members have signalled. */
static void end(struct dma_fence *fence)
{
	dma_fence_signal(fence);
	dma_fence_put(fence);
}

static int export(struct dma_buf *dmabuf, unsigned int flags)
{
	const int fd = dma_buf_export_sync_file(dmabuf, flags);

	ASSERT_INT(fd, >=, 0);
	ASSERT_INT(fcntl(fd, F_GETFD), ==, FD_CLOEXEC);
	return fd;
}

/* What is left to wait for, by category. */
static unsigned int count(struct dma_buf *dmabuf, enum dma_resv_usage usage)
{
	struct dma_fence **fences;
	unsigned int n;

	ASSERT_INT(dma_resv_get_fences(dmabuf->resv, usage, &n, &fences), ==, 0);
	for (unsigned int i = 0; i < n; i++)
		dma_fence_put(fences[i]);
	free(fences);
	return n;
}

/*
 * Export.
 */

TEST(a_reader_waits_for_writers_and_a_writer_for_all)
{
	struct dma_buf *dmabuf = new_memfd_buffer(SIZE);
	struct dma_fence *write = make_fence(), *read = make_fence(), *bookkeep = make_fence();
	int to_read, to_write, both;

	add(dmabuf, write, DMA_RESV_USAGE_WRITE);
	add(dmabuf, read, DMA_RESV_USAGE_READ);
	add(dmabuf, bookkeep, DMA_RESV_USAGE_BOOKKEEP);
	to_read = export(dmabuf, DMA_BUF_SYNC_READ);
	to_write = export(dmabuf, DMA_BUF_SYNC_WRITE);
	both = export(dmabuf, DMA_BUF_SYNC_RW);
	ASSERT_NOT_READABLE(to_read);
	dma_fence_signal(write);
	ASSERT_READABLE(to_read);
	ASSERT_NOT_READABLE(to_write);
	ASSERT_NOT_READABLE(both);
	dma_fence_signal(read);
	ASSERT_READABLE(to_write);
	ASSERT_READABLE(both);
	close(to_read);
	close(to_write);
	close(both);
	dma_buf_put(dmabuf);
	dma_fence_put(write);
	dma_fence_put(read);
	dma_fence_put(bookkeep);
}

TEST(an_idle_buffer_gives_a_readable_descriptor)
{
	struct dma_buf *dmabuf = new_memfd_buffer(SIZE);
	const int fd = export(dmabuf, DMA_BUF_SYNC_WRITE);

	ASSERT_READABLE(fd);
	close(fd);
	dma_buf_put(dmabuf);
}

TEST(an_exported_descriptor_does_not_see_what_comes_later)
{
	struct dma_buf *dmabuf = new_memfd_buffer(SIZE);
	struct dma_fence *before = make_fence(), *after = make_fence();
	int fd;

	add(dmabuf, before, DMA_RESV_USAGE_WRITE);
	fd = export(dmabuf, DMA_BUF_SYNC_READ);
	add(dmabuf, after, DMA_RESV_USAGE_WRITE);
	dma_fence_signal(before);
	ASSERT_READABLE(fd);
	close(fd);
	dma_buf_put(dmabuf);
	dma_fence_put(before);
	dma_fence_put(after);
}

TEST(an_export_that_fails_changes_nothing)
{
	struct dma_buf *dmabuf = new_memfd_buffer(SIZE);
	struct dma_fence *fences[2] = { make_fence(), make_fence() };
	int fd;

	add(dmabuf, fences[0], DMA_RESV_USAGE_WRITE);
	add(dmabuf, fences[1], DMA_RESV_USAGE_WRITE);
	for (unsigned int nth = 1;; nth++) {
		const struct test_resources resources = test_resources();

		os_fault_arm(nth);
		fd = dma_buf_export_sync_file(dmabuf, DMA_BUF_SYNC_READ);
		if (!os_fault_disarm())
			break;
		ASSERT_INT(fd, <, 0);
		ASSERT_RESOURCES(resources);
	}
	ASSERT_INT(fd, >=, 0);
	close(fd);
	dma_buf_put(dmabuf);
	end(fences[0]);
	end(fences[1]);
}

TEST(flags_that_say_nothing_or_too_much_are_refused)
{
	struct dma_buf *dmabuf = new_memfd_buffer(SIZE);
	const int fd = export(dmabuf, DMA_BUF_SYNC_READ);
	const unsigned int bad[] = { 0, 4, DMA_BUF_SYNC_READ | 4, ~0U };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ASSERT_INT(dma_buf_export_sync_file(dmabuf, bad[i]), ==, -EINVAL);
		ASSERT_INT(dma_buf_import_sync_file(dmabuf, bad[i], fd), ==, -EINVAL);
	}
	ASSERT_INT(dma_buf_export_sync_file(NULL, DMA_BUF_SYNC_READ), ==, -EINVAL);
	ASSERT_INT(dma_buf_import_sync_file(NULL, DMA_BUF_SYNC_READ, fd), ==, -EINVAL);
	close(fd);
	dma_buf_put(dmabuf);
}

/*
 * Import.
 */

static void import(struct dma_buf *dmabuf, unsigned int flags, struct dma_fence *fence)
{
	const int fd = make_fd(fence);

	ASSERT_INT(dma_buf_import_sync_file(dmabuf, flags, fd), ==, 0);
	close(fd);
}

TEST(an_imported_fence_is_a_readers_or_a_writers)
{
	struct dma_fence *fences[3] = { make_fence(), make_fence(), make_fence() };

	for (unsigned int flags = 1; flags <= 3; flags++) {
		struct dma_buf *dmabuf = new_memfd_buffer(SIZE);

		import(dmabuf, flags, fences[flags - 1]);
		ASSERT_INT(count(dmabuf, DMA_RESV_USAGE_KERNEL), ==, 0);
		ASSERT_INT(count(dmabuf, DMA_RESV_USAGE_WRITE), ==, flags & DMA_BUF_SYNC_WRITE ? 1 : 0);
		ASSERT_INT(count(dmabuf, DMA_RESV_USAGE_READ), ==, 1);
		dma_buf_put(dmabuf);
		dma_fence_put(fences[flags - 1]);
	}
}

static struct dma_fence *make_array(struct dma_fence **members, int n)
{
	struct dma_fence **table = malloc((size_t)n * sizeof(struct dma_fence *));
	struct dma_fence_array *array;

	for (int i = 0; i < n; i++)
		table[i] = dma_fence_get(members[i]);
	array = dma_fence_array_create(n, table, dma_fence_context_alloc(1), 1, false);
	return &array->base;
}

TEST(containers_go_in_as_their_leaves)
{
	struct dma_buf *dmabuf = new_memfd_buffer(SIZE);
	struct dma_fence *leaves[3] = { make_fence(), make_fence(), make_fence() };
	struct dma_fence_chain *first = dma_fence_chain_alloc(), *second = dma_fence_chain_alloc();

	dma_fence_chain_init(first, NULL, make_array(leaves, 2), 1);
	dma_fence_chain_init(second, &first->base, dma_fence_get(leaves[2]), 2);
	import(dmabuf, DMA_BUF_SYNC_WRITE, &second->base);
	ASSERT_INT(count(dmabuf, DMA_RESV_USAGE_WRITE), ==, 3);
	dma_fence_put(&second->base);
	for (int i = 0; i < 3; i++) {
		dma_fence_signal(leaves[i]);
		ASSERT_INT(count(dmabuf, DMA_RESV_USAGE_WRITE), ==, 2 - i);
		dma_fence_put(leaves[i]);
	}
	dma_buf_put(dmabuf);
}

TEST(an_array_of_nothing_adds_nothing)
{
	struct dma_buf *dmabuf = new_memfd_buffer(SIZE);
	struct dma_fence *empty;

	ASSERT_WARNS(empty = make_array(NULL, 0), "without fences");
	import(dmabuf, DMA_BUF_SYNC_WRITE, empty);
	ASSERT_INT(count(dmabuf, DMA_RESV_USAGE_BOOKKEEP), ==, 0);
	dma_fence_put(empty);
	dma_buf_put(dmabuf);
}

TEST(what_is_exported_can_be_imported_again)
{
	struct dma_buf *dmabuf = new_memfd_buffer(SIZE);
	struct dma_fence *fences[2] = { make_fence(), make_fence() };
	int fd;

	add(dmabuf, fences[0], DMA_RESV_USAGE_READ);
	add(dmabuf, fences[1], DMA_RESV_USAGE_READ);
	fd = export(dmabuf, DMA_BUF_SYNC_WRITE);
	ASSERT_INT(dma_buf_import_sync_file(dmabuf, DMA_BUF_SYNC_WRITE, fd), ==, 0);
	close(fd);
	ASSERT_INT(count(dmabuf, DMA_RESV_USAGE_WRITE), ==, 2);
	dma_buf_put(dmabuf);
	end(fences[0]);
	end(fences[1]);
}

TEST(what_is_no_fences_descriptor_is_not_imported)
{
	struct dma_buf *dmabuf = new_memfd_buffer(SIZE);
	const int memory = dma_buf_fd(dmabuf, O_RDWR);

	ASSERT_INT(dma_buf_import_sync_file(dmabuf, DMA_BUF_SYNC_READ, memory), ==, -EINVAL);
	ASSERT_INT(dma_buf_import_sync_file(dmabuf, DMA_BUF_SYNC_READ, STDERR_FILENO), ==, -EINVAL);
	close(memory);
	ASSERT_INT(dma_buf_import_sync_file(dmabuf, DMA_BUF_SYNC_READ, memory), ==, -EBADF);
	ASSERT_INT(dma_buf_import_sync_file(dmabuf, DMA_BUF_SYNC_READ, -1), ==, -EBADF);
	ASSERT_INT(count(dmabuf, DMA_RESV_USAGE_BOOKKEEP), ==, 0);
	dma_buf_put(dmabuf);
}

TEST(an_import_that_fails_adds_none_of_the_leaves)
{
	struct dma_buf *dmabuf = new_memfd_buffer(SIZE);
	struct dma_fence *leaves[3] = { make_fence(), make_fence(), make_fence() };
	struct dma_fence *array = make_array(leaves, 3);
	const int fd = make_fd(array);
	int err;

	for (unsigned int nth = 1;; nth++) {
		os_fault_arm(nth);
		err = dma_buf_import_sync_file(dmabuf, DMA_BUF_SYNC_READ, fd);
		if (!os_fault_disarm())
			break;
		ASSERT_INT(err, <, 0);
		ASSERT_INT(count(dmabuf, DMA_RESV_USAGE_BOOKKEEP), ==, 0);
	}
	ASSERT_INT(err, ==, 0);
	ASSERT_INT(count(dmabuf, DMA_RESV_USAGE_READ), ==, 3);
	close(fd);
	dma_fence_put(array);
	for (int i = 0; i < 3; i++)
		end(leaves[i]);
	dma_buf_put(dmabuf);
}

/*
 * What they lack.
 */

static int export_failing(unsigned int nth)
{
	struct dma_buf *dmabuf = new_memfd_buffer(SIZE);
	int fd;

	os_fault_arm(nth);
	fd = dma_buf_export_sync_file(dmabuf, DMA_BUF_SYNC_READ);
	ASSERT_TRUE(os_fault_disarm());
	dma_buf_put(dmabuf);
	return fd;
}

TEST(an_export_says_what_it_lacks)
{
	ASSERT_INT(export_failing(1), ==, -ENOMEM);
	ASSERT_INT(export_failing(3), ==, -EMFILE);
	ASSERT_INT(export_failing(5), ==, -ENOSPC);
}

static int import_failing(unsigned int nth)
{
	struct dma_buf *dmabuf = new_memfd_buffer(SIZE);
	struct fake_point point;
	const int fd = fake_sync_file(&point);
	int err;

	os_fault_arm(nth);
	err = dma_buf_import_sync_file(dmabuf, DMA_BUF_SYNC_READ, fd);
	ASSERT_TRUE(os_fault_disarm());
	dma_buf_put(dmabuf);
	fake_close(fd);
	return err;
}

TEST(an_import_of_the_kernels_says_what_it_lacks)
{
	ASSERT_INT(import_failing(3), ==, -ENOMEM);
	ASSERT_INT(import_failing(4), ==, -EMFILE);
	ASSERT_INT(import_failing(5), ==, -ENOSPC);
}

/* In a new process, which has no thread yet. */
static void import_without_a_thread(void *unused)
{
	struct dma_buf *dmabuf = new_memfd_buffer(SIZE);
	struct fake_point point;
	const int fd = fake_sync_file(&point);

	(void)unused;
	os_fault_arm(7);
	if (dma_buf_import_sync_file(dmabuf, DMA_BUF_SYNC_READ, fd) != -EAGAIN || !os_fault_disarm())
		_exit(1);
	if (dma_buf_import_sync_file(dmabuf, DMA_BUF_SYNC_READ, fd))
		_exit(2);
}

TEST(an_import_of_the_kernels_first_fence_may_lack_a_thread)
{
	ASSERT_INT(run_in_child(import_without_a_thread, NULL), ==, 0);
}

TEST(fences_of_the_kernel_and_of_user_space_lie_side_by_side)
{
	struct dma_buf *dmabuf = new_memfd_buffer(SIZE);
	struct dma_fence *fence = make_fence();
	struct fake_point point;
	const int fd = fake_sync_file(&point);

	import(dmabuf, DMA_BUF_SYNC_WRITE, fence);
	ASSERT_INT(dma_buf_import_sync_file(dmabuf, DMA_BUF_SYNC_WRITE, fd), ==, 0);
	ASSERT_INT(count(dmabuf, DMA_RESV_USAGE_WRITE), ==, 2);
	dma_fence_signal(fence);
	ASSERT_FALSE(dma_resv_test_signaled(dmabuf->resv, DMA_RESV_USAGE_WRITE));
	fake_signal(&point, 1, 1);
	ASSERT_TRUE(dma_resv_test_signaled(dmabuf->resv, DMA_RESV_USAGE_WRITE));
	dma_buf_put(dmabuf);
	dma_fence_put(fence);
	fake_close(fd);
}

TEST(an_import_under_the_lock_aborts)
{
	struct dma_buf *dmabuf = new_memfd_buffer(SIZE);

	ASSERT_INT(dma_resv_lock(dmabuf->resv, NULL), ==, 0);
	ASSERT_DEATH((void)!dma_buf_import_sync_file(dmabuf, DMA_BUF_SYNC_READ, -1), "unlock it first");
	dma_resv_unlock(dmabuf->resv);
	dma_buf_put(dmabuf);
}
