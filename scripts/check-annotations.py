#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""clang's thread-safety analysis reports what it should, and nothing else.

Each program of tests/annotations/ passes as it is, and is refused with -DBROKEN, with the
warning that its comment names. Then each call in src/ that takes or drops a lock is taken
out, one at a time: what is left must be refused."""
import concurrent.futures
import os
import re
import subprocess

from tree import ROOT, files, finish, short

CLANG = ["clang", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wthread-safety",
         "-Wthread-safety-beta", "-fsyntax-only", f"-I{ROOT}/include", f"-I{ROOT}/src",
         "-DDMABUF_SEAMS", "-DDMABUF_CHECKS"]
REFUSED = re.compile(r"/\* refused: (.*) \*/")
CALL = re.compile(r"^\t+(dmabuf_spin_(?:un)?lock|dmabuf_rcu_read_(?:un)?lock|(?:un)?lock_fence|"
                  r"registry_(?:un)?lock|buffer_(?:un)?lock|dma_fence_(?:un)?lock_irq\w+|"
                  r"(?:begin|end)_signaling|leave)\(.*\);", re.M)
UNCHECKED = re.compile(r"^DMABUF_UNCHECKED\(.*?^}", re.M | re.S)


def refusal(text, *options):
    """What clang says about this program; empty if it takes it."""
    done = subprocess.run([*CLANG, *options, "-xc", "-"], input=text, text=True,
                          capture_output=True, check=False)
    return done.stderr if done.returncode else ""


def look_at(path):
    """A program, and its broken twin."""
    text = path.read_text(encoding="utf-8")
    wanted = REFUSED.search(text)
    if not wanted:
        return f"{short(path)}: does not say what is refused"
    said = refusal(text)
    if said:
        return f"{short(path)}: refused\n{said}"
    said = refusal(text, "-DBROKEN")
    if not re.search(wanted[1] + r".*-Wthread-safety", said):
        return f"{short(path)}: with -DBROKEN it is not refused with: {wanted[1]}\n{said}"
    return None


def look_without(place):
    """A source without one of its calls."""
    path, text, call = place
    said = refusal(text[:call.start()] + ";" + text[call.end():])
    if "-Wthread-safety" in said:
        return None
    line = text.count("\n", 0, call.start()) + 1
    return f"{short(path)}:{line}: not missed: {call[0].strip()}\n{said}"


def calls():
    """Where a lock is taken or dropped, but for functions that are not analysed."""
    for path in files("src/*/*.c"):
        text = path.read_text(encoding="utf-8")
        skipped = [match.span() for match in UNCHECKED.finditer(text)]
        for call in CALL.finditer(text):
            if not any(begin <= call.start() < end for begin, end in skipped):
                yield path, text, call


def main():
    programs, places = files("tests/annotations/*.c"), list(calls())
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = [*pool.map(look_at, programs), *pool.map(look_without, places)]
    if not programs or not places:
        problems.append("nothing to look at")
    finish([problem for problem in problems if problem],
           f"{len(programs)} programs and their twins, {len(places)} calls in src/")


main()
