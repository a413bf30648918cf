/* SPDX-License-Identifier: MIT */
/* RCU, beyond what dmabuf-types.h offers to all. */
#ifndef OS_RCU_H
#define OS_RCU_H

#include <dmabuf/dmabuf-types.h>

/* Wait until the read sections of this moment have ended. Aborts inside one. */
void os_rcu_synchronize(void);

/* As dmabuf_call_rcu(), but its batch leaves as soon as this thread holds no short lock. */
void os_call_rcu_soon(struct dmabuf_rcu_head *head, void (*func)(struct dmabuf_rcu_head *head));

/* As dmabuf_rcu_barrier(), which says first that it may sleep. */
void os_rcu_barrier(void);

/* Is the calling thread in a read section? */
bool os_rcu_is_reading(void);

#endif
