#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each header of include/linux-compat compiles alone and among libc's headers, before and
behind the library's own, with gcc and clang, for several versions of Linux, without a
warning. With --link DIRECTORY, where libdmabuf.so is: all of them together make one
program of two translation units."""
import concurrent.futures
import os
import subprocess
import sys

from tree import ROOT, finish

COMPAT = ROOT / "include" / "linux-compat"
FLAGS = ["-Wall", "-Wextra", "-Werror", f"-I{COMPAT}", f"-I{ROOT}/include"]
VERSIONS = ["KERNEL_VERSION(6,1,0)", "606", "612", "KERNEL_VERSION(6,19,0)"]
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


def jobs(names):
    everything = include(*names)
    for compiler in ("gcc", "clang"):
        for name in names:
            own = include(name)
            for std in ("gnu11", "gnu17"):
                yield f"{name} alone", compiler, [f"-std={std}"], own
            plain = ["-std=gnu11"]
            gnu = ["-std=gnu11", "-D_GNU_SOURCE"]
            yield f"{name} after libc", compiler, plain, include(*LIBC) + own
            yield f"{name} after libc", compiler, gnu, include(*LIBC) + own
            yield f"{name} before libc", compiler, plain, own + include(*LIBC)
            yield f"{name} before libc", compiler, gnu, own + include(*LIBC)
            yield f"{name} after the library", compiler, plain, include("dmabuf/dmabuf.h") + own
            yield f"{name} before the library", compiler, plain, own + include("dmabuf/dmabuf.h")
        for header in LIBC:
            for text in (include(header), include(header) + everything,
                         everything + include(header)):
                yield f"{header} and all", compiler, ["-std=gnu11"], text
        for version in VERSIONS:
            for std in ("gnu11", "gnu17"):
                options = [f"-std={std}", f"-DLINUX_COMPAT_VERSION={version}"]
                yield "all", compiler, options, everything
                yield "all, last first", compiler, options, include(*reversed(names))


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
