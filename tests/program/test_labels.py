# SPDX-License-Identifier: Apache-2.0
"""Tests of the program's labels: classes of heads, tasks and files are matched by their names.   test_labels.py PROGRAM [unittest options]"""
import shutil
import sys
import unittest

import files
from sandbox import Sandbox, csv

PROGRAM = None
MNLI = "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\tsentence2_parse\tsentence1\tsentence2\tlabel1\tgold_label"
KINDS = ("negative", "neutral", "positive")


def mnli(label, count):
    return MNLI + "\n" + "".join(f"{i}\t{i}\t{i}n\tfiction\tx\tx\tx\tx\tthe film is good\tit is not bad\t{label}\t{label}\n" for i in range(count))


def texts(labels):
    return csv([(f"the film is {'good' if i % 2 else 'bad'}", label) for i, label in enumerate(labels)])


class Case(unittest.TestCase):
    def setUp(self):
        self.box = Sandbox(PROGRAM)
        self.addCleanup(self.box.holder.cleanup)

    def checkpoint(self, name, labels, says=0):
        """One whose head says class `says` whatever it reads."""
        folder, n = files.copy("tiny-bert", self.box.path / name), len(labels)
        bias = files.f32([n], [5.0 if i == says else 0.1 * i for i in range(n)])
        files.change_tensors(folder, lambda t: t | {"classifier.weight": files.constant([n, 32], 0), "classifier.bias": bias})
        files.change_config(folder, id2label={str(i): l for i, l in enumerate(labels)}, label2id={l: i for i, l in enumerate(labels)})
        return folder

    def data(self, train, dev, name="named"):
        self.box.write(f"{name}/train.csv", texts(train))
        self.box.write(f"{name}/dev.csv", texts(dev))
        return self.box.path / name

    def run_on(self, **changes):
        return self.box.run(**({"method": "head", "epochs": 0, "json": "run.json", "predict": "dev.tsv"} | changes))

    def good(self, **changes):
        done = self.run_on(**changes)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.told = next((line for line in done.stdout.splitlines() if line.startswith("labels")), "")
        return self.box.json("run.json")

    def refused(self, *parts, **changes):
        done = self.run_on(**changes)
        self.assertEqual(done.returncode, 1, done.stdout)
        for part in parts:
            self.assertIn(part, done.stderr)

    def table(self, name="dev.tsv"):
        return [line.split("\t") for line in (self.box.path / name).read_text().splitlines()]


class Heads(Case):
    def test_order_of_a_checkpoint(self):
        fairseq = self.checkpoint("fairseq", ["CONTRADICTION", "NEUTRAL", "ENTAILMENT"])
        glue = self.checkpoint("glue", ["entailment", "neutral", "contradiction"])
        for label, model, accuracy in (("contradiction", fairseq, 1), ("entailment", fairseq, 0), ("entailment", glue, 1)):
            self.box.write("mnli/train.tsv", mnli(label, 6) + mnli("neutral", 2).split("\n", 1)[1])
            self.box.write("mnli/dev_matched.tsv", mnli(label, 4))
            run = self.good(model=model, task="mnli", data=self.box.path / "mnli")
            self.assertEqual(run["scores"]["accuracy"], accuracy, (label, model.name))
        self.assertIn("as in the checkpoint", self.told)
        self.good(model=fairseq, task="mnli", data=self.box.path / "mnli", export="plain")
        self.assertIn("contradiction, neutral, entailment (in the order of the checkpoint, matched by name)", self.told)
        self.assertEqual(self.table()[0], ["#contradiction", "neutral", "entailment", "prediction"])
        self.assertEqual({row[-1] for row in self.table()[1:]}, {"contradiction"})
        # What is exported keeps the order of its rows.
        self.assertEqual(self.box.json("plain/config.json")["id2label"], {"0": "contradiction", "1": "neutral", "2": "entailment"})
        again = self.good(model=self.box.path / "plain", task="mnli", data=self.box.path / "mnli")
        self.assertEqual(again["scores"], {"accuracy": 0})
        # So does what is trained.
        self.good(model=fairseq, task="mnli", data=self.box.path / "mnli", epochs=1, out="out", method="lora")
        self.good(task="mnli", data=self.box.path / "mnli", model=glue, load="out", method="lora")
        self.assertEqual(self.table()[0][:3], ["#contradiction", "neutral", "entailment"])

    def test_names_of_a_csv_file(self):
        model = self.checkpoint("model", ["Positive", "Neutral", "Negative"])
        run = self.good(model=model, data=self.data(KINDS, ["positive"] * 3 + ["negative"]))
        self.assertEqual(run["scores"]["accuracy"], 0.75)
        self.assertEqual(run["labels"], ["positive", "neutral", "negative"])
        self.assertIn("matched by name", self.told)

    def test_numbers(self):
        """Ids are those of the head's classes; a head without names has the data's in their order."""
        run = self.good(model=self.checkpoint("named", KINDS, says=2), data=self.data("012", "2220"))
        self.assertEqual(run["scores"]["accuracy"], 0.75)
        self.assertIn("negative, neutral, positive (those of the checkpoint, by number: 0, 1, 2 in the data)", self.told)
        self.assertEqual(self.table()[1][-1], "positive")
        run = self.good(model=self.checkpoint("plain", [f"LABEL_{i}" for i in range(3)], says=2), data=self.data(KINDS, ["positive"]))
        self.assertEqual(run["scores"]["accuracy"], 1)
        self.assertIn("by number: the checkpoint calls them LABEL_0, LABEL_1, LABEL_2", self.told)
        self.good(model=self.box.path / "plain", data=self.data("357", "3"))
        self.assertEqual(self.table()[0], ["#3", "5", "7", "prediction"])

    def test_some_names_in_common(self):
        run = self.good(model=self.checkpoint("model", ["pos", "neutral", "negative"]), data=self.data(KINDS, ["positive"]))
        self.assertEqual(run["labels"], ["positive", "neutral", "negative"])
        self.assertEqual(run["scores"]["accuracy"], 1)
        self.assertIn("the others in their order: pos, neutral, negative", self.told)

    def test_another_number_of_classes(self):
        model, data = self.checkpoint("model", ["good", "bad", "dull"]), self.data(["good", "bad"], ["bad"])
        done = self.run_on(model=model, data=data, epochs=1)
        self.assertIn("fresh, 2 labels", done.stdout)
        self.assertIn("labels  bad, good (not those of the checkpoint: good, bad, dull)", done.stdout)
        # Only to be evaluated the head is right as it is.
        run = self.good(model=model, data=data)
        self.assertEqual(run["labels"], ["good", "bad", "dull"])
        self.assertEqual(run["scores"]["accuracy"], 0)


