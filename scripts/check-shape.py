#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""No function over 70 lines, no file over 600, a licence in each, no stray blanks."""
import re

from tree import files, finish, short, tags

FUNCTION, FILE = 70, 600


def look_at(path):
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    if len(lines) > FILE:
        yield f"{short(path)}: {len(lines)} lines, more than {FILE}"
    if path.name != "meson.build" and not any("SPDX-License-Identifier: MIT" in line
                                              for line in lines[:3]):
        yield f"{short(path)}: no licence in its first lines"
    if not text.endswith("\n") or text.endswith("\n\n"):
        yield f"{short(path)}: does not end with exactly one newline"
    for number, line in enumerate(lines, 1):
        if re.search(r"\s$", line):
            yield f"{short(path)}:{number}: blank at the end of the line"


def main():
    problems, functions = [], 0
    sources = files("*.c", "*.h")
    for path in sources + files("*.py", "*.sh", "meson.build", "run", "*.pml"):
        problems += look_at(path)
    for tag in tags("--language-force=C", "--kinds-C=f", *map(str, sources)):
        functions += 1
        lines = tag.get("end", tag["line"]) - tag["line"] + 1
        if lines > FUNCTION:
            problems.append(f"{tag['path']}: {tag['name']}: {lines} lines, more than {FUNCTION}")
    finish(problems, f"{functions} functions in {len(sources)} files")


main()
