/* SPDX-License-Identifier: MIT */
/*
 * Queues of tasks that wait for a condition. As in Linux. What is interruptible gives
 * -ERESTARTSYS when a handler of the program ended the sleep (linux/sched/signal.h).
 */
#ifndef LINUX_COMPAT_WAIT_H
#define LINUX_COMPAT_WAIT_H

#include <linux/list.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

struct wait_queue_entry;
typedef struct wait_queue_entry wait_queue_entry_t;
typedef int (*wait_queue_func_t)(struct wait_queue_entry *entry, unsigned int mode, int flags,
				 void *key);

#define WQ_FLAG_EXCLUSIVE 0x01u

struct wait_queue_entry {
	unsigned int flags;
	void *private;
	wait_queue_func_t func;
	struct list_head entry;
};

struct wait_queue_head {
	spinlock_t lock;
	struct list_head head;
};
typedef struct wait_queue_head wait_queue_head_t;

#define __WAIT_QUEUE_HEAD_INITIALIZER(name) \
	{ .lock = DMABUF_SPINLOCK_INIT, .head = LIST_HEAD_INIT((name).head) }
#define DECLARE_WAIT_QUEUE_HEAD(name) \
	struct wait_queue_head name = __WAIT_QUEUE_HEAD_INITIALIZER(name)
#define DECLARE_WAIT_QUEUE_HEAD_ONSTACK(name) DECLARE_WAIT_QUEUE_HEAD(name)

static inline void init_waitqueue_head(struct wait_queue_head *wq)
{
	spin_lock_init(&wq->lock);
	INIT_LIST_HEAD(&wq->head);
}

/* Wake the entry's task. */
static inline int default_wake_function(struct wait_queue_entry *entry, unsigned int mode, int flags,
					void *key)
{
	(void)flags;
	(void)key;
	return wake_up_state((struct task_struct *)entry->private, mode);
}

/* And take the entry out of its queue. */
static inline int autoremove_wake_function(struct wait_queue_entry *entry, unsigned int mode,
					   int flags, void *key)
{
	const int woken = default_wake_function(entry, mode, flags, key);

	if (woken)
		list_del_init(&entry->entry);
	return woken;
}

#define DEFINE_WAIT_FUNC(name, function) \
	struct wait_queue_entry name = { \
		.private = current, \
		.func = function, \
		.entry = LIST_HEAD_INIT((name).entry), \
	}
#define DEFINE_WAIT(name) DEFINE_WAIT_FUNC(name, autoremove_wake_function)
#define DECLARE_WAITQUEUE(name, task) \
	struct wait_queue_entry name = { .private = task, .func = default_wake_function }

static inline void init_waitqueue_entry(struct wait_queue_entry *entry, struct task_struct *task)
{
	entry->flags = 0;
	entry->private = task;
	entry->func = default_wake_function;
}

static inline void init_waitqueue_func_entry(struct wait_queue_entry *entry, wait_queue_func_t func)
{
	entry->flags = 0;
	entry->private = NULL;
	entry->func = func;
}

static inline void init_wait_entry(struct wait_queue_entry *entry, int flags)
{
	entry->flags = (unsigned int)flags;
	entry->private = current;
	entry->func = autoremove_wake_function;
	INIT_LIST_HEAD(&entry->entry);
}

#define init_wait(entry) init_wait_entry(entry, 0)

static inline int waitqueue_active(struct wait_queue_head *wq)
{
	return !list_empty(&wq->head);
}

static inline bool wq_has_sleeper(struct wait_queue_head *wq)
{
	smp_mb();
	return waitqueue_active(wq);
}

static inline void __add_wait_queue(struct wait_queue_head *wq, struct wait_queue_entry *entry)
{
	list_add(&entry->entry, &wq->head);
}

static inline void __add_wait_queue_entry_tail(struct wait_queue_head *wq,
					       struct wait_queue_entry *entry)
{
	list_add_tail(&entry->entry, &wq->head);
}

static inline void __remove_wait_queue(struct wait_queue_head *wq, struct wait_queue_entry *entry)
{
	(void)wq;
	list_del(&entry->entry);
}

/* Who is exclusive stands behind all who are not. */
static inline void add_wait_queue(struct wait_queue_head *wq, struct wait_queue_entry *entry)
{
	entry->flags &= ~WQ_FLAG_EXCLUSIVE;
	spin_lock(&wq->lock);
	__add_wait_queue(wq, entry);
	spin_unlock(&wq->lock);
}

