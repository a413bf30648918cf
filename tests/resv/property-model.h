/* SPDX-License-Identifier: MIT */
/*
 * The world of tests that make random calls on reservations: what the library should
 * say, and how to complain. Who includes it says where chance comes from: below().
 */
#ifndef PROPERTY_MODEL_H
#define PROPERTY_MODEL_H

#include "harness.h"

#include <dmabuf/dma-resv.h>

#define SIDES 2
#define MAX_FENCES 512
#define MAX_SNAPS 5
#define MAX_CONTEXTS 8
#define MAX_STEPS 200

#define BOOKKEEP DMA_RESV_USAGE_BOOKKEEP

/* A fence, and what the test knows about it, also after its end. */
struct known {
	struct dma_fence *fence;
	unsigned int context;
	uint64_t seqno;
	bool lazy;     /* it has to be asked */
	bool signaled; /* or says so when asked */
	bool held;     /* by the test */
	bool released; /* by everybody */
};

struct entry {
	struct known *known;
	enum dma_resv_usage usage;
};

struct list {
	struct entry at[MAX_FENCES];
	unsigned int n;
};

struct view {
	struct list fences;
	struct list ghosts;
};

struct side {
	struct dma_resv obj;
	struct view staged;    /* what the holder sees; as committed while unlocked */
	struct view committed; /* what all see */
	bool locked;
	unsigned int reserved;
};

struct snap {
	struct dma_resv_snapshot snap;
	struct list seen; /* newest first */
	bool there;
};

static struct world {
	struct side side[SIDES];
	struct known known[MAX_FENCES];
	unsigned int n_known;
	unsigned int contexts;
	uint64_t context[MAX_CONTEXTS], next[MAX_CONTEXTS];
	struct snap snap[MAX_SNAPS];
	unsigned int signal_weight; /* of 16: how often fences signal */
	uint32_t seed, chance;
	unsigned int step;
	bool trace;
} w;

/*
 * Saying what is wrong.
 */

static void print_list(const char *name, const struct list *list)
{
	fprintf(stderr, "  %s:", name);
	for (unsigned int i = 0; i < list->n; i++) {
		const struct known *known = list->at[i].known;

		fprintf(stderr, " %u:%" PRIu64 "/%u%s%s", known->context, known->seqno,
			(unsigned int)list->at[i].usage, known->signaled ? "!" : "",
			known->released ? "(gone)" : "");
	}
	fprintf(stderr, "\n");
}

static void print_world(void)
{
	fprintf(stderr, "seed %u, step %u\n", w.seed, w.step);
	for (unsigned int i = 0; i < SIDES; i++) {
		fprintf(stderr, " side %u%s reserved %u\n", i, w.side[i].locked ? " locked" : "",
			w.side[i].reserved);
		print_list("staged", &w.side[i].staged.fences);
		print_list("staged ghosts", &w.side[i].staged.ghosts);
		print_list("committed", &w.side[i].committed.fences);
	}
}

#define CHECK(cond, ...)                                     \
	do {                                                 \
		if (!(cond)) {                               \
			print_world();                       \
			FAIL(__VA_ARGS__);                   \
		}                                            \
	} while (0)

#define TRACE(...)                                           \
	do {                                                 \
		if (w.trace) {                               \
			fprintf(stderr, "%4u ", w.step);     \
			fprintf(stderr, __VA_ARGS__);        \
			fprintf(stderr, "\n");               \
		}                                            \
	} while (0)

/*
 * Chance.
 */

/* Any number less than @n. */
static unsigned int below(unsigned int n);

static bool one_in(unsigned int n)
{
	return !below(n);
}

static enum dma_resv_usage any_usage(void)
{
	return (enum dma_resv_usage)below(4);
}

/*
 * The model.
 */

static bool supersedes(const struct known *known, enum dma_resv_usage usage,
		       const struct entry *old)
{
	return known->context == old->known->context && usage <= old->usage &&
	       (known == old->known || known->seqno > old->known->seqno);
}

static bool has_entry(const struct list *list, const struct entry *entry)
{
	for (unsigned int i = 0; i < list->n; i++) {
		if (list->at[i].known == entry->known && list->at[i].usage == entry->usage)
			return true;
	}
	return false;
}

static void append(struct list *list, struct known *known, enum dma_resv_usage usage)
{
	if (list->n == MAX_FENCES)
		FAIL("the model is full");
	list->at[list->n++] = (struct entry){ known, usage };
}

static void model_add(struct view *view, struct known *known, enum dma_resv_usage usage)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < view->fences.n; i++) {
		const struct entry entry = view->fences.at[i];

		if (!supersedes(known, usage, &entry))
			view->fences.at[kept++] = entry;
		else if (!entry.known->signaled && !has_entry(&view->ghosts, &entry))
			append(&view->ghosts, entry.known, entry.usage);
	}
	view->fences.n = kept;
	append(&view->fences, known, usage);
}

static void remove_usage(struct list *list, enum dma_resv_usage usage)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < list->n; i++) {
		if (list->at[i].usage != usage)
			list->at[kept++] = list->at[i];
	}
	list->n = kept;
}

static void model_set(struct view *view, struct known *known, enum dma_resv_usage usage)
{
	remove_usage(&view->fences, usage);
	remove_usage(&view->ghosts, usage);
	if (known)
		model_add(view, known, usage);
}

static void model_replace(struct view *view, unsigned int context, struct known *known,
			  enum dma_resv_usage usage)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < view->fences.n; i++) {
		if (view->fences.at[i].known->context != context)
			view->fences.at[kept++] = view->fences.at[i];
	}
	view->fences.n = kept;
	model_add(view, known, usage);
}

/* Does any entry that a query for @usage looks at wait for something? */
static bool model_busy(const struct list *list, enum dma_resv_usage usage)
{
	for (unsigned int i = 0; i < list->n; i++) {
		if (list->at[i].usage <= usage && !list->at[i].known->signaled)
			return true;
	}
	return false;
}

/* What a query for @usage returns, newest first. */
static void model_ask(const struct view *view, enum dma_resv_usage usage, struct list *ret_list)
{
	ret_list->n = 0;
	for (unsigned int i = view->fences.n; i--;) {
		const struct entry *entry = &view->fences.at[i];

		if (entry->usage <= usage && !entry->known->signaled)
			append(ret_list, entry->known, entry->usage);
	}
}

#endif
