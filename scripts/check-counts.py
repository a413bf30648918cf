#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The counted rows take no more than bench/counts.txt has: instructions by a tenth, locked
operations by a fifth of one.

Arguments: a release build directory with bench/bench in it; --renew writes the file anew, with all
rows that are counted, and names those that are new or gone; --self-test shows that it would fail,
with counts that it makes up and no build. Fewer is fine, and says so: then renew. A row that is
counted and not in the file, or the other way round, is a failure. A count repeats to the
instruction where no memory is allocated. Where logs go through grace periods it depends on when
those end, by up to a fifth; so what is written is the largest of several.
"""
import pathlib
import sys

import counting
from tree import ROOT, finish

FILE = ROOT / "bench" / "counts.txt"
MARGIN = 1.1
MARGIN_LOCKED = 0.2
RENEWALS = 5 # how often it counts for --renew
HEAD = """# Instructions an operation, and locked operations among them, of our design, as callgrind
# counts them: family, row, n, instructions, locked, with tabs between. `./run check` compares; after a
# change that is meant: python3 -B scripts/check-counts.py build-bench --renew
"""


def parse(text):
    """{(family, row, n): (instructions, locked)}."""
    rows = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            family, row, n, instructions, locked = line.split("\t")
            rows[family, row, int(n)] = float(instructions), float(locked)
    return rows


def render(rows):
    return HEAD + "".join(f"{family}\t{row}\t{n}\t{instructions:.0f}\t{locked:.1f}\n"
                          for (family, row, n), (instructions, locked) in sorted(rows.items()))


def count(build, times):
    """As parse(): the largest of so many, of each."""
    found = {}
    for _ in range(times):
        counts = counting.count(build / "bench" / "bench", build / "callgrind", "--ours", "1")
        for key, now in counts.items():
            found[key[:3]] = tuple(map(max, now, found.get(key[:3], (0, 0))))
    return found


def named(key):
    family, row, n = key
    return f"{family}: {row}, {n}"


def compare(before, found):
    """(what is wrong, what is less)."""
    problems = [f"{named(key)}: is counted, and not in {FILE.name}: renew"
                for key in sorted(found.keys() - before.keys())]
    less = []
    for key, (instructions, locked) in before.items():
        if key not in found:
            problems.append(f"{named(key)}: there is no such row")
            continue
        now, now_locked = found[key]
        if now > instructions * MARGIN + 1:
            problems.append(f"{named(key)}: {now:.0f} instructions, were {instructions:.0f}")
        elif now * MARGIN + 1 < instructions:
            less.append(f"{named(key)}: {now:.0f} instructions, were {instructions:.0f}")
        if now_locked > locked + MARGIN_LOCKED:
            problems.append(f"{named(key)}: {now_locked:.1f} locked operations, were {locked:.1f}")
    return problems, less


def renew(before, found):
    """Write what was found, and say what that changes."""
    for key in sorted(before.keys() - found.keys()):
        print(f"{named(key)}: there is no such row any more")
    for key in sorted(found.keys() - before.keys()):
        print(f"{named(key)}: new")
    for line in sum(compare(before, {key: found[key] for key in before if key in found}), []):
        if "no such row" not in line:
            print(line)
    FILE.write_text(render(found), encoding="utf-8")


def self_test(before):
    """What must fail does, and what must not does not: made of the file's own lines."""
    key = max(before) # any
    instructions, locked = before[key]
    rest = {other: row for other, row in before.items() if other != key}
    cases = {
        "the same": (before, 0),
        "within the margins": (rest | {key: (instructions * 1.09, locked + 0.1)}, 0),
        "fewer": (rest | {key: (instructions / 2, 0)}, 0),
        "a fifth more instructions": (rest | {key: (instructions * 1.2 + 2, locked)}, 1),
        "half a locked operation more": (rest | {key: (instructions, locked + 0.5)}, 1),
        "both": (rest | {key: (instructions * 2 + 2, locked + 1)}, 2),
        "a row gone": (rest, 1),
        "a row that is not listed": (before | {("fence", "none", 1): (1, 0)}, 1),
    }
    problems = [f"{name}: {len(compare(before, found)[0])} problems, not {wanted}"
                for name, (found, wanted) in cases.items()
                if len(compare(before, found)[0]) != wanted]
    if parse(render(before)) != before:
        problems.append("what is written is not what is read")
    return problems, f"{len(cases)} cases"


def main():
    before = parse(FILE.read_text(encoding="utf-8"))
    if "--self-test" in sys.argv[1:]:
        finish(*self_test(before))
    build = pathlib.Path(sys.argv[1])
    if "--renew" in sys.argv[2:]:
        renew(before, count(build, RENEWALS))
        return
    problems, less = compare(before, count(build, 1))
    print("\n".join(less), end="\n" if less else "")
    finish(problems, f"{len(before)} rows")


main()
