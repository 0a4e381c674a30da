# SPDX-License-Identifier: Apache-2.0
"""Tests of the program's predictions: splits, files of texts alone, formats.   test_predictions.py PROGRAM [unittest options]"""
import json
import sys
import unittest

import files
from sandbox import Sandbox, csv

PROGRAM = None
KINDS = ("negative", "neutral", "positive")


def rows(header, *lines):
    return "\n".join(["\t".join(header), *("\t".join(map(str, line)) for line in lines)]) + "\n"


class Case(unittest.TestCase):
    def setUp(self):
        self.box = Sandbox(PROGRAM, train=24)
        self.addCleanup(self.box.holder.cleanup)

    def good(self, *options, **changes):
        done = self.box.run(*options, **({"method": "head", "epochs": 0, "predict": "out.tsv", "json": "run.json"} | changes))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def refused(self, *parts, **changes):
        done = self.box.run(**({"method": "head", "epochs": 0, "predict": "out.tsv"} | changes))
        self.assertEqual(done.returncode, 1, done.stdout)
        for part in parts:
            self.assertIn(part, done.stderr)
        return done

    def lines(self, name="out.tsv"):
        return (self.box.path / name).read_text().splitlines()

    def table(self, name="out.tsv"):
        return [line.split("\t") for line in self.lines(name)]

    def objects(self, name="out.tsv"):
        return [json.loads(line) for line in self.lines(name)]

    def glue(self, task, header, train, dev, **more):
        folder = self.box.path / task
        for name, lines in {"train.tsv": train, "dev.tsv": dev, **{f"{k}.tsv": v for k, v in more.items()}}.items():
            self.box.write(f"{task}/{name}", rows(("index", *header[:-1]) if name == "test.tsv" else header, *lines))
        return folder

    def sst(self):
        return self.glue("sst2", ("sentence", "label"), [("good movie", 1), ("bad movie", 0)] * 4, [("great film", 1), ("dull film", 0)],
                         test=[(0, "a good one"), (1, 'a "bad one'), (2, "dull")])


class Splits(Case):
    def test_test_split(self):
        """What --predict is about does not change what is trained and reported."""
        data = self.sst()
        plain = self.good(task="sst2", data=data, epochs=1, predict="dev.tsv") and self.box.json("run.json")
        done = self.good(task="sst2", data=data, epochs=1, split="test")
        run = self.box.json("run.json")
        self.assertEqual((run["step_losses"], run["scores"]), (plain["step_losses"], plain["scores"]))
        self.assertIn("2 dev, 3 to predict", done.stdout)
        self.assertEqual([len(row) for row in self.table()], [3] * 4)
        self.assertEqual(len(self.table("dev.tsv")), 3)
        self.good(task="sst2", data=data, split="dev", epochs=1)
        self.assertEqual(self.lines(), self.lines("dev.tsv"))

    def test_mismatched(self):
        header = ("sentence1", "sentence2", "gold_label")
        names = "entailment", "neutral", "contradiction"
        self.glue("mnli", header, [("good", "bad", n) for n in names], [("x", "y", "neutral")])
        for name, n in (("dev_matched", 2), ("dev_mismatched", 3)):
            self.box.write(f"mnli/{name}.tsv", rows(header, *[("good", "dull", "neutral")] * n))
        self.box.write("mnli/test_mismatched.tsv", rows(("index", *header[:2]), *[(i, "good", "dull") for i in range(4)]))
        for split, n in (("dev", 2), ("dev_mismatched", 3), ("test_mismatched", 4)):
            self.good(task="mnli", data=self.box.path / "mnli", split=split)
            self.assertEqual(len(self.table()), n + 1)
        (self.box.path / "answers").mkdir()
        self.good(task="mnli", data=self.box.path / "mnli", split="test_mismatched", predict="answers", predict_format="glue")
        answers = self.table("answers/MNLI-mm.tsv")
        self.assertEqual(answers[0], ["index", "prediction"])
        self.assertEqual([a[0] for a in answers[1:]], list("0123"))
        self.assertLessEqual({a[1] for a in answers[1:]}, set(names))

    def test_submissions(self):
        (self.box.path / "answers").mkdir()
        self.good(task="sst2", data=self.sst(), split="test", predict="answers", predict_format="glue", epochs=1)
        self.good(task="sst2", data=self.sst(), split="test", epochs=1)
        answers, names = self.table("answers/SST-2.tsv"), [row[-1] for row in self.table()[1:]]
        self.assertEqual([a[1] for a in answers[1:]], [str(("negative", "positive").index(n)) for n in names])
        header = ("sentence1", "sentence2", "score")
        data = self.glue("stsb", header, [("good", "bad", 1.5), ("good", "great", 4)], [("x", "y", 2)], test=[(0, "good", "dull")])
        self.good(task="stsb", data=data, split="test", predict_format="glue", epochs=1, out="out")
        self.good(task="stsb", data=data, split="test", predict="scores.tsv", epochs=1)
        self.assertEqual(self.table()[1], ["0", self.table("scores.tsv")[1][0]])

    def test_refused(self):
        data = self.sst()
        self.refused("--split", "--predict FILE", task="sst2", data=data, split="test", predict=None)
        self.refused("has no split", task="sst2", data=data, split="test_mismatched")
        (data / "test.tsv").unlink()
        self.refused("the test split", task="sst2", data=data, split="test", epochs=1)
        self.refused("none of GLUE's", predict_format="glue")
        self.refused("give one of them", split="test", predict_from=data / "dev.tsv")
        self.refused("--data is required", data=None)
        self.refused("--data is required", data=None, predict_from=data / "dev.tsv", epochs=1)
        self.refused("it is a folder", predict=self.box.path)
        self.assertNotIn("epoch 1", self.refused("text", data=self.box.path / "data", epochs=1, predict_from=self.box.write("a.csv", "words\nx\n")).stdout)


