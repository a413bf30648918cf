#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/kernel-map.md tells the truth: what it names as ours exists, what it names as missing
does not, whatever is no extension stands in it, and each difference has its reason.

A table of it has the columns: Linux's name, ours, and what differs. Ours is "same",
"not here", "linux-compat", or names; the last two may be combined.
"""
import re

import headerdoc
from tree import HEADERS, ROOT, compat_words, declared, finish

PAGE = ROOT / "docs" / "kernel-map.md"


def rows(text):
    """(line, Linux's column, ours, the reason) of each row of each such table."""
    columns = None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("|"):
            columns = None
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if columns is None:
            columns = cells
        elif columns[0].startswith("Linux") and not line.startswith("|--"):
            yield number, *cells[:3]


def names(cell):
    return [re.sub(r"\W.*", "", name) for name in re.findall(r"`([^`]+)`", cell)]


def look_at(row, ours, compat):
    number, linux, here, reason = row
    where = f"kernel-map.md:{number}"
    if here == "same":
        yield from (f"{where}: {name}: no public header has it"
                    for name in names(linux) if name not in ours)
        return
    if here == "not here":
        yield from (f"{where}: {name}: is here" for name in names(linux) if name in ours)
    elif not here.startswith("linux-compat") and not names(here):
        yield f"{where}: '{here}' is not same, not here, linux-compat or a name"
    elif here.startswith("linux-compat"):
        yield from (f"{where}: {name}: linux-compat does not have it"
                    for name in names(linux) if name not in compat)
    yield from (f"{where}: {name}: no public header has it"
                for name in names(here) if name not in ours)
    if not reason and not names(here):
        yield f"{where}: {linux}: gives no reason"


def main():
    headers = headerdoc.load(HEADERS)
    ours = {name for header in HEADERS for _, name in declared(header)}
    ours |= {name for header in headers for entry in header.entries if entry.kind == "type"
             for name, _ in entry.params}
    compat = compat_words()
    text = PAGE.read_text(encoding="utf-8")
    table = list(rows(text))
    problems = [problem for row in table for problem in look_at(row, ours, compat)]
    mapped = {name for _, linux, here, _ in table for name in [*names(linux), *names(here)]}
    for header in headers:
        problems += [f"{header.name}:{entry.line}: {entry.name}: is no extension, and not in "
                     "docs/kernel-map.md" for entry in header.entries
                     if entry.has_page() and not entry.is_extension() and entry.name not in mapped]
    finish(problems, f"{len(table)} rows, {len(mapped)} names")


main()
