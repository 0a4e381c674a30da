# SPDX-License-Identifier: Apache-2.0
"""Tests of the program on tables as people have them.   test_tables.py PROGRAM [unittest options]"""
import json
import sys
import unittest

from files import WORDS, copy, unigram, write_json
from sandbox import Sandbox, csv

PROGRAM = None
GOOD = [(f"the film {w} is good", i % 2) for i, w in enumerate(WORDS)]
PLAIN = csv(GOOD)


class Case(unittest.TestCase):
    def setUp(self):
        self.box = Sandbox(PROGRAM, train=4)
        self.addCleanup(self.box.holder.cleanup)

    def run_on(self, name, content, *options, ending="csv", **changes):
        for split in ("train", "dev"):
            self.box.write(f"{name}/{split}.{ending}", content)
        given = {"data": self.box.path / name, "method": "head", "epochs": 0, "predict": f"{name}.tsv", "json": f"{name}.json"}
        return self.box.run(*options, **(given | changes))

    def good(self, done):
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def bad(self, done, *parts):
        self.assertEqual(done.returncode, 1, done.stdout)
        for part in parts:
            self.assertIn(part, done.stderr)

    def predicted(self, name):
        return (self.box.path / f"{name}.tsv").read_text().splitlines()[1:]


class Same(Case):
    def test_other_spellings_of_one_table(self):
        """Logits depend on texts alone: the same whatever the file is like."""
        self.good(self.run_on("plain", PLAIN))
        lines = "".join(json.dumps({"text": t, "label": k}) + "\n" for t, k in GOOD)
        same = {"bom-crlf": b"\xef\xbb\xbf" + PLAIN.replace("\n", "\r\n").encode(), "blank-lines": PLAIN.replace("\n", "\n\n"),
                "semicolons": PLAIN.replace(",", ";"), "spaces": PLAIN.replace("text,label", " Text, label "),
                "sentence": PLAIN.replace("text,label", "sentence,labels"), "cr": PLAIN.replace("\n", "\r"),
                "surplus": PLAIN.replace("\n", ",\n"), "index": "".join(f"{i},{line}\n" for i, line in enumerate(PLAIN.splitlines()))}
        for name, content in same.items():
            with self.subTest(name):
                self.good(self.run_on(name, content))
                self.assertEqual(self.predicted(name), self.predicted("plain"))
        for ending, content in (("tsv", PLAIN.replace(",", "\t")), ("jsonl", lines)):
            with self.subTest(ending):
                self.good(self.run_on(ending, content, ending=ending))
                self.assertEqual(self.predicted(ending), self.predicted("plain"))

    def test_what_was_decided_is_said_once(self):
        done = self.good(self.run_on("odd", PLAIN.replace("text,label", "review;class").replace(",", ";")))
        self.assertEqual(done.stdout.count("note: "), 3, done.stdout)
        for part in ('separated by ";"', '"review" is taken', '"class" is taken'):
            self.assertIn(part, done.stdout)

    def test_quotes_inside_a_field(self):
        self.good(self.run_on("inside", PLAIN.replace("is good", 'is "good" indeed')))
        quoted = csv([(f'"the film {w} is ""good"" indeed"', k) for w, (_, k) in zip(WORDS, GOOD)])
        self.good(self.run_on("quoted", quoted))
        self.assertEqual(self.predicted("inside"), self.predicted("quoted"))


class Refused(Case):
    def test_what_is_no_utf8(self):
        latin = PLAIN.replace("the film", "the café film").encode("latin-1")
        self.bad(self.run_on("latin", latin), "train.csv, line 2, column 8", "0xE9", "iconv -f latin1")
        self.bad(self.run_on("utf16", PLAIN.encode("utf-16")), "UTF-16", "iconv -f utf-16")

    def test_a_score_that_is_none(self):
        scores = [f"{0.25 * i:.2f}" for i in range(20)]
        for bad in ("nan", "NaN", "None", "inf", "null", "NA", ""):
            with self.subTest(bad):
                rows = [("film", "plot", s) for s in scores[:7] + [bad] + scores[7:]]
                done = self.run_on("bad", csv(rows, "text,text2,label"), epochs=1)
                self.bad(done, "train.csv, line 9, column \"label\"")
                self.assertNotIn("20 labels", done.stdout)
        self.good(self.run_on("fine", csv([("film", "plot", s) for s in scores], "text,text2,label")))
        self.assertEqual(self.box.json("fine.json")["metric"], "pearson_spearman")

    def test_labels(self):
        self.bad(self.run_on("one", csv([(w, 1) for w in WORDS])), "all labels are \"1\"")
        self.bad(self.run_on("row", "text,label\nthe film,1\n"), "at least two classes")
        self.box.write("data/dev.csv", "text,label\nfilm,other\n")
        self.box.write("data/train.csv", "text,label\nfilm,good\nplot,bad\n")
        self.bad(self.box.run(method="head", epochs=0), "dev.csv, line 2", "\"other\"", "train.csv: \"bad\", \"good\"")


