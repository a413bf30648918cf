/* SPDX-License-Identifier: MIT */
/* The threads of the model of ww_mutex: waking, waiting, locking, unlocking, jobs. */

/* ---------------------------------------------------------- who backs off */

/* Wait-die: has somebody older, the holder or in front, a context? Inside one step. */
inline must_die(l, t, ret) {
	ret = 0;
	x = 0;
	do
	:: lock[l].queue[x] != t ->
		ret = ret || HAS_CONTEXT(lock[l].queue[x]);
		x++
	:: else -> break
	od;
	z = HOLDER_IN(lock[l].word);
	if
	:: z && HAS_CONTEXT(z - 1) ->
		z--;
		look_into(z, t);
		ret = ret || z < t
	:: else
	fi
}

/* Wait-die: the first waiter with locks that has somebody older before it. */
inline first_to_die(l, t, ret) {
	ret = NOBODY;
	y = HOLDER_IN(lock[l].word) - 1;
	if
	:: HAS_CONTEXT(y) -> look_into(y, t)
	:: else
	fi;
	z = 0;
	x = 0;
	do
	:: x < THREADS && lock[l].queue[x] != NOBODY ->
		if
		:: HAS_CONTEXT(lock[l].queue[x]) ->
			z = z || (HAS_CONTEXT(y) && y < lock[l].queue[x]);
			if
			:: z && ctx[lock[l].queue[x]].acquired -> ret = lock[l].queue[x]; break
			:: else
			fi;
			z = 1
		:: else
		fi;
		x++
	:: else -> break
	od
}

/* --------------------------------------------------------------- wake-ups */

/* K1. Inside one step. */
inline mark(c, t) {
	PROMISE(4, !ctx[c].ended);
	ctx[c].wounded = 1;
	forget(WOUND(c));
	LEARNS(THREAD(t), WOUND(c))
}

/* K2. `who` is whom K3 has to wake, or NOBODY. Inside one step. */
inline kick(c, t) {
	PROMISE(4, !ctx[c].ended);
	who = (ctx[c].wake == SLEEPING -> c : NOBODY);
	ctx[c].wake = WOKEN;
	K2_RELEASE(c, t)
}

#ifdef WOUNDED_BY_ANYBODY
#define WOUNDS(c, t)	HAS_CONTEXT(c)
#else
#define WOUNDS(c, t)	YOUNGER(t, c)
#endif

/* Wound-wait: whom to mark, the holder if somebody older waits, or NOBODY. */
inline find_victim(l, t) {
	victim = HOLDER_IN(lock[l].word) - 1;
	if
	:: !HAS_CONTEXT(victim) -> victim = NOBODY
	:: HAS_CONTEXT(victim) ->
		d_step { look_into(victim, t) };
		PROMISE(7, ctx[victim].wounded || KNOWS(THREAD(t), WOUND(victim)));
		if
		:: ctx[victim].wounded -> victim = NOBODY
		:: !ctx[victim].wounded || !KNOWS(THREAD(t), WOUND(victim)) ->
			if
			:: WOUNDS(lock[l].queue[0], victim) || WOUNDS(lock[l].queue[1], victim) ||
			   WOUNDS(lock[l].queue[2], victim)
			:: else -> victim = NOBODY
			fi
		fi
	fi
}

#ifdef K2_BEFORE_K1
#define K_FIRST(c, t)	kick(c, t)
#define K_THEN(c, t)	mark(c, t)
#else
#define K_FIRST(c, t)	mark(c, t)
#define K_THEN(c, t)	kick(c, t)
#endif

/* Who acts on what has changed? Inside one step. `victim`: K1 is done, K2 is due. */
inline next_to_act(l, t) {
	who = NOBODY;
	victim = NOBODY;
	if
	:: FIRST(l) == NOBODY
	:: FIRST(l) != NOBODY && IS_FREE(l) -> d_step { kick(FIRST(l), t) }
	:: FIRST(l) != NOBODY && !IS_FREE(l) ->
#ifdef WAIT_DIE
		d_step {
			first_to_die(l, t, who);
			if
			:: who != NOBODY -> z = who; kick(z, t)
			:: else
			fi
		}
#else
		find_victim(l, t);
		if
		:: victim != NOBODY -> d_step { K_FIRST(victim, t) }
		:: else
		fi
#endif
	fi
}

/* Ends a step; what follows is FINISH() of this number, or `out`, if nobody acts. */
#define LEAVE(l, t, nr, out) \
	next_to_act(l, t); \
	if \
	:: victim != NOBODY -> goto wound_##nr \
	:: else \
	fi; \
	drop_wait_lock(l, t); \
	if \
	:: who == NOBODY -> victim = 0; who = 0; goto out \
	:: else -> victim = 0; goto wake_##nr \
	fi

