#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measure, and say how our designs compare with others: ratios first.

Arguments: a build directory with bench/bench in it, the demo, and a video for it; --rounds N (9);
--only TEXT: rows with that in `family: row, n.`; --no-counts. Prints tables, and writes into the
build directory bench.json (all measurements, medians, ratios, instruction counts) and a picture a
row whose sizes differ.

A ratio is of two measurements of one round; shown are the median over the rounds and, for the
first of the other designs, the smallest and the largest. Below 1, ours is faster: where the unit is
"a second", the ratio is theirs to ours. In brackets: no ratio, but what the other design has.
`instr`, `locked`: instructions, and locked operations among them, that callgrind counts an
operation, of ours and of the first of the others; they repeat, time does not. Then all rows where another
design is faster by more than a twentieth, so that none is hidden. At the end, unless --only is
given, the cache lines of the rows whose floors docs/performance.md shows (lines.py), unless
--no-counts is, and how much code the designs of reservations are (codelines.py).
"""
import argparse
import collections
import json
import math
import pathlib
import re
import shutil
import statistics
import subprocess
import sys

import codelines
import counting
import lines
import whole

OURS = "ours"

# Of these units, ratios are made; of "a second", more is better.
RATES = ("ns", "ms", "a second")
DRAWN = (*RATES, "bytes")
BEHIND = 1.05 # what is above is named at the end


def measure(program, rounds, only, rows):
    """Into @rows: {(family, row, unit): {n: {design: {round: value}}}}, in the program's order."""
    with subprocess.Popen([program, str(rounds), only], stdout=subprocess.PIPE,
                          text=True) as process:
        for line in process.stdout:
            family, row, n, design, nth, value, unit = line.rstrip("\n").split("\t")
            sizes = rows.setdefault((family, row, unit), collections.OrderedDict())
            sizes.setdefault(int(n), {}).setdefault(design, {})[int(nth)] = float(value)
            if sys.stderr.isatty():
                print(f"\rround {int(nth) + 1} of {rounds} ", end="", file=sys.stderr)
    if process.returncode:
        sys.exit(f"{program} failed")


def ratios(times, other, unit):
    """Ours to @other, a round each."""
    pairs = [(times[OURS][nth], times[other][nth]) for nth in times[OURS]]
    if unit == "a second":
        pairs = [(theirs, ours) for ours, theirs in pairs]
    return [above / below if below else math.inf for above, below in pairs]


def others(sizes):
    names = collections.OrderedDict()
    for times in sizes.values():
        names.update((design, None) for design in times if design != OURS)
    return list(names)


def summarise(rows, counts):
    """What bench.json holds: a list of rows."""
    summary = []
    for (family, row, unit), sizes in rows.items():
        for n, times in sizes.items():
            entry = {"family": family, "row": row, "n": n, "unit": unit, "designs": {}}
            for design, rounds in sorted(times.items(), key=lambda item: item[0] != OURS):
                instructions, locked = counts.get((family, row, n, design), (None, None))
                entry["designs"][design] = {
                    "values": list(rounds.values()), "median": statistics.median(rounds.values()),
                    "instructions": instructions, "locked": locked}
                if design != OURS and unit in RATES:
                    found = ratios(times, design, unit)
                    entry["designs"][design]["ratio"] = {
                        "median": statistics.median(found), "min": min(found), "max": max(found)}
            summary.append(entry)
    return summary


def beside(other):
    """What stands under the name of another design."""
    if not other:
        return " " * 9
    if "ratio" in other:
        return f"{other['ratio']['median']:>9.3f}"
    return f"{'(' + format(other['median'], '.4g') + ')':>9}"


def counted(*designs):
    """Instructions of each, then locked operations of each."""
    found = [design for design in designs if design.get("instructions")]
    return ("".join(f" {design['instructions']:>8.0f}" for design in found)
            + "".join(f" {design['locked']:>6.1f}" for design in found))


