# SPDX-License-Identifier: Apache-2.0
"""The program on folders in which something is wrong: a checkpoint, an adapter and data, one to three files of which are flipped, cut,
removed, exchanged, doubled, poisoned or told something else. Whatever it is, the program ends by itself, with a line that begins with
"error:" and status 1, or with finite numbers and status 0.

    test_mutations.py PROGRAM [unittest options]

PEFT_MUTATIONS_SECONDS: how long, 5 by default. Each change is drawn from its number, so PEFT_MUTATIONS_FROM=N and PEFT_MUTATIONS_SECONDS=0
does the one with that number again; another FROM leads to other changes.
"""
import json
import math
import os
import pathlib
import random
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import files

PROGRAM = None
SECONDS = float(os.environ.get("PEFT_MUTATIONS_SECONDS", 5))
FROM = int(os.environ.get("PEFT_MUTATIONS_FROM", 0))
LONGEST = 30  # seconds of a run
MEMORY = 8 << 30
WORDS = [b"\0", b"\xff", b"-1", b"1e999", b"NaN", b"null", b"[]", b"{", b'"', b",", b"\n", b"18446744073709551615", b"../../x"]
VALUES = [None, -1, 0, 1, 3, 7, 10**6, 10**12, 2**63, 1e-300, 1e300, 0.5, True, "", "x", "gelu", [], [[]], {}, {"a": 1}, [0] * 50, "\u0000", "a" * 5000]
BITS = [0x7F800000, 0xFF800000, 0x7FC00000, 0x7F7FFFFF, 0x00000001]  # infinities, NaN, the largest, the smallest


def split(raw):
    """Header and data of a safetensors file, or nothing."""
    size = struct.unpack("<Q", raw[:8])[0] if len(raw) > 8 else 0
    try:
        return json.loads(raw[8:8 + size]), raw[8 + size:]
    except ValueError:
        return None


def change_document(value, draw):
    """Puts something else in one place of a JSON document, takes one away or doubles one under another name."""
    places = []

    def walk(node):
        for key in list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
            places.append((node, key))
            walk(node[key])
    walk(value)
    if not places:
        return draw.choice(VALUES)
    node, key = draw.choice(places)
    kind = draw.randrange(4)
    if kind == 0:
        del node[key]
    elif kind == 1 and isinstance(node, dict):
        node[draw.choice(["", "x", key + key[-1:], key[:-1]])] = node[key]
    elif kind == 2 and isinstance(node[key], (int, float)) and not isinstance(node[key], bool):
        node[key] = draw.choice([node[key] + 1, node[key] - 1, -node[key], node[key] * 2, node[key] / 2])
    else:
        node[key] = draw.choice(VALUES)
    return value


def change_bytes(raw, draw):
    raw = bytearray(raw)
    at, kind = draw.randrange(len(raw) + 1), draw.randrange(6)
    length = draw.choice([1, 4, 40, len(raw)])
    if kind == 0 and at < len(raw):
        raw[at] ^= 1 << draw.randrange(8)
    elif kind == 1:
        del raw[at:]
    elif kind == 2:
        del raw[at:at + length]
    elif kind == 3:
        raw[at:at] = raw[at:at + length]
    elif kind == 4:
        raw[at:at] = draw.choice(WORDS)
    else:
        raw[at:at + length] = bytes(draw.randrange(256) for _ in range(min(length, 64)))
    return bytes(raw)


