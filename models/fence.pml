/* SPDX-License-Identifier: MIT */
/*
 * A Spin model of one fence: its state word against signallers, waiters and
 * callbacks (src/fence/dma-fence-signal.c, dma-fence-wait.c). models/check verifies it, and
 * sees Spin refute each of the twins below.
 *
 * Who runs, each with a reference: signallers, which signal with or without the lock
 * held; callers, which add a callback, and remove it or leave it, and whose call may
 * enable signalling, which may find that all is done; waiters, with or without a
 * time-out; watchers, which look, take and drop the lock, and read the timestamp; and
 * somebody who sets a bit of the user's. A signaller may forget to (ABANDONED). The last
 * reference ends the fence, and takes the room. Steps carry the names of the diagram
 * in the code: S1 to S5, C1 to C3, A1 to A3, B1.
 *
 * The flags are C11's atomic word: a load may return any value of it that the thread
 * does not know to be overwritten; a read-modify-write sees the last. One that changes
 * nothing leaves nothing to others, which is less than C11 promises. The kernel's
 * look at a futex and a wake-up there are ordered by its lock, BUCKET, and by nothing
 * else. The lock of the fence is spinlock.pml's.
 *
 * The promises, with those of docs/ordering.md that they serve.
 *   1  who is told that it has signalled knows what the signaller wrote (O1, O3)
 *   2  one signal counts, and the timestamp is written once (O2, O3)
 *   3  a callback runs once, after an add that returned 0 and no remove that returned
 *      true, in the order in which they were added; else never (O4)
 *   4  remove false: it has run, and is known; no callback is touched after that, nor
 *      after a remove that returned true (O4)
 *   5  seen signalled, then the lock taken and dropped: all callbacks have run (O4)
 *   6  the room is the list's, then the timestamp's, then the reclaimer's (O3)
 *   7  every use of the room and of a callback's memory happened before the next (O4)
 *   8  the last reference finds all that anybody did (O12)
 *   end  nobody sleeps or waits for ever: every wake-up arrives, every callback runs (O17)
 */
#ifndef SIGNALLERS
#define SIGNALLERS	1
#endif
#ifndef CALLERS
#define CALLERS		0		/* two at most */
#endif
#ifndef WAITERS
#define WAITERS		0
#endif
#ifndef WATCHERS
#define WATCHERS	0
#endif
#ifndef USERS
#define USERS		0		/* who set a bit of their own */
#endif
#define THREADS		(SIGNALLERS + CALLERS + WAITERS + WATCHERS + USERS)

#include "fence-memory.pml"

/* ------------------------------------------------------------- signalling */

inline stamp(t) {
	d_step { write_time(t) };
	d_step { fetch_or(t, TIMESTAMP, was, 0, S3_RELEASE) }	/* S3 */
}

inline counts(t) {
	signals++;
	PROMISE(2, signals == 1);
	signaller_was = t
}

inline run_callback(t) {
	d_step {
		y = detached[0] - 1;
		detached[0] = detached[1];
		detached[1] = 0;
#ifndef UNLINK_AFTER_CALL
		use_node(t, y);
#endif
		PROMISE(3, added & (1 << y) && !((removed | ran) & (1 << y)));
		PROMISE(3, y + 1 == first_added || !(added & ~(1 << y)) || (ran | removed));
		PROMISE(1, KNOWS(THREAD(t), WROTE(signaller_was)));
		ran = ran | (1 << y);
		LEARNS(THREAD(t), RAN(y));
#ifdef ANY
		use_node(t, y);
		wake = wake | (any[y] == ASLEEP -> ANY_WAKE(y) : 0);
		any[y] = CALLED;
#endif
#ifdef UNLINK_AFTER_CALL
		i = y;
#endif
		skip
	};
#ifdef UNLINK_AFTER_CALL
	d_step { use_node(t, i); i = 0 };
#endif
#ifdef ANY
	d_step {
		any_asleep = any_asleep & ~wake;
		wake = wake & HAS_WAITERS
	};
#endif
	skip
}

inline run_callbacks(t) {
	do
	:: detached[0] -> run_callback(t)
	:: else -> break
	od
}

/* Under the lock, after C1. */
inline signal_callbacks(t) {
#ifndef S4_BEFORE_S2
	d_step { detach(t); write_time(t) };
#endif
	d_step {			/* S4 */
		fetch_or(t, SIGNALED | TIMESTAMP, was, S4_ACQUIRE, S4_RELEASE);
		counts(t);
		wake = was & HAS_WAITERS
	};
#ifdef S4_BEFORE_S2
	d_step { detach(t); write_time(t) };
#endif
	run_callbacks(t)
}

