/* SPDX-License-Identifier: MIT */
/*
 * dmabuf-lockdep.h - rules that a machine checks
 *
 * With DMABUF_DEBUG=1 in the environment the library watches in which order locks are
 * taken, where threads wait for fences, and what is used after it has gone, and reports
 * what could hang or break before it does: to the warn handler, or on its way to abort()
 * where nothing good can follow. Without it, each check is one predicted branch.
 *
 * Reservations, ww_mutexes and the locks of fences take part by themselves. Other locks join by the functions
 * below, or without a change by LD_PRELOAD=libdmabuf-preload.so. docs/debugging.md has each
 * rule, with what to do. All of it is Extension; Linux's tool of this kind is lockdep.
 */
#ifndef DMABUF_LOCKDEP_H
#define DMABUF_LOCKDEP_H

#include <dmabuf/dmabuf-types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * enum dmabuf_rule - the number of a rule, as reports have it: "D001"
 *
 * Numbers stay what they are in later versions.
 */
enum dmabuf_rule {
	/** @DMABUF_RULE_ORDER: locks are taken in orders that contradict each other */
	DMABUF_RULE_ORDER = 1,
	/** @DMABUF_RULE_CONTEXT: a reservation lock inside another, not under one ww context */
	DMABUF_RULE_CONTEXT = 2,
	/** @DMABUF_RULE_RECURSION: a thread takes a lock that it holds; aborts */
	DMABUF_RULE_RECURSION = 3,
	/** @DMABUF_RULE_UNLOCK: a lock is dropped by another thread than its holder; aborts */
	DMABUF_RULE_UNLOCK = 4,
	/** @DMABUF_RULE_BACK_OFF: a lock is taken after -EDEADLK, while others are still held */
	DMABUF_RULE_BACK_OFF = 5,
	/** @DMABUF_RULE_SLOW: a slow lock without an -EDEADLK before it */
	DMABUF_RULE_SLOW = 6,
	/** @DMABUF_RULE_WAIT: a wait for a fence where another fence depends on going on */
	DMABUF_RULE_WAIT = 7,
	/** @DMABUF_RULE_LOCK: a reservation lock where a fence depends on going on */
	DMABUF_RULE_LOCK = 8,
	/** @DMABUF_RULE_ALLOC: an allocation that may block where a fence depends on going on */
	DMABUF_RULE_ALLOC = 9,
	/** @DMABUF_RULE_SIGNAL: a fence's signal needs a lock that a waiter for it holds */
	DMABUF_RULE_SIGNAL = 10,
	/** @DMABUF_RULE_OWN: a wait for what the waiting thread itself has yet to do */
	DMABUF_RULE_OWN = 11,
	/** @DMABUF_RULE_SLEEP: a call that may sleep under a short lock or in a read section */
	DMABUF_RULE_SLEEP = 12,
	/** @DMABUF_RULE_RESERVE: a fence is added without a reservation for it; aborts */
	DMABUF_RULE_RESERVE = 13,
	/** @DMABUF_RULE_FREED: a fence, reservation, buffer or attachment after its end; aborts */
	DMABUF_RULE_FREED = 14,
	/** @DMABUF_RULE_MAPPING: attached, mapped or unmapped against the truth table; aborts */
	DMABUF_RULE_MAPPING = 15,
	/** @DMABUF_RULE_FULL: no rule: the tables are full, and some orders are not checked */
	DMABUF_RULE_FULL = 16,
};

/** DMABUF_LOCK_BY_ADDRESS - two locks of the class at a time: the one at the lower address first */
#define DMABUF_LOCK_BY_ADDRESS (1U << 0)

/** DMABUF_LOCK_BY_OBJECT - any order, as long as each two locks of the class keep theirs */
#define DMABUF_LOCK_BY_OBJECT (1U << 1)

/** DMABUF_LOCK_RECURSIVE - the holder of a lock of the class may take it again */
#define DMABUF_LOCK_RECURSIVE (1U << 2)

/** DMABUF_LOCK_PROCESS_SHARED - a lock that processes share: a forked child does not hold it */
#define DMABUF_LOCK_PROCESS_SHARED (1U << 3)

/**
 * struct dmabuf_lock_class - locks that follow one rule, as all of those in one kind of object
 *
 * What is seen of one lock holds for all of its class. The order in which two locks of one
 * class are taken is documented by @flags, or by DMABUF_LOCK_NESTED(); without either,
 * taking two of them at a time is reported.
 *
 * Lifetime: constant, and there until dmabuf_lock_forget(), or for as long as the program runs.
 */
