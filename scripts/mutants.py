#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Seeded bugs: apply each of mutants/*.patch to a copy of the tree, and see whether the
tests that it names notice.

Arguments: mutants, by any part of their names; none: all. Works in build-mutants/, with
one copy and its builds for each processor, which stay for the next time. First the tests
must pass on the tree as it is. A line a mutant; the last line is `N passed, N failed`: a
mutant fails that nothing noticed and that gives no reason, or that is no bug at all,
since it does not apply or not build. CONTRIBUTING.md says what is in a patch.
"""
import contextlib
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time

from tree import ROOT

WORK = ROOT / "build-mutants"
CODE = ("src/", "include/dmabuf/")
KEYS = {"Breaks", "Tests", "With", "Survives"}
# Compiler and options; how often to run a test that passes, since races show by chance.
BUILDS = {
    "plain": ("gcc", [], 1),
    "asan": ("clang", ["-Db_sanitize=address,undefined", "-Db_lundef=false",
                       "-Dc_args=-fno-sanitize-recover=all"], 1),
    "tsan": ("gcc", ["-Db_sanitize=thread"], 6),
}
APPLY = ["patch", "-p1", "--fuzz=1", "--forward", "--batch", "--reject-file=-",
         "--no-backup-if-mismatch"]
FAILED = re.compile(r"^\[  FAILED  \] (\w+)$", re.M)
BEGUN = re.compile(r"^\[ RUN      \] (\w+)$", re.M)
SKIPPED = re.compile(r"build.*|demo-out|\.git|tags|__pycache__")


class Broken(Exception):
    """Not a mutant: what is wrong, and what a tool said about it."""


class Mutant:
    """One patch. `Survives` says why it changes nothing that a test could see."""

    def __init__(self, path):
        self.path, self.name = path, path.stem
        text = path.read_text(encoding="utf-8")
        head = text.partition("\n--- ")[0] + "\n"
        keys = {key: " ".join(value.split())
                for key, value in re.findall(r"^(\w+): (.*\n(?:[ \t].*\n)*)", head, re.M)}
        if not KEYS >= keys.keys() >= {"Breaks", "Tests", "With"}:
            sys.exit(f"{path}: its header needs Breaks, Tests and With, and may have Survives")
        self.tests, self.build = keys["Tests"].split(), keys["With"]
        self.reason = keys.get("Survives")
        if self.build not in [*BUILDS, "model"]:
            sys.exit(f"{path}: With: is one of {', '.join(BUILDS)}, model")
        self.files = re.findall(r"^\+\+\+ b/(\S+)", text, re.M)
        if not self.files or any(not name.startswith(CODE) or not (ROOT / name).is_file()
                                 for name in self.files):
            sys.exit(f"{path}: it must change files of {' or '.join(CODE)}, and nothing else")


def run(command, **more):
    """(exit status, output) of a command."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, **more)
    return done.returncode, done.stdout.decode("utf-8", "replace")


def no_core():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def end(session):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(session, signal.SIGKILL)


def run_test(command, env, limit):
    """(what is wrong or None, seconds). What fails or hangs ends at once, with its children."""
    began, lines = time.monotonic(), []
    with subprocess.Popen(command, env=os.environ | env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          start_new_session=True, preexec_fn=no_core) as test:
        timer = threading.Timer(limit, end, [test.pid])
        timer.start()
        for line in test.stdout:
            lines.append(line.decode("utf-8", "replace"))
            if FAILED.match(lines[-1]):
                end(test.pid)
                break
        timer.cancel()
    seconds = time.monotonic() - began
    if not test.returncode and seconds < limit:
        return None, seconds
    what = first_words("".join(lines)) or f"ends with {test.returncode}"
    return what + (f", which hangs for {limit:.0f} s" if seconds >= limit else ""), seconds


def first_words(output):
    """What a test that failed says: the claim that does not hold, or a sanitizer's sum."""
    claims = FAILED.findall(output) or BEGUN.findall(output)[-1:]
    report = re.search(r"SUMMARY: (\w+Sanitizer: [\w-]+(?: race)?)", output)
    return report[1] if report and not FAILED.search(output) else "".join(claims[:1])


def find_refutation(worker, mutant):
    """What Spin says of the twin of a model that makes the same mistake. It must build, too."""
    worker.build("plain").make([])
    status, said = run([ROOT / "models" / "check", "--twin", *mutant.tests,
                        worker.folder / "models"])
    verdict = said.partition("\n")[0]
    if not verdict.startswith(("PASS ", "FAIL ")):
        raise Broken(f"models/check has no such twin\n{said}")
    return None if status else f"the model of the {verdict.removeprefix('PASS ')}"


