#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measure, and say how our designs compare with others: ratios first.

Arguments: a build directory with bench/bench in it; --rounds N (9); --only TEXT: rows with that in
`family: row`; --no-counts. Prints tables, and writes into the build directory bench.json (all
measurements, medians, ratios, instruction counts) and a picture a row whose sizes differ.

A ratio is of two measurements of one round; shown are the median over the rounds and, for the
first of the other designs, the smallest and the largest. Below 1, ours is faster. `instr`: what
callgrind counts an operation, of ours and of the first of the others; it repeats, time does not.
"""
import argparse
import collections
import json
import pathlib
import re
import shutil
import statistics
import subprocess
import sys

OURS = "ours"


def measure(program, rounds, only):
    """{(family, row): {n: {design: {round: ns}}}}, in the program's order."""
    rows = collections.OrderedDict()
    with subprocess.Popen([program, str(rounds), only], stdout=subprocess.PIPE,
                          text=True) as process:
        for line in process.stdout:
            family, row, n, design, nth, ns = line.rstrip("\n").split("\t")
            sizes = rows.setdefault((family, row), collections.OrderedDict())
            sizes.setdefault(int(n), {}).setdefault(design, {})[int(nth)] = float(ns)
            if sys.stderr.isatty():
                print(f"\rround {int(nth) + 1} of {rounds} ", end="", file=sys.stderr)
    if process.returncode:
        sys.exit(f"{program} failed")
    return rows


def count(program, only, work):
    """{(family, row, n, design): instructions an operation}."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    subprocess.run(["valgrind", "-q", "--tool=callgrind", "--collect-atstart=no",
                    "--separate-threads=yes", f"--callgrind-out-file={work}/out",
                    program, "--count", "1", only], check=True, stdout=subprocess.DEVNULL)
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


def ratios(times, other):
    """Ours to @other, a round each."""
    return [times[OURS][nth] / times[other][nth] for nth in times[OURS]]


def others(sizes):
    names = collections.OrderedDict()
    for times in sizes.values():
        names.update((design, None) for design in times if design != OURS)
    return list(names)


def summarise(rows, counts):
    """What bench.json holds: a list of rows."""
    summary = []
    for (family, row), sizes in rows.items():
        for n, times in sizes.items():
            entry = {"family": family, "row": row, "n": n, "designs": {}}
            for design, rounds in sorted(times.items(), key=lambda item: item[0] != OURS):
                entry["designs"][design] = {
                    "ns": list(rounds.values()), "median": statistics.median(rounds.values()),
                    "instructions": counts.get((family, row, n, design))}
                if design != OURS:
                    found = ratios(times, design)
                    entry["designs"][design]["ratio"] = {
                        "median": statistics.median(found), "min": min(found), "max": max(found)}
            summary.append(entry)
    return summary


def table(family, rows, summary):
    """Lines of one family."""
    names = others({n: times for (name, _), sizes in rows.items() if name == family
                    for n, times in sizes.items()})
    yield (f"{family + ', ns':<37} {'n':>6} {OURS:>9} "
           + " ".join(f"{'/' + name:>8}" for name in names) + "   smallest, largest    instr")
    for entry in summary:
        if entry["family"] != family:
            continue
        designs = entry["designs"]
        line = f"{entry['row']:<37} {entry['n']:>6} {designs[OURS]['median']:>9.1f} "
        line += " ".join(f"{designs[name]['ratio']['median']:>8.3f}" if name in designs
                         else " " * 8 for name in names)
        first = designs.get(names[0]) if names else None
        if first:
            line += f"  {first['ratio']['min']:>8.3f} {first['ratio']['max']:>8.3f}"
            if designs[OURS]["instructions"] and first["instructions"]:
                line += f" {designs[OURS]['instructions']:>8.0f} {first['instructions']:>8.0f}"
        yield line


def plot(path, title, sizes):
    """Cost against n, both on logarithmic scales, a line a design."""
    designs = [OURS, *others(sizes)]
    script = [f'set terminal svg size 640,420 font "sans,12"; set output "{path}"',
              f'set title "{title}"; set xlabel "n"; set ylabel "ns"; set key left top',
              "set logscale xy; set grid"]
    lines = ", ".join(f'"-" with linespoints title "{design}"' for design in designs)
    script.append(f"plot {lines}")
    for design in designs:
        for n, times in sizes.items():
            if n and design in times:
                script.append(f"{n} {statistics.median(times[design].values())}")
        script.append("e")
    subprocess.run(["gnuplot"], input="\n".join(script), text=True, check=True)


def draw(rows, folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    drawn = 0
    for (family, row), sizes in rows.items():
        if len([n for n in sizes if n]) < 3:
            continue
        name = re.sub(r"[^a-z0-9]+", "-", f"{family} {row}".lower())
        plot(folder / f"{name}.svg", f"{family}: {row}", sizes)
        drawn += 1
    return drawn


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", default="")
    parser.add_argument("--no-counts", action="store_true")
    asked = parser.parse_args()

    program = asked.build / "bench" / "bench"
    rows = measure(program, asked.rounds, asked.only)
    if not rows:
        sys.exit(f"there is no row with '{asked.only}' in it")
    counts = {} if asked.no_counts else count(program, asked.only, asked.build / "callgrind")
    summary = summarise(rows, counts)
    for family in dict.fromkeys(family for family, _ in rows):
        print("\n".join(table(family, rows, summary)), end="\n\n")
    (asked.build / "bench.json").write_text(json.dumps(summary, indent=1) + "\n")
    drawn = draw(rows, asked.build / "plots")
    print(f"{asked.build}/bench.json has all of it; {drawn} pictures are in {asked.build}/plots")


main()