class Labels(Case):
    def header(self, name):
        return (self.box.path / f"{name}.tsv").read_text().splitlines()[0]

    def test_classes_by_value(self):
        for name, values in (("minus", (-1, 0, 1)), ("from-one", (1, 2, 3)), ("gap", (0, 2, 5)), ("spaces", (" good", "good ", "bad", "worse"))):
            with self.subTest(name):
                self.good(self.run_on(name, csv([(w, values[i % len(values)]) for i, w in enumerate(WORDS)])))
                self.assertEqual(len(self.predicted(name)[0].split("\t")), 3 + 1)  # and the predicted name

    def test_whole_scores_are_said(self):
        done = self.good(self.run_on("floats", csv([(w, f"{i % 2}.0") for i, w in enumerate(WORDS)])))
        self.assertIn("--labels classes", done.stdout)
        self.assertEqual(self.box.json("floats.json")["metric"], "pearson_spearman")


class Texts(Case):
    def test_texts_without_a_token(self):
        self.good(self.run_on("marks", csv([("\u200b\u200d\ufeff", i % 2) for i in range(8)])))
        self.good(self.run_on("empty", csv([("" if i % 4 == 0 else w, i % 2) for i, w in enumerate(WORDS)])))

    def test_cut_texts_are_counted(self):
        done = self.good(self.run_on("long", csv([("film " * 60, 0), ("plot", 1)]), epochs=1))
        self.assertIn("train.csv: 1 text is cut to --max-length 40", done.stdout)
        self.assertEqual(self.box.json("long.json")["cut"], {"train": 1, "dev": 1})


class Pairs(Case):
    def test_names_lines_and_cut_texts(self):
        """JSON lines whose keys are others'; a prompt and a target that are too long are cut, not fatal."""
        rows = [("the film", "good"), ("the plot " * 30, "bad"), ("the story", "not good " * 30)] * 2
        lines = "".join(json.dumps({"prompt": a, "completion": b}) + "\n" for a, b in rows)
        for model, after in (("tiny-gpt2", []), ("tiny-t5-v1.1", ["</s>"])):
            with self.subTest(model):
                folder = copy(model, self.box.path / model)
                write_json(folder / "tokenizer.json", unigram(["<pad>", "</s>", "<end>", "<unk>", "<s>"], ([], after)))
                done = self.good(self.run_on(model + "-data", lines, ending="jsonl", model=folder, task="pairs", method="lora", epochs=1, predict=None,
                                             **{"max-length": 20, "texts": 2}))
                for part in ('"prompt" and "completion" are taken', "train.jsonl: 4 texts are cut to --max-length 20", "dev.jsonl: 4 texts are cut"):
                    self.assertIn(part, done.stdout)
                self.assertEqual(self.box.json(model + "-data.json")["cut"], {"train": 4, "dev": 4})


class Tags(Case):
    def test_schemes(self):
        """What is predicted, word for word, beside the tag of the file, always in IOB2."""
        words = [("good", "B", "S"), ("film", "O", "O"), ("bad", "B", "B"), ("dull", "I", "E"), ("plot", "O", "O")] * 4
        spelled = {"iob2": lambda i, e: i if i == "O" else f"{i}-X", "iobes": lambda i, e: e if e == "O" else f"{e}-X",
                   "iob1": lambda i, e: i if i == "O" else "I-X", "types": lambda i, e: i if i == "O" else "XX"}
        for name, spell in spelled.items():
            with self.subTest(name):
                text = "-docstart-\n\n# id 1\n" + "".join(f"{w}\t{spell(i, e)}\n" for w, i, e in words)
                self.good(self.run_on(name, text, ending="conll", task="conll"))
                kind = "XX" if name == "types" else "X"
                got = [line.split() for line in (self.box.path / f"{name}.tsv").read_text().splitlines() if line]
                self.assertEqual([row[1] for row in got], [i if i == "O" else f"{i}-{kind}" for _, i, _ in words])


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
