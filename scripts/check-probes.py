#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every event has its USDT probe, with a semaphore, in the shared library.

Argument: libdmabuf.so, whose notes say what tracers will find.
"""
import re
import sys

from tree import ROOT, finish, run

ARGUMENTS = {"fence": 6, "resv": 2, "buf": 6}
NOTE = re.compile(r"Provider: (\S+)\s+Name: (\S+)\s+Location: \S+, Base: \S+, "
                  r"Semaphore: (\S+)\s+Arguments: (.*)")


def look_at(name, notes):
    """@notes: (semaphore, arguments) of each place of the probe."""
    if not notes:
        yield f"{name}: no probe"
    for semaphore, arguments in notes:
        if not int(semaphore, 16):
            yield f"{name}: no semaphore: tracers could not switch it on"
        if len(arguments.split()) != ARGUMENTS[name.split("_")[0]]:
            yield f"{name}: not {ARGUMENTS[name.split('_')[0]]} arguments: {arguments}"


def main():
    header = (ROOT / "include" / "dmabuf" / "dmabuf-trace.h").read_text(encoding="utf-8")
    events = [name.lower() for name in re.findall(r"^\tDMABUF_TRACE_(\w+),", header, re.M)]
    found = {}
    for provider, name, *note in NOTE.findall(run("readelf", "-n", sys.argv[1])):
        if provider == "libdmabuf":
            found.setdefault(name, []).append(note)
    problems = [f"{name}: a probe, but no event" for name in found if name not in events]
    for name in events:
        problems += look_at(name, found.get(name, []))
    finish(problems, f"{len(found)} probes")


main()
