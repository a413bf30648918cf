#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Count the cache lines that adding a fence touches, ours and the flat list's.

Arguments: a release build directory with bench/bench in it. Prints a line a row and design: how many
lines of 64 bytes an operation touches, from one dma_resv_lock() to the next, in the mean; how many
of them it writes; and how many no operation of the SEEN before it touched, which are those
that come from further than the first cache. Without the stack, which is always near. Each access
is one that valgrind's lackey prints; a time would not tell what it was spent on.
"""
import collections
import pathlib
import subprocess
import sys

SEEN = 64
STACK = 0x1f_0000_0000 # valgrind puts it above
BASE = 0x108000 # and the program here
LOCKS = {"ours": "dma_resv_lock", "flat": "linux_ww_mutex_lock"} # the first thing of an operation
ROWS = [("lock and unlock", 1), *(("add: a new context", n) for n in (0, 1, 4, 16)),
        *(("add: the same context", n) for n in (1, 4, 16)),
        *(("add: one ends, a new one comes", n) for n in (4, 16)),
        ("add: two writers in turn", 2), ("submit to N buffers, in order", 256)]


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


def frames(trace, names):
    """The Operations of each design's measurement of a row, in LOCKS' order."""
    begin, end = names["frame_begin"], names["frame_end"]
    found = []
    operations = lock = None
    for line in trace:
        if line[:1] == b"I":
            address = line[3:].partition(b",")[0]
            if address == begin:
                operations = Operations()
                lock = names[list(LOCKS.values())[len(found)]]
            elif address == end:
                found.append(operations)
                if len(found) == len(LOCKS):
                    return found
                operations = None
            elif operations and address == lock:
                operations.end()
        elif operations and line[:1] == b" ":
            operations.access(line)
    sys.exit("lackey did not reach the row")


def main():
    program = pathlib.Path(sys.argv[1]) / "bench" / "bench"
    names = functions(program)
    print(f"{'':<32} {'n':>4} {'':<6} {'touched':>8} {'written':>8} {'fresh':>8}")
    for row, n in ROWS:
        with subprocess.Popen(["valgrind", "--tool=lackey", "--trace-mem=yes", program, "--count",
                               "1", f"reservation: {row}, {n}."], stderr=subprocess.PIPE,
                              stdout=subprocess.DEVNULL) as process:
            found = frames(process.stderr, names)
            process.kill()
        for design, operations in zip(LOCKS, found):
            means = "".join(f"{total / operations.count:>9.1f}" for total in operations.sums)
            print(f"{row:<32} {n:>4} {design:<6}{means}", flush=True)


main()
