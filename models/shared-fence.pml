/* SPDX-License-Identifier: MIT */
/*
 * A Spin model of a timeline that processes share: how far it is, who is woken, and what
 * becomes of it when its owner dies, leaves, or is evicted and goes on (src/share/point.c,
 * own-write.c, shared-fence.c, watcher.c, mail.c, evict.c, place.c). models/check verifies it,
 * and sees Spin refute each of the twins below.
 *
 * Who runs: the owner of a timeline, which signals all its points, and may leave then; it
 * dies at any step, or is evicted and goes on where it was, or never. When its place is
 * free, another comes there, with a timeline of its own. Others look at points: lookers;
 * waiters, which sleep; watchers, which have a callback for each point, and sleep until
 * there is mail, or somebody hangs up. Each is a process, with a verdict of its own. Steps
 * carry the names of the diagrams in the code: T3, W1, W2, A1 to A3, V0 to V4.
 *
 * Memory order: all of these steps are sequentially consistent in the code, so that
 * every order of steps is all there is. That a waiter looks again after a while is left
 * out, but for learning of a death or an eviction: or no wake-up could be lost. Not here:
 * errors (T1, T2, U2, U3), and what an enemy could write.
 *
 * The promises. The text of an assertion ends with the number of its promise.
 *   1  all agree: nobody finds that a point has signalled of which another finds that it
 *	never will; of an evicted owner, until its place is made free for another
 *   2  a point that is found to have signalled has
 *   end  nobody sleeps for ever: every wake-up arrives, every callback is called
 */
#ifndef POINTS
#define POINTS	2			/* of each owner */
#endif
#ifndef LOOKERS
#define LOOKERS	0			/* who look, */
#endif
#ifndef LOOKS
#define LOOKS	2			/* that often */
#endif
#ifndef WAITERS
#define WAITERS	0			/* for the points 1, 2 */
#endif
#ifndef WATCHERS
#define WATCHERS	0
#endif
#ifndef EVICTIONS
#define EVICTIONS	1
#endif
#ifndef NEWCOMERS
#define NEWCOMERS	0		/* one at most */
#endif
#ifndef CRASHES
#define CRASHES	1
#endif

#define KNOWERS	1
#define ALL_KNOW
#include "orders.pml"

/* ---------------------------------------------------------------- memory */

#define FREE		0
#define LIVE		1
#define EVICTED		2
#define CLEANED		3

/* Who was evicted, and how far that was. */
#define FROZEN(g, v)	(1 + (g) * 16 + (v))
#ifdef FROZEN_OF_NOBODY
#define IS_OF(f, g)	((f) != 0)
#else
#define IS_OF(f, g)	((f) != 0 && ((f) - 1) / 16 == (g))
#endif

/* The pool's: the place, and what is awaited there. */
byte state, owner;			/* whose place it is: 0; or 1, the newcomer */
byte frozen;				/* or 0 */
byte watermark;
byte watchers;				/* whom to ring, a bit each */

/* Each owner's. */
byte value[2];
byte to_wake[2];			/* how often that is still to be done */
bit ended[2];				/* the process */
bit stopped[2];				/* for ever */
bit left[2];

/* Each watcher's. */
byte rung[2];				/* by which owner, a bit each */
byte told;				/* that somebody was evicted: a bit each */

byte asleep;				/* waiters in the futex of owner 0, a bit each */

/* For assertions: points of each owner, a bit each. */
byte signalled[2];
byte lost[2];
bit is_reused;				/* the place of owner 0, who was evicted */

#define BIT(n)		(1 << (n))
#define IS_CHANGED(g)	(IS_EVICTED(g) || ended[g] || left[g])
#define IS_EVICTED(g)	(state == EVICTED && owner == (g))
#define IS_OVER(g)	(ended[g] || stopped[g])

/* ------------------------------------------------------------ the points */

#define ALIVE		0
#define DEAD		1
#define GONE		2		/* evicted */

