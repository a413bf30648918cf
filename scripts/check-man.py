#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each public symbol has its man page: every name of the symbol map, every function that a
header declares or defines, every macro that it documents. The page's parameters are the
prototype's, it says since when, and what is returned if something is. What it refers to
exists, mandoc and groff have nothing to say, and the pages are the same each time.

Argument: a directory for the pages.
"""
import filecmp
import os
import pathlib
import re
import shutil
import subprocess
import sys

import headerdoc
from tree import HEADERS, ROOT, declarations, exported, finish, linux_names

OURS = re.compile(r"(?:__)?(?:dma_|dmabuf_|ww_|drm_|sg_|to_dma_|get_dma_|sync_file_)\w+$")

# A page has its version in the place of a date.
TOLERATED = 'missing date, using ""'


def argument_names(signature):
    inner = signature.strip()[1:-1]
    return [headerdoc.argument_name(argument) for argument in headerdoc.split_arguments(inner)]


def look_at(entry, signature):
    where = f"{entry.header}:{entry.line}: {entry.name}"
    documented = [name for name, _ in entry.params]
    if entry.kind != "variable" and documented != argument_names(signature):
        yield (f"{where}: documents ({', '.join(documented)}), "
               f"but takes ({', '.join(argument_names(signature))})")
    if not re.match(r"\d+\.\d+", entry.text("Since")):
        yield f"{where}: does not say since which version ('Since: 0.1')"
    if headerdoc.returns_value(entry) and not entry.text("Return"):
        yield f"{where}: returns something, and has no 'Return:' paragraph"
    if not headerdoc.returns_value(entry) and "Return" in entry.sections and \
            entry.kind == "function":
        yield f"{where}: returns nothing, and has a 'Return:' paragraph"


def everything(entry):
    yield entry.brief
    yield from (text for _, text in entry.params)
    yield from (entry.text(section) for section in entry.sections if section != "Since")


def references(header, pages):
    """What is named and is neither ours nor, as docs/kernel-map.md tells, Linux's."""
    known = pages | linux_names()
    for entry in [header.title, *header.entries]:
        for name in sorted({name for text in everything(entry)
                            for name in headerdoc.CALL.findall(text)}):
            if OURS.match(name) and name not in known:
                yield (f"{header.name}:{entry.line}: {entry.name}: refers to {name}(), "
                       "which has no page")


def look_at_header(header, seen):
    entries = {entry.name: entry for entry in header.entries}
    for tag in declarations(header.path):
        name, kind, entry = tag["name"], tag["kind"], entries.get(tag["name"])
        if kind in ("prototype", "function", "externvar") or (entry and entry.kind == "macro"):
            if name in seen or name.endswith("_"):
                continue
            seen.add(name)
            if entry and entry.has_page():
                yield from look_at(entry, tag.get("signature", "()"))
            else:
                yield f"{header.name}: {name}: no comment '{name}() - one line', so no page"


def generate(output, seed):
    version = re.search(r"version: '([^']*)'", (ROOT / "meson.build").read_text(encoding="utf-8"))
    shutil.rmtree(output, ignore_errors=True)
    subprocess.run([sys.executable, "-B", ROOT / "scripts" / "man-pages.py", version[1],
                    ROOT / "include" / "dmabuf", output], check=True,
                   env={**os.environ, "PYTHONHASHSEED": str(seed)})
    return sorted(output.glob("man*/*"))


def complaints(pages):
    for command in (["mandoc", "-Tlint", "-W", "warning"], ["groff", "-ww", "-z", "-man"]):
        done = subprocess.run([*command, *pages], capture_output=True, text=True, check=False)
        for line in (done.stdout + done.stderr).splitlines():
            if line.strip() and TOLERATED not in line:
                yield line


def main():
    output = pathlib.Path(sys.argv[1])
    headers = headerdoc.load(HEADERS)
    pages = {entry.name for header in headers for entry in header.entries if entry.has_page()}
    problems, seen = [], set()
    for header in headers:
        problems += look_at_header(header, seen)
        problems += references(header, pages)
    written = generate(output / "one", 1)
    again = generate(output / "two", 2)
    found = {path.stem for path in written if path.suffix == ".3"}
    problems += [f"{name}: in the symbol map, and has no page"
                 for name in sorted(exported() - found)]
    problems += [f"{name}.3: a page of something that no header declares"
                 for name in sorted(found - seen)]
    problems += [f"{one.name}: not the same each time" for one, two in zip(written, again)
                 if one.name != two.name or not filecmp.cmp(one, two, shallow=False)]
    problems += complaints(written)
    finish(problems, f"{len(written)} pages")


main()
