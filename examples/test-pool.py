#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The examples that share a pool do so, and go on without those that are killed or stopped.

Arguments: pool-producer, and consumers of at least two kinds, each a command line. The producer
says what it has announced, consumers print what they are shown: who has read that knows how far
they are, and nothing goes by time.
"""
import errno
import os
import shlex
import signal
import subprocess
import sys
import tempfile

PRODUCER, *CONSUMERS = map(shlex.split, sys.argv[1:])
HANGS = 100  # seconds; all of this takes a few
DIED, STALE, LATE, NO_MORE = (os.strerror(number) for number in (errno.EOWNERDEAD, errno.ESTALE,
                                                                 errno.ETIME, errno.ENODATA))


class Wrong(Exception):
    """An example has not said what it should, or it hangs."""


class Process:
    """An example that runs."""

    def __init__(self, command, path):
        self.command = command
        self.name = os.path.basename(command[-1])
        self.process = subprocess.Popen([*command, path], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def line(self):
        """The next; empty: there is none."""
        return self.process.stdout.readline().decode().rstrip("\n")

    def says(self, wanted, *others):
        said = self.line()
        if said not in (wanted, *others):
            raise Wrong(f"{self.name}: said '{said}', not '{wanted}'")

    def ends(self, status):
        if self.line() or self.process.wait() != status:
            raise Wrong(f"{self.name}: ended with {self.process.wait()}, not {status}")

    def stop(self):
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)

    def clean_up(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class World:
    """A producer, one consumer of each kind, and how much was drawn."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "socket")
        self.processes, self.consumers, self.number = [], [], 0

    def start(self, command):
        self.processes.append(Process(command, self.path))
        return self.processes[-1]

    def begin(self):
        self.producer = self.start(PRODUCER)
        self.producer.says("frame 0?")
        for command in CONSUMERS:
            self.come(command)

    def come(self, command):
        """A new consumer; the frames that it sees begin with the next one."""
        consumer = self.start(command)
        if not consumer.line().startswith("member "):
            raise Wrong(f"{consumer.name}: did not become a member")
        self.consumers.append(consumer)

    def lose(self, command):
        """Nothing more is expected of this one."""
        consumer = next(consumer for consumer in self.consumers if consumer.command is command)
        self.consumers.remove(consumer)
        return consumer

    def draw(self, count, may_lose=False):
        """So many frames, which all consumers get, whole and in order. The next is announced."""
        for _ in range(count):
            picture = f"picture {self.number}"
            self.producer.process.stdin.write(picture.encode())
            self.producer.process.stdin.flush()
            for consumer in self.consumers:
                lost = [f"frame {self.number}: {LATE}"] if may_lose else []
                consumer.says(f"frame {self.number}: {picture}", *lost)
            self.number += 1
            self.producer.says(f"frame {self.number}?")

    def end(self):
        """The producer has no more."""
        self.producer.process.stdin.close()
        for consumer in self.consumers:
            consumer.says(f"frame {self.number}: {NO_MORE}")
            consumer.ends(0)
        self.producer.ends(0)


def all_see_all_frames(world):
    world.draw(10)
    world.end()


def one_that_is_killed_is_not_missed(world):
    """Each kind in turn. Its fence is in the buffer that is announced, and it waits for that."""
    for command in CONSUMERS:
        world.draw(4)
        world.lose(command).process.kill()
        world.draw(4)
        world.come(command)
    world.draw(4)
    world.end()


def a_producer_that_is_killed_is_reported(world):
    world.draw(4)
    world.producer.process.kill()
    for consumer in world.consumers:
        consumer.says(f"frame {world.number}: {DIED}")
        consumer.ends(1)


def one_that_is_stopped_is_evicted_and_told(world):
    """
    Two kinds in turn. It may have the lock of a buffer; others lose the frame there. When it goes
    on, it knows that what it then reads may be anything.
    """
    for command in CONSUMERS[0], CONSUMERS[-1]:
        world.draw(4)
        stopped = world.lose(command)
        stopped.stop()
        first = world.number
        world.draw(8, may_lose=True)
        stopped.process.send_signal(signal.SIGCONT)
        stopped.says(f"frame {first}: {STALE}")
        while said := stopped.line():
            if not said.endswith(STALE):
                raise Wrong(f"{stopped.name}: was evicted, and said '{said}'")
        stopped.ends(1)
        world.come(command)
    world.end()


def run(test):
    """What is wrong, or None."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(folder)
        try:
            world.begin()
            test(world)
        except Wrong as wrong:
            return wrong
        finally:
            for process in world.processes:
                process.clean_up()
    return None


def hang(_number, _frame):
    raise Wrong("it hangs")


def main():
    tests = [all_see_all_frames, one_that_is_killed_is_not_missed,
             a_producer_that_is_killed_is_reported, one_that_is_stopped_is_evicted_and_told]
    failed = 0
    signal.signal(signal.SIGALRM, hang)
    for test in tests:
        signal.alarm(HANGS)
        wrong = run(test)
        failed += wrong is not None
        print(f"{'FAIL' if wrong else 'PASS'} {test.__name__}{f': {wrong}' if wrong else ''}")
    print(f"{len(tests) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
