#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the programs of corpus/ that have names. The others were found by libFuzzer.

A program is a row of choices: the number of a step in fuzz.c, then what that step chooses, in
the order in which it asks. Fences are counted back from the newest, 0 first.
"""
import pathlib

NEW, FINISH, PUT, STATUS, WAIT, ENABLE = 0, 2, 4, 6, 7, 8
EMIT, TIMELINE, FAIL, REGISTER, ARRAY, LINK = 11, 12, 13, 15, 18, 21
WALK, FIND, UNWRAP, MERGE = 23, 24, 25, 26
LOCK, COMMIT, RESERVE, ADD, PRUNE, ASK, SNAPSHOT = 30, 32, 34, 35, 42, 44, 46
OPEN, CLOSE, DUP, GET, MERGE_FILES, INFO, EXPORT, IMPORT = 48, 50, 51, 52, 53, 54, 56, 57

PLAIN, ASKED, ENABLED, EITHER = range(4)
KERNEL, WRITE, READ, BOOKKEEP = range(4)
NOTHING, FREE, DROP, END, EMITS, SIGNALS = range(6)
ALL, ANY = 0, 1
NO_FAULT, FAULT = 1, 0
FENCES, SINGLETON, GET_RCU, WAITS, TEST, UNLOCKED, LOCKED = range(7)


def new(context, kind=PLAIN):
    return [NEW, context, 1, kind] if kind else [NEW, context, 0]


def finish(which, error=0):
    return [FINISH, which, *([1] if not error else [0, error]), 0]


def array(kind, *members):
    return [ARRAY, len(members) - 1, kind, *members, 0, NO_FAULT]


def link(own, first=False):
    """Number: one more than that of the newest link."""
    return [LINK, *([7] if first else [0, 0]), own, 2, NO_FAULT]


def merge(one, other):
    return [MERGE, one, 1, other, 1, NO_FAULT]


def reserve(side, count, fault=NO_FAULT):
    return [RESERVE, side, 0, count - 1, fault]


def add(side, usage, context, kind=PLAIN):
    """A new fence, with a reservation; the program keeps its reference."""
    return [ADD, side, usage, 1, context, *([1, kind] if kind else [0]), 1]


def ask(side, usage, kind):
    return [ASK, side, usage, kind, 1]


def opened(which):
    return [OPEN, which, NO_FAULT, 1, 0]


SEEDS = {
    "callbacks-run-in-order-and-free-themselves":
        new(0) + [REGISTER, 0, FREE, REGISTER, 0, DROP, REGISTER, 0, NOTHING] + finish(0),
    "a-callback-ends-another-fence":
        new(0) + new(1) + [REGISTER, 0, END, 1, REGISTER, 1, FREE] + finish(0),
    "a-lazy-fence-signals-when-asked":
        new(3, ASKED) + [REGISTER, 0, FREE] + finish(0, 5) + [STATUS, 0, 2],
    "enabling-finds-the-work-done":
        new(2, ENABLED) + finish(0, 5) + [REGISTER, 0, FREE],
    "numbers-wrap":
        new(1) + new(1) + new(1) + new(1) + new(1) + merge(4, 0) + merge(3, 1),
    "all-signals-with-the-first-error":
        new(0) + new(1) + new(2) + array(ALL, 0, 1, 2) + [ENABLE, 0] + finish(0, 7)
        + finish(0, 3) + finish(0),
    "any-signals-with-its-first-member":
        new(0) + new(1) + array(ANY, 0, 1) + [REGISTER, 0, FREE] + finish(1, 9) + finish(0),
    "a-timeline-fails-what-is-left":
        [EMIT, 0, NO_FAULT] * 3 + [TIMELINE, 0, 1, 1, 1, REGISTER, 0, FREE, FAIL, 0, 0, 4],
    "a-chain-is-walked-found-and-shortened":
        new(0) + link(0, True) + new(1) + link(0) + new(2) + link(0) + new(4) + link(0)
        + [REGISTER, 0, FREE] + finish(2) + [WALK, 0, FIND, 0, 2, FIND, 0, 3, FIND, 0, 4]
        + finish(0) + [UNWRAP, 0] + finish(0) + finish(0) + [FIND, 0, 2],
    "a-chain-of-arrays-is-merged":
        new(0) + new(1) + array(ALL, 0, 1) + link(0, True) + new(2) + new(0) + array(ANY, 0, 1)
        + link(0) + merge(0, 3) + [UNWRAP, 0] + finish(0) + finish(0) + finish(0) + merge(2, 3),
    "what-has-signalled-merges-into-a-stub":
        new(0) + new(1) + finish(0) + finish(0) + merge(0, 1),
    "later-fences-supersede-weaker-ones-do-not":
        [LOCK, 0] + reserve(0, 6) + add(0, WRITE, 0) + add(0, READ, 0) + add(0, WRITE, 0)
        + add(0, BOOKKEEP, 1) + ask(0, READ, FENCES) + ask(0, BOOKKEEP, LOCKED) + [LOCK, 0]
        + ask(0, WRITE, SINGLETON) + ask(0, BOOKKEEP, UNLOCKED),
    "no-memory-changes-nothing":
        [LOCK, 0] + reserve(0, 1) + add(0, WRITE, 0) + reserve(0, 6, FAULT) + [COMMIT, 0]
        + reserve(0, 6) + add(0, READ, 1) + [LOCK, 0],
    "a-staged-snapshot-outlives-a-prune":
        [LOCK, 0] + reserve(0, 6) + add(0, READ, 0) + add(0, WRITE, 1) + add(0, READ, 2)
        + add(0, READ, 3) + add(0, READ, 4) + add(0, WRITE, 0) + [COMMIT, 0, PUT, 0] * 6
        + reserve(0, 6) + add(0, WRITE, 1) + [SNAPSHOT, 0, 0] + finish(0) * 4
        + [PRUNE, 0, NO_FAULT, PUT, 0, PUT, 0, LOCK, 0],
    "readers-done-says-nothing-of-others":
        [LOCK, 0] + reserve(0, 6) + add(0, READ, 0) + add(0, BOOKKEEP, 1) + add(0, READ, 2)
        + [LOCK, 0] + finish(0) + finish(1) + ask(0, READ, TEST) + ask(0, BOOKKEEP, TEST),
    "a-descriptor-is-readable-once-signalled":
        new(0) + opened(0) + [DUP, 7, INFO, 7, GET, 7, CLOSE, 7] + finish(0, 8) + [INFO, 7],
    "descriptors-are-merged":
        new(0) + new(1) + opened(0) + opened(1) + [MERGE_FILES, 0, 1, 1, 1, INFO, 0] + finish(0)
        + finish(0) + [INFO, 0],
    "fences-go-from-buffer-to-buffer":
        [LOCK, 0] + reserve(0, 4) + add(0, WRITE, 0) + add(0, READ, 1) + add(0, BOOKKEEP, 2)
        + [LOCK, 0, EXPORT, 0, 1, 1, IMPORT, 1, 0, 0, 1] + ask(1, READ, FENCES) + finish(0),
}


def main():
    corpus = pathlib.Path(__file__).parent / "corpus"
    corpus.mkdir(exist_ok=True)
    for name, program in SEEDS.items():
        (corpus / name).write_bytes(bytes(program))


main()
