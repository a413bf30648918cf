/* SPDX-License-Identifier: MIT */
/*
 * The container: the holder's side. set.c has the readers' side, and the diagram of
 * W1 to W3.
 *
 * Locking: everything here is under the lock of fences->obj; `word` alone is read
 * without it.
 *
 * What is staged is a word of its own. Where it equals the published word, nothing
 * is staged, except what was appended to the log in place, behind `committed`. The
 * staged word owns what it stands for only where the two differ.
 *
 * Compaction: the staged log is full, and what still matters of it goes to a new
 * one. References move in bulk, since readers may hold the old log, or not:
 *
 *   1. The new log borrows: the old one owns the references on everything carried.
 *   2. The commit publishes the new log.
 *   3. Nobody holds a snapshot (compare and swap of the old log's count from 1 to
 *      0): what is carried changes owner without a touch, the rest is put, and the
 *      old log goes after a grace period. Somebody does: the new log takes references
 *      of its own first, and only then is the old one put.
 */
#include <dmabuf/dma-fence-array.h>
#include <dmabuf/dma-fence-chain.h>
#include <errno.h>

#include "debug/lockdep.h"
#include "os/fault.h"
#include "os/report.h"
#include "resv/backing.h"
#include "resv/bulk.h"
#include "resv/fences.h"
#include "resv/log-memory.h"
#include "resv/set.h"
#include "resv/trace.h"

void dma_resv_fences_init(struct dma_resv_fences *fences, struct dma_resv *obj)
{
	*fences = (struct dma_resv_fences){ .obj = obj };
}

static void check_guard(struct dma_resv *obj, const struct dma_resv_fences *fences)
	DMABUF_ASSERTS(fences->obj->lock)
{
	dmabuf_bug_on(fences->obj != obj,
		      "the fences at %p belong to reservation %p, not %p: pass that one",
		      (const void *)fences, (void *)fences->obj, (void *)obj);
	resv_assert_held(obj);
}

/*
 * @staged is staged no more. A log stays until the commit: the holder may be in the
 * middle of a walk over it, and add while it is.
 */
static void drop_staged(struct dma_resv_fences *fences, uintptr_t staged)
	DMABUF_REQUIRES(fences->obj->lock)
{
	if (staged == fences->word)
		return;
	if (!word_is_log(staged)) {
		word_put(staged);
		return;
	}
	word_log(staged)->older = fences->dropped;
	fences->dropped = word_log(staged);
}

static void put_dropped(struct dma_resv_fences *fences) DMABUF_REQUIRES(fences->obj->lock)
{
	while (fences->dropped) {
		struct dma_resv_log *log = fences->dropped;

		fences->dropped = log->older;
		log_put(log);
	}
}

/* What is staged is about to be shown, or staged no more. */
static void count_staged(struct dma_resv_fences *fences) DMABUF_REQUIRES(fences->obj->lock)
{
	if (word_is_log(fences->staged))
		word_log(fences->staged)->length = fences->length;
}

DMABUF_UNCHECKED("nobody uses it any more")
void dma_resv_fences_fini(struct dma_resv_fences *fences)
{
	count_staged(fences);
	drop_staged(fences, fences->staged);
	put_dropped(fences);
	word_put(fences->word);
	fences_drop_spare(fences);
	*fences = (struct dma_resv_fences){ .obj = fences->obj };
}

/*
 * Staging.
 */

void fences_stage_nothing(struct dma_resv_fences *fences)
{
	const uintptr_t old = fences->staged;

	count_staged(fences);
	fences->touched = true;
	fences->staged = 0;
	drop_staged(fences, old);
}

void fences_stage_one(struct dma_resv_fences *fences, struct dma_fence *fence,
		      enum dma_resv_usage usage)
{
	const uintptr_t old = fences->staged, new = word_of_fence(fence, usage);

