/* SPDX-License-Identifier: MIT */
/* refused: cannot call function 'dmabuf_rcu_barrier' while (mutex|read section) 'dmabuf_rcu' is held */
#include <dmabuf/dmabuf.h>

void wait(void);

void wait(void)
{
	dmabuf_rcu_read_lock();
#ifdef BROKEN
	dmabuf_rcu_barrier();
#endif
	dmabuf_rcu_read_unlock();
	dmabuf_rcu_barrier();
}