#define FINISH(l, t, nr, out) \
wound_##nr: \
	atomic { \
		d_step { K_THEN(victim, t); victim = 0 }; \
		drop_wait_lock(l, t); \
		if \
		:: who == NOBODY -> who = 0; goto out \
		:: else \
		fi \
	}; \
wake_##nr:				/* K3: by the address only */ \
	atomic { asleep = asleep & ~(1 << who); who = 0 }

/* ---------------------------------------------------------------- locking */

#define GOT		0
#define BACK_OFF	1
#define AGAIN		2

/* The mutex is t's now. Inside one step. */
inline taken(l, t) {
	PROMISE(1, lock[l].holder == NOBODY);
	lock[l].holder = t;
	touch(DATA(l), THREAD(t));
	if
	:: HAS_CONTEXT(t) -> ctx[t].acquired++
	:: else
	fi
}

inline check_ctx(t) {
#ifndef WOUND_KEPT
	if
	:: HAS_CONTEXT(t) && !ctx[t].acquired ->
		PROMISE(7, KNOWS(THREAD(t), WOUND(t)));
		ctx[t].wounded = 0
	:: else
	fi
#endif
	skip
}

#define FAIR(l)		(FIRST(l) == NOBODY || !(passed_over & (1 << FIRST(l))))
#ifdef PASSES_ALWAYS
#define MAY_PASS(l)	true
#else
#define MAY_PASS(l)	FAIR(l)
#endif

#define MAY_BE_STORED_OVER(l)	(!IS_FREE(l) && !(lock[l].word & BY_CAS))

/* S1 */
inline arm(t) {
	ctx[t].wake = AWAKE;
	S1_ACQUIRE(t)
}

#ifdef SIGNALS
#define GONE(c)		(ctx[c].ended && (c) != SIGNALS)	/* its wounds stay if it gives up */
#else
#define GONE(c)		ctx[c].ended
#endif

/* S2 */
inline look(l, t) {
	if
	:: IS_FREE(l) && (FIRST(l) == t || MAY_PASS(l)) -> err = GOT
	:: !(IS_FREE(l) && (FIRST(l) == t || MAY_PASS(l))) ->
		err = AGAIN;
		if
#ifndef NEVER_BACK_OFF
#ifdef WAIT_DIE
		:: HAS_CONTEXT(t) && ctx[t].acquired ->
			d_step { must_die(l, t, err); err = (err -> BACK_OFF : AGAIN) }
#else
		:: HAS_CONTEXT(t) && ctx[t].acquired && ctx[t].wounded -> err = BACK_OFF
		:: HAS_CONTEXT(t) && ctx[t].acquired && !KNOWS(THREAD(t), WOUND(t))
#endif
#endif
		:: else
		fi;
		PROMISE(2, err != BACK_OFF || (t > 0 && !GONE(0)) || (t > 1 && !GONE(1)) ||
			   (t > 2 && !GONE(2)));
		PROMISE(3, err != BACK_OFF || ctx[t].acquired)
	fi
}

#ifdef S3_NOT_COMPARED
#define S3_FINDS(state)	true
#else
#define S3_FINDS(state)	(state == AWAKE)
#endif

/* With the mutex, or without it. Inside one step. */
inline leave_queue(l, t) {
	PROMISE(5, err != GOT || FIRST(l) == t || FAIR(l));
	dequeue(l, t);
	if
	:: err == GOT ->
		lock[l].word = (t + 1) | BY_CAS;
		taken(l, t)
	:: else -> lock[l].word = lock[l].word & ~WAITERS
	fi;
	lock[l].word = (FIRST(l) == NOBODY -> lock[l].word : lock[l].word | WAITERS);
	STORE_WORD(l, t)
}

