/* SPDX-License-Identifier: MIT */
/* Locks and fences, where nobody is in the way. */
#include <stdlib.h>

#include <dmabuf/dma-fence.h>
#include <dmabuf/ww-mutex.h>

#include "frame.h"

#define FENCES 4096 /* 256 KiB, so that the second-level cache holds them */
#define REPEATS 64  /* times that a round goes over them */
#define OPERATIONS (FENCES * REPEATS)

static DEFINE_WD_CLASS(wait_die);

static double ww_lock_unlock(struct ww_acquire_ctx *ctx)
{
	struct ww_mutex lock;
	double ns;

	ww_mutex_init(&lock, &wait_die);
	ns = TIMED(for (unsigned int i = 0; i < OPERATIONS; i++) {
		if (ww_mutex_lock(&lock, ctx))
			abort();
		ww_mutex_unlock(&lock);
	});
	ww_mutex_destroy(&lock);
	return ns / OPERATIONS;
}

static double ww_alone(void)
{
	return ww_lock_unlock(NULL);
}

static double ww_in_a_ticket(void)
{
	struct ww_acquire_ctx ctx;
	double ns;

	ww_acquire_init(&ctx, &wait_die);
	ns = ww_lock_unlock(&ctx);
	ww_acquire_fini(&ctx);
	return ns;
}

static struct dma_fence fences[FENCES];

static const char *name(struct dma_fence *fence)
{
	(void)fence;
	return "bench";
}

static const struct dma_fence_ops ops = {
	.get_driver_name = name,
	.get_timeline_name = name,
};

/* The references are never put: the memory is ours, and used again. */
static void init_fences(void)
{
	for (unsigned int i = 0; i < FENCES; i++)
		dma_fence_init(&fences[i], &ops, NULL, 1, i + 1);
}

static void signal_fences(void)
{
	for (unsigned int i = 0; i < FENCES; i++)
		frame_sink += !dma_fence_signal(&fences[i]);
}

static void look_at_fences(void)
{
	for (unsigned int i = 0; i < FENCES; i++)
		frame_sink += dma_fence_is_signaled(&fences[i]);
}

static double fence_init(void)
{
	double ns = 0;

	for (unsigned int i = 0; i < REPEATS; i++)
		ns += TIMED(init_fences());
	return ns / OPERATIONS;
}

static double fence_signal(void)
{
	double ns = 0;

	for (unsigned int i = 0; i < REPEATS; i++) {
		init_fences();
		ns += TIMED(signal_fences());
	}
	return ns / OPERATIONS;
}

static double fence_is_signaled_no(void)
{
	double ns = 0;

	init_fences();
	for (unsigned int i = 0; i < REPEATS; i++)
		ns += TIMED(look_at_fences());
	return ns / OPERATIONS;
}

static double fence_is_signaled_yes(void)
{
	double ns = 0;

	init_fences();
	signal_fences();
	for (unsigned int i = 0; i < REPEATS; i++)
		ns += TIMED(look_at_fences());
	return ns / OPERATIONS;
}

const struct subject subjects[] = {
	{ "ww_mutex: lock and unlock", ww_alone },
	{ "ww_mutex: lock and unlock, in a ticket", ww_in_a_ticket },
	{ "dma_fence: init", fence_init },
	{ "dma_fence: signal, nobody waits", fence_signal },
	{ "dma_fence: is_signaled, no", fence_is_signaled_no },
	{ "dma_fence: is_signaled, yes", fence_is_signaled_yes },
};

const unsigned int subjects_count = sizeof(subjects) / sizeof(subjects[0]);
