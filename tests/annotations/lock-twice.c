/* SPDX-License-Identifier: MIT */
/* refused: acquiring (mutex|short lock) 'lock' that is already held */
#include <dmabuf/dmabuf.h>

void twice(struct dmabuf_spinlock *lock);

void twice(struct dmabuf_spinlock *lock)
{
	dmabuf_spin_lock(lock);
#ifndef BROKEN
	dmabuf_spin_unlock(lock);
#endif
	dmabuf_spin_lock(lock);
	dmabuf_spin_unlock(lock);
}
