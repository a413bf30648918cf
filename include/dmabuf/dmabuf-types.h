/* SPDX-License-Identifier: MIT */
/*
 * dmabuf-types.h - what every other header of libdmabuf stands on
 *
 * Error pointers, time, the two small locks that appear in public structures,
 * RCU, deferred work, reports, and the version.
 */
#ifndef DMABUF_TYPES_H
#define DMABUF_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <dmabuf/dmabuf-annotate.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Kernel code ignores some of them: linux-compat empties it. */
#ifndef DMABUF_MUST_CHECK
#define DMABUF_MUST_CHECK __attribute__((__warn_unused_result__))
#endif
#define DMABUF_PRINTF(fmt, first) __attribute__((__format__(__printf__, fmt, first)))

#define DMABUF_VERSION_MAJOR 0
#define DMABUF_VERSION_MINOR 1
#define DMABUF_VERSION_PATCH 0

/**
 * dmabuf_version() - version of the library that is running
 *
 * Return: "MAJOR.MINOR.PATCH", a constant string.
 *
 * Since: 0.1. Extension.
 */
const char *dmabuf_version(void);

/*
 * Time. Nanoseconds everywhere. A point in time is CLOCK_MONOTONIC; where Linux
 * counts jiffies, this library counts nanoseconds in the same signed 64 bits.
 */

/** MAX_SCHEDULE_TIMEOUT - a timeout that never ends (name and use: Linux) */
#ifndef MAX_SCHEDULE_TIMEOUT
#define MAX_SCHEDULE_TIMEOUT INT64_MAX
#endif

/** ERESTARTSYS - an interruptible wait met a signal (value: Linux, internal there) */
#ifndef ERESTARTSYS
#define ERESTARTSYS 512
#endif

/*
 * Error pointers, as Linux has them: the last 4095 addresses stand for negative
 * errno values. Used only where the Linux function of the same name does it.
 */

/** DMABUF_MAX_ERRNO - largest errno that fits an error pointer or a fence error */
#define DMABUF_MAX_ERRNO 4095

/**
 * dmabuf_err_ptr() - wrap a negative errno in a pointer (Linux: ERR_PTR)
 * @error: 0 > @error >= -DMABUF_MAX_ERRNO
 *
 * Return: a pointer for which dmabuf_is_err() is true.
 *
 * Since: 0.1. Extension.
 */
static inline void *dmabuf_err_ptr(long error)
{
	return (void *)(intptr_t)error;
}

/**
 * dmabuf_ptr_err() - the negative errno inside an error pointer (Linux: PTR_ERR)
 * @ptr: pointer for which dmabuf_is_err() is true
 *
 * Return: the negative errno.
 *
 * Since: 0.1. Extension.
 */
static inline long dmabuf_ptr_err(const void *ptr)
{
	return (long)(intptr_t)ptr;
}

/**
 * dmabuf_is_err() - is this an error pointer? (Linux: IS_ERR)
 * @ptr: any pointer; NULL is not an error pointer
 *
 * Return: true for an error pointer.
 *
 * Since: 0.1. Extension.
 */
static inline bool dmabuf_is_err(const void *ptr)
{
	return (uintptr_t)ptr >= (uintptr_t)-DMABUF_MAX_ERRNO;
}

/** struct dmabuf_list_head - a doubly linked list, or a node of one (Linux: list_head) */
struct dmabuf_list_head {
	struct dmabuf_list_head *next, *prev;
};

/** struct dmabuf_kref - a reference count inside an object (Linux: kref) */
struct dmabuf_kref {
	uint32_t count; /* atomic */
};

/**
 * struct seq_file - where the describe functions write (tag: Linux)
 * @stream: FILE *, borrowed from the caller: struct seq_file out = { stdout };
 */
struct seq_file {
	FILE *stream;
};