def copy_tree(to):
    """Make @to what the tree is. What is the same is not touched, so that it is built once."""
    wanted = set()
    for folder, folders, names in os.walk(ROOT):
        here = pathlib.Path(folder).relative_to(ROOT)
        folders[:] = [name for name in folders if not SKIPPED.fullmatch(name)]
        for name in names:
            source, target = ROOT / here / name, to / here / name
            if SKIPPED.fullmatch(name) or not source.is_file():
                continue
            wanted.add(target)
            if not target.is_file() or target.read_bytes() != source.read_bytes():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
                shutil.copymode(source, target)
    for path in list(to.rglob("*")):
        if path.is_file() and path not in wanted:
            path.unlink()


class Build:
    """A build directory of a worker's: configured when it is first needed."""

    def __init__(self, worker, name):
        self.tree, self.folder = worker / "tree", worker / name
        compiler, options, self.repeat = BUILDS[name]
        options = [*options, "-Ddemo=disabled"]
        mark = self.folder / "options"
        if not mark.is_file() or mark.read_text() != f"{compiler} {options}":
            shutil.rmtree(self.folder, ignore_errors=True)
            status, said = run(["meson", "setup", *options, self.folder, self.tree],
                               env=os.environ | {"CC": compiler})
            if status:
                raise Broken("cannot configure\n" + "\n".join(said.splitlines()[-20:]))
            mark.write_text(f"{compiler} {options}")
        # It may be of an older tree.
        status, said = run(["ninja", "-C", self.folder, "build.ninja"])
        if status:
            raise Broken("cannot configure\n" + "\n".join(said.splitlines()[-20:]))
        listed = run(["meson", "introspect", "--tests", self.folder])[1]
        self.tests = {test["name"]: test for test in json.loads(listed)}
        listed = run(["meson", "introspect", "--targets", self.folder])[1]
        self.outputs = {target["id"]: target["filename"] for target in json.loads(listed)}
        # Where addresses are too random for ThreadSanitizer's runtime, it needs help.
        fixed = ["setarch", "-R"]
        self.wrapper = fixed if name == "tsan" and not run([*fixed, "true"])[0] else []

    def make(self, tests):
        """What the tests @tests need, and the library that all of them are linked with."""
        targets = {"src/libdmabuf-seams.a"}
        for test in tests:
            if test not in self.tests:
                raise Broken(f"there is no test {test}")
            targets |= {os.path.relpath(output, self.folder)
                        for target in self.tests[test]["depends"]
                        for output in self.outputs[target]}
        status, said = run(["ninja", "-C", self.folder, *sorted(targets)])
        if status:
            raise Broken("does not build\n" + "\n".join(said.splitlines()[-20:]))

    def test(self, test, limit):
        found = self.tests[test]
        options = found["env"].get("TSAN_OPTIONS", "") + ":halt_on_error=1"
        return run_test([*self.wrapper, *found["cmd"]], found["env"] | {"TSAN_OPTIONS": options},
                        limit)


class Worker(threading.Thread):
    """Takes jobs until there is none that it likes: a list of (build, files, function)."""

    def __init__(self, number, queue):
        super().__init__()
        self.folder, self.queue = WORK / str(number), queue
        self.builds, self.last = {}, (None, None)

    def build(self, name):
        if name not in self.builds:
            self.builds[name] = Build(self.folder, name)
        return self.builds[name]

    def run(self):
        while True:
            job = self.queue.take(self.last)
            if job is None:
                return
            self.last = job[0], job[1]
            job[2](self)


class Queue:
    """Jobs. Who comes again gets one for the build and the files that it had, if there is any."""

    def __init__(self, jobs):
        self.jobs, self.lock, self.busy = list(jobs), threading.Lock(), {}

    def take(self, last):
        with self.lock:
            if not self.jobs:
                return None
            taken = {(build, files) for build, files in self.busy.values()}
            best = min(self.jobs, key=lambda job: (job[0] != last[0], job[1] != last[1],
                                                   (job[0], job[1]) in taken))
            self.jobs.remove(best)
            self.busy[threading.get_ident()] = best[0], best[1]
            return best


