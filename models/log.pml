/* SPDX-License-Identifier: MIT */
/*
 * A Spin model of the log of fences: stage, commit, compact, snapshot, test
 * without a reference, reclaim (src/resv/log.c, dma-resv-fences.c, set.c).
 * models/check verifies it, and sees Spin refute each of the twins below.
 *
 * Who runs: the holder of the lock, some rounds of add, prune or replace; readers,
 * each of which tests or takes a snapshot; the signallers. Every access to shared
 * memory that can matter is a step of its own, and every order of steps is
 * searched. Steps carry the names of the diagrams in the code: W1 to W3, R1 to R3,
 * H1 to H3. Places for fences and logs are few, so that memory comes back soon; a
 * fence has a name that never comes back, so that who looks at reused memory
 * finds a wrong name.
 *
 * Memory order. As orders.pml has it. Where an old value is no harm, the last one is
 * read: an old word is a read that began earlier, an old length or hint a smaller one, an
 * old state word a fence that has not signalled yet.
 *
 * Grace periods. What is retired remembers who was inside a section then, and is
 * free for reuse when the last of them leaves: as early as the rule allows.
 *
 * The promises. The text of an assertion ends with the number of its promise.
 *   1  nothing staged is seen; a commit is seen whole
 *   2  a snapshot never changes, and its members stay referenced
 *   3  a true test: every fence committed before it began has signalled
 *   4  nobody looks at memory that was freed
 *   5  no reference is lost, none is put twice, no memory is left at the end
 *   6  everything below the hint has signalled
 *   7  every write that somebody relies on happened before
 *   8  a true test: what the signallers wrote before they signalled is visible
 *   9  who fails to get a reference finds another word
 */
#ifndef ROUNDS
#define ROUNDS	2			/* the holder's rounds under the lock */
#endif
#ifndef READERS
#define READERS	2			/* number 0 tests or snapshots, number 1 tests */
#endif
#ifndef LOOKS
#define LOOKS	1			/* each reader's tests and snapshots */
#endif
#define NAMES	6			/* fences ever made */
#define FENCES	4			/* places for fences */
#define LOGS	3			/* places for logs */
#define CAP	3			/* entries in a log */

/* The orders: what the twin does, else what the code does. */
#ifdef COMMITTED_STORED_RELAXED
#define STORE_COMMITTED	RELAXED(COMMITTED(l))
#else
#define STORE_COMMITTED	RELEASE(COMMITTED(l), HOLDER)
#endif
#ifdef COMMITTED_LOADED_RELAXED
#define LOAD_COMMITTED	skip
#else
#define LOAD_COMMITTED	ACQUIRE(COMMITTED(TO_LOG(w)), READER(r))
#endif
#ifdef WORD_STORED_RELAXED
#define STORE_WORD	RELAXED(WORD)
#else
#define STORE_WORD	RELEASE(WORD, HOLDER)
#endif
#ifdef WORD_LOADED_RELAXED
#define LOAD_WORD	skip
#else
#define LOAD_WORD	ACQUIRE(WORD, READER(r))
#endif
#ifdef HINT_STORED_RELAXED
#define STORE_HINT	skip
#else
#define STORE_HINT	RMW_RELEASE(HINT(TO_LOG(w)), READER(r))
#endif
#ifdef HINT_LOADED_RELAXED
#define LOAD_HINT	skip
#else
#define LOAD_HINT	ACQUIRE(HINT(TO_LOG(w)), READER(r))
#endif
#ifdef STATE_TESTED_RELAXED
#define TEST_STATE(f)	skip
#else
#define TEST_STATE(f)	ACQUIRE(STATE(f), READER(r))
#endif
#ifdef STATE_COMPACTED_RELAXED
#define COMPACT_STATE(f)	skip
#else
#define COMPACT_STATE(f)	ACQUIRE(STATE(f), HOLDER)
#endif
#ifdef PUT_RELAXED
#define PUT_RELEASE(at, who)	skip
#else
#define PUT_RELEASE(at, who)	RMW_RELEASE(at, who)
#endif
#ifdef PUT_NOT_ACQUIRED
#define PUT_ACQUIRE(at, who)	skip
#else
#define PUT_ACQUIRE(at, who)	ACQUIRE(at, who)
#endif
#ifdef RETIRE_RELAXED
#define CAS_ACQUIRE(at)	skip
#else
#define CAS_ACQUIRE(at)	ACQUIRE(at, HOLDER)
#endif

#include "memory.pml"

byte over;				/* readers that are through */

/* -------------------------------------------------------- the signallers */

/*
 * The fences of a context signal in the order in which they were made; each
 * context has a thread of its own, which knows its own writes only. The issuer's
 * reference goes at once, which is the worst case for all others. A fence that
 * signals while it is staged is left out: others see that after the commit.
 */
#define SAME_CONTEXT(f)	(fence[f].weak -> weak : BEFORE(made) & ~weak)
#define CAN_SIGNAL(f) \
	(fence[f].life == LIVE && !fence[f].signalled && fence[f].name < shown && \
	 (SAME_CONTEXT(f) & ~signalled & BEFORE(fence[f].name)) == 0)

