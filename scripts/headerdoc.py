# SPDX-License-Identifier: MIT
"""What the comments of the public headers say, as data.

A comment that begins with two stars documents what follows it. Its first paragraph is
`name() - one line`, then `@parameter: text` lines. The paragraphs after that describe;
one that begins with a word of SECTIONS and a colon opens that section, up to the next.
Indented lines are a list if they begin with a dash, and code otherwise. The first comment
of a header that is no licence describes the header.

Needs only the standard library: the build uses it.
"""
import dataclasses
import pathlib
import re
import textwrap

SECTIONS = ("Return", "Lifetime", "Locking", "Ordering", "Context", "Example", "Since")
TITLE = re.compile(r"(?:(struct|enum|union|typedef) )?(\w+)(\(\))? - (.+)")
OPENS = re.compile(rf"((?:{'|'.join(SECTIONS)})(?:, (?:{'|'.join(SECTIONS)}))*):(?:\s+|$)")
CALL = re.compile(r"(?<![\w.>])(\w+)\(\)")


@dataclasses.dataclass
class Entry:
    """One documented thing. Blocks are (kind, text): text, item or code."""
    header: str
    line: int
    kind: str  # function, macro, variable, type, constant
    name: str
    brief: str
    params: list = dataclasses.field(default_factory=list)  # or members: [name, text]
    more: dict = dataclasses.field(default_factory=dict)  # member: the blocks after its text
    sections: dict = dataclasses.field(default_factory=dict)  # '' and SECTIONS: blocks
    declaration: str = ""
    tag: str = ""  # struct, enum, union, typedef
    before: "Entry" = None  # the function or macro that its header documents before this

    def text(self, section):
        return " ".join(text for kind, text in self.sections.get(section, ()) if kind != "code")

    def has_page(self):
        """All but types, constants, and what ends in _, which is private."""
        return self.kind in ("function", "macro", "variable") and not self.name.endswith("_")

    def examples(self):
        return [text for kind, text in self.sections.get("Example", ()) if kind == "code"]

    def is_extension(self):
        return "Extension" in self.text("Since")


@dataclasses.dataclass
class Header:
    name: str
    title: Entry
    entries: list
    path: pathlib.Path


def lines_of(comment):
    body = re.sub(r"^/\*\*?|\*/$", "", comment)
    return [re.sub(r"^[ \t]*\*(?: |(?=\t)|$)", "", line).rstrip() for line in body.split("\n")]


def paragraphs(lines):
    """Lists of lines, without what separates them."""
    group = []
    for line in [*lines, ""]:
        if line.strip():
            group.append(line)
        elif group:
            yield group
            group = []


def joined(lines):
    return " ".join(line.strip() for line in lines)


def parameters(lines):
    found = []
    for line in lines:
        begins = re.match(r"@([\w.]+):\s*(.*)", line.strip())
        if begins:
            found.append([begins[1], begins[2]])
        else:
            found[-1][1] = f"{found[-1][1]} {line.strip()}".strip()
    return found


def hanging(group):
    """One text; or, where later lines are indented, one for each line that is not."""
    if not any(line[:1].isspace() for line in group):
        return [("text", joined(group))]
    texts = []
    for line in group:
        if line[:1].isspace():
            texts[-1].append(line)
        else:
            texts.append([line])
    return [("text", joined(text)) for text in texts]


def blocks(group):
    """(kind, text) of one paragraph that is no section's beginning."""
    if not group[0][:1].isspace():
        return hanging(group)
    if not re.match(r"\s+- ", group[0]):
        return [("code", textwrap.dedent("\n".join(line.expandtabs(8) for line in group)))]
    items = []
    for line in group:
        if re.match(r"\s+- ", line):
            items.append([line.strip()[2:]])
        else:
            items[-1].append(line)
    return [("item", joined(item)) for item in items]


def add_blocks(to, more):
    """Code that only a blank line divides is one block."""
    for kind, text in more:
        if kind == "code" and to and to[-1][0] == "code":
            to[-1] = ("code", f"{to[-1][1]}\n\n{text}")
        else:
            to.append((kind, text))


def describe(entry, groups):
    sections = [""]
    for group in groups:
        opened = OPENS.match(group[0])
        if opened:
            sections = opened[1].split(", ")
            rest = group[0][opened.end():]
            group = [rest, *group[1:]] if rest else group[1:]
        if group and re.match(r"@[\w.]+:", group[0]):
            entry.params += parameters(group)
            continue
        for section in sections:
            add_blocks(entry.sections.setdefault(section, []), blocks(group) if group else [])


def declaration(text, entry):
    """The text up to the end of what is declared at its start."""
    text = re.sub(r"^(\s*#ifndef \w+\n)", "", text).lstrip()
    if text.startswith("#define"):
        return re.match(r"(?:.*\\\n)*.*", text)[0]
    if entry.tag in ("struct", "enum", "union"):
        return re.match(r".*?^}[^;]*;", text, re.S | re.M)[0]
    ends = "{" if text.startswith("static inline") else ";"
    return text[:text.index(ends) + (ends == ";")].strip()


