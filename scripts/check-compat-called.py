#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every macro, function, guard and __free() of include/linux-compat is used by a test or an
example, by itself or by way of others that are."""
import re

from tree import ROOT, files, finish, run

COMPAT = ROOT / "include" / "linux-compat"

# Not for kernel code: compat/tags.h changes it for the library's own headers.
EXCUSED = {"DMABUF_MUST_CHECK", "DMABUF_NO_ANNOTATIONS"}

KERNEL = r'#include [<"](linux|kunit|drm|trace)/|\bstruct kunit\b|mock-fence\.h'
USES = re.compile(r"\b(guard|scoped_guard|scoped_cond_guard|CLASS|CLASS_INIT|ACQUIRE|ACQUIRE_ERR"
                  r"|__free)\(\s*(\w+)")


def code(text):
    """Without comments and literals, each macro in a line of its own."""
    text = re.sub(r'/\*.*?\*/|//[^\n]*|"(\\.|[^"\\\n])*"', " ", text, flags=re.S)
    return text.replace("\\\n", " ")


def words(text):
    """What a text uses: its words, and what guards and __free() make of their names."""
    made = {f"__free_{name}" if macro == "__free" else f"class_{name}_constructor"
            for macro, name in USES.findall(text)}
    return made | set(re.findall(r"\w+", text))


def written():
    """(name, what defines it) of each macro and function, as the headers have them."""
    for path in sorted(COMPAT.rglob("*.h")):
        text = code(path.read_text(encoding="utf-8"))
        for name, body in re.findall(r"^# *define (\w+)(.*)", text, re.M):
            if not name.endswith("_H"):
                yield name, body
        yield from re.findall(r"^(?:static inline|static __always_inline|LC_SHARED) [^;{}()]*?(\w+)"
                              r"(\([^;{}]*\)\s*\{.*?^\})", text, re.M | re.S)


def preprocessed(source, whose, *options):
    """What the compiler sees of the files below @whose; with -dU, also what it expands there."""
    own, lines = False, []
    includes = (f"-I{COMPAT}", f"-I{ROOT}/include")
    for line in run("gcc", "-E", *options, *includes, source).splitlines():
        entered = re.match(r'# \d+ "([^"]*)"', line)
        if entered:
            own = entered[1].startswith(str(whose))
        elif own:
            lines.append(line)
    return "\n".join(lines)


def generated():
    """(name, what defines it) of each function, as the compiler has them."""
    includes = "".join(f"#include <{path.relative_to(COMPAT)}>\n"
                       for path in sorted(COMPAT.rglob("*.h")))
    build = ROOT / "build-check"
    build.mkdir(exist_ok=True)
    everything = build / "compat-all.c"
    everything.write_text(includes, encoding="utf-8")
    for text in re.split(r"\bstatic inline\b", preprocessed(everything, COMPAT))[1:]:
        name = re.match(r"(?:__attribute__\(\(.*?\)\)|[^(){};])*?(\w+)\s*\(", text, re.S)
        if name:
            yield name[1], text


def public(name):
    if name.startswith("class_"):
        return name.endswith("_constructor")
    return name.startswith("__free_") or not re.match(r"(?i:lc_)|_", name)


def definitions():
    """What each name uses: what it is made of."""
    made = {}
    for name, text in written():
        made.setdefault(name, set()).update(words(text))
    for name, text in generated():
        if name not in made:
            made[name] = words(code(text))
    return made


def used():
    """Words of kernel code: tests of linux-compat and examples; and what their macros make."""
    found = set()
    for path in files("tests/*/*.[ch]", "examples/*/*.[ch]"):
        text = path.read_text(encoding="utf-8")
        if path.parent.name != "uml" and re.search(KERNEL, text):
            found |= words(code(text))
        if path.parent.name == "compat" and path.suffix == ".c":
            found |= words(code(preprocessed(path, path, "-dU")))
    return found


def reached(made):
    """Names that tests and examples use, and those that these are made of."""
    todo, done = used(), set()
    while todo:
        name = todo.pop()
        if name in made and name not in done:
            done.add(name)
            todo |= made[name] - done
    return done


def main():
    made = definitions()
    called = reached(made)
    missing = {name for name in made if public(name)} - called
    problems = [f"{name}: no test calls it" for name in sorted(missing - EXCUSED)]
    problems += [f"{name}: is called, or not there; take it off EXCUSED"
                 for name in sorted(EXCUSED - missing)]
    count = sum(map(public, made))
    finish(problems, f"{count} names, {len(EXCUSED)} excused")


main()