#define NOT_YET		0
#define SIGNALLED	1
#define NEVER		2

#ifdef AGREED_FOR_EVER
#define IS_AGREED(g)	true
#else
#define IS_AGREED(g)	((g) == 1 || !is_reused)
#endif

/* What is found of a point, by `a` and verdict v. */
inline find(g, p) {
	if
	:: a >= p ->
		PROMISE(1, !IS_AGREED(g) || !(lost[g] & BIT(p)));
		PROMISE(2, value[g] >= p);
		signalled[g] = signalled[g] | BIT(p);
		said = SIGNALLED
	:: a < p && v != ALIVE ->
		PROMISE(1, !IS_AGREED(g) || !(signalled[g] & BIT(p)));
		lost[g] = lost[g] | BIT(p);
		said = NEVER
	:: else -> said = NOT_YET
	fi;
	a = 0;
	v = 0
}

#define LESS(a, b)	((a) < (b) -> (a) : (b))

#ifdef FROZEN_BY_STORE
#define SAME_FROZEN	true
#else
#define SAME_FROZEN	(frozen == b)
#endif

/* frozen_value(). If b changes before V2, V3 finds that. */
inline look_at_frozen(g, p) {
	do
	::
#ifdef VALUE_BEFORE_FROZEN
		a = value[g];
		b = frozen;
#else
		atomic { b = frozen; a = value[g] };	/* V2 */
#endif
		if
		:: d_step { IS_OF(b, g) -> a = LESS((b - 1) % 16, a); b = 0; find(g, p) }; break
		:: d_step { !IS_OF(b, g) && !IS_EVICTED(g) -> b = 0; find(g, p) }; break
		:: !IS_OF(b, g) && IS_EVICTED(g) ->
			if		/* V3 */
			:: d_step { SAME_FROZEN -> frozen = FROZEN(g, a); b = 0; find(g, p) }; break
			:: d_step { !SAME_FROZEN -> b = 0; a = 0 }
			fi
		fi
	od
}

#ifdef PLACE_NOT_LOOKED_AT
#define FINDS_EVICTED(g)	false
#else
#define FINDS_EVICTED(g)	IS_EVICTED(g)
#endif

/*
 * member_point_status(). To find an old verdict, just changed by another thread, is to find less: so
 * the verdict and V1 are one step.
 */
inline ask(g, p) {
#ifdef PLACE_BEFORE_VALUE
	v = (verdict == ALIVE && IS_EVICTED(g) -> GONE : verdict);
	a = value[g];
	if
	:: v == GONE -> look_at_frozen(g, p)
	:: d_step { v != GONE -> find(g, p) }
	fi
#else
	if
	:: atomic { verdict == GONE -> v = GONE }
#ifdef VERDICT_AFTER_VALUE
	:: verdict != GONE -> a = value[g]; check(g); v = verdict;
#else
	:: atomic { verdict != GONE -> v = verdict; a = value[g] };	/* V1 */
#endif
		if			/* V4 */
		:: d_step { v == DEAD || !FINDS_EVICTED(g) -> find(g, p) }
		:: d_step { v != DEAD && FINDS_EVICTED(g) -> v = GONE; a = 0 }
		fi
	fi;
	if
	:: v == GONE -> look_at_frozen(g, p)
	:: else
	fi
#endif
}

#ifdef DEAD_THOUGH_EVICTED
#define MARKED(g)	DEAD
#else
#define MARKED(g)	(IS_EVICTED(g) -> GONE : DEAD)
#endif

/* member_check(), and member_mark(). */
inline check(g) {
	if
	:: atomic { verdict == ALIVE && IS_EVICTED(g) -> verdict = GONE }
	:: verdict == ALIVE && !IS_EVICTED(g) ->
		if
		:: atomic { ended[g] || left[g] -> verdict = MARKED(g) }
		:: !ended[g] && !left[g]
		fi
	:: verdict != ALIVE
	fi
}

/* ------------------------------------------------------------- the owner */