	if (new == old)
		return;
	count_staged(fences);
	fences->touched = true;
	/* The published word owns its fence already, should that come back. */
	if (new != fences->word)
		bulk_get(&fences->obj->lock, fence);
	fences->staged = new;
	drop_staged(fences, old);
}

void fences_stage_log(struct dma_resv_fences *fences, struct dma_resv_log *log)
{
	const uintptr_t old = fences->staged;

	count_staged(fences);
	fences->touched = true;
	fences->staged = word_of_log(log);
	fences->length = log->length;
	fences_drop_spare(fences); /* @log has room for what is reserved; a release may reserve more */
	drop_staged(fences, old);
}

/*
 * Moving references from one log to the next.
 */

/* Is @fence the next one carried into @log? Both keep the order. */
static bool is_carried(const struct dma_resv_log *log, uint32_t *next, uint32_t end,
		       const struct dma_fence *fence)
{
	if (*next == end || log->entry[*next].fence != fence)
		return false;
	++*next;
	return true;
}

/* @old was never published. It keeps what it owns, and @new owns that too. */
static void share(const struct dma_resv_log *old, struct dma_resv_log *new)
{
	uint32_t carried = 0;

	new->borrowed = 0;
	for (uint32_t i = 0; i < old->length; i++) {
		if (!is_carried(new, &carried, new->length, old->entry[i].fence))
			continue;
		if (i < old->borrowed)
			new->borrowed++;
		else
			dma_fence_get(old->entry[i].fence);
	}
}

/* @new holds what matters of the staged word, and replaces it there. */
static void take_over_staged(struct dma_resv_fences *fences, struct dma_resv_log *new)
	DMABUF_REQUIRES(fences->obj->lock)
{
	const uintptr_t old = fences->staged;

	count_staged(fences);
	fences->touched = true;
	fences->staged = word_of_log(new);
	fences->length = new->length;
	if (old == fences->word) {
		new->borrowed = new->length;
	} else if (word_is_log(old)) {
		share(word_log(old), new);
		drop_staged(fences, old);
	} else {
		new->borrowed = 0;
		if (!new->length)
			drop_staged(fences, old);
	}
}

void fences_fill(struct dma_resv_log *log, const struct dma_resv_snapshot *set,
		 const uint64_t *except)
{
	const struct dma_resv_log *old = word_log(set->word);

	if (!word_is_log(set->word)) {
		struct dma_fence *fence = word_fence(set->word);

		if (set->length && !dma_fence_is_signaled(fence))
			log->length = log_carry(log, 0, fence, word_usage(set->word));
	}
	for (uint32_t i = 0; word_is_log(set->word) && i < set->length; i++) {
		struct dma_fence *fence = old->entry[i].fence;

		if (!fence || log_is_superseded(old, i, set->length) ||
		    dma_fence_is_signaled(fence) || (except && fence->context == *except))
			continue;
		log->length = log_carry(log, log->length, fence, old->entry[i].tag & TAG_USAGE);
	}
	log->borrowed = log->length;
}

void fences_compact(struct dma_resv_fences *fences, struct dma_resv_log *log)
{
	const struct dma_resv_snapshot set = set_staged(fences);

	fences_fill(log, &set, NULL);
	OS_RACE_POINT("compact: before the old one goes");
	take_over_staged(fences, log);
}

/*
 * Reserving.
 */

/* Twice what lives: half of it is free then, and compaction is rare. */
static uint64_t capacity_for(uint32_t live, uint32_t reserved)
{
	return 2 * (uint64_t)live + reserved;
}

struct dma_resv_log *fences_alloc_log(const struct dma_resv_fences *fences, uint32_t live)
{
	return log_alloc(capacity_for(live, fences->reserved));
}

void fences_drop_spare(struct dma_resv_fences *fences)
{
	if (!fences->spare)
		return;
	log_give_back(fences->spare, fences->spare_capacity);
	fences->spare = NULL;
}

