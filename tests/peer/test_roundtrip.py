# SPDX-License-Identifier: Apache-2.0
"""The program's files in PyTorch's hands and back: equal logits to 1e-5.   test_roundtrip.py BUILD [unittest options]

BUILD is the build folder with examples/finetune in it. The tiny checkpoints are always used, the real one
(scripts/fetch) where it has been downloaded.
"""
import argparse
import csv
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import unittest
import warnings

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
sys.path[:0] = [str(GOLDEN), str(ROOT / "tests" / "program")]
import roundtrip  # noqa: E402
from sandbox import WORDS  # noqa: E402
from transformers import AutoModelForSequenceClassification, logging  # noqa: E402

PROGRAM = None
TOLERANCE = 1e-5


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    folder = pathlib.Path(os.environ.get("PEFT_CACHE") or pathlib.Path(base) / "peft.hpp")
    return folder if folder.is_absolute() else ROOT / folder


def text(draw):
    return " ".join(draw.choices(WORDS, k=draw.randint(2, 16)))


def write_mnli(folder):
    """Pairs with three labels, in the official columns: 12 for training, 16 for dev."""
    labels = ("entailment", "neutral", "contradiction")
    for name, rows, columns in (("train", 64, 12), ("dev_matched", 37, 16)):
        draw = random.Random(name)
        parses = [f"sentence{i}_{kind}" for kind in ("binary_parse", "parse") for i in (1, 2)]
        labelled = [f"label{i}" for i in range(1, columns - 10)]
        lines = ["\t".join(["index", "promptID", "pairID", "genre", *parses, "sentence1", "sentence2", *labelled, "gold_label"])]
        for i in range(rows):
            cells = [str(i)] + ["x"] * 7 + [text(draw), text(draw)]
            lines.append("\t".join(cells + [draw.choice(labels)] * (columns - 10)))
        (folder / f"{name}.tsv").write_text("\n".join(lines) + "\n")


def write_stsb(folder):
    for name, rows in (("train", 64), ("dev", 37)):
        draw = random.Random(name)
        lines = ["index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore"]
        lines += ["\t".join([str(i), *"x" * 6, text(draw), text(draw), f"{draw.uniform(0, 5):.3f}"]) for i in range(rows)]
        (folder / f"{name}.tsv").write_text("\n".join(lines) + "\n")


def write_sst2(folder, source):
    for name, rows in (("train", 192), ("dev", 60)):
        with open(source / f"{name}.csv", newline="", encoding="utf8") as file:
            cells = [(r["text"], r["label"]) for r in csv.DictReader(file)][:rows]
        lines = ["sentence\tlabel"] + [f"{' '.join(t.split())}\t{label}" for t, label in cells]
        (folder / f"{name}.tsv").write_text("\n".join(lines) + "\n", encoding="utf8")


