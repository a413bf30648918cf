#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Man pages out of the comments of include/dmabuf: one of section 3 for each function,
function-like macro and variable, one of section 7 for each header, with its types.

usage: man-pages.py VERSION HEADERS-DIRECTORY OUTPUT-DIRECTORY [DEPENDENCIES]

Writes OUTPUT-DIRECTORY/man3 and man7, and what the pages depend on, for make or ninja, to
the file DEPENDENCIES. The same headers give the same bytes. A page has a version instead of
a date.
"""
import pathlib
import re
import shutil
import sys
import textwrap

import headerdoc

ORDER = {"Lifetime": "LIFETIME", "Locking": "LOCKING", "Ordering": "ORDERING",
         "Context": "CONTEXT"}

# Names that differ in one of these words belong together.
PAIRS = (("init", "fini"), ("init", "destroy"), ("create", "destroy"), ("alloc", "free"),
         ("get", "put"), ("lock", "unlock"), ("trylock", "unlock"), ("attach", "detach"),
         ("map", "unmap"), ("vmap", "vunmap"), ("pin", "unpin"), ("begin", "end"),
         ("add", "remove"), ("first", "next"), ("export", "put"), ("read", "write"),
         ("reserve", "add"), ("err_ptr", "ptr_err"), ("emit", "signal"))
VARIANTS = ("_locked", "_unlocked", "_interruptible", "_slow", "_timeout", "_rcu", "64",
            "_timestamp", "_or_same", "_reverse")

# What stands between two return values: "0; -EINVAL: ...", "0 if ..., -ENOENT if ...".
VALUE = re.compile(r"; (?=-E|0\b|1\b|NULL|true|false|above 0|negative|dmabuf_err_ptr|or what|or -E)"
                   r"|, (?=-E\w+ (?:\([^)]*\) )?if\b)")

# A token of running text that is set in another way than its neighbours.
TOKEN = re.compile(r"(?P<call>(?<![\w.>])\w+\(\))|@(?P<param>\w+)|(?P<error>-E[A-Z0-9]+\b)"
                   r"|(?P<file>\b[\w-]+\.h\b)|(?P<const>\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b)"
                   r"|(?P<option>(?<!\w)-(?=\d|\w))")


def plain(text):
    text = text.replace("\\", "\\e")
    return "".join(char if char.isascii() else f"\\[u{ord(char):04X}]" for char in text)


def exact(text):
    """Text whose hyphens are to be typed, and where no line breaks."""
    return plain(text).replace("-", "\\-")


def sentence(text):
    """@text with a capital, unless it begins with a name, and a full stop."""
    if re.match(r"[a-z]+\b(?!\(\)|_|-)", text):
        text = text[0].upper() + text[1:]
    return text if re.search(r"[.?!:]\)?$", text) else text + "."


class Pages:
    def __init__(self, version, headers):
        self.version = version
        self.headers = headers
        self.entries = {entry.name: entry for header in headers for entry in header.entries}
        self.pages = {name for name, entry in self.entries.items() if entry.has_page()}
        self.shown = list(self.examples())
        self.overviews = {header.title.name for header in headers}

    def examples(self):
        """(page, header, names that its example calls)."""
        for header in self.headers:
            for entry in [header.title, *header.entries]:
                code = " ".join(entry.examples())
                page = f"{entry.name}(3)" if entry.has_page() else f"{entry.name}(7)"
                if code:
                    yield page, header.name, set(re.findall(r"\w+(?=\()", code))

    #
    # Text.
    #

    def roff(self, text):
        """Running text with its references, without line breaks."""
        out, at = [], 0
        for token in TOKEN.finditer(text):
            out.append(plain(text[at:token.start()]))
            at = token.end()
            out.append(self.token(token))
        return "".join(out) + plain(text[at:])

    def token(self, token):
        kind, text = token.lastgroup, token[token.lastgroup]
        if kind == "call":
            name = text[:-2]
            return f"\\fB{name}\\fP(3)" if name in self.pages else f"\\fB{name}\\fP()"
        if kind == "param":
            return f"\\fI{text}\\fP"
        if kind == "error":
            return f"\\fB\\{text}\\fP"
        if kind == "option":
            return "\\-"
        return f"\\fB{exact(text)}\\fP"

    def fill(self, text):
        for line in textwrap.wrap(self.roff(text), 90, break_long_words=False,
                                  break_on_hyphens=False):
            yield "\\&" + line if line[0] in ".'" else line

    def section(self, blocks):
        (kind, text), *more = blocks
        yield from self.blocks([(kind, text if kind == "code" else sentence(text)), *more])

    @staticmethod
    def verbatim(text):
        """Lines as they are, indented."""
        yield from (".in +4n", ".nf")
        for line in text.split("\n"):
            line = re.sub(r"// (.*)$", r"/* \1 */", line)
            line = exact(line)
            yield "\\&" + line if line[:1] in (".", "'") else line
        yield from (".fi", ".in")

    def blocks(self, blocks, divider=".P", divided=False):
        """Paragraphs, with what divides them; the first one has nothing before it, unless the
        text before is to be divided from it."""
        for kind, text in blocks:
            if kind == "item":
                yield from (".IP \\(bu 3", *self.fill(text))
            else:
                if divided:
                    yield divider
                yield from self.verbatim(text) if kind == "code" else self.fill(text)
            divided = True

    #
    # Sections of a page of section 3.
    #

    def head(self, name, section, brief):
        yield '.\\" Made by scripts/man-pages.py from the header. SPDX-License-Identifier: MIT'
        yield f'.TH {name} {section} "" "libdmabuf {self.version}" "libdmabuf"'
        yield from (".ad l", ".nh")
        yield from (".SH NAME", f"{exact(name)} \\- {exact(brief)}")
        yield from (".SH LIBRARY", "libdmabuf (\\fI\\-ldmabuf\\fP)")

    @staticmethod
    def synopsis(entry):
        yield from (".SH SYNOPSIS", ".nf", f".B #include <dmabuf/{entry.header}>", ".P")
        if entry.kind == "variable":
            yield f".B {plain(entry.declaration)}"
        else:
            before, arguments, after = headerdoc.prototype(entry)
            width = len(before) + 1
            line, column = f"\\fB{before}(\\fP", width
            for i, argument in enumerate(arguments):
                if i and column + len(argument) + 3 > 76:
                    yield line.rstrip()
                    line, column = " " * width, width
                name = headerdoc.argument_name(argument)
                begin, _, end = argument.rpartition(name)
                if "(*" in argument:
                    begin, _, end = argument.partition(name)
                last = i == len(arguments) - 1
                line += (f"\\fB{begin}\\fP\\fI{name}\\fP" if name != "..." else "\\fB...\\fP")
                line += f"\\fB{end}{'' if last else ','}\\fP{'' if last else ' '}"
                column += len(argument) + 2
            empty = "" if arguments or entry.kind == "macro" else "void"
            if column + len(after) > 76:
                after = f"\n{' ' * 8}{after.strip()}"
            yield line + f"\\fB{empty}){after}{';' if entry.kind == 'function' else ''}\\fP"
        yield from (".P", "cc \\fIprog.c\\fP $(pkg\\-config \\-\\-cflags \\-\\-libs dmabuf)", ".fi")

    def description(self, entry):
        yield ".SH DESCRIPTION"
        blocks = [("text", sentence(entry.brief)), *entry.sections.get("", ())]
        others = self.referred(entry)
        if others:
            blocks.append(("text", "What is not said here is as for "
                           + " and ".join(f"{name}()" for name in others) + "."))
        yield from self.blocks(blocks)

    def referred(self, entry):
        """Names of the entries whose words stand for this one's."""
        names, before = [], ""
        for _, text in entry.params:
            other, rest = headerdoc.referred(entry, self.entries, text, before)
            if other and other.name not in names:
                names.append(other.name)
            before += " " + text
        return names

    def parameters(self, entry):
        if entry.params:
            yield ".SH PARAMETERS"
            for name, _ in entry.params:
                text = headerdoc.parameter(entry, self.entries, name)
                yield from (".TP", f".I {name}", *self.fill(text))

    def values(self, text):
        """Return values: a list, and a sentence after it, if there are several."""
        first, *more = re.split(r"(?<=[^.])\. (?=[A-Z])", text.rstrip("."))
        items = re.split(VALUE, first)
        if len(items) == 1:
            yield from self.fill(sentence(text))
            return
        for i, item in enumerate(items):
            yield from (".IP \\(bu 3", *self.fill(item + (";" if items[i + 1:] else ".")))
        for rest in more:
            yield from (".P", *self.fill(sentence(rest)))

    def return_value(self, entry):
        if "Return" not in entry.sections:
            return
        yield ".SH RETURN VALUE"
        text = entry.text("Return")
        seen = {entry.name}
        other, _ = headerdoc.returns(entry, self.entries)
        if other:
            yield from self.fill(sentence(re.sub(r"\bas there\b", f"as {other.name}()", text)))
        else:
            yield from self.values(text)
        while other and other.name not in seen:
            seen.add(other.name)
            yield from (".P", *self.fill(f"{other.name}() returns:"))
            yield from self.values(other.text("Return"))
            other, _ = headerdoc.returns(other, self.entries)

    def example(self, entry):
        """Its own; or where one is that calls it, in the same header if there is one."""
        elsewhere = [(header != entry.header, page) for page, header, calls in self.shown
                     if entry.name in calls]
        if entry.sections.get("Example"):
            yield ".SH EXAMPLES"
            yield from self.blocks(entry.sections["Example"])
        elif elsewhere:
            page = exact(min(elsewhere)[1])
            yield from (".SH EXAMPLES", f"See \\fB{page[:-3]}\\fP{page[-3:]}.")

    def history(self, entry):
        since = re.match(r"([\d.]*\d)[. ]*(.*)", entry.text("Since").rstrip("."))
        if not since:
            return
        version, rest = since.groups()
        yield ".SH HISTORY"
        if not rest:
            yield f"libdmabuf {version}, as in Linux."
        elif rest.startswith("Extension"):
            detail = rest.removeprefix("Extension").strip(" .:()")
            yield from self.fill(f"libdmabuf {version}. An extension: Linux does not have it"
                                 + (f" ({detail})." if detail else "."))
        else:
            yield from self.fill(f"libdmabuf {version} {rest}.")

    def see_also(self, entry):
        text = " ".join([entry.brief, *(text for _, text in entry.params),
                         *(entry.text(section) for section in entry.sections)])
        names = {name for name in headerdoc.CALL.findall(text) if name in self.pages}
        names |= set(self.referred(entry)) | self.relatives(entry.name)
        other, _ = headerdoc.returns(entry, self.entries)
        if other:
            names.add(other.name)
        also = [f"{name} (3)" for name in sorted(names - {entry.name})]
        also += [f"{name} (7)" for name in sorted({pathlib.Path(entry.header).stem, "dmabuf"})]
        yield ".SH SEE ALSO"
        yield from self.references(also)

    def relatives(self, name):
        found = set()
        for one, two in (*PAIRS, *((b, a) for a, b in PAIRS)):
            found.add(re.sub(rf"(?<![a-z]){one}(?![a-z])", two, name))
        base = name
        for variant in VARIANTS:
            base = base.replace(variant, "")
        found |= {other for other in self.pages
                  if base in (other, *(other.replace(variant, "") for variant in VARIANTS))}
        return found & self.pages

    @staticmethod
    def references(names):
        for i, name in enumerate(names):
            yield f".BR {exact(name)}{',' if i < len(names) - 1 else ''}"

    def page(self, entry):
        yield from self.head(entry.name, 3, entry.brief)
        yield from self.synopsis(entry)
        yield from self.description(entry)
        yield from self.parameters(entry)
        yield from self.return_value(entry)
        for section, title in ORDER.items():
            if entry.sections.get(section):
                yield f".SH {title}"
                yield from self.section(entry.sections[section])
        yield from self.example(entry)
        yield from self.history(entry)
        yield from self.see_also(entry)

    #
    # Pages of section 7.
    #

    def overview(self, header):
        title = header.title
        yield from self.head(title.name, 7, title.brief)
        yield from (".SH SYNOPSIS", f".B #include <dmabuf/{header.name}>")
        yield ".SH DESCRIPTION"
        described = [block for section in ("", *ORDER) for block in
                     self.with_heading(section, title.sections.get(section, []))]
        yield from self.blocks([("text", sentence(title.brief)), *described])
        if title.sections.get("Example"):
            yield ".SH EXAMPLES"
            yield from self.blocks(title.sections["Example"])
        if not header.entries:
            yield from self.index("HEADERS", 7, [h.title for h in self.headers if h.entries])
        yield from self.index("FUNCTIONS", 3, [e for e in header.entries if e.has_page()])
        yield from self.types(header)
        constants = [e for e in header.entries if e.kind == "constant"]
        if constants:
            yield ".SH CONSTANTS"
            for entry in constants:
                yield from (".TP", f".B {entry.name}", *self.fill(entry.brief))
        if header.entries:
            yield ".SH SEE ALSO"
            yield from self.references([f"{name} (7)" for name in self.family(title.name)])

    def family(self, name):
        """The pages of the same object, and the one that lists all."""
        stem = "-".join(name.split("-")[:2])
        return sorted(other for other in self.overviews - {name}
                      if other == "dmabuf" or stem in other)

    @staticmethod
    def with_heading(section, blocks):
        if not section or not blocks:
            return blocks
        return [(blocks[0][0], f"{section}: {blocks[0][1]}"), *blocks[1:]]

    def index(self, heading, section, entries):
        if entries:
            yield f".SH {heading}"
        for entry in entries:
            yield from (".TP", f".BR {exact(entry.name)} ({section})", *self.fill(entry.brief))

    def types(self, header):
        types = [entry for entry in header.entries if entry.kind == "type"]
        if types:
            yield ".SH TYPES"
        for entry in types:
            name = f"{entry.tag} {entry.name}" if entry.tag != "typedef" else entry.name
            yield from (f'.SS "{name}"', *self.fill(sentence(entry.brief)))
            if entry.sections.get(""):
                yield from (".P", *self.blocks(entry.sections[""]))
            for member, text in entry.params:
                more = entry.more.get(member, [])
                yield from (".TP", f".I {member}", *self.fill(text))
                yield from self.blocks(more, ".IP", True)


def write(directory, name, lines):
    text = "\n".join(lines) + "\n"
    (directory / name).write_text(text, encoding="ascii")


def main():
    version, sources, output = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    headers = headerdoc.load(sources.glob("*.h"))
    pages = Pages(version, headers)
    for section in ("man3", "man7"):
        shutil.rmtree(output / section, ignore_errors=True)
        (output / section).mkdir(parents=True)
    for header in headers:
        write(output / "man7", f"{header.title.name}.7", pages.overview(header))
        for entry in header.entries:
            if entry.has_page():
                write(output / "man3", f"{entry.name}.3", pages.page(entry))
    if len(sys.argv) > 4:
        needed = " ".join([str(sources), *(str(header.path) for header in headers)])
        pathlib.Path(sys.argv[4]).write_text(
            f"{output / 'man3'} {output / 'man7'}: {needed}\n", encoding="utf-8")


main()
