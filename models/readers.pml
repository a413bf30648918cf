/* SPDX-License-Identifier: MIT */
/*
 * The readers of the model of the log. Each may be the first of its thread: it
 * knows nothing when it begins. A section begins with the load of the word.
 */

/* Is this fence, without a reference, still the one that was put there? */
#define READABLE(f, called) \
	PROMISE(1, f != EMPTY && called < shown); \
	PROMISE(4, fence[f].life != FREE && fence[f].name == called); \
	PROMISE(7, KNOWS(READER(r), MADE(called)))

#define READABLE_LOG(l) \
	PROMISE(4, log[l].life != FREE); \
	PROMISE(7, KNOWS(READER(r), HEAD(l)))

/* The fences of a snapshot, as a set of names; each is there, each referenced. */
inline members(seen, w, n) {
	seen = 0;
	if
	:: IS_FENCE(w) ->
		PROMISE(2, fence[TO_FENCE(w)].life == LIVE && fence[TO_FENCE(w)].refs > 0);
		seen = BIT(fence[TO_FENCE(w)].name)
	:: else ->
		PROMISE(2, log[TO_LOG(w)].life == LIVE && log[TO_LOG(w)].refs > 0);
		x = 0;
		do
		:: x < n ->
			y = log[TO_LOG(w)].slot[x];
			PROMISE(1, y != EMPTY && log[TO_LOG(w)].name[x] < shown);
			PROMISE(2, fence[y].life == LIVE && fence[y].refs > 0);
			PROMISE(2, fence[y].name == log[TO_LOG(w)].name[x]);
			PROMISE(7, KNOWS(READER(r), SLOT(TO_LOG(w), x)));
			seen = seen | BIT(fence[y].name);
			x++
		:: else -> break
		od;
		skip
	fi
}

/*
 * All that was committed before the start, and all of each commit of which it has
 * a part; except for what has signalled, or is superseded or ended in it.
 */
inline complete(seen, before) {
	y = before;
	x = NAMES;
	do
	:: x > y && !(seen & BIT(x - 1)) -> x--
	:: x > y && (seen & BIT(x - 1)) ->
		y = x;
		do
		:: ends & BIT(y - 1) -> break
		:: else -> y++
		od
	:: else -> break
	od;
	x = 0;
	do
	:: x < y ->
		PROMISE(1, ((seen | signalled) & BIT(x)) || (seen & ~BEFORE(x + 1) & ALL_LIKE(x)) ||
			   (!(weak & BIT(x)) && cuts & BEFORE(y) & ~BEFORE(x + 1)) ||
			   ended_then & BIT(x));
		x++
	:: else -> break
	od;
	skip
}

#define ENTRY(i)	log[TO_LOG(w)].slot[i]

/* What was passed over has not signalled, and others may hold an older set. */
#ifdef HINT_OVER_ENDED
#define PASSED_OVER	false
#else
#define PASSED_OVER	passed_over
#endif

/* Is there a newer one of its context in the set? */
inline find_newer(w, i, n) {
	newer = 0;
	x = i + 1;
	do
#ifdef NEWER_BEYOND_SET
	:: x < CAP && ENTRY(x) == EMPTY -> break
	:: x < CAP && ENTRY(x) != EMPTY ->
#else
	:: x < n ->
#endif
		newer = newer | (CONTEXT(ENTRY(x)) == CONTEXT(ENTRY(i)));
		x++
	:: else -> break
	od;
	skip
}

