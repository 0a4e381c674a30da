# SPDX-License-Identifier: Apache-2.0
"""The file of the weights changes in the middle of a run: shortened, written over, replaced.   test_mapped.py PROGRAM [unittest options]

PEFT_MAPPED_ROUNDS: at how many moments the weights are written over (2)."""
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import unittest

import files
from sandbox import ProgramCase, Sandbox

ROUNDS = int(os.environ.get("PEFT_MAPPED_ROUNDS", 2))
RUN = {"model": "model", "epochs": 3, "out": "out"}
LOST = "was shortened while it was mapped|was written to while it was mapped"  # whichever comes first, the touch or the look


class Mapped(ProgramCase):
    def setUp(self):
        super().setUp()
        self.box = Sandbox(self.program, train=300)
        self.addCleanup(self.box.holder.cleanup)
        self.weights = files.copy("tiny-bert", self.box.path / "model") / "model.safetensors"
        self.checkpoint = self.box.path / "out/run.safetensors"

    def changed(self, change, *options, begun=lambda line: line.startswith("Memory of "), after=0, **given):
        """Starts a run, changes the file where the run stands once it has said what `begun` waits for, and lets it go on. The run stands
        still meanwhile, so nothing depends on who is faster."""
        command = self.box.command(*options, **given)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.box.path)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        for line in process.stdout:
            if begun(line):
                break
        time.sleep(after)
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.02)  # a tick of the file system's clock
        if process.poll() is None:  # it has not ended before
            with open(f"/proc/{process.pid}/maps") as maps:
                self.mapped = {line.split(maxsplit=5)[5].strip() for line in maps if str(self.box.path) in line}
        change()
        process.send_signal(signal.SIGCONT)
        said, errors = process.communicate(timeout=120)
        return subprocess.CompletedProcess(command, process.returncode, said, errors)

    def refused(self, done, words):
        self.assertEqual(done.returncode, 1, done.stderr)
        lines = [line for line in done.stderr.splitlines() if line]
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertRegex(lines[0], f"^error: .*model/model.safetensors .*({words})")
        return lines[0]

    def negate(self):
        """In place: other weights of the same size."""
        tensors = files.load(self.weights)
        size = self.weights.stat().st_size
        with self.weights.open("r+b") as file:
            file.seek(size - sum(len(t.data) for t in tensors.values()))
            for t in tensors.values():
                file.write(files.f32(t.shape, [-x for x in t.floats()]).data)

    def put_back(self, content):
        with self.weights.open("r+b") as file:
            file.write(content)

    def goes_on(self):
        """The run, resumed, is the one that was left alone."""
        self.good("--resume", **RUN, predict="rest.tsv", json="rest.json")
        if not (self.box.path / "whole.json").exists():
            self.good(**RUN | {"out": "whole"}, predict="whole.tsv", json="whole.json")
        self.assertEqual(self.box.json("rest.json")["dev"], self.box.json("whole.json")["dev"])
        self.assertEqual((self.box.path / "rest.tsv").read_bytes(), (self.box.path / "whole.tsv").read_bytes())

    @staticmethod
    def first_epoch(line):
        return line.startswith("epoch 1/")

    def test_shortened(self):
        content = self.weights.read_bytes()
        # Without --out nothing is saved or looked at before the epoch's end: the step that reads what is lost ends the run.
        line = self.refused(self.changed(lambda: os.truncate(self.weights, 4096), **RUN | {"out": None}), "shortened while it was mapped: what it held is lost")
        self.assertIn("last checkpoint", line)
        self.put_back(content)
        # After an epoch was saved.
        line = self.refused(self.changed(lambda: os.truncate(self.weights, 4096), begun=self.first_epoch, **RUN | {"checkpoint_steps": 1}), LOST)
        self.put_back(content)
        self.goes_on()

    def test_written_over(self):
        content = self.weights.read_bytes()
        line = self.refused(self.changed(self.negate, begun=self.first_epoch, **RUN), "was written to while it was mapped")
        for words in ("run.safetensors is as it was", "--resume"):
            self.assertIn(words, line)
        done = self.box.run("--resume", **RUN)
        self.assertEqual(done.returncode, 1)
        self.assertIn("weights of --model: now", done.stderr)
        self.put_back(content)
        self.goes_on()

    def test_written_over_before_anything_is_saved(self):
        line = self.refused(self.changed(self.negate, **RUN), "was written to while it was mapped")
        self.assertEqual(self.mapped, {str(self.weights)})  # nothing else is a map by then
        self.assertIn("nothing is saved", line)
        self.assertFalse(self.checkpoint.exists())

    def test_written_over_with_what_is_no_number(self):
        size = self.weights.stat().st_size

        def poison():
            with self.weights.open("r+b") as file:
                file.seek(size // 2)
                file.write(b"\xff" * (size // 2))
        line = self.refused(self.changed(poison, begun=self.first_epoch, **RUN), "was written to while it was mapped")
        self.assertNotIn("learning rate", line)

    def test_at_any_moment(self):
        """No checkpoint is of two contents, wherever the run stands when its weights are written over."""
        content, draw = self.weights.read_bytes(), random.Random(1)
        for _ in range(ROUNDS):
            shutil.rmtree(self.box.path / "out", ignore_errors=True)
            done = self.changed(self.negate, after=draw.random() * 0.3, **RUN | {"checkpoint_steps": 1})
            if done.returncode != 0:  # it had not ended before
                self.refused(done, "was written to while it was mapped")
            self.put_back(content)
            if self.checkpoint.exists():
                self.goes_on()

    def test_replaced(self):
        content = self.weights.read_bytes()

        def replace():
            self.weights.rename(self.box.path / "old")
            self.weights.write_bytes(content)
            self.negate()
        done = self.changed(replace, begun=self.first_epoch, **RUN, predict="rest.tsv")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"^note: .*model.safetensors: another file is there now")
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        done = self.box.run("--resume", **RUN)
        self.assertEqual(done.returncode, 1)
        self.assertIn("weights of --model: now", done.stderr)
        (self.box.path / "old").rename(self.weights)
        self.good(**RUN | {"out": "whole"}, predict="whole.tsv")
        self.assertEqual((self.box.path / "rest.tsv").read_bytes(), (self.box.path / "whole.tsv").read_bytes())

    def test_nothing_is_written_of_it(self):
        """Predictions and what is exported of weights that changed while they were computed."""
        self.box.write("data/dev.csv", (self.box.path / "data/train.csv").read_bytes())
        done = self.changed(self.negate, model="model", epochs=0, predict="p.tsv", json="r.json", export="plain", method="head")
        self.refused(done, "was written to while it was mapped")
        for name in ("p.tsv", "r.json", "plain/model.safetensors"):
            self.assertFalse((self.box.path / name).exists(), name)
        self.assertNotIn("accuracy", done.stdout)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    ProgramCase.program = sys.argv.pop(1)
    unittest.main()
