#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Count the cache lines that adding a fence touches, ours and the flat list's.

Arguments: a release build directory with bench/bench in it; rows to count instead of ROWS, as
`add: a new context, 4`. Prints a line a row and design: instructions and locked operations that
callgrind counts an operation, as bench.py has them; how many lines of 64 bytes an operation
touches, in the mean, from one dma_resv_lock() to the next; how many of them it writes; and how many
no operation of the SEEN before it touched, which are those that come from further than the first
cache. Without the stack, which is always near. Each access is one that valgrind's lackey prints; a
time would not tell what it was spent on. Lackey follows each thread, but cannot tell them apart:
these are rows of one thread.

A submission locks all buffers before it adds to the first one. There a buffer's lines are those
of its lock and of its add, counted apart (`a buffer`): a line that both touch counts twice if SEEN
others were between.
"""
import collections
import math
import pathlib
import re
import subprocess
import sys

import counting

SEEN = 64
MOST = 8192 # operations of a row; of submissions, all
STACK = 0x1f_0000_0000 # valgrind puts it above
BASE = 0x108000 # and the program here
# The first thing of an operation; and of the second part of one that has two.
LOCKS = {"ours": "dma_resv_lock", "flat": "linux_ww_mutex_lock"}
ADDS = {"ours": "dma_resv_add_fence", "flat": "flat_add_fence"}
SUBMIT = "submit"
ROWS = [("lock and unlock", 1), *(("add: a new context", n) for n in (0, 1, 4, 16, 64, 256)),
        *(("add: the same context", n) for n in (1, 4, 16)),
        *(("add: one ends, a new one comes", n) for n in (1, 4, 16)),
        ("add: two writers in turn", 2), ("submit to N buffers, in order", 256),
        ("submit to N buffers, at random", 256)]
NUMBERS = ("instr", "locked", "touched", "written", "fresh")


def functions(program):
    """{name: address as lackey writes it}."""
    symbols = subprocess.run(["nm", program], capture_output=True, text=True, check=True).stdout
    entries = (line.split() for line in symbols.splitlines() if " T " in line)
    return {name: b"%08x" % (int(address, 16) + BASE) for address, _, name in entries}


class Operations:
    """What all operations of a row touched."""

    def __init__(self):
        self.count = -1 # before the first there is none
        self.sums = [0, 0, 0]
        self.touched, self.written = set(), set()
        self.recent = collections.deque(maxlen=SEEN)

    def end(self):
        if self.count >= 0:
            fresh = self.touched.difference(*self.recent)
            for i, lines in enumerate((self.touched, self.written, fresh)):
                self.sums[i] += len(lines)
            self.recent.append(self.touched)
        self.count += 1
        self.touched, self.written = set(), set()

    def access(self, text):
        address, _, size = text[3:].partition(b",")
        address = int(address, 16)
        if self.count < 0 or address > STACK:
            return
        lines = {address >> 6, address + int(size) - 1 >> 6}
        self.touched |= lines
        if text[1:2] != b"L":
            self.written |= lines


def goes_to(trace, address):
    """False: it ends before."""
    here = b"I  " + address
    return any(line.startswith(here) for line in trace)


def measured(trace, starts, end, most):
    """The Operations from here to @end, or the first @most; each begins at one of @starts."""
    operations = Operations()
    for line in trace:
        if line[:1] == b"I":
            address = line[3:].partition(b",")[0]
            if address in starts:
                operations.end()
            if address == end or operations.count == most:
                break
        elif line[:1] == b" ":
            operations.access(line)
    return operations


def follow(program, names, row, text):
    """What lackey shows of a row: {design: (touched, written, fresh)}, an operation or a buffer."""
    is_submit = row.startswith(SUBMIT)
    parts = (LOCKS, ADDS) if is_submit else (LOCKS,)
    found = {}
    with subprocess.Popen(["valgrind", "--tool=lackey", "--trace-mem=yes", program, "--count", "1",
                           text], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        for design in LOCKS:
            if not goes_to(process.stderr, names["frame_begin"]):
                sys.exit(f"lackey did not reach {text}")
            starts = [names[part[design]] for part in parts]
            found[design] = measured(process.stderr, starts, names["frame_end"],
                                     math.inf if is_submit else MOST)
        process.kill()
    return {design: [total / operations.count * len(parts) for total in operations.sums]
            for design, operations in found.items()}


def report(build, rows=ROWS):
    """Lines of a table."""
    program = build / "bench" / "bench"
    names = functions(program)
    yield f"{'':<32} {'n':>6} {'':<6}" + "".join(f"{number:>9}" for number in NUMBERS)
    for row, n in rows:
        text = f"reservation: {row}, {n}."
        counts = counting.count(program, build / "callgrind", "1", text)
        for design, found in follow(program, names, row, text).items():
            instructions, locked = counts["reservation", row, n, design]
            yield (f"{row:<32} {n:>6} {design:<6}{instructions:>9.0f}"
                   + "".join(f"{number:>9.1f}" for number in (locked, *found)))


def main():
    asked = [re.fullmatch(r"(.*), (\d+)", text).groups() for text in sys.argv[2:]]
    for line in report(pathlib.Path(sys.argv[1]), [(row, int(n)) for row, n in asked] or ROWS):
        print(line, flush=True)


if __name__ == "__main__":
    main()
