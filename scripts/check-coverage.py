#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Coverage of src/: enough of it, and all that no test reaches is on the list, with the reason.

The list is coverage-allowed.txt. An entry is a line; its reason is indented below it, or
below it and others:

    FILE FUNCTION: line: REGEX                  lines that are not reached, all that match
    FILE FUNCTION: 2 branches: REGEX            in lines that are; so many ways are not taken
    FILE FUNCTION: any branch: REGEX            however many

FILE and FUNCTION may be patterns, and "by chance, " in front of what is missing says that
now and then it is reached. What the list excuses still counts as not reached in the rates.

Argument: what gcovr --json wrote. Ends with `N passed, N failed`: files whose gaps are all
on the list, entries that are needed, and the two rates.
"""
import collections
import fnmatch
import json
import re
import sys

from tree import ROOT

LEAST = {"lines": 95, "branches": 90}
LIST = ROOT / "scripts" / "coverage-allowed.txt"
ENTRY = re.compile(r"(?P<file>\S+) (?P<function>\S+): (?P<chance>by chance, )?"
                   r"(?:(?P<line>line)|(?P<count>any|\d+) branch(?:es)?): (?P<text>.+)")

Line = collections.namedtuple("Line", "file number function text reached branches missing")


class Entry:
    """One of the list, and the lines that it speaks of."""
    def __init__(self, match):
        self.head = match[0]
        self.file, self.function, self.count = match["file"], match["function"], match["count"]
        self.chance = bool(match["chance"])
        self.text = re.compile(match["text"])
        self.reason = ""
        self.lines = []

    def matches(self, line):
        return (fnmatch.fnmatch(line.file, self.file) and
                fnmatch.fnmatch(line.function, self.function) and
                self.text.search(line.text) and (line.reached or not self.count))

    def problem(self):
        """What is wrong with it, or None."""
        missing = sum(line.missing for line in self.lines)
        if not self.reason:
            return "has no reason"
        if not self.lines:
            return "speaks of no line that there is" if not self.count or not self.chance else None
        if self.chance:
            return None if self.count in (None, "any") or missing <= int(self.count) else \
                f"{missing} branches are not taken"
        if not self.count:
            reached = [line for line in self.lines if line.reached]
            return f"line {reached[0].number} is reached: take it off" if reached else None
        if not missing:
            return "all branches are taken: take it off"
        return None if self.count in ("any", str(missing)) else f"{missing} branches are not taken"


def entries():
    found, new = [], []
    for number, text in enumerate(LIST.read_text(encoding="utf-8").splitlines(), 1):
        if text.startswith("\t") and found:
            for entry in new:
                entry.reason += text
        elif text and not text.startswith("#"):
            match = ENTRY.fullmatch(text)
            if not match:
                sys.exit(f"{LIST.name}:{number}: not an entry: {text}")
            new = [Entry(match)] if not found or found[-1].reason else [*new, Entry(match)]
            found.append(new[-1])
    return found


def code(file):
    """The lines of a file that the compiler made code of."""
    source = (ROOT / file["file"]).read_text(encoding="utf-8").splitlines()
    heads = sorted((function["lineno"], function["name"]) for function in file["functions"])
    for line in file["lines"]:
        number = line["line_number"]
        if line["gcovr/noncode"]:
            continue
        # What is always inlined has no head of its own.
        function = ["-", *(name for head, name in heads if head <= number)][-1]
        branches = [branch["count"] > 0 for branch in line["branches"]]
        yield Line(file["file"], number, function, source[number - 1].strip(), line["count"] > 0,
                   len(branches), branches.count(False))


def unlisted(lines, allowed):
    """The gaps that no entry speaks of."""
    for line in lines:
        listed = [entry for entry in allowed if entry.matches(line)]
        for entry in listed:
            entry.lines.append(line)
        where = f"{line.file}:{line.number}: {line.function}(): "
        if not line.reached and not listed:
            yield f"{where}no test reaches: {line.text}"
        elif line.reached and line.missing and not any(entry.count for entry in listed):
            yield f"{where}{line.missing} of {line.branches} branches are not taken: {line.text}"


def rate(part, whole):
    return 100 * part / whole if whole else 100


def sums(lines):
    """(reached, all) of lines and of branches."""
    branches = sum(line.branches for line in lines)
    return {"lines": (sum(line.reached for line in lines), len(lines)),
            "branches": (branches - sum(line.missing for line in lines), branches)}


def show(name, counts):
    print(f"{name:36}" + "".join(f"{part:8}{whole:6}{rate(part, whole):7.1f} %"
                                 for part, whole in counts.values()))


def main():
    with open(sys.argv[1], encoding="utf-8") as report:
        files = json.load(report)["files"]
    allowed = entries()
    problems, everything, passed = [], [], 0
    print(f"{'':36}{'lines':>14}{'':9}{'branches':>14}")
    for file in files:
        lines = list(code(file))
        show(file["file"], sums(lines))
        gaps = list(unlisted(lines, allowed))
        problems += gaps
        passed += not gaps
        everything += lines
    total = sums(everything)
    show("all", total)
    for what, (part, whole) in total.items():
        if rate(part, whole) < LEAST[what]:
            problems.append(f"{what}: {rate(part, whole):.1f} %, less than {LEAST[what]} %")
        else:
            passed += 1
    for entry in allowed:
        problem = entry.problem()
        if problem:
            problems.append(f"{LIST.name}: {entry.head}: {problem}")
        else:
            passed += 1
    if not files:
        problems.append("nothing was counted")
    for problem in problems:
        print(problem)
    print(f"{passed} passed, {len(problems)} failed")
    sys.exit(1 if problems else 0)


main()