/* Under the lock. `was`: the flags as they were. */
inline signal_under_lock(t) {
#ifdef SIGNALLED_BEFORE_LOCK
	if
	:: first ->
		d_step {
			first = 0;
			if
			:: was & HAS_CALLBACKS -> detach(t)
			:: else
			fi;
			wake = was & HAS_WAITERS
		};
		stamp(t);
		run_callbacks(t)
	:: else
	fi
#else
	load(t, was, S5_ACQUIRE);
	if
	:: was & SIGNALED
	:: !(was & SIGNALED) && was & HAS_CALLBACKS -> signal_callbacks(t)
	:: else ->
		d_step {		/* S5 */
			fetch_or(t, SIGNALED, was, S5_ACQUIRE, S5_RELEASE);
			if
			:: !(was & SIGNALED) ->
				counts(t);
				wake = was & HAS_WAITERS;
				first = 1
			:: else
			fi
		};
		if
		:: first ->
			d_step { write_time(t); first = 0 };
			d_step { fetch_or(t, TIMESTAMP, was, 0, S3_RELEASE) }	/* S3 */
		:: else
		fi
	fi
#endif
}

inline wake_waiters(t) {
#ifdef WOKE_ONE
	if
	:: wake -> atomic {		/* B1 */
			LEARNS(BUCKET, knows[THREAD(t)]);
			asleep = asleep & (asleep - 1)
		}
	:: else
	fi
#else
	if
	:: wake -> d_step {		/* B1 */
			LEARNS(BUCKET, knows[THREAD(t)]);
			asleep = 0
		}
	:: else
	fi
#endif
	;
	wake = 0
}

/* What S1 found decides whether to wake. */
#ifdef WAKE_BY_OLD_FLAGS
#define NOTE_WAITERS
#else
#define NOTE_WAITERS	wake = was & HAS_WAITERS
#endif

#ifdef ROOM_BEFORE_S1
#define NEEDS_LOCK(flags)	false
#else
#define NEEDS_LOCK(flags)	((flags) & HAS_CALLBACKS)
#endif

#ifdef FOREIGN_LOCK
#define OUTER_LOCK	true
#else
#define OUTER_LOCK	false
#endif

inline fence_signal(t) {
	load(t, was, S1_ACQUIRE);
#ifdef WAKE_BY_OLD_FLAGS
	wake = was & HAS_WAITERS;
#endif
	do
	:: was & SIGNALED -> break
	:: !(was & SIGNALED) && (NEEDS_LOCK(was) || OUTER_LOCK) ->
#ifdef SIGNALLED_BEFORE_LOCK
		d_step {
			fetch_or(t, SIGNALED, was, S5_ACQUIRE, S5_RELEASE);
			if
			:: !(was & SIGNALED) -> counts(t); first = 1
			:: else
			fi
		};
#endif
		TAKE(t);
		signal_under_lock(t);
		UNLOCK(t);
		break
	:: !(was & SIGNALED) && !(NEEDS_LOCK(was) || OUTER_LOCK) ->
		atomic {
			if
			:: value[last] == was ->	/* S1 */
				d_step {
					fetch_or(t, SIGNALED, was, S1_ACQUIRE, S1_RELEASE);
					counts(t);
					NOTE_WAITERS;
					first = 1
				}
			:: else -> d_step { fetch_or(t, 0, was, S1_ACQUIRE, 0) }
			fi
		};
		if
		:: first -> stamp(t); first = 0; break
		:: else
		fi
	od;
	wake_waiters(t)
}

/* The last reference takes the room; who registered must hear something first. */
inline put(t) {
	atomic {
		refs--;
		PUT_RELEASE(t);
		if
		:: refs == 0 ->
			PUT_ACQUIRE(t);
			PROMISE(8, KNOWS(THREAD(t), FLAGS(last)));
			last_put = 1
		:: else
		fi
#ifdef ABANDONED
	};
	if
	:: last_put && !(value[last] & SIGNALED) && value[last] & HAS_CALLBACKS ->
		TAKE(t);
#ifndef ABANDONED_IN_SILENCE
		if
		:: list[0] -> signal_under_lock(t)
		:: else
		fi;
#endif
		UNLOCK(t)
	:: else
	fi;
	atomic {
#else
		;
#endif
		if
		:: last_put ->
			d_step {
				use_room(t, (value[last] & SIGNALED -> FOR_TIME : FOR_LIST));
				room = FOR_RECLAIM
			}
		:: else
		fi;
		last_put = 0
	}
}

