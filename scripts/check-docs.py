#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the documents say is there: links lead somewhere, names exist, and their
programs are those that the tests compile."""
import re

from tree import HEADERS, ROOT, declared, files, finish, linux_names, short

FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
PROGRAMS = {"README.md": "readme.c", "docs/observing.md": "observe.c"}
PREFIXES = r"(?:dma_|dmabuf_|ww_|drm_|sg_)\w+"


def slug(heading):
    heading = re.sub(r"[`*]|\[([^]]*)\]\([^)]*\)", r"\1", heading.strip().lower())
    return re.sub(r"[^\w\- ]", "", heading).replace(" ", "-")


def anchors(path):
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    return {slug(heading) for heading in re.findall(r"^#+ (.*)$", text, re.M)}


def links(path, text):
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        to = (path.parent / name).resolve() if name else path
        if not to.exists():
            yield f"{short(path)}: {target}: no such file"
        elif anchor and to.suffix == ".md" and anchor not in anchors(to):
            yield f"{short(path)}: {target}: no such heading"


def functions(path, text, known):
    for name in sorted(set(re.findall(rf"\b({PREFIXES})\(", text))):
        if name not in known:
            yield f"{short(path)}: {name}(): neither ours nor Linux's"


def program(document, example):
    blocks = [body for language, body in FENCE.findall((ROOT / document).read_text(encoding="utf-8"))
              if language == "c"]
    source = (ROOT / "examples" / example).read_text(encoding="utf-8")
    source = source.removeprefix("/* SPDX-License-Identifier: MIT */\n")
    if not blocks or blocks[0] != source:
        yield f"{document}: the first C program is not examples/{example}"


def main():
    known = {name for header in HEADERS for _, name in declared(header)} | linux_names()
    problems = [problem for pair in PROGRAMS.items() for problem in program(*pair)]
    documents = files("*.md")
    for path in documents:
        text = path.read_text(encoding="utf-8")
        problems += links(path, FENCE.sub("", text))
        problems += functions(path, text, known)
    finish(problems, f"{len(documents)} documents")


main()
