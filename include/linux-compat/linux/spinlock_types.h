/* SPDX-License-Identifier: MIT */
/* Types of short locks: spinlock_t and raw_spinlock_t are the library's short lock. */
#ifndef LINUX_COMPAT_SPINLOCK_TYPES_H
#define LINUX_COMPAT_SPINLOCK_TYPES_H

#include <linux/lockdep_types.h>
#include <linux/types.h>

typedef struct spinlock spinlock_t;
typedef struct spinlock raw_spinlock_t;

#define __SPIN_LOCK_UNLOCKED(name) DMABUF_SPINLOCK_INIT
#define __RAW_SPIN_LOCK_UNLOCKED(name) DMABUF_SPINLOCK_INIT
#define __SPIN_LOCK_INITIALIZER(name) DMABUF_SPINLOCK_INIT
#define DEFINE_SPINLOCK(name) spinlock_t name = DMABUF_SPINLOCK_INIT
#define DEFINE_RAW_SPINLOCK(name) raw_spinlock_t name = DMABUF_SPINLOCK_INIT

/* See compat/rw.h. */
typedef struct rwlock {
	uint32_t holders; /* atomic */
} rwlock_t;

#define __RW_LOCK_UNLOCKED(name) { 0 }
#define DEFINE_RWLOCK(name) rwlock_t name = __RW_LOCK_UNLOCKED(name)

#endif
