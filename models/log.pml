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

#include "memory.pml"

byte over;				/* readers that are through */

/* -------------------------------------------------------- the signallers */

/*
 * The fences of a context signal in the order in which they were made; each
 * context has a thread of its own, which knows its own writes only. The issuer's
 * reference goes at once, which is the worst case for all others. A fence that
 * signals while it is staged is left out: others see that after the commit.
 */
#define SAME_CONTEXT(f)	(BEFORE(made) & ALL_LIKE(fence[f].name))
#ifdef HOLDER_LOOKS
#define TO_SIGNAL	made
#else
#define TO_SIGNAL	shown
#endif
#define CAN_SIGNAL(f) \
	(fence[f].life == LIVE && !(signalled & BIT(fence[f].name)) && \
	 fence[f].name < TO_SIGNAL && (SAME_CONTEXT(f) & ~signalled & BEFORE(fence[f].name)) == 0)

/* The state word says so. */
inline show_signal(f) {
	fence[f].signalled = 1;
	knows[STATE(f)] = SAME_CONTEXT(f) & BEFORE(fence[f].name + 1)
}

inline signal(f) {
	atomic {
		d_step { signalled = signalled | BIT(fence[f].name) };
		if
		:: d_step { show_signal(f) }
#ifdef LAZY
		:: !fence[f].weak	/* nobody asks it */
#endif
		fi;
		d_step { put_fence(f) }
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
	z = 0;				/* the contexts of newer ones, a bit each; 8: a set() */
	x = (IS_LOG(from) -> log[TO_LOG(from)].committed : from != NONE);
	do
	:: x > 0 ->
		x--;
		y = (IS_LOG(from) -> log[TO_LOG(from)].slot[x] : TO_FENCE(from));
		if
		:: signalled & BIT(fence[y].name) -> show_signal(y)	/* it is asked */
		:: else
		fi;
		if
		:: z & 8 && !fence[y].weak
		:: !(z & 8 && !fence[y].weak) && fence[y].signalled -> COMPACT_STATE(y)
		:: !(z & 8 && !fence[y].weak) && !fence[y].signalled && !(z & (1 << CONTEXT(y))) ->
			carry = carry | (1 << x);
			live++;
			z = z | (1 << CONTEXT(y))
		:: else
		fi;
		z = z | (fence[y].cut -> 8 : 0)
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
	fence[f].cut = cut;
	weak = weak | (ctx << made);
	cuts = cuts | (cut << made);
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

/* By a later one of its context, or by a set() of its category. */
#define SUPERSEDED_BY(f) \
	(fence[f].weak == ctx && (cut || !fence[f].cut))

/* Stage `adds` fences: in the word, in place, or in a new log that borrows. */
inline stage_more() {
	if
	:: adds == 1 && (live == 0 || (IS_FENCE(old) && SUPERSEDED_BY(TO_FENCE(old)))) ->
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
	x = shown;
	do
	:: x < made -> ended = ended | (cuts & BIT(x) -> STRONG_BEFORE(x) : 0); x++
	:: else -> break
	od;
	shown = made;
	ends = ends | BIT(made - 1)
}

#ifdef HOLDER_LOOKS
/* The holder tests what it staged, and raises the hint over it. */
inline look_at_staged(l, n) {
#ifdef LOOKED_TOO_LITTLE
	x = log[l].committed;
#else
	x = n;
#endif
	do
	:: x > log[l].hint && fence[log[l].slot[x - 1]].signalled ->
		x--;
		COMPACT_STATE(log[l].slot[x])
	:: else -> break
	od;
	if
	:: x <= log[l].hint && log[l].hint < n ->
		log[l].hint = n;
		RMW_RELEASE(HINT(l), HOLDER)
	:: else
	fi
}
#endif

#ifdef HOLDER_SNAPSHOT
/*
 * The holder's own snapshot of a log that it staged and nobody else has seen. Then it
 * may stage another log instead: what the first one owns is shared, what it borrows
 * is borrowed from the same word. The first one is put with the commit.
 */
inline snapshot_staged() {
#ifdef STAGED_NOT_OWNED
	log[l].borrowed = live;
#else
	own(old, carry);
	carry = 0;
#endif
	log[l].refs++;
	log[l].committed = n;
	RELAXED(COMMITTED(l));
	mine = l + 1;
	live = 0
}

inline stage_another() {
	f = l;
	make_log(l);
	n = 0;
	do
	:: n < log[f].committed ->
		if
		:: n >= log[f].borrowed -> get_fence(log[f].slot[n])
		:: else
		fi;
		y = log[f].slot[n];
		append(l, n, y)
	:: else -> break
	od;
	dropped = f + 1;
	new = OF_LOG(l);
	f = 0
}

inline put_mine() {
	d_step {
		x = 0;
		do
		:: x < log[mine - 1].committed ->
			y = log[mine - 1].slot[x];
			PROMISE(2, fence[y].life == LIVE && fence[y].refs > 0 &&
				   fence[y].name == log[mine - 1].name[x]);
			x++
		:: else -> break
		od;
		PROMISE(2, log[mine - 1].life == LIVE)
	};
	put_log(mine - 1, HOLDER, n);
	mine = 0
}
#endif

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
	bit cut;			/* the next fence is for set() */
#ifdef HOLDER_SNAPSHOT
	byte mine, dropped;		/* a snapshot, a log that was staged; from 1 */
#endif

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
#ifdef SETS
				:: made > 0 -> ctx = 0; cut = 1
#endif
				fi;
				stage_more()
			fi;
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
				cut = 0;
				if
				:: ctx = 0
				:: adds > 0 -> ctx = 1
				fi
			:: else -> break
			od;
			ctx = 0;
			cut = 0;
			f = 0;
#ifdef HOLDER_SNAPSHOT
			if
			:: IS_LOG(new) && new != old && !mine ->
				d_step { snapshot_staged() };
				if
				:: FREE_LOG -> d_step { stage_another() }
				:: true
				fi
			:: true
			fi;
#endif
			live = 0;
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

#ifdef HOLDER_LOOKS
		if
		:: IS_LOG(new) -> d_step { look_at_staged(l, n) }
		:: skip
		fi;
#endif
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
#ifdef HOLDER_SNAPSHOT
		if
		:: dropped -> put_log(dropped - 1, HOLDER, n); dropped = 0
		:: else
		fi;
		if
		:: mine -> put_mine()
		:: true
		fi;
#endif
		atomic { l = 0; n = 0; carry = 0; old = 0; new = 0 }
	od;
enough:
	atomic { adds = 0; live = 0; ctx = 0; cut = 0; f = 0; l = 0; n = 0; carry = 0; old = 0; new = 0 };

	/* The end: nobody is left, all has signalled, the container goes. */
#ifdef HOLDER_SNAPSHOT
	if
	:: mine -> put_mine()
	:: else
	fi;
#endif
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
		if
		:: READERS > 0 -> run reader(0)
		:: else
		fi;
		if
		:: READERS > 1 -> run reader(1)
		:: else
		fi
	}
}
