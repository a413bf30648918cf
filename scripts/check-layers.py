#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Nothing includes upwards, and only os/ talks to the system.

Argument: a build directory, whose objects show which foreign functions each layer
really calls.
"""
import pathlib
import re
import sys

from tree import ROOT, finish, run, short

LAYERS = ["os", "debug", "fence", "resv", "buf", "share"]

HEADERS = {
    "dmabuf-types.h": "os",
    "dmabuf-trace.h": "debug", "dmabuf-lockdep.h": "debug",
    "dma-fence": "fence", "sync-file.h": "fence",
    "ww-mutex.h": "resv", "dma-resv": "resv", "drm-exec.h": "resv",
    "dma-buf-pool.h": "share", "dma-buf": "buf", "scatterlist.h": "buf",
}

# Foreign functions that touch neither the system nor the heap.
PURE = re.compile(r"mem(cpy|move|set|cmp|chr)|str\w+|v?snprintf|fprintf|fputs|fputc|fwrite|ferror|"
                  r"qsort|__stack_chk_fail|__(fprintf|v?snprintf|mem\w+|str\w+)_chk|__tls_get_addr|"
                  r"_GLOBAL_OFFSET_TABLE_|__errno_location|__sprintf_chk")


def layer_of(included, source):
    """The layer that an #include line reaches, or None where it is not ours."""
    kind, name = included
    if kind == "<" and name.startswith("dmabuf/"):
        name = name.removeprefix("dmabuf/")
        for prefix, layer in HEADERS.items():
            if name.startswith(prefix):
                return layer
        return "all of them"
    if kind == '"':
        return name.split("/")[0] if "/" in name else source
    return None


def includes(layer, path):
    text = path.read_text(encoding="utf-8")
    for included in re.findall(r'^\s*#\s*include\s*([<"])([^>"]+)', text, re.M):
        target = layer_of(included, layer)
        if target is None:
            continue
        if target not in LAYERS or LAYERS.index(target) > LAYERS.index(layer):
            yield f"{short(path)}: includes {included[1]}, which is above or outside of {layer}"


def calls(layer, obj, ours):
    for line in run("nm", "-u", str(obj)).splitlines():
        name = line.split()[-1].split("@")[0]
        if name not in ours and not PURE.fullmatch(name):
            yield f"{obj.name}: calls {name}() past os/"


def main():
    problems, looked_at = [], 0
    objects = sorted(pathlib.Path(sys.argv[1]).glob("src/libdmabuf.so*.p/*.o"))
    if not objects:
        sys.exit(f"no objects in {sys.argv[1]}")
    ours = {line.split()[-1] for obj in objects
            for line in run("nm", "--defined-only", str(obj)).splitlines() if " " in line}
    for layer in LAYERS:
        for path in sorted((ROOT / "src" / layer).glob("*.[ch]")):
            looked_at += 1
            problems += includes(layer, path)
        if layer == "os":
            continue
        for obj in objects:
            if obj.name.startswith(layer + "_"):
                problems += calls(layer, obj, ours)
    finish(problems, f"{looked_at} files, {len(objects)} objects")


main()
