/* SPDX-License-Identifier: MIT */
/*
 * A Spin model of leases: by when a member's points signal, or whoever finds that they have not
 * evicts it (lease.c, L0 to L4 and R0 to R4; evict_broken() in evict.c; watcher.c, alarm.c,
 * own-write.c). models/check verifies it, and sees Spin refute each of the twins below.
 *
 * Who runs: an owner, which signals the points of a timeline, and makes, prolongs, shortens and
 * takes back leases of those to come, in any order, and commits at last; it goes on when it is
 * evicted, or stops for ever, or dies, at any step. Threads of its process ring, and signal a
 * point aside, which is of another timeline. The clock ticks at any step. Judges find a verdict on
 * the owner, evict it if it has broken a lease, take its lock then, and ask for a point. Watchers
 * have a callback of the last point, and sleep until they are rung or told, their timer rings, or
 * the owner has ended. Each is a process, with a verdict of its own.
 *
 * Memory order: L0, L3, L4 and R1 to R4 are sequentially consistent in the code; L2 releases L1 to
 * R1, which comes before R2. R3 is one step: if the owner is evicted between its value and its
 * place, nobody is evicted again. Of an eviction, the two changes of the place are here; the count
 * between them, and what locks make of it, is in shared-log.pml. Not here: looks that save work,
 * and those every 10 ms; places that are reused, and deaths of those who look
 * (shared-fence.pml); the end of a pool; a timer that cannot be made; what an enemy could write.
 *
 * The promises. The text of an assertion ends with the number of its promise.
 *   1  who is found to have broken a lease has: who signals, or prolongs, in time is not evicted
 *   2  a point that signalled before its owner broke a lease is never found to have failed
 *   3  all agree: nobody finds that a point has signalled of which another finds that it never
 *	will
 *   4  a point that is found to have signalled has
 *   5  once another has its lock, and has said so, the owner cannot commit
 *   6  the owner commits, unless it is evicted, and can see that
 *   7  who has found an error finds it again. Not so: all find the same (SAME_ERROR), where who has
 *	broken a lease dies while it is evicted
 *   8  who dies before it has broken a lease is not evicted
 *   end  nobody sleeps for ever: when a lease that was made has ended, callbacks are called
 */
#ifndef POINTS
#define POINTS	2
#endif
#ifndef ASIDE
#define ASIDE	0			/* one more, of another timeline */
#endif
#ifndef MAKES
#define MAKES	2			/* how often the owner makes a lease */
#endif
#ifndef LEASES
#define LEASES	1			/* places in its table */
#endif
#ifndef TICKS
#define TICKS	2
#endif
#ifndef JUDGES
#define JUDGES	0			/* who look, */
#endif
#ifndef LOOKS
#define LOOKS	1			/* that often */
#endif
#ifndef WATCHERS
#define WATCHERS 0
#endif
#ifndef CRASHES
#define CRASHES	0
#endif

#define KNOWERS	1
#define ALL_KNOW
#include "orders.pml"

/* ---------------------------------------------------------------- memory */

#define LIVE		0
#define EVICTING	1
#define EVICTED		2

#define NEVER_ENDS	100

byte now;

/* The pool's. */
byte place;
byte frozen;				/* 1 more; or 0 */
byte watermark;
byte watchers;				/* whom to ring: a bit each */
byte lock = 1;				/* the owner's; 2: another's */
byte word;				/* the commit word */

/* The owner's. */
byte value;
bit value_aside;
byte leases;				/* how many were ever used */
byte point_of[LEASES], deadline[LEASES];
bit is_locked;				/* its own.lock */
byte to_wake;
byte ringing, ringers;
bit ended, stopped;

byte rung, told;			/* a bit a watcher */

#define BIT(n)		(1 << (n))
#define LAST		(POINTS + ASIDE)
#define HAS_SIGNALLED(p)	((p) > POINTS -> value_aside : value >= (p))
#define IS_OVER		(ended || stopped)

/* For assertions. */
byte promised[POINTS + 1 + ASIDE];	/* by when, as last said; or 0 */
byte made;				/* who made its lease may rely on that: a bit a point */
bit is_broken;				/* some lease was */
byte in_time;				/* signalled before that: a bit a point */
byte signalled, lost;			/* as they were found */
byte all_found;				/* a bit each of DEAD and GONE: of what was lost */
bit died_in_time;			/* before it had broken a lease */
bit has_looked;				/* another has the lock */

