/* SPDX-License-Identifier: MIT */
/* What a fence is called, when it was, what comes first; contexts and stubs. */
#include "debug/lockdep.h"
#include "fence/fence.h"
#include "os/alloc.h"
#include "os/clock.h"
#include "os/fault.h"
#include "os/futex.h"
#include "os/report.h"

/*
 * Time and order.
 */

int64_t dma_fence_timestamp(struct dma_fence *fence)
{
	if (dmabuf_warn_on(!dma_fence_test_signaled_flag(fence),
			   "dma_fence_timestamp() before the fence has signalled"))
		return os_now_ns();
	/* Two stores of the signaller's; it may have been preempted between them. */
	for (unsigned int spins = os_spin_limit(); !(load_acquire(&fence->flags) & TIMESTAMP);) {
		if (spins) {
			spins--;
			os_cpu_relax();
		} else {
			OS_RACE_POINT("timestamp: before it yields");
			os_yield();
		}
	}
	return fence->timestamp;
}

static bool later(uint64_t f1, uint64_t f2, bool wraps)
{
	return wraps ? (int32_t)((uint32_t)f1 - (uint32_t)f2) > 0 : f1 > f2;
}

bool __dma_fence_is_later(uint64_t f1, uint64_t f2, const struct dma_fence_ops *ops)
{
	return later(f1, f2, !ops->use_64bit_seqno);
}

static bool other_context(const struct dma_fence *f1, const struct dma_fence *f2)
{
	return dmabuf_warn_on(f1->context != f2->context,
			      "comparing fences of contexts %llu and %llu: they have no order",
			      (unsigned long long)f1->context, (unsigned long long)f2->context);
}

bool dma_fence_is_later(struct dma_fence *f1, struct dma_fence *f2)
{
	if (other_context(f1, f2))
		return false;
	return later(f1->seqno, f2->seqno, !(load_relaxed(&f1->flags) & SEQNO64));
}

bool dma_fence_is_later_or_same(struct dma_fence *f1, struct dma_fence *f2)
{
	return f1 == f2 || dma_fence_is_later(f1, f2);
}

struct dma_fence *dma_fence_later(struct dma_fence *f1, struct dma_fence *f2)
{
	struct dma_fence *last;

	if (other_context(f1, f2))
		return NULL;
	last = dma_fence_is_later(f1, f2) ? f1 : f2;
	return dma_fence_is_signaled(last) ? NULL : last;
}

uint64_t dma_fence_context_alloc(unsigned int num)
{
	static uint64_t next_context = 1; /* atomic; 0 is the stub's */

	dmabuf_warn_on(!num, "dma_fence_context_alloc(0): ask for at least one");
	/* relaxed: the numbers are all that is shared */
	return fetch_add_relaxed(&next_context, num);
}

/*
 * Names.
 */

const char *dma_fence_driver_name(struct dma_fence *fence)
{
	return dma_fence_test_signaled_flag(fence) ? "detached-driver"
						   : fence->ops->get_driver_name(fence);
}

const char *dma_fence_timeline_name(struct dma_fence *fence)
{
	return dma_fence_test_signaled_flag(fence) ? "signaled-timeline"
						   : fence->ops->get_timeline_name(fence);
}

#define VALUE_SIZE 64

void dma_fence_describe(struct dma_fence *fence, struct seq_file *seq)
{
	char value[VALUE_SIZE] = "", timeline[VALUE_SIZE] = "";

	if (fence->ops->fence_value_str)
		fence->ops->fence_value_str(fence, value, sizeof(value));
	if (fence->ops->timeline_value_str)
		fence->ops->timeline_value_str(fence, timeline, sizeof(timeline));
	fprintf(seq->stream, "%s %s %llu:%llu %ssignalled", fence->ops->get_driver_name(fence),
		fence->ops->get_timeline_name(fence), (unsigned long long)fence->context,
		(unsigned long long)fence->seqno, dma_fence_is_signaled(fence) ? "" : "un");
	if (value[0])
		fprintf(seq->stream, " value %s", value);
	if (timeline[0])
		fprintf(seq->stream, " timeline %s", timeline);
	fputc('\n', seq->stream);
}

/*
 * Stubs.
 */

static const char *stub_name(struct dma_fence *fence)
{
	(void)fence;
	return "stub";
}

static const struct dma_fence_ops stub_ops = {
	.get_driver_name = stub_name,
	.get_timeline_name = stub_name,
};

/* It signalled before time began. Its first reference is never dropped. */
static struct dma_fence the_stub = {
	.ops = &stub_ops,
	.flags = INITIALIZED | INLINE_LOCK | ENABLE_SIGNAL | SIGNALED | TIMESTAMP,
	.refcount = { 1 },
};

struct dma_fence *dma_fence_get_stub(void)
{
	return dma_fence_get(&the_stub);
}

struct dma_fence *fence_make_stub(int64_t timestamp)
{
	struct dma_fence *stub = os_alloc(sizeof(*stub));

	if (!stub)
		return NULL;
	dma_fence_init(stub, &stub_ops, NULL, 0, 0);
	dma_fence_enable_sw_signaling(stub);
	dma_fence_signal_timestamp(stub, timestamp);
	return stub;
}

struct dma_fence *dma_fence_allocate_private_stub(int64_t timestamp)
{
	lockdep_might_alloc();
	return fence_make_stub(timestamp);
}
