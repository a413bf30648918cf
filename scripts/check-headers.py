#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each public header compiles alone, as C11 and as C++17, and brings only our names.
So does what the macros become (tests/*/use-*.c)."""
import re
import subprocess

from tree import HEADERS, ROOT, declared, files, finish

COMPILERS = [
    ["gcc", "-std=c11", "-pedantic", "-Wconversion", "-Wstrict-prototypes", "-xc"],
    ["clang", "-std=c11", "-pedantic", "-Wconversion", "-Wstrict-prototypes", "-xc"],
    ["g++", "-std=c++17", "-xc++"],
    ["clang++", "-std=c++17", "-xc++"],
]

PREFIXES = r"(__)?(dma_|dmabuf_|ww_|drm_|sg_|sync_file_)|DMA_|DMABUF_|DEFINE_|DRM_EXEC_"

# Names without our prefixes. Linux's interface forces each of them.
FORCED = {
    "ERESTARTSYS": "what an interrupted wait returns",
    "MAX_SCHEDULE_TIMEOUT": "the timeout that never ends",
    "seq_file": "tag: where the describe functions write",
    "to_dma_fence_array": "cast of a fence",
    "to_dma_fence_chain": "cast of a fence",
    "reservation_ww_class": "the class of all reservation locks",
    "device": "tag: who imports a buffer",
    "scatterlist": "tag: a segment of a scatter table",
    "sg_table": "tag: a scatter table",
    "for_each_sg": "iterator over a scatter list",
    "for_each_sgtable_sg": "iterator over a scatter table",
    "for_each_sgtable_dma_sg": "iterator over a scatter table",
    "get_dma_buf": "take a reference on a buffer",
    "iosys_map": "tag: where a kernel mapping lies",
    "sync_file": "tag: a fence as a descriptor",
    "file": "tag: what fd_install() takes",
}


def compile_alone(name, text, compiler):
    command = [*compiler, "-Wall", "-Wextra", "-Wshadow", "-Werror", "-fsyntax-only",
               f"-I{ROOT}/include", "-"]
    done = subprocess.run(command, input=text, text=True,
                          capture_output=True, check=False)
    if done.returncode:
        yield f"{name}: not alone with {' '.join(compiler[:2])}\n{done.stderr}"


def names(header):
    for kind, name in declared(header):
        if not re.match(PREFIXES, name) and name not in FORCED:
            yield f"{header.name}: {kind} {name}: neither our prefix nor on the list of forced names"


def main():
    problems = []
    for header in HEADERS:
        text = f"#include <dmabuf/{header.name}>\nstruct dmabuf_alone;\n"  # one may bring macros only
        for compiler in COMPILERS:
            problems += compile_alone(header.name, text, compiler)
        problems += names(header)
    for use in files("tests/*/use-*.c"):
        for compiler in COMPILERS:
            problems += compile_alone(use.name, use.read_text(encoding="utf-8"), compiler)
    finish(problems, f"{len(HEADERS)} headers, {len(COMPILERS)} compilers")


main()
