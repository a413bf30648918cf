# SPDX-License-Identifier: MIT
"""What callgrind counts of bench/bench: it repeats, time does not."""
import collections
import functools
import re
import shutil
import subprocess
import sys

# On x86: those with the prefix, and xchg with memory, which locks without.
LOCKED = re.compile(r"^ *([0-9a-f]+):\tlock |^ *([0-9a-f]+):\txchg .*\(", re.M)


@functools.cache
def locked_in(path):
    """The addresses of the locked operations of an object file, as numbers."""
    code = subprocess.run(["objdump", "-d", "--no-show-raw-insn", path],
                          capture_output=True, text=True, check=False).stdout
    return {int(plain or exchange, 16) for plain, exchange in LOCKED.findall(code)}


def parts(text):
    """(object, address, instructions) of each line of cost in a dump."""
    names, at, address, called = {}, None, 0, False
    for line in text.splitlines():
        if line.startswith("ob="):
            number, _, name = line[3:].partition(" ")
            at = names.setdefault(number, name)
        elif line.startswith("cob="):
            number, _, name = line[4:].partition(" ")
            names.setdefault(number, name)
        elif line.startswith("calls="):
            called = True # the next line is what the call cost
        elif line[:1] in ("0", "+", "-", "*"):
            position, _, cost = line.partition(" ")
            if position.startswith("0x"):
                address = int(position, 16)
            elif position != "*":
                address += int(position)
            if not called:
                yield at, address, int(cost)
            called = False


def locked(text):
    """How many locked operations a dump has."""
    return sum(cost for at, address, cost in parts(text) if at and address in locked_in(at))


def count(program, work, *arguments):
    """
    {(family, row, n, design): (instructions, locked operations) an operation}; @work is made, and
    goes again.
    """
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    done = subprocess.run(["valgrind", "-q", "--tool=callgrind", "--collect-atstart=no",
                           "--separate-threads=yes", "--dump-instr=yes", "--dump-line=no",
                           f"--callgrind-out-file={work}/out.%p",
                           program, "--count", *arguments], check=False, text=True,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode: # else it only names system calls that valgrind does not know
        sys.exit(done.stderr)
    sums = collections.defaultdict(lambda: [0, 0, 0])
    for path in work.iterdir():
        text = path.read_text(encoding="utf-8", errors="replace")
        trigger = re.search(r"^desc: Trigger: Client Request: (.*)$", text, re.M)
        total = re.search(r"^(?:totals|summary): (\d+)", text, re.M)
        if trigger and total and int(total[1]):
            *key, operations = trigger[1].split("\t")
            family, row, n, design = key
            entry = sums[family, row, int(n), design]
            entry[0] += int(total[1])
            entry[1] += locked(text)
            entry[2] += float(operations)
    shutil.rmtree(work)
    return {key: (instructions / operations, bars / operations)
            for key, (instructions, bars, operations) in sums.items()}
