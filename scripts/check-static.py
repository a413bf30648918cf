#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The static analysers find nothing in src/, the public headers and the examples; and they
find what is wrong in tests/analysers/, where each program names what must be said of it.

Arguments: the analysers to run, gcc, clang-tidy and cppcheck; without: all of them. What
they are told to ignore stands in .clang-tidy, .cppcheck-suppressions, or at the place."""
import concurrent.futures
import os
import re
import subprocess
import sys

from tree import ROOT, files, short

BUILDS = [["-DDMABUF_SEAMS", "-DDMABUF_CHECKS"], ["-DNDEBUG"]]  # the tests', the installed one
NOT_OURS = re.compile(r"examples/(kernel-|demo/test/)")  # kernel style; a tool of the tests
REASONED = re.compile(r"/\* NOLINTNEXTLINE\([\w.-]+\): \w.* \*/$|"
                      r"/\* cppcheck-suppress \w+; \w.* \*/$|"
                      r"DMABUF_UNCHECKED\((\"\w|reason\)|\))")
WANTED = re.compile(r"^(?:/| )\* (gcc|clang-tidy|cppcheck): (\S+)", re.M)


def gcc(path, *flags):
    return ["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-fanalyzer", *flags,
            "-c", "-o", "/dev/null", path]


def clang_tidy(path, *flags):
    return ["clang-tidy", "--quiet", path, "--", "-std=gnu11", *flags]


def cppcheck(path, *flags):
    return ["cppcheck", "--quiet", "--error-exitcode=1", "--std=c11", "--inconclusive",
            "--enable=warning,style,performance,portability,information", "--inline-suppr",
            "--suppressions-list=.cppcheck-suppressions", *flags, path]


ANALYSERS = {"gcc": gcc, "clang-tidy": clang_tidy, "cppcheck": cppcheck}


def runs():
    """What to look at: path and flags."""
    for path in files("src/*/*.c"):
        for build in BUILDS:
            yield short(path), ["-Iinclude", "-Isrc", *build]
    for path in files("examples/**/*.c"):
        if not NOT_OURS.match(short(path)):
            yield short(path), ["-Iinclude", "-Iexamples/demo"]


def analyse(job):
    """What is wrong, or empty."""
    analyser, path, flags, wanted = job
    done = subprocess.run(ANALYSERS[analyser](path, *flags), cwd=ROOT, text=True,
                          capture_output=True, check=False)
    said = done.stdout + done.stderr
    if wanted:
        return "" if wanted in said else f"{path}: {analyser} does not say {wanted}\n{said}"
    return f"{path}: {analyser} {' '.join(flags)}\n{said}" if done.returncode else ""


def unreasoned():
    """Suppressions without a reason. That they are still needed, cppcheck says of its own."""
    for path in files("*.c", "*.h"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if re.search(r"\bNOLINT|\bcppcheck-suppress|\bDMABUF_UNCHECKED\(", line) and \
                    not REASONED.search(line):
                yield f"{short(path)}: no reason: {line.strip()}\n"
    config = (ROOT / ".clang-tidy").read_text(encoding="utf-8")
    for check in re.findall(r"^  -([\w.-]+),?$", config, re.M):
        if not re.search(rf"^#.*\b{re.escape(check)}\b", config, re.M):
            yield f".clang-tidy: no reason: {check}\n"
    ignored = (ROOT / ".cppcheck-suppressions").read_text(encoding="utf-8")
    for block in re.split(r"\n\n+", ignored.strip()):
        if not block.startswith("# "):
            yield f".cppcheck-suppressions: no reason: {block}\n"


def main():
    chosen = sys.argv[1:] or list(ANALYSERS)
    jobs = [(analyser, path, flags, None) for analyser in chosen for path, flags in runs()]
    for path in files("tests/analysers/*.c"):
        jobs += [(analyser, short(path), [], wanted)
                 for analyser, wanted in WANTED.findall(path.read_text(encoding="utf-8"))
                 if analyser in chosen]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = [problem for problem in pool.map(analyse, jobs) if problem]
    problems += unreasoned()
    print("".join(problems), end="")
    print(f"{max(len(jobs) - len(problems), 0)} passed, {len(problems)} failed")
    sys.exit(1 if problems else 0)


main()
