#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The symbol map, the shared library, the headers and their comments agree.

Argument: libdmabuf.so. What the map lists is what the library exports and what
the headers declare, under the header that the map names; and every function that
a header offers, inline ones included, has a comment there that describes it.
"""
import re
import sys

from tree import HEADERS, ROOT, declared, finish, run

EXTERNAL = {"prototype", "externvar"}


def read_map():
    """Symbol -> name of the header whose comment it stands under."""
    listed, header = {}, None
    for line in (ROOT / "src" / "libdmabuf.map").read_text(encoding="utf-8").splitlines():
        comment = re.match(r"\s*/\* ([a-z-]+\.h) \*/", line)
        symbol = re.match(r"\s*(\w+);$", line)
        if comment:
            header = comment[1]
        elif symbol:
            listed[symbol[1]] = header
    return listed


def main():
    listed, problems = read_map(), []
    exported = {re.sub("@.*", "", line.split()[-1])
                for line in run("nm", "-D", "--defined-only", sys.argv[1]).splitlines()
                if not re.search(r" A LIBDMABUF_[\d.]+", line)}
    offered = {}
    for header in HEADERS:
        text = header.read_text(encoding="utf-8")
        for kind, name in declared(header):
            if kind in EXTERNAL:
                offered[name] = header.name
            if kind in EXTERNAL | {"function"} and \
                    not re.search(rf"/\*\*\s+(\* )?{name}\b(\(\))? - ", text):
                problems.append(f"{header.name}: no comment describes {name}")

    for name in sorted(listed.keys() | exported | offered.keys()):
        if name not in exported:
            problems.append(f"{name}: the library does not export it")
        if name not in listed:
            problems.append(f"{name}: not in the symbol map")
        if name not in offered:
            problems.append(f"{name}: no public header declares it")
        elif name in listed and listed[name] != offered[name]:
            problems.append(f"{name}: under {listed[name]} in the map, but declared in {offered[name]}")
    finish(problems, f"{len(exported)} exported symbols")


main()