/*
 * A short lock. It spins for a moment, then sleeps; a free lock costs one atomic
 * operation to take and one to drop. All zero is unlocked.
 *
 * Deferred work of the library (see struct dmabuf_work) runs when a thread drops
 * the last short lock that it holds, so a lock that a fence uses must be one of
 * these.
 */
struct DMABUF_CAPABILITY("short lock") dmabuf_spinlock {
	uint32_t word; /* atomic: 0 free, 1 held, 2 held and somebody sleeps */
};

/** DMABUF_SPINLOCK_INIT - initialiser of an unlocked struct dmabuf_spinlock */
#define DMABUF_SPINLOCK_INIT { 0 }

/**
 * dmabuf_spin_lock_init() - make a short lock unlocked
 * @lock: memory to initialise
 *
 * Since: 0.1. Extension (Linux: spin_lock_init).
 */
void dmabuf_spin_lock_init(struct dmabuf_spinlock *lock);

/**
 * dmabuf_spin_lock() - take a short lock
 * @lock: lock that the calling thread does not hold
 *
 * Ordering: what the previous holder wrote before dmabuf_spin_unlock() is
 * visible after the call.
 *
 * Context: the holder must not sleep, wait for a fence or take a reservation
 * lock before dmabuf_spin_unlock().
 *
 * Since: 0.1. Extension (Linux: spin_lock).
 */
void dmabuf_spin_lock(struct dmabuf_spinlock *lock) DMABUF_ACQUIRE(*lock);

/**
 * dmabuf_spin_trylock() - take a short lock if it is free
 * @lock: lock to take
 *
 * Return: true if the calling thread holds the lock now.
 *
 * Since: 0.1. Extension (Linux: spin_trylock).
 */
bool dmabuf_spin_trylock(struct dmabuf_spinlock *lock) DMABUF_TRY_ACQUIRE(1, *lock);

/**
 * dmabuf_spin_unlock() - drop a short lock
 * @lock: lock that the calling thread holds
 *
 * If it was the last short lock of this thread, deferred work of the library
 * that was queued meanwhile runs here, after the lock is dropped.
 *
 * Since: 0.1. Extension (Linux: spin_unlock).
 */
void dmabuf_spin_unlock(struct dmabuf_spinlock *lock) DMABUF_RELEASE(*lock);

/**
 * dmabuf_spin_is_locked() - does anybody hold this lock?
 * @lock: lock to look at
 *
 * Return: true if it was held at some moment of the call.
 *
 * Since: 0.1. Extension (Linux: spin_is_locked).
 */
bool dmabuf_spin_is_locked(const struct dmabuf_spinlock *lock);

/**
 * struct dmabuf_work - deferred work, for the library's own use inside objects
 * @next: next item of the thread that queued it
 * @func: what to run
 *
 * What a fence callback may not do itself, because it runs under that fence's
 * lock, it queues; the work runs on the same thread as soon as that thread holds
 * no short lock (Linux: irq_work).
 */
struct dmabuf_work {
	struct dmabuf_work *next;
	void (*func)(struct dmabuf_work *work);
};

/*
 * RCU. A thin door to liburcu (bp flavour: threads need not register).
 */

/**
 * struct dmabuf_rcu_head - room for a deferred function inside an object
 * @next: for the library
 * @func: for the library
 */
struct dmabuf_rcu_head {
	struct dmabuf_rcu_head *next;
	void (*func)(struct dmabuf_rcu_head *head);
};

#if defined(__clang__) && !defined(DMABUF_NO_ANNOTATIONS)
/* All read sections, for the analysis. There is no such variable. */
extern struct DMABUF_CAPABILITY("read section") dmabuf_rcu {
	char unused;
} dmabuf_rcu;
#endif

/**
 * dmabuf_rcu_read_lock() - begin a read section
 *
 * Memory that dmabuf_call_rcu() will free stays readable until the outermost
 * section that could reach it ends. Sections nest.
 *
 * Context: callable anywhere, also in a fence callback.
 *
 * Since: 0.1. Extension (Linux: rcu_read_lock).
 */
