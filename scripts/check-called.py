#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every function that the library exports is called by a test.

Arguments: libdmabuf.so, and a build directory with the tests' objects.
"""
import pathlib
import re
import sys

from tree import finish, run


def symbols(*command):
    return {re.sub("@.*", "", line.split()[-1]) for line in run(*command).splitlines()
            if line and not line.endswith(":")}


def main():
    exported = {name for name in symbols("nm", "-D", "--defined-only", sys.argv[1])
                if not name.startswith("LIBDMABUF_")}
    objects = sorted(map(str, pathlib.Path(sys.argv[2]).glob("tests/*.p/*.o")))
    called = symbols("nm", "-u", *objects)
    finish([f"{name}: no test calls it" for name in sorted(exported - called)],
           f"{len(exported)} symbols, {len(objects)} objects")


main()
