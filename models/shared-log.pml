/* SPDX-License-Identifier: MIT */
/*
 * A Spin model of a reservation that processes share: its lock and its log (shared-lock.c,
 * shared-log.c, shared-resv.c). models/check verifies it, and sees Spin refute each twin below.
 *
 * Who runs: members, each of which takes the lock, appends one or two entries or rewrites the
 * log into the other half, commits and drops the lock; a reader, which copies the entries;
 * evictions (evict.c), of which a member learns only where it looks, so that it goes on at the
 * step where it was; and crashes, at any step. That others find out is one step of theirs,
 * whenever it comes. Steps carry the names of the diagram in the code: L1, L2, M1 to M3.
 *
 * A word of an entry is the count of evictions when it was written, and of which entry it is;
 * the first one says only whose that is. A compare-and-swap that is tried until it succeeds or
 * finds a later count, or that it is the word that is wanted, is one step. Of the looks at its
 * own place that a member takes, only that of reserve() (and edit(), the same) is here: the
 * others save work.
 *
 * Memory order. As orders.pml has it. A place's state, M3 and the look of who takes over at the
 * lock may each find the last value but one. A stamp (backs_off()) and the futex are not here;
 * nor is what an enemy could write.
 *
 * The promises. The text of an assertion ends with the number of its promise.
 *   1  of those that are not gone, one at a time has the lock
 *   2  a reader finds what one commit left: both words of each entry are of that entry
 *   3  once another has taken the lock over and looked, its last holder cannot commit
 *   4  a committed entry is what its holder staged, and is never written over
 *   5  nothing is refused to a holder that is not evicted: it commits
 *   7  every write that somebody relies on happened before
 *   end  nobody waits for ever: a lock can be taken, whoever had it
 */
#ifndef MEMBERS
#define MEMBERS		2		/* three at most */
#endif
#ifndef ROUNDS
#define ROUNDS		1		/* how often each takes the lock */
#endif
#ifndef READERS
#define READERS		1		/* or none */
#endif
#ifndef EVICTIONS
#define EVICTIONS	1
#endif
#ifndef CRASHES
#define CRASHES		1
#endif
#ifndef MOST_ADDS
#define MOST_ADDS	2		/* entries that one appends */
#endif
#ifndef REWRITES
#define REWRITES	true		/* or nobody does */
#endif
#define CAP		2		/* entries in half a log */
#define ALL		((1 << MEMBERS) - 1)

/* Atomic locations, then threads. */
#define LOCK		0
#define COMMIT		1
#define COUNT		2
#define PLACE(m)	(3 + (m))
#define WORD(h, i, k)	(3 + MEMBERS + ((h) * CAP + (i)) * 2 + (k))
#define MEMBER(m)	(3 + MEMBERS + 4 * CAP + (m))
#define READER		(3 + 2 * MEMBERS + 4 * CAP)
#define EVICTOR		(READER + 1)
#define KNOWERS		(READER + 2)

/* A bit a write. */
#define WROTE(h, i, k)	(1 << (((h) * CAP + (i)) * 2 + (k)))
#define COMMITTED	(1 << (4 * CAP))	/* the last commit word */
#define GOES(m)		(1 << (4 * CAP + 1 + (m)))	/* its place is not LIVE any more */
#define LOST(m)		(1 << (4 * CAP + 4 + (m)))	/* its lock was taken over */
#define FLIP(n)		(1 << (4 * CAP + 7 + (n)))	/* the n-th, to 7 */

