#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each mutant applies to src/ as it is, and names tests that exist. What they do to them,
`./run mutants` finds out."""
import subprocess

from mutants import APPLY, Mutant
from tree import ROOT, finish, short


def problems(mutant):
    done = subprocess.run([*APPLY, "--dry-run", "-d", ROOT, "-i", mutant.path],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        yield f"{short(mutant.path)}: does not apply: make its change anew, and see CONTRIBUTING.md"
    if mutant.build == "model":
        return
    for test in mutant.tests:
        if not list(ROOT.glob(f"tests/*/test-{test.removesuffix('-unwatched')}.c")):
            yield f"{short(mutant.path)}: there is no test {test}"


def main():
    mutants = [Mutant(path) for path in sorted((ROOT / "mutants").glob("*.patch"))]
    finish([problem for mutant in mutants for problem in problems(mutant)],
           f"{len(mutants)} mutants")


main()
