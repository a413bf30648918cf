/* SPDX-License-Identifier: MIT */
/*
 * A kernel driver in user space, and a program that uses it.
 *
 * store.c exports memory that moves. engine.c imports buffers, submit.c makes jobs of them,
 * ring.c runs the jobs. They are kernel code: they include <linux/...> and <drm/...> alone, and
 * are built against include/linux-compat. This file is the program; it knows blit.h.
 *
 * Each check says what holds. The exit status is 0 if all do.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <dmabuf/dmabuf.h>

#include "blit.h"

#define SIZE (4096 * 3)

#define CHECK(condition)                                                          \
	do {                                                                      \
		if (!(condition)) {                                               \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			exit(1);                                                  \
		}                                                                 \
	} while (0)

struct buffer {
	int fd;
	__u32 handle;
};

static struct buffer new_buffer(struct blit *blit)
{
	struct buffer buffer = { .fd = blit_buffer(SIZE) };

	CHECK(buffer.fd >= 0);
	CHECK(!blit_import(blit, buffer.fd, &buffer.handle));
	return buffer;
}

static void end_buffer(struct blit *blit, struct buffer buffer)
{
	CHECK(!blit_close(blit, buffer.handle));
	CHECK(!blit_close_fd(buffer.fd));
}

static void submit(struct blit *blit, enum blit_op op, struct buffer dst, struct buffer src,
		   __u8 value)
{
	struct blit_args args = {
		.op = op, .dst = dst.handle, .src = src.handle, .value = value,
	};

	CHECK(!blit_submit(blit, &args));
}

/* A job with fences as descriptors; @in -1: none. */
static int submit_with_fences(struct blit *blit, enum blit_op op, struct buffer dst, int in)
{
	struct blit_args args = {
		.op = op, .dst = dst.handle, .src = dst.handle, .value = 1,
		.has_in_fence = in >= 0, .in_fence = in, .wants_out_fence = true,
	};

	CHECK(!blit_submit(blit, &args));
	return args.out_fence;
}

static bool holds(struct buffer buffer, __u8 value)
{
	unsigned char bytes[SIZE];

	CHECK(!blit_read(buffer.fd, bytes, SIZE));
	for (size_t i = 0; i < SIZE; i++) {
		if (bytes[i] != value) {
			fprintf(stderr, "byte %zu is %u, not %u\n", i, bytes[i], value);
			return false;
		}
	}
	return true;
}

/* The first and the last byte, seen through a mapping. */
static bool is_mapped(struct buffer buffer, __u8 value)
{
	unsigned char bytes[SIZE];

	if (!blit_maps())
		return true;
	CHECK(!blit_read_mapped(buffer.fd, bytes, SIZE));
	return bytes[0] == value && bytes[SIZE - 1] == value;
}

static void a_job_waits_for_what_its_buffers_wait_for(struct blit *blit)
{
	const struct buffer a = new_buffer(blit), b = new_buffer(blit);

	submit(blit, BLIT_FILL, a, a, 7);
	for (int i = 0; i < 100; i++) {
		submit(blit, BLIT_ADD, b, a, 1);  /* one ring */
		submit(blit, BLIT_COPY, a, b, 0); /* the other */
	}
	CHECK(holds(a, 107));
	CHECK(holds(b, 107));
	end_buffer(blit, a);
	end_buffer(blit, b);
}

static void buffers_move_under_jobs(struct blit *blit)
{
	const struct buffer a = new_buffer(blit);

	submit(blit, BLIT_FILL, a, a, 0);
	for (int i = 0; i < 50; i++) {
		submit(blit, BLIT_ADD, a, a, 1);
		CHECK(!blit_move(blit, a.fd));
		submit(blit, BLIT_ADD, a, a, 1);
	}
	CHECK(holds(a, 100));
	CHECK(is_mapped(a, 100));
	end_buffer(blit, a);
}