/* To those watchers who were taken. */
inline ring(g, who) {
	d_step {
		x = 0;
		do
		:: x < WATCHERS ->
			rung[x] = rung[x] | (who & BIT(x) -> BIT(g) : 0);
			x++
		:: else -> break
		od;
		who = 0
	}
}

#ifdef RINGS_AFTER_LEAVING
#define MAY_RING(g)	true
#else
#define MAY_RING(g)	(!left[g])
#endif

/* own_wake(), W2: later, by any thread. */
proctype worker(byte g) {
	byte who;

	{
end:		do
		:: atomic { to_wake[g] -> to_wake[g]-- };
			asleep = (g == 0 -> 0 : asleep);
			d_step {
				who = (MAY_RING(g) -> watchers : 0);
				watchers = (MAY_RING(g) -> 0 : watchers)
			};
			if
			:: !left[g] -> ring(g, who)
			:: left[g] -> who = 0
			fi
		od
	} unless { IS_OVER(g) }
}

#ifdef WAKES_BY_NEW_VALUE
#define WAS(old, new)	(new)
#else
#define WAS(old, new)	(old)
#endif

proctype owner_of(byte g) {
	byte point, old, mark;

	{
		do
		:: point == POINTS -> break
		:: else ->
#if WAITERS + WATCHERS == 0
			d_step { point++; value[g] = point }	/* T3 */
#else
			point++;
#ifdef WATERMARK_BEFORE_VALUE
			mark = watermark;
			d_step { old = value[g]; value[g] = point };
#else
			d_step { old = value[g]; value[g] = point };	/* T3 */
			mark = watermark;	/* W1 */
#endif
			d_step {
				to_wake[g] = to_wake[g] + (mark > WAS(old, point) -> 1 : 0);
				old = 0;
				mark = 0
			}
#endif
		od;
		if			/* dma_buf_pool_leave() */
		:: NEWCOMERS && g == 0 ->
			asleep = 0;
			d_step { left[g] = 1; old = watchers; watchers = 0 };
			ring(g, old);
			if
			:: state == LIVE ->
				watermark = 0;
				watchers = 0;
				if
				:: d_step { state == LIVE && owner == g -> state = FREE }
				:: else
				fi
			:: else
			fi
		:: true
		fi
	} unless { IS_OVER(g) }
}

/* ---------------------------------------------------------------- others */

/* Who dies before he has told hangs up, which tells as much. */
proctype evictor() {
	byte left_to_do = EVICTIONS;

	do
	:: break
	:: d_step { left_to_do && state == LIVE -> state = EVICTED; left_to_do-- };	/* V0 */
#ifndef NOBODY_TOLD
		told = BIT(WATCHERS) - 1
#endif
	od
}

/* Others learn of a death. Of an evicted one they need not learn whether it goes on. */
proctype reaper() {
	byte left_to_do = CRASHES;

	do
	:: break
	:: atomic { left_to_do && !IS_OVER(0) -> ended[0] = 1; left_to_do-- }
	:: atomic { left_to_do && !IS_OVER(0) && IS_EVICTED(0) -> stopped[0] = 1; left_to_do-- }
	od
}

/* places_reclaim(), and then somebody is admitted. */
proctype newcomer() {
end:	if
	:: state == FREE
	:: d_step { state != FREE && ended[0] -> is_reused = (state == EVICTED); state = CLEANED };
		watermark = 0;
		watchers = 0
	fi;
	d_step { state = LIVE; owner = 1 };
	run owner_of(1);
	if
	:: WAITERS + WATCHERS -> run worker(1)
	:: else
	fi
}

/* At the last point: what holds of one, holds of each. */
proctype looker(byte g) {
	byte looks, verdict, a, b, v, said;

end:	g <= owner;			/* it must be there to be known */
	do
	:: looks == LOOKS -> break
	:: else ->
		looks++;
		if
		:: check(g)
		:: true
		fi;
		ask(g, POINTS)
	od
}

