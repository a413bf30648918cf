/* SPDX-License-Identifier: MIT */
/* Short locks, beyond what dmabuf-types.h offers to all. */
#ifndef OS_SPINLOCK_H
#define OS_SPINLOCK_H

#include <dmabuf/dmabuf-types.h>

/* Does this thread hold @lock, for all that is known? True is certain. */
bool os_spin_is_mine(const struct dmabuf_spinlock *lock);

#endif
