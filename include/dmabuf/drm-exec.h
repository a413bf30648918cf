/* SPDX-License-Identifier: MIT */
/*
 * drm-exec.h - lock any number of reservations, in any order
 *
 * Whoever submits a job needs all its buffers locked at once. This is the loop of
 * ww-mutex.h, written down once. Its body runs again from its start whenever the locks
 * had to be given back, so it must be able to run any number of times.
 *
 * Linux locks GEM objects this way. This library's buffers are a dma_resv each:
 * the calls that end in _resv take one directly; those that end in _obj are
 * Linux's. Both may be used with one drm_exec.
 *
 * Example:
 *
 *	struct drm_exec exec;
 *	int err = 0;
 *
 *	drm_exec_init(&exec, DRM_EXEC_INTERRUPTIBLE_WAIT, 0);
 *	drm_exec_until_all_locked(&exec) {
 *		for (i = 0; i < n; i++) {
 *			err = drm_exec_prepare_resv(&exec, buffer[i]->resv, 1);
 *			drm_exec_retry_on_contention(&exec);
 *			if (err)
 *				goto out;
 *		}
 *	}
 *	for (i = 0; i < n; i++)
 *		dma_resv_add_fence(buffer[i]->resv, fence, DMA_RESV_USAGE_WRITE);
 *	out:
 *	drm_exec_fini(&exec); // unlocks, and so commits
 */
#ifndef DMABUF_DRM_EXEC_H
#define DMABUF_DRM_EXEC_H

#include <dmabuf/dma-resv.h>

struct drm_device;
struct drm_gem_object_funcs;

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct drm_gem_object - what Linux's interface locks: a counted owner of a reservation
 * @refcount: use drm_gem_object_get() and drm_gem_object_put()
 * @resv:     constant after init: its reservation; its own, or a shared one
 * @_resv:    its own; use @resv
 * @free:     constant after init: ends its life when the last reference is put
 * @dev:      for linux-compat: the library does not look at it
 * @size:     likewise
 * @funcs:    likewise
 *
 * Meant to be embedded. Only what locking needs of Linux's structure is here.
 */
struct drm_gem_object {
	struct dmabuf_kref refcount;
	struct dma_resv *resv;
	struct dma_resv _resv;
	void (*free)(struct drm_gem_object *obj);
	struct drm_device *dev;
	size_t size;
	const struct drm_gem_object_funcs *funcs;
};

/**
 * drm_gem_object_init() - begin the life of an object, with one reference
 * @obj:  memory for it
 * @resv: reservation to share, which must outlive @obj; NULL: its own
 * @free: called when the last reference is put; it calls drm_gem_object_release()
 *	and frees the memory
 *
 * Since: 0.1. Extension: Linux's takes a device and a size.
 */
void drm_gem_object_init(struct drm_gem_object *obj, struct dma_resv *resv,
			 void (*free)(struct drm_gem_object *obj));

/**
 * drm_gem_object_release() - end what drm_gem_object_init() began
 * @obj: object without references; its own reservation ends here
 *
 * Since: 0.1.
 */
void drm_gem_object_release(struct drm_gem_object *obj);

/**
 * drm_gem_object_get() - take one more reference
 * @obj: object of which the caller holds a reference
 *
 * Since: 0.1.
 */
void drm_gem_object_get(struct drm_gem_object *obj);

/**
 * drm_gem_object_put() - drop a reference
 * @obj: object, or NULL: nothing happens
 *
 * The last one calls @obj's free, on this thread.
 *
 * Ordering: what other threads did with @obj before they put their references is
 * visible in free.
 *
 * Since: 0.1.
 */
void drm_gem_object_put(struct drm_gem_object *obj);

/** DRM_EXEC_INTERRUPTIBLE_WAIT - a signal handler ends a wait for a lock with -EINTR */
#define DRM_EXEC_INTERRUPTIBLE_WAIT (1U << 0)

