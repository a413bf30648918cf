/* SPDX-License-Identifier: MIT */
/*
 * A row of points, signalled in order.
 *
 * Locking: points_lock guards the row, and is held for moments. signal_lock is held
 * by whoever signals, from choosing the points until the last of them has signalled,
 * so that two signallers keep the order; callbacks run under it, and may emit.
 * signal_lock comes first.
 *
 * Lifetime: each point that has not signalled has a reference of the timeline's. The
 * issuer and every fence hold the timeline itself, for its name.
 */
#include <dmabuf/dma-fence-timeline.h>

#include <errno.h>
#include <string.h>

#include "debug/lockdep.h"
#include "fence/fence.h"
#include "fence/timeline.h"
#include "os/alloc.h"
#include "os/fault.h"
#include "os/report.h"
#include "os/stamp.h"
#include "os/thread.h"

struct point {
	struct dma_fence base;
	struct dma_fence_timeline *tl; /* with a reference; constant */
	struct point *next;	       /* under points_lock; after that, its signaller's */
	int64_t deadline;	       /* atomic; only ever earlier */
};

struct dma_fence_timeline {
	struct dmabuf_spinlock signal_lock;
	struct dmabuf_spinlock points_lock;
	uintptr_t signaller; /* atomic: the thread inside signal_lock */
	uint64_t context;    /* constant */
	uint64_t emitted;    /* under points_lock: last number given out */
	uint64_t signaled;   /* under points_lock: last number chosen to signal */
	struct point *first; /* under points_lock: points left, in order */
	struct point **end;  /* under points_lock */
	bool ended;	     /* under points_lock: nobody would signal another point */
	struct timeline_backing *backing; /* atomic; set under points_lock: who else wants to know; or NULL */
	uint32_t refcount;   /* atomic */
	char name[];	     /* constant */
};

static void put_timeline(struct dma_fence_timeline *tl)
{
	if (fetch_sub_acq_rel(&tl->refcount, 1) != 1)
		return;
	if (lockdep_is_on())
		lockdep_forget(tl);
	os_free(tl);
}

static const char *point_driver_name(struct dma_fence *fence)
{
	(void)fence;
	return "dma_fence_timeline";
}

static const char *point_timeline_name(struct dma_fence *fence)
{
	return container_of(fence, struct point, base)->tl->name;
}

/* After a grace period: until then somebody may read the name. */
static void free_point(struct dmabuf_rcu_head *head)
{
	struct point *point = container_of(head, struct point, base.rcu);

	put_timeline(point->tl);
	os_free(point);
}

static void point_release(struct dma_fence *fence)
{
	dmabuf_call_rcu(&fence->rcu, free_point);
}

static void point_set_deadline(struct dma_fence *fence, int64_t deadline)
{
	struct point *point = container_of(fence, struct point, base);
	int64_t old = load_acquire(&point->deadline);

	OS_RACE_POINT("timeline: before a deadline");
	while (deadline < old && !cas_acq_rel(&point->deadline, &old, deadline))
		;
}

static const struct dma_fence_ops point_ops = {
	.use_64bit_seqno = true,
	.set_deadline = point_set_deadline,
	.get_driver_name = point_driver_name,
	.get_timeline_name = point_timeline_name,
	.release = point_release,
};

struct dma_fence_timeline *dma_fence_timeline_create(const char *name)
{
	struct dma_fence_timeline *tl;
	size_t size;

	lockdep_might_alloc();
	if (dmabuf_warn_on(!name, "dma_fence_timeline_create() without a name"))
		return NULL;
	size = strlen(name) + 1;
	tl = os_alloc(sizeof(*tl) + size);
	if (!tl)
		return NULL;
	memcpy(tl->name, name, size);
	tl->context = dma_fence_context_alloc(1);
	tl->end = &tl->first;
	tl->refcount = 1;
	return tl;
}

static void append_locked(struct dma_fence_timeline *tl, struct point *point)
	DMABUF_REQUIRES(tl->points_lock)
{
	point->tl = tl;
	point->deadline = INT64_MAX;
	fetch_add_relaxed(&tl->refcount, 1); /* the issuer holds one */
	dma_fence_init(&point->base, &point_ops, NULL, tl->context, ++tl->emitted);
	fetch_or_relaxed(&point->base.flags, ISSUED);
	dma_fence_get(&point->base); /* the timeline's */
	*tl->end = point;
	tl->end = &point->next;
}

struct dma_fence *dma_fence_timeline_emit(struct dma_fence_timeline *tl)
{
	struct point *point = os_alloc(sizeof(*point));
	bool ended;

	if (!point)
		return NULL;
	dmabuf_spin_lock(&tl->points_lock);
	ended = tl->ended;
	if (!ended)
		append_locked(tl, point);
	dmabuf_spin_unlock(&tl->points_lock);
	if (!ended)
		return &point->base;
	os_free(point);
	return NULL;
}

/* Takes the points up to @seqno off the row. */
static struct point *choose(struct dma_fence_timeline *tl, uint64_t seqno)
	DMABUF_REQUIRES(tl->points_lock)
{
	struct point *first = tl->first, **end = &tl->first;

	while (*end && (*end)->base.seqno <= seqno)
		end = &(*end)->next;
	if (end == &tl->first)
		return NULL;
	tl->first = *end;
	*end = NULL;
	if (!tl->first)
		tl->end = &tl->first;
	tl->signaled = seqno;
	return first;
}

/* What callbacks of one timeline do to another is seen, and to the first from there. */
static struct lockdep_lock signalling(const struct dma_fence_timeline *tl)
{
	static const struct dmabuf_lock_class signaller_class = { .name = "a timeline's signaller" };

