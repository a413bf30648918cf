/* SPDX-License-Identifier: MIT */
/*
 * A fence of the kernel: it has signalled when a descriptor is readable.
 *
 * Whoever asks or waits polls the descriptor; for callbacks, the watch does (watch.c). Who
 * finds it readable reads how it ended and when, once: state goes from UNKNOWN over READING
 * to KNOWN. Whoever meets READING says "not yet": the reader is about to signal the fence.
 *
 * All that this needs is set aside when the fence is made, since it may be asked under locks.
 */
#include "debug/lockdep.h"
#include "fence/kernel-fence.h"

#include <errno.h>
#include <linux/sync_file.h>

#include <dmabuf/dma-fence-unwrap.h>
#include <dmabuf/sync-file.h>

#include "fence/fence.h"
#include "fence/watch.h"
#include "os/alloc.h"
#include "os/clock.h"
#include "os/fault.h"
#include "os/file.h"
#include "os/poll.h"
#include "os/stamp.h"
#include "os/sync-file.h"

enum { UNKNOWN, READING, KNOWN };

struct kernel_fence {
	struct dma_fence base;
	struct watched watched; /* with our duplicate of the descriptor */
	uint32_t state;		/* atomic */
	int64_t timestamp;	/* the reader's, constant once KNOWN */
	uint32_t num_members;	/* constant */
	char name[sizeof(((struct sync_file_info *)NULL)->name)]; /* constant */
	struct sync_fence_info members[]; /* the reader's */
};

static const struct dma_fence_ops kernel_ops;

static struct kernel_fence *to_kernel_fence(const struct dma_fence *fence)
{
	return container_of(fence, struct kernel_fence, base);
}

/* The duplicate, borrowed; -1: not a fence of the kernel. */
static int kernel_fence_fd(const struct dma_fence *fence)
{
	return fence->ops == &kernel_ops ? to_kernel_fence(fence)->watched.fd : -1;
}

int64_t fence_done_at(const struct dma_fence *fence)
{
	return fence->ops == &kernel_ops ? to_kernel_fence(fence)->timestamp : os_stamp_ns();
}

static const char *kernel_driver_name(struct dma_fence *fence)
{
	(void)fence;
	return "sync_file";
}

static const char *kernel_timeline_name(struct dma_fence *fence)
{
	return to_kernel_fence(fence)->name;
}

/*
 * Asking.
 */

static int64_t latest(const struct kernel_fence *kernel, uint32_t num_members)
{
	uint64_t when = 0;

	for (uint32_t i = 0; i < num_members; i++) {
		if (kernel->members[i].timestamp_ns > when)
			when = kernel->members[i].timestamp_ns;
	}
	return (int64_t)when;
}

/* By the reader. 0: not signalled; 1; or a negative errno. */
static int read_status(struct kernel_fence *kernel)
{
	struct sync_file_info info = {
		.num_fences = kernel->num_members,
		.sync_fence_info = (uintptr_t)kernel->members,
	};
	int err;

	kernel->timestamp = os_now_ns();
	if (!os_sync_file_info(kernel->watched.fd, &info)) {
		kernel->timestamp = latest(kernel, info.num_fences);
		if (info.status)
			return info.status;
	}
	/*
	 * A fence that needs but one of its members has its status said only where these are
	 * not asked for. Nor does the kernel need memory for that.
	 */
	info = (struct sync_file_info){ .num_fences = 0 };
	err = os_sync_file_info(kernel->watched.fd, &info);
	return err ? err : info.status;
}

static bool kernel_signaled(struct dma_fence *fence)
{
	struct kernel_fence *kernel = to_kernel_fence(fence);
	uint32_t state = UNKNOWN;
	int status;

	if (os_poll(kernel->watched.fd, 0, false))
		return false;
	if (!cas_acquire(&kernel->state, &state, READING))
		return state == KNOWN;
	OS_RACE_POINT("kernel fence: reading");
	status = read_status(kernel);
	if (status < 0)
		fence_set_error(fence, status);
	store_release(&kernel->state, status ? KNOWN : UNKNOWN);
	return status != 0;
}

static bool kernel_enable_signaling(struct dma_fence *fence)
{
	watch_await(&to_kernel_fence(fence)->watched);
	return true;
}