inline note_broken() {
	x = 1;
	do
	:: x <= LAST ->
		is_broken = is_broken ||
			    (promised[x] && promised[x] <= now && !HAS_SIGNALLED(x));
		x++
	:: else -> break
	od;
	x = 0
}

proctype clock() {
end:	do
	:: d_step { now < TICKS -> now++; note_broken() }
	od
}

/* ------------------------------------------------------------- the owner */

#ifdef TAKEN_BACK_IS_FREE
#define IS_FREE(i)	(HAS_SIGNALLED(point_of[i]) || deadline[i] == NEVER_ENDS)
#else
#ifdef ANY_IS_FREE
#define IS_FREE(i)	true
#else
#define IS_FREE(i)	HAS_SIGNALLED(point_of[i])
#endif
#endif
#define IS_PLACE(i)	((i) < LEASES && point_of[(i) % LEASES] == p)
#define FREE_PLACE(i)	((i) < LEASES && IS_FREE((i) % LEASES))

/* own_ring() and own_wake(), as far as own.lock is held. */
inline begin_ring(all) {
	atomic {
		!is_locked ->
		who = watchers;
		watchers = 0;
		ringing = ringing | who;
		who = (all -> ringing : who);
		ringers = ringers + (who != 0)
	}
}

inline end_ring() {
	atomic {
		if
		:: who ->
			ringers--;
			ringing = (ringers -> ringing : 0)
		:: else
		fi;
		who = 0
	}
}

#ifdef RINGS_ITS_OWN
#define ALL_RINGING	false
#else
#define ALL_RINGING	true
#endif

proctype worker() {
	byte who;

	{
end:		do
		:: atomic { to_wake -> to_wake-- };
			begin_ring(false);
			rung = rung | who;
			end_ring()
		od
	} unless { IS_OVER }
}

/* write_lease(): place i, point p, deadline d. */
inline write_lease() {
	if
	:: i >= leases -> leases = i + 1	/* L0 */
	:: else
	fi;
	is_sooner = (d < deadline[i] && point_of[i] == p);
	if
	:: point_of[i] != p ->
		is_sooner = (d < NEVER_ENDS);
#ifdef POINT_FIRST
		point_of[i] = p;
		deadline[i] = 0
#else
#ifndef DEADLINE_KEPT
		deadline[i] = 0;		/* L1 */
#endif
		point_of[i] = p			/* L2 */
#endif
	:: else
	fi;
	d_step {				/* L3 */
		deadline[i] = d;
		promised[p] = d;
		made = (d == NEVER_ENDS -> made & ~BIT(p) : made);
		note_broken()
	}
}

/* dma_buf_pool_lease_fence(): it has read the clock. */
inline make_lease() {
	atomic {
		if
		:: p = point + 1
		:: point + 2 <= POINTS -> p = point + 2
		:: ASIDE -> p = LAST
		fi;
		if
		:: now < TICKS -> d = now + 1
		:: now + 1 < TICKS -> d = now + 2
		:: d = NEVER_ENDS
		fi
	};
	atomic {				/* find() */
		is_locked = 1;
		if
		:: IS_PLACE(0) -> i = 0
		:: !IS_PLACE(0) && IS_PLACE(1) -> i = 1
		:: !IS_PLACE(0) && !IS_PLACE(1) && FREE_PLACE(0) -> i = 0
		:: !IS_PLACE(0) && !IS_PLACE(1) && !FREE_PLACE(0) && FREE_PLACE(1) -> i = 1
		:: else -> i = LEASES
		fi
	};
	if
	:: i < LEASES ->
		write_lease();
		is_locked = 0;
#ifndef NOT_RUNG
		if
		:: is_sooner ->
			begin_ring(ALL_RINGING);	/* L4 */
			rung = rung | who;
			end_ring()
		:: else
		fi;
#endif
		made = (d == NEVER_ENDS || HAS_SIGNALLED(p) -> made : made | BIT(p))
	:: else -> is_locked = 0
	fi;
	atomic { p = 0; d = 0; i = 0; is_sooner = 0 }
}

proctype owner() {
	byte point, n, p, d, i, who, old;
	bit is_sooner;

	{
		do
		:: point < POINTS ->
			point++;
			d_step {		/* T3 */
				old = value;
				value = point;
				in_time = in_time | (is_broken -> 0 : BIT(point));
				made = made & ~BIT(point)
			};
			atomic {		/* W1 */
				to_wake = to_wake + (WATCHERS && watermark > old);
				old = 0
			}
		:: n < MAKES && point < POINTS -> n++; make_lease()
		:: true -> break
		od;
#if JUDGES > 0
		if			/* reserve(), and then a commit */
		:: place != LIVE
		:: place == LIVE ->
			if
			:: d_step { word == 0 -> word = 1; PROMISE(5, !has_looked) }
			:: word != 0 -> PROMISE(6, place != LIVE)
			fi
		fi;
#endif
		stopped = 1
	} unless { IS_OVER }
}

