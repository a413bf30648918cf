/* SPDX-License-Identifier: MIT */
/* What memory a reservation takes. Compiled once a design, with -DDESIGN=name; n: fences in it. */
#include <dmabuf/dma-resv.h>
#include <pthread.h>
#include <stdlib.h>

#include "bytes.h"
#include "fences.h"

#define MOST 4096

static struct dma_fence fence[MOST];
static struct dma_resv resv[BYTES_OBJECTS];

static double object(unsigned int n)
{
	(void)n;
	frame_report("the object", sizeof(struct dma_resv), "bytes");
	return REPORTED;
}

static unsigned int fences;

/* Added one after another, each with a section of the lock. */
static void *fill_all(void *unused)
{
	for (unsigned int i = 0; i < BYTES_OBJECTS; i++) {
		dma_resv_init(&resv[i]);
		for (unsigned int j = 0; j < fences; j++) {
			if (dma_resv_lock(&resv[i], NULL))
				abort();
			if (dma_resv_reserve_fences(&resv[i], 1))
				abort();
			dma_resv_add_fence(&resv[i], &fence[j], DMA_RESV_USAGE_READ);
			dma_resv_unlock(&resv[i]);
		}
	}
	return unused;
}

static void *fini_all(void *unused)
{
	for (unsigned int i = 0; i < BYTES_OBJECTS; i++)
		dma_resv_fini(&resv[i]);
	return unused;
}

/* In a thread that ends, so that what threads keep for the next time does not count. */
static void run_to_end(void *(*func)(void *))
{
	pthread_t thread;

	MUST(!pthread_create(&thread, NULL, func, NULL));
	pthread_join(thread, NULL);
	dmabuf_rcu_barrier();
}

static double allocated(unsigned int n)
{
	struct bytes before;

	fences = n;
	for (unsigned int i = 0; i < n; i++)
		dma_fence_init(&fence[i], &bench_ops, NULL, i + 1, 1);
	before = bytes_live();
	run_to_end(fill_all);
	bytes_report("allocated for n fences", before);
	run_to_end(fini_all);
	return REPORTED;
}

static const struct row rows[] = {
	{ "reservation", 0, object, false },	{ "reservation", 1, allocated, false },
	{ "reservation", 2, allocated, false }, { "reservation", 4, allocated, false },
	{ "reservation", 6, allocated, false }, { "reservation", 7, allocated, false },
	{ "reservation", 16, allocated, false }, { "reservation", 64, allocated, false },
	{ "reservation", 256, allocated, false }, { "reservation", 4096, allocated, false },
};

const struct design DESIGN_NAME(bytes_rows) = { DESIGN_TITLE, rows, COUNT(rows) };
