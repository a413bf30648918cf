/* SPDX-License-Identifier: MIT */
/* refused: writing variable 'count' requires holding short lock 'lock' exclusively */
#include <dmabuf/dmabuf.h>

static struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;
static unsigned int count DMABUF_GUARDED_BY(lock);

void step(void);

void step(void)
{
#ifdef BROKEN
	count++;
#else
	dmabuf_spin_lock(&lock);
	count++;
	dmabuf_spin_unlock(&lock);
#endif
}
