/* SPDX-License-Identifier: MIT */
/* When descriptors of fences are readable, for whom, and from when on. */
#define _GNU_SOURCE
#include "descriptors.h"

TEST(a_descriptor_is_readable_once_its_fence_has_signalled)
{
	struct dma_fence *fence = make_fence();
	const int fd = make_fd(fence);

	ASSERT_NOT_READABLE(fd);
	dma_fence_signal(fence);
	ASSERT_READABLE(fd);
	close(fd);
	dma_fence_put(fence);
}
