#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the documents say is there: links lead somewhere, names exist, and the
README's program is the one that the tests compile."""
import re

from tree import HEADERS, ROOT, declared, files, finish, linux_names, short

FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
PREFIXES = r"(?:dma_|dmabuf_|ww_|drm_|sg_|sync_file_)\w+"


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


def program():
    blocks = [body for language, body in FENCE.findall((ROOT / "README.md").read_text(encoding="utf-8"))
              if language == "c"]
    source = (ROOT / "examples" / "readme.c").read_text(encoding="utf-8")
    source = source.removeprefix("/* SPDX-License-Identifier: MIT */\n")
    if not blocks or blocks[0] != source:
        yield "README.md: the first C program is not examples/readme.c"


def main():
    known = {name for header in HEADERS for _, name in declared(header)} | linux_names()
    problems = list(program())
    documents = files("*.md")
    for path in documents:
        text = path.read_text(encoding="utf-8")
        problems += links(path, FENCE.sub("", text))
        problems += functions(path, text, known)
    finish(problems, f"{len(documents)} documents")


main()
