#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`./run torture`: the torture tests of a build, again and again, with other seeds.

A round is one test in a process of its own, with a seed of its own, which goes round up to four
times as often as in the suite. A lap is a round of each test, in any order; DMABUF_DEBUG is on for
half of them, and for the other half in the next lap. All this follows from --seed, so that the
same seed gives the same rounds; which threads meet where is still up to the machine.

What fails stays in BUILD/torture/: a file for each round, with what it said, and with the stacks
of its threads where gdb is there.
"""
import argparse
import collections
import hashlib
import itertools
import json
import os
import pathlib
import random
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import time

SUITES = {"os", "debug", "fence", "resv", "buf"}
REPORT = re.compile(r"^(\d+) operations, at most (\d+) kB$", re.M)

Test = collections.namedtuple("Test", "command environment name")


class Round:
    """One test, its seed, and what became of it."""

    def __init__(self, number, test, seed, times, debug):
        self.number, self.test = number, test
        self.environment = {**test.environment, "DMABUF_TEST_SEED": str(seed),
                            "DMABUF_TEST_TORTURE": str(times), "DMABUF_DEBUG": str(debug)}
        self.failure = None

    def start(self, folder):
        """In an empty folder, where its core falls, if it does."""
        self.folder = folder / f"round-{self.number}"
        self.folder.mkdir()
        self.log = folder / f"round-{self.number}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [*self.test.command, self.test.name], cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **self.environment},
                process_group=0)
        self.began = time.monotonic()

    def has_ended(self, patience):
        if self.process.poll() is not None:
            return True
        if time.monotonic() - self.began < patience:
            return False
        self.failure = f"did not end within {patience} seconds"
        if debugger():
            self.add_stacks("--pid", str(self.process.pid))
        self.kill(signal.SIGABRT)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill(signal.SIGKILL)
            self.process.wait()
        return True

    def kill(self, number):
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def finish(self):
        """Judge it; give its operations and its peak in kB."""
        said = self.log.read_text(errors="replace")
        status = self.process.returncode
        reports = REPORT.findall(said)
        if status < 0 and not self.failure:
            self.failure = f"ended by {signal.Signals(-status).name}"
            for core in self.folder.glob("core*"):
                self.add_stacks(program(self.test.command), str(core))
        elif not self.failure and (status or not said.endswith(" passed, 0 failed\n")):
            self.failure = f"ended with status {status}"
        shutil.rmtree(self.folder)
        if not self.failure:
            self.log.unlink()
        return tuple(map(int, reports[-1])) if reports else (0, 0)

    def abandon(self):
        self.kill(signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.folder)
        self.log.unlink()

    def add_stacks(self, *arguments):
        if not debugger():
            return
        with open(self.log, "ab") as log:
            log.write(b"\nWhat its threads were at:\n")
            log.flush()
            try:
                subprocess.run([debugger(), "-batch", "-ex", "set pagination off",
                                "-ex", "thread apply all backtrace", *arguments], check=False,
                               stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.DEVNULL,
                               timeout=120)
            except subprocess.TimeoutExpired:
                log.write(b"gdb took too long.\n")

    def command(self):
        """What to type to have it again."""
        words = [f"{name}={shlex.quote(value)}" for name, value in self.environment.items()]
        return " ".join(words + [shlex.join(self.test.command), self.test.name])


def debugger():
    return shutil.which("gdb")


def program(command):
    return command[-1]


def is_sanitized(build):
    options = json.loads((build / "meson-info" / "intro-buildoptions.json").read_text())
    return any(o["name"] == "b_sanitize" and o["value"] not in ("none", []) for o in options)


def lists_tortures(command):
    done = subprocess.run([*command, "--tortures"], capture_output=True, text=True, check=False)
    return None if done.returncode else done.stdout.split()


def find_tests(build, wanted):
    """The torture tests of all programs of the harness, those that contain a wanted name."""
    sanitized = is_sanitized(build)
    tests = []
    for test in json.loads((build / "meson-info" / "intro-tests.json").read_text()):
        if not SUITES & {suite.split(":")[-1] for suite in test["suite"]} or test["cmd"][1:]:
            continue
        command = test["cmd"]
        names = lists_tortures(command)
        if names is None:
            # Addresses too random for the sanitizer's runtime.
            command = ["setarch", "-R", *command]
            names = lists_tortures(command)
        if names is None:
            sys.exit(f"torture: {command[-1]} does not run")
        environment = {name: value for name, value in test["env"].items()
                       if sanitized or not name.endswith("SAN_OPTIONS")}
        for name in names:
            if not wanted or any(w in title(Test(command, environment, name)) for w in wanted):
                tests.append(Test(command, environment, name))
    return tests


def title(test):
    return f"{program(test.command).rsplit('/test-', 1)[-1]}: {test.name}"


def all_rounds(tests, seed):
    """Without end."""
    numbers = itertools.count(1)
    for lap in itertools.count():
        order = list(enumerate(tests))
        random.Random(f"{seed} {lap}").shuffle(order)
        for place, test in order:
            number = next(numbers)
            chance = hashlib.sha256(f"{seed} {number}".encode()).digest()
            yield Round(number, test, int.from_bytes(chance[:4], "big") or 1, 1 + chance[4] % 4,
                        (place + lap) % 2)


class Tally:
    """What has been done so far."""

    def __init__(self):
        self.rounds = self.operations = self.failures = self.peak = self.debugged = 0

    def add(self, one, operations, peak):
        self.rounds += 1
        self.operations += operations
        self.failures += one.failure is not None
        self.peak = max(self.peak, peak)
        self.debugged += one.environment["DMABUF_DEBUG"] == "1"


class Progress:
    """One line that is written over and over on a terminal, else one every ten seconds."""

    def __init__(self):
        self.terminal = sys.stdout.isatty()
        self.next = 0

    def show(self, left, total):
        if time.monotonic() < self.next:
            return
        self.next = time.monotonic() + (0.5 if self.terminal else 10)
        line = (f"{max(0, left):.0f} s left, {total.rounds:,} rounds, "
                f"{total.operations:,} operations, {total.failures} failures")
        print(f"\r\033[K{line}" if self.terminal else line, end="" if self.terminal else "\n",
              flush=True)

    def clear(self):
        if self.terminal:
            print("\r\033[K", end="")


def tell_failure(one, seconds):
    print(f"FAIL after {seconds:.0f} s, round {one.number}: {title(one.test)}: {one.failure}")
    lines = one.log.read_text(errors="replace").splitlines()
    if len(lines) > 150:
        lines = lines[:30] + [f"... all of it is in {one.log}"] + lines[-119:]
    for line in lines:
        print(f"    {line}")
    print(f"  again: {one.command()}", flush=True)


class Stop:
    """Ctrl-C, looked at between two steps, so that no process is forgotten; true once it came."""

    def __init__(self):
        self.came = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.come)

    def come(self, _number, _frame):
        self.came = True

    def __bool__(self):
        return self.came


def torture(rounds, options, folder):
    """Until the time is over, or Ctrl-C; gives a tally for each test, and for all."""
    tallies, total, running = collections.defaultdict(Tally), Tally(), []
    stop, progress = Stop(), Progress()
    began = time.monotonic()
    end = began + options.seconds
    while not stop and (running or time.monotonic() < end):
        while len(running) < options.jobs and time.monotonic() < end:
            running.append(next(rounds))
            running[-1].start(folder)
        for one in [one for one in running if one.has_ended(options.patience)]:
            running.remove(one)
            done = one.finish()
            total.add(one, *done)
            tallies[one.test.command[-1], one.test.name].add(one, *done)
            if one.failure:
                progress.clear()
                tell_failure(one, time.monotonic() - began)
        progress.show(end - time.monotonic(), total)
        time.sleep(0.01)
    progress.clear()
    for one in running:
        one.abandon()
    if stop:
        print(f"stopped; {len(running)} rounds that were running do not count")
    return tallies, total


def summarise(tests, tallies, total, seed, seconds):
    print(f"{'rounds':>8} {'operations':>13} {'failed':>6} {'peak MB':>7}  test")
    for test in tests:
        tally = tallies[test.command[-1], test.name]
        print(f"{tally.rounds:8,} {tally.operations:13,} {tally.failures:6} "
              f"{tally.peak / 1024:7.1f}  {title(test)}")
    print(f"seed {seed}, {seconds:.0f} seconds: {total.rounds:,} rounds of {len(tests)} tests, "
          f"{total.debugged:,} of them with DMABUF_DEBUG=1; {total.operations:,} operations, "
          f"at most {total.peak / 1024:.1f} MB a process")
    print(f"{total.rounds - total.failures} passed, {total.failures} failed")


def main():
    parser = argparse.ArgumentParser(prog="torture", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("build", type=pathlib.Path, help="build directory")
    parser.add_argument("words", nargs="*", metavar="[SECONDS] [NAME ...]",
                        help="how long (60), and tests: only those that contain a name")
    parser.add_argument("--seed", type=lambda text: int(text, 0),
                        help="repeats the rounds of a run")
    parser.add_argument("--jobs", type=int, default=2 * len(os.sched_getaffinity(0)),
                        help="rounds at a time; default: two a processor")
    parser.add_argument("--patience", type=float, default=300, metavar="SECONDS",
                        help="a round that takes longer hangs; default: 300")
    options = parser.parse_intermixed_args()
    options.build = options.build.resolve()
    options.seconds, names = 60, options.words
    if names and re.fullmatch(r"\d+", names[0]):
        options.seconds, names = int(names[0]), names[1:]
    seed = random.getrandbits(32) if options.seed is None else options.seed

    tests = find_tests(options.build, names)
    if not tests:
        sys.exit("torture: no test has such a name")
    folder = options.build / "torture"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if not is_sanitized(options.build): # their cores would be terabytes
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    print(f"seed {seed}; {len(tests)} tests, {options.jobs} at a time", flush=True)
    began = time.monotonic()
    tallies, total = torture(all_rounds(tests, seed), options, folder)
    summarise(tests, tallies, total, seed, time.monotonic() - began)
    return 1 if total.failures else 0


if __name__ == "__main__":
    sys.exit(main())
