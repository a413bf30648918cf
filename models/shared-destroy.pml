/* SPDX-License-Identifier: MIT */
/*
 * A Spin model of the end of a pool, dma_buf_pool_destroy(): one word, which also counts evictions
 * (evict.c, E1 to E3), against evictions at the same time, also of who destroys; against one who
 * joins (door.c, guest.c, place.c); and against those who look at points of a member that goes on
 * (point.c, V0 to V4). models/check verifies it, and sees Spin refute each of the twins below.
 *
 * Who runs: destroyers, which leave then; an evictor, of the first of them, or of the owner of a
 * timeline; that owner, which signals, fails what is left and leaves, or stays; lookers, which
 * judge it, or ask for its last point; watchers, which have a callback of that, and sleep until they are
 * told something, or somebody hangs up; a host, which invites somebody into the owner's place when
 * that is free, and the guest. The owner, or the first destroyer, may die at any step. Each is a
 * process, and none waits for another, so that one that is stopped is one that comes later.
 *
 * Memory order: E1 to E3, V0 to V4, T3 and the count are sequentially consistent in the code. Of
 * pool_check(), the load of the own place acquires: that of the end, which is, comes after it. Not
 * here: who is rung when a point signals (shared-fence.pml; here that is one step with T3), what
 * evictions do to locks (shared-log.pml), the admission lock (there is one host), which errno a
 * point has, T1, and what an enemy could write.
 *
 * The promises. The text of an assertion ends with the number of its promise.
 *   1  all agree for ever, and each with itself: nobody finds that a point has signalled of which
 *	somebody found that it failed, or never will; but of who was evicted before the end, until
 *	its place is made free
 *   2  a point that is found to have signalled has
 *   3  who was evicted before the end does not end the pool
 *   4  until the end nothing is refused to a member that is not evicted
 *   5  from the end on each call of each member is refused, also of who has just joined
 *   6  who has found that the owner is dead finds that again. Not so: who has found it evicted, by
 *	the end, finds that again (SAME_ERROR), where its place is just being given to another
 *   end  nobody sleeps for ever: watchers hear of the end, and who joins does
 */
#ifndef DESTROYERS
#define DESTROYERS	1		/* two at most */
#endif
#ifndef EVICTIONS
#define EVICTIONS	1
#endif
#ifndef CRASHES
#define CRASHES		1
#endif
#ifndef POINTS
#define POINTS		1
#endif
#ifndef LOOKERS
#define LOOKERS		0
#endif
#ifndef LOOKS
#define LOOKS		2
#endif
#ifndef WATCHERS
#define WATCHERS	0
#endif
#ifndef GUESTS
#define GUESTS		0		/* one at most */
#endif

#define KNOWERS	1
#define ALL_KNOW
#include "orders.pml"

/* ---------------------------------------------------------------- memory */

#define FREE		0
#define INVITED		1
#define LIVE		2
#define EVICTING	3
#define EVICTED		4
#define CLEANED		5

/* Members; a place each, but for the guest, which comes into the owner's. */
#define OWNER		0
#define DESTROYER(n)	(1 + (n))
#define MEMBERS		(1 + DESTROYERS)

/* The pool's. */
byte place[MEMBERS];
bit second;				/* the owner's place is the guest's, or was last */
byte evictions;
#define OVER		128
byte frozen;				/* of the owner, 1 more; or 0 */

/* The owner's. */
byte value;
byte failed;				/* points from this one on; or 0 */

byte ended, left;			/* a bit a member: hung up */
byte told, rung;			/* a bit a watcher */

#define BIT(n)		(1 << (n))
#define HAS_ENDED(m)	(ended & BIT(m))
#define HAS_HUNG_UP(m)	((ended | left) & BIT(m))
#define ALL_WATCHERS	(BIT(WATCHERS) - 1)
#define IS_OVER		(evictions & OVER)
#define IS_EVICTED	(place[OWNER] == EVICTED && !second)

/* For assertions. */
byte counted;				/* who was, by an eviction: a bit each */
bit signalled, lost;			/* as the last point was found */
bit is_reused;				/* the place of the owner, who was evicted by itself */

/* ------------------------------------------------------------ the points */

#define ALIVE		0
#define DEAD		1
#define GONE		2

