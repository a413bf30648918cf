/* SPDX-License-Identifier: MIT */
/*
 * Linux's ioctls on sync_files, as functions: merging, asking, deadlines. A descriptor of the
 * kernel's goes to the kernel, unless it is to be merged with one of ours.
 */
#include <errno.h>
#include <linux/sync_file.h>
#include <string.h>

#include <dmabuf/dma-fence-unwrap.h>

#include "debug/lockdep.h"
#include "fence/kernel-fence.h"
#include "fence/sync-file.h"
#include "os/sync-file.h"

/*
 * Merging.
 */

static int merge_in_kernel(const char *name, int fd1, int fd2)
{
	const int fd = os_sync_file_merge(name, fd1, fd2);

	/* The first is no sync_file; the second is none. */
	return fd == -ENOTTY || fd == -ENOENT ? -EINVAL : fd;
}

/* A descriptor for the leaves of both. */
static int merge_fences(const char *name, struct dma_fence *f1, struct dma_fence *f2)
{
	struct dma_fence *both = dma_fence_unwrap_merge(f1, f2);
	int fd;

	if (!both)
		return -ENOMEM;
	fd = sync_file_make_fd(both, name);
	dma_fence_put(both);
	return fd;
}

int sync_file_merge(const char *name, int fd1, int fd2)
{
	struct dma_fence *f1 = NULL, *f2 = NULL;
	int err1, err2, ret;

	lockdep_might_alloc();
	if (!name)
		name = "";
	if (strnlen(name, SYNC_FILE_NAME_LEN) == SYNC_FILE_NAME_LEN)
		return -EINVAL;
	err1 = sync_fd_find(fd1, &f1, NULL);
	err2 = sync_fd_find(fd2, &f2, NULL);
	if (err1 == -EINVAL && err2 == -EINVAL)
		return merge_in_kernel(name, fd1, fd2);
	if (err1 == -EINVAL && !err2)
		err1 = kernel_fence_create(fd1, &f1);
	else if (!err1 && err2 == -EINVAL)
		err2 = kernel_fence_create(fd2, &f2);
	/* One that is closed says more than one that may be the kernel's. */
	ret = err1 && err1 != -EINVAL ? err1 : err2 ? err2 : err1;
	if (!ret)
		ret = merge_fences(name, f1, f2);
	dma_fence_put(f1);
	dma_fence_put(f2);
	return ret;
}

/*
 * Asking.
 */

static void describe(struct dma_fence *fence, struct sync_fence_info *ret_info)
{
	const int status = dma_fence_get_status(fence);

	*ret_info = (struct sync_fence_info){
		.status = status,
		.timestamp_ns = status ? (uint64_t)dma_fence_timestamp(fence) : 0,
	};
	snprintf(ret_info->obj_name, sizeof(ret_info->obj_name), "%s",
		 fence->ops->get_timeline_name(fence));
	snprintf(ret_info->driver_name, sizeof(ret_info->driver_name), "%s",
		 fence->ops->get_driver_name(fence));
}

/* How many leaves there are. The first @room of them are described in @ret_infos. */
static uint32_t describe_all(struct dma_fence *fence, struct sync_fence_info *ret_infos,
			     uint32_t room, int *ret_status)
{
	struct dma_fence_unwrap cursor;
	struct dma_fence *leaf;
	uint32_t count = 0;
	int status = 1;

	dma_fence_unwrap_for_each(leaf, &cursor, fence) {
		if (status > 0)
			status = dma_fence_get_status(leaf);
		if (count < room)
			describe(leaf, &ret_infos[count]);
		count++;
	}
	*ret_status = status;
	return count;
}

static int get_info(struct dma_fence *fence, const char *name, struct sync_file_info *info)
{
	struct sync_fence_info *infos = (struct sync_fence_info *)(uintptr_t)info->sync_fence_info;
	uint32_t count;
	int status;

	count = describe_all(fence, NULL, 0, &status);
	if (info->num_fences) {
		if (info->num_fences < count)
			return -EINVAL;
		/* Links of a chain may have gone, but none can have come. */
		count = describe_all(fence, infos, info->num_fences, &status);
	}
	info->num_fences = count;
	info->status = status;
	sync_file_write_name(name, fence, info->name, sizeof(info->name));
	return 0;
}

int sync_file_get_info(int fd, struct sync_file_info *info)
{
	char name[SYNC_FILE_NAME_LEN];
	struct dma_fence *fence;
	int err;

	lockdep_might_alloc();
	if (!info || info->flags || info->pad || (info->num_fences && !info->sync_fence_info))
		return -EINVAL;
	err = sync_fd_find(fd, &fence, name);
	if (err == -EINVAL) {
		err = os_sync_file_info(fd, info);
		return err && err != -ENOMEM ? -EINVAL : err;
	}
	if (err)
		return err;
	err = get_info(fence, name, info);
	dma_fence_put(fence);
	return err;
}

/*
 * Deadlines.
 */

static int set_deadline_in_kernel(int fd, int64_t deadline)
{
	struct sync_file_info info = { .num_fences = 0 };

	if (os_sync_file_info(fd, &info))
		return -EINVAL;
	return os_sync_file_set_deadline(fd, deadline) ? -EOPNOTSUPP : 0;
}

int sync_file_set_deadline(int fd, int64_t deadline)
{
	struct dma_fence *fence;
	int err;

	err = sync_fd_find(fd, &fence, NULL);
	if (err == -EINVAL)
		return set_deadline_in_kernel(fd, deadline);
	if (err)
		return err;
	dma_fence_set_deadline(fence, deadline);
	dma_fence_put(fence);
	return 0;
}
