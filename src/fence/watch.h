/* SPDX-License-Identifier: MIT */
/* Fences that somebody outside of the process signals: by descriptors that become readable. */
#ifndef FENCE_WATCH_H
#define FENCE_WATCH_H

#include <dmabuf/dma-fence.h>

#include "os/tree.h"

/* Inside the object that has the fence. */
struct watched {
	struct tree_node node;	 /* under the watch's lock */
	struct dma_fence *fence; /* constant, borrowed: the fence removes itself when it goes */
	int fd;			 /* constant; -1 in a forked child */
};

/*
 * Make sure that somebody will watch. Afterwards watch_await() cannot fail. 0; -EMFILE,
 * -ENFILE, -ENOMEM, -ENOSPC: no room in the set; -EAGAIN: no thread.
 */
int watch_add(struct watched *watched, struct dma_fence *fence, int fd);

/* Whoever watches asks the fence when its descriptor becomes readable. Under any lock. */
void watch_await(const struct watched *watched);

/* Before the descriptor is closed. */
void watch_remove(struct watched *watched);

#endif
