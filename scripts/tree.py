# SPDX-License-Identifier: MIT
"""What the checks of the tree share: its files, and what a header declares."""
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADERS = sorted((ROOT / "include" / "dmabuf").glob("*.h"))


def files(*patterns):
    """Files of the tree by pattern, without what builds put there."""
    found = {path for pattern in patterns for path in ROOT.rglob(pattern)}
    return sorted(path for path in found
                  if not re.match(r"build|demo-out|\.git/", str(path.relative_to(ROOT))))


def short(path):
    return str(path.relative_to(ROOT))


def finish(problems, checked):
    """Say what is wrong and end; without problems, say what was looked at."""
    for problem in problems:
        print(problem)
    print(f"{len(problems)} problems" if problems else f"good: {checked}")
    sys.exit(1 if problems else 0)


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return done.stdout


def tags(*arguments):
    """What universal-ctags finds, as dictionaries (name, kind, path, line, end, ...)."""
    options = ("-f", "-", "--output-format=json", "--fields=+neKS")
    return [json.loads(line) for line in run("ctags", *options, *arguments).splitlines()]


def declarations(header):
    """Tags of all that this header itself brings, as the compiler sees it."""
    marker = re.compile(r'^# \d+ "([^"]*)"')
    own, lines = False, []
    for line in run("gcc", "-E", "-dD", f"-I{ROOT}/include", header).splitlines():
        entered = marker.match(line)
        if entered:
            own = pathlib.Path(entered[1]) == header
        elif own:
            lines.append(line)
    build = ROOT / "build-check"
    build.mkdir(exist_ok=True)
    preprocessed = build / (header.name + ".i")
    preprocessed.write_text("\n".join(lines), encoding="utf-8")
    kinds = "--kinds-C=defgpstuvx"
    return [tag for tag in tags("--language-force=C", kinds, str(preprocessed))
            if not tag["name"].startswith("__anon")]


def declared(header):
    """(kind, name) of all that this header itself brings."""
    return sorted({(tag["kind"], tag["name"]) for tag in declarations(header)})


def compat_words():
    """Every word of the linux-compat headers."""
    return {word for path in (ROOT / "include" / "linux-compat").rglob("*.h")
            for word in re.findall(r"\w+", path.read_text(encoding="utf-8"))}


def linux_names():
    """What a text may name that is Linux's: what linux-compat has, and what the map tells of."""
    page = (ROOT / "docs" / "kernel-map.md").read_text(encoding="utf-8")
    return compat_words() | set(re.findall(r"`(\w+)\(", page))


def exported():
    """The names of the symbol map."""
    text = re.sub(r"/\*.*?\*/", "", (ROOT / "src" / "libdmabuf.map").read_text(encoding="utf-8"))
    return set(re.findall(r"^\t(\w+);", text, re.M))