/* The orders: what the twin does, else what the code does. */
#ifdef TAKE_NOT_ACQUIRED
#define TAKE_ACQUIRE(m)		skip
#else
#define TAKE_ACQUIRE(m)		ACQUIRE(LOCK, MEMBER(m))
#endif
#ifdef UNLOCK_NOT_RELEASED
#define UNLOCK_RELEASE(m)	skip
#else
#define UNLOCK_RELEASE(m)	RMW_RELEASE(LOCK, MEMBER(m))
#endif
#ifdef BUMP_NOT_ACQUIRED
#define BUMP_ACQUIRE(m)		skip
#else
#define BUMP_ACQUIRE(m)		ACQUIRE(COMMIT, MEMBER(m))
#endif
#ifdef BUMP_NOT_RELEASED
#define BUMP_RELEASE(m)		skip
#else
#define BUMP_RELEASE(m)		RMW_RELEASE(COMMIT, MEMBER(m))
#endif
#ifdef BUMP_LOOK_RELAXED
#define BUMP_LOOK_ACQUIRE(m)	skip
#else
#define BUMP_LOOK_ACQUIRE(m)	ACQUIRE(COMMIT, MEMBER(m))
#endif
#ifdef L1_NOT_RELEASED
#define L1_RELEASE(h, i, k, m)	skip
#else
#define L1_RELEASE(h, i, k, m)	RMW_RELEASE(WORD(h, i, k), MEMBER(m))
#endif
#ifdef L2_NOT_RELEASED
#define L2_RELEASE(m)		skip
#else
#define L2_RELEASE(m)		RMW_RELEASE(COMMIT, MEMBER(m))
#endif
#ifdef M1_NOT_ACQUIRED
#define M1_ACQUIRE		skip
#else
#define M1_ACQUIRE		ACQUIRE(COMMIT, READER)
#endif
#ifdef M2_NOT_ACQUIRED
#define M2_ACQUIRE(h, i, k)	skip
#else
#define M2_ACQUIRE(h, i, k)	ACQUIRE(WORD(h, i, k), READER)
#endif
#ifdef COUNT_NOT_ACQUIRED
#define COUNT_ACQUIRE(m)	skip
#else
#define COUNT_ACQUIRE(m)	ACQUIRE(COUNT, MEMBER(m))
#endif
#ifdef COUNT_NOT_RELEASED
#define COUNT_RELEASE		skip
#else
#define COUNT_RELEASE		RMW_RELEASE(COUNT, EVICTOR)
#endif
#ifdef PLACE_NOT_ACQUIRED
#define PLACE_ACQUIRE(v, m)	skip
#else
#define PLACE_ACQUIRE(v, m)	ACQUIRE(PLACE(v), MEMBER(m))
#endif
#ifdef PLACE_NOT_RELEASED
#define PLACE_RELEASE(v)	RELAXED(PLACE(v))
#else
#define PLACE_RELEASE(v)	RELEASE(PLACE(v), EVICTOR)
#endif

#include "orders.pml"

/* ---------------------------------------------------------------- memory */

typedef word_t {
	byte stamp;			/* evictions when it was written */
	byte name
};
typedef entry_t { word_t word[2] };
typedef half_t { entry_t entry[CAP] };

byte lock;				/* the holder, from 1 */
byte flips, takeovers, length;		/* with half: the commit word */
bit half;
half_t log[2];
byte evictions;
byte place[MEMBERS];
byte dead, asleep;			/* a bit each; asleep: for ever, unlike who is late */

#define LIVE		0
#define EVICTING	1		/* it takes no lock any more; nobody takes its yet */
#define EVICTED		2

#define BIT(m)		(1 << (m))
#define IS_GONE(m)	(dead & BIT(m) || place[m] == EVICTED)

/* For assertions. */
byte set[CAP];				/* what is committed */
byte tenure;				/* who has taken the lock, and not dropped it: a bit each */
byte earlier[MEMBERS];			/* who had it before */
byte passed;				/* another had it after them, and looked */

/* ------------------------------------------------------------------ lock */

/* The word has become m's; was: whose it was, from 1, or 0. */
inline taken(m, was) {
	TAKE_ACQUIRE(m);
	RMW_RELEASE(LOCK, MEMBER(m));
	if
	:: was -> forget(LOST(was - 1)); LEARNS(MEMBER(m), LOST(was - 1))
	:: else
	fi;
	forget(LOST(m));
	x = 0;
	do
	:: x < MEMBERS ->
		PROMISE(1, x == m || !(tenure & BIT(x)) || IS_GONE(x));
		earlier[x] = earlier[x] & ~BIT(m);
		x++
	:: else -> break
	od;
	earlier[m] = ALL & ~BIT(m);
	passed = passed & ~BIT(m);
	tenure = tenure | BIT(m);
	RMW_RELEASE(LOCK, MEMBER(m))
}

/* shared_unlock(). Who is half evicted drops it, too: nobody may ever take it over. */
#ifndef DROPPED_IF_LIVE
#define DROPPED_IF_LIVE	false
#endif