/** DRM_EXEC_IGNORE_DUPLICATES - locking what is locked already gives 0, not -EALREADY */
#define DRM_EXEC_IGNORE_DUPLICATES (1U << 1)

/** DRM_EXEC_FEW - so many locks need no memory from elsewhere */
#define DRM_EXEC_FEW 8

/**
 * struct drm_exec_entry - something that is locked
 * @resv: whose lock; NULL: nothing
 * @obj:  what it was locked for, with a reference; NULL: for the reservation itself
 */
struct drm_exec_entry {
	struct dma_resv *resv;
	struct drm_gem_object *obj;
};

/**
 * struct drm_exec - several locks that are taken together
 * @flags:       constant after init: DRM_EXEC_*
 * @ticket:      the ww context of all the locks
 * @num_objects: how many are locked
 * @max_objects: for how many there is room in @objects
 * @first_size:  constant after init: room to make first
 * @objects:     what is locked, in the order in which it was
 * @contended:   what the last -EDEADLK was about
 * @prelocked:   objects[0] was @contended, and nobody has asked for it again yet
 * @started:     @ticket is initialised
 * @few:         the first @objects
 *
 * Belongs to one thread, on its stack, and stays where it is. Read through the
 * functions below.
 */
struct drm_exec {
	uint32_t flags;
	struct ww_acquire_ctx ticket;
	unsigned int num_objects;
	unsigned int max_objects;
	unsigned int first_size;
	struct drm_exec_entry *objects;
	struct drm_exec_entry contended;
	bool prelocked;
	bool started;
	struct drm_exec_entry few[DRM_EXEC_FEW];
};

/**
 * drm_exec_init() - prepare to lock
 * @exec:  memory to initialise
 * @flags: DRM_EXEC_*, or 0
 * @nr:    how many locks are expected; only a hint; 0: no idea
 *
 * Takes no memory. Follow it with one drm_exec_until_all_locked(), and with
 * drm_exec_fini() in any case.
 *
 * Since: 0.1.
 */
void drm_exec_init(struct drm_exec *exec, uint32_t flags, unsigned int nr);

/**
 * drm_exec_fini() - unlock everything, and end
 * @exec: on the thread that called drm_exec_init()
 *
 * Unlocking commits what was staged in each reservation, in the order opposite to
 * that of locking.
 *
 * Since: 0.1.
 */
void drm_exec_fini(struct drm_exec *exec);

/**
 * drm_exec_cleanup() - for drm_exec_until_all_locked(): is there one more round?
 * @exec: where the loop is
 *
 * After contention it unlocks everything.
 *
 * Return: true at the first call and after contention; false when all is locked.
 *
 * Since: 0.1.
 */
bool drm_exec_cleanup(struct drm_exec *exec);

/**
 * drm_exec_lock_obj() - lock an object
 * @exec: inside drm_exec_until_all_locked(); before it this aborts, after it this warns
 * @obj:  object to lock; a reference is held as long as it is locked
 *
 * Context: sleeps.
 *
 * Return: 0; -EDEADLK: drm_exec_retry_on_contention() must follow; -EALREADY: it
 * is locked already, unless DRM_EXEC_IGNORE_DUPLICATES; -EINTR: a signal handler
 * ran, if DRM_EXEC_INTERRUPTIBLE_WAIT; -ENOMEM. On errors but -EDEADLK, what was
 * locked before still is, unless contention had it unlocked for this round.
 *
 * Since: 0.1.
 */
int drm_exec_lock_obj(struct drm_exec *exec, struct drm_gem_object *obj)
	DMABUF_ASSERTS(obj->resv->lock) DMABUF_MUST_CHECK;

/**
 * drm_exec_unlock_obj() - unlock one object before the others
 * @exec: where it may be locked
 * @obj:  object; if it is not locked, nothing happens
 *
 * Since: 0.1.
 */