class Mutants:
    """A run over some mutants."""

    def __init__(self, mutants):
        self.mutants, self.lock = mutants, threading.Lock()
        self.seconds, self.passed, self.failed = {}, 0, []
        self.killed, self.excused = 0, 0
        self.workers = os.cpu_count() or 1

    def say(self, good, line, more=""):
        with self.lock:
            if good:
                self.passed += 1
            else:
                self.failed.append(line)
            print(f"{'PASS' if good else 'FAIL'} {line}", *([more] if more else []), sep="\n",
                  flush=True)

    def work(self, jobs):
        queue = Queue(jobs)
        workers = [Worker(number, queue) for number in range(self.workers)]
        for worker in workers:
            worker.start()
        try:
            for worker in workers:
                worker.join()
        except KeyboardInterrupt:
            queue.jobs.clear()
            raise

    def prepare(self):
        """The copies; then every test that a mutant needs must pass without it."""
        for number in range(self.workers):
            copy_tree(WORK / str(number) / "tree")
        needed = {}
        for mutant in self.mutants:
            if mutant.build == "model":
                continue  # models/check verifies the models as they are
            needed.setdefault(mutant.build, set()).update(mutant.tests)
        self.work([(build, test, lambda worker, build=build, test=test:
                    self.try_unchanged(worker.build(build), build, test))
                   for build, tests in needed.items() for test in sorted(tests)])
        return not self.failed

    def try_unchanged(self, build, name, test):
        what, more = f"{test} ({name}), without any mutant", ""
        try:
            build.make([test])
            wrong, self.seconds[name, test] = build.test(test, 600)
        except Broken as broken:
            wrong, _, more = str(broken).partition("\n")
        if wrong:
            self.say(False, f"{what}: {wrong}", more)

    def try_mutants(self):
        self.work([(mutant.build, tuple(mutant.files), lambda worker, mutant=mutant:
                    self.try_one(worker, mutant)) for mutant in self.mutants])

    def try_one(self, worker, mutant):
        tree, began = worker.folder / "tree", time.monotonic()
        before = {name: (tree / name).read_bytes() for name in mutant.files}
        try:
            status, said = run([*APPLY, "-d", tree, "-i", mutant.path])
            if status:
                raise Broken(f"does not apply\n{said}")
            if mutant.build == "model":
                killer = find_refutation(worker, mutant)
            else:
                build = worker.build(mutant.build)
                build.make(mutant.tests)
                killer = self.find_killer(build, mutant)
            self.judge(mutant, killer, time.monotonic() - began)
        except Broken as broken:
            what, _, more = str(broken).partition("\n")
            self.say(False, f"{mutant.name}: {what}", more)
        finally:
            for name, content in before.items():
                (tree / name).write_bytes(content)

    def find_killer(self, build, mutant):
        for _ in range(build.repeat):
            for test in mutant.tests:
                limit = min(60, 8 + 8 * self.seconds[mutant.build, test])
                wrong, _ = build.test(test, limit)
                if wrong:
                    return f"{test}: {wrong}"
        return None

    def judge(self, mutant, killer, seconds):
        if killer:
            after_all = " AFTER ALL: it needs no reason any more" if mutant.reason else ""
            self.killed += 1
            self.say(True, f"{mutant.name}: killed{after_all} by {killer} ({seconds:.0f} s)")
        elif mutant.reason:
            self.excused += 1
            self.say(True, f"{mutant.name}: SURVIVED: {mutant.reason}")
        else:
            self.say(False, f"{mutant.name}: SURVIVED without a reason")


def main():
    names = sys.argv[1:]
    mutants = [Mutant(path) for path in sorted((ROOT / "mutants").glob("*.patch"))
               if not names or any(name in path.stem for name in names)]
    if not mutants:
        print("no mutant has such a name\n0 passed, 1 failed")
        return 1
    began = time.monotonic()
    all_of_them = Mutants(mutants)
    if all_of_them.prepare():
        print(f"{len(all_of_them.seconds)} tests pass on the tree as it is; "
              f"{time.monotonic() - began:.0f} s", flush=True)
        all_of_them.try_mutants()
        untried = len(mutants) - all_of_them.passed - len(all_of_them.failed)
        if untried:
            all_of_them.say(False, f"{untried} mutants were not tried")
    print(f"{all_of_them.killed} killed, {all_of_them.excused} survived with a reason; "
          f"{time.monotonic() - began:.0f} s")
    for line in all_of_them.failed:
        print(f"FAIL {line}")
    print(f"{all_of_them.passed} passed, {len(all_of_them.failed)} failed")
    return 1 if all_of_them.failed else 0


if __name__ == "__main__":
    sys.exit(main())