inline drop_lock(m) {
	d_step {
		tenure = tenure & ~BIT(m);
		if
#ifdef UNLOCKED_BY_STORE
		:: true ->
#else
		:: lock == m + 1 && !(DROPPED_IF_LIVE && place[m] != LIVE) ->
#endif
			lock = 0;
			UNLOCK_RELEASE(m)
		:: else
		fi
	}
}

#ifdef EVICTED_NOT_REPLACED
#define REPLACES(v)	(dead & BIT(v))
#elif defined(DEAD_NOT_REPLACED)
#define REPLACES(v)	(place[v] == EVICTED)
#elif defined(ALL_REPLACED)
#define REPLACES(v)	true
#else
#define REPLACES(v)	IS_GONE(v)
#endif
#ifdef TAKEN_OVER_BY_STORE
#define STILL(old)	true
#else
#define STILL(old)	(lock == (old))
#endif

/* shared_lock(). */
inline take_word(m) {
	do
	:: d_step { lock == 0 -> lock = m + 1; taken(m, 0) }; break
	:: atomic {
			lock != 0 && lock != m + 1 && REPLACES(lock - 1) -> old = lock;
			PLACE_ACQUIRE(old - 1, m)
		};
		if
		:: d_step { STILL(old) -> lock = m + 1; taken(m, old); old = 0; over = 1 }; break
		:: atomic { !STILL(old) -> old = 0 }
		fi
	od
}

inline bump(m) {
	takeovers++;
	BUMP_ACQUIRE(m);
	forget(COMMITTED);
	LEARNS(MEMBER(m), COMMITTED);
	BUMP_RELEASE(m)
}

#ifdef COMMITTED_BY_STORE
#define IS_COMMIT(f, t, h, n)	true
#else
#define IS_COMMIT(f, t, h, n) \
	(flips == (f) && takeovers == (t) && half == (h) && length == (n))
#endif

/*
 * shared_log_take_over(). A look at the lock may find it still the member's own, unless it
 * knows better; then what it compares with is older than its successor's.
 */
inline take_over(m) {
#ifdef TAKEOVER_SAID_LATE
	d_step { bump(m) };
#elif !defined(TAKEOVER_NOT_SAID)
	do
	:: atomic {
			t = takeovers;
			f = flips;
			n = length;
			BUMP_LOOK_ACQUIRE(m);
			if
			:: lock != m + 1 -> break
			:: lock == m + 1 || !KNOWS(MEMBER(m), LOST(m))
			fi
		};
		if
		:: d_step { IS_COMMIT(f, t, half, n) -> bump(m) }; break
		:: else
		fi
	od;
#endif
	atomic { over = 0; t = 0; f = 0; n = 0 }
}

/* ------------------------------------------------------------------- log */

#ifdef WORD_STORED
#define REFUSES(h, i, k)	false
#else
#define REFUSES(h, i, k)	(log[h].entry[i].word[k].stamp > ev)
#endif
#ifndef STAMP_NOT_COMPARED
#define STAMP_NOT_COMPARED	false
#endif
#define SAME_STAMP(h, i, k)	(STAMP_NOT_COMPARED || log[h].entry[i].word[k].stamp == ev)
#ifdef SAME_NOT_ACQUIRED
#define SAME_ACQUIRE(h, i, k, m)	skip
#else
#define SAME_ACQUIRE(h, i, k, m)	ACQUIRE(WORD(h, i, k), MEMBER(m))
#endif
#ifdef REWRITTEN_IN_PLACE
#define OTHER(h)	(h)
#else
#define OTHER(h)	(1 - (h))
#endif
#ifdef FLIP_NOT_COUNTED
#define FLIPPED(f)	(f)
#else
#define FLIPPED(f)	((f) + 1)
#endif

/* Where the entries go, and which is the j-th of them. */
#define TO_HALF		(rewrites -> OTHER(h) : h)
#define BEHIND		(rewrites -> 0 : n)
#define NAME(m, j)	((kept && (j) == 0) -> kept : (1 + ((m) * ROUNDS + round) * CAP + (j)))

/* What its words have. */
#define WORD_OF(name, k)	((k) -> (name) : ((name) + ROUNDS * CAP - 1) / (ROUNDS * CAP))

/* In begin(): what is committed, which cannot change unless the lock is lost. */
inline look(m) {
	atomic {
		PROMISE(7, place[m] != LIVE || KNOWS(MEMBER(m), COMMITTED));
		ACQUIRE(COMMIT, MEMBER(m));
		f = flips;
		t = takeovers;
		h = half;
		n = length;
		passed = passed | (lock == m + 1 -> earlier[m] : 0)
	}
}