/* Some signal with the lock held by the caller, who has it for reasons of its own. */
proctype signaller(byte t) {
	byte was, wake, i;
	byte detached[2];
	bit first, last_put;

	if
	:: fence_signal(t)
#ifndef SIGNALLED_BEFORE_LOCK
	:: TAKE(t);
		signal_under_lock(t);
		wake_waiters(t);
		UNLOCK(t)
#endif
#ifdef ABANDONED
	:: goto out			/* never does */
#endif
	fi;
	TOLD(t);
#ifdef ABANDONED
out:
#endif
	put(t)
}

/* -------------------------------------------------------------- callbacks */

/* Under the lock. `was` has SIGNALED if it has signalled. */
inline enable_signaling(t) {
	load(t, was, ENABLE_ACQUIRE);
	if
	:: was & (SIGNALED | ENABLED) -> was = was & SIGNALED
	:: else ->
		d_step { fetch_or(t, ENABLED, was, ENABLE_ACQUIRE, 1) };
		if
		:: was & (SIGNALED | ENABLED) -> was = was & SIGNALED
		:: else ->
			if
			:: was = 0
#ifdef ENABLING_MAY_FAIL
			:: signal_under_lock(t);
				wake_waiters(t);
				was = SIGNALED
#endif
			fi
		fi
	fi
}

proctype caller(byte t, c) {
	byte was, wake, i;
	byte detached[2];
	bit first, listed, last_put;

	d_step { use_node(t, c) };
	load(t, was, TEST_ACQUIRE);
	if
	:: was & SIGNALED -> goto told
	:: else
	fi;
	TAKE(t);
	enable_signaling(t);
	if
	:: was & SIGNALED -> UNLOCK(t); goto told
	:: else
	fi;
#ifdef LINKED_BEFORE_C1
	d_step {
		use_list(t);
		use_node(t, c);
		i = (list[0] -> 1 : 0);
		list[i] = c + 1;
		i = 0;
		added = added | (1 << c)
	};
#endif
	d_step { fetch_or(t, HAS_CALLBACKS, was, C1_ACQUIRE, 1) };	/* C1 */
#ifdef C1_NOT_TESTED
	was = 0;
#endif
	if
	:: was & SIGNALED -> UNLOCK(t); goto told	/* C2 */
	:: else
	fi;
#ifndef LINKED_BEFORE_C1
	d_step {			/* C3 */
		use_list(t);
		use_node(t, c);
#ifdef ADDED_IN_FRONT
		list[1] = list[0];
#else
		i = (list[0] -> 1 : 0);
#endif
		list[i] = c + 1;
		i = 0;
		added = added | (1 << c);
		first_added = (first_added -> first_added : c + 1)
	};
#endif
	UNLOCK(t);
#ifdef ANY
	do
	:: atomic {
			if
#ifdef ANY_STORED
			:: true -> any[c] = ASLEEP
#else
			:: any[c] == AWAKE -> any[c] = ASLEEP
#endif
			:: any[c] == CALLED -> break
			:: any[c] == ASLEEP
			fi
		};
		atomic {
			if
			:: any[c] == ASLEEP -> any_asleep = any_asleep | (1 << c)
			:: else
			fi
		};
		if
		:: !(any_asleep & (1 << c))
#ifdef TIMEOUTS
		:: atomic { any_asleep & (1 << c) -> any_asleep = any_asleep & ~(1 << c) }; break
#endif
		fi
	od;
#endif
	if
	:: TAKE(t);			/* remove_callback */
		d_step {
			use_node(t, c);
			listed = (list[0] == c + 1 || list[1] == c + 1);
			if
			:: listed ->
				use_list(t);
				if
				:: list[0] == c + 1 -> list[0] = list[1]
				:: else
				fi;
				list[1] = 0;
				removed = removed | (1 << c)
			:: else
			fi
		};
		UNLOCK(t);
		d_step {
			PROMISE(4, listed || (ran & (1 << c) && KNOWS(THREAD(t), RAN(c))));
			PROMISE(3, !listed || !(ran & (1 << c)));
			freed = freed | (1 << c);
			listed = 0
		};
		put(t)
#ifndef ANY
	:: put(t);			/* leave it: it must run */
		atomic { ran & (1 << c) -> freed = freed | (1 << c) }
#endif
	fi;
	goto out;
told:
	atomic {
		TOLD(t);
		freed = freed | (1 << c)
	};
	put(t);
out:
	skip
}