class Adapters(Case):
    def saved(self, method, **changes):
        shutil.rmtree(self.box.path / "out", ignore_errors=True)
        self.good(**({"data": self.data(KINDS * 4, KINDS), "epochs": 1, "out": "out", "method": method, "predict": "first.tsv"} | changes))

    def test_names_are_saved(self):
        for method in ("lora", "head"):
            self.saved(method)
            self.good(data=self.data(KINDS, KINDS, "same"), load="out", method=method)
            self.assertIn("as in --load out", self.told)
            first = self.table("first.tsv")
            # Others for the same: matched. Fewer: the head's stay.
            self.good(data=self.data([k.upper() for k in KINDS], [k.upper() for k in KINDS], "upper"), load="out", method=method)
            self.assertEqual([row[:3] for row in self.table()[1:]], [row[:3] for row in first[1:]])
            self.good(data=self.data(["positive", "negative"], KINDS[2:], "fewer"), load="out", method=method)
            self.assertEqual(self.table()[0], ["#negative", "neutral", "positive", "prediction"])
            self.good(data=self.data("012", "2", "ids"), load="out", method=method)
            self.assertIn("by number: 0, 1, 2 in the data", self.told)
            self.assertEqual(self.table()[0], ["#negative", "neutral", "positive", "prediction"])
            # Of other names: refused, not relabelled.
            for labels in (["ham", "spam", "eggs"], ["positive", "mixed"], ["a", "b"], ["0.5", "1.5"]):
                self.refused("was trained on the classes negative, neutral, positive", data=self.data(labels, labels, "other"), load="out", method=method)
            self.refused("dull", data=self.data(KINDS, ["dull"], "dev"), load="out", method=method)
            self.refused("was trained on", data=self.data(["x", "y", "z"] * 3, ["x"], "more"), load="out", method=method, epochs=1)

    def test_scores_are_saved(self):
        self.saved("head", data=self.data(["0.5", "1.5"] * 3, ["1.0"], "scores"))
        self.good(data=self.data(["0.5", "2.5"], ["1.0"], "scores"), load="out")
        self.assertEqual(self.table()[0], ["#score"])
        self.refused("trained on scores", data=self.data(KINDS, KINDS), load="out")

    def test_no_names(self):
        """Saved before there were names, or by PEFT."""
        self.saved("lora")
        tensors = files.load(self.box.path / "out/adapter_model.safetensors")
        files.save(self.box.path / "out/adapter_model.safetensors", tensors)
        self.good(load="out", method="lora", data=self.data(KINDS, KINDS))
        self.assertIn("by number: the checkpoint (--load out has no names) calls them LABEL_0, LABEL_1, LABEL_2", self.told)
        # PEFT's have the names of their backbone.
        self.good(load="out", method="lora", data=self.data(KINDS, KINDS), model=self.checkpoint("turned", KINDS[::-1]))
        self.assertIn("positive, neutral, negative (in the order of the checkpoint", self.told)
        self.saved("head")
        path = self.box.path / "out/peft_delta.safetensors"
        meta = {"format": "peft.hpp", "version": "1", "method": "head", "settings": '{"pooling":"first"}'}
        files.save(path, files.load(path), meta)
        self.good(load="out", data=self.data(KINDS, KINDS))
        self.assertIn("saved without their names", self.told)
        self.assertEqual([row[:3] for row in self.table()[1:]], [row[:3] for row in self.table("first.tsv")[1:]])

    def test_damaged_names(self):
        self.saved("lora")
        path = self.box.path / "out/adapter_model.safetensors"
        for text in ("[1]", '["a", "a"]', "{}", "["):
            files.save(path, files.load(path), {"format": "pt", "labels": text})
            self.refused("adapter_model.safetensors: labels", load="out", method="lora")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = sys.argv.pop(1)
    unittest.main()
