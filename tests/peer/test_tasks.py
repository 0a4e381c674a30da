# SPDX-License-Identifier: Apache-2.0
"""The program's taggers and choosers in PyTorch's hands: transformers reads what --export writes, PEFT what --out writes.
test_tasks.py BUILD [unittest options]      BUILD is the build folder with examples/finetune in it."""
import csv
import pathlib
import subprocess
import sys
import tempfile
import unittest

import torch
from peft import PeftModel
from transformers import BertForMultipleChoice, BertForTokenClassification, BertTokenizerFast, logging

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "program"))
import test_tasks as program  # noqa: E402
from sandbox import TINY, Sandbox  # noqa: E402

PROGRAM = None


class Peer(unittest.TestCase):
    def setUp(self):
        self.box = Sandbox(PROGRAM)
        self.addCleanup(self.box.holder.cleanup)
        self.tokenizer = BertTokenizerFast(str(TINY / "vocab.txt"), do_lower_case=True)

    def run_program(self, **changes):
        done = self.box.run(method="lora", epochs=4, lr=5e-3, out="out", export="plain", predict="dev.out", **changes)
        self.assertEqual(done.returncode, 0, done.stderr)

    def models(self, kind, **labels):
        """The exported checkpoint, and the adapter on the original one."""
        yield kind.from_pretrained(self.box.path / "plain").eval()
        yield PeftModel.from_pretrained(kind.from_pretrained(TINY, ignore_mismatched_sizes=True, **labels), self.box.path / "out").eval()

    def test_tags(self):
        self.box.write("data/train.txt", program.tagged(160, 1))
        self.box.write("data/dev.txt", program.tagged(40, 2))
        self.run_program(task="conll", data="data", sites="*")
        sentences = [[line.split() for line in part.splitlines()]
                     for part in (self.box.path / "dev.out").read_text().split("\n\n") if part]
        for model in self.models(BertForTokenClassification, num_labels=5):
            names = ["O", "B-NEG", "I-NEG", "B-POS", "I-POS"]
            if not isinstance(model, PeftModel):
                self.assertEqual([model.config.id2label[i] for i in range(5)], names)
            kinds = set()
            for sentence in sentences:
                made = self.tokenizer([row[0] for row in sentence], is_split_into_words=True, return_tensors="pt")
                with torch.no_grad():
                    tags = [names[i] for i in model(**made).logits[0].argmax(-1)]
                where = made.word_ids()
                expected = [tags[where.index(w)] for w in range(len(sentence))]
                self.assertEqual(expected, [row[2] for row in sentence])
                kinds |= set(expected)
            self.assertGreater(len(kinds), 3)

    def test_choices(self):
        self.box.write("data/train.csv", program.questions(160, 1))
        self.box.write("data/dev.csv", program.questions(40, 2))
        self.run_program(task="choice", data="data")
        with open(self.box.path / "data/dev.csv", newline="") as file:
            questions = list(csv.DictReader(file))
        ours = [[float(x) for x in line.split("\t")[:-1]] for line in (self.box.path / "dev.out").read_text().splitlines()[1:]]
        for model in self.models(BertForMultipleChoice):
            for question, logits in zip(questions, ours, strict=True):
                made = self.tokenizer([question["context"]] * 3, [question[f"choice{i}"] for i in range(3)],
                                      padding=True, return_tensors="pt")
                with torch.no_grad():
                    theirs = model(**{k: v.unsqueeze(0) for k, v in made.items()}).logits[0]
                self.assertLess((theirs - torch.tensor(logits)).abs().max().item(), 1e-5 * max(1, theirs.abs().max().item()))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = pathlib.Path(sys.argv.pop(1)) / "examples" / "finetune"
    logging.set_verbosity_error()
    unittest.main()