inline lock_contended(l, t) {
	atomic {
		take_wait_lock(l, t);
announce:	err = MAY_BE_STORED_OVER(l);	/* Q1, Q3 */
		d_step {
			lock[l].word = lock[l].word | MARK;
			WAITERS_ACQUIRE(l, t);
			RMW_RELEASE(WORD(l), THREAD(t))
		};
		if
		:: err -> err = 0
		:: !err -> goto announced
		fi
	};
	atomic {
		BARRIER;			/* Q2 */
#ifndef MARK_LOST
		goto announce;
#endif
announced:	skip;
		d_step {
			enqueue(l, t);
#ifndef S1_AFTER_S2
			arm(t)
#endif
		}
	};
look_again:
	atomic {
		look(l, t);
#ifdef S1_AFTER_S2
		goto arm_late
#endif
		if
		:: err != AGAIN || interrupted -> goto off_queue
		:: else
		fi;
		LEAVE(l, t, 1, sleep)
	};
	FINISH(l, t, 1, sleep);
sleep:	atomic {			/* S3 */
		if
		:: S3_FINDS(ctx[t].wake) -> ctx[t].wake = SLEEPING
		:: !S3_FINDS(ctx[t].wake) -> goto awake
		fi
	};
sleep_more:
	atomic {			/* S4 */
		if
		:: ctx[t].wake == SLEEPING -> asleep = asleep | (1 << t)
		:: else -> goto awake
		fi
	};
	if
	:: !(asleep & (1 << t)) -> goto sleep_more
#ifdef SIGNALS
	:: atomic {
			asleep & (1 << t) && t == SIGNALS && !signals ->
			asleep = asleep & ~(1 << t);
			signals = 1;
			interrupted = 1
		}
#endif
	fi;
awake:	atomic {
		take_wait_lock(l, t);
		d_step {
			passed_over = passed_over | (!IS_FREE(l) && FIRST(l) == t -> 1 << t : 0);
#ifndef S1_AFTER_S2
			arm(t)
#endif
		}
	};
	goto look_again;
#ifdef S1_AFTER_S2
arm_late:
	atomic {
		arm(t);
		if
		:: err != AGAIN || interrupted -> goto off_queue
		:: else
		fi;
		LEAVE(l, t, 1, sleep)
	};
#endif
off_queue:
	atomic {
		interrupted = 0;
		leave_queue(l, t);
#ifdef LEAVES_SILENTLY
		drop_wait_lock(l, t);
		goto decided
#else
		LEAVE(l, t, 2, decided)
#endif
	};
	FINISH(l, t, 2, decided)
}

/* ------------------------------------------------------------------- jobs */

/* What it was refused, or the first in its order that it has not. */
inline choose(t) {
	l = refused;
	refused = NOBODY;
	x = 0;
	do
	:: l == NOBODY && !(got & (1 << NTH(ORDER(t), x))) -> l = NTH(ORDER(t), x)
	:: l == NOBODY && got & (1 << NTH(ORDER(t), x)) -> x++
	:: else -> break
	od;
	skip
}

/* The last user of a lock destroys it. Nobody looks any more: forget what was known. */
inline destroy(l) {
	PROMISE(4, lock[l].word == 0);
	lock[l].gone = 1;
	RELAXED(WORD(l));
	RELAXED(WAIT_LOCK(l));
	forget(DATA(l))
}

/* ww_acquire_fini(), and the stack's end. */
inline end_context(t) {
	PROMISE(7, !HAS_CONTEXT(t) || KNOWS(THREAD(t), LOOKS(t)));
	PROMISE(4, !(asleep & (1 << t)));
	ctx[t].ended = 1;
	ctx[t].wake = AWAKE;
	ctx[t].wounded = 0;
	RELAXED(THREAD(t));
	RELAXED(WAKE(t));
	forget(BEGUN(t) | WOUND(t) | LOOKS(t))
}

