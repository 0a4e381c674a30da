#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Do the tests behind docs/reliability.md find what they are there to find?

planted.py             every test of faults.toml must pass; then each fault in turn must make its own fail
planted.py NAME..      only these
planted.py --check     only whether every fault still has its place in the sources (seconds; a part of the structure tests)

Works in a copy of the tree, build/planted, with a build folder of its own. Status 1 when a test stays green, or a
fault does not build.
"""
import pathlib
import re
import shlex
import subprocess
import sys
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPY = ROOT / "build" / "planted"
LOGS = COPY / "build" / "logs"


def faults():
    return tomllib.loads(pathlib.Path(__file__).with_name("faults.toml").read_text(encoding="utf-8"))["fault"]


def complaints(rows, root):
    """What is wrong with the table: names twice, places that are not there or not unique."""
    names = [row["name"] for row in rows]
    for name in sorted({n for n in names if names.count(n) > 1}):
        yield f"{name}: two faults have this name"
    for row in rows:
        found = (root / row["file"]).read_text(encoding="utf-8").count(row["from"]) if (root / row["file"]).is_file() else 0
        if found != 1:
            yield f"{row['name']}: its place is {found} times in {row['file']}, expected once"
        if row["from"] == row["to"]:
            yield f"{row['name']}: it changes nothing"


def run(command, **options):
    return subprocess.run(command, cwd=COPY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", **options)


def copy_tree():
    COPY.mkdir(parents=True, exist_ok=True)
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True).stdout
    files = [name for name in listed.decode().splitlines() if (ROOT / name).is_file()]
    for name in files:
        source, target = ROOT / name, COPY / name
        if not target.is_file() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
            target.chmod(source.stat().st_mode & 0o777)
    for old in COPY.rglob("*"):  # tests are found by their names
        name = old.relative_to(COPY).as_posix()
        if old.is_file() and not name.startswith("build/") and name not in set(files):
            old.unlink()


def configure(rows):
    """Every tree that the faults ask for."""
    for preset in sorted({preset_of(row) for row in rows}):
        made = run(["cmake", "--preset", preset, "-DPEFT_UNITY=OFF"])
        if made.returncode != 0:
            sys.exit(f"the copy cannot be configured:\n{made.stdout}")


def preset_of(row):
    return row.get("preset", "host")


def finish(row, log):
    """Builds and runs its test: "green", "red", or why neither. What both said is kept in `log`."""
    built = run(["cmake", "--build", f"build/{preset_of(row)}", "--target", *row["target"].split()])
    if built.returncode != 0:
        said, word = built.stdout, "DOES NOT BUILD"
    else:
        ended = run(["timeout", "600", *shlex.split(row["test"])])
        said, word = ended.stdout, {0: "green", 126: "CANNOT BE RUN", 127: "CANNOT BE RUN"}.get(ended.returncode, "red")
        if re.search("No tests ran|Ran 0 tests", said):
            word = "RUNS NO TEST"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(said, encoding="utf-8")
    return word


def with_fault(row):
    """The same with the fault in place; then the source is as it was."""
    path = COPY / row["file"]
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(row["from"], row["to"]), encoding="utf-8")
    try:
        return finish(row, LOGS / f"{row['name']}.log")
    finally:
        path.write_text(text, encoding="utf-8")


def main(arguments):
    rows = faults()
    wrong = list(complaints(rows, ROOT))
    print("\n".join(wrong), end="\n" if wrong else "")
    if wrong:
        return 1
    if arguments == ["--check"]:
        print(f"{len(rows)} faults, each with its place in the sources")
        return 0
    unknown = set(arguments) - {row["name"] for row in rows}
    if unknown:
        sys.exit(f"there is no fault {', '.join(sorted(unknown))}")
    rows = [row for row in rows if not arguments or row["name"] in arguments]
    rows.sort(key=lambda row: (preset_of(row), row["target"], row["file"]))  # what is built for one fault serves the next
    copy_tree()
    configure(rows)
    clean, good = {}, 0
    for number, row in enumerate(rows):  # before any fault: nothing is built twice
        if row["test"] not in clean:
            clean[row["test"]] = finish(row, LOGS / f"clean-{number}.log")
    for row in rows:
        begun = time.monotonic()
        before = clean[row["test"]]
        word = f"{before} WITHOUT IT" if before != "green" else with_fault(row).replace("green", "STAYS GREEN")
        good += word == "red"
        print(f"{word:15} {row['name']:32} {time.monotonic() - begun:6.0f} s  {row['test']}", flush=True)
    print(f"{good} of {len(rows)} faults found; what each test said is in {LOGS}")
    return 0 if good == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
