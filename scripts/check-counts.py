#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The instructions of our main rows are no more than bench/counts.txt has, by a tenth.

Arguments: a release build directory with bench/bench in it; --renew writes the file anew, with
the rows that it has. Fewer is fine, and says so: then renew. A count repeats to the instruction where
no memory is allocated. Where logs go through grace periods it depends on when those end, by up to a
fifth; so what is written is the largest of several.
"""
import pathlib
import sys

import counting
from tree import ROOT, finish

FILE = ROOT / "bench" / "counts.txt"
MARGIN = 1.1
RENEWALS = 5 # how often it counts for --renew
HEAD = """# Instructions an operation, of our design, as callgrind counts them: family, row, n, count, with
# tabs between. `./run check` compares; after a change that is meant:
# python3 -B scripts/check-counts.py build-bench --renew
"""


def committed():
    """{(family, row, n): instructions}."""
    rows = {}
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            family, row, n, instructions = line.split("\t")
            rows[family, row, int(n)] = float(instructions)
    return rows


def count(build, times):
    """{(family, row, n): instructions}: the largest of so many."""
    found = {}
    for _ in range(times):
        counts = counting.count(build / "bench" / "bench", build / "callgrind", "--ours", "1")
        for key, (instructions, _) in counts.items():
            found[key[:3]] = max(instructions, found.get(key[:3], 0))
    return found


def main():
    build = pathlib.Path(sys.argv[1])
    is_renewal = "--renew" in sys.argv[2:]
    found = count(build, RENEWALS if is_renewal else 1)
    before = committed()
    if is_renewal:
        FILE.write_text(HEAD + "".join(
            f"{family}\t{row}\t{n}\t{found[family, row, n]:.0f}\n"
            for family, row, n in before), encoding="utf-8")
    problems = []
    for (family, row, n), instructions in before.items():
        now = found.get((family, row, n))
        name = f"{family}: {row}, {n}"
        if now is None:
            problems.append(f"{name}: there is no such row")
        elif now > instructions * MARGIN + 1 and not is_renewal:
            problems.append(f"{name}: {now:.0f} instructions, were {instructions:.0f}")
        elif now * MARGIN + 1 < instructions:
            print(f"{name}: {now:.0f} instructions, were {instructions:.0f}")
    finish(problems, f"{len(before)} rows")


main()
