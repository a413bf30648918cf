/* SPDX-License-Identifier: MIT */
/* refused: (mutex|short lock) 'lock' is (still held at the end of function|not held on every path) */
#include <dmabuf/dmabuf.h>

void lock_if(struct dmabuf_spinlock *lock, bool wanted);

#ifndef BROKEN
DMABUF_UNCHECKED("locks what the caller wants to have locked")
#endif
void lock_if(struct dmabuf_spinlock *lock, bool wanted)
{
	if (wanted)
		dmabuf_spin_lock(lock);
}
