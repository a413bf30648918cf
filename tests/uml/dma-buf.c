/* SPDX-License-Identifier: MIT */
/* Buffers of the kernel's: their fences into ours, and the kernel's fences into theirs. */
#define _GNU_SOURCE
#include <dmabuf/dma-buf-sync-file.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <sys/mman.h>

#include "../buf/memfd-buffer.h"
#include "os/clock.h"
#include "sw-sync.h"

#define SIZE 4096

/* A dma-buf of the kernel's, over the pages of a memfd. */
static int make_udmabuf(void)
{
	struct udmabuf_create create = { .flags = UDMABUF_FLAGS_CLOEXEC, .size = SIZE };
	const int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	const int memfd = memfd_create("pages", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int fd;

	ASSERT_INT(device, >=, 0);
	ASSERT_INT(ftruncate(memfd, SIZE), ==, 0);
	ASSERT_INT(fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK), ==, 0);
	create.memfd = (__u32)memfd;
	fd = ioctl(device, UDMABUF_CREATE, &create);
	ASSERT_INT(fd, >=, 0);
	close(memfd);
	close(device);
	return fd;
}

/* Another, of the system heap. */
static int make_heap_buffer(void)
{
	struct dma_heap_allocation_data data = { .len = SIZE, .fd_flags = O_RDWR | O_CLOEXEC };
	const int heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);

	ASSERT_INT(heap, >=, 0);
	ASSERT_INT(ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data), ==, 0);
	close(heap);
	return (int)data.fd;
}

/* A sync_file for what an access must wait for. */
static int kernel_export(int buffer, unsigned int flags)
{
	struct dma_buf_export_sync_file data = { .flags = flags };

	ASSERT_INT(ioctl(buffer, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &data), ==, 0);
	return data.fd;
}

static void kernel_import(int buffer, unsigned int flags, int fd)
{
	const struct dma_buf_import_sync_file data = { .flags = flags, .fd = fd };

	ASSERT_INT(ioctl(buffer, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &data), ==, 0);
}

/* What an access to the kernel's buffer need not wait for: POLLIN to read, POLLOUT to write. */
static int access_now(int buffer)
{
	struct pollfd entry = { .fd = buffer, .events = POLLIN | POLLOUT };

	ASSERT_INT(poll(&entry, 1, 0), >=, 0);
	return entry.revents;
}

/* The writer of the kernel's buffer is what a reader of ours waits for. */
static void pass_through(int theirs)
{
	const struct point point = make_point();
	struct dma_buf *ours = new_memfd_buffer(SIZE);
	int fd;

	kernel_import(theirs, DMA_BUF_SYNC_WRITE, point.fd);
	fd = kernel_export(theirs, DMA_BUF_SYNC_READ);
	ASSERT_INT(dma_buf_import_sync_file(ours, DMA_BUF_SYNC_WRITE, fd), ==, 0);
	close(fd);
	ASSERT_FALSE(dma_resv_test_signaled(ours->resv, DMA_RESV_USAGE_WRITE));
	advance(point.timeline, 1);
	ASSERT_INT(dma_buf_begin_cpu_access(ours, DMA_FROM_DEVICE), ==, 0);
	ASSERT_TRUE(dma_resv_test_signaled(ours->resv, DMA_RESV_USAGE_WRITE));
	ASSERT_INT(dma_buf_end_cpu_access(ours, DMA_FROM_DEVICE), ==, 0);
	dma_buf_put(ours);
	end_point(&point);
	close(theirs);
}

TEST(a_udmabufs_fences_go_into_a_buffer_of_ours)
{
	pass_through(make_udmabuf());
}

TEST(a_heap_buffers_fences_go_into_a_buffer_of_ours)
{
	pass_through(make_heap_buffer());
}

TEST(an_idle_buffer_of_the_kernels_gives_a_fence_that_has_signalled)
{
	const int theirs = make_udmabuf(), fd = kernel_export(theirs, DMA_BUF_SYNC_RW);
	struct dma_fence *fence = take_in(fd);

	ASSERT_TRUE(dma_fence_is_signaled(fence));
	ASSERT_INT(dma_fence_get_status(fence), ==, 1);
	ASSERT_INT(dma_fence_timestamp(fence), <=, os_now_ns());
	ASSERT_INT(sync_file_kernel_fd(fence), ==, -ENOENT);
	put_last(fence);
	close(fd);
	close(theirs);
}