/* Another thread of its process signals the point aside. */
proctype thread_aside() {
end:	do
	:: d_step { !IS_OVER && !is_locked && !value_aside -> value_aside = 1 }
	od
}

proctype reaper() {
	byte left_to_do = CRASHES;

end:	do
	:: d_step { left_to_do && !IS_OVER -> ended = 1; died_in_time = !is_broken; left_to_do-- }
	:: d_step { left_to_do && !IS_OVER -> stopped = 1; left_to_do-- }
	od
}

/* ------------------------------------------------------------ the points */

#define ALIVE		0
#define DEAD		1
#define GONE		2

/* What is found of a point, by `a` and verdict v. */
inline find(p) {
	if
	:: a >= p ->
		PROMISE(3, !(lost & BIT(p)));
		PROMISE(4, value >= p);
		signalled = signalled | BIT(p);
		said = 1
	:: a < p && v != ALIVE ->
		PROMISE(2, !(in_time & BIT(p)));
		PROMISE(3, !(signalled & BIT(p)));
		lost = lost | BIT(p);
		found_as = found_as | v;
#ifdef SAME_ERROR
		all_found = all_found | v;
#endif
		PROMISE(7, (found_as | all_found) != (DEAD | GONE));
		said = 1
	:: else
	fi;
	a = 0;
	v = ALIVE
}

#define LESS(a, b)	((a) < (b) -> (a) : (b))

#ifdef NOT_FROZEN
#define FREEZE		skip
#else
#define FREEZE		frozen = 1 + a
#endif

#ifdef DEAD_AND_THEN_EVICTED
#define IS_FINAL	false
#else
#define IS_FINAL	(v == DEAD)
#endif

/* member_point_status(). */
inline ask(p) {
	if
	:: atomic { verdict == GONE -> v = GONE }
	:: atomic { verdict != GONE -> v = verdict; a = value };	/* V1 */
		if		/* V4 */
		:: d_step { IS_FINAL || place != EVICTED -> find(p) }
		:: d_step { !IS_FINAL && place == EVICTED -> v = GONE; a = 0 }
		fi
	fi;
	do			/* frozen_value() */
	:: v != GONE -> break
	:: atomic { v == GONE -> b = frozen; a = value };	/* V2 */
		if
		:: d_step { b -> a = LESS(b - 1, a); b = 0; find(p) }
		:: d_step { b == 0 && frozen == 0 -> FREEZE; find(p) }	/* V3 */
		:: d_step { b == 0 && frozen != 0 -> a = 0 }
		fi
	od
}

/* Its place says so from V0 on. */
inline change_place(from, to) {
	atomic { if :: place == from -> place = to :: else fi }
}

/* evict_broken(). */
inline evict() {
	change_place(LIVE, EVICTING);
	atomic {
		if
		:: place == EVICTING -> place = EVICTED; t = 1; PROMISE(8, !died_in_time) /* V0 */
		:: else
		fi
	};
#ifndef NOBODY_TOLD
	atomic { told = (t -> BIT(WATCHERS) - 1 : told); t = 0 }
#endif
}

#ifdef CLOCK_AFTER
#define CLOCK(c)	now
#else
#define CLOCK(c)	(c)
#endif

/* deadline_of(): `d` is 0 if the i-th has none. */
inline read_lease() {
	l = point_of[i];		/* R1 */
#ifdef ASKED_BEFORE
	atomic { l = (HAS_SIGNALLED(l) || place == EVICTED -> 0 : l) };
	d = deadline[i];
	d = (l && d -> d : 0);
#else
	d = deadline[i];		/* R2 */
	d = (HAS_SIGNALLED(l) || place == EVICTED -> 0 : d);	/* R3 */
#endif
	l = 0
}

/* lease_is_broken(), and what follows. */
inline look_at_leases() {
	c = now;			/* R0 */
	i = 0;
	do
	:: i >= leases -> break
	:: i < leases ->
		read_lease();
		if
		:: d && d <= CLOCK(c) -> d = NEVER_ENDS + 1; break
		:: else -> atomic { d = 0; i++ }
		fi
	od;
	if
	:: d ->
		d_step { d = 0; i = 0; c = 0; PROMISE(1, is_broken) };
#ifdef NOT_EVICTED
		verdict = GONE
#else
		if
#ifndef DEAD_ARE_LATE
		:: ended -> verdict = DEAD
#endif
		:: else -> evict()
		fi
#endif
	:: else -> atomic { i = 0; c = 0 }
	fi
}

