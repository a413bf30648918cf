/* SPDX-License-Identifier: MIT */
/*
 * Two engines share two buffers, and know nothing of each other.
 *
 * The client submits all jobs before any engine runs: draw a frame, show it, and so on,
 * in program order, over two buffers by turns. Each job takes along what its buffer's
 * reservation held; each engine waits for that, and for nothing else. So drawing frame 2
 * waits until frame 0 was shown, and showing frame 2 until it was drawn.
 */
#include <dmabuf/dmabuf.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>

#define FRAMES 8
#define BUFFERS 2
#define SIZE 4096

struct job {
	struct dma_resv_snapshot needs;
	enum dma_resv_usage waits_for;
	uint64_t point;
	char *pixels;
};

struct engine {
	struct dma_fence_timeline *timeline;
	void (*work)(char *pixels, unsigned int frame);
	struct job jobs[FRAMES];
	unsigned int submitted;
	pthread_t thread;
};

static unsigned int shown;

static void draw(char *pixels, unsigned int frame)
{
	snprintf(pixels, SIZE, "frame %u", frame);
}

static void show(char *pixels, unsigned int frame)
{
	char expected[32];

	snprintf(expected, sizeof(expected), "frame %u", frame);
	for (unsigned int i = 0; expected[i]; i++) {
		if (pixels[i] != expected[i])
			return;
	}
	shown++;
}

static void *run(void *arg)
{
	struct engine *engine = arg;

	for (unsigned int i = 0; i < engine->submitted; i++) {
		struct job *job = &engine->jobs[i];
		struct dma_resv_snapshot_cursor cursor;
		struct dma_fence *fence;

		dma_resv_snapshot_for_each(fence, &cursor, &job->needs, job->waits_for)
			dma_fence_wait(fence, false);
		dma_resv_put_snapshot(&job->needs);
		engine->work(job->pixels, i);
		dma_fence_timeline_signal(engine->timeline, job->point, 0);
	}
	return NULL;
}

/* Take a place among the jobs of the buffer. */
static int submit(struct engine *engine, struct dma_buf *buffer, bool writes)
{
	struct job *job = &engine->jobs[engine->submitted];
	struct dma_fence *done;
	void *pixels;
	int err;

	err = dma_buf_mmap_cpu(buffer, PROT_READ | PROT_WRITE, &pixels);
	if (err)
		return err;
	err = dma_resv_lock(buffer->resv, NULL);
	if (err)
		return err;
	err = dma_resv_reserve_fences(buffer->resv, 1);
	if (err)
		goto unlock;
	done = dma_fence_timeline_emit(engine->timeline);
	if (!done) {
		err = -ENOMEM;
		goto unlock;
	}
	job->pixels = pixels;
	job->point = done->seqno;
	job->waits_for = dma_resv_usage_rw(writes);
	dma_resv_get_snapshot(buffer->resv, &job->needs); /* before our own fence is there */
	dma_resv_add_fence(buffer->resv, done, writes ? DMA_RESV_USAGE_WRITE : DMA_RESV_USAGE_READ);
	dma_fence_put(done);
	engine->submitted++;
unlock:
	dma_resv_unlock(buffer->resv);
	return err;
}

int main(void)
{
	static struct engine drawer = { .work = draw }, shower = { .work = show };
	struct dma_buf *buffer[BUFFERS];

	drawer.timeline = dma_fence_timeline_create("drawer");
	shower.timeline = dma_fence_timeline_create("shower");
	if (!drawer.timeline || !shower.timeline)
		return 1;
	for (unsigned int i = 0; i < BUFFERS; i++) {
		if (dma_buf_memfd_create("frame", SIZE, &buffer[i]))
			return 1;
	}
	for (unsigned int i = 0; i < FRAMES; i++) {
		if (submit(&drawer, buffer[i % BUFFERS], true) ||
		    submit(&shower, buffer[i % BUFFERS], false))
			return 1;
	}

	if (pthread_create(&shower.thread, NULL, run, &shower) ||
	    pthread_create(&drawer.thread, NULL, run, &drawer))
		return 1;
	pthread_join(drawer.thread, NULL);
	pthread_join(shower.thread, NULL);
	printf("%u of %d frames came through whole\n", shown, FRAMES);

	for (unsigned int i = 0; i < BUFFERS; i++)
		dma_buf_put(buffer[i]);
	dma_fence_timeline_destroy(drawer.timeline);
	dma_fence_timeline_destroy(shower.timeline);
	return shown == FRAMES ? 0 : 1;
}
