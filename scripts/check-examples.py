#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every example compiles: those in the headers' comments, and each C block of a document.

An example with an #include is a program. One that defines functions (a line is only an
opening brace) stands at file scope, any other one inside a function. What both may use
without declaring it is in example-prelude.h. A block of a document may bring what is
around it, in an HTML comment just before it, with a line of three dots in its place:

    <!-- compiled in:
    static int submit(struct dma_resv *obj)
    {
    ...
    }
    -->
"""
import re
import subprocess

import headerdoc
from tree import HEADERS, ROOT, files, finish, short

PRELUDE = ROOT / "scripts" / "example-prelude.h"
WHOLE_FUNCTION = "static int example(void)\n{\n...\n\treturn 0;\n}\n"
BLOCK = re.compile(r"(?:<!-- compiled in:\n(?P<around>.*?)-->\n+)?^```c\n(?P<code>.*?)^```",
                   re.M | re.S)
COMPILERS = (["gcc", "-std=gnu11"], ["clang", "-std=gnu11"])
OPTIONS = ["-Wall", "-Wextra", "-Werror", "-Wno-unused", "-fsyntax-only", "-xc",
           f"-I{ROOT}/include"]


def source(where, line, code, around=None):
    """What to compile, numbered as the file that the example stands in."""
    if "#include" in code:
        around = around or "...\n"
        begins = ""
    else:
        at_file_scope = re.search(r"^\{$", code, re.M)
        around = around or ("...\n" if at_file_scope else WHOLE_FUNCTION)
        begins = f'#include "{PRELUDE}"\n'
    before, after = re.split(r"^\s*\.\.\.\n", around, maxsplit=1, flags=re.M)
    return f'{begins}{before}#line {line} "{where}"\n{code}\n{after}'


def line_of(code, lines, begin):
    """Where the example stands in the comment that begins at a line."""
    first = code.split("\n", maxsplit=1)[0].strip()
    return next(number for number in range(begin, len(lines))
                if lines[number - 1].strip(" \t*").expandtabs(8) == first)


def examples():
    for path in HEADERS:
        header = headerdoc.parse(path)
        lines = path.read_text(encoding="utf-8").splitlines()
        for entry in [header.title, *header.entries]:
            for code in entry.examples():
                line = line_of(code, lines, entry.line)
                yield f"{short(path)}:{line}: {entry.name}", source(short(path), line, code)
    for path in files("*.md"):
        text = path.read_text(encoding="utf-8")
        for block in BLOCK.finditer(text):
            line = text.count("\n", 0, block.start("code")) + 1
            yield (f"{short(path)}:{line}",
                   source(short(path), line, block["code"], block["around"]))


def main():
    problems, found = [], 0
    for name, text in examples():
        found += 1
        for compiler in COMPILERS:
            done = subprocess.run([*compiler, *OPTIONS, "-"], input=text, text=True,
                                  capture_output=True, check=False)
            if done.returncode:
                problems.append(f"{name}: the example does not compile with {compiler[0]}\n"
                                f"{done.stderr}")
    finish(problems, f"{found} examples, {len(COMPILERS)} compilers")


main()
