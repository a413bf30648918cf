/* SPDX-License-Identifier: MIT */
/*
 * Submitting a job: lock its buffers, take along what it must wait for, and leave its fence
 * there for those who come. What can fail comes before ring_job_arm().
 */
#include <drm/drm_exec.h>
#include <linux/delay.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/minmax.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sync_file.h>

#include "engine.h"

struct blit_job {
	struct ring_job base;
	enum blit_op op;
	u8 value;
	struct blit_map *dst, *src; /* references; src may be NULL */
};

static struct blit_job *to_blit_job(struct ring_job *base)
{
	return container_of(base, struct blit_job, base);
}

static void *sg_cpu_address(struct scatterlist *sg)
{
	return (void *)(uintptr_t)sg_dma_address(sg);
}

static void blit_fill(struct sg_table *dst, u8 value)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_dma_sg(dst, sg, i)
		memset(sg_cpu_address(sg), value, sg_dma_len(sg));
}

static void blit_add_bytes(u8 *dst, const u8 *src, size_t length, u8 value)
{
	while (length--)
		*dst++ = *src++ + value;
}

/* The two tables may have segments of other lengths. */
static void blit_add(struct sg_table *dst, struct sg_table *src, u8 value)
{
	struct scatterlist *to = dst->sgl, *from = src->sgl;
	size_t to_done = 0, from_done = 0;

	while (to && from) {
		const size_t length = min(sg_dma_len(to) - to_done, sg_dma_len(from) - from_done);

		blit_add_bytes(sg_cpu_address(to) + to_done, sg_cpu_address(from) + from_done,
			       length, value);
		to_done += length;
		from_done += length;
		if (to_done == sg_dma_len(to)) {
			to = sg_next(to);
			to_done = 0;
		}
		if (from_done == sg_dma_len(from)) {
			from = sg_next(from);
			from_done = 0;
		}
	}
}

static int blit_run(struct ring_job *base)
{
	struct blit_job *job = to_blit_job(base);

	switch (job->op) {
	case BLIT_FILL:
		blit_fill(job->dst->sgt, job->value);
		return 0;
	case BLIT_COPY:
	case BLIT_ADD:
		blit_add(job->dst->sgt, job->src->sgt, job->value);
		return 0;
	case BLIT_HANG:
		while (!ring_job_is_aborted(base))
			usleep_range(100, 200);
		return -ETIME;
	}
	return -EINVAL;
}

static void blit_job_put_maps(struct blit_job *job)
{
	blit_map_put(job->dst);
	blit_map_put(job->src);
}

static void blit_end(struct ring_job *base)
{
	blit_job_put_maps(to_blit_job(base));
}

static const struct ring_job_ops blit_job_ops = {
	.run = blit_run,
	.end = blit_end,
};

static struct blit_job *blit_job_create(struct blit *blit, const struct blit_args *args)
{
	const bool sums = args->op == BLIT_ADD || args->op == BLIT_HANG;
	struct blit_job *job = kzalloc(sizeof(*job), GFP_KERNEL);

	if (!job)
		return NULL;
	ring_job_init(&job->base, sums ? &blit->sums : &blit->copies, &blit_job_ops);
	job->op = args->op;
	job->value = args->op == BLIT_COPY ? 0 : args->value;
	return job;
}

static void blit_job_drop(struct blit_job *job)
{
	blit_job_put_maps(job);
	ring_job_drop(&job->base);
}

static int blit_lock(struct drm_exec *exec, struct blit_bo *dst, struct blit_bo *src)
{
	int err = 0;

	drm_exec_until_all_locked(exec) {
		err = drm_exec_prepare_obj(exec, &dst->base, 1);
		drm_exec_retry_on_contention(exec);
		if (!err && src)
			err = drm_exec_prepare_obj(exec, &src->base, 1);
		drm_exec_retry_on_contention(exec);
		if (err)
			break;
	}
	return err;
}

static int blit_job_use(struct blit_job *job, struct blit_bo *bo, bool write,
			struct blit_map **ret_map)
{
	struct blit_map *map = blit_bo_map(bo);

	if (IS_ERR(map))
		return PTR_ERR(map);
	*ret_map = map;
	return ring_job_depend_on_resv(&job->base, bo->base.resv, dma_resv_usage_rw(write));
}

static int blit_job_depend_on_args(struct blit_job *job, const struct blit_args *args)
{
	struct dma_fence *fence;

	if (!args->has_in_fence)
		return 0;
	fence = sync_file_get_fence(args->in_fence);
	return fence ? ring_job_depend(&job->base, fence) : -EINVAL;
}

/*
 * All is locked and reserved. @fd: where the fence shall be seen, or -1. A job without
 * its sync_file is not run, but its number is out: it is pushed all the same.
 */
static int blit_job_publish(struct blit_job *job, struct blit_bo *dst, struct blit_bo *src, int fd)
{
	struct sync_file *sync_file = NULL;
	int err = 0;

	ring_job_arm(&job->base);
	if (fd >= 0) {
		sync_file = sync_file_create(&job->base.fence);
		if (sync_file) {
			fd_install(fd, sync_file->file);
		} else {
			put_unused_fd(fd);
			job->base.cancelled = true;
			err = -ENOMEM;
		}
	}
	if (src && src->base.resv != dst->base.resv)
		dma_resv_add_fence(src->base.resv, &job->base.fence, DMA_RESV_USAGE_READ);
	dma_resv_add_fence(dst->base.resv, &job->base.fence, DMA_RESV_USAGE_WRITE);
	ring_job_push(&job->base);
	return err;
}

static int blit_submit_locked(struct blit_job *job, struct blit_args *args, struct blit_bo *dst,
			      struct blit_bo *src)
{
	int err, fd = -1;

	err = blit_job_use(job, dst, true, &job->dst);
	if (!err && src)
		err = blit_job_use(job, src, false, &job->src);
	if (!err)
		err = blit_job_depend_on_args(job, args);
	if (!err && args->wants_out_fence) {
		fd = get_unused_fd_flags(O_CLOEXEC);
		err = fd < 0 ? fd : 0;
	}
	if (err) {
		blit_job_drop(job);
		return err;
	}
	err = blit_job_publish(job, dst, src, fd);
	if (!err)
		args->out_fence = fd;
	return err;
}

int blit_submit(struct blit *blit, struct blit_args *args)
{
	const bool reads = args->op == BLIT_COPY || args->op == BLIT_ADD;
	struct blit_bo *dst, *src = NULL;
	struct drm_exec exec;
	struct blit_job *job;
	int err = -ENOENT;

	dst = blit_bo_get(blit, args->dst);
	if (reads)
		src = blit_bo_get(blit, args->src);
	if (!dst || (reads && !src))
		goto put_bos;
	err = -ENOMEM;
	job = blit_job_create(blit, args);
	if (!job)
		goto put_bos;

	drm_exec_init(&exec, DRM_EXEC_INTERRUPTIBLE_WAIT | DRM_EXEC_IGNORE_DUPLICATES, 0);
	err = blit_lock(&exec, dst, src);
	if (err)
		blit_job_drop(job);
	else
		err = blit_submit_locked(job, args, dst, src);
	drm_exec_fini(&exec);
put_bos:
	blit_bo_put(src);
	blit_bo_put(dst);
	return err;
}