	return (struct lockdep_lock){
		.kind = LOCKDEP_TIMELINE,
		.lock_class = &signaller_class,
		.object = tl,
		.name = signaller_class.name,
		.context = tl->context,
	};
}

static void begin_signaling(struct dma_fence_timeline *tl) DMABUF_ACQUIRE(tl->signal_lock)
{
	struct lockdep_lock lock;

	/* relaxed: equal only if this thread wrote it */
	dmabuf_bug_on(load_relaxed(&tl->signaller) == os_self(),
		      "timeline %s is signalled inside a callback of its own: do it after", tl->name);
	if (lockdep_is_on()) {
		lock = signalling(tl);
		lockdep_might_lock(&lock);
	}
	dmabuf_spin_lock(&tl->signal_lock);
	if (lockdep_is_on())
		lockdep_acquired(&lock);
	store_relaxed(&tl->signaller, os_self());
}

static void end_signaling(struct dma_fence_timeline *tl) DMABUF_RELEASE(tl->signal_lock)
{
	store_relaxed(&tl->signaller, 0);
	if (lockdep_is_on())
		lockdep_released(LOCKDEP_TIMELINE, tl);
	dmabuf_spin_unlock(&tl->signal_lock);
}

/*
 * Who stands behind it is told that the points up to @last have been signalled: before any of their
 * callbacks runs, and in their order, by signal_lock. Whom to wake up after that, or NULL.
 */
static struct timeline_backing *tell_backing(struct timeline_backing *backing, uint64_t first,
					     uint64_t last, int error, bool all)
{
	if (!backing || first > last)
		return NULL;
	return backing->ops->signaled(backing, error && !all ? last : first, last, error) ? backing
											  : NULL;
}

/* Outside of all locks. */
static void wake_backing(struct timeline_backing *backing)
{
	if (backing)
		backing->ops->wake(backing);
}

/* @error is for the last one, or for all of them. */
static void signal_points(struct point *points, int error, bool all)
{
	const int64_t now = os_stamp_ns();

	for (struct point *point = points; point; point = point->next) {
		if (error && (all || !point->next))
			fence_set_error(&point->base, error);
		OS_RACE_POINT("timeline: before a point");
		fence_signal(&point->base, now);
	}
}

static void put_points(struct point *points)
{
	while (points) {
		struct point *next = points->next;

		dma_fence_put(&points->base);
		points = next;
	}
}

int dma_fence_timeline_signal(struct dma_fence_timeline *tl, uint64_t seqno, int error)
{
	struct timeline_backing *backing = NULL;
	struct point *points = NULL;
	uint64_t first;
	bool in_range;

	if (error > 0 || error < -DMABUF_MAX_ERRNO)
		return -EINVAL;
	begin_signaling(tl);
	dmabuf_spin_lock(&tl->points_lock);
	in_range = seqno > tl->signaled && seqno <= tl->emitted;
	first = tl->signaled + 1;
	if (in_range) {
		points = choose(tl, seqno);
		backing = tl->backing;
	}
	dmabuf_spin_unlock(&tl->points_lock);
	backing = tell_backing(backing, first, seqno, error, false);
	signal_points(points, error, false);
	end_signaling(tl);
	wake_backing(backing);
	put_points(points);
	return in_range ? 0 : -ERANGE;
}

int dma_fence_timeline_fail(struct dma_fence_timeline *tl, int error)
{
	struct timeline_backing *backing;
	struct point *points;
	uint64_t first, last;

	if (error >= 0 || error < -DMABUF_MAX_ERRNO)
		return -EINVAL;
	begin_signaling(tl);
	dmabuf_spin_lock(&tl->points_lock);
	first = tl->signaled + 1;
	last = tl->emitted;
	points = choose(tl, last);
	backing = tl->backing;
	dmabuf_spin_unlock(&tl->points_lock);
	backing = tell_backing(backing, first, last, error, true);
	signal_points(points, error, true);
	end_signaling(tl);
	wake_backing(backing);
	put_points(points);
	return 0;
}

int64_t dma_fence_timeline_deadline(struct dma_fence_timeline *tl)
{
	int64_t earliest = INT64_MAX;

	dmabuf_spin_lock(&tl->points_lock);
	for (struct point *point = tl->first; point; point = point->next) {
		const int64_t deadline = load_acquire(&point->deadline);

		if (deadline < earliest)
			earliest = deadline;
	}
	dmabuf_spin_unlock(&tl->points_lock);
	return earliest;
}

int timeline_back(struct dma_fence_timeline *tl, struct timeline_backing *backing,
		  uint64_t *ret_context, uint64_t *ret_signaled)
{
	bool is_free;

	dmabuf_spin_lock(&tl->points_lock);
	is_free = !tl->backing;
	if (is_free)
		store_release(&tl->backing, backing);
	*ret_signaled = tl->signaled;
	dmabuf_spin_unlock(&tl->points_lock);
	*ret_context = tl->context;
	return is_free ? 0 : -EBUSY;
}

struct timeline_backing *timeline_backing_of(const struct dma_fence *fence)
{
	if (fence->ops != &point_ops)
		return NULL;
	return load_acquire(&container_of((void *)(uintptr_t)fence, struct point, base)->tl->backing);
}

void dma_fence_timeline_destroy(struct dma_fence_timeline *tl)
{
	if (!tl)
		return;
	dmabuf_spin_lock(&tl->points_lock);
	tl->ended = true;
	dmabuf_spin_unlock(&tl->points_lock);
	dma_fence_timeline_fail(tl, -ECANCELED);
	if (tl->backing)
		tl->backing->ops->ended(tl->backing);
	put_timeline(tl);
}
