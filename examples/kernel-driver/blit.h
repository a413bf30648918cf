/* SPDX-License-Identifier: MIT */
/*
 * What the driver offers to programs. In a kernel these would be ioctls: 0 or more, or a
 * negative errno.
 */
#ifndef BLIT_H
#define BLIT_H

#include <linux/types.h>

#include <stdbool.h>
#include <stddef.h>

struct blit;

enum blit_op {
	BLIT_FILL,	/* dst = value */
	BLIT_COPY,	/* dst = src */
	BLIT_ADD,	/* dst = src + value; src may be dst */
	BLIT_HANG,	/* never ends: the ring's timeout ends it with -ETIME */
};

struct blit_args {
	enum blit_op op;
	__u32 dst, src;		/* handles */
	__u8 value;
	bool has_in_fence;
	bool wants_out_fence;
	int in_fence;		/* a sync_file */
	int out_fence;		/* a new sync_file */
};

int blit_create(struct blit **ret_blit);
void blit_destroy(struct blit *blit);

/* A descriptor of a new buffer, for blit_close_fd(). */
int blit_buffer(size_t size);
int blit_close_fd(int fd);
/* A handle for the buffer behind a descriptor, whoever made it. */
int blit_import(struct blit *blit, int fd, __u32 *ret_handle);
int blit_close(struct blit *blit, __u32 handle);
/* The job will run; nobody waits here. */
int blit_submit(struct blit *blit, struct blit_args *args);
/* Let a buffer move to other memory. */
int blit_move(struct blit *blit, int fd);

/* Copy @size bytes out of a buffer once nobody writes them any more. */
int blit_read(int fd, void *to, size_t size);
/* The same through a mapping. */
int blit_read_mapped(int fd, void *to, size_t size);
/* Can it? Under an emulator such as qemu-user it cannot. */
bool blit_maps(void);
/* How many buffers of blit_buffer() there are. */
unsigned int blit_buffers(void);

#endif