/* The w-th word of what is staged, unless that is there. */
inline store_word(m) {
	y = TO_HALF;
	z = BEHIND + w / 2;
	PROMISE(4, y != half || z >= length);
	if
	:: SAME_STAMP(y, z, w % 2) &&
	   log[y].entry[z].word[w % 2].name == WORD_OF(NAME(m, w / 2), w % 2) ->
		SAME_ACQUIRE(y, z, w % 2, m)
	:: else ->
		log[y].entry[z].word[w % 2].stamp = ev;
		log[y].entry[z].word[w % 2].name = WORD_OF(NAME(m, w / 2), w % 2);
		forget(WROTE(y, z, w % 2));
		LEARNS(MEMBER(m), WROTE(y, z, w % 2));
		L1_RELEASE(y, z, w % 2, m)
	fi;
	w++
}

#define WORD_IS_REFUSED		REFUSES(TO_HALF, BEHIND + w / 2, w % 2)

/* L1, unless there was a later eviction. */
inline stage(m) {
	do
	:: d_step { w < 2 * count && WORD_IS_REFUSED -> lost = 1; PROMISE(5, place[m] == EVICTED) };
		break
#ifdef WORD_LOOKED_AT_BEFORE
	:: w < 2 * count && !WORD_IS_REFUSED -> d_step { store_word(m) }
#else
	:: d_step { w < 2 * count && !WORD_IS_REFUSED -> store_word(m) }
#endif
	:: w == 2 * count -> break
	od
}

/* The j-th entry of what is committed now. */
inline set_entry(m, j) {
	z = BEHIND + j;
	PROMISE(4, log[y].entry[z].word[0].name == WORD_OF(NAME(m, j), 0));
	PROMISE(4, log[y].entry[z].word[1].name == WORD_OF(NAME(m, j), 1));
	set[z] = NAME(m, j)
}

inline show_all(m) {
	PROMISE(3, !(passed & BIT(m)));
	y = TO_HALF;
	set_entry(m, 0);
	if :: count == 2 -> set_entry(m, 1) :: else fi;
	takeovers = t;
	length = BEHIND + count;
	half = y;
	flips = (rewrites -> FLIPPED(f) : f);
	if :: rewrites -> forget(FLIP(flips)); LEARNS(MEMBER(m), FLIP(flips)) :: else fi;
	ACQUIRE(COMMIT, MEMBER(m));
	forget(COMMITTED);
	LEARNS(MEMBER(m), COMMITTED);
	L2_RELEASE(m)
}

/* L2. */
inline publish(m) {
	if
	:: lost
	:: d_step { !lost && IS_COMMIT(f, t, h, n) -> show_all(m) }
	:: !lost && !IS_COMMIT(f, t, h, n) -> PROMISE(5, place[m] == EVICTED)
	fi
}

/* --------------------------------------------------------------- members */

/* lock(). */
inline take_lock(m) {
#ifdef COUNTED_BEFORE_LOCK
	atomic { ev = evictions; COUNT_ACQUIRE(m) };
#endif
	take_word(m);
	if :: over -> take_over(m) :: else fi;
#ifndef COUNTED_BEFORE_LOCK
	atomic { ev = evictions; COUNT_ACQUIRE(m) };
#endif
	look(m)
}

/* pool_check(), by reserve(). */
#ifdef RESERVED_UNCHECKED
#define MAY_STAGE(m)	true
#else
#define MAY_STAGE(m)	(place[m] == LIVE || !KNOWS(MEMBER(m), GOES(m)))
#endif

/*
 * reserve(), edit(): one entry or two behind what is there; or one, or that behind the last
 * that is there, in the other half.
 */
inline reserve(m) {
	if
	:: atomic { MAY_STAGE(m) && n < CAP -> count = 1 }
	:: atomic { MAY_STAGE(m) && n + 2 <= CAP && MOST_ADDS > 1 -> count = 2 }
	:: atomic { MAY_STAGE(m) && REWRITES -> rewrites = 1; count = 1 }
	:: atomic {
			MAY_STAGE(m) && REWRITES && n > 0 -> rewrites = 1; count = 2;
			kept = log[h].entry[n - 1].word[1].name
		}
	:: place[m] != LIVE || (n == CAP && !REWRITES)
	fi
}