inline signal(f) {
	d_step {
		signalled = signalled | BIT(fence[f].name);
		fence[f].signalled = 1;
		knows[STATE(f)] = SAME_CONTEXT(f) & BEFORE(fence[f].name + 1);
		put_fence(f)
	}
}

proctype signallers() {
end:	do
	:: CAN_SIGNAL(0) -> signal(0)
	:: CAN_SIGNAL(1) -> signal(1)
	:: CAN_SIGNAL(2) -> signal(2)
	:: CAN_SIGNAL(3) -> signal(3)
	od
}

/* ------------------------------------------------------------ the holder */

/*
 * What of the word still matters: neither signalled nor superseded by a newer one
 * of the same context. carry: a bit an entry; live: how many.
 */
inline survey(from, carry, live) {
	carry = 0;
	live = 0;
	z = 0;				/* the contexts of newer ones, a bit each */
	x = (IS_LOG(from) -> log[TO_LOG(from)].committed : from != NONE);
	do
	:: x > 0 ->
		x--;
		y = (IS_LOG(from) -> log[TO_LOG(from)].slot[x] : TO_FENCE(from));
		if
		:: fence[y].signalled -> COMPACT_STATE(y)
		:: !fence[y].signalled && !(z & (1 << fence[y].weak)) ->
			carry = carry | (1 << x);
			live++;
			z = z | (1 << fence[y].weak)
		:: else
		fi
	:: else -> break
	od;
	skip
}

/* With the issuer's reference, and the container's. */
inline make_fence(f) {
	f = 0;
	do
	:: fence[f].life != FREE -> f++
	:: else -> break
	od;
	fence[f].life = LIVE;
	fence[f].refs = 2;
	fence[f].name = made;
	fence[f].weak = ctx;
	weak = weak | (ctx << made);
	LEARNS(HOLDER, MADE(made));
	made++
}

inline make_log(l) {
	l = 0;
	do
	:: log[l].life != FREE -> l++
	:: else -> break
	od;
	log[l].life = LIVE;
	log[l].refs = 1;
	LEARNS(HOLDER, HEAD(l))
}

inline append(l, n, f) {		/* W1 */
	log[l].slot[n] = f;
	log[l].name[n] = fence[f].name;
	LEARNS(HOLDER, SLOT(l, n));
	n++
}

/* Into the new log, in their order. It borrows: no reference moves yet. */
inline borrow(from, carry, l, n) {
	n = 0;
	x = 0;
	do
	:: x < CAP ->
		if
		:: carry & (1 << x) ->
			y = (IS_LOG(from) -> log[TO_LOG(from)].slot[x] : TO_FENCE(from));
			append(l, n, y)
		:: else
		fi;
		x++
	:: else -> break
	od;
#ifdef HINT_COPIED
	if
	:: IS_LOG(from) ->
		log[l].hint = log[TO_LOG(from)].hint;
		knows[HINT(l)] = knows[HINT(TO_LOG(from))]
	:: else
	fi;
#endif
	skip
}

/* A reference on each that is carried, for the word that is not the old one. */
inline own(from, carry) {
	PROMISE(4, carry == 0 || !IS_LOG(from) || log[TO_LOG(from)].life == LIVE);
	x = 0;
	do
	:: x < CAP ->
		if
		:: carry & (1 << x) ->
			y = (IS_LOG(from) -> log[TO_LOG(from)].slot[x] : TO_FENCE(from));
			get_fence(y)
		:: else
		fi;
		x++
	:: else -> break
	od;
	skip
}

/*
 * Stage without a fence: a word for what is left, owned (replace, copy, and what
 * is pruned to one), or a log that borrows (prune).
 */
inline stage_less() {
	if
	:: live == 0 -> new = NONE
	:: live == 1 && IS_FENCE(old) -> new = old
	:: live == 1 && IS_LOG(old) ->
		d_step {
			own(old, carry);
			new = OF_FENCE(y);
			carry = 0
		}
	:: live > 1 && FREE_LOG ->
		d_step { make_log(l); new = OF_LOG(l); borrow(old, carry, l, n) };
		if
		:: true
		:: d_step { own(old, carry); carry = 0 }
		fi
	:: else -> goto enough
	fi
}

/* Stage `adds` fences: in the word, in place, or in a new log that borrows. */
inline stage_more() {
	if
	:: adds == 1 && (live == 0 || (IS_FENCE(old) && fence[TO_FENCE(old)].weak == ctx)) ->
		d_step { make_fence(f); new = OF_FENCE(f); carry = 0; adds = 0 }
	:: IS_LOG(old) && log[TO_LOG(old)].committed + adds <= CAP ->
		d_step { new = old; l = TO_LOG(old); n = log[l].committed; carry = 0 }
	:: !(IS_LOG(old) && log[TO_LOG(old)].committed + adds <= CAP) &&
	   live + adds <= CAP && FREE_LOG ->
		d_step { make_log(l); new = OF_LOG(l); borrow(old, carry, l, n); skip }
	:: else -> goto enough
	fi
}