def table(family, rows, summary):
    """Lines of one family."""
    names = others({(key, n): times for key, sizes in rows.items() if key[0] == family
                    for n, times in sizes.items()})
    yield (f"{family:<50} {'n':>6}" + "".join(f"{'/' + name:>9}" for name in names)
           + ("   smallest, largest" if names else "") + f"{OURS:>12} {'':<8}"
           + "              instr       locked").rstrip()
    for entry in summary:
        if entry["family"] != family:
            continue
        ours = entry["designs"][OURS]
        first = entry["designs"].get(names[0], {}) if names else {}
        line = f"{entry['row']:<50} {entry['n']:>6}"
        line += "".join(beside(entry["designs"].get(name)) for name in names)
        if names:
            line += (f"  {first['ratio']['min']:>8.3f} {first['ratio']['max']:>8.3f}"
                     if "ratio" in first else " " * 19)
        line += f"{ours['median']:>12.1f} {entry['unit']:<8}" + counted(ours, first)
        yield line.rstrip()


def behind(summary):
    """Lines: all ratios above BEHIND, of a family's first other design, then of the rest."""
    first, found = {}, {True: [], False: []}
    for entry in summary:
        for name, design in entry["designs"].items():
            if name == OURS:
                continue
            first.setdefault(entry["family"], name)
            ratio = design.get("ratio", {}).get("median", 0)
            if ratio > BEHIND:
                found[name == first[entry["family"]]].append(
                    f"{ratio:>9.3f}  {entry['family']}: {entry['row']}, {entry['n']}; {name}")
    yield f"rows above {BEHIND} of the first other design: {len(found[True])}"
    yield from found[True]
    yield f"above {BEHIND} of another: {len(found[False])}"
    yield from found[False]


def plot(path, title, unit, sizes):
    """
    Cost against n, both on logarithmic scales, a line a design. A size of 0 stands left of the
    others, at half of the smallest; a value of 0, such as no bytes at all, has no place.
    """
    designs = [OURS, *others(sizes)]
    zero = min((n for n in sizes if n), default=1) / 2
    script = [f'set terminal svg size 640,420 font "sans,12"; set output "{path}"',
              f'set title "{title}"; set xlabel "n"; set ylabel "{unit}"; set key left top',
              "set logscale xy; set grid"]
    script.append("set xtics (" + ", ".join(f'"{n}" {n or zero}' for n in sizes) + ")")
    points = {design: [(n or zero, statistics.median(times[design].values()))
                       for n, times in sorted(sizes.items()) if design in times]
              for design in designs}
    points = {design: [point for point in line if point[1] > 0]
              for design, line in points.items()}
    points = {design: line for design, line in points.items() if line}
    script.append("plot " + ", ".join(f'"-" with linespoints title "{design}"'
                                      for design in points))
    for line in points.values():
        script += [*(f"{n} {value}" for n, value in line), "e"]
    subprocess.run(["gnuplot"], input="\n".join(script), text=True, check=True)


def draw(rows, folder):
    """A picture of each row that has two sizes or more, and a value to draw."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    drawn = 0
    for (family, row, unit), sizes in rows.items():
        values = [value for times in sizes.values() for rounds in times.values()
                  for value in rounds.values()]
        if len(sizes) < 2 or unit not in DRAWN or max(values) <= 0:
            continue
        name = re.sub(r"[^a-z0-9]+", "-", f"{family} {row}".lower())
        plot(folder / f"{name}.svg", f"{family}: {row}", unit, sizes)
        drawn += 1
    return drawn


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("demo")
    parser.add_argument("video")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", default="")
    parser.add_argument("--no-counts", action="store_true")
    asked = parser.parse_args()

    program = asked.build / "bench" / "bench"
    rows = collections.OrderedDict()
    measure(program, asked.rounds, asked.only, rows)
    measure(asked.build / "bench" / "bench-bytes", 1, asked.only, rows)
    whole.measure(asked.demo, asked.video, asked.build / "demo-out", asked.rounds, asked.only, rows)
    if not rows:
        sys.exit(f"there is no row with '{asked.only}' in it")
    counts = {} if asked.no_counts else counting.count(
        program, asked.build / "callgrind", "1", asked.only)
    summary = summarise(rows, counts)
    for family in dict.fromkeys(family for family, _, _ in rows):
        print("\n".join(table(family, rows, summary)), end="\n\n")
    (asked.build / "bench.json").write_text(json.dumps(summary, indent=1) + "\n")
    print("\n".join(behind(summary)), end="\n\n")
    if not asked.only and not asked.no_counts:
        for line in lines.report(asked.build):
            print(line, flush=True)
        print()
    if not asked.only:
        print("\n".join(codelines.report()), end="\n\n")
    drawn = draw(rows, asked.build / "plots")
    print(f"{asked.build}/bench.json has all of it; {drawn} pictures are in {asked.build}/plots")


main()
