# SPDX-License-Identifier: Apache-2.0
"""What the tests of the program share: small data, a copy of the tiny checkpoint, and running the program."""
import json
import pathlib
import os
import random
import shutil
import signal
import struct
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TINY = ROOT / "tests" / "golden" / "data" / "tiny-bert"  # three labels, 48 positions
WORDS = "the of and to in is it film movie good bad great not very fun dull plot story acting".split()


def sentences(count, seed):
    """Rows (text, class 0 to 2): the class is decided by a word."""
    draw = random.Random(seed)
    rows = []
    for _ in range(count):
        words = draw.choices(WORDS, k=draw.randint(2, 14))
        kind = 0 if {"bad", "dull"} & set(words) else 2 if {"good", "great"} & set(words) else 1
        rows.append((" ".join(words), kind))
    return rows


def csv(rows, header="text,label"):
    return "\n".join([header, *(",".join(map(str, r)) for r in rows)]) + "\n"


def unit_of(program, method="lora", family="bert"):
    """The part of the program that trains this."""
    return pathlib.Path(program).with_name("finetune_units") / family / method


def held(program):
    """The pairs of method and family that this build runs."""
    folders = pathlib.Path(program).with_name("finetune_units").iterdir()
    return sorted((unit.name, folder.name) for folder in folders for unit in folder.iterdir() if unit.is_file() and os.access(unit, os.X_OK) and not unit.suffix)


def plain_signals():
    """In a child, before the program begins: a shell's background jobs, and what they start, ignore Ctrl-C."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP, signal.SIGXCPU):
        signal.signal(number, signal.SIG_DFL)


class Sandbox:
    """A temporary folder with data/{train,dev}.csv."""

    def __init__(self, program, train=96):
        self.program = pathlib.Path(program).resolve()
        self.holder = tempfile.TemporaryDirectory(prefix="peft_program_")
        self.path = pathlib.Path(self.holder.name)
        self.write("data/train.csv", csv(sentences(train, 1)))
        self.write("data/dev.csv", csv(sentences(31, 2)))

    def write(self, name, content):
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    def checkpoint(self, name="model"):
        """A copy of the tiny checkpoint, to be damaged."""
        (self.path / name).mkdir()
        for file in ("config.json", "model.safetensors", "vocab.txt", "tokenizer_config.json"):
            shutil.copy(TINY / file, self.path / name / file)
        return self.path / name

    def command(self, *options, **changes):
        given = {"model": TINY, "task": "csv", "data": self.path / "data", "max-length": 40, "batch": 8, "workers": 2} | {
            k.replace("_", "-"): v for k, v in changes.items()}
        line = [str(self.program)]
        for key, value in given.items():
            if value is not None:
                line += [f"--{key}", str(value)]
        return line + [str(o) for o in options]

    def run(self, *options, **changes):
        return subprocess.run(self.command(*options, **changes), capture_output=True, text=True, timeout=300,
                              cwd=self.path)

    def start(self, *options, before=lambda: None, environment=None, **changes):
        """The program as a process of its own, with pipes, and signals that do what they do by themselves unless `before` changes it."""
        def begin():
            plain_signals()
            before()
        return subprocess.Popen(self.command(*options, **changes), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.path,
                                preexec_fn=begin, env={**os.environ, **(environment or {})})

    def json(self, name):
        return json.loads((self.path / name).read_text())


class ProgramCase(unittest.TestCase):
    """A sandbox for every test; `program` is what the tests were given."""
    program = None

    def setUp(self):
        self.box = Sandbox(self.program)
        self.addCleanup(self.box.holder.cleanup)

    def good(self, *options, **changes):
        done = self.box.run(*options, **changes)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done


def check_head_rate(case, run):
    """run(name=value, ..) trains a head alone at --head-lr as at the same --lr, and otherwise at another."""
    for name, rates in (("a", {"lr": 2**-7}), ("b", {"lr": 2**-9, "head_lr": 2**-7}), ("c", {"lr": 2**-9})):
        done = run(method="head", epochs=1, json=f"{name}.json", **rates)
        case.assertEqual(done.returncode, 0, done.stderr)
    losses = {name: case.box.json(f"{name}.json")["step_losses"] for name in "abc"}
    case.assertEqual(losses["a"], losses["b"])
    case.assertNotEqual(losses["a"], losses["c"])


def safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data