def kind_of(tag, call, text):
    if tag:
        return "type"
    if text.startswith("#define"):
        return "macro" if call else "constant"
    return "function" if call else "variable"


def members(entry):
    for comment in re.findall(r"/\*\*.*?\*/", entry.declaration, re.S):
        groups = list(paragraphs(lines_of(comment)))
        if groups and re.match(r"@\w+:", groups[0][0].strip()):
            name, text = parameters(groups[0])[0]
            entry.params.append([name, text])
            for group in groups[1:]:
                add_blocks(entry.more.setdefault(name, []), blocks(group))


def parse_comment(header, line, comment, after):
    groups = list(paragraphs(lines_of(comment)))
    if not groups:
        return None
    params = next((i for i, text in enumerate(groups[0]) if text.lstrip().startswith("@")),
                  len(groups[0]))
    title = TITLE.fullmatch(joined(groups[0][:params]))
    if not title:
        return None
    tag, name, call, brief = title.groups()
    entry = Entry(header, line, "", name, brief, tag=tag or "")
    entry.params += parameters(groups[0][params:])
    describe(entry, groups[1:])
    entry.declaration = declaration(after, entry)
    entry.kind = kind_of(tag, call, entry.declaration)
    if entry.kind == "type":
        members(entry)
    return entry


def opening(path, text):
    for comment in re.finditer(r"^/\*.*?\*/", text, re.S | re.M):
        groups = list(paragraphs(lines_of(comment[0])))
        title = re.fullmatch(r"([\w-]+)\.h - (.+)", joined(groups[0])) if groups else None
        if title:
            entry = Entry(path.name, 1, "header", title[1], title[2])
            describe(entry, groups[1:])
            return entry
    raise SystemExit(f"{path.name}: no comment '{path.name} - what it is'")


def parse(path):
    text = path.read_text(encoding="utf-8")
    header = Header(path.name, opening(path, text), [], path)
    before = None
    for comment in re.finditer(r"^/\*\*.*?\*/", text, re.S | re.M):
        line = text.count("\n", 0, comment.start()) + 1
        entry = parse_comment(path.name, line, comment[0], text[comment.end():])
        if not entry:
            raise SystemExit(f"{path.name}:{line}: this comment does not begin "
                             "'name() - one line'")
        entry.before = before
        if entry.kind in ("function", "macro"):
            before = entry
        header.entries.append(entry)
    return header


def load(paths):
    return [parse(path) for path in sorted(paths)]


#
# References: "as there", "as for dma_fence_init()".
#

AS = re.compile(r"as (?:there|(?:for )?(\w+)\(\))(?=[;,. ]|$)")


def meant_by(entry, entries, before):
    """The entry that "there" means in @entry: the one named last in the text @before, else in
    its first line, else the one before it in its header."""
    for text in (before, entry.brief):
        named = [entries[name] for name in CALL.findall(text)
                 if name in entries and name != entry.name]
        if named:
            return named[-1]
    return entry.before


def referred(entry, entries, text, before=""):
    """If @text begins "as there": the entry that is meant, and the rest of the text."""
    found = AS.match(text)
    if not found:
        return None, text
    other = entries.get(found[1]) if found[1] else meant_by(entry, entries, before)
    return other, text[found.end():].lstrip(" ,;.")


def parameter(entry, entries, name, depth=4):
    """What @name is, with the text that it refers to in its place."""
    before = ""
    for own, text in entry.params:
        if own == name:
            break
        before += " " + text
    else:
        return None
    other, rest = referred(entry, entries, text, before)
    there = other and depth and parameter(other, entries, name, depth - 1)
    if not there:
        return text
    return f"{there}; {rest}" if rest else there


def returns(entry, entries):
    """The entry that the Return section begins by referring to, or None, and the rest."""
    text = entry.text("Return")
    before = " ".join(text for _, text in entry.params) + " " + entry.text("")
    return referred(entry, entries, text, before)


#
# Prototypes.
#


def split_arguments(text):
    parts, depth = [""], 0
    for char in text:
        depth += (char in "([") - (char in ")]")
        if char == "," and not depth:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts if part.strip() not in ("", "void")]


def argument_name(argument):
    pointer = re.search(r"\(\* ?(\w+)\)", argument)
    name = pointer or re.search(r"(\w+|\.\.\.)(?:\[[^]]*\])*$", argument)
    return name[1] if name else ""


def prototype(entry):
    """(what stands before the parenthesis, [argument, ...], what stands after)."""
    text = re.sub(r"\s*\\?\n\s*", " ", entry.declaration.rstrip("; \n"))
    text = re.sub(r"^static inline |^extern ", "", text)
    if entry.kind == "macro":
        text = re.match(r"#define (\w+\([^)]*\))", text)[1]
    begin = text.index(entry.name + "(") + len(entry.name)
    depth = 0
    for end in range(begin, len(text)):
        depth += (text[end] == "(") - (text[end] == ")")
        if not depth:
            break
    return text[:begin], split_arguments(text[begin + 1:end]), text[end + 1:]


def argument_names(entry):
    return [argument_name(argument) for argument in prototype(entry)[1]]


def returns_value(entry):
    return entry.kind == "function" and not re.search(r"\bvoid \w+$", prototype(entry)[0])