void drm_exec_unlock_obj(struct drm_exec *exec, struct drm_gem_object *obj);

/**
 * drm_exec_prepare_obj() - lock an object, and reserve room for fences
 * @exec:       as for drm_exec_lock_obj()
 * @obj:        object to lock
 * @num_fences: for dma_resv_reserve_fences(), at least 1
 *
 * If reserving fails, an object that this call has locked is unlocked again.
 *
 * Return: as drm_exec_lock_obj(); -EINVAL (and a warning): @num_fences is 0;
 * -ENOMEM.
 *
 * Since: 0.1.
 */
int drm_exec_prepare_obj(struct drm_exec *exec, struct drm_gem_object *obj,
			 unsigned int num_fences)
	DMABUF_ASSERTS(obj->resv->lock) DMABUF_MUST_CHECK;

/**
 * drm_exec_prepare_array() - lock several objects, and reserve room in each
 * @exec:        as for drm_exec_lock_obj()
 * @objects:     objects to lock
 * @num_objects: how many
 * @num_fences:  for dma_resv_reserve_fences(), at least 1
 *
 * Stops at the first error; what is locked by then stays locked.
 *
 * Return: as drm_exec_prepare_obj().
 *
 * Since: 0.1.
 */
int drm_exec_prepare_array(struct drm_exec *exec, struct drm_gem_object **objects,
			   unsigned int num_objects, unsigned int num_fences) DMABUF_MUST_CHECK;

/**
 * drm_exec_lock_resv() - lock a reservation
 * @exec: as for drm_exec_lock_obj()
 * @resv: reservation to lock; it must stay alive until it is unlocked, and after
 *	-EDEADLK until the next round has locked it or drm_exec_fini() is done
 *
 * Context: sleeps.
 *
 * Return: as drm_exec_lock_obj().
 *
 * Since: 0.1. Extension.
 */
int drm_exec_lock_resv(struct drm_exec *exec, struct dma_resv *resv)
	DMABUF_ASSERTS(resv->lock) DMABUF_MUST_CHECK;

/**
 * drm_exec_unlock_resv() - unlock one reservation before the others
 * @exec: where it may be locked
 * @resv: reservation, whether it was locked by itself or for an object; if it is
 *	not locked, nothing happens
 *
 * Since: 0.1. Extension.
 */
void drm_exec_unlock_resv(struct drm_exec *exec, struct dma_resv *resv);

/**
 * drm_exec_prepare_resv() - lock a reservation, and reserve room for fences
 * @exec:       as for drm_exec_lock_obj()
 * @resv:       as for drm_exec_lock_resv()
 * @num_fences: for dma_resv_reserve_fences(), at least 1
 *
 * Return: as drm_exec_prepare_obj().
 *
 * Since: 0.1. Extension.
 */
int drm_exec_prepare_resv(struct drm_exec *exec, struct dma_resv *resv,
			  unsigned int num_fences)
	DMABUF_ASSERTS(resv->lock) DMABUF_MUST_CHECK;

/**
 * drm_exec_obj() - the object that was locked as the nth
 * @exec:  where it is locked
 * @index: from 0
 *
 * Return: the object, borrowed; NULL: not so many are locked, or this one is a
 * reservation by itself.
 *
 * Since: 0.1.
 */
static inline struct drm_gem_object *drm_exec_obj(struct drm_exec *exec, unsigned long index)
{
	return index < exec->num_objects ? exec->objects[index].obj : NULL;
}

/**
 * drm_exec_resv() - the reservation that was locked as the nth
 * @exec:  where it is locked
 * @index: from 0
 *
 * Return: the reservation, also that of an object; NULL: not so many are locked.
 *
 * Since: 0.1. Extension.
 */
static inline struct dma_resv *drm_exec_resv(struct drm_exec *exec, unsigned long index)
{
	return index < exec->num_objects ? exec->objects[index].resv : NULL;
}

