/* SPDX-License-Identifier: MIT */
#include <dmabuf/dmabuf.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>

static struct dma_fence_timeline *engine;
static struct dma_buf *frame;
static void *pixels;

static void *draw(void *unused) /* the engine's job; it may take its time */
{
	snprintf(pixels, 4096, "a whole frame");
	dma_buf_end_cpu_access(frame, DMA_TO_DEVICE);
	dma_fence_timeline_signal(engine, 1, 0);
	return unused;
}

int main(void)
{
	struct dma_fence *done;
	pthread_t thread;

	engine = dma_fence_timeline_create("engine");
	/* Begin to write before the job's fence is in: begin waits for all that are. */
	if (!engine || dma_buf_memfd_create("frame", 4096, &frame) ||
	    dma_buf_mmap_cpu(frame, PROT_READ | PROT_WRITE, &pixels) ||
	    dma_buf_begin_cpu_access(frame, DMA_TO_DEVICE))
		return 1;

	/* Submit the job: its fence goes in as a writer's, and shows at unlock. */
	done = dma_fence_timeline_emit(engine);
	if (!done || dma_resv_lock(frame->resv, NULL) || dma_resv_reserve_fences(frame->resv, 1))
		return 1;
	dma_resv_add_fence(frame->resv, done, DMA_RESV_USAGE_WRITE);
	dma_resv_unlock(frame->resv);
	dma_fence_put(done);
	if (pthread_create(&thread, NULL, draw, NULL))
		return 1;

	/* A reader knows nothing of the engine. It waits for the buffer's writers. */
	if (dma_buf_begin_cpu_access(frame, DMA_FROM_DEVICE))
		return 1;
	puts(pixels);
	dma_buf_end_cpu_access(frame, DMA_FROM_DEVICE);

	pthread_join(thread, NULL);
	dma_buf_put(frame);
	dma_fence_timeline_destroy(engine);
	return 0;
}