TEST(readers_of_the_kernels_buffer_hold_up_writers_of_ours)
{
	const struct point points[2] = { make_point(), make_point() };
	const int theirs = make_udmabuf();
	struct dma_buf *ours = new_memfd_buffer(SIZE);
	int fd;

	kernel_import(theirs, DMA_BUF_SYNC_READ, points[0].fd);
	kernel_import(theirs, DMA_BUF_SYNC_READ, points[1].fd);
	fd = kernel_export(theirs, DMA_BUF_SYNC_READ);
	ASSERT_READABLE(fd);
	close(fd);
	fd = kernel_export(theirs, DMA_BUF_SYNC_WRITE);
	ASSERT_INT(dma_buf_import_sync_file(ours, DMA_BUF_SYNC_READ, fd), ==, 0);
	close(fd);
	ASSERT_TRUE(dma_resv_test_signaled(ours->resv, DMA_RESV_USAGE_WRITE));
	advance(points[0].timeline, 1);
	ASSERT_FALSE(dma_resv_test_signaled(ours->resv, DMA_RESV_USAGE_READ));
	advance(points[1].timeline, 1);
	ASSERT_INT(dma_buf_begin_cpu_access(ours, DMA_TO_DEVICE), ==, 0);
	ASSERT_INT(dma_buf_end_cpu_access(ours, DMA_TO_DEVICE), ==, 0);
	dma_buf_put(ours);
	close(theirs);
	end_point(&points[0]);
	end_point(&points[1]);
}

TEST(a_kernel_fence_of_ours_holds_up_the_kernels_buffer)
{
	const struct point point = make_point();
	const int theirs = make_udmabuf(), fd = sync_file_kernel_fd(point.fence);
	struct pollfd entry = { .fd = theirs, .events = POLLOUT };

	ASSERT_INT(access_now(theirs), ==, POLLIN | POLLOUT);
	kernel_import(theirs, DMA_BUF_SYNC_READ, fd);
	ASSERT_INT(access_now(theirs), ==, POLLIN);
	kernel_import(theirs, DMA_BUF_SYNC_WRITE, fd);
	ASSERT_INT(access_now(theirs), ==, 0);
	close(fd);
	advance(point.timeline, 1);
	ASSERT_INT(poll(&entry, 1, -1), ==, 1);
	ASSERT_INT(access_now(theirs), ==, POLLIN | POLLOUT);
	close(theirs);
	end_point(&point);
}

/* What a reservation of ours has left goes to the kernel, if that is the kernel's. */
TEST(what_a_buffer_of_ours_waits_for_goes_to_the_kernels)
{
	const struct point points[2] = { make_point(), make_point() };
	const int theirs = make_udmabuf();
	struct dma_buf *ours = new_memfd_buffer(SIZE);
	struct dma_fence *all;
	int fd;

	for (int i = 0; i < 2; i++)
		ASSERT_INT(dma_buf_import_sync_file(ours, DMA_BUF_SYNC_READ, points[i].fd), ==, 0);
	ASSERT_INT(dma_resv_get_singleton(ours->resv, DMA_RESV_USAGE_READ, &all), ==, 0);
	fd = sync_file_kernel_fd(all);
	ASSERT_INT(fd, >=, 0);
	kernel_import(theirs, DMA_BUF_SYNC_WRITE, fd);
	close(fd);
	advance(points[0].timeline, 1);
	ASSERT_INT(access_now(theirs), ==, 0);
	advance(points[1].timeline, 1);
	assert_gets_readable(theirs);
	put_last(all);
	dma_buf_put(ours);
	close(theirs);
	end_point(&points[0]);
	end_point(&points[1]);
}

/* The kernel cannot take it: it is none of its descriptors. */
TEST(the_kernel_does_not_know_a_descriptor_of_ours)
{
	struct dma_fence *fence = make_fence();
	const int theirs = make_udmabuf(), fd = make_fd(fence);
	const struct dma_buf_import_sync_file data = { .flags = DMA_BUF_SYNC_WRITE, .fd = fd };

	ASSERT_INT(ioctl(theirs, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &data), ==, -1);
	ASSERT_INT(errno, ==, EINVAL);
	ASSERT_PTR(sync_file_get_fence(theirs), ==, NULL);
	close(fd);
	close(theirs);
	dma_fence_put(fence);
}
