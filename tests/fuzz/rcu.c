/* SPDX-License-Identifier: MIT */
/*
 * RCU for one thread, instead of src/os/rcu.c: the shortest grace period that the contract
 * allows. What is deferred runs at once, or when the read section ends that the thread is
 * in. So whoever looks at freed memory is caught, nothing piles up, and no other
 * thread makes a run different from the next.
 */
#include <stdlib.h>

#include <dmabuf/dmabuf-types.h>

#include "os/rcu.h"

static unsigned int sections;
static struct dmabuf_rcu_head *deferred;

void dmabuf_rcu_read_lock(void)
{
	sections++;
}

static void run_deferred(void)
{
	while (!sections && deferred) {
		struct dmabuf_rcu_head *head = deferred;

		deferred = head->next;
		head->func(head);
	}
}

void dmabuf_rcu_read_unlock(void)
{
	if (!sections)
		abort();
	sections--;
	run_deferred();
}

void dmabuf_call_rcu(struct dmabuf_rcu_head *head, void (*func)(struct dmabuf_rcu_head *head))
{
	head->func = func;
	head->next = deferred;
	deferred = head;
	run_deferred();
}

void os_call_rcu_soon(struct dmabuf_rcu_head *head, void (*func)(struct dmabuf_rcu_head *head))
{
	dmabuf_call_rcu(head, func);
}

void dmabuf_rcu_flush(void)
{
}

void os_rcu_barrier(void)
{
	if (sections)
		abort();
}

void os_rcu_synchronize(void)
{
	if (sections)
		abort();
}

bool os_rcu_is_reading(void)
{
	return sections;
}