#define IS_ERROR	(failed && failed <= POINTS)

#ifdef SAME_ERROR
#define IS_SAME_ERROR	(found_as != (DEAD | GONE))
#else
#define IS_SAME_ERROR	(found_as != (DEAD | GONE) || v == DEAD)
#endif

/* What is found of the last point, by `a` and verdict v. */
inline find() {
	if
	:: a >= POINTS && !IS_ERROR ->
		PROMISE(1, is_reused || !lost);
		PROMISE(2, value >= POINTS);
		signalled = 1;
		said = 1
	:: (a >= POINTS && IS_ERROR) || (a < POINTS && v != ALIVE) ->
		PROMISE(1, is_reused || !signalled);
		lost = 1;
		found_as = found_as | (a >= POINTS -> 0 : v);
		PROMISE(6, a >= POINTS || IS_SAME_ERROR);
		said = 1
	:: else
	fi;
	a = 0;
	v = ALIVE
}

/* member_is_evicted(): the place, then the end. */
inline is_evicted(end) {
	atomic { w = place[OWNER]; other = second };
	d_step { gone = (!other && (w == EVICTED || (IS_OVER && end))); w = 0; other = 0 }
}

#ifdef END_NOT_LOOKED_AT
#define V4_END	false
#else
#define V4_END	true
#endif

#define LESS(a, b)	((a) < (b) -> (a) : (b))

#ifdef NOT_FROZEN
#define FREEZE		skip
#else
#define FREEZE		frozen = 1 + a
#endif

/* frozen_value(). */
inline look_at_frozen() {
	do
	:: atomic { b = frozen; a = value };	/* V2; if b changes before it, V3 finds that */
		if
		:: d_step { b -> a = LESS(b - 1, a); b = 0; find() }; break
		:: else ->
			is_evicted(true);
			if
			:: d_step { !gone -> find() }; break
			:: gone ->
				if	/* V3 */
				:: d_step { frozen == b -> FREEZE; gone = 0; find() }; break
				:: d_step { frozen != b -> a = 0; gone = 0 }
				fi
			fi
		fi
	od
}

#ifdef DEAD_AND_THEN_EVICTED
#define IS_FINAL(v)	false
#else
#define IS_FINAL(v)	((v) == DEAD)
#endif

/* member_point_status(), of who was not judged yet. */
inline ask_alive() {
	atomic { v = verdict; a = value };	/* V1 */
	is_evicted(V4_END);	/* V4 */
	if
	:: d_step { !gone -> find() }
	:: d_step { gone -> v = GONE; gone = 0; a = 0 };
		look_at_frozen()
	fi
}

/* The same, of who was. */
#ifdef DEAD_AND_THEN_EVICTED
#define IS_FINAL(v)	((v) == GONE)
#else
#define IS_FINAL(v)	((v) != ALIVE)
#endif

inline ask_judged() {
	if
	:: atomic { verdict == GONE -> v = GONE }; look_at_frozen()
	:: d_step { verdict == DEAD -> v = DEAD; a = value; find() }
	fi
}

inline ask() {
	if
	:: IS_FINAL(verdict) -> ask_judged()
	:: !IS_FINAL(verdict) -> ask_alive()
	fi
}

/* member_check(), and member_mark(). */
inline check() {
	if
	:: verdict == ALIVE ->
		is_evicted(true);
		if
		:: atomic { gone -> verdict = GONE; gone = 0 }
		:: !gone && !HAS_HUNG_UP(OWNER)
		:: !gone && HAS_HUNG_UP(OWNER) ->
#ifndef DEAD_THOUGH_EVICTED
			is_evicted(true);
#endif
			d_step { verdict = (gone -> GONE : DEAD); gone = 0 }
		fi
	:: else
	fi
}

/* ------------------------------------------------------------ who destroys */

#ifdef EVICTIONS_REFUSE
#define HAS_END		(evictions > 0)
#else
#define HAS_END		IS_OVER
#endif

/* pool_check(), of who has place m. */
inline pool_check(m) {
	atomic { was_over = (IS_OVER != 0); refused = (place[m] != LIVE) };
	d_step {
#ifndef PLACE_ONLY
		refused = (refused || HAS_END);
#endif
		PROMISE(4, !refused || IS_OVER || place[m] != LIVE);
		PROMISE(5, refused || !was_over);
		was_over = 0
	}
}