proctype member(byte m) {
	byte round, ev, old;
	byte f, t, h, n;		/* what is committed, as it knows */
	byte count, kept, w;
	bit over, lost, rewrites;

	{
		do
		:: round == ROUNDS -> break
		:: else ->
			take_lock(m);
			reserve(m);
			if
			:: count -> stage(m); publish(m)
			:: else
			fi;
			drop_lock(m);
			d_step {
				ev = 0; f = 0; t = 0; h = 0; n = 0;
				count = 0; kept = 0; w = 0; lost = 0; rewrites = 0;
				round++
			}
		od
	} unless {
		d_step {
			(dead | asleep) & BIT(m) ->
			tenure = tenure & ~BIT(m);
			round = 0; ev = 0; old = 0; f = 0; t = 0; h = 0; n = 0;
			count = 0; kept = 0; w = 0; over = 0; lost = 0; rewrites = 0
		}
	}
}

/* ---------------------------------------------------------------- others */

inline settle(v, state) {
	d_step {
		place[v] = state;
		if
		:: !KNOWS(EVICTOR, GOES(v)) -> forget(GOES(v)); LEARNS(EVICTOR, GOES(v))
		:: else
		fi;
		PLACE_RELEASE(v)
	}
}

/* evict(). Two at a time raise the count once more. Who does it may stop for ever behind any step. */
proctype evictor() {
	byte v, left;

	left = EVICTIONS;
	do
	:: break
	:: left > 0 ->
		atomic {
			v = EVICTIONS - left;
			left--
		};
#ifdef COUNTED_LAST
		settle(v, EVICTED);
#endif
#if !defined(EVICTED_AT_ONCE) && !defined(COUNTED_LAST)
		settle(v, EVICTING);
#endif
		if
		:: d_step { evictions++; ACQUIRE(COUNT, EVICTOR); COUNT_RELEASE };
#ifndef COUNTED_LAST
			if :: settle(v, EVICTED) :: true fi
#endif
		:: true
		fi;
		v = 0
	od
}

/* Which of those that are alike does not matter. */
#define MAY_CRASH(m)	((m) < MEMBERS && (m) <= EVICTIONS + CRASHES - left)

/* Others learn of a death. Of an evicted one they need not learn whether it goes on. */
inline end_of(m) {
	atomic {
		left > 0 && MAY_CRASH(m) && !((dead | asleep) & BIT(m)) ->
		if
		:: dead = dead | BIT(m)
		:: place[m] == EVICTED -> asleep = asleep | BIT(m)
		fi;
		left--
	}
}

proctype reaper() {
	byte left;

	left = CRASHES;
	do
	:: break
	:: end_of(0)
	:: end_of(1)
	:: end_of(2)
	od
}

#ifdef NO_SECOND_LOOK
#define SAME_FLIPS	true
#else
#define SAME_FLIPS	(flips == f || !KNOWS(READER, FLIP(f + 1)))
#endif

/* shared_log_read(). */
proctype reader() {
	byte f, h, n, i;
	bit differs;
	byte wanted[CAP];

	do
	:: atomic {			/* M1 */
			f = flips;
			h = half;
			n = length;
			wanted[0] = (n > 0 -> set[0] : 0);
			wanted[1] = (n > 1 -> set[1] : 0);
			M1_ACQUIRE
		};
		do
		:: d_step {		/* M2 */
				i < 2 * n ->
				PROMISE(7, f != flips || KNOWS(READER, WROTE(h, i / 2, i % 2)));
				differs = differs |
					  (log[h].entry[i / 2].word[i % 2].name !=
					   WORD_OF(wanted[i / 2], i % 2));
				M2_ACQUIRE(h, i / 2, i % 2);
				i++
			}
		:: i == 2 * n -> break
		od;
		if			/* M3 */
		:: SAME_FLIPS -> PROMISE(2, !differs); break
		:: atomic { flips != f -> i = 0; differs = 0 }
		fi
	od
}

init {
	byte m;

	atomic {
		do
		:: m < MEMBERS -> LEARNS(MEMBER(m), COMMITTED); run member(m); m++
		:: else -> break
		od;
		run evictor();
		run reaper();
		if :: READERS -> run reader() :: else fi
	}
}
