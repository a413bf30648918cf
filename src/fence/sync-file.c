/* SPDX-License-Identifier: MIT */
/*
 * The sync_file: a fence with a name, and later a descriptor (sync-fd.c).
 *
 * Lifetime: whoever made it owns it, then the descriptor does. A descriptor that all have
 * closed takes the callback back; if that has run already, or is running, it has a
 * reference of its own, since it still makes the other end of the pair readable.
 */
#include "fence/sync-file.h"

#include <errno.h>
#include <fcntl.h>

#include "debug/lockdep.h"
#include "fence/kernel-fence.h"
#include "os/alloc.h"
#include "os/atomic.h"
#include "os/file.h"
#include "os/report.h"

struct sync_file *sync_file_create(struct dma_fence *fence)
{
	struct fence_file *file;

	lockdep_might_alloc();
	if (dmabuf_warn_on(!fence, "sync_file_create() without a fence"))
		return NULL;
	file = os_alloc(sizeof(*file));
	if (!file)
		return NULL;
	file->base.file = (struct file *)file;
	file->fence = dma_fence_get(fence);
	file->refs = 1;
	return &file->base;
}

void fence_file_put(struct fence_file *file)
{
	if (fetch_sub_acq_rel(&file->refs, 1) != 1)
		return;
	dma_fence_put(file->fence);
	if (file->fd) {
		os_file_close(file->fd->ours);
		os_free(file->fd);
	}
	os_free(file);
}

void sync_file_put(struct sync_file *sync_file)
{
	if (!sync_file)
		return;
	dmabuf_bug_on(to_fence_file(sync_file)->fd,
		      "sync_file_put() after sync_file_install_fd(): it is the descriptor's now, close that");
	fence_file_put(to_fence_file(sync_file));
}

int sync_file_make_fd(struct dma_fence *fence, const char *name)
{
	struct sync_file *sync_file = sync_file_create(fence);
	int fd;

	if (!sync_file)
		return -ENOMEM;
	snprintf(to_fence_file(sync_file)->name, SYNC_FILE_NAME_LEN, "%s", name);
	fd = sync_file_fd(sync_file, O_CLOEXEC);
	if (fd < 0)
		sync_file_put(sync_file);
	return fd;
}

void sync_file_write_name(const char *name, struct dma_fence *fence, char *buf, size_t size)
{
	if (name[0])
		snprintf(buf, size, "%s", name);
	else
		snprintf(buf, size, "%s-%s%llu-%lld", fence->ops->get_driver_name(fence),
			 fence->ops->get_timeline_name(fence), (unsigned long long)fence->context,
			 (long long)fence->seqno);
}

char *sync_file_get_name(struct sync_file *sync_file, char *buf, int len)
{
	const struct fence_file *file = to_fence_file(sync_file);

	if (len > 0)
		sync_file_write_name(file->name, file->fence, buf, (size_t)len);
	return buf;
}

int sync_file_find_fence(int fd, struct dma_fence **ret_fence)
{
	const int err = sync_fd_find(fd, ret_fence, NULL);

	return err == -EINVAL ? kernel_fence_create(fd, ret_fence) : err;
}

struct dma_fence *sync_file_get_fence(int fd)
{
	struct dma_fence *fence;

	return sync_file_find_fence(fd, &fence) ? NULL : fence;
}