/* False: no memory, and the spare that there was is there. */
static bool set_aside(struct dma_resv_fences *fences, uint64_t capacity)
	DMABUF_REQUIRES(fences->obj->lock)
{
	uint32_t actual;
	struct dma_resv_log *log = log_set_aside(capacity, &actual);

	if (!log)
		return false;
	fences_drop_spare(fences);
	fences->spare = log;
	fences->spare_capacity = actual;
	if (unlikely(fences != &fences->obj->fences)) /* it keeps what is reserved at unlock */
		log_lend(actual);
	return true;
}

static struct dma_resv_log *use_spare(struct dma_resv_fences *fences)
	DMABUF_REQUIRES(fences->obj->lock)
{
	struct dma_resv_log *log = fences->spare;

	dmabuf_check(log);
	log_use(log, fences->spare_capacity);
	fences->spare = NULL;
	return log;
}

static bool spare_has_room(const struct dma_resv_fences *fences, uint64_t room)
	DMABUF_REQUIRES(fences->obj->lock)
{
	return fences->spare && fences->spare_capacity >= room;
}

bool fences_fit_word(const struct dma_resv_fences *fences, uint32_t live)
{
	const uint64_t all = (uint64_t)live + fences->reserved;

	return all <= 1 || spare_has_room(fences, all);
}

static bool staged_log_has_room(const struct dma_resv_fences *fences, unsigned int n)
	DMABUF_REQUIRES(fences->obj->lock)
{
	return word_is_log(fences->staged) &&
	       word_log(fences->staged)->capacity - fences->length >= n;
}

/* Where the staged word has no room for @n more: make sure that there will be, or false: no memory. */
static bool make_room(struct dma_resv_fences *fences, unsigned int n)
	DMABUF_REQUIRES(fences->obj->lock)
{
	const struct dma_resv_snapshot set = set_staged(fences);
	const uint32_t live = set_count_live(&set);
	const uint64_t all = live + (uint64_t)n;

	if (all <= 1 && !word_is_log(set.word))
		return true;
	return spare_has_room(fences, all) || set_aside(fences, capacity_for(live, n));
}

static __attribute__((cold, noinline)) int reserve_backing(struct dma_resv_fences *fences,
							   unsigned int n)
{
	struct resv_backing *backing = resv_backing_of(fences);

	return backing->ops->reserve(backing, n);
}

int dma_resv_fences_reserve(struct dma_resv *obj, struct dma_resv_fences *fences, unsigned int n)
{
	lockdep_might_alloc();
	check_guard(obj, fences);
	if (unlikely(fences->is_backed)) {
		const int err = reserve_backing(fences, n);

		if (err)
			return err;
	}
	if (n <= fences->reserved)
		return 0;
	if (!staged_log_has_room(fences, n) && !make_room(fences, n))
		return -ENOMEM;
	fences->reserved = n;
	fences->touched = true;
	return 0;
}

void fences_forget_reserved(struct dma_resv_fences *fences)
{
	fences->reserved = 0;
	fences_drop_spare(fences);
}

/* One of the reserved. */
static void use_reservation(struct dma_resv_fences *fences, const char *who)
	DMABUF_ASSERTS(fences->obj->lock)
{
	resv_assert_held(fences->obj);
	rule_bug_on(!fences->reserved, DMABUF_RULE_RESERVE, NULL,
		      "%s() without a reservation: call dma_resv_reserve_fences() first, under the same lock",
		      who);
	fences->reserved--;
}

/* The staged log with room for one more and for what stays reserved. */
static struct dma_resv_log *log_with_room(struct dma_resv_fences *fences)
	DMABUF_REQUIRES(fences->obj->lock)
{
	if (!staged_log_has_room(fences, fences->reserved + 1))
		fences_compact(fences, use_spare(fences));
	return word_log(fences->staged);
}

/*
 * Adding.
 */

