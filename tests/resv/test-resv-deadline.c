/* SPDX-License-Identifier: MIT */
/* Deadlines through a reservation; waits in signalling sections. */
#include "harness.h"

#include <dmabuf/dma-fence-timeline.h>
#include <dmabuf/dma-resv.h>

#include "view.h"

TEST(a_deadline_reaches_the_fences_up_to_a_category_and_no_others)
{
	static const enum dma_resv_usage usages[] = { KERNEL, WRITE, READ, BOOKKEEP };
	struct dma_fence_timeline *tl[4];
	struct dma_fence *fence;
	struct dma_resv obj;

	dma_resv_init(&obj);
	for (unsigned int i = 0; i < 4; i++) {
		tl[i] = dma_fence_timeline_create("urged");
		fence = dma_fence_timeline_emit(tl[i]);
		add_alone(&obj, fence, usages[i]);
		dma_fence_put(fence);
	}
	for (unsigned int asked = 0; asked < 4; asked++) {
		dma_resv_set_deadline(&obj, usages[asked], 100 - asked);
		for (unsigned int i = 0; i < 4; i++)
			ASSERT_INT(dma_fence_timeline_deadline(tl[i]), ==,
				   i <= asked ? 100 - asked : INT64_MAX);
	}
	for (unsigned int i = 0; i < 4; i++)
		dma_fence_timeline_destroy(tl[i]);
	dma_resv_set_deadline(&obj, BOOKKEEP, 1); /* all have signalled */
	dma_resv_fini(&obj);
}

TEST(the_holder_urges_what_it_staged_and_an_empty_object_nothing)
{
	struct dma_fence_timeline *tl = dma_fence_timeline_create("urged");
	struct dma_fence *fence = dma_fence_timeline_emit(tl);
	struct dma_resv obj;

	dma_resv_init(&obj);
	dma_resv_set_deadline(&obj, BOOKKEEP, 1);
	lock(&obj);
	add(&obj, fence, WRITE);
	dma_resv_set_deadline(&obj, WRITE, 5);
	ASSERT_INT(dma_fence_timeline_deadline(tl), ==, 5);
	dma_resv_unlock(&obj);
	dma_fence_timeline_destroy(tl);
	dma_fence_put(fence);
	dma_resv_fini(&obj);
}

TEST(a_wait_for_a_reservation_in_a_signalling_section_warns_even_if_it_is_idle)
{
	struct dma_resv obj;
	bool cookie;

	NEEDS_RULES();
	cookie = dma_fence_begin_signalling();
	dma_resv_init(&obj);
	ASSERT_WARNS(dma_resv_wait_timeout(&obj, READ, false, 1), "D007");
	ASSERT_INT(dma_resv_wait_timeout(&obj, READ, false, 0), ==, 1);
	dma_fence_end_signalling(cookie);
	dma_resv_fini(&obj);
}
