#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: check.py FILE.litmus...

Run litmus tests in herd's C dialect, as far as those here use it, and compare with
what each expects: (* Expected: Never *) or (* Expected: Sometimes *).

All executions are tried. Memory is a list of writes for each location, in modification
order; a thread has a view, the newest write of each location that it knows. A load may
read anything not older than that; a store goes anywhere behind it, but not between a
read-modify-write and what that has read; release leaves the view with the write,
acquire takes over what it finds. These are C11's rules without seq_cst, and without
values out of thin air or loads that see later stores: herd7 with rc11.cat says the same.
Plain accesses are taken as relaxed."""
import re
import sys
from pathlib import Path

ORDERS = {"relaxed": (False, False), "acquire": (True, False), "release": (False, True),
          "acq_rel": (True, True)}
ATOM = r"(-?\d+|\w+)"
ORDER = r"memory_order_(\w+)"
FORMS = [
    ("load", rf"(?:int )?(\w+) = atomic_load_explicit\((\w+), {ORDER}\)"),
    ("exchange", rf"(?:int )?(\w+) = atomic_exchange_explicit\((\w+), {ATOM}, {ORDER}\)"),
    ("or", rf"(?:int )?(\w+) = atomic_fetch_or_explicit\((\w+), {ATOM}, {ORDER}\)"),
    ("sub", rf"(?:int )?(\w+) = atomic_fetch_sub_explicit\((\w+), {ATOM}, {ORDER}\)"),
    ("store", rf"()atomic_store_explicit\((\w+), {ATOM}, {ORDER}\)"),
    ("load", r"(?:int )?(\w+) = \*(\w+)"),
    ("store", rf"()\*(\w+) = {ATOM}"),
    ("set", rf"(?:int )?(\w+) = {ATOM}"),
]


def statement(text):
    for kind, form in FORMS:
        if match := re.fullmatch(form, text):
            fields = list(match.groups())
            order = fields.pop() if "ORDER" in form or "memory_order" in form else "relaxed"
            register, location = fields[0], fields[1] if kind != "set" else None
            return (kind, register, location, fields[-1], *ORDERS[order])
    raise ValueError(f"not understood: {text}")


def block(lines):
    body = []
    while lines:
        line = lines.pop(0)
        if line == "}":
            return body
        if match := re.fullmatch(r"if \((\w+) (==|!=|&) (\d+)\) \{", line):
            body.append(("if", match.groups(), block(lines)))
        elif line.endswith(";"):
            body.append(statement(line[:-1]))
        else:
            raise ValueError(f"not understood: {line}")
    raise ValueError("a block does not end")


def parse(path):
    text = path.read_text(encoding="utf-8")
    expected = re.search(r"\(\* Expected: (Never|Sometimes) \*\)", text)
    text = re.sub(r"\(\*.*?\*\)", "", text, flags=re.S)
    head = re.match(rf"C {path.stem}\s+\{{([^}}]*)\}}\s+", text)
    condition = re.search(r"\nexists\s*\((.*)\)\s*$", text, re.S)
    if not (expected and head and condition):
        raise ValueError("needs 'C NAME', an initial state, 'exists', and what is expected")
    initial = dict(re.findall(r"(\w+) = (\d+);", head.group(1)))
    threads = []
    for number, signature, body in re.findall(r"^P(\d+)\s*\(([^)]*)\)\s*\{\n(.*?\n)\}$",
                                              text, re.M | re.S):
        if int(number) != len(threads):
            raise ValueError(f"P{number} out of order")
        names = {part.split("*")[1].strip() for part in signature.split(",")}
        lines = [line.strip() for line in body.splitlines() if line.strip()] + ["}"]
        threads.append(block(lines))
        unknown = set(re.findall(r"_explicit\((\w+)", body)) - names
        if unknown:
            raise ValueError(f"P{number} does not have {unknown}")
    terms = []
    for term in re.split(r"\s*/\\\s*", condition.group(1).strip()):
        thread, register, value = re.fullmatch(r"(\d+):(\w+)=(-?\d+)", term).groups()
        terms.append((int(thread), register, int(value)))
    return expected.group(1), initial, threads, terms


class Memory:
    """Of each location, writes in modification order: (id, value, view left, is a RMW)."""

    def __init__(self, writes):
        self.writes = writes

    def of(self, location):
        return self.writes[location]

    def index(self, location, ident):
        return next(i for i, write in enumerate(self.of(location)) if write[0] == ident)

    def joined(self, one, other):
        both = dict(one)
        for location, ident in other:
            old = both.get(location)
            if old is None or self.index(location, old) < self.index(location, ident):
                both[location] = ident
        return tuple(sorted(both.items()))

    def insert(self, location, index, write):
        of = self.of(location)
        return Memory({**self.writes, location: of[:index] + (write,) + of[index:]})


def value_of(atom, registers):
    return int(atom) if re.fullmatch(r"-?\d+", atom) else registers[atom]


def loads(step, memory, view, registers):
    """All that a load or a read-modify-write may read: (index, write)."""
    kind, _, location = step[:3]
    of = memory.of(location)
    for index in range(memory.index(location, dict(view)[location]), len(of)):
        taken = index + 1 < len(of) and of[index + 1][3]
        if kind == "load" or not taken:
            yield index, of[index]


def steps(step, memory, view, registers, ident):
    """All outcomes of one access: (memory, view, registers)."""
    kind, register, location, atom, acquire, release = step
    if kind == "set":
        yield memory, view, {**registers, register: value_of(atom, registers)}
    elif kind == "store":
        of = memory.of(location)
        for index in range(memory.index(location, dict(view)[location]) + 1, len(of) + 1):
            if index < len(of) and of[index][3]:
                continue
            mine = tuple(sorted({**dict(view), location: ident}.items()))
            left = mine if release else ((location, ident),)
            yield (memory.insert(location, index, (ident, value_of(atom, registers), left, False)),
                   mine, registers)
    else:
        for index, (read, value, left, _) in loads(step, memory, view, registers):
            seen = memory.joined(view, ((location, read),))
            if acquire:
                seen = memory.joined(seen, left)
            after = {**registers, register: value}
            if kind == "load":
                yield memory, seen, after
                continue
            operand = value_of(atom, registers)
            new = {"exchange": operand, "or": value | operand, "sub": value - operand}[kind]
            mine = tuple(sorted({**dict(seen), location: ident}.items()))
            changed = memory.insert(location, index + 1, (ident, new, (), True))
            leaves = changed.joined(left, mine if release else ((location, ident),))
            changed.writes[location] = tuple(
                (ident, new, leaves, True) if write[0] == ident else write
                for write in changed.of(location))
            yield changed, mine, after


def holds(condition, registers):
    register, operator, constant = condition
    value, constant = registers[register], int(constant)
    return {"==": value == constant, "!=": value != constant, "&": bool(value & constant)}[operator]


def locations(body):
    for step in body:
        yield from locations(step[2]) if step[0] == "if" else [step[2]] if step[2] else []


def outcomes(initial, threads):
    """The registers of all threads at the end of each execution."""
    names = {name for body in threads for name in locations(body)}
    start = Memory({name: ((0, int(initial.get(name, 0)), ((name, 0),), False),) for name in names})
    view = tuple(sorted((name, 0) for name in names))
    todo = [(start, 1, tuple((tuple(body), view, {}) for body in threads))]
    done = set()
    while todo:
        memory, ident, states = todo.pop()
        key = (tuple(sorted(memory.writes.items())), repr(states))
        if key in done:
            continue
        done.add(key)
        if all(not body for body, _, _ in states):
            yield [registers for _, _, registers in states]
        for number, (body, seen, registers) in enumerate(states):
            if not body:
                continue
            step, rest = body[0], body[1:]
            if step[0] == "if":
                inner = tuple(step[2]) if holds(step[1], registers) else ()
                after = [(memory, (inner + rest, seen, registers))]
            else:
                after = [(changed, (rest, view, values)) for changed, view, values in
                         steps(step, memory, seen, registers, ident)]
            for changed, state in after:
                todo.append((changed, ident + 1,
                             states[:number] + (state,) + states[number + 1:]))


def main():
    good = True
    for name in sys.argv[1:]:
        path = Path(name)
        try:
            expected, initial, threads, terms = parse(path)
            found = any(all(registers[thread].get(register) == value
                            for thread, register, value in terms)
                        for registers in outcomes(initial, threads))
        except (ValueError, AttributeError, KeyError, IndexError) as error:
            print(f"litmus: {path.stem}: {error}")
            good = False
            continue
        observed = "Sometimes" if found else "Never"
        print(f"litmus: {path.stem}: {observed}" +
              ("" if observed == expected else f", but expected {expected}"))
        good &= observed == expected
    sys.exit(not good)


main()