/* member_check(), of one that is alive as far as is known; at last also as member_mark(). */
inline check() {
	if
	:: place == EVICTED
	:: place != EVICTED ->
		if
		:: ended -> verdict = DEAD
		:: !ended -> look_at_leases()
		fi
	fi;
	verdict = (place == EVICTED -> GONE : verdict)
}

/* ---------------------------------------------------------------- others */

/* Who has judged it gone takes the lock, if that is the owner's still, and says so. */
inline take_over() {
	if
	:: d_step { lock == 1 -> lock = 2 };
#ifndef TAKEOVER_NOT_SAID
		d_step { word = word + 2 };
#endif
		has_looked = 1
	:: else
	fi
}

proctype judge() {
	byte looks, verdict, a, b, v, c, d, i, l, point, found_as;
	bit said, t;

end:	do
	:: atomic {
			looks < LOOKS -> looks++;
			if
			:: point = POINTS
			:: POINTS > 1 -> point = 1
			fi
		};
		if
		:: verdict == ALIVE -> check()
		:: else
		fi;
		ask(point);
		atomic { said = 0; point = 0 };
		if
		:: verdict == GONE -> take_over()
		:: else
		fi
	od
}

/* await_leases(): the next deadline, or none; sooner than what the timer is set to. */
inline await_leases() {
	i = 0;
	do
	:: i >= leases -> break
	:: i < leases ->
		read_lease();
		atomic { alarm = (d && d < alarm -> d : alarm); d = 0; i++ }
	od;
	i = 0
}

/* R4, A1 and A2; a: the value. */
inline await_ring() {
	watchers = watchers | BIT(me);
	watermark = POINTS;
	a = value
}

/* Its owner has stopped, and has made no promise; a lease that is not made yet nobody knows of. */
#define MAY_WAIT	(stopped && place != EVICTED && !(made & BIT(POINTS)))

#ifdef NOT_SET_ANEW
#define SETS_ANEW	is_adding
#else
#define SETS_ANEW	true
#endif

/*
 * watcher_add(): waits to be rung, and for leases, and asks. Later, in signal_all(), it asks first.
 */
proctype watcher(byte me) {
	byte verdict, a, b, v, c, d, i, l, found_as, alarm = NEVER_ENDS;
	bit said, t, rang, is_adding = 1;

again:
#ifdef LEASES_BEFORE_RING
	if
	:: SETS_ANEW -> await_leases()
	:: else
	fi;
	await_ring();
#else
	await_ring();
#endif
	if
	:: atomic { a >= POINTS && !is_adding -> a = 0 }; goto asks	/* too late */
	:: atomic { a < POINTS || is_adding -> a = 0 }
	fi;
#ifndef LEASES_BEFORE_RING
	if
	:: SETS_ANEW -> await_leases()
	:: else
	fi;
#endif
	if
	:: is_adding -> goto asks
	:: else
	fi;
sleeps:	if
	:: d_step { rung & BIT(me) -> rung = rung & ~BIT(me) }; goto asks
	:: d_step { alarm <= now -> alarm = NEVER_ENDS; rang = 1 }
	:: d_step { told & BIT(me) -> told = told & ~BIT(me) }
	:: ended
	:: MAY_WAIT -> goto done
	fi;
	check();
	if
	:: verdict == ALIVE && !rang -> goto sleeps
	:: atomic { verdict != ALIVE || rang -> rang = 0 }
	fi;
asks:	ask(POINTS);
	if
	:: said
	:: atomic { !said && is_adding -> is_adding = 0 }; goto sleeps
	:: !said && !is_adding -> goto again
	fi;
done:	skip
}

init {
	byte n;

	atomic {
		run clock();
		run owner();
		if
		:: WATCHERS -> run worker()
		:: else
		fi;
		if
		:: ASIDE -> run thread_aside()
		:: else
		fi;
		if
		:: CRASHES -> run reaper()
		:: else
		fi;
		do
		:: n < JUDGES -> run judge(); n++
		:: JUDGES <= n && n < JUDGES + WATCHERS -> run watcher(n - JUDGES); n++
		:: else -> break
		od
	}
}
