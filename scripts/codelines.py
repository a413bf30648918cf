#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How much code the designs of reservations are, by one rule, like for like.

Counted are lines that are neither blank nor comment, of the functions and macros that the common
interface (INTERFACE) needs: those, and whatever of the same sources they lead to. Not counted:
declarations, the locks, and what a design has beyond that interface. A design that lacks a part of
it is compared with what ours needs for the rest.
"""
import collections
import re

from tree import ROOT

INTERFACE = """init fini lock unlock reserve_fences add_fence replace_fences get_fences get_singleton
    copy_fences wait_timeout test_signaled iter_begin iter_end iter_usage iter_is_restarted
    iter_first iter_next iter_first_unlocked iter_next_unlocked""".split()

SHADOW = ["bench/designs/dmabuf/dma-resv.h", "bench/designs/design.h"]
DESIGNS = {
    "ours": ["include/dmabuf/dma-resv*.h", "src/resv/*.[ch]"],
    "flat": [*SHADOW, "bench/designs/flat.[ch]"],
    "classic": [*SHADOW, "bench/designs/classic.[ch]"],
}
LOCKS = re.compile(r"(ww-|drm-exec|dma-resv-guard)")


def strip(text):
    """Without comments and blank lines."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S)
    return [line for line in text.splitlines() if line.strip()]


def parts(lines):
    """(name, its lines) of each function and macro. A function's body is between braces alone."""
    start = 0
    for i, line in enumerate(lines):
        if line.startswith("#define"):
            end = i
            while lines[end].endswith("\\"):
                end += 1
            yield re.match(r"#define (\w+)", line)[1], lines[i:end + 1]
        if line == "{":
            head = i
            while head > start and not re.search(r"[;}\\]$|^#", lines[head - 1]):
                head -= 1
            end = lines.index("}", i)
            plain = re.sub(r"__attribute__\(\(.*?\)\)", "", " ".join(lines[head:i]))
            yield re.search(r"(\w+)\(", plain)[1], lines[head:end + 1]
            start = end + 1


def read(patterns, homes=None):
    """{name: lines}; of a name that is there twice, all. Into @homes: {name: its source's}."""
    known = {}
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            if not LOCKS.match(path.name):
                for name, lines in parts(strip(path.read_text(encoding="utf-8"))):
                    known.setdefault(name, []).extend(lines)
                    if homes is not None:
                        homes[name] = path.stem
    return known


def reached(known, interface):
    """The names of all that @interface leads to."""
    seen, left = set(), [f"dma_resv_{name}" for name in interface]
    while left:
        name = left.pop()
        if name in known and name not in seen:
            seen.add(name)
            left += re.findall(r"\w+", " ".join(known[name]))
    return seen


def count(known, interface):
    """Lines of these."""
    return sum(len(known[name]) for name in reached(known, interface))


def by_source(known, homes):
    """What the lines of ours are for, by source, header and code together."""
    lines = collections.Counter()
    for name in reached(known, INTERFACE):
        lines[homes[name]] += len(known[name])
    return ", ".join(f"{name} {n}" for name, n in lines.most_common())


RULE = ("code: lines that are neither blank nor comment, of each function and macro that the "
        "interface leads to,\n  in the design's sources and headers; without declarations "
        "and locks")


def report():
    """The rule, and a line a design."""
    homes = {}
    known = {design: read(patterns, homes if design == "ours" else None)
             for design, patterns in DESIGNS.items()}
    yield RULE
    for design, names in known.items():
        interface = [name for name in INTERFACE if "{" in names.get(f"dma_resv_{name}", [])]
        if "iter_first" not in interface:  # the shadow header has a part of it for all
            interface = [name for name in interface if not name.startswith("iter_")]
        ours = count(known["ours"], interface)
        theirs = count(names, interface)
        yield (f"{design:<8} {theirs:>5} lines for {len(interface):>2} of {len(INTERFACE)} "
               f"functions; ours for the same: {ours}, {ours / theirs:.2f}")
    yield f"ours is {by_source(known['ours'], homes)}"


if __name__ == "__main__":
    print("\n".join(report()))