static inline void add_wait_queue_exclusive(struct wait_queue_head *wq,
					    struct wait_queue_entry *entry)
{
	entry->flags |= WQ_FLAG_EXCLUSIVE;
	spin_lock(&wq->lock);
	__add_wait_queue_entry_tail(wq, entry);
	spin_unlock(&wq->lock);
}

static inline void remove_wait_queue(struct wait_queue_head *wq, struct wait_queue_entry *entry)
{
	spin_lock(&wq->lock);
	__remove_wait_queue(wq, entry);
	spin_unlock(&wq->lock);
}

/* Wake all who are not exclusive, and @exclusive of those who are; 0: all. Lock held. */
static inline void lc_wake_up_locked(struct wait_queue_head *wq, unsigned int mode, int exclusive,
				     void *key)
{
	struct wait_queue_entry *entry, *next;

	list_for_each_entry_safe(entry, next, &wq->head, entry) {
		const unsigned int flags = entry->flags;

		if (entry->func(entry, mode, 0, key) > 0 && (flags & WQ_FLAG_EXCLUSIVE) &&
		    !--exclusive)
			break;
	}
}

static inline void __wake_up(struct wait_queue_head *wq, unsigned int mode, int exclusive, void *key)
{
	spin_lock(&wq->lock);
	lc_wake_up_locked(wq, mode, exclusive, key);
	spin_unlock(&wq->lock);
}

#define wake_up(wq) __wake_up(wq, TASK_NORMAL, 1, NULL)
#define wake_up_nr(wq, n) __wake_up(wq, TASK_NORMAL, n, NULL)
#define wake_up_all(wq) __wake_up(wq, TASK_NORMAL, 0, NULL)
#define wake_up_interruptible(wq) __wake_up(wq, TASK_INTERRUPTIBLE, 1, NULL)
#define wake_up_interruptible_nr(wq, n) __wake_up(wq, TASK_INTERRUPTIBLE, n, NULL)
#define wake_up_interruptible_all(wq) __wake_up(wq, TASK_INTERRUPTIBLE, 0, NULL)
#define wake_up_interruptible_sync(wq) wake_up_interruptible(wq)
#define wake_up_sync(wq) wake_up(wq)
#define wake_up_locked(wq) lc_wake_up_locked(wq, TASK_NORMAL, 1, NULL)
#define wake_up_all_locked(wq) lc_wake_up_locked(wq, TASK_NORMAL, 0, NULL)

static inline void lc_prepare_to_wait(struct wait_queue_head *wq, struct wait_queue_entry *entry,
				      unsigned int state, bool exclusive)
{
	spin_lock(&wq->lock);
	if (exclusive)
		entry->flags |= WQ_FLAG_EXCLUSIVE;
	else
		entry->flags &= ~WQ_FLAG_EXCLUSIVE;
	if (list_empty(&entry->entry) && exclusive)
		__add_wait_queue_entry_tail(wq, entry);
	else if (list_empty(&entry->entry))
		__add_wait_queue(wq, entry);
	set_current_state(state);
	spin_unlock(&wq->lock);
}

static inline void prepare_to_wait(struct wait_queue_head *wq, struct wait_queue_entry *entry,
				   unsigned int state)
{
	lc_prepare_to_wait(wq, entry, state, false);
}

static inline void prepare_to_wait_exclusive(struct wait_queue_head *wq,
					     struct wait_queue_entry *entry, unsigned int state)
{
	lc_prepare_to_wait(wq, entry, state, true);
}

/* 0, or -ERESTARTSYS if @state is interruptible and a handler ran: then it waits for nothing. */
static inline long prepare_to_wait_event(struct wait_queue_head *wq, struct wait_queue_entry *entry,
					 unsigned int state)
{
	if (lc_sleep_is_interrupted(state)) {
		spin_lock(&wq->lock);
		list_del_init(&entry->entry);
		spin_unlock(&wq->lock);
		return -ERESTARTSYS;
	}
	lc_prepare_to_wait(wq, entry, state, entry->flags & WQ_FLAG_EXCLUSIVE);
	return 0;
}

static inline void finish_wait(struct wait_queue_head *wq, struct wait_queue_entry *entry)
{
	__set_current_state(TASK_RUNNING);
	spin_lock(&wq->lock);
	list_del_init(&entry->entry);
	spin_unlock(&wq->lock);
}

#include <compat/wait-event.h>
#include <compat/common.h>

#endif