#ifdef NOT_COMPARED
#define SAME_COUNT	true
#else
#define SAME_COUNT	(evictions == before)
#endif

/* end_for_all(). */
inline end_for_all(m) {
	do
	::
#ifdef COUNT_AFTER_PLACE
		pool_check(m);
		before = evictions;
#else
		before = evictions;	/* E1 */
		pool_check(m);		/* E2 */
#endif
		if
		:: refused -> break
		:: else
		fi;
		if			/* E3 */
		:: d_step {
				SAME_COUNT ->
				PROMISE(3, !(counted & BIT(m)));
				evictions = evictions | OVER;
				before = 0
			};
			told = ALL_WATCHERS;
			break
		:: atomic { !SAME_COUNT -> before = 0 }
		fi
	od
}

proctype destroyer(byte m) {
	byte before;
	bit refused, was_over;

	{
		pool_check(m);
		if
		:: refused
		:: else -> end_for_all(m)
		fi;
		/* dma_buf_pool_leave() */
		atomic {
			place[m] = (place[m] == LIVE && !IS_OVER -> FREE : place[m]);
			left = left | BIT(m)
		}
	} unless { HAS_ENDED(m) }
}

/* evict(), by a member that is none of these. A look before a compare-and-swap saves work. */
#define IS_VICTIM(s)	(place[victim] == (s) && !(victim == OWNER && second))

inline change_place(from, to) {
	atomic { if :: IS_VICTIM(from) -> place[victim] = to :: else fi }
}

/* count(), and what follows. */
inline evict_victim() {
#ifndef COUNTED_FIRST
	change_place(LIVE, EVICTING);
#endif
	do
	:: before = evictions;
		if
		:: before & OVER -> goto next
		:: else
		fi;
		if
		:: d_step {
				evictions == before -> evictions++;
				counted = counted | BIT(victim)
			};
			break
		:: evictions != before
		fi
	od;
#ifdef COUNTED_FIRST
	change_place(LIVE, EVICTED);
#else
	change_place(EVICTING, EVICTED);	/* V0 */
#endif
	told = ALL_WATCHERS
}

proctype evictor() {
	byte victim, n, before;

end:	do
	:: atomic {
			n < EVICTIONS && !IS_OVER -> n++;
			if
			:: victim = OWNER
			:: victim = DESTROYER(0)
			fi;
			if
			:: IS_VICTIM(LIVE) || IS_VICTIM(EVICTING)
			:: else -> goto next
			fi
		};
		evict_victim();
next:		atomic { victim = 0; before = 0 }
	od
}

/* ------------------------------------------------------------------ owner */

#ifdef VACATED_AFTER_END
#define MAY_VACATE	true
#else
#ifdef END_BEFORE_POINTS
#define MAY_VACATE	!was_over
#else
#define MAY_VACATE	!IS_OVER
#endif
#endif

proctype owner() {
	byte point;
	bit was_over;

	{
#ifdef END_BEFORE_POINTS
		was_over = (IS_OVER != 0);
#endif
		do
		:: point == POINTS -> break
		:: d_step { point < POINTS -> point++; value = point; rung = ALL_WATCHERS } /* T3 */
		:: true -> break
		od;
		if
		:: IS_OVER || IS_EVICTED	/* it need not leave then */
		:: true ->	/* dma_buf_pool_leave() */
			if
			:: point < POINTS ->
#ifdef VALUE_BEFORE_ERROR
				value = POINTS;
				failed = point + 1;
				rung = ALL_WATCHERS
#else
				failed = point + 1;		/* T2 */
				d_step { value = POINTS; rung = ALL_WATCHERS }	/* T3 */
#endif
			:: else
			fi;
			if		/* place_vacate() */
			:: MAY_VACATE ->
				atomic {
					if
					:: place[OWNER] == LIVE && !second -> place[OWNER] = FREE
					:: else
					fi
				}
			:: else
			fi;
			left = left | BIT(OWNER)
		fi
	} unless { HAS_ENDED(OWNER) }
}