void fences_check(const struct dma_fence *fence, enum dma_resv_usage usage, const char *who)
{
	dmabuf_bug_on(usage > DMA_RESV_USAGE_BOOKKEEP,
		      "%s() of a fence in category %u: give a DMA_RESV_USAGE_*", who,
		      (unsigned int)usage);
	dmabuf_warn_on(fence && (fence->ops == &dma_fence_array_ops || fence->ops == &dma_fence_chain_ops),
		       "%s() of a fence array or chain: give its members", who);
}

static void append(struct dma_resv_fences *fences, struct dma_fence *fence, uint32_t usage_and_cut)
	DMABUF_REQUIRES(fences->obj->lock)
{
	struct dma_resv_log *log;

	/* First: making room may drop the only other reference on it. */
	if (fence)
		bulk_get(&fences->obj->lock, fence);
	log = log_with_room(fences);
	fences->length = log_append(log, fences->length, fence, usage_and_cut);
}

/* True if the word form can take it: nothing is there, or nothing that still matters. */
static bool add_to_word(struct dma_resv_fences *fences, struct dma_fence *fence,
			enum dma_resv_usage usage) DMABUF_REQUIRES(fences->obj->lock)
{
	const uintptr_t staged = fences->staged;

	if (word_is_log(staged))
		return false;
	if (staged && !dma_fence_is_signaled(word_fence(staged)) &&
	    !fence_supersedes(fence, usage, word_fence(staged), word_usage(staged)))
		return false;
	fences_stage_one(fences, fence, usage);
	return true;
}

void dma_resv_fences_add(struct dma_resv_fences *fences, struct dma_fence *fence,
			 enum dma_resv_usage usage)
{
	dmabuf_bug_on(!fence, "dma_resv_add_fence() of no fence: give one");
	fences_check(fence, usage, "dma_resv_add_fence");
	use_reservation(fences, "dma_resv_add_fence");
	if (!add_to_word(fences, fence, usage))
		append(fences, fence, usage);
	if (unlikely(fences->is_backed))
		resv_backing_of(fences)->ops->add(resv_backing_of(fences), fence, usage);
}

/* True if the word form can take it. */
static bool set_in_word(struct dma_resv_fences *fences, struct dma_fence *fence,
			enum dma_resv_usage usage) DMABUF_REQUIRES(fences->obj->lock)
{
	const uintptr_t staged = fences->staged;

	if (word_is_log(staged))
		return false;
	if (staged && word_usage(staged) != usage)
		return !fence || add_to_word(fences, fence, usage);
	if (fence)
		fences_stage_one(fences, fence, usage);
	else
		fences_stage_nothing(fences);
	return true;
}

void dma_resv_fences_set(struct dma_resv *obj, struct dma_resv_fences *fences,
			 struct dma_fence *fence, enum dma_resv_usage usage)
{
	check_guard(obj, fences);
	fences_check(fence, usage, "dma_resv_fences_set");
	use_reservation(fences, "dma_resv_fences_set");
	if (!set_in_word(fences, fence, usage))
		append(fences, fence, usage | TAG_CUT);
	if (unlikely(fences->is_backed))
		resv_backing_set(resv_backing_of(fences), fence, usage);
}

/*
 * Committing.
 */

enum { GONE = 16 };

static void put_gone(struct dma_fence *const *gone, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		fence_put(gone[i]);
}

/*
 * Put what @old owns but for the first @borrowed of @new. Those last: their release may commit in
 * its turn, and drop the new log. Where there are more, that is held.
 */
static void put_the_rest(const struct dma_resv_log *old, struct dma_resv_log *new,
			 uint32_t borrowed)
{
	struct dma_fence *gone[GONE];
	unsigned int n = 0;
	uint32_t carried = 0;
	bool held = false;

	for (uint32_t i = 0; carried + (old->length - i) > borrowed; i++) {
		struct dma_fence *fence = old->entry[i].fence;

		if (is_carried(new, &carried, borrowed, fence) || !fence)
			continue;
		if (n == GONE) {
			if (!held)
				fetch_add_relaxed(&new->refs, 1);
			held = true;
			put_gone(gone, n);
			n = 0;
		}
		gone[n++] = fence;
	}
	put_gone(gone, n);
	if (held)
		log_put(new);
}

