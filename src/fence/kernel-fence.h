/* SPDX-License-Identifier: MIT */
/* Fences of the kernel, which signal in finite time. */
#ifndef FENCE_KERNEL_FENCE_H
#define FENCE_KERNEL_FENCE_H

#include <dmabuf/dma-fence.h>

/*
 * A new fence for a sync_file of the kernel, of which it keeps a duplicate. 0; -EINVAL: @fd is
 * none; -ENOMEM, -EMFILE, -ENFILE, -ENOSPC, -EAGAIN.
 */
int kernel_fence_create(int fd, struct dma_fence **ret_fence);

#endif
