/* SPDX-License-Identifier: MIT */
/*
 * A Spin model of the short lock (src/os/spinlock.c): three threads, two rounds each.
 * models/check verifies it, and sees Spin refute each of the twins below.
 *
 * All accesses are read-modify-writes, which see the last value, but for the look of
 * the kernel at the futex: that is in one step with going to sleep, as a wake-up is
 * one, and whoever misses a change is met by the wake-up that follows it.
 *
 * The promises, with those of docs/ordering.md that they serve.
 *   1  one holder at a time (O7)
 *   7  each holder knows what the last one wrote (O7)
 *   end  nobody waits for ever (O17)
 */
#ifndef THREADS
#define THREADS	3
#endif
#ifndef ROUNDS
#define ROUNDS	2
#endif

#define WORD		0
#define THREAD(t)	(1 + (t))
#define KNOWERS		(1 + THREADS)
#define DATA		1		/* what the last holder wrote */

#ifdef LOCK_NOT_ACQUIRED
#define LOCK_ACQUIRE(t)	skip
#else
#define LOCK_ACQUIRE(t)	ACQUIRE(WORD, THREAD(t))
#endif
#ifdef UNLOCK_NOT_RELEASED
#define UNLOCK_RELEASE(t)	skip
#else
#define UNLOCK_RELEASE(t)	RMW_RELEASE(WORD, THREAD(t))
#endif
#ifdef TAKEN_AS_HELD
#define TAKEN		HELD
#else
#define TAKEN		CONTENDED
#endif

#include "orders.pml"

#define FREE		0
#define HELD		1
#define CONTENDED	2

byte word;
byte holders;
byte asleep;				/* a bit each */

inline taken(t) {
	LOCK_ACQUIRE(t);
	holders++;
	PROMISE(1, holders == 1);
	touch(DATA, THREAD(t))
}

proctype user(byte t) {
	byte round, was;

	do
	:: round == ROUNDS -> break
	:: else ->
		atomic {		/* dmabuf_spin_lock() */
			round++;
			if
			:: word == FREE -> d_step { word = HELD; taken(t) }; goto locked
			:: word != FREE
			fi
		};
		if			/* lock_slow(): spins, or no more */
		:: atomic { word == FREE -> d_step { word = HELD; taken(t) }; goto locked }
		:: skip
		fi;
		do
		:: atomic {
				was = word;
				word = CONTENDED;
				if
				:: was == FREE -> d_step { word = TAKEN; was = 0; taken(t) }; break
				:: else -> was = 0
				fi
			};
			atomic {
				if
#ifdef SLEEP_NOT_COMPARED
				:: true -> asleep = asleep | (1 << t)
#else
				:: word == CONTENDED -> asleep = asleep | (1 << t)
				:: else
#endif
				fi
			};
			!(asleep & (1 << t))
		od;
locked:
		atomic {		/* dmabuf_spin_unlock() */
			holders--;
			was = word;
			word = FREE;
			UNLOCK_RELEASE(t)
		};
		atomic {		/* wakes one of them */
			if
			:: was == CONTENDED && asleep & 1 -> asleep = asleep & ~1
			:: was == CONTENDED && asleep & 2 -> asleep = asleep & ~2
			:: was == CONTENDED && asleep & 4 -> asleep = asleep & ~4
			:: else
			fi;
			was = 0
		}
	od
}

init {
	byte t;

	atomic {
		do
		:: t < THREADS -> LEARNS(THREAD(t), DATA); run user(t); t++
		:: else -> break
		od
	}
}
