/* SPDX-License-Identifier: MIT */
/* Events by the library's fences. All fence-*.h have these functions, as far as they can. */
#include <dmabuf/dma-fence.h>
#include <stdlib.h>

#define EVENT_HAS_CALLBACKS
#define EVENT_HAS_WAIT_ANY
#define EVENT_HAS_TIME

struct event {
	struct dma_fence base;
};

struct event_cb {
	struct dma_fence_cb base;
};

static const char *event_name(struct dma_fence *fence)
{
	(void)fence;
	return "event";
}

static const struct dma_fence_ops event_ops = {
	.get_driver_name = event_name,
	.get_timeline_name = event_name,
};

/* With one reference. */
static struct event *event_create(void)
{
	struct event *event = malloc(sizeof(*event));

	if (!event)
		abort();
	dma_fence_init(&event->base, &event_ops, NULL, 1, 1);
	return event;
}

static void event_put(struct event *event)
{
	dma_fence_put(&event->base);
}

/* Until all that was put is free again. */
static void event_barrier(void)
{
	dmabuf_rcu_barrier();
}

static void event_signal(struct event *event)
{
	dma_fence_signal(&event->base);
}

/* As new; it had no callbacks. */
static void event_renew(struct event *event)
{
	dma_fence_init(&event->base, &event_ops, NULL, 1, 1);
}

static int64_t event_time_ns(struct event *event)
{
	return dma_fence_timestamp(&event->base);
}

static bool event_is_signaled(struct event *event)
{
	return dma_fence_is_signaled(&event->base);
}

static void event_wait(struct event *event)
{
	if (dma_fence_wait(&event->base, false))
		abort();
}

/* Until one of @n has signalled. */
static void event_wait_any(struct event **events, unsigned int n)
{
	if (dma_fence_wait_any_timeout((struct dma_fence **)(void *)events, n, false,
				       MAX_SCHEDULE_TIMEOUT, NULL) <= 0)
		abort();
}

static unsigned long event_called; /* how often callbacks were called */

static void event_count(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	(void)fence;
	(void)cb;
	event_called++;
}

static void event_add_callback(struct event *event, struct event_cb *cb)
{
	if (dma_fence_add_callback(&event->base, &cb->base, event_count))
		abort();
}
