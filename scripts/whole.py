# SPDX-License-Identifier: MIT
"""The demo plays a video, with the same engines and frames handed over in each way."""
import re
import subprocess
import sys

FAMILY = "demo"
WAYS = {"threads": "ours", "processes": "processes", "copies": "copies", "mutex": "mutex"}
UNITS = {"frames": "a second", "processor time a frame": "ms", "bytes copied": "bytes",
         "first frame": "ms"}
REPORT = re.compile(r"^(\d+) bytes of planes copied, ([\d.]+) frames/s, "
                    r"first frame after ([\d.]+) ms, .*\n([\d.]+) ms of processor time", re.M)


def play(demo, video, folder, way):
    """What the demo reports, by row. All frames must be identical."""
    done = subprocess.run([demo, "--out", folder, "--hand-over", way, video],
                          capture_output=True, text=True, check=False)
    report = REPORT.search(done.stdout)
    if done.returncode or not report:
        sys.exit(f"{demo} failed\n{done.stdout}{done.stderr}")
    copied, rate, first, processor = map(float, report.groups())
    return {"frames": rate, "processor time a frame": processor, "bytes copied": copied,
            "first frame": first}


def measure(demo, video, folder, rounds, only, rows):
    """Into @rows, as bench.py has them: one way after the other in each round."""
    wanted = [row for row in UNITS if only in f"{FAMILY}: {row}"]
    for nth in range(rounds if wanted else 0):
        if sys.stderr.isatty():
            print(f"\r{FAMILY}: round {nth + 1} of {rounds} ", end="", file=sys.stderr)
        for way, design in WAYS.items():
            found = play(demo, video, folder, way)
            for row in wanted:
                designs = rows.setdefault((FAMILY, row, UNITS[row]), {0: {}})[0]
                designs.setdefault(design, {})[nth] = found[row]
