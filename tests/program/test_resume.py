# SPDX-License-Identifier: Apache-2.0
"""What a resumed run writes is what one writes that was never stopped, on every family and task.   test_resume.py PROGRAM [unittest options]"""
import json
import random
import shutil
import signal
import subprocess
import sys
import time
import unittest

import test_tasks
import test_texts
from sandbox import TINY, WORDS, ProgramCase

# The clock's, of which an interrupted run has others than one in one go; and what a process took, not the run.
OF_THE_CLOCK, OF_THE_PROCESS = {"seconds", "cpu_seconds", "examples_per_second"}, {"peak_memory_mib", "planned_memory_mib"}


def sst(count, seed):
    draw = random.Random(seed)
    return "sentence\tlabel\n" + "".join(f"{' '.join(draw.choices(WORDS[:8], k=3))} {('bad', 'good')[i % 2]}\t{i % 2}\n" for i in range(count))


class Resumed(ProgramCase):
    def setUp(self):
        super().setUp()
        box = self.box
        box.write("words/train.txt", test_tasks.tagged(30, 1))
        box.write("words/valid.txt", test_tasks.tagged(8, 2))
        box.write("choices/train.csv", test_tasks.questions(24, 1))
        box.write("choices/dev.csv", test_tasks.questions(8, 2))
        box.write("pairs/train.csv", test_texts.pairs(30, 1))
        box.write("pairs/dev.csv", test_texts.pairs(10, 2))
        box.write("sst/train.tsv", sst(30, 1))
        box.write("sst/dev.tsv", sst(10, 2))

    def model(self, name):
        folder = self.box.path / name
        if not folder.exists():
            shutil.copytree(TINY.parent / name, folder)
            self.box.write(f"{name}/tokenizer.json", test_texts.tokenizer("berta" in name))
        return folder

    def jobs(self):
        """By name: what a run is given."""
        data = {name: self.box.path / name for name in ("words", "choices", "pairs", "sst")}
        yield "bert, classes", {"export": "plain"}
        yield "bert, classes, the best epoch", {"export": "plain", "patience": 2, "epochs": 3, "lr": 0.05}
        yield "bert, tags", {"task": "conll", "data": data["words"], "export": "plain"}
        yield "bert, choices", {"task": "choice", "data": data["choices"], "export": "plain"}
        yield "bert, gates", {"method": "sora", "sparsity": 40}
        yield "bert, a delta of ours", {"method": "read"}
        for name in ("tiny-t5-v1.1", "tiny-gpt2", "tiny-llama"):
            yield f"{name}, texts", {"model": self.model(name), "task": "pairs", "data": data["pairs"], "lr": 1e-2, "max_new_tokens": 6}
            yield f"{name}, classes in words", {"model": self.model(name), "task": "sst2", "data": data["sst"], "lr": 1e-2}

    def outputs(self, folder="."):
        """Every file that a run has written, by its name."""
        root = self.box.path / folder
        files = [root / "run.json", root / "run.tsv", *(f for place in ("out", "plain") for f in sorted((root / place).rglob("*")) if f.is_file())]
        return {str(f.relative_to(root)): f.read_bytes() for f in files if f.exists()}

    def assertSame(self, found, wanted, but=frozenset()):
        self.assertEqual(set(found), set(wanted))
        for name, content in wanted.items():
            if name == "run.json":
                now, then = self.reports(found[name], but), self.reports(content, but)
                self.assertEqual(now, then)
            elif not (but and name == "out/run.safetensors"):  # it has the clock's too
                self.assertEqual(found[name], content, name)

    def reports(self, text, but):
        return {k: v for k, v in json.loads(text).items() if k not in OF_THE_PROCESS | but}

    def clear(self):
        for folder in ("out", "plain"):
            shutil.rmtree(self.box.path / folder, ignore_errors=True)

    def test_finished(self):
        """A finished run that is resumed writes every byte again."""
        for name, given in self.jobs():
            with self.subTest(name):
                given = {"method": "lora", "epochs": 2, "out": "out", "json": "run.json", "predict": "run.tsv"} | given
                self.good(**given)
                first = self.outputs()
                self.assertIn("run.tsv", first)
                self.assertGreater(len(first["run.tsv"]), 20)
                for lost in ("run.json", "run.tsv", "plain"):
                    path = self.box.path / lost
                    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
                self.good("--resume", **given)
                self.assertSame(self.outputs(), first)
                self.clear()

    def test_interrupted(self):
        """A run that Ctrl-C has stopped once, and which is resumed, reports what one in one go does."""
        for name, given in self.jobs():
            if name not in ("bert, classes", "bert, tags", "tiny-t5-v1.1, texts", "tiny-llama, classes in words"):
                continue
            with self.subTest(name):
                given = {"method": "lora", "epochs": 12, "checkpoint_steps": 1, "out": "out", "json": "run.json", "predict": "run.tsv"} | given
                self.good(**given)
                whole = self.outputs()
                self.clear()
                process = subprocess.Popen(self.box.command(**given), cwd=self.box.path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                checkpoint, wait = self.box.path / "out/run.safetensors", time.monotonic() + 30
                while not checkpoint.exists() and process.poll() is None and time.monotonic() < wait:
                    time.sleep(0.002)
                process.send_signal(signal.SIGINT)
                _, said = process.communicate(timeout=60)
                self.assertEqual(process.returncode, 130, said)
                self.good("--resume", **given)
                self.assertSame(self.outputs(), whole, OF_THE_CLOCK)
                self.clear()

    def test_texts_that_nobody_writes(self):
        """--predict without the texts that it would be of is refused before training, not left empty."""
        given = {"model": self.model("tiny-gpt2"), "task": "pairs", "data": self.box.path / "pairs", "epochs": 1, "predict": "run.tsv"}
        done = self.box.run("--texts", "0", **given)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("--texts 0", done.stderr)
        self.good("--texts", "0", predict_from=self.box.write("asked.csv", "source\ngood film\n"), **given)
        self.assertEqual(len((self.box.path / "run.tsv").read_text().splitlines()), 1)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    ProgramCase.program = test_tasks.PROGRAM = test_texts.PROGRAM = sys.argv.pop(1)
    unittest.main()