class Files(Case):
    def trained(self, method="head", train=KINDS * 4, **changes):
        self.box.write("named/train.csv", csv([("the film", k) for k in train]))
        self.box.write("named/dev.csv", csv([("a good film", train[0]), ("a bad film", train[1])]))
        self.good(**({"data": self.box.path / "named", "epochs": 1, "out": f"out-{method}", "method": method, "predict": "dev.tsv"} | changes))

    def test_texts_alone(self):
        """A saved head knows its classes: no training file, no folder of data."""
        for method in ("head", "lora"):
            self.trained(method)
            for name, text in (("texts.csv", "text\na good film\na bad film\n"), ("texts.tsv", "id\ttext\n1\ta good film\n2\ta bad film\n"),
                               ("texts.jsonl", '{"text": "a good film"}\n{"text": "a bad film"}\n'),
                               ("labelled.csv", "text,label\na good film,whatever\na bad film,\n")):
                self.good(data=None, load=f"out-{method}", predict_from=self.box.write(name, text), method=method)
                self.assertEqual(self.lines(), self.lines("dev.tsv"), name)
            # The dev split goes on being scored where it is given.
            self.good(data=self.box.path / "named", load=f"out-{method}", predict_from=self.box.path / "texts.csv", method=method)
            self.assertIn("accuracy", self.box.json("run.json")["scores"])
            (self.box.path / "named/train.csv").unlink()
            self.good(data=self.box.path / "named", load=f"out-{method}", method=method, predict="again.tsv")
            self.assertEqual(self.lines("again.tsv"), self.lines("dev.tsv"))

    def test_pairs_and_scores(self):
        self.box.write("pairs/train.csv", csv([("good", "great", 0.5), ("bad", "dull", 3.5)] * 3, "text,text2,label"))
        self.box.write("pairs/dev.csv", csv([("good", "fun", 1.5)], "text,text2,label"))
        self.good(data=self.box.path / "pairs", epochs=1, out="out", predict="dev.tsv")
        self.good(data=None, load="out", predict_from=self.box.write("texts.csv", "text,text2\ngood,fun\n"))
        self.assertEqual(self.lines(), self.lines("dev.tsv"))
        self.good(data=None, load="out", predict_from=self.box.path / "texts.csv", predict_format="jsonl")
        self.assertEqual(self.objects(), [{"index": 0, "score": float(self.lines("dev.tsv")[1])}])

    def test_a_checkpoint_alone(self):
        texts = self.box.write("texts.csv", "text\na good film\n")
        model = files.copy("tiny-bert", self.box.path / "model")
        files.change_config(model, id2label={str(i): k for i, k in enumerate(KINDS)}, label2id={k: i for i, k in enumerate(KINDS)})
        self.good(model=model, data=None, predict_from=texts, predict_format="jsonl")
        self.assertEqual(set(self.objects()[0]["scores"]), set(KINDS))
        # GLUE's texts under the names of its files or of Hugging Face's.
        for header in ("sentence1\tsentence2", "premise\thypothesis"):
            self.good(model=model, data=None, task="mnli", predict_from=self.box.write("nli.tsv", f'{header}\na "good film\tit is\n'))
        files.change_tensors(model, lambda t: {k: v for k, v in t.items() if not k.startswith("classifier")})
        self.refused("there is no training file", model=model, data=None, predict_from=texts)

    def test_names_with_tabs(self):
        odd = ['"a\tb"', '"c\nd"']
        self.trained(train=odd * 3)
        self.assertEqual(self.table("dev.tsv")[0], ["#a b", "c d", "prediction"])
        self.good(data=None, load="out-head", predict_from=self.box.write("t.csv", "text\nx\n"), predict_format="jsonl")
        self.assertEqual(list(self.objects()[0]["scores"]), ["a\tb", "c\nd"])

    def test_words(self):
        self.box.write("words/train.txt", "good B-POS\nmovie O\n\nbad B-NEG\ndull I-NEG\nfilm O\n" * 3)
        self.box.write("words/dev.txt", "good B-POS\nfilm O\n\nbad B-NEG\n")
        words = dict(task="conll", method="head")
        self.good(data=self.box.path / "words", epochs=1, out="out", predict="dev.txt", **words)
        self.good(data=None, load="out", predict_from=self.box.write("plain.txt", "good\nfilm\n\nbad\n"), **words)
        self.assertEqual([l.split() for l in self.lines()], [l.split()[::2] for l in self.lines("dev.txt")])
        self.good(data=None, load="out", predict_from=self.box.path / "plain.txt", predict_format="jsonl", **words)
        self.assertEqual([o["words"] for o in self.objects()], [["good", "film"], ["bad"]])
        self.assertEqual([len(o["tags"]) for o in self.objects()], [2, 1])

    def test_choices(self):
        header = "context,choice0,choice1,label"
        self.box.write("choices/train.csv", csv([("it", "good", "bad", i % 2) for i in range(8)], header))
        self.box.write("choices/dev.csv", csv([("it", "good", "bad", 0), ("the", "dull", "fun", 1)], header))
        choices = dict(task="choice", method="head")
        self.good(data=self.box.path / "choices", epochs=1, out="out", predict="dev.tsv", **choices)
        asked = self.box.write("asked.csv", csv([("it", "good", "bad"), ("the", "dull", "fun")], header[:-6]))
        self.good(data=None, load="out", predict_from=asked, **choices)
        self.assertEqual(self.lines(), self.lines("dev.tsv"))
        self.assertEqual(self.table()[0], ["#choice0", "choice1", "prediction"])
        self.assertIn(self.table()[1][-1], ("choice0", "choice1"))
        self.good(data=None, load="out", predict_from=asked, predict_format="jsonl", **choices)
        self.assertEqual([o["label"] for o in self.objects()], [row[-1] for row in self.table("dev.tsv")[1:]])

    def test_refused(self):
        self.trained()
        self.refused("there is no column", data=None, load="out-head", predict_from=self.box.write("a.csv", "words\ngood\n"))
        self.refused("missing.csv", data=None, load="out-head", predict_from=self.box.path / "missing.csv")
        path = self.box.path / "out-head/peft_delta.safetensors"
        files.save(path, files.load(path), {"format": "peft.hpp", "version": "1", "method": "head", "settings": '{"pooling":"first"}'})
        self.refused("saved without the names", data=None, load="out-head", predict_from=self.box.write("b.csv", "text\ngood\n"))