/* Step 3 of the compaction. */
static void retire_log(struct dma_resv_log *old, struct dma_resv_log *new)
{
	const uint32_t borrowed = new->borrowed;
	uint32_t alone = 1;

	OS_RACE_POINT("retire: before the count");
	if (!cas_acq_rel(&old->refs, &alone, 0)) {
		log_own(new);
		log_put(old);
		return;
	}
	/* First: whose last reference is put here may ask us, and find the new log whole. */
	new->borrowed = 0;
	put_the_rest(old, new, borrowed);
	log_free(old);
}

/* @new is published. Drop what the word before stood for, or hand it over. */
static void retire(struct dma_resv_fences *fences, uintptr_t old, uintptr_t new)
	DMABUF_REQUIRES(fences->obj->lock)
{
	struct dma_resv_log *borrower = word_is_log(new) ? word_log(new) : NULL;

	if (borrower && borrower->borrowed) {
		if (word_is_log(old))
			retire_log(word_log(old), borrower);
		else
			borrower->borrowed = 0; /* one fence, and it is carried */
	} else if (word_is_log(old)) {
		log_put(word_log(old));
	} else if (old) {
		bulk_put(&fences->obj->lock, word_fence(old));
	}
}

static void publish_length(struct dma_resv_fences *fences) DMABUF_REQUIRES(fences->obj->lock)
{
	struct dma_resv_log *log = word_log(fences->staged);

	if (load_relaxed(&log->committed) == fences->length) /* only the holder writes it */
		return;
	count_staged(fences);
	store_release(&log->committed, fences->length); /* W2 */
}

static __attribute__((noinline)) void publish_word(struct dma_resv_fences *fences)
	DMABUF_REQUIRES(fences->obj->lock)
{
	const uintptr_t old = fences->word, new = fences->staged; /* only the holder writes them */

	OS_RACE_POINT("commit: before the word");
	store_release(&fences->word, new); /* W3 */
	retire(fences, old, new);
}

static inline void commit_here(struct dma_resv_fences *fences) DMABUF_REQUIRES(fences->obj->lock)
{
	commit_trace(fences);
	if (word_is_log(fences->staged))
		publish_length(fences);
	if (fences->staged != fences->word)
		publish_word(fences);
	if (fences->dropped)
		put_dropped(fences);
}

static __attribute__((cold, noinline)) void commit_backing(struct dma_resv_fences *fences)
	DMABUF_REQUIRES(fences->obj->lock)
{
	struct resv_backing *backing = resv_backing_of(fences);

	backing->ops->begin_commit(backing);
	commit_here(fences);
	backing->ops->end_commit(backing);
}

static inline void commit(struct dma_resv_fences *fences) DMABUF_REQUIRES(fences->obj->lock)
{
	if (unlikely(fences->is_backed))
		commit_backing(fences);
	else
		commit_here(fences);
}

void dma_resv_fences_commit(struct dma_resv *obj, struct dma_resv_fences *fences)
{
	check_guard(obj, fences);
	commit(fences);
}

void fences_end(struct dma_resv_fences *fences)
{
	do {
		fences->touched = false;
		commit(fences);
	} while (unlikely(fences->touched)); /* by the release of what it dropped */
	fences_forget_reserved(fences);
}

struct dma_fence *dma_resv_fences_get_rcu(struct dma_resv_fences *fences, enum dma_resv_usage usage)
{
	struct dma_resv_snapshot set;
	struct dma_fence *fence;
	int err;

	lockdep_might_alloc();
	set_get_committed(fences, &set);
	err = set_singleton(&set, usage, &fence);
	set_put(&set);
	return err ? dmabuf_err_ptr(err) : fence;
}