/**
 * drm_exec_is_contended() - did a lock give -EDEADLK in this round?
 * @exec: inside drm_exec_until_all_locked()
 *
 * Return: true if another round is needed.
 *
 * Since: 0.1.
 */
static inline bool drm_exec_is_contended(struct drm_exec *exec)
{
	return exec->contended.resv != NULL;
}

/**
 * drm_exec_seek_obj() - for the iterators: the nearest object
 * @exec:  where it is locked
 * @index: where to begin, and where the object was found
 * @step:  1 to look upwards, -1 downwards
 *
 * Return: the object, borrowed; NULL: none in that direction.
 *
 * Since: 0.1. Extension.
 */
static inline struct drm_gem_object *drm_exec_seek_obj(struct drm_exec *exec,
						       unsigned long *index, unsigned long step)
{
	while (*index < exec->num_objects && !exec->objects[*index].obj)
		*index += step;
	return drm_exec_obj(exec, *index);
}

/**
 * drm_exec_for_each_locked_object() - visit the objects in the order of locking
 * @exec:  where they are locked
 * @index: unsigned long, the loop's
 * @obj:   loop variable, borrowed
 *
 * Reservations that were locked by themselves are left out.
 *
 * Since: 0.1
 */
#define drm_exec_for_each_locked_object(exec, index, obj)                               \
	for ((index) = 0; ((obj) = drm_exec_seek_obj(exec, &(index), 1UL)) != NULL; ++(index))

/**
 * drm_exec_for_each_locked_object_reverse() - visit the objects, the last one first
 * @exec:  where they are locked; the loop's body may unlock the current object
 * @index: unsigned long, the loop's
 * @obj:   loop variable, borrowed
 *
 * Since: 0.1
 */
#define drm_exec_for_each_locked_object_reverse(exec, index, obj)                       \
	for ((index) = (exec)->num_objects - 1UL;                                       \
	     ((obj) = drm_exec_seek_obj(exec, &(index), -1UL)) != NULL; --(index))

/**
 * drm_exec_for_each_locked_resv() - visit all reservations in the order of locking
 * @exec:  where they are locked
 * @index: unsigned long, the loop's
 * @resv:  loop variable
 *
 * Since: 0.1. Extension.
 */
#define drm_exec_for_each_locked_resv(exec, index, resv)                                \
	for ((index) = 0; ((resv) = drm_exec_resv(exec, index)) != NULL; ++(index))

#define DRM_EXEC_PASTE_(a, b) a##b
#define DRM_EXEC_LABEL_(line) DRM_EXEC_PASTE_(drm_exec_again_, line)

/**
 * drm_exec_until_all_locked() - run the body until nothing in it was contended
 * @exec: after drm_exec_init(), evaluated several times
 *
 * A break or goto out of the body leaves the loop with what is locked by then.
 * Such loops nest, with a drm_exec each. In C++, no object with a destructor may
 * be alive where drm_exec_retry_on_contention() stands.
 *
 * Since: 0.1
 */
#define drm_exec_until_all_locked(exec)                                                 \
	DRM_EXEC_LABEL_(__LINE__):                                                      \
	for (void *const drm_exec_again_ __attribute__((__unused__)) =                  \
		     __extension__ &&DRM_EXEC_LABEL_(__LINE__);                         \
	     drm_exec_cleanup(exec);)

/**
 * drm_exec_retry_on_contention() - begin the body again if a lock was contended
 * @exec: that of the innermost drm_exec_until_all_locked()
 *
 * To stand right after each call that locks, also inside loops of the body.
 *
 * Since: 0.1
 */
#define drm_exec_retry_on_contention(exec)                                              \
	do {                                                                            \
		if (drm_exec_is_contended(exec))                                        \
			__extension__({ goto *drm_exec_again_; });                      \
	} while (0)

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_DRM_EXEC_H */
