# SPDX-License-Identifier: Apache-2.0
"""What the peers make, by several versions of them, and what the library says to it."""
import argparse
import json
import os
import pathlib
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]

# The peers by whom files are saved: a title, and overlays of scripts/peer.
TODAY = ("transformers 4.57", ())
NEXT = ("transformers 5.24", ("transformers5",))
OLD = ("transformers 4.33", ("transformers4.33",))


class Missing(Exception):
    """The peers of an overlay are not installed."""


def folder(a, part, title, overlays, script, *arguments):
    """A folder of files made by a script of ours in the peers' hands, and the list of its cases; kept ones are taken as they are."""
    at = a.keep / f"{part}-{title}".replace(" ", "-").replace("/", "-")
    if not (at / "cases.json").exists():
        at.mkdir(parents=True, exist_ok=True)
        line = [ROOT / "scripts" / "peer", *(x for o in overlays for x in ("--with", o)), HERE / script, at, *arguments]
        done = subprocess.run([str(x) for x in line], stdout=subprocess.PIPE, text=True, env=os.environ | {"TOKENIZERS_PARALLELISM": "false"})
        if done.returncode == 77:
            raise Missing(done.stdout)
        if done.returncode:
            raise SystemExit(f"{script} with {', '.join(overlays) or 'the peers of today'} failed ({done.returncode})")
    return at, json.loads((at / "cases.json").read_text())["cases"]


def called(*line, **options):
    """A program's exit status, output, and the line of its error."""
    done = subprocess.run([str(x) for x in line], capture_output=True, text=True, timeout=600, **options)
    errors = [x for x in done.stderr.splitlines() if x.startswith("error")] or done.stderr.splitlines()[-1:] or [f"exit {done.returncode}"]
    return done.returncode, done.stdout, errors[0]


def main(usage, part, program):
    """A part of the matrix as a program: its exit status."""
    options = argparse.ArgumentParser(usage=usage)
    options.add_argument("build", type=pathlib.Path)
    options.add_argument("--whole", action="store_true", help="all of it, for hours rather than minutes")
    options.add_argument("--keep", type=pathlib.Path, help="a folder for what the peers make, taken again from there")
    options.add_argument("--json", type=pathlib.Path, help="a file for every case and what came of it")
    a = options.parse_args()
    if not (a.build / program).exists():
        print(f"skipped: {a.build / program} is not built")
        return 77
    with tempfile.TemporaryDirectory(prefix="peft_matrix_") as holder:
        a.keep = a.keep or pathlib.Path(holder)
        try:
            return int(part(a) > 0)
        except Missing as missing:
            print(missing, end="")
            return 77
