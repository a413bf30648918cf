/* SPDX-License-Identifier: MIT */
/*
 * A Spin model of ww_mutex: three contexts, three locks, both classes
 * (src/resv/ww-mutex.c, ww-mutex-queue.c). models/check verifies it, and sees Spin
 * refute each of the twins below.
 *
 * Who runs: three threads. Each has a context, number 0 the oldest, and wants all
 * locks, in an order of its own; who is told to back off drops all it holds, and
 * begins with the lock that it was refused. Options: a thread without a context,
 * which wants one lock only; trylock first; a signal handler that ends a wait, after
 * which the thread gives up; a fourth context. The last user of a lock destroys it.
 * Steps carry the names of the diagrams in the code: S1 to S4, K1 to K3; P1 to Q3 (os/rseq.h).
 *
 * Who took a free lock drops it by a store, if it gets from P1 to P2 without a barrier; who got
 * it from the queue, by compare-and-swap. MIXED: both do either. A store is seen at once: it is as if
 * P2 were later, since the barrier waits for stores that nobody sees yet.
 *
 * Under wait_lock a thread is alone but for who sleeps (S3, S4), who wounds it from
 * another lock (K1, K2), and the fast paths, which change the word. So what lies
 * between those is one step. A context's memory goes when its thread is through, a
 * waiter's when it leaves the queue. The compare of a futex and a wake-up there are one
 * step each: a sleeper that missed K2 is met by K3, which is still to come.
 *
 * wait_lock itself is spinlock.pml's. `wounded` is read as C11 has it: who does not
 * know the last write may miss it.
 *
 * The promises, with those of docs/ordering.md that they serve.
 *   1  one holder at a time (O7)
 *   2  the oldest context never backs off, others only while an older one is there (O18)
 *   3  who holds nothing is never told to back off (O18)
 *   4  nobody touches a context, a waiter or a lock that is gone (O19)
 *   5  no wait passes over the first waiter once that was woken in vain (O17)
 *   7  each holder knows what the last one wrote; whoever looks into a context knows
 *	what its owner wrote, and its end comes after all looks (O7, O19)
 *   end  nobody waits for ever: no deadlock, every wake-up arrives (O17, O18)
 *   cycle  nor backs off for ever (O18)
 */
#ifndef THREADS
#define THREADS	3
#endif
#ifdef SECOND
#define ORDER(t)	((t) == 0 -> 0 : ((t) == 1 -> SECOND : ((t) == 2 -> THIRD : 0)))
#else
byte order[THREADS];			/* any but for the first thread */
#define ORDER(t)	order[t]
#endif
#ifndef WANTED
#define WANTED	3			/* locks that each wants */
#endif
#define LOCKS	3
#define NOBODY	THREADS

/* The i-th lock of order o: 0 is 012, 1 is 021, 2 is 102, 3 is 120, 4 is 201, 5 is 210. */
#define NTH(o, i) \
	((i) == 0 -> (o) / 2 : ((i) == 1 -> MIDDLE(o) : LOCKS - (o) / 2 - MIDDLE(o)))
#define MIDDLE(o) \
	((o) % 2 -> ((o) == 5 -> 1 : 2) : ((o) == 0 -> 1 : 0))

/* Only the last thread can be without a context. */
#ifdef NO_CONTEXT
#define HAS_CONTEXT(t)	((t) < THREADS - 1)
#define ROUNDS		NO_CONTEXT	/* how often it takes its lock */
#else
#define ROUNDS		1
#define HAS_CONTEXT(t)	((t) < THREADS)
#endif

/* Which locks a thread wants, and how many threads want lock l. */
#define AMONG(o, l, n) \
	(NTH(o, 0) == (l) || ((n) > 1 && NTH(o, 1) == (l)) || ((n) > 2 && NTH(o, 2) == (l)))
