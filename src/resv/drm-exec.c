/* SPDX-License-Identifier: MIT */
/*
 * Locking many reservations together.
 *
 * After -EDEADLK everything is unlocked (drm_exec_cleanup()), and the next call
 * that locks first waits for the contended lock. That one is then prelocked: the
 * first who asks for it gets it as if it had just been locked.
 *
 * Locking: a drm_exec belongs to one thread.
 */
#include <dmabuf/drm-exec.h>

#include <errno.h>

#include "os/alloc.h"
#include "os/atomic.h"
#include "os/report.h"
#include "resv/ww-rules.h"

/*
 * Objects.
 */

void drm_gem_object_init(struct drm_gem_object *obj, struct dma_resv *resv,
			 void (*free)(struct drm_gem_object *obj))
{
	store_relaxed(&obj->refcount.count, 1); /* whoever shows it to others orders this */
	dma_resv_init(&obj->_resv);
	obj->resv = resv ? resv : &obj->_resv;
	obj->free = free;
}

void drm_gem_object_release(struct drm_gem_object *obj)
{
	dma_resv_fini(&obj->_resv);
}

void drm_gem_object_get(struct drm_gem_object *obj)
{
	const uint32_t before = fetch_add_relaxed(&obj->refcount.count, 1); /* one is held already */

	dmabuf_bug_on(!before, "drm_gem_object %p: taken after the last reference was put; "
		      "hold one while you take another", (void *)obj);
}

void drm_gem_object_put(struct drm_gem_object *obj)
{
	uint32_t count;

	if (!obj)
		return;
	count = fetch_sub_acq_rel(&obj->refcount.count, 1);
	dmabuf_bug_on(!count, "drm_gem_object_put() on an object without references: somebody put one too many");
	if (count == 1)
		obj->free(obj);
}

/*
 * Entries.
 */

static struct drm_exec_entry entry_get(struct dma_resv *resv, struct drm_gem_object *obj)
{
	if (obj)
		drm_gem_object_get(obj);
	return (struct drm_exec_entry){ resv, obj };
}

DMABUF_UNCHECKED("the locks are in a table")
static void entry_unlock(struct drm_exec_entry entry)
{
	dma_resv_unlock(entry.resv);
	drm_gem_object_put(entry.obj);
}

/* Make sure that one more lock can be noted. */
static int make_room(struct drm_exec *exec)
{
	struct drm_exec_entry *larger;
	unsigned int size;

	if (exec->num_objects < exec->max_objects)
		return 0;
	size = 2 * exec->max_objects;
	larger = NULL;
	if (size < exec->first_size)
		larger = os_alloc_array(exec->first_size, sizeof(*larger));
	if (larger)
		size = exec->first_size;
	else
		larger = os_alloc_array(size, sizeof(*larger)); /* the size was only a hint */
	if (!larger)
		return -ENOMEM;
	for (unsigned int i = 0; i < exec->num_objects; i++)
		larger[i] = exec->objects[i];
	if (exec->objects != exec->few)
		os_free(exec->objects);
	exec->objects = larger;
	exec->max_objects = size;
	return 0;
}

static void unlock_all(struct drm_exec *exec)
{
	while (exec->num_objects)
		entry_unlock(exec->objects[--exec->num_objects]);
	exec->prelocked = false;
}

static void unlock_nth(struct drm_exec *exec, unsigned int nth)
{
	const struct drm_exec_entry entry = exec->objects[nth];

	if (!nth)
		exec->prelocked = false;
	exec->num_objects--;
	for (; nth < exec->num_objects; nth++)
		exec->objects[nth] = exec->objects[nth + 1];
	entry_unlock(entry);
}

static void forget_contended(struct drm_exec *exec)
{
	drm_gem_object_put(exec->contended.obj);
	exec->contended = (struct drm_exec_entry){ NULL, NULL };
}

/*
 * Locking.
 */

/* Nothing is held. Wait for what was contended in the round before. */
DMABUF_UNCHECKED("the locks are in a table")
static int lock_contended(struct drm_exec *exec)
{
	int err = 0;

	if (exec->flags & DRM_EXEC_INTERRUPTIBLE_WAIT)
		err = dma_resv_lock_slow_interruptible(exec->contended.resv, &exec->ticket);
	else
		dma_resv_lock_slow(exec->contended.resv, &exec->ticket);
	if (err) {
		forget_contended(exec);
		return err;
	}
	/* There is room: something was locked when this was contended. */
	dmabuf_check(!exec->num_objects && exec->max_objects);
	exec->objects[exec->num_objects++] = exec->contended;
	exec->contended = (struct drm_exec_entry){ NULL, NULL };
	exec->prelocked = true;
	return 0;
}

/* Somebody asks for what is locked already, as the first to do so: it becomes his. */
static int claim_prelocked(struct drm_exec *exec, struct dma_resv *resv, struct drm_gem_object *obj)
{
	const struct drm_exec_entry before = exec->objects[0];

	exec->objects[0] = entry_get(resv, obj);
	drm_gem_object_put(before.obj);
	exec->prelocked = false;
	return 0;
}

