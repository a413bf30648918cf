# SPDX-License-Identifier: MIT
"""What callgrind counts of bench/bench: it repeats, time does not."""
import collections
import re
import shutil
import subprocess


def count(program, work, *arguments):
    """{(family, row, n, design): instructions an operation}; @work is made, and goes again."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    subprocess.run(["valgrind", "-q", "--tool=callgrind", "--collect-atstart=no",
                    "--separate-threads=yes", f"--callgrind-out-file={work}/out",
                    program, "--count", *arguments], check=True, stdout=subprocess.DEVNULL)
    sums = collections.defaultdict(lambda: [0, 0])
    for path in work.iterdir():
        text = path.read_text(encoding="utf-8", errors="replace")
        trigger = re.search(r"^desc: Trigger: Client Request: (.*)$", text, re.M)
        total = re.search(r"^(?:totals|summary): (\d+)", text, re.M)
        if trigger and total and int(total[1]):
            *key, operations = trigger[1].split("\t")
            family, row, n, design = key
            entry = sums[family, row, int(n), design]
            entry[0] += int(total[1])
            entry[1] += float(operations)
    shutil.rmtree(work)
    return {key: instructions / operations for key, (instructions, operations) in sums.items()}