inline commit() {
	shown = made;
	ends = ends | BIT(made - 1)
}

/*
 * The references of a log that was replaced. If the new one borrows, and nobody
 * holds a snapshot, those carried change owner without a touch. Else the new one
 * takes its own first, and the old one is put.
 */
inline retire(o) {
	atomic {
		n = 0;
		if
#ifdef SNAPSHOT_IGNORED
		:: carry != 0 ->
#else
		:: carry != 0 && log[o].refs == 1 ->
#endif
			log[o].refs = 0;
			CAS_ACQUIRE(REFS(o));
			n = 1
		:: else
		fi
	};
	if
	:: n == 1 ->
		d_step {
			x = 0;
			do
			:: x < log[o].committed ->
				if
				:: carry & (1 << x)
				:: else -> y = log[o].slot[x]; put_fence(y)
				fi;
				x++
			:: else -> break
			od;
			retire_log(o, HOLDER)
		}
	:: else ->
#if !defined(CARRY_AFTER_PUT) && !defined(CARRY_NOT_OWNED)
		d_step { own(old, carry) };
#endif
		put_log(o, HOLDER, n);
#ifdef CARRY_AFTER_PUT
		d_step { own(old, carry) };
#endif
		skip
	fi
}

proctype holder() {
	byte round, adds, old, new, carry, live, n, f, l;
	bit ctx;			/* of the next fence: 1 is the weak category */

	do
	:: round == ROUNDS -> break
	:: else ->
		/* Reserve and stage. Nobody sees it, so it is one step. */
		atomic {
			round++;
			old = word;
			d_step { survey(old, carry, live) };
			if
			:: adds = 0
			:: FREE_FENCES >= 1 && made + 1 <= NAMES -> adds = 1
			:: FREE_FENCES >= 2 && made + 2 <= NAMES -> adds = 2
			fi;
			if
			:: adds == 0 -> stage_less()
			:: adds > 0 ->
				if
				:: ctx = 0
				:: made > 0 -> ctx = 1
				fi;
				stage_more()
			fi;
			live = 0;
#ifdef LENGTH_BEFORE_SLOT
			if
			:: new == old && adds > 0 -> log[l].committed = n + adds
			:: else
			fi
		};
		atomic {
#endif
			do
			:: adds > 0 ->
				d_step { make_fence(f); append(l, n, f); adds-- };
				if
				:: ctx = 0
				:: adds > 0 -> ctx = 1
				fi
			:: else -> break
			od;
			ctx = 0;
			f = 0;
#ifndef WORD_BEFORE_LENGTH
			if
			:: IS_LOG(new) && new != old ->
				/* W2. Relaxed will do: nobody sees it before W3. */
				log[l].committed = n;
				RELAXED(COMMITTED(l))
			:: else
			fi
#endif
		};

		if
		:: new == old && IS_LOG(new) ->
			d_step {		/* W2 */
				log[l].committed = n;
				STORE_COMMITTED;
				commit()
			}
		:: new != old ->
#ifdef PUT_BEFORE_WORD
			if
			:: IS_FENCE(old) && !carry -> d_step { put_fence(TO_FENCE(old)); old = NONE }
			:: else
			fi;
#endif
			d_step {		/* W3 */
				word = new;
				STORE_WORD;
				commit()
			};
#ifdef WORD_BEFORE_LENGTH
			if
			:: IS_LOG(new) ->
				d_step { log[l].committed = n; STORE_COMMITTED }
			:: else
			fi;
#endif
			if
			:: IS_FENCE(old) && !carry -> d_step { put_fence(TO_FENCE(old)) }
			:: IS_LOG(old) -> retire(TO_LOG(old))
			:: else
			fi
		:: else
		fi;
		atomic { l = 0; n = 0; carry = 0; old = 0; new = 0 }
	od;
enough:
	atomic { adds = 0; live = 0; ctx = 0; f = 0; l = 0; n = 0; carry = 0; old = 0; new = 0 };

	/* The end: nobody is left, all has signalled, the container goes. */
	over == READERS && signalled == BEFORE(made);
	if
	:: IS_FENCE(word) -> d_step { put_fence(TO_FENCE(word)) }
	:: IS_LOG(word) -> put_log(TO_LOG(word), HOLDER, n)
	:: else
	fi;
	PROMISE(5, FREE_FENCES == FENCES);
	PROMISE(5, log[0].life == FREE && log[1].life == FREE && log[2].life == FREE)
}

#include "readers.pml"

init {
	atomic {
		d_step {
			y = 0;
			do
			:: y < LOGS -> free_log(y); y++
			:: else -> break
			od;
			skip
		};
		run holder();
		run signallers();
		run reader(0);
		if
		:: READERS > 1 -> run reader(1)
		:: else
		fi
	}
}