static int64_t kernel_wait(struct dma_fence *fence, bool intr, int64_t timeout)
{
	const int64_t deadline = os_deadline_ns(timeout);
	int err;

	if (dma_fence_is_signaled(fence))
		return timeout ? timeout : 1;
	if (!timeout)
		return 0;
	err = os_poll(to_kernel_fence(fence)->watched.fd, deadline, intr);
	if (err == -ETIMEDOUT)
		return 0;
	if (dma_fence_is_signaled(fence))
		return fence_time_left(deadline, timeout);
	if (err)
		return -ERESTARTSYS;
	/* Another thread is reading, and will signal it. */
	return dma_fence_default_wait(fence, intr, os_remaining_ns(deadline));
}

static void kernel_set_deadline(struct dma_fence *fence, int64_t deadline)
{
	(void)os_sync_file_set_deadline(to_kernel_fence(fence)->watched.fd, deadline); /* a hint */
}

static void kernel_release(struct dma_fence *fence)
{
	struct kernel_fence *kernel = to_kernel_fence(fence);

	OS_RACE_POINT("kernel fence: without references, watched");
	watch_remove(&kernel->watched);
	os_file_close(kernel->watched.fd);
	dma_fence_free(fence);
}

static const struct dma_fence_ops kernel_ops = {
	.use_64bit_seqno = true,
	.get_driver_name = kernel_driver_name,
	.get_timeline_name = kernel_timeline_name,
	.enable_signaling = kernel_enable_signaling,
	.signaled = kernel_signaled,
	.wait = kernel_wait,
	.set_deadline = kernel_set_deadline,
	.release = kernel_release,
};

/*
 * Into the process.
 */

static struct kernel_fence *allocate(const struct sync_file_info *info)
{
	const uint64_t size = sizeof(struct kernel_fence) +
			      (uint64_t)info->num_fences * sizeof(struct sync_fence_info);
	struct kernel_fence *kernel = size <= SIZE_MAX / 2 ? os_alloc((size_t)size) : NULL;

	if (!kernel)
		return NULL;
	kernel->num_members = info->num_fences;
	snprintf(kernel->name, sizeof(kernel->name), "%s", info->name);
	return kernel;
}

int kernel_fence_create(int fd, struct dma_fence **ret_fence)
{
	struct sync_file_info info = { .num_fences = 0 };
	struct kernel_fence *kernel;
	int own, err;

	if (os_sync_file_info(fd, &info))
		return -EINVAL;
	kernel = allocate(&info);
	if (!kernel)
		return -ENOMEM;
	own = os_file_dup(fd, true);
	if (own < 0) {
		err = own;
		goto free_kernel;
	}
	dma_fence_init(&kernel->base, &kernel_ops, NULL, dma_fence_context_alloc(1), 1);
	fetch_or_relaxed(&kernel->base.flags, ISSUED);
	err = watch_add(&kernel->watched, &kernel->base, own);
	if (err)
		goto close_own;
	*ret_fence = &kernel->base;
	return 0;

close_own:
	os_file_close(own);
free_kernel:
	os_free(kernel);
	return err;
}

/*
 * And back.
 */

bool dma_fence_is_finite(struct dma_fence *fence)
{
	struct dma_fence_unwrap cursor;
	struct dma_fence *leaf;

	if (dma_fence_is_signaled(fence))
		return true;
	dma_fence_unwrap_for_each(leaf, &cursor, fence) {
		if (kernel_fence_fd(leaf) < 0 && !dma_fence_is_signaled(leaf)) {
			dma_fence_put(cursor.chain);
			return false;
		}
	}
	return true;
}

/* The descriptor of what @fd and @leaf stand for; @fd is closed. Negative @fd: of @leaf alone. */
static int join(int fd, const struct dma_fence *leaf)
{
	const int own = kernel_fence_fd(leaf);
	int joined;

	if (own < 0)
		joined = -EBUSY;
	else if (fd < 0)
		joined = os_file_dup(own, true);
	else
		joined = os_sync_file_merge("", fd, own);
	if (fd >= 0)
		os_file_close(fd);
	return joined;
}

int sync_file_kernel_fd(struct dma_fence *fence)
{
	struct dma_fence_unwrap cursor;
	struct dma_fence *leaf;
	int fd = -ENOENT;

	lockdep_might_alloc();
	if (!fence)
		return -EINVAL;
	if (dma_fence_is_signaled(fence))
		return -ENOENT;
	dma_fence_unwrap_for_each(leaf, &cursor, fence) {
		if (dma_fence_is_signaled(leaf))
			continue;
		fd = join(fd, leaf);
		if (fd < 0) {
			dma_fence_put(cursor.chain);
			break;
		}
	}
	return fd;
}
