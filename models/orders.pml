/* SPDX-License-Identifier: MIT */
/*
 * What all models stand on: who knows which writes, and promises.
 *
 * Steps interleave, so that a store is seen at once. What C11 does not promise is
 * found otherwise: `knows` has, for each thread and each atomic location, the set of
 * writes that happened before. A release store leaves the thread's set at the
 * location, a relaxed one leaves nothing; an acquire load adds the location's set to
 * the thread's. Who uses a write without knowing it relied on luck, and an assertion
 * says so. Where a value may be old without harm, or with harm that is the point, a
 * load may return any that the thread does not know to be overwritten. So a single
 * weakened order is refuted, be it in the store or in the load, also where x86 would
 * hide it.
 *
 * The model gives KNOWERS, the number of its locations and threads.
 */

/* ONLY: the number of the one promise that a twin is to be caught at. */
#ifdef ONLY
#define PROMISE(nr, cond)	assert((cond) || (nr) != ONLY || !(nr))
#else
#define PROMISE(nr, cond)	assert((cond) || !(nr))
#endif

int knows[KNOWERS];

/* For loops inside one step. */
hidden byte x, y, z;

#ifdef ALL_KNOW				/* steps only, for what is too large with orders */
#define KNOWS(who, what)	true
#define LEARNS(who, what)	skip
#define RELEASE(at, who)	skip
#define RELAXED(at)		skip
#define ACQUIRE(at, who)	skip
#define RMW_RELEASE(at, who)	skip
#else
#define KNOWS(who, what)	((knows[who] & (what)) == (what))
#define LEARNS(who, what)	knows[who] = knows[who] | (what)
#define RELEASE(at, who)	knows[at] = knows[who]
#define RELAXED(at)		knows[at] = 0
#define ACQUIRE(at, who)	LEARNS(who, knows[at])
/* A read-modify-write goes on releasing what others released there. */
#define RMW_RELEASE(at, who)	LEARNS(at, knows[who])

#endif

/* These writes did not happen yet: it is a later one, or the memory is somebody else's. */
inline forget(what) {
#ifndef ALL_KNOW
	x = 0;
	do
	:: x < KNOWERS -> knows[x] = knows[x] & ~(what); x++
	:: else -> break
	od;
#endif
	skip
}

/* Use what others may not touch meanwhile: who has used it before is known to. */
inline touch(what, who) {
	PROMISE(7, KNOWS(who, what));
	forget(what);
	LEARNS(who, what)
}
