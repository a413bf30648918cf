/* SPDX-License-Identifier: MIT */
/*
 * RCU: the library's, over liburcu. Read sections may sleep, though Linux's may not;
 * rcu_barrier() waits for the calls of this thread, of threads that ended, and of
 * those that sleep in schedule(), in a work queue or in the timer thread.
 */
#ifndef LINUX_COMPAT_RCUPDATE_H
#define LINUX_COMPAT_RCUPDATE_H

#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/irqflags.h>
#include <linux/lockdep.h>
#include <linux/preempt.h>
#include <linux/processor.h>

#include <stdlib.h>

#define rcu_read_lock() dmabuf_rcu_read_lock()
#define rcu_read_unlock() dmabuf_rcu_read_unlock()
#define rcu_read_lock_bh() dmabuf_rcu_read_lock()
#define rcu_read_unlock_bh() dmabuf_rcu_read_unlock()
#define rcu_read_lock_sched() dmabuf_rcu_read_lock()
#define rcu_read_unlock_sched() dmabuf_rcu_read_unlock()
#define rcu_read_lock_held() 1
#define rcu_read_lock_any_held() 1
#define rcu_lockdep_assert(cond, text) ((void)0)
#define RCU_LOCKDEP_WARN(cond, text) ((void)0)

#define call_rcu(head, func) dmabuf_call_rcu(head, func)
#define call_rcu_hurry(head, func) dmabuf_call_rcu(head, func)
#define init_rcu_head(head) ((void)(head))
#define destroy_rcu_head(head) ((void)(head))
#define init_rcu_head_on_stack(head) ((void)(head))
#define destroy_rcu_head_on_stack(head) ((void)(head))

struct dma_fence *sync_file_get_fence(int fd);

/*
 * In Linux a descriptor that was closed has put its fence. Here that waits for the next call of
 * dmabuf/sync-file.h; who defers something by that put counts on it at the barrier.
 */
static inline void rcu_barrier(void)
{
	(void)sync_file_get_fence(-1);
	dmabuf_rcu_barrier();
}

static inline void lc_rcu_nothing(struct rcu_head *head)
{
	(void)head;
}

/* The barrier waits for what this thread deferred, which a grace period comes before. */
static inline void synchronize_rcu(void)
{
	struct rcu_head head;

	dmabuf_call_rcu(&head, lc_rcu_nothing);
	dmabuf_rcu_barrier();
}

#define synchronize_rcu_expedited() synchronize_rcu()

#define rcu_dereference(p) __atomic_load_n(&(p), __ATOMIC_ACQUIRE)
#define rcu_dereference_check(p, cond) rcu_dereference(p)
#define rcu_dereference_raw(p) rcu_dereference(p)
#define rcu_dereference_bh(p) rcu_dereference(p)
#define rcu_dereference_sched(p) rcu_dereference(p)
#define rcu_dereference_protected(p, cond) (p)
#define rcu_access_pointer(p) READ_ONCE(p)
#define rcu_pointer_handoff(p) (p)
#define unrcu_pointer(p) (p)
#define rcu_assign_pointer(p, value) __atomic_store_n(&(p), (value), __ATOMIC_RELEASE)
#define RCU_INIT_POINTER(p, value) WRITE_ONCE(p, value)
#define RCU_INITIALIZER(value) (value)
#define RCU_POINTER_INITIALIZER(member, value) .member = (value)
#define rcu_replace_pointer(p, value, cond) \
	({ \
		__typeof__(p) lc_replaced = (p); \
		rcu_assign_pointer(p, value); \
		lc_replaced; \
	})

#define kfree_rcu(ptr, member) \
	do { \
		__typeof__(ptr) lc_freed = (ptr); \
		if (lc_freed) \
			dmabuf_free_rcu(&lc_freed->member, lc_freed); \
	} while (0)
#define kvfree_rcu(ptr, member) kfree_rcu(ptr, member)
#define kfree_rcu_mightsleep(ptr) \
	do { \
		void *lc_freed = (ptr); \
		synchronize_rcu(); \
		free(lc_freed); \
	} while (0)
#define kvfree_rcu_mightsleep(ptr) kfree_rcu_mightsleep(ptr)
#define kvfree_rcu_barrier() rcu_barrier()

DEFINE_LOCK_GUARD_0(rcu, rcu_read_lock(), rcu_read_unlock())

#endif