/* A1 and A2; a: the value. */
inline await(g, p) {
#ifndef WATERMARK_NOT_RAISED
	d_step { watermark = (watermark < p -> p : watermark) };
#endif
	a = value[g]
}

/* await_ring(). */
inline await_ring(g, w, p) {
#ifdef WATCHERS_AFTER_WATERMARK
	await(g, p);
	watchers = watchers | BIT(w)
#else
	watchers = watchers | BIT(w);
	await(g, p)
#endif
}

/* dma_fence_wait(). */
proctype waiter(byte me; byte point) {
	byte verdict, a, b, v, said, old;

	do
	:: ask(0, point);
		if
		:: said -> break
		:: else
		fi;
		await(0, point);
		if
		:: a < point ->
			d_step { old = a; a = 0 };
			ask(0, point);
			if
			:: said -> break
			:: else
			fi;
			if		/* A3 */
#ifdef SLEEP_NOT_COMPARED
			:: asleep = asleep | BIT(me);
#else
			:: d_step { value[0] == old -> asleep = asleep | BIT(me) };
#endif
				if
				:: !(asleep & BIT(me))
				:: IS_CHANGED(0) -> asleep = asleep & ~BIT(me); check(0)
				fi
#ifndef SLEEP_NOT_COMPARED
			:: value[0] != old
#endif
			fi;
			old = 0
		:: else -> a = 0
		fi
	od
}

#ifdef LATE_NOT_LOOKED_AT
#define LOOKS_LATE	false
#else
#define LOOKS_LATE	true
#endif

/* Callbacks on all points of an owner, from w's process. */
proctype watcher(byte g; byte w) {
	byte verdict, a, b, v, said;
	byte list, point;		/* a bit a point */
	bit late;

end:	g <= owner;
	do
	:: point == POINTS -> break
	:: else ->			/* watcher_add() */
		point++;
		list = list | BIT(point);
		await_ring(g, w, point);
		a = 0;
		ask(g, point);
		list = (said -> list & ~BIT(point) : list)
	od;
	do
	:: list == 0 -> break
	:: list != 0 ->
		if			/* it sleeps until something comes */
		:: rung[w] & BIT(g) -> d_step { rung[w] = rung[w] & ~BIT(g) }
		:: told & BIT(w) -> d_step { told = told & ~BIT(w) };
#ifdef TOLD_IN_VAIN
			goto nothing
#else
			check(g)
#endif
		:: verdict == ALIVE && (ended[g] || left[g]) -> check(g)	/* it hung up */
		fi;
		do			/* signal_all() */
		:: atomic { late = 0; point = 0 };
			do
			:: point == POINTS -> break
			:: else ->
				point++;
				if
				:: list & BIT(point) ->
					ask(g, point);
					list = (said -> list & ~BIT(point) : list)
				:: else
				fi
			od;
			point = 0;
#ifndef REST_NOT_AWAITED
			do
			:: point == POINTS -> break
			:: else ->	/* await_rest() */
				point++;
				if
				:: list & BIT(point) ->
					await_ring(g, w, point);
					d_step { late = late || (a >= point && LOOKS_LATE); a = 0 }
				:: else
				fi
			od;
#endif
			if
			:: !late -> break
			:: late
			fi
		od;
		point = 0;
nothing:	skip
	od
}

init {
	byte n;

	atomic {
		state = LIVE;
		run owner_of(0);
		if
		:: WAITERS + WATCHERS -> run worker(0)
		:: else
		fi;
		run evictor();
		run reaper();
		if
		:: NEWCOMERS -> run newcomer()
		:: else
		fi;
		do
		:: n < LOOKERS -> run looker(NEWCOMERS && n % 2); n++
		:: else -> break
		od;
		n = 0;
		do
		:: n < WAITERS -> run waiter(n, n + 1); n++
		:: else -> break
		od;
		n = 0;
		do
		:: n < WATCHERS -> run watcher(NEWCOMERS && n % 2 == 0, n); n++
		:: else -> break
		od
	}
}
