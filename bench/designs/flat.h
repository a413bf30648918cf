/* SPDX-License-Identifier: MIT */
/*
 * The flat list: what Linux has today (shared/spec/semantics.md, 6.). flat.c says how it works.
 * With INLINE_SLOTS its first list is part of the object.
 */
#define design_restarts DESIGN_NAME(restarts)

extern __thread unsigned long design_restarts; /* how often this thread's walks began anew */

struct flat_list;

#ifndef INLINE_SLOTS
#define INLINE_SLOTS 0
#endif

/* What a list begins with: room for the first one, in the object. */
struct flat_head {
	struct dmabuf_rcu_head rcu;
	uint32_t length; /* atomic: entries that others may see */
	uint32_t capacity;
};

struct dma_resv {
	struct ww_mutex lock;
	struct flat_list *list; /* atomic: or NULL */
#if INLINE_SLOTS
	struct flat_head head;
	uintptr_t slots[INLINE_SLOTS];
#endif
	DESIGN_TESTED_MEMBERS
};

struct dma_resv_iter {
	struct dma_resv *obj;
	enum dma_resv_usage usage;
	struct dma_fence *fence; /* unlocked: with a reference */
	enum dma_resv_usage fence_usage;
	unsigned int index, num_fences;
	struct flat_list *fences;
	bool is_restarted;
};