proctype reaper() {
	byte n;

end:	do
	:: d_step { n < CRASHES && !HAS_ENDED(OWNER) -> ended = ended | BIT(OWNER); n++ }
	:: d_step {
			n < CRASHES && !HAS_ENDED(DESTROYER(0)) ->
			ended = ended | BIT(DESTROYER(0));
			n++
		}
	od
}

/* --------------------------------------------------------------- the door */

#ifdef RECLAIMED_AFTER_END
#define MAY_RECLAIM	true
#else
#ifdef END_BEFORE_DEATH
#define MAY_RECLAIM	!was_over
#else
#define MAY_RECLAIM	!IS_OVER
#endif
#endif

/* take_place(), and then pool_admit_by(); its own place is not here. */
proctype host() {
	byte word;
	bit was_over;

	if
	:: IS_OVER -> goto done		/* places_lock(): pool_check() */
	:: !IS_OVER
	fi;
#ifdef END_BEFORE_DEATH
	was_over = (IS_OVER != 0);
#endif
	if
	:: place[OWNER] == FREE
	:: place[OWNER] != FREE && !HAS_HUNG_UP(OWNER) -> goto done
	:: atomic {			/* places_reclaim() */
			HAS_HUNG_UP(OWNER) && place[OWNER] != FREE -> word = place[OWNER]
		};
		if
		:: MAY_RECLAIM
		:: else -> goto done
		fi;
		if
		:: d_step {
				place[OWNER] == word -> place[OWNER] = CLEANED;
				is_reused = (word == EVICTED);
				word = 0
			}
		:: else -> goto done
		fi;
		place[OWNER] = FREE
	fi;
	d_step { second = 1; place[OWNER] = INVITED };
	if
	:: IS_OVER
	:: !IS_OVER -> place[OWNER] = LIVE
	fi;
done:	skip
}

/* dma_buf_pool_accept(), and dma_buf_pool_await(). */
proctype guest() {
	byte word;
	bit refused, was_over;

end:	second;				/* it has the invitation */
	do
	:: atomic { was_over = (IS_OVER != 0); word = place[OWNER] };	/* check_invited() */
		if
		:: IS_OVER -> break
		:: !IS_OVER && word == LIVE -> pool_check(OWNER); break
		:: !IS_OVER && word != LIVE ->
			PROMISE(5, !was_over);
endawait:		place[OWNER] != word || IS_OVER
		fi
	od
}

/* ------------------------------------------------------------ those who look */

proctype looker() {
	byte looks, verdict, a, b, v, w, found_as;
	bit said, gone, other;

end:	do
	:: looks < LOOKS -> looks++; check()
	:: atomic { looks < LOOKS -> looks++ };
		ask();
		said = 0
	od
}

#ifdef OTHERS_NOT_LOOKED_AT
#define LOOKS_AT_OWNER	(seen & BIT(OWNER))
#else
#define LOOKS_AT_OWNER	true
#endif

/* Fences are asked again when their owner has rung, or was judged (watcher.c, mail.c). */
proctype watcher(byte me) {
	byte verdict, a, b, v, w, found_as;
	bit said, gone, other;
	byte seen;			/* who has hung up */

	ask_alive();
	do
	:: said -> break
	:: else ->
		if
		:: d_step { rung & BIT(me) -> rung = rung & ~BIT(me) }; ask()
		:: d_step { told & BIT(me) -> told = told & ~BIT(me) }; check()
		:: atomic { ((ended | left) & ~seen) -> seen = ended | left };
			if
			:: LOOKS_AT_OWNER -> check()
			:: else
			fi
		:: IS_FINAL(verdict) -> ask_judged()
		fi
	od
}

init {
	byte n;

	atomic {
		do
		:: n < MEMBERS -> place[n] = LIVE; n++
		:: else -> break
		od;
		n = 0;
		do
		:: n < DESTROYERS -> run destroyer(DESTROYER(n)); n++
		:: else -> break
		od;
		n = 0;
		run evictor();
		run reaper();
		run owner();
		if
		:: GUESTS -> run host(); run guest()
		:: else
		fi;
		do
		:: n < LOOKERS -> run looker(); n++
		:: else -> break
		od;
		n = 0;
		do
		:: n < WATCHERS -> run watcher(n); n++
		:: else -> break
		od
	}
}
