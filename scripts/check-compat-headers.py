#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each header of include/linux-compat compiles alone, before and behind the library's own
and libc's headers, and all of them together in any order and for several versions of Linux,
with gcc and clang, without a warning. With --link DIRECTORY, where libdmabuf.so is: all of
them together make one program of two translation units."""
import concurrent.futures
import os
import random
import subprocess
import sys

from tree import ROOT, finish

COMPAT = ROOT / "include" / "linux-compat"
FLAGS = ["-Wall", "-Wextra", "-Werror", "-DLC_ALL_WARNINGS", f"-I{COMPAT}", f"-I{ROOT}/include"]
VERSIONS = ["KERNEL_VERSION(6,1,0)", "606", "612", "KERNEL_VERSION(6,19,0)", "702"]
LIBC = ["stdio.h", "stdlib.h", "string.h", "sys/socket.h", "fcntl.h", "unistd.h", "sys/stat.h",
        "pthread.h", "signal.h", "time.h", "sched.h", "sys/param.h", "sys/sysinfo.h",
        "sys/time.h", "sys/types.h", "errno.h", "limits.h", "poll.h", "sys/mman.h",
        "sys/ioctl.h", "sys/wait.h", "semaphore.h", "assert.h", "math.h"]


def include(*names):
    return "".join(f"#include <{name}>\n" for name in names)


def headers():
    return sorted(str(path.relative_to(COMPAT)) for path in COMPAT.rglob("*.h"))


def compile_one(job):
    name, compiler, options, text = job
    done = subprocess.run([compiler, *options, *FLAGS, "-fsyntax-only", "-xc", "-"], input=text,
                          text=True, capture_output=True, check=False)
    return f"{name}: {compiler} {' '.join(options)}\n{done.stderr}" if done.returncode else None


def shuffled(names, seed):
    return random.Random(seed).sample(names, len(names))


def groups(names, size):
    return [names[i:i + size] for i in range(0, len(names), size)]


def jobs(names):
    """A header that comes first stands alone: what follows it cannot help it. So one program
    shows that, and that what follows gets on with it. Headers that come behind others are in
    no need of company of their own, and share programs, each time in other groups."""
    library = include("dmabuf/dmabuf.h")
    libc = include(*LIBC)
    dialects = (["-std=gnu11"], ["-std=gnu17", "-D_GNU_SOURCE"])
    for turn, compiler in enumerate(("gcc", "clang")):
        for name in names:
            yield f"{name} first", compiler, dialects[turn], include(name) + library + libc
        for seed in range(8):
            for group in groups(shuffled(names, seed), 12):
                before = libc + library if seed % 4 < 2 else library + libc
                yield (f"behind libc and the library: {' '.join(group)}", compiler,
                       dialects[seed % 2], before + include(*group))
        for header in LIBC[turn::2]:
            everything = include(*shuffled(names, header))
            yield f"{header}, then all", compiler, ["-std=gnu11"], include(header) + everything
        for header in LIBC[1 - turn::2]:
            everything = include(*shuffled(names, header))
            yield f"all, then {header}", compiler, ["-std=gnu11"], everything + include(header)
        for version in VERSIONS:
            for std in ("gnu11", "gnu17", "gnu2x"):
                options = [f"-std={std}", f"-DLINUX_COMPAT_VERSION={version}"]
                text = include(*shuffled(names, version + std + compiler))
                yield "all", compiler, options, text
        for text in (include(*names), include(*reversed(names))):
            yield "all", compiler, ["-std=gnu11"], text


def link(names, library):
    """Two translation units with everything in them make one program, which runs."""
    build = ROOT / "build-check"
    build.mkdir(exist_ok=True)
    for compiler in ("gcc", "clang"):
        for options in (["-O0"], ["-O2", "-ffunction-sections", "-Wl,--gc-sections"]):
            first, second = build / "compat-1.c", build / "compat-2.c"
            first.write_text(include(*names) + "int other(void);\n"
                             "int main(void) { pr_info(\"%d\\n\", other()); return other(); }\n",
                             encoding="utf-8")
            second.write_text(include(*reversed(names)) + "int other(void);\n"
                              "int other(void) { return get_current() != current; }\n",
                              encoding="utf-8")
            program = build / "compat-linked"
            done = subprocess.run(
                [compiler, "-std=gnu11", *options, *FLAGS, str(first), str(second),
                 "-o", str(program), f"-L{library}", f"-Wl,-rpath,{library}", "-ldmabuf"],
                text=True, capture_output=True, check=False)
            if not done.returncode:
                done = subprocess.run([str(program)], text=True, capture_output=True, check=False)
            if done.returncode:
                yield f"{compiler} {' '.join(options)}: two units\n{done.stdout}{done.stderr}"


def main():
    names = headers()
    if sys.argv[1:2] == ["--link"]:
        finish(list(link(names, sys.argv[2])), f"{len(names)} headers in one program")
    work = list(jobs(names))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = [problem for problem in pool.map(compile_one, work) if problem]
    finish(problems, f"{len(names)} headers, {len(work)} programs")


main()
