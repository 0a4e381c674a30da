#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check.py ROOT: the rules of include/peft and of the pages that a compiler does not check. Exits with 1 when one is broken."""
import pathlib
import re
import sys

from pages import check_pages

ENGINE = ["core", "site", "ops", "nn", "contract"]
METHODS = ["gate", "delta", "side"]

# What each folder may include besides itself. "site" is site.hpp, the names of places, and "contract" the other headers
# right in include/peft (concepts, method).
BELOW = {
    "core": [],
    "site": ["core"],
    "ops": ["core"],
    "nn": ["core", "site", "ops"],
    "contract": ["core", "site", "ops", "nn"],
    "gate": ENGINE + METHODS,
    "delta": ENGINE + METHODS,
    "side": ENGINE + METHODS,
    "testing": ENGINE + METHODS + ["text", "data", "io", "report", "optim", "task", "model", "train"],
    "io": ["core"],
    "text": ["core", "io"],
    "data": ["core", "text", "io"],
    "report": ["core"],
    "optim": ["core", "ops"],
    "task": ENGINE + ["text", "data"],
    "model": ENGINE + METHODS + ["text", "data", "io", "report", "task"],
    "train": ENGINE + METHODS + ["text", "data", "io", "report", "optim", "task", "model"],
}
EVERYTHING = ["peft.hpp", "source.hpp"]  # the headers that gather all others
FOR_ALL = ["version.hpp", "fwd.hpp"]
LONGEST = 350
LICENCE = "// SPDX-License-Identifier: Apache-2.0"


def folder_of(header):
    """The folder of a path inside include/peft, as BELOW names it."""
    parts = pathlib.PurePosixPath(header).parts
    return parts[0] if len(parts) > 1 else "site" if header == "site.hpp" else "contract"


def check_header(path, text):
    """The complaints about one header; `path` is relative to include/peft."""
    lines = text.splitlines()
    if not lines or lines[0] != LICENCE:
        yield 1, f"the first line must be '{LICENCE}'"
    if "#pragma once" not in lines:
        yield 1, "#pragma once is missing"
    if len(lines) > LONGEST:
        yield len(lines), f"{len(lines)} lines, at most {LONGEST} are allowed: split the file"
    here = folder_of(path)
    if here not in BELOW:
        yield 1, f"the folder {here} has no place in the order of tests/structure/check.py"
        return
    for number, line in enumerate(lines, 1):
        include = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if include:
            yield from ((number, complaint) for complaint in check_include(path, here, *include.groups()))
        if path.endswith(".ipp") and re.match(r"inline\b", line):
            yield number, "in a .ipp file PEFT_INLINE stands in the place of inline"
        if here != "ops" and re.search(r"\bKOKKOS_(CLASS_)?LAMBDA\b", line.split("//")[0]):
            yield number, "a device lambda outside ops/: kernels live only there"


def check_include(path, here, bracket, target):
    if bracket == '"' and not target.startswith("peft/"):
        yield f'#include "{target}": write the full name, <peft/...>'
    if not target.startswith("peft/"):
        if target.startswith("nlohmann/") and here not in ("io", "text"):
            yield f"<{target}> only in io/ and text/: it is slow to compile"
        return
    header = target.removeprefix("peft/")
    there = folder_of(header)
    if path in EVERYTHING or header in FOR_ALL:
        return
    if header in EVERYTHING or there != here and there not in BELOW[here]:
        yield f"{here} must not include <{target}>: {here} may include {', '.join(BELOW[here]) or 'nothing'}"


def check_source(base, headers):
    """source.hpp gathers every .ipp file, which a program with PEFT_SEPARATE would miss otherwise."""
    source = base / "source.hpp"
    gathered = set(re.findall(r"#include <peft/(.+\.ipp)>", source.read_text(encoding="utf-8"))) if source.exists() else set()
    there = {header.relative_to(base).as_posix() for header in headers if header.suffix == ".ipp"}
    for path in sorted(gathered ^ there):
        yield f"{path} is {'not included there' if path in there else 'included but not there'}"


def functions(text):
    """Names and bodies of a header's functions, each begun and ended at the left margin."""
    found = re.finditer(r"^(?!#|//|template|struct|class|namespace|using|\s).*?\b(\w+)\([^;{]*\{(?:.|\n)*?\n\}", text, re.MULTILINE)
    return [(m.group(1), m.group(0)) for m in found]


def check_once(ops, others):
    """What runs a KOKKOS_LAMBDA, directly or through another function, and is called outside ops, must be compiled once (ops/once.hpp
    says why). `ops`: the texts of that folder by name; `others`: of all other headers."""
    once = set(re.findall(r"\bonce\((\w+),", ops.get("once.hpp", "")))
    bodies = {}
    for text in ops.values():
        for name, body in functions(text):
            bodies[name] = bodies.get(name, "") + body
    running, before = set(), None
    while running != before:
        before = set(running)
        for name, body in bodies.items():
            if name not in once and ("KOKKOS_LAMBDA" in body or any(re.search(rf"\b{other}\b", body) for other in before - {name})):
                running.add(name)
    for name in sorted(running):
        if any(re.search(rf"\bops::{name}\b", text) for text in others):
            yield f"ops::{name} runs a KOKKOS_LAMBDA and is not listed"


def main(root):
    base = pathlib.Path(root) / "include" / "peft"
    headers = sorted([*base.rglob("*.hpp"), *base.rglob("*.ipp")])
    if not headers:
        print(f"{base}: no headers")
        return 1
    broken = 0
    for header in headers:
        for number, complaint in check_header(header.relative_to(base).as_posix(), header.read_text(encoding="utf-8")):
            print(f"{header}:{number}: {complaint}")
            broken += 1
    texts = {header: header.read_text(encoding="utf-8") for header in headers}
    ops = {header.name: text for header, text in texts.items() if header.parent == base / "ops"}
    for complaint in check_once(ops, [text for header, text in texts.items() if header.parent != base / "ops"]):
        print(f"{base / 'ops' / 'once.hpp'}: {complaint}")
        broken += 1
    for complaint in check_source(base, headers):
        print(f"{base / 'source.hpp'}: {complaint}")
        broken += 1
    for page, number, complaint in check_pages(pathlib.Path(root)):
        print(f"{page}:{number}: {complaint}")
        broken += 1
    print(f"{len(headers)} headers, {broken} complaints")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
