/* SPDX-License-Identifier: MIT */
/*
 * What the model of the log stands on: fences and logs as memory that comes and
 * goes, reference counts, grace periods, and the orders of all accesses.
 */

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

/* The life of memory. RETIRED: who is still inside a section may read it. */
#define FREE	0
#define LIVE	1
#define RETIRED	2

#define EMPTY	FENCES			/* a slot that was never stored */

typedef fence_t {
	byte refs;
	bit signalled;
	bit weak;			/* its category */
	bit cut;			/* added by set(): ends the older ones of its category */
	byte name;			/* never comes back, unlike the place */
	byte life;
	byte inside			/* readers that a grace period waits for */
};

typedef log_t {
	byte refs;
	byte committed;
	byte borrowed;			/* entries whose references are elsewhere */
	byte hint;
	byte slot[CAP];
	byte name[CAP];			/* of the fence that was put into the slot */
	byte life;
	byte inside;
	byte held			/* readers that ever held a snapshot of it */
};

/* The word: nothing, a single fence, a log. */
#define NONE		0
#define OF_FENCE(f)	(1 + (f))
#define OF_LOG(l)	(1 + FENCES + (l))
#define IS_FENCE(w)	((w) >= 1 && (w) <= FENCES)
#define IS_LOG(w)	((w) > FENCES)
#define TO_FENCE(w)	((w) - 1)
#define TO_LOG(w)	((w) - 1 - FENCES)

byte word;
fence_t fence[FENCES];
log_t log[LOGS];

#define FREE_FENCES	((fence[0].life == FREE) + (fence[1].life == FREE) + \
			 (fence[2].life == FREE) + (fence[3].life == FREE))
#define FREE_LOG	(log[0].life == FREE || log[1].life == FREE || log[2].life == FREE)

/* Sets of fences by name, a bit each. Only assertions read them. */
#define BIT(name)	(1 << (name))
#define BEFORE(name)	(BIT(name) - 1)
byte made;				/* how many; also the next name */
byte shown;				/* how many were committed: always the oldest */
byte ends;				/* the last of each commit */
byte weak;				/* those of the weaker category */
byte cuts;				/* those that set() added */
byte ended;				/* those that a set() ended, as far as committed */
byte signalled;				/* whether or not the state word says so */

/* Contexts: the weak ones, those of set(), the other strong ones. */
#define CONTEXT(f)	(fence[f].weak -> 1 : (fence[f].cut -> 2 : 0))
#define ALL_LIKE(name)	(weak & BIT(name) -> weak : (cuts & BIT(name) -> cuts : ~(weak | cuts)))
#define STRONG_BEFORE(name)	(BEFORE(name) & ~weak)

/* ------------------------------------------------------ who knows what */

/*
 * A bit a write: what a signaller wrote before it signalled the fence `name`; the
 * initialising of that fence; of a log, and of its slot i; a reader's last look at
 * a log that it holds.
 */
#define WROTE(name)	BIT(name)
#define MADE(name)	(1 << (NAMES + (name)))
#define SLOT(l, i)	(1 << (2 * NAMES + (l) * CAP + (i)))
#define HEAD(l)		(1 << (2 * NAMES + LOGS * CAP + (l)))
#define LOOKED(l, r)	(1 << (2 * NAMES + LOGS * CAP + LOGS + (l) * 2 + (r)))
#define ALL_OF(l)	(SLOT(l, 0) | SLOT(l, 1) | SLOT(l, 2) | HEAD(l) | LOOKED(l, 0) | LOOKED(l, 1))

/* Atomic locations, then threads. The lock hands on what one holder knows. */
#define WORD		0
#define STATE(f)	(1 + (f))
#define COMMITTED(l)	(1 + FENCES + (l))
#define HINT(l)		(1 + FENCES + LOGS + (l))
#define REFS(l)		(1 + FENCES + 2 * LOGS + (l))
#define READER(r)	(1 + FENCES + 3 * LOGS + (r))
#define HOLDER		(3 + FENCES + 3 * LOGS)
#define KNOWERS		(4 + FENCES + 3 * LOGS)
#include "orders.pml"

/* ------------------------------------------------------- grace periods */

byte inside;				/* readers in a section, a bit each */

#ifdef NO_GRACE
#define MUST_LEAVE	0
#else
#define MUST_LEAVE	inside
#endif

inline free_fence(f) {
	fence[f].life = FREE;
	fence[f].name = 0;
	fence[f].signalled = 0;
	fence[f].weak = 0;
	fence[f].cut = 0;
	knows[STATE(f)] = 0
}

inline free_log(l) {
	log[l].life = FREE;
	log[l].committed = 0;
	log[l].borrowed = 0;
	log[l].hint = 0;
	log[l].held = 0;
	z = 0;
	do
	:: z < CAP -> log[l].slot[z] = EMPTY; log[l].name[z] = 0; z++
	:: else -> break
	od;
	knows[COMMITTED(l)] = 0;
	knows[HINT(l)] = 0;
	knows[REFS(l)] = 0;
	forget(ALL_OF(l))
}

inline retire_fence(f) {
	fence[f].inside = MUST_LEAVE;
	if
	:: fence[f].inside == 0 -> free_fence(f)
	:: else -> fence[f].life = RETIRED
	fi
}

/* By who, which must know that nobody looks any more by way of a snapshot. */
inline retire_log(l, who) {
	PROMISE(7, !(log[l].held & 1) || KNOWS(who, LOOKED(l, 0)));
	PROMISE(7, !(log[l].held & 2) || KNOWS(who, LOOKED(l, 1)));
	log[l].inside = MUST_LEAVE;
	if
	:: log[l].inside == 0 -> free_log(l)
	:: else -> log[l].life = RETIRED
	fi
}

/* Free at once what waited for this reader only. */
inline rcu_leave(r) {
	inside = inside & ~(1 << (r));
	y = 0;
	do
	:: y < FENCES ->
		fence[y].inside = fence[y].inside & ~(1 << (r));
		if
		:: fence[y].life == RETIRED && fence[y].inside == 0 -> free_fence(y)
		:: else
		fi;
		y++
	:: else -> break
	od;
	y = 0;
	do
	:: y < LOGS ->
		log[y].inside = log[y].inside & ~(1 << (r));
		if
		:: log[y].life == RETIRED && log[y].inside == 0 -> free_log(y)
		:: else
		fi;
		y++
	:: else -> break
	od;
	skip
}

/* ---------------------------------------------------------- references */

inline get_fence(f) {
	PROMISE(5, fence[f].life == LIVE && fence[f].refs > 0);
	fence[f].refs++
}

inline put_fence(f) {
	PROMISE(5, fence[f].life == LIVE && fence[f].refs > 0);
	fence[f].refs--;
	if
	:: fence[f].refs == 0 -> retire_fence(f)
	:: else
	fi
}

/* Who drops the last one puts all that the log owns, and then its memory. */
inline put_log(l, who, last) {
	d_step {
		PROMISE(5, log[l].life == LIVE && log[l].refs > 0);
		log[l].refs--;
		PUT_RELEASE(REFS(l), who);
		PUT_ACQUIRE(REFS(l), who);
		last = (log[l].refs == 0)
	};
	if
	:: last ->
		d_step {
			y = log[l].borrowed;
			do
			:: y < log[l].committed -> put_fence(log[l].slot[y]); y++
			:: else -> break
			od;
			retire_log(l, who)
		}
	:: else
	fi
}

/* One more, unless none is left. */
#ifdef GET_WITHOUT_TEST
#define NONE_LEFT(refs)	false
#else
#define NONE_LEFT(refs)	((refs) == 0)
#endif