proctype reader(byte r) {
	byte looks, w, n, h, i, must, seen, ended_then;
	bit all, cut, passed_over, newer;

	do
	:: looks == LOOKS -> break
	:: else ->
		atomic {			/* R1 */
			looks++;
			inside = inside | (1 << r);
			must = shown;
again:			w = word;
			ended_then = ended;
			LOAD_WORD;
			if
			:: r == 0 -> goto take
			:: w == NONE -> goto idle
			:: w != NONE
			fi
		};

		/* Test: without a reference. */
		if
		:: IS_FENCE(w) ->
			atomic {
				READABLE(TO_FENCE(w), fence[TO_FENCE(w)].name);
				if
				:: all = 1
				:: fence[TO_FENCE(w)].weak -> goto idle
				fi;
				if
				:: fence[TO_FENCE(w)].signalled -> TEST_STATE(TO_FENCE(w)); goto idle
				:: else -> goto busy
				fi
			}
		:: IS_LOG(w)
		fi;
		d_step {			/* R2 */
			READABLE_LOG(TO_LOG(w));
			n = log[TO_LOG(w)].committed;
			ended_then = ended;
			LOAD_COMMITTED
		};
		atomic {			/* H3 */
			d_step {
				READABLE_LOG(TO_LOG(w));
				h = log[TO_LOG(w)].hint;
				LOAD_HINT;
				i = 0;
				do
				:: i < h && i < n ->
					PROMISE(6, signalled & BIT(log[TO_LOG(w)].name[i]));
					i++
				:: else -> break
				od;
				i = n
			};
			if
			:: all = 1		/* asks for all categories */
			:: all = 0		/* asks for the strong one */
			fi
		};
		do
		:: atomic { i > h ->		/* R3, H1 */
				i--;
				READABLE_LOG(TO_LOG(w));
				READABLE(log[TO_LOG(w)].slot[i], log[TO_LOG(w)].name[i]);
				PROMISE(7, KNOWS(READER(r), SLOT(TO_LOG(w), i)));
				if
				:: !all && fence[ENTRY(i)].weak
				:: cut && !fence[ENTRY(i)].weak -> passed_over = 1
				:: (all && !cut || !fence[ENTRY(i)].weak && !cut || all && fence[ENTRY(i)].weak) &&
				   fence[ENTRY(i)].signalled ->
					TEST_STATE(ENTRY(i));
					cut = cut | fence[ENTRY(i)].cut
				:: else ->	/* nobody waits for it if it is superseded */
					d_step { find_newer(w, i, n) };
					if
					:: newer -> passed_over = 1; newer = 0
					:: else -> goto busy
					fi
				fi
			}
		:: atomic { i <= h ->
#ifdef HINT_PARTIAL
				break
#else
				if
				:: all && !PASSED_OVER -> break
				:: else -> goto idle
				fi
#endif
			}
		od;
		atomic {			/* H2 */
			READABLE_LOG(TO_LOG(w));
			if
			:: log[TO_LOG(w)].hint < n -> log[TO_LOG(w)].hint = n; STORE_HINT
			:: else
			fi
		};
idle:
		atomic {
			must = (all -> BEFORE(must) : BEFORE(must) & ~weak) & ~ended_then;
			PROMISE(3, (must & ~signalled) == 0);
			PROMISE(8, KNOWS(READER(r), must))
		};
busy:
		atomic { d_step { rcu_leave(r) }; goto next };

		/* Snapshot: one reference, on the fence or on the log. */
take:
		if
		:: w == NONE ->
			d_step { complete(0, must); rcu_leave(r) };
			goto next
		:: IS_FENCE(w) ->
			atomic {
				READABLE(TO_FENCE(w), fence[TO_FENCE(w)].name);
				if
				:: NONE_LEFT(fence[TO_FENCE(w)].refs) -> PROMISE(9, word != w); goto again
				:: else -> fence[TO_FENCE(w)].refs++
				fi
			}
		:: IS_LOG(w) ->
			atomic {
				READABLE_LOG(TO_LOG(w));
				if
				:: NONE_LEFT(log[TO_LOG(w)].refs) -> PROMISE(9, word != w); goto again
				:: else ->
					d_step {
						log[TO_LOG(w)].refs++;
						log[TO_LOG(w)].held = log[TO_LOG(w)].held | (1 << r);
						forget(LOOKED(TO_LOG(w), r))
					}
				fi
			}
		fi;
		atomic {			/* R2 */
			d_step {
				if
				:: IS_LOG(w) -> n = log[TO_LOG(w)].committed; LOAD_COMMITTED
				:: else
				fi;
				members(seen, w, n);
				complete(seen, must);
				rcu_leave(r)
			};
			must = 0
		};
		d_step {			/* R3, again, any time later */
			must = seen;
			members(seen, w, n);
			PROMISE(2, seen == must);
			if
			:: IS_LOG(w) -> LEARNS(READER(r), LOOKED(TO_LOG(w), r))
			:: else -> put_fence(TO_FENCE(w))
			fi
		};
		if
		:: IS_LOG(w) -> put_log(TO_LOG(w), READER(r), n)
		:: else
		fi;
next:
		atomic {
			w = 0; n = 0; h = 0; i = 0; must = 0; seen = 0; all = 0;
			cut = 0; passed_over = 0; ended_then = 0;
			knows[READER(r)] = 0
		}
	od;
	over++
}
