/* SPDX-License-Identifier: MIT */
/*
 * What each thread holds, and the rules for what it may do then. The layers above say what
 * they take, drop and wait for; rules that need to know what a fence or a reservation is
 * stand there.
 *
 * Each function is called only where lockdep_is_on(), before the thing itself is done, and
 * on every path on which it might be done.
 */
#ifndef DEBUG_LOCKDEP_H
#define DEBUG_LOCKDEP_H

#include "debug/rules.h"

/* It decides which of two kinds, one inside the other, make an edge. */
enum lockdep_kind {
	LOCKDEP_USER,	    /* a program's own lock */
	LOCKDEP_WW,	    /* a ww_mutex */
	LOCKDEP_TIMELINE,   /* the lock of a timeline's signaller */
	LOCKDEP_FENCE,	    /* a fence's lock, under which callbacks run */
	LOCKDEP_COMPLETION, /* no lock, but that a fence signals; held: by who works for that */
	LOCKDEP_CALLBACK,   /* held: the same, by who runs its callbacks */
	LOCKDEP_SECTION,    /* no lock, but that some fence signals */
};

struct lockdep_lock {
	enum lockdep_kind kind;
	unsigned int level;	/* of USER: which kind of its class */
	unsigned int flags;	/* of USER: those of its class */
	const void *lock_class; /* those for which one rule holds */
	const void *object;	/* which one */
	const void *ctx;	/* of WW: the context it is taken under, or NULL */
	const char *name;	/* of the class; must last */
	uint64_t context;	/* of TIMELINE, FENCE */
	bool tried;		/* of USER, WW: its holder would have gone on without it */

	/*
	 * Of COMPLETION, the objects of two: has @own yet to signal, and @waited not before it?
	 * NULL for the second: the first alone.
	 */
	bool (*is_due)(const void *own, const void *waited);
};

/* The thread may take @lock here, and wait for that. */
void lockdep_might_lock(const struct lockdep_lock *lock);

/* It has it. */
void lockdep_acquired(const struct lockdep_lock *lock);

/* It drops it. False: it did not hold it. */
bool lockdep_released(enum lockdep_kind kind, const void *object);

/* In a forked child: what processes share is its parent's still. */
void lockdep_forked(void);

/* Does it hold @object, as this kind? */
bool lockdep_holds(enum lockdep_kind kind, const void *object);

/* Is all that it holds known? Not in a handler of reports, nor after memory was refused. */
bool lockdep_knows_all(void);

/* Does it hold anything that a wait for a fence may have to do with? */
bool lockdep_holds_any(void);

/* The thread may wait here for some fence. */
void lockdep_might_wait(void);

/* That may be @completion, which others signal. Where no fence may be waited for, that was said. */
void lockdep_might_wait_for(const struct lockdep_lock *completion);

/* The thread signals @completion, holding what it holds. */
void lockdep_signals(const struct lockdep_lock *completion);

/* Callbacks of a fence run between these two. @callback: of that kind. */
void lockdep_begin_callbacks(const struct lockdep_lock *callback);
void lockdep_end_callbacks(const struct lockdep_lock *callback);

/* Work begins that @completion needs, until lockdep_released(). False: that could not be noted. */
bool lockdep_begin_work(const struct lockdep_lock *completion);

/* Sections. As dma_fence_begin_signalling() and dma_fence_end_signalling(). */
bool lockdep_begin_section(void);
void lockdep_end_section(bool cookie);

/* dmabuf_might_alloc() and dmabuf_might_sleep(), for one branch where the rules are off. */
static inline void lockdep_might_alloc(void)
{
	if (lockdep_is_on())
		dmabuf_might_alloc();
}

static inline void lockdep_might_sleep(void)
{
	if (lockdep_is_on())
		dmabuf_might_sleep();
}

/* Memory at @object is another thing now, or none. */
void lockdep_forget(const void *object);

/*
 * Uses after the end. @what: "fence", ...; @function: where it is used.
 */

/* @object has gone, as far as those are concerned who do not know of it. */
void lockdep_freed(const void *object);

/* The same, and what ends it runs until lockdep_end_release(), and may still use it. */
void lockdep_begin_release(const void *object);
void lockdep_end_release(void);

/* @object begins its life, at an address that may have seen others. */
void lockdep_born(const void *object);

void lockdep_check_alive(const void *object, const char *what, const char *function);

#endif