DMABUF_UNCHECKED("the locks are in a table")
static int lock_one(struct drm_exec *exec, struct dma_resv *resv, struct drm_gem_object *obj)
{
	int err;

	if (exec->flags & DRM_EXEC_INTERRUPTIBLE_WAIT)
		err = dma_resv_lock_interruptible(resv, &exec->ticket);
	else
		err = dma_resv_lock(resv, &exec->ticket);
	if (!err)
		exec->objects[exec->num_objects++] = entry_get(resv, obj);
	else if (err == -EDEADLK)
		exec->contended = entry_get(resv, obj);
	return err;
}

/* -EALREADY also where duplicates are ignored. */
static int lock_new(struct drm_exec *exec, struct dma_resv *resv, struct drm_gem_object *obj)
	DMABUF_ASSERTS(resv->lock)
{
	int err;

	dmabuf_bug_on(!exec->started,
		      "drm_exec %p: locks outside its loop; use drm_exec_until_all_locked()",
		      (void *)exec);
	ww_might_lock(&resv->lock, &exec->ticket);
	lockdep_might_alloc();
	if (exec->contended.resv) {
		/* Not unlocked since: only the loop's next round can help. */
		if (exec->num_objects)
			return -EDEADLK;
		err = lock_contended(exec);
		if (err)
			return err;
	}
	if (exec->prelocked && exec->objects[0].resv == resv)
		return claim_prelocked(exec, resv, obj);
	err = make_room(exec);
	if (err)
		return err;
	return lock_one(exec, resv, obj);
}

static int without_duplicates(const struct drm_exec *exec, int err)
{
	return err == -EALREADY && exec->flags & DRM_EXEC_IGNORE_DUPLICATES ? 0 : err;
}

static int prepare(struct drm_exec *exec, struct dma_resv *resv, struct drm_gem_object *obj,
		   unsigned int num_fences)
{
	const int locked = lock_new(exec, resv, obj);
	int err = without_duplicates(exec, locked);

	if (err)
		return err;
	err = dma_resv_reserve_fences(resv, num_fences);
	if (err && !locked)
		drm_exec_unlock_resv(exec, resv);
	return err;
}

/*
 * The interface.
 */

void drm_exec_init(struct drm_exec *exec, uint32_t flags, unsigned int nr)
{
	*exec = (struct drm_exec){
		.flags = flags,
		.max_objects = DRM_EXEC_FEW,
		.first_size = nr,
	};
	exec->objects = exec->few;
}

void drm_exec_fini(struct drm_exec *exec)
{
	unlock_all(exec);
	forget_contended(exec);
	if (exec->objects != exec->few)
		os_free(exec->objects);
	if (exec->started)
		ww_acquire_fini(&exec->ticket);
}

bool drm_exec_cleanup(struct drm_exec *exec)
{
	if (!exec->started) {
		ww_acquire_init(&exec->ticket, &reservation_ww_class);
		exec->started = true;
		return true;
	}
	if (exec->contended.resv) {
		unlock_all(exec);
		return true;
	}
	if (!exec->ticket.done_acquire)
		ww_acquire_done(&exec->ticket);
	return false;
}

int drm_exec_lock_obj(struct drm_exec *exec, struct drm_gem_object *obj)
{
	return without_duplicates(exec, lock_new(exec, obj->resv, obj));
}

void drm_exec_unlock_obj(struct drm_exec *exec, struct drm_gem_object *obj)
{
	for (unsigned int i = exec->num_objects; i--;) {
		if (exec->objects[i].obj == obj) {
			unlock_nth(exec, i);
			return;
		}
	}
}

int drm_exec_prepare_obj(struct drm_exec *exec, struct drm_gem_object *obj, unsigned int num_fences)
{
	return prepare(exec, obj->resv, obj, num_fences);
}

int drm_exec_prepare_array(struct drm_exec *exec, struct drm_gem_object **objects,
			   unsigned int num_objects, unsigned int num_fences)
{
	for (unsigned int i = 0; i < num_objects; i++) {
		const int err = drm_exec_prepare_obj(exec, objects[i], num_fences);

		if (err)
			return err;
	}
	return 0;
}

int drm_exec_lock_resv(struct drm_exec *exec, struct dma_resv *resv)
{
	return without_duplicates(exec, lock_new(exec, resv, NULL));
}

void drm_exec_unlock_resv(struct drm_exec *exec, struct dma_resv *resv)
{
	for (unsigned int i = exec->num_objects; i--;) {
		if (exec->objects[i].resv == resv) {
			unlock_nth(exec, i);
			return;
		}
	}
}

int drm_exec_prepare_resv(struct drm_exec *exec, struct dma_resv *resv, unsigned int num_fences)
{
	return prepare(exec, resv, NULL, num_fences);
}