struct dmabuf_lock_class {
	/** @name: what reports say; at most 31 characters of it are kept */
	const char *name;
	/**
	 * @flags: DMABUF_LOCK_BY_ADDRESS or DMABUF_LOCK_BY_OBJECT, and DMABUF_LOCK_RECURSIVE,
	 * and DMABUF_LOCK_PROCESS_SHARED
	 */
	unsigned int flags;
};

/** DMABUF_LOCK_TRY - the lock was taken without waiting for it, which can deadlock with nobody */
#define DMABUF_LOCK_TRY (1U << 0)

/**
 * DMABUF_LOCK_NESTED() - a lock inside of others of its class, as one of another kind
 * @level: from 1 to 7; what is taken without this is of kind 0
 *
 * Since: 0.1. Extension.
 */
#define DMABUF_LOCK_NESTED(level) ((unsigned int)(level) << 8)

/**
 * dmabuf_lockdep_is_on() - are the rules checked?
 *
 * They are if the environment had DMABUF_DEBUG with a value other than "" and "0" when the
 * library was loaded; that does not change.
 *
 * Context: callable anywhere.
 *
 * Return: true if they are.
 *
 * Since: 0.1. Extension.
 */
bool dmabuf_lockdep_is_on(void);

/**
 * dmabuf_lock_acquire() - say that the calling thread takes a lock of the program's
 * @lock_class: its class; borrowed until dmabuf_lock_forget() of it
 * @lock:       the lock, by its address
 * @flags:      DMABUF_LOCK_TRY, DMABUF_LOCK_NESTED(), or 0
 *
 * Call it before the lock is taken, so that a deadlock is reported and not met; with
 * DMABUF_LOCK_TRY after, if that worked. From here on the thread is taken to hold @lock.
 *
 * Context: does not sleep, allocates nothing. Aborts (DMABUF_RULE_RECURSION) if the thread
 * holds @lock, and its class is not DMABUF_LOCK_RECURSIVE.
 *
 * Since: 0.1. Extension.
 */
void dmabuf_lock_acquire(const struct dmabuf_lock_class *lock_class, const void *lock,
			 unsigned int flags);

/**
 * dmabuf_lock_release() - say that the calling thread drops a lock, or did not get it
 * @lock: what was given to dmabuf_lock_acquire()
 *
 * Call it before the lock is dropped. Nothing happens if nobody is known to hold @lock.
 *
 * Context: does not sleep. Aborts (DMABUF_RULE_UNLOCK) if another thread is known to hold it.
 *
 * Since: 0.1. Extension.
 */
void dmabuf_lock_release(const void *lock);

/**
 * dmabuf_might_lock() - say that the calling thread may take a lock here
 * @lock_class: its class
 * @lock:       the lock, by its address
 * @flags:      as for dmabuf_lock_acquire(); DMABUF_LOCK_TRY has no meaning here
 *
 * For functions that take it only sometimes: the rules are checked as if they did, also on
 * the paths that return early.
 *
 * Context: does not sleep. Aborts as dmabuf_lock_acquire() does.
 *
 * Since: 0.1. Extension.
 */
void dmabuf_might_lock(const struct dmabuf_lock_class *lock_class, const void *lock,
		       unsigned int flags);

/**
 * dmabuf_lock_forget() - say that a lock's life has ended, or that of a class of locks
 * @lock: lock that nobody holds; or class, also a struct ww_class, of which nobody holds any
 *
 * What comes to lie at its address is another one, which begins anew. A plugin whose classes are
 * its own calls it for each before it is unloaded.
 *
 * Context: does not sleep.
 *
 * Since: 0.1. Extension.
 */
void dmabuf_lock_forget(const void *lock);

/**
 * dmabuf_might_alloc() - say that memory may be allocated here, and waited for
 *
 * Every function of the library for which Linux's may wait for memory says so itself. It
 * is reported (DMABUF_RULE_ALLOC) in fence-signalling sections and in a fence's callbacks.
 *
 * Context: does not sleep.
 *
 * Since: 0.1. Extension.
 */
void dmabuf_might_alloc(void);

/**
 * dmabuf_might_sleep() - say that the calling thread may sleep here
 *
 * It is reported (DMABUF_RULE_SLEEP) under a short lock, as in a fence's callback, and in an
 * RCU read section.
 *
 * Context: does not sleep.
 *
 * Since: 0.1. Extension.
 */
void dmabuf_might_sleep(void) DMABUF_EXCLUDES(dmabuf_rcu);

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_LOCKDEP_H */
