/* SPDX-License-Identifier: MIT */
/*
 * The classic design, which the series replace (shared/spec/semantics.md, 5.1): one exclusive
 * fence, and a list of shared ones. classic.c says how it works.
 */
#define design_restarts DESIGN_NAME(restarts)
#define DESIGN_SETS_ARE_WHOLE /* what get_fences gives was there at one time */
#define DESIGN_HAS_NO_WALKS /* nor replace_fences: they came with what followed it */

extern __thread unsigned long design_restarts; /* how often this thread's questions began anew */

struct classic_list;

struct dma_resv {
	struct ww_mutex lock;
	uint32_t seq;		     /* atomic: odd while the holder is changing the rest */
	struct dma_fence *exclusive; /* atomic: or NULL */
	struct classic_list *shared; /* atomic: or NULL */
	DESIGN_TESTED_MEMBERS
};

struct dma_resv_iter {
	struct dma_resv *obj;
	enum dma_resv_usage usage;
	struct dma_fence *fence;
	enum dma_resv_usage fence_usage;
	unsigned int index;
	void *fences;
	bool is_restarted;
};
