#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Add up the closing lines of all test programs: `N passed, N failed`, or KTAP's
`# Totals: pass:N fail:N`.

Argument: meson-logs/testlog.json. A program that failed, timed out or crashed
counts at least one failure, and so does one that ended well without its line.
"""
import json
import re
import sys

LINE = re.compile(r"^(?:# Totals: pass:)?(\d+)(?: passed, | fail:)(\d+)(?: failed$| skip:)", re.M)


def count(test):
    good = test["result"] in ("OK", "EXPECTEDFAIL")
    lines = LINE.findall(test.get("stdout") or "")
    if not lines and good and ":examples / " in test["name"]:
        return 1, 0  # an example says what it has to say
    if not lines:
        print(f"{test['name']}: {test['result']}, without a closing line")
        return 0, 1
    passed, failed = map(int, lines[-1])
    if not good and not failed:
        print(f"{test['name']}: {test['result']}, though its closing line counts no failure")
        failed = 1
    return passed, failed


def main():
    try:
        with open(sys.argv[1], encoding="utf-8") as log:
            counts = [count(json.loads(line)) for line in log]
    except OSError:
        print("no test ran")
        counts = []
    passed = sum(c[0] for c in counts)
    failed = sum(c[1] for c in counts)
    if not counts:
        failed = 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