def change_tensors(raw, draw):
    """Poisons numbers of a safetensors file, or says something else of it in its header."""
    parts = split(raw)
    if not parts:
        return change_bytes(raw, draw)
    header, data = parts[0], bytearray(parts[1])
    if draw.random() < 0.5 and len(data) >= 4:
        for _ in range(draw.choice([1, 1, 100])):
            at = 4 * draw.randrange(len(data) // 4)
            data[at:at + 4] = struct.pack("<I", draw.choice(BITS))
    else:
        header = change_document(header, draw)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(data)


def change(folder, draw):
    """One change in a folder, in words."""
    there = sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
    if not there:
        return "nothing is left"
    file, other, kind = draw.choice(there), draw.choice(there), draw.choice(["bytes", "bytes", "content", "content", "content", "content", "file"])
    if kind == "bytes":
        file.write_bytes(change_bytes(file.read_bytes(), draw))
    elif kind == "content" and file.suffix == ".json":
        try:
            file.write_text(json.dumps(change_document(json.loads(file.read_text()), draw)))
        except ValueError:
            file.write_bytes(change_bytes(file.read_bytes(), draw))
    elif kind == "content" and file.suffix == ".safetensors":
        file.write_bytes(change_tensors(file.read_bytes(), draw))
    elif kind == "content":  # lines
        lines = file.read_bytes().split(b"\n")
        at, what = draw.randrange(len(lines)), draw.randrange(4)
        if what == 0:
            del lines[at]
        elif what == 1:
            lines.insert(at, draw.choice(lines))
        elif what == 2:
            lines[at] = change_bytes(lines[at], draw)
        else:
            lines[at] = draw.choice(WORDS)
        file.write_bytes(b"\n".join(lines))
    else:
        kind = draw.choice(["removed", "exchanged", "doubled", "empty", "a folder", "a link to itself"])
        content = file.read_bytes()
        if kind == "exchanged":
            file.write_bytes(other.read_bytes()), other.write_bytes(content)
        elif kind == "doubled":
            (other.parent / file.name).write_bytes(content)
        elif kind == "empty":
            file.write_bytes(b"")
        else:
            file.unlink()
            if kind == "a folder":
                file.mkdir()
            elif kind == "a link to itself":
                file.symlink_to(file.name)
    return f"{file.relative_to(folder)}: {kind}"


class Test(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        shared = pathlib.Path("/dev/shm")
        cls.holder = tempfile.TemporaryDirectory(prefix="peft_mutations_", dir=shared if shared.is_dir() else None)
        cls.good = pathlib.Path(cls.holder.name) / "good"
        cls.good.mkdir()
        files.copy("tiny-bert", cls.good / "model")
        files.csv_data(cls.good / "data", train=8, dev=4)
        done = cls.run_in(cls.good, "--epochs", "1", "--out", "out", "--predict", "predictions")
        assert done.returncode == 0, done.stderr
        (cls.good / "predictions").unlink()

    @classmethod
    def tearDownClass(cls):
        cls.holder.cleanup()

    @staticmethod
    def run_in(folder, *options):
        line = [str(pathlib.Path(PROGRAM).resolve()), "--model", "model", "--task", "csv", "--data", "data", "--max-length", "40", "--batch", "8", "--workers", "1", *options]
        return subprocess.run(line, cwd=folder, capture_output=True, text=True, errors="replace", timeout=LONGEST,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)))

    def one(self, number):
        draw = random.Random(number)
        folder = self.good.parent / "changed"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.good, folder)
        what = [change(folder, draw) for _ in range(draw.choice([1, 1, 1, 2, 3]))]
        options = draw.choice([("--epochs", "0", "--load", "out"), ("--epochs", "0"), ("--epochs", "1"), ("--epochs", "1", "--load", "out"),
                               ("--epochs", "2", "--out", "out", "--resume"), ("--epochs", "0", "--export", "exported"), ("--epochs", "1", "--method", "head")])
        say = f"number {number}: {'; '.join(what)}; {' '.join(options)}"
        try:
            done = self.run_in(folder, *options, "--predict", "predictions")
        except subprocess.TimeoutExpired:
            self.fail(f"{say}: more than {LONGEST} s")
        self.assertIn(done.returncode, (0, 1), f"{say}: {done.stderr[-2000:]}")
        if done.returncode == 1:
            lines = done.stderr.splitlines()
            self.assertTrue(lines and lines[-1].startswith("error: ") and len(lines[-1]) < 9000 and sum(line.startswith("error: ") for line in lines) < 4,
                            f"{say}: {done.stderr[-2000:]}")
            return 1
        rows = (folder / "predictions").read_text().splitlines()[1:]
        numbers = [float(cell) for row in rows for cell in row.split("\t") if self.is_number(cell)]
        self.assertTrue(numbers and all(map(math.isfinite, numbers)), f"{say}: predictions that are not finite")
        self.assertNotRegex(done.stdout.lower(), r"\b(nan|-?inf)\b", f"{say}: a report that is not finite")
        return 0

    @staticmethod
    def is_number(cell):
        try:
            float(cell)
            return True
        except ValueError:
            return False

    def test_mutations(self):
        end, number, refused = time.monotonic() + SECONDS, FROM, 0
        while number == FROM or time.monotonic() < end:
            refused += self.one(number)
            number += 1
        print(f"{number - FROM} folders, {refused} refused", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = sys.argv.pop(1)
    unittest.main()