void dmabuf_rcu_read_lock(void) DMABUF_ACQUIRE_SHARED(dmabuf_rcu);

/**
 * dmabuf_rcu_read_unlock() - end the read section that began last
 *
 * Since: 0.1. Extension (Linux: rcu_read_unlock).
 */
void dmabuf_rcu_read_unlock(void) DMABUF_RELEASE_SHARED(dmabuf_rcu);

/**
 * dmabuf_call_rcu() - run a function after a grace period
 * @head: room inside the object, unused until @func has been called
 * @func: called once, as func(@head), on an unspecified thread
 *
 * The library gathers such calls by thread and hands them on in batches: @func
 * runs no sooner than the grace period, and may run much later. It runs before
 * dmabuf_rcu_barrier() returns.
 *
 * Context: does not sleep. Callable anywhere, also in a fence callback. The
 * first call of a process lets liburcu start its reclaimer thread, and liburcu
 * aborts if there can be none.
 *
 * Since: 0.1. Extension (Linux: call_rcu).
 */
void dmabuf_call_rcu(struct dmabuf_rcu_head *head, void (*func)(struct dmabuf_rcu_head *head));

/**
 * dmabuf_free_rcu() - free memory after a grace period
 * @head:   room inside what is freed, fewer than 4096 bytes behind @memory
 * @memory: from malloc() or its kin
 *
 * As dmabuf_call_rcu() with a function that calls free(), for code that has many
 * types and wants no such function for each.
 *
 * Context: as dmabuf_call_rcu().
 *
 * Since: 0.1. Extension (Linux: kfree_rcu).
 */
void dmabuf_free_rcu(struct dmabuf_rcu_head *head, void *memory);

/**
 * dmabuf_rcu_flush() - hand on what this thread has gathered
 *
 * For a thread that goes idle, and would keep back what it deferred until it has
 * more: afterwards another thread's dmabuf_rcu_barrier() waits for that, too.
 *
 * Context: does not wait for a grace period; may allocate. Not under a short lock.
 *
 * Since: 0.1. Extension.
 */
void dmabuf_rcu_flush(void);

/**
 * dmabuf_rcu_barrier() - wait until what was deferred has run
 *
 * Waits for every dmabuf_call_rcu() of the calling thread, and of threads that
 * have ended or called dmabuf_rcu_flush(). Calls that other running threads made
 * may still be gathered there.
 *
 * Context: sleeps; not inside a read section, nor under a short lock, nor in a
 * function that dmabuf_call_rcu() runs.
 *
 * Since: 0.1. Extension (Linux: rcu_barrier).
 */
void dmabuf_rcu_barrier(void) DMABUF_EXCLUDES(dmabuf_rcu);

/*
 * Reports.
 */

/** typedef dmabuf_warn_handler - receives a warning: one line, without its newline */
typedef void (*dmabuf_warn_handler)(const char *message);

/**
 * dmabuf_set_warn_handler() - choose who hears of misuse that is survived
 * @handler: function to call from any thread, possibly under a lock of the
 *	library, so it must not call back into it; NULL: the default, a line on
 *	stderr
 *
 * What Linux warns about and then returns from, this library reports here, and
 * returns the same value. What Linux calls a bug ends in a line on stderr and
 * abort().
 *
 * Return: the handler before; NULL for the default.
 *
 * Since: 0.1. Extension.
 */
dmabuf_warn_handler dmabuf_set_warn_handler(dmabuf_warn_handler handler);

/**
 * dmabuf_send_warning() - warn as the library does
 * @message: one line, without its newline
 *
 * For code above the library whose warnings should reach the same handler.
 *
 * Context: as the handler's.
 *
 * Since: 0.1. Extension (Linux: WARN).
 */
void dmabuf_send_warning(const char *message);

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_TYPES_H */
