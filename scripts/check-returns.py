#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each value that a header says a function returns is got by a test.

The values are read out of the Return paragraph: errno values, 0, 1, "above 0" and NULL;
true and false for each bool. A test gets one if it asserts that a call of the function has
it: in the assertion itself, by a variable that the call was assigned to, through a helper
that returns what the function does, through a helper whose argument is what to expect, or
through a member that a thread of the test writes. What is tested and cannot be found so
stands in ELSEWHERE, with the test; what no test can get, in NOT_HERE, with the reason.

Arguments: names of functions to explain, that is to say which test gets which value.
"""
import collections
import re
import sys

import headerdoc
from tree import HEADERS, files, finish, short

BARE = re.compile(r"(?:^|[;,.:] (?:or |and )?)(NULL|0|1|above 0)(?=[:;.,]|$| if\b| for\b| where\b)")

# Tests that get a value in a way that is not seen here, and what they get.
ELSEWHERE = {
    # A thread of the test gets the error in a variable, and hands it on.
    "an_interrupted_map_is_undone": [
        ("dma_buf_attach", "-EINTR"), ("dma_buf_dynamic_attach", "-EINTR"),
        ("dma_buf_map_attachment", "-EINTR"),
        ("dma_buf_map_attachment_unlocked", "-EINTR")],
    # Actors, which are told what to call.
    "wait_die_younger_with_a_lock_dies_on_an_older_holder": [
        ("ww_mutex_lock_interruptible", "-EDEADLK")],
    "a_signal_ends_an_interruptible_wait": [
        ("ww_mutex_lock_interruptible", "-EINTR"), ("ww_mutex_lock_slow_interruptible", "-EINTR")],
    # A table of functions.
    "each_way_of_locking_says_that_it_was_contended": [
        ("drm_exec_prepare_obj", "-EDEADLK"), ("drm_exec_prepare_array", "-EDEADLK"),
        ("drm_exec_prepare_resv", "-EDEADLK")],
    "each_way_of_locking_is_ended_by_a_signal": [
        ("drm_exec_lock_obj", "-EINTR"), ("drm_exec_prepare_obj", "-EINTR"),
        ("drm_exec_prepare_array", "-EINTR"), ("drm_exec_prepare_resv", "-EINTR")],
    "each_way_of_locking_may_lack_memory": [
        ("drm_exec_lock_obj", "-ENOMEM"), ("drm_exec_lock_resv", "-ENOMEM"),
        ("drm_exec_prepare_obj", "-ENOMEM"), ("drm_exec_prepare_array", "-ENOMEM"),
        ("drm_exec_prepare_resv", "-ENOMEM")],
    # In a child, where nobody watches yet.
    "without_a_thread_no_fence_is_taken_in": [("sync_file_merge", "-EAGAIN")],
    "an_import_of_the_kernels_first_fence_may_lack_a_thread": [
        ("dma_buf_import_sync_file", "-EAGAIN")],
    "without_a_descriptor_nobody_watches": [("sync_file_watch_fd", "-EMFILE")],
    # Made failures: each error of the test's list must come.
    "create_unwinds_from_every_failure": [
        ("dma_buf_pool_create", "-ENOSYS"), ("dma_buf_pool_create", "-EPERM")],
    "invite_unwinds_from_every_failure": [("dma_buf_pool_invite", "-EMFILE")],
    "accept_unwinds_from_every_failure": [
        ("dma_buf_pool_accept", "-ENOMEM"), ("dma_buf_pool_accept", "-EMFILE"),
        ("dma_buf_pool_accept", "-ENOSPC"), ("dma_buf_pool_accept", "-EPERM")],
    "admit_unwinds_from_every_failure": [
        ("dma_buf_pool_admit", "-ENOMEM"), ("dma_buf_pool_admit", "-EMFILE"),
        ("dma_buf_pool_admit", "-ENOSPC")],
    "serve_unwinds_from_every_failure": [
        ("dma_buf_pool_serve", "-ENOMEM"), ("dma_buf_pool_serve", "-EMFILE"),
        ("dma_buf_pool_serve", "-ENOSPC")],
    "alloc_unwinds_from_every_failure": [
        ("dma_buf_pool_alloc", "-ENOMEM"), ("dma_buf_pool_alloc", "-EPERM")],
    "get_buf_unwinds_from_every_failure": [
        ("dma_buf_pool_get_buf", "-ENOMEM"), ("dma_buf_pool_get_buf", "-EMFILE")],
    "export_fence_unwinds_from_every_failure": [("dma_buf_pool_export_fence", "-ENOMEM")],
    "lease_fence_unwinds_from_every_failure": [("dma_buf_pool_lease_fence", "-ENOMEM")],
    "import_fence_unwinds_from_every_failure": [("dma_buf_pool_import_fence", "-ENOMEM")],
    # Other processes, which end with 0 if they got it, or are told what to call.
    "every_call_in_a_child_says_so": [("dma_buf_pool_status", "-ECHILD")],
    "without_pidfd_open_there_is_no_pool": [("dma_buf_pool_accept", "-ENOSYS")],
    # The end of a loop.
    "iterator_with_the_lock_visits_all_and_takes_no_reference": [
        ("dma_resv_iter_first", "NULL"), ("dma_resv_iter_next", "NULL")],
    "a_walk_visits_arrays_chains_and_arrays_in_chains": [("dma_fence_unwrap_next", "NULL")],
}

# What no test gets, whoever returns it: the descriptors of the whole system are used up. It
# goes the way of -EMFILE.
NOT_HERE = {"-ENFILE"}

ASSERTS = r"\b(?:ASSERT_[A-Z]+|assert_\w+|WAIT_UNTIL)\("
FUNCTION = re.compile(r"^(?:TEST\((?P<test>\w+)\)|(?:static )?[\w][^;{}()\n]*?\b(?P<name>\w+)"
                      r"\((?P<args>[^;{}]*)\))\n\{\n(?P<body>.*?)^\}", re.M | re.S)


class Function:
    """One function of the tests, and what it does with the calls it makes."""
    def __init__(self, path, match):
        self.path = path
        self.is_test = bool(match["test"])
        self.name = match["test"] or match["name"]
        arguments = headerdoc.split_arguments(match["args"] or "")
        self.arguments = [headerdoc.argument_name(argument) for argument in arguments]
        body = re.sub(r"/\*.*?\*/", "", match["body"], flags=re.S)
        self.words = set(re.findall(r"\w+", body))
        self.statements = [" ".join(text.split()) for text in re.split(r"[;{}]", body)]
        self.reached = set()  # itself, and the helpers that it leads to


def values(entry, entries, depth=4):
    """The values that a header names for a function."""
    text = entry.text("Return")
    other, rest = headerdoc.returns(entry, entries)
    found = set(re.findall(r"-E[A-Z0-9]+\b", rest if other else text))
    found |= set(BARE.findall(text))
    if re.match(r"bool\b", headerdoc.prototype(entry)[0]):
        found |= {"true", "false"}
    if other and depth:
        found |= values(other, entries, depth - 1)
    return found


def macros(name, entries):
    """Those whose value is the function's."""
    return [macro.name for macro in entries.values() if macro.kind == "macro"
            and macro.text("Return") and re.search(rf"\b{name}\(", macro.declaration)]


