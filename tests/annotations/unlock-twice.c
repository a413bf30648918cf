/* SPDX-License-Identifier: MIT */
/* refused: releasing (mutex|short lock) 'lock' that was not held */
#include <dmabuf/dmabuf.h>

void unlock(struct dmabuf_spinlock *lock);

void unlock(struct dmabuf_spinlock *lock)
{
	dmabuf_spin_lock(lock);
	dmabuf_spin_unlock(lock);
#ifdef BROKEN
	dmabuf_spin_unlock(lock);
#endif
}