#define WANTS(t) \
	((AMONG(ORDER(t), 0, LOCKS_OF(t)) -> 1 : 0) | (AMONG(ORDER(t), 1, LOCKS_OF(t)) -> 2 : 0) | \
	 (AMONG(ORDER(t), 2, LOCKS_OF(t)) -> 4 : 0))
#define USERS(l) \
	(AMONG(ORDER(0), l, LOCKS_OF(0)) + AMONG(ORDER(1), l, LOCKS_OF(1)) + \
	 ROUNDS * AMONG(ORDER(2), l, LOCKS_OF(2)) + \
	 (THREADS > 3 -> AMONG(ORDER(3), l, LOCKS_OF(3)) : 0))

#ifdef ONE_EACH				/* the threads that want one lock only */
#define LOCKS_OF(t)	((ONE_EACH) & 1 << (t) -> 1 : WANTED)
#else
#define LOCKS_OF(t)	(HAS_CONTEXT(t) -> WANTED : 1)
#endif

#ifndef WAITERS_OVERLOOKED
#define WAITERS_OVERLOOKED	false
#endif

/* Atomic locations, then threads. */
#define WORD(l)		(l)
#define WAIT_LOCK(l)	(LOCKS + (l))
#define WAKE(t)		(2 * LOCKS + (t))
#define THREAD(t)	(2 * LOCKS + THREADS + (t))
#define KNOWERS		(2 * LOCKS + 2 * THREADS)

/*
 * A bit a write: what the last holder wrote under a lock; a context's beginning; the
 * last write of `wounded`; t's last look into the context of c.
 */
#define DATA(l)		(1 << (l))
#define BEGUN(c)	(1 << (LOCKS + (c)))
#define WOUND(c)	(1 << (LOCKS + THREADS + (c)))
#define LOOK(c, t)	(1 << (LOCKS + 2 * THREADS + (c) * THREADS + (t)))
#define LOOKS(c)	(ALL_THREADS << (LOCKS + 2 * THREADS + (c) * THREADS))
#define ALL_THREADS	((1 << THREADS) - 1)
#define AT_FIRST	(7 | ALL_THREADS << (LOCKS + THREADS) | -1 << (LOCKS + 2 * THREADS))

/* The orders: what the twin does, else what the code does. */
#ifdef TAKE_NOT_ACQUIRED
#define TAKE_ACQUIRE(l, t)	skip
#else
#define TAKE_ACQUIRE(l, t)	ACQUIRE(WORD(l), THREAD(t))
#endif
#ifdef TAKE_NOT_RELEASED
#define TAKE_RELEASE(l, t)	skip
#else
#define TAKE_RELEASE(l, t)	RMW_RELEASE(WORD(l), THREAD(t))
#endif
#ifdef WAITERS_NOT_ACQUIRED
#define WAITERS_ACQUIRE(l, t)	skip
#else
#define WAITERS_ACQUIRE(l, t)	ACQUIRE(WORD(l), THREAD(t))
#endif
#ifdef WORD_NOT_RELEASED
#define STORE_WORD(l, t)	RELAXED(WORD(l))
#else
#define STORE_WORD(l, t)	RELEASE(WORD(l), THREAD(t))
#endif
#ifdef UNLOCK_NOT_RELEASED
#define UNLOCK_RELEASE(l, t)	skip
#else
#define UNLOCK_RELEASE(l, t)	RMW_RELEASE(WORD(l), THREAD(t))
#endif
#ifdef STORE_NOT_RELEASED
#define STORE_RELEASE(l, t)	RELAXED(WORD(l))
#else
#define STORE_RELEASE(l, t)	RELEASE(WORD(l), THREAD(t))
#endif
#ifdef UNLOCK_NOT_ACQUIRED
#define UNLOCK_ACQUIRE(l, t)	skip
#else
#define UNLOCK_ACQUIRE(l, t)	ACQUIRE(WORD(l), THREAD(t))
#endif
#ifdef S1_NOT_ACQUIRED
#define S1_ACQUIRE(t)		skip
#else
#define S1_ACQUIRE(t)		ACQUIRE(WAKE(t), THREAD(t))
#endif
#ifdef K2_NOT_RELEASED
#define K2_RELEASE(c, t)	skip
#else
#define K2_RELEASE(c, t)	RMW_RELEASE(WAKE(c), THREAD(t))
#endif