def has_value(statement, value, subject):
    """Does an assertion say that @subject, a call or a variable, is @value?"""
    asserted = rf"(?:{ASSERTS}|ptr_err\()\s*(?:\([\w *]+\))?\s*{subject}"
    no = rf"ASSERT_FALSE\(\s*{subject}|(?:ASSERT_TRUE|WAIT_UNTIL)\(\s*!\s*{subject}"
    yes = rf"(?:ASSERT_TRUE|WAIT_UNTIL)\(\s*{subject}|ASSERT_FALSE\(\s*!\s*{subject}"
    compared = {
        "true": rf"{yes}|{asserted}.*==, (?:true|1)\b",
        "false": rf"{no}|{asserted}.*==, (?:false|0)\b",
        "NULL": rf"{no}|{asserted}.*==, NULL\b",
        "above 0": rf"{asserted}.*(?:>, 0\b|>=, [1-9]|==, (?:[1-9]|[A-Z]{{3}}))",
        "0": rf"{asserted}.*==, 0\b",
        "1": rf"{asserted}.*==, 1\b",
    }
    return re.search(compared.get(value, rf"{asserted}.*{value}\b"), statement)


def call(names):
    return rf"\b(?:{'|'.join(sorted(names))})\("


def assigned(statement, names):
    """What the value of such a call is assigned to, or None."""
    found = re.search(rf"([\w.\[\]>-]+) = [^=]*?{call(names)}", statement)
    return found and found[1]


