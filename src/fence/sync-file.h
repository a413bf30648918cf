/* SPDX-License-Identifier: MIT */
/* What the sources of sync_files share, and what layers above may ask. */
#ifndef FENCE_SYNC_FILE_H
#define FENCE_SYNC_FILE_H

#include <dmabuf/sync-file.h>

#include "os/tree.h"

#define SYNC_FILE_NAME_LEN 32

/* A descriptor that was made here: theirs is the user's, ours says what became of it. */
struct sync_fd {
	union {
		struct tree_node node;	 /* under the descriptors' lock, while it is in the tree */
		struct dmabuf_work work; /* lets go of it, after that */
	};
	struct fence_file *file; /* under the descriptors' lock; NULL: reserved */
	int ours;		 /* constant; -1 in a forked child */
};

/* What a struct sync_file is inside. */
struct fence_file {
	struct sync_file base;
	struct dma_fence *fence;       /* with a reference; constant */
	uint32_t refs;		       /* atomic: the owner's, and the callback's once it is installed */
	struct sync_fd *fd;	       /* constant from install on; NULL before */
	struct dma_fence_cb cb;	       /* with @fence */
	struct dmabuf_work work;       /* makes the descriptor readable */
	char name[SYNC_FILE_NAME_LEN]; /* constant; "": none was given */
};

static inline struct fence_file *to_fence_file(struct sync_file *sync_file)
{
	return (struct fence_file *)sync_file;
}

/* Drop a reference. */
void fence_file_put(struct fence_file *file);

/*
 * A close-on-exec descriptor of @fence, which is borrowed, with a name that fits, or "". Or
 * what sync_file_fd() returns.
 */
int sync_file_make_fd(struct dma_fence *fence, const char *name);

/* @name, or, if that is empty, what @fence is. */
void sync_file_write_name(const char *name, struct dma_fence *fence, char *buf, size_t size);

/*
 * sync_file_get_fence() that says why not: 0; -EBADF: not open; -EINVAL: not a descriptor of
 * a fence; and what else kernel_fence_create() returns.
 */
int sync_file_find_fence(int fd, struct dma_fence **ret_fence);

/*
 * Of a descriptor that was made here: a new reference on its fence, and its name, unless
 * @ret_name is NULL. 0; -EBADF: not open; -EINVAL: none of ours.
 */
int sync_fd_find(int fd, struct dma_fence **ret_fence, char *ret_name);

/* Let go of what belongs to descriptors of which every copy has been closed. */
void sync_fd_reap(void);

#endif
