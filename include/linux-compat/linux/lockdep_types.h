/* SPDX-License-Identifier: MIT */
/* What annotations of locks name: classes of the library's lock rules (dmabuf-lockdep.h). */
#ifndef LINUX_COMPAT_LOCKDEP_TYPES_H
#define LINUX_COMPAT_LOCKDEP_TYPES_H

#include <dmabuf/dmabuf-lockdep.h>

struct lock_class_key {
	struct dmabuf_lock_class lc_class; /* its name is written by who names it */
};

struct lockdep_map {
	const struct dmabuf_lock_class *lc_class; /* NULL: like no other */
};

struct pin_cookie {
	char unused;
};

#define STATIC_LOCKDEP_MAP_INIT(map_name, key) { &(key)->lc_class }

/* Locks without a class: each is its own. One for all units of a program. */
__attribute__((weak)) const struct dmabuf_lock_class lc_lone_lock = {
	"a lock", DMABUF_LOCK_BY_OBJECT
};

static inline const struct dmabuf_lock_class *lc_named_class(struct lock_class_key *key,
							     const char *name)
{
	key->lc_class.name = name;
	return &key->lc_class;
}

static inline void lc_acquire(const struct dmabuf_lock_class *lock_class, const void *lock,
			      unsigned int subclass, bool waits)
{
	dmabuf_lock_acquire(lock_class ? lock_class : &lc_lone_lock, lock,
			    DMABUF_LOCK_NESTED(subclass) | (waits ? 0 : DMABUF_LOCK_TRY));
}

static inline void lc_might_lock(const struct dmabuf_lock_class *lock_class, const void *lock,
				 unsigned int subclass)
{
	dmabuf_might_lock(lock_class ? lock_class : &lc_lone_lock, lock,
			  DMABUF_LOCK_NESTED(subclass));
}

#endif
