/* SPDX-License-Identifier: MIT */
/*
 * What the model of the fence stands on: the flags as C11's atomic word, the room, the
 * callbacks' memory; and the orders of all accesses.
 */

/* The flags, as far as anybody looks at them. */
#define SIGNALED	1
#define TIMESTAMP	2
#define ENABLED		4
#define HAS_CALLBACKS	8
#define HAS_WAITERS	16
#define USER		32
#define VALUES		7		/* each bit is set once */

/* Atomic locations, then threads. Each value of the flags leaves a set of its own. */
#define LEFT(i)		(i)
#define LOCK		VALUES
#define BUCKET		(VALUES + 1)
#define REFS		(VALUES + 2)
#define THREAD(t)	(VALUES + 3 + (t))
#define KNOWERS		(VALUES + 3 + THREADS)

/*
 * A bit a write: a value of the flags; what a thread wrote before it signalled; the
 * last use of the room; a look at the timestamp; the last use of a callback's memory;
 * what the callback wrote.
 */
#define FLAGS(i)	(1 << (i))
#define WROTE(t)	(1 << (VALUES + (t)))
#define ROOM		(1 << (VALUES + 6))
#define LOOK(t)		(1 << (VALUES + 7 + (t)))
#define LOOKS		(63 << (VALUES + 7))
#define NODE(c)		(1 << (VALUES + 13 + (c)))
#define RAN(c)		(1 << (VALUES + 15 + (c)))
#define AT_FIRST	(FLAGS(0) | ROOM | LOOKS | NODE(0) | NODE(1))

/* The orders and steps: what the twin does, else what the code does. */
#ifdef S1_NOT_RELEASED
#define S1_RELEASE	0
#else
#define S1_RELEASE	1
#endif
#ifdef S1_NOT_ACQUIRED
#define S1_ACQUIRE	0
#else
#define S1_ACQUIRE	1
#endif
#ifdef S3_NOT_RELEASED
#define S3_RELEASE	0
#else
#define S3_RELEASE	1
#endif
#ifdef S4_NOT_RELEASED
#define S4_RELEASE	0
#else
#define S4_RELEASE	1
#endif
#ifdef S4_NOT_ACQUIRED
#define S4_ACQUIRE	0
#else
#define S4_ACQUIRE	1
#endif
#ifdef S5_NOT_RELEASED
#define S5_RELEASE	0
#else
#define S5_RELEASE	1
#endif
#ifdef S5_NOT_ACQUIRED
#define S5_ACQUIRE	0
#else
#define S5_ACQUIRE	1
#endif
#ifdef C1_NOT_ACQUIRED
#define C1_ACQUIRE	0
#else
#define C1_ACQUIRE	1
#endif
#ifdef ENABLE_NOT_ACQUIRED
#define ENABLE_ACQUIRE	0
#else
#define ENABLE_ACQUIRE	1
#endif
#ifdef A1_NOT_ACQUIRED
#define A1_ACQUIRE	0
#else
#define A1_ACQUIRE	1
#endif
#ifdef TEST_NOT_ACQUIRED
#define TEST_ACQUIRE	0
#else
#define TEST_ACQUIRE	1
#endif
#ifdef TIMESTAMP_NOT_ACQUIRED
#define TIMESTAMP_ACQUIRE	0
#else
#define TIMESTAMP_ACQUIRE	1
#endif
#ifdef PUT_NOT_RELEASED
#define PUT_RELEASE(t)	skip
#else
#define PUT_RELEASE(t)	RMW_RELEASE(REFS, THREAD(t))
#endif
#ifdef PUT_NOT_ACQUIRED
#define PUT_ACQUIRE(t)	skip
#else
#define PUT_ACQUIRE(t)	ACQUIRE(REFS, THREAD(t))
#endif
#ifdef UNLOCK_NOT_RELEASED
#define UNLOCK(t)	atomic { held = 0; RELAXED(LOCK) }
#else
#define UNLOCK(t)	atomic { held = 0; RELEASE(LOCK, THREAD(t)) }
#endif
#ifdef LOCK_NOT_ACQUIRED
#define TAKE(t)		atomic { !held -> held = 1 }
#else
#define TAKE(t)		atomic { !held -> held = 1; ACQUIRE(LOCK, THREAD(t)) }
#endif

#include "orders.pml"

/* ------------------------------------------------------------- the flags */

byte value[VALUES];			/* in the order in which they were written */
byte last;

/* Loads what the thread has not seen overwritten. */
inline load(t, ret, acquire) {
	atomic {
		i = last;
		do
		:: i > 0 && !KNOWS(THREAD(t), FLAGS(i)) -> i--
		:: break
		od;
		d_step {
			ret = value[i];
			LEARNS(THREAD(t), FLAGS(i));
			if
			:: acquire -> ACQUIRE(LEFT(i), THREAD(t))
			:: else
			fi;
			i = 0
		}
	}
}

/* Sets bits in the last value, which it returns. Inside one step. */
inline fetch_or(t, bits, ret, acquire, release) {
	ret = value[last];
	LEARNS(THREAD(t), FLAGS(last));
	if
	:: acquire -> ACQUIRE(LEFT(last), THREAD(t))
	:: else
	fi;
	if
	:: (ret | (bits)) != ret ->
		last++;
		value[last] = ret | (bits);
		LEARNS(THREAD(t), FLAGS(last));
		knows[LEFT(last)] = knows[LEFT(last - 1)];
		if
		:: release -> RMW_RELEASE(LEFT(last), THREAD(t))
		:: else
		fi
	:: else
	fi
}

/* ----------------------------------------------------- the fence's memory */

#define FOR_LIST	0		/* whose the room is */
#define FOR_TIME	1
#define FOR_RECLAIM	2

byte room;
bool stamped;
byte list[2];				/* callbacks, from 1; 0: none */
bit held;				/* the fence's lock */
byte refs;
byte asleep;				/* waiters, a bit each */
byte signals;				/* that counted */
byte signaller_was;

/* Callbacks: a bit each. */
byte added, removed, ran, freed;
byte first_added;			/* from 1 */

/* What a wait for any of several sleeps on: the callback's memory has it, too. */
#define AWAKE		0
#define ASLEEP		1
#define CALLED		2
byte any[2];
byte any_asleep;			/* a bit each */
#define ANY_WAKE(c)	(1 << (c))		/* in `wake`, below HAS_WAITERS */

inline use_room(t, whose) {
	PROMISE(6, room == whose);
	PROMISE(7, KNOWS(THREAD(t), LOOKS));
	touch(ROOM, THREAD(t))
}

inline use_node(t, c) {
	PROMISE(4, !(freed & (1 << (c))));
	touch(NODE(c), THREAD(t))
}

/* What a change of the list touches: its head, and what is linked. */
inline use_list(t) {
	use_room(t, FOR_LIST);
	if
	:: list[0] -> use_node(t, list[0] - 1)
	:: else
	fi;
	if
	:: list[1] -> use_node(t, list[1] - 1)
	:: else
	fi
}

inline detach(t) {
	use_list(t);
	detached[0] = list[0];
	detached[1] = list[1];
	list[0] = 0;
	list[1] = 0
}

inline write_time(t) {			/* S2 */
	PROMISE(2, !stamped);
	use_room(t, FOR_LIST);
	room = FOR_TIME;
	stamped = 1
}

/* Told that it has signalled. */
#define TOLD(t)		PROMISE(1, signals && KNOWS(THREAD(t), WROTE(signaller_was)))
