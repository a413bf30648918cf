/* SPDX-License-Identifier: MIT */
/* refused: releasing (mutex|short lock) 'lock' that was not held */
#include <dmabuf/dmabuf.h>

void unlock(struct dmabuf_spinlock *lock);

void unlock(struct dmabuf_spinlock *lock)
{
#ifdef BROKEN
	dmabuf_spin_trylock(lock);
#else
	if (!dmabuf_spin_trylock(lock))
		return;
#endif
	dmabuf_spin_unlock(lock);
}
