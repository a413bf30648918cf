#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""No function over 70 lines, no file over 600."""
from tree import files, finish, short, tags

FUNCTION, FILE = 70, 600


def main():
    problems, functions = [], 0
    sources = files("*.c", "*.h")
    for path in sources + files("*.py", "*.sh", "meson.build", "run", "*.pml"):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > FILE:
            problems.append(f"{short(path)}: {lines} lines, more than {FILE}")
    for tag in tags("--language-force=C", "--kinds-C=f", *map(str, sources)):
        functions += 1
        lines = tag.get("end", tag["line"]) - tag["line"] + 1
        if lines > FUNCTION:
            problems.append(f"{tag['path']}: {tag['name']}: {lines} lines, more than {FUNCTION}")
    finish(problems, f"{functions} functions in {len(sources)} files")


main()