class RoundTrip:
    """Mixed into one class per checkpoint, which says model, task, max_length and how to write the data."""
    lr = "5e-3"
    exports = ("head", "bitfit", "lora", "sora", "full")

    @classmethod
    def setUpClass(cls):
        cls.holder = tempfile.TemporaryDirectory(prefix="peft_roundtrip_")
        cls.path = pathlib.Path(cls.holder.name)
        cls.data = cls.path / "data"
        cls.data.mkdir()
        cls.write(cls.data)

    @classmethod
    def tearDownClass(cls):
        cls.holder.cleanup()

    def ours(self, **named):
        given = {"model": self.model, "task": self.task, "data": self.data, "max_length": self.max_length, "batch": 8,
                 "lr": self.lr} | named
        line = [PROGRAM]
        for key, value in given.items():
            line += [f"--{key.replace('_', '-')}", value]
        done = subprocess.run([str(x) for x in line], capture_output=True, text=True, cwd=self.path, timeout=600)
        self.assertEqual(done.returncode, 0, done.stderr)

    def arguments(self, **named):
        return argparse.Namespace(task=self.task, data=self.data, max_length=self.max_length, limit=None, base=self.model, **named)

    def judge(self, what, theirs, file):
        print(f"{type(self).__name__}, {what}: ", end="", flush=True)
        self.assertIsNone(roundtrip.judge(theirs, roundtrip.read_logits(self.path / file), TOLERANCE))

    def adapter(self, what, folder, file):
        a = self.arguments(adapter=self.path / folder)
        self.judge(what, roundtrip.predict(roundtrip.load_adapter(a), self.model, a), file)

    def config(self, folder):
        return json.loads((self.path / folder / "adapter_config.json").read_text())

    def test_our_lora_in_peft(self):
        for number, options in enumerate(({}, {"rank": 3, "alpha": 7.5, "sites": "attn.*,ff.down,pooler"})):
            self.ours(method="lora", epochs=1, out=f"lora{number}", predict="lora.tsv", **options)
            self.adapter(f"our LoRA {options} in PEFT", f"lora{number}", "lora.tsv")

    def test_pruned_sora_in_peft(self):
        self.ours(method="sora", rank=4, sparsity=self.sparsity, epochs=2, out="sora", predict="sora.tsv", json="sora.json")
        run = json.loads((self.path / "sora.json").read_text())
        self.assertGreater(run["rank_removed"], 0)
        self.assertLess(run["rank_removed"], run["rank_total"])
        config = self.config("sora/pruned")
        self.assertGreater(len({config["r"], *config["rank_pattern"].values()}), 1)
        self.adapter(f"SoRA with {run['rank_removed']} of {run['rank_total']} ranks pruned, in PEFT", "sora/pruned", "sora.tsv")

    def test_modules_left_out_in_peft(self):
        """Gates start at N(0, 1) and shrink until few are left, then none."""
        left = []
        for sparsity in (self.sparsity * 1.6, self.sparsity * 50):
            shutil.rmtree(self.path / "out", ignore_errors=True)
            self.ours(method="sora", rank=2, sparsity=sparsity, epochs=2, out="out", predict="out.tsv", json="out.json")
            run = json.loads((self.path / "out.json").read_text())
            left.append(run["rank_total"] - run["rank_removed"])
            self.adapter(f"SoRA with {left[-1]} of {run['rank_total']} ranks left, in PEFT", "out/pruned", "out.tsv")
            targets = self.config("out/pruned")["target_modules"]
            self.assertLess(len(targets) if isinstance(targets, list) else 0, run["rank_total"] // 2)
        self.assertGreater(left[0], 0)
        self.assertEqual(left[1], 0)

    def test_pefts_lora_in_ours(self):
        for number, (targets, pattern) in enumerate((("query,value", ""), ("query,key,dense", "layer.0.attention.self.query=5,output.dense=2"))):
            a = self.arguments(out=self.path / f"theirs{number}", rank=4, alpha=6.0, targets=targets, rank_pattern=pattern, seed=3)
            roundtrip.make(a)
            self.ours(method="lora", epochs=0, load=a.out, predict="ours.tsv")
            self.judge(f"PEFT's LoRA on {targets} in ours", roundtrip.read_logits(a.out / "logits.tsv"), "ours.tsv")

    def test_our_export_in_transformers(self):
        for method in self.exports:
            self.ours(method=method, epochs=1, export=f"exported-{method}", predict="exported.tsv",
                      lr="5e-4" if method == "full" else self.lr)
            folder = self.path / f"exported-{method}"
            model, report = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
            for key in ("missing_keys", "unexpected_keys", "mismatched_keys"):
                self.assertFalse(report[key], f"{key}: {report[key]}")
            theirs = roundtrip.predict(model, folder, self.arguments())
            self.judge(f"our export after {method} in transformers", theirs, "exported.tsv")


class Tiny(RoundTrip, unittest.TestCase):
    model, task, max_length, sparsity = GOLDEN / "data" / "tiny-bert", "mnli", 48, 25
    write = staticmethod(write_mnli)


class TinyTanh(RoundTrip, unittest.TestCase):
    """A bare encoder with a regression head of its own making."""
    model, task, max_length, sparsity = GOLDEN / "data" / "tiny-bert-tanh", "stsb", 48, 25
    write = staticmethod(write_stsb)


class TinyHalf(RoundTrip, unittest.TestCase):
    """Stored in 16 bits: an export has 32, and must be read as such."""
    model, task, max_length, sparsity = GOLDEN / "data" / "tiny-bert-fp16", "mnli", 48, 25
    write = staticmethod(write_mnli)


class Real(RoundTrip, unittest.TestCase):
    model, task, max_length, sparsity = cache() / "models" / "all-minilm-l6-v2", "sst2", 128, 40
    lr = "1e-3"
    exports = ("lora", "full")

    @classmethod
    def write(cls, folder):
        write_sst2(folder, cache() / "data" / "rotten-tomatoes")

    @classmethod
    def setUpClass(cls):
        if not (cls.model / ".complete").exists() or not (cache() / "data" / "rotten-tomatoes" / ".complete").exists():
            print("skipped: round trips on the real checkpoint: it is not downloaded (scripts/fetch)")
            raise unittest.SkipTest("not downloaded")
        super().setUpClass()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = pathlib.Path(sys.argv.pop(1)).resolve() / "examples" / "finetune"
    if not PROGRAM.exists():
        print(f"skipped: {PROGRAM} is not built")
        sys.exit(77)
    logging.set_verbosity_error()
    warnings.filterwarnings("ignore", category=FutureWarning)
    unittest.main()
