# SPDX-License-Identifier: Apache-2.0
"""Tests of the program's tagging and multiple choice on the tiny checkpoint.   test_tasks.py PROGRAM [unittest options]"""
import random
import sys
import unittest

from sandbox import WORDS, Sandbox, check_head_rate, csv

PROGRAM = None


def tagged(count, seed):
    """Sentences in CoNLL's columns, IOB2: `good` and `bad` begin entities, `great` and `dull` go on."""
    draw, text = random.Random(seed), "-DOCSTART- -X- O O\n\n"
    plain = [w for w in WORDS if w not in ("good", "great", "bad", "dull")]
    for _ in range(count):
        for _ in range(draw.randint(1, 4)):
            text += f"{draw.choice(plain)} X Y O\n"
            kind = draw.choice((("good", "great", "POS"), ("bad", "dull", "NEG")))
            text += f"{kind[0]} X Y B-{kind[2]}\n" + f"{kind[1]} X Y I-{kind[2]}\n" * draw.randint(0, 1)
        text += "\n"
    return text


def questions(count, seed):
    draw, rows = random.Random(seed), []
    for _ in range(count):
        right = draw.randrange(3)
        rows.append((draw.choice(WORDS), *("good" if i == right else draw.choice(("bad", "dull")) for i in range(3)), right))
    return csv(rows, "context,choice0,choice1,choice2,label")


class Case(unittest.TestCase):
    def setUp(self):
        self.box = Sandbox(PROGRAM)
        self.addCleanup(self.box.holder.cleanup)
        self.box.write("words/train.txt", tagged(160, 1))
        self.box.write("words/valid.txt", tagged(40, 2))
        self.box.write("choices/train.csv", questions(160, 1))
        self.box.write("choices/dev.csv", questions(40, 2))

    def words(self, *options, **changes):
        return self.box.run(*options, **({"task": "conll", "data": self.box.path / "words", "lr": 5e-3, "epochs": 1} | changes))

    def choices(self, *options, **changes):
        return self.box.run(*options, **({"task": "choice", "data": self.box.path / "choices", "lr": 3e-3, "epochs": 1} | changes))

    def good(self, done):
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def bad(self, done, *parts):
        self.assertEqual(done.returncode, 1, done.stderr)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        for part in parts:
            self.assertIn(part, lines[0])


class HeadRate(Case):
    def test_head_lr(self):
        for run in (self.words, self.choices):
            check_head_rate(self, run)