/* ---------------------------------------------------------------- waiters */

proctype waiter(byte t) {
	byte was, wake, i;
	byte detached[2];
	bit first, last_put;

	if
	:: load(t, was, ENABLE_ACQUIRE);
		if
		:: was & (SIGNALED | ENABLED)
		:: else ->
			TAKE(t);
			enable_signaling(t);
			UNLOCK(t)
		fi
	:: skip				/* dma_fence_default_wait() alone */
	fi;
	load(t, was, TEST_ACQUIRE);
	do
	:: was & SIGNALED -> TOLD(t); break
	:: else ->
#ifdef A1_TORN
		load(t, was, A1_ACQUIRE);
		d_step {		/* a store: what came between is lost */
			LEARNS(THREAD(t), FLAGS(last));
			last++;
			value[last] = was | HAS_WAITERS;
			LEARNS(THREAD(t), FLAGS(last));
			RELEASE(LEFT(last), THREAD(t))
		};
#else
		d_step { fetch_or(t, HAS_WAITERS, was, A1_ACQUIRE, 1) };	/* A1 */
#endif
		if
		:: was & SIGNALED -> TOLD(t); break	/* A2 */
		:: else
		fi;
		atomic {		/* A3: the kernel compares, under its lock */
			LEARNS(THREAD(t), knows[BUCKET]);
			i = last;
			do
			:: i > 0 && !KNOWS(THREAD(t), FLAGS(i)) -> i--
			:: break
			od;
			LEARNS(THREAD(t), FLAGS(i));
			if
#ifdef A3_NOT_COMPARED
			:: true ->
#else
			:: value[i] == (was | HAS_WAITERS) ->
#endif
				asleep = asleep | (1 << t)
			:: else
			fi;
			i = 0
		};
		if
		:: !(asleep & (1 << t))
#ifdef TIMEOUTS
		:: atomic { asleep & (1 << t) -> asleep = asleep & ~(1 << t) }; break
#endif
		fi
	od;
	put(t)
}

/* Looks; who sees it signalled knows more after the lock; and the timestamp comes. */
proctype watcher(byte t) {
	byte was, wake, i;
	byte detached[2];
	bit first, last_put;

	load(t, was, TEST_ACQUIRE);
	if
	:: was & SIGNALED ->
		TOLD(t);
		if
		:: TAKE(t);
			UNLOCK(t);
			d_step {
				PROMISE(5, !(added & ~(ran | removed)));
				PROMISE(5, !(ran & 1) || KNOWS(THREAD(t), RAN(0)));
				PROMISE(5, !(ran & 2) || KNOWS(THREAD(t), RAN(1)))
			}
		:: do
			:: was & TIMESTAMP -> break
			:: else -> value[last] & TIMESTAMP -> load(t, was, TIMESTAMP_ACQUIRE)
			od;
			atomic {
				PROMISE(6, room == FOR_TIME && stamped);
				PROMISE(7, KNOWS(THREAD(t), ROOM));
				forget(LOOK(t));
				LEARNS(THREAD(t), LOOK(t))
			}
		fi
	:: else
	fi;
	put(t)
}

proctype user(byte t) {
	byte was, wake, i;
	byte detached[2];
	bit first, last_put;

	d_step { fetch_or(t, USER, was, 0, 0) };
	put(t)
}

init {
	byte t;

	atomic {
		refs = THREADS;
		t = 0;
		do
		:: t < THREADS ->
			knows[THREAD(t)] = AT_FIRST;
			if
			:: t < SIGNALLERS + CALLERS + WAITERS -> LEARNS(THREAD(t), WROTE(t))
			:: else
			fi;
			t++
		:: else -> break
		od;
		t = 0;
		do
		:: t < SIGNALLERS -> run signaller(t); t++
		:: t >= SIGNALLERS && t < SIGNALLERS + CALLERS -> run caller(t, t - SIGNALLERS); t++
		:: t >= SIGNALLERS + CALLERS && t < SIGNALLERS + CALLERS + WAITERS ->
			run waiter(t); t++
		:: t >= SIGNALLERS + CALLERS + WAITERS && t < THREADS - USERS -> run watcher(t); t++
		:: t >= THREADS - USERS && t < THREADS -> run user(t); t++
		:: t >= THREADS -> break
		od
	}
}
