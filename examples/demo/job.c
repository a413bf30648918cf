/* SPDX-License-Identifier: MIT */
/*
 * Submitting, the heart of the demo. All buffers of a job are locked at once, in
 * whatever order they come; under the locks the job takes a snapshot of the fences of
 * each buffer, which is all that it must wait for, and adds its own fence. Unlocking
 * commits. A snapshot never changes, so the job cannot wait for itself, and whoever
 * comes later finds it there.
 *
 * After the first fence is added nothing can fail: memory is reserved and points are
 * emitted before.
 */
#include "job.h"

#include <errno.h>
#include <stdlib.h>

#include <dmabuf/drm-exec.h>

#include "port.h"

struct job *job_new(struct port *port, uint64_t frame, enum dma_resv_usage usage)
{
	struct job *job = calloc(1, sizeof(*job));

	if (job) {
		job->port = port;
		job->work.frame = frame;
		job->usage = usage;
	}
	return job;
}

void job_add_buffer(struct job *job, struct buffer *buffer)
{
	job->buffer[job->work.count] = buffer;
	job->work.picture[job->work.count] = buffer->picture;
	job->work.count++;
}

/* What is left out goes to the end, so that everything is freed by its first place. */
static void leave_out(struct job *job, unsigned int i)
{
	struct buffer *buffer = job->buffer[i];
	const struct job_input input = job->input[i];

	for (job->work.count--; i < job->work.count; i++) {
		job->buffer[i] = job->buffer[i + 1];
		job->input[i] = job->input[i + 1];
		job->work.picture[i] = job->work.picture[i + 1];
	}
	job->buffer[i] = buffer;
	job->input[i] = input;
}

static int error_of(const struct job_input *input)
{
	const int status = input->fence ? dma_fence_get_status(input->fence) : 0;

	return input->error ? input->error : status < 0 ? status : 0;
}

int job_sort_out(struct job *job)
{
	int err = 0;

	for (unsigned int i = job->work.count; i--;) {
		const int its = error_of(&job->input[i]);

		if (its) {
			err = its;
			leave_out(job, i);
		}
	}
	return job->work.count ? 0 : err;
}

void job_free(struct job *job)
{
	if (!job)
		return;
	for (unsigned int i = 0; i < WORK_FRAMES; i++) {
		dma_resv_put_snapshot(&job->needs[i]);
		dma_fence_put(job->input[i].fence);
	}
	dma_fence_put(job->fence);
	dma_fence_put(job->hold);
	free(job);
}

static int lock_buffers(struct job *job, struct drm_exec *exec)
{
	unsigned int fences = job->holder ? 2 : 1;
	int err = 0;

	drm_exec_until_all_locked(exec) {
		for (unsigned int i = 0; i < job->work.count; i++) {
			err = drm_exec_prepare_resv(exec, job->buffer[i]->dmabuf->resv, fences);
			drm_exec_retry_on_contention(exec);
			if (err)
				return err;
		}
	}
	return 0;
}

/*
 * The points of this job. The hold's comes first: it is the only one of its timeline
 * that is open, so it can be cancelled if the other cannot be had.
 */
static int emit_points(struct job *job)
{
	if (job->holder) {
		job->hold = dma_fence_timeline_emit(job->holder);
		if (!job->hold)
			return -ENOMEM;
	}
	job->fence = dma_fence_timeline_emit(job->port->timeline);
	if (!job->fence) {
		if (job->hold)
			dma_fence_timeline_signal(job->holder, job->hold->seqno, -ECANCELED);
		dma_fence_put(job->hold);
		job->hold = NULL;
		return -ENOMEM;
	}
	return 0;
}

int job_submit(struct job *job, bool ignore_readers)
{
	struct drm_exec exec;
	int err;

	/* A reader waits for writers, a writer for both. */
	job->wait_usage = dma_resv_usage_rw(job->usage == DMA_RESV_USAGE_WRITE && !ignore_readers);

	drm_exec_init(&exec, 0, job->work.count);
	err = lock_buffers(job, &exec);
	if (!err)
		err = emit_points(job);
	if (err)
		goto unlock;

	for (unsigned int i = 0; i < job->work.count; i++) {
		struct dma_resv *resv = job->buffer[i]->dmabuf->resv;

		dma_resv_assert_held(resv);
		dma_resv_get_snapshot(resv, &job->needs[i]);
		dma_resv_add_fence(resv, job->fence, job->usage);
		if (job->hold)
			dma_resv_add_fence(resv, job->hold, DMA_RESV_USAGE_READ);
	}
unlock:
	drm_exec_fini(&exec);
	return err;
}