#include "orders.pml"

/* ---------------------------------------------------------------- memory */

typedef lock_t {
	byte word;			/* 0, or the holder, from 1; WAITERS, BY_CAS */
	byte holder;			/* for assertions */
	bit wait_lock;
	byte queue[THREADS];		/* waiters, in their order, then NOBODY */
	byte users;			/* who will still lock it: under the lock */
	bit gone
};

typedef context_t {
	byte acquired;
	byte wake;
	bit wounded;
	bit ended
};

#define WAITERS		8
#define BY_CAS		16
#define HOLDER_IN(w)	((w) & 7)

#ifdef WAITERS_NOT_SET
#define MARK		BY_CAS
#else
#define MARK		(WAITERS | BY_CAS)
#endif

#ifdef WITHOUT_BARRIER
#define BARRIER		skip
#else
#define BARRIER		storing = 0
#endif

#define AWAKE		0
#define SLEEPING	1
#define WOKEN		2

lock_t lock[LOCKS];
context_t ctx[THREADS];			/* also of the one without, for `wake` */
byte asleep;				/* in the futex, a bit each */
byte passed_over;			/* waiters, a bit each */
byte storing;				/* between P1 and P2, not interrupted, a bit each */

#define IS_FREE(l)	(HOLDER_IN(lock[l].word) == 0)
#define FIRST(l)	lock[l].queue[0]

#define LIVES(l)	PROMISE(4, !lock[l].gone)

/* Looks into the context of c, which must be there to be looked into. */
inline look_into(c, t) {
	PROMISE(4, !ctx[c].ended);
	PROMISE(7, KNOWS(THREAD(t), BEGUN(c)));
	if
	:: c != t -> forget(LOOK(c, t)); LEARNS(THREAD(t), LOOK(c, t))
	:: else
	fi
}

/* The beginning of a step. */
inline take_wait_lock(l, t) {
	!lock[l].wait_lock;
	LIVES(l);
	lock[l].wait_lock = 1;
	ACQUIRE(WAIT_LOCK(l), THREAD(t))
}

/* The end of a step. */
inline drop_wait_lock(l, t) {
	LIVES(l);
	lock[l].wait_lock = 0;
	RELEASE(WAIT_LOCK(l), THREAD(t))
}

/* Both with a context. */
#define YOUNGER(c, t)	(HAS_CONTEXT(c) && HAS_CONTEXT(t) && (c) > (t))

/* By age; who has no context goes to the end. Inside one step. */
inline enqueue(l, t) {
	x = 0;
	do
	:: lock[l].queue[x] == NOBODY -> break
#ifndef QUEUED_BY_ARRIVAL
	:: lock[l].queue[x] != NOBODY && YOUNGER(lock[l].queue[x], t) -> break
	:: lock[l].queue[x] != NOBODY && !YOUNGER(lock[l].queue[x], t) -> x++
#else
	:: lock[l].queue[x] != NOBODY -> x++
#endif
	od;
	y = THREADS - 1;
	do
	:: y > x -> lock[l].queue[y] = lock[l].queue[y - 1]; y--
	:: else -> break
	od;
	lock[l].queue[x] = t
}

inline dequeue(l, t) {
	x = 0;
	do
	:: lock[l].queue[x] != t -> x++
	:: else -> break
	od;
	do
	:: x < THREADS - 1 -> lock[l].queue[x] = lock[l].queue[x + 1]; x++
	:: else -> break
	od;
	lock[l].queue[THREADS - 1] = NOBODY;
	passed_over = passed_over & ~(1 << t)
}

#include "mutex-jobs.pml"