proctype job(byte t) {
	byte got, refused, l, err, who, victim, rounds;
	bit interrupted, signals, done, last;

	atomic {
		refused = NOBODY;
		rounds = (HAS_CONTEXT(t) -> 1 : ROUNDS)
	};
next:
	atomic {
		d_step { choose(t); check_ctx(t) };
		LIVES(l);
		if
		:: lock[l].word == 0 ->
			if
			:: lock[l].word = t + 1
#ifdef MIXED
			:: lock[l].word = (t + 1) | BY_CAS
#endif
			fi;
			d_step {
				TAKE_ACQUIRE(l, t);
				TAKE_RELEASE(l, t);
				taken(l, t)
			};
			err = GOT;
			goto decided
		:: else
		fi
	};
#ifdef TRYLOCK
	atomic {			/* ww_mutex_pass() */
		if
		:: (lock[l].word & ~BY_CAS) == WAITERS -> take_wait_lock(l, t)
		:: (lock[l].word & ~BY_CAS) != WAITERS -> goto wait
		:: goto wait		/* does not try */
		fi
	};
	atomic {
		if
		:: (lock[l].word & ~BY_CAS) == WAITERS && MAY_PASS(l) ->
			d_step {
				PROMISE(5, FAIR(l));
				lock[l].word = (t + 1) | WAITERS | BY_CAS;
				STORE_WORD(l, t);
				taken(l, t)
			};
			err = GOT
		:: else -> err = AGAIN
		fi;
		LEAVE(l, t, 3, tried)
	};
	FINISH(l, t, 3, tried);
tried:	if
	:: err == GOT -> goto decided
	:: else
	fi;
wait:
#endif
	lock_contended(l, t);
decided:
	atomic {
		if
		:: err == GOT -> got = got | (1 << l)
#ifdef RETRIES_AT_ONCE
		:: err != GOT
#else
		:: err != GOT -> refused = (err == BACK_OFF -> l : NOBODY)
#endif
		fi;
		if
		:: err == GOT && got != WANTS(t) -> l = 0; goto next
		:: err == GOT && got == WANTS(t) -> done = 1
		:: err == BACK_OFF -> err = 0
		:: err == AGAIN -> done = 1; err = 0	/* interrupted: gives up */
		fi;
		l = 0
	};
drop:					/* all that it has */
	atomic {
		if
		:: got == 0 && done && rounds > 1 -> rounds--; done = 0; l = 0; goto next
		:: got == 0 && done && rounds <= 1 -> goto over
		:: got == 0 && !done -> l = 0; goto next
		:: got -> d_step {
				l = (got & 1 -> 0 : (got & 2 -> 1 : 2));
				got = got & ~(1 << l);
				lock[l].users = lock[l].users - done;
				last = (lock[l].users == 0);
				lock[l].holder = NOBODY;
				ctx[t].acquired = ctx[t].acquired - HAS_CONTEXT(t)
			}
		fi
	};
	atomic {			/* P1 */
		LIVES(l);
		if
		:: lock[l].word == t + 1 -> storing = storing | (1 << t)
		:: else -> goto unlock
		fi
	};
	atomic {			/* P2 */
		if
		:: storing & (1 << t) ->
			d_step {
				storing = storing & ~(1 << t);
				lock[l].word = 0;
				STORE_RELEASE(l, t)
			};
			goto unlocked
		:: storing & (1 << t) -> storing = storing & ~(1 << t)	/* preempted */
		:: !(storing & (1 << t))
		fi
	};
unlock:
	atomic {
		LIVES(l);
		if
		:: (lock[l].word & ~BY_CAS) == t + 1 || WAITERS_OVERLOOKED ->
			d_step {
				lock[l].word = 0;
				UNLOCK_ACQUIRE(l, t);
				UNLOCK_RELEASE(l, t)
			};
			goto unlocked
		:: else
		fi
	};
	atomic {
		take_wait_lock(l, t);
		if
#ifdef FREED_UNDER_WAIT_LOCK
		:: FIRST(l) == NOBODY -> lock[l].word = 0; STORE_WORD(l, t); goto late
#else
		:: FIRST(l) == NOBODY -> drop_wait_lock(l, t); goto unlock
#endif
		:: FIRST(l) != NOBODY ->
			lock[l].word = WAITERS;
			STORE_WORD(l, t)
		fi;
		d_step { kick(FIRST(l), t) };	/* leave(): it is free now */
		drop_wait_lock(l, t);
		if
		:: who == NOBODY -> who = 0; goto unlocked
		:: else
		fi
	};
	atomic { asleep = asleep & ~(1 << who); who = 0 };	/* K3 */
unlocked:
	atomic {
		if
		:: last -> d_step { destroy(l) }
		:: else
		fi;
		last = 0;
		l = 0;
		goto drop
	};
#ifdef FREED_UNDER_WAIT_LOCK
late:	atomic { drop_wait_lock(l, t); goto unlocked };
#endif
over:	atomic { d_step { end_context(t) }; done = 0; refused = 0; rounds = 0 }
}

init {
	byte t, o;

	atomic {
#ifndef SECOND
		t = 1;
		do
		:: t < THREADS -> select(o: 0 .. 5); order[t] = o; t++
		:: else -> break
		od;
		t = 0;
		o = 0;
#endif
		d_step {
			do
			:: t < LOCKS ->
				lock[t].holder = NOBODY;
				lock[t].users = USERS(t);
				o = 0;
				do
				:: o < THREADS -> lock[t].queue[o] = NOBODY; o++
				:: else -> break
				od;
				t++
			:: else -> break
			od;
			t = 0;
			do
			:: t < THREADS -> LEARNS(THREAD(t), AT_FIRST | BEGUN(t)); t++
			:: else -> break
			od;
			t = 0;
			o = 0
		};
		run job(0);
		run job(1);
		run job(2);
		if
		:: THREADS > 3 -> run job(3)
		:: else
		fi
	}
}