static void fences_are_descriptors(struct blit *blit)
{
	const struct buffer a = new_buffer(blit), b = new_buffer(blit);
	const int in = submit_with_fences(blit, BLIT_HANG, a, -1);
	struct blit_args args = { .op = BLIT_FILL, .dst = b.handle, .has_in_fence = true };
	struct dma_fence *fence = sync_file_get_fence(in);
	struct pollfd out = { .events = POLLIN };

	/* Another ring, other buffers: only the descriptor makes it wait. */
	out.fd = submit_with_fences(blit, BLIT_FILL, b, in);
	CHECK(poll(&out, 1, -1) == 1 && out.revents & POLLIN);
	CHECK(fence && dma_fence_is_signaled(fence));
	CHECK(holds(b, 1));
	dma_fence_put(fence);
	close(in);
	close(out.fd);
	args.in_fence = in;
	CHECK(blit_submit(blit, &args) == -EINVAL);
	end_buffer(blit, a);
	end_buffer(blit, b);
}

static void what_hangs_is_ended(struct blit *blit)
{
	const struct buffer a = new_buffer(blit);
	const int fd = submit_with_fences(blit, BLIT_HANG, a, -1);
	struct dma_fence *fence = sync_file_get_fence(fd);

	submit(blit, BLIT_ADD, a, a, 3);
	CHECK(fence);
	CHECK(!dma_fence_wait(fence, false));
	CHECK(dma_fence_get_status(fence) == -ETIME);
	CHECK(holds(a, 3));
	dma_fence_put(fence);
	close(fd);
	end_buffer(blit, a);
}

/* The library's own exporters map without the lock: each side as it is used to. */
static void imports_from_elsewhere(struct blit *blit)
{
	struct buffer a = { .fd = -1 };
	const unsigned char *bytes;
	struct dma_buf *memfd;
	void *address;

	CHECK(!dma_buf_memfd_create("elsewhere", SIZE, &memfd));
	a.fd = dma_buf_fd(memfd, O_RDWR | O_CLOEXEC);
	CHECK(a.fd >= 0);
	CHECK(!blit_import(blit, a.fd, &a.handle));
	submit(blit, BLIT_FILL, a, a, 5);
	CHECK(!dma_buf_mmap_cpu(memfd, PROT_READ, &address));
	CHECK(!dma_buf_begin_cpu_access(memfd, DMA_FROM_DEVICE));
	bytes = address;
	CHECK(bytes[0] == 5 && bytes[SIZE - 1] == 5);
	dma_buf_end_cpu_access(memfd, DMA_FROM_DEVICE);
	CHECK(is_mapped(a, 5));
	CHECK(!blit_close(blit, a.handle));
	close(a.fd);
	dma_buf_put(memfd);
}

struct crossing {
	struct blit *blit;
	struct buffer dst, src;
};

static void *cross(void *arg)
{
	const struct crossing *crossing = arg;

	for (int i = 0; i < 200; i++) {
		submit(crossing->blit, BLIT_ADD, crossing->dst, crossing->src, 1);
		submit(crossing->blit, BLIT_COPY, crossing->src, crossing->dst, 0);
	}
	return NULL;
}

static void buffers_are_locked_in_any_order(struct blit *blit)
{
	const struct buffer a = new_buffer(blit), b = new_buffer(blit);
	struct crossing crossings[2] = { { blit, a, b }, { blit, b, a } };
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		CHECK(!pthread_create(&threads[i], NULL, cross, &crossings[i]));
	for (int i = 0; i < 20; i++) {
		CHECK(!blit_move(blit, a.fd));
		CHECK(!blit_move(blit, b.fd));
	}
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	submit(blit, BLIT_COPY, a, b, 0);
	submit(blit, BLIT_FILL, b, b, 9);
	CHECK(holds(b, 9));
	end_buffer(blit, a);
	end_buffer(blit, b);
}

int main(void)
{
	struct blit *blit;

	CHECK(!blit_create(&blit));
	a_job_waits_for_what_its_buffers_wait_for(blit);
	buffers_move_under_jobs(blit);
	fences_are_descriptors(blit);
	what_hangs_is_ended(blit);
	imports_from_elsewhere(blit);
	buffers_are_locked_in_any_order(blit);
	blit_destroy(blit);
	CHECK(!blit_buffers());
	if (!blit_maps())
		puts("not tested: mappings of buffers, which this emulator cannot make");
	puts("all holds");
	return 0;
}
