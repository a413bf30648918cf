/* SPDX-License-Identifier: MIT */
#include <dmabuf/dmabuf.h>
#include <stdio.h>

#define EVENTS (DMABUF_TRACE_BUF_RELEASE + 1)

/* On the thread of the event, perhaps under locks: count, and be gone. */
static void count(const struct dmabuf_trace *trace, void *counts)
{
	if (trace->event < EVENTS)
		__atomic_fetch_add((unsigned long *)counts + trace->event, 1, __ATOMIC_RELAXED);
}

static int add_fence(struct dma_buf *dmabuf, struct dma_fence *fence)
{
	int err = dma_resv_lock(dmabuf->resv, NULL);

	if (err)
		return err;
	err = dma_resv_reserve_fences(dmabuf->resv, 1);
	if (!err)
		dma_resv_add_fence(dmabuf->resv, fence, DMA_RESV_USAGE_WRITE);
	dma_resv_unlock(dmabuf->resv);
	return err;
}

int main(void)
{
	struct dma_fence_timeline *engine = dma_fence_timeline_create("engine");
	unsigned long counts[EVENTS] = { 0 };
	struct seq_file out = { stdout };
	struct dma_fence *done;
	struct dma_buf *frame;

	if (!engine || dmabuf_set_trace_hook(count, counts))
		return 1;
	done = dma_fence_timeline_emit(engine);
	if (!done || dma_buf_memfd_create("frame", 4096, &frame) || add_fence(frame, done))
		return 1;

	/* Who has which buffer, and what is it waiting for? */
	if (dma_buf_describe_all(&out, DMA_BUF_INFO_TEXT))
		return 1;

	dma_fence_timeline_signal(engine, done->seqno, 0);
	dma_fence_put(done);
	dma_buf_put(frame);
	dma_fence_timeline_destroy(engine);

	/* From here on nobody writes to counts. */
	if (dmabuf_set_trace_hook(NULL, NULL))
		return 1;
	for (int i = 0; i < EVENTS; i++) {
		if (counts[i])
			printf("%s: %lu\n", dmabuf_trace_name((enum dmabuf_trace_event)i),
			       counts[i]);
	}
	return 0;
}
