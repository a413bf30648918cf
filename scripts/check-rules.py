#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each function that may sleep or allocate is called early by a test.

Those are the functions whose doc comments say so, or say that they are as one that does.
test-rules-early.c calls each where it must not, so that it returns at once, and sees that it is
reported all the same; or it excuses it, with the reason.
"""
import re

import headerdoc
from tree import HEADERS, ROOT, finish, short

TABLE = ROOT / "tests" / "debug" / "test-rules-early.c"
SLEEPS = re.compile(r"\b(may sleep|sleeps|may allocate|allocates)\b(?! nothing)")
NO_MEMORY = re.compile(r"ENOMEM|no memory")
AS_OTHERS = re.compile(r"\b[Aa]s (\w+)\(\)")


def may_sleep(entry):
    return SLEEPS.search(entry.text("Context")) or NO_MEMORY.search(entry.text("Return"))


def is_as(entry):
    return {name for section in entry.sections for name in AS_OTHERS.findall(entry.text(section))}


def main():
    entries = {entry.name: entry for header in headerdoc.load(HEADERS) for entry in header.entries
               if entry.has_page()}
    text = TABLE.read_text(encoding="utf-8")
    called = set(re.findall(r"^\tENTRY\((\w+),", text, re.M))
    excused = set(re.findall(r'^\tEXCUSE\((\w+), "', text, re.M))

    sleepers = {name for name, entry in entries.items() if may_sleep(entry)}
    more = sleepers
    while more:
        more = {name for name, entry in entries.items()
                if name not in sleepers and is_as(entry) & (sleepers - excused)}
        sleepers |= more

    problems = [f"{short(TABLE)}: {name}() may sleep or allocate, as its header has it: call it"
                for name in sorted(sleepers - called - excused)]
    problems += [f"{short(TABLE)}: {name}() is excused, and there is no such function"
                 for name in sorted(excused - set(entries))]
    problems += [f"{short(TABLE)}: {name}() is called, and excused from it"
                 for name in sorted(excused & called)]
    if not called:
        problems.append(f"{short(TABLE)}: no table")
    finish(problems, f"{len(called)} functions called early, {len(excused)} excused")


main()