def gets(function, value, names, asserting, members):
    """Does this function of the tests assert that such a call has the value?"""
    variables = set()
    for statement in function.statements:
        if re.search(ASSERTS, statement):
            if has_value(statement, value, call(names)):
                return True
            subjects = [rf"(?<![\w.>]){re.escape(name)}(?!\w|->|[.\[])" for name in variables]
            subjects += [rf"[\w.>\[\]-]*(?:\.|->){name}(?!\w|->|[.\[])" for name in members]
            if any(has_value(statement, value, subject) for subject in subjects):
                return True
        if asserting and re.search(call(asserting), statement) and \
                re.search(rf"(?<![\w-]){re.escape(value)}\b", statement):
            return True
        target = assigned(statement, names)
        changed = re.match(r"(?:[\w* ]+ \*?)?([\w.\[\]>-]+) = ", statement)
        if target:
            variables.add(target)
        elif changed:
            variables.discard(changed[1])
    return False


def learn(functions, names):
    """Helpers that return the value of one of @names, or compare it with an argument; members."""
    returning, asserting, members = set(names), set(), collections.defaultdict(set)
    while True:
        before = len(returning) + len(asserting)
        for function in functions:
            if function.words.isdisjoint(returning):
                continue
            variables = set()
            for statement in function.statements:
                target = assigned(statement, returning)
                if target:
                    variables.add(target)
                    if re.search(r"[.>]", target):
                        members[function].add(re.split(r"\.|->", target)[-1])
                called = re.search(call(returning), statement)
                returned = re.match(r"return (\w+)", statement)
                if not function.is_test and returned and (called or returned[1] in variables):
                    returning.add(function.name)
                if re.search(ASSERTS, statement) and not function.is_test and \
                        (called or any(re.search(rf"\b{re.escape(v)}\b", statement)
                                       for v in variables)) and \
                        any(re.search(rf"(?:==|, )\W*{a}\)", statement)
                            for a in function.arguments):
                    asserting.add(function.name)
        if len(returning) + len(asserting) == before:
            return returning, asserting, members


def tests():
    found = []
    for path in files("tests/*/*.c", "tests/*/*.h"):
        if path.parent.name == "uml":  # not run by ./run check
            continue
        text = path.read_text(encoding="utf-8")
        found += [Function(path, match) for match in FUNCTION.finditer(text)]
    helpers = collections.defaultdict(list)
    for function in found:
        helpers[function.name].append(function)
    for function in found:
        function.reached = reach(function, helpers)
    return found


def reach(function, helpers):
    """The helpers that a function names, and those that these name: of its file, or of headers."""
    reached, new = set(), [function]
    while new:
        words = set().union(*(helper.words for helper in new))
        new = [helper for word in words & helpers.keys() for helper in helpers[word]
               if helper not in reached and not helper.is_test
               and (helper.path == function.path or helper.path.suffix == ".h")]
        reached |= set(new)
    return reached | {function}


def where(functions, names, wanted):
    """{value: the function of the tests that gets it}; @names: the function, and its macros."""
    returning, asserting, members = learn(functions, names)
    found = {}
    for function in functions:
        written = set().union(*(members.get(helper, ()) for helper in function.reached))
        if not written and function.words.isdisjoint(returning | asserting):
            continue
        for value in wanted - set(found):
            if gets(function, value, returning, asserting, written):
                found[value] = function
    return found


def exceptions(found, wanted, known):
    """What is wrong with the table above."""
    yield from (f"ELSEWHERE: there is no test {test}" for test in ELSEWHERE if test not in known)
    for name, value in (pair for pairs in ELSEWHERE.values() for pair in pairs):
        if value not in wanted.get(name, ()):
            yield f"{name}: no header says that it returns {value}; take it off the list"
        elif value in found[name]:
            yield f"{name}: {value} is found; take it off the list"


def explain(name, wanted, found):
    for value in sorted(wanted):
        by = found.get(value)
        print(f"{name}: {value}: " + (f"{short(by.path)}: {by.name}" if by else "not found"))


def main():
    headers = headerdoc.load(HEADERS)
    entries = {entry.name: entry for header in headers for entry in header.entries}
    functions = tests()
    wanted = {name: values(entry, entries) for name, entry in entries.items()
              if entry.kind == "function"}
    found = {name: where(functions, {name, *macros(name, entries)}, wanted[name])
             for name in wanted}
    excused = {pair for pairs in ELSEWHERE.values() for pair in pairs}
    problems = list(exceptions(found, wanted, {function.name for function in functions}))
    for name in wanted:
        if name in sys.argv[1:]:
            explain(name, wanted[name], found[name])
        problems += [f"{entries[name].header}:{entries[name].line}: {name}: no test gets {value}"
                     for value in sorted(wanted[name] - set(found[name]) - NOT_HERE)
                     if (name, value) not in excused]
    finish(problems, f"{sum(map(len, wanted.values()))} values of {len(wanted)} functions")


main()