class Tagging(Case):
    def test_learns_saves_and_exports(self):
        self.good(self.words(epochs=8, out="out", export="plain", json="run.json", predict="dev.txt", method="lora", sites="*"))
        run = self.box.json("run.json")
        self.assertEqual(run["metric"], "entity_f1")
        self.assertGreater(run["dev"][-1], 0.9)
        self.assertEqual(set(run["scores"]), {"precision", "recall", "f1", "accuracy"})
        self.assertLess(run["merge_error"], 1e-4)
        self.assertEqual(self.box.json("out/adapter_config.json")["task_type"], "TOKEN_CLS")
        config = self.box.json("plain/config.json")
        self.assertEqual(config["architectures"], ["BertForTokenClassification"])
        self.assertEqual(list(config["id2label"].values()), ["O", "B-NEG", "I-NEG", "B-POS", "I-POS"])
        # Word, tag and predicted tag: what conlleval reads. Every word of the file is there.
        source = [line.split() for line in (self.box.path / "words/valid.txt").read_text().splitlines() if line][1:]
        lines = [line.split() for line in (self.box.path / "dev.txt").read_text().splitlines() if line]
        self.assertEqual([(s[0], s[-1]) for s in source], [(p[0], p[1]) for p in lines])
        accuracy = sum(p[1] == p[2] for p in lines) / len(lines)
        self.assertAlmostEqual(accuracy, run["scores"]["accuracy"], places=9)
        # The saved adapter and the exported checkpoint say the same again.
        self.good(self.words(epochs=0, load="out", json="again.json", method="lora"))
        self.assertEqual(self.box.json("again.json")["scores"], run["scores"])
        self.good(self.words(epochs=0, model="plain", json="merged.json", method="head"))
        self.assertEqual(self.box.json("merged.json")["scores"], run["scores"])

    def test_workers(self):
        self.good(self.words(epochs=2, json="one.json", workers=1, dropout=0.1))
        self.good(self.words(epochs=2, json="two.json", workers=2, dropout=0.1))
        self.assertEqual(self.box.json("one.json")["step_losses"], self.box.json("two.json")["step_losses"])

    def test_cut_words_count(self):
        done = self.good(self.words(max_length=6, predict="dev.txt"))
        self.assertIn("dev words have no token within --max-length 6", done.stderr)
        source = [line for line in (self.box.path / "words/valid.txt").read_text().splitlines() if line][1:]
        lines = [line for line in (self.box.path / "dev.txt").read_text().splitlines() if line]
        self.assertEqual(len(source), len(lines))

    def test_words_without_tags(self):
        self.box.write("words/valid.txt", "good\nmovie\n\nbad\n")
        self.good(self.words(predict="dev.txt", json="run.json"))
        self.assertNotIn("scores", self.box.json("run.json"))
        self.assertEqual([len(line.split()) for line in (self.box.path / "dev.txt").read_text().splitlines()], [2, 2, 0, 2, 0])

    def test_refused(self):
        self.bad(self.words(pooling="mean"), "--pooling mean", "reads every token")
        self.bad(self.words(method="lora", sites="pooler"), "pooler")
        self.box.write("words/train.txt", "good X B-POS\nmovie O\n")
        self.bad(self.words(), "train.txt, line 2", "2 columns, 3 were expected")
        self.box.write("words/train.txt", "good POS\n")
        self.bad(self.words(), "train.txt, line 1", "a tag was expected")
        (self.box.path / "words/train.txt").unlink()
        self.bad(self.words(), "the train split")


class Choosing(Case):
    def test_learns_saves_and_exports(self):
        self.good(self.choices(epochs=4, out="out", export="plain", json="run.json", predict="dev.tsv", method="lora"))
        run = self.box.json("run.json")
        self.assertEqual(run["metric"], "accuracy")
        self.assertGreater(run["dev"][-1], 0.9)
        self.assertEqual(run["examples"], 4 * 160)
        self.assertLess(run["merge_error"], 1e-4)
        self.assertIsNone(self.box.json("out/adapter_config.json")["task_type"])
        self.assertEqual(self.box.json("out/adapter_config.json")["modules_to_save"], ["classifier"])
        self.assertEqual(self.box.json("plain/config.json")["architectures"], ["BertForMultipleChoice"])
        rows = [line.split("\t") for line in (self.box.path / "dev.tsv").read_text().splitlines()]
        self.assertEqual(rows[0], ["#choice0", "choice1", "choice2", "prediction"])
        labels = [int(line.rsplit(",", 1)[1]) for line in (self.box.path / "choices/dev.csv").read_text().splitlines()[1:]]
        right = sum(max(range(3), key=lambda i: float(row[i])) == label for row, label in zip(rows[1:], labels, strict=True))
        self.assertAlmostEqual(right / len(labels), run["dev"][-1], places=9)
        for again in (dict(load="out", method="lora"), dict(model="plain", method="head")):
            self.good(self.choices(epochs=0, json="again.json", **again))
            self.assertEqual(self.box.json("again.json")["scores"], run["scores"])

    def test_workers(self):
        self.good(self.choices(epochs=2, json="one.json", workers=1, dropout=0.1, bucket=4))
        self.good(self.choices(epochs=2, json="two.json", workers=2, dropout=0.1, bucket=4))
        self.assertEqual(self.box.json("one.json")["step_losses"], self.box.json("two.json")["step_losses"])

    def test_refused(self):
        self.bad(self.choices(pooling="mean"), "--pooling mean")
        self.box.write("choices/train.csv", "context,choice0,choice1,choice2,label\nit,good,bad,dull,3\n")
        self.bad(self.choices(), "train.csv, line 2", "0 to 2")
        self.box.write("choices/train.csv", "context,choice0,choice1,label\nit,good,bad,0\n")
        self.bad(self.choices(), "dev.csv", "3 choices, but 2")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = sys.argv.pop(1)
    unittest.main()