class Writers(Case):
    def setUp(self):
        super().setUp()
        self.model = files.copy("tiny-gpt2", self.box.path / "model")
        files.write_json(self.model / "tokenizer.json", files.unigram(["<pad>", "</s>", "<end>", "<unk>", "<s>"]))

    def test_pairs(self):
        data = files.pair_data(self.box.path / "pairs")
        common = dict(task="pairs", method="lora", model=self.model, max_new_tokens=4)
        self.good(data=data, epochs=1, out="out", predict="dev.txt", **common)
        sources = [line.split(",")[0] for line in (data / "dev.csv").read_text().splitlines()[1:]]
        asked = self.box.write("asked.csv", "\n".join(["source", *sources, sources[0]]) + "\n")
        self.good(data=None, load="out", predict_from=asked, **common)
        self.assertEqual(self.lines(), self.lines("dev.txt") + self.lines("dev.txt")[:1])  # a row each, in order
        self.assertNotIn("scores", self.box.json("run.json"))
        self.good(data=None, load="out", predict_from=asked, predict_format="jsonl", **common)
        self.assertEqual([o["text"].replace("\n", " ").replace("\r", " ") for o in self.objects()][:3], self.lines("dev.txt")[:3])
        self.refused("source", data=data, load="out", predict_from=self.box.write("bad.csv", "words\nx\n"), **common)

    def test_glue(self):
        data = self.sst()
        common = dict(task="sst2", method="lora", model=self.model, data=data)
        self.good(epochs=1, out="out", predict="dev.txt", **common)
        self.good(load="out", split="test", predict="test.txt", **common)
        self.assertEqual(len(self.lines("test.txt")), 3)
        self.assertLessEqual(set(self.lines("test.txt")), {"negative", "positive"})
        self.good(load="out", split="test", predict_format="glue", **common)
        self.assertEqual([row[1] for row in self.table()[1:]], [str(["negative", "positive"].index(w)) for w in self.lines("test.txt")])
        self.good(load="out", predict_from=self.box.write("a.csv", "sentence\na good one\n"), predict_format="jsonl", **(common | {"data": None}))
        self.assertEqual(set(self.objects()[0]["scores"]), {"negative", "positive"})
        best = max(self.objects()[0]["scores"].items(), key=lambda pair: pair[1])
        self.assertEqual(self.objects()[0]["label"], best[0])


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = sys.argv.pop(1)
    unittest.main()
