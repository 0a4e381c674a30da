# SPDX-License-Identifier: Apache-2.0
"""Tests of the program on backbones other than BERT, tiny random checkpoints.   test_texts.py PROGRAM [unittest options]"""
import json
import random
import shutil
import signal
import subprocess
import sys
import time
import unittest

from sandbox import ROOT, WORDS, Sandbox, csv, plain_signals

PROGRAM = None
SPECIAL = ["<pad>", "</s>", "<end>", "<unk>", "<s>"]
LETTERS = [chr(c) for c in range(ord("a"), ord("z") + 1)] + ["\u2581", ":", "\n"]


def tokenizer(begin):
    """A Unigram tokenizer.json of words and letters; `begin`: whether <s> and </s> stand around a text."""
    words = ["\u2581" + w for w in WORDS + ["yes", "no", "positive", "negative", "sentence"]]
    pieces = [[p, 0.0] for p in SPECIAL] + [[p, -2.0] for p in words] + [[p, -8.0] for p in LETTERS]
    part = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}
    around = {s: {"id": s, "ids": [SPECIAL.index(s)], "tokens": [s]} for s in ("<s>", "</s>")}
    token, end = [{"SpecialToken": {"id": s, "type_id": 0}} for s in ("<s>", "</s>")]
    a, b = [{"Sequence": {"id": s, "type_id": 0}} for s in "AB"]
    return json.dumps({
        "version": "1.0", "truncation": None, "padding": None, "normalizer": None, "pre_tokenizer": part, "decoder": part,
        "added_tokens": [{"id": i, "content": s, "special": True, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
                         for i, s in enumerate(SPECIAL)],
        "post_processor": {"type": "TemplateProcessing", "single": [token, a, end] if begin else [a, end],
                           "pair": [token, a, end, b, end] if begin else [a, end, b, end], "special_tokens": around},
        "model": {"type": "Unigram", "unk_id": 3, "vocab": pieces}})


def pairs(count, seed):
    """What to answer is decided by a word."""
    draw = random.Random(seed)
    rows = [draw.choices(WORDS[:8], k=draw.randint(1, 5)) + [draw.choice(("good", "bad"))] for _ in range(count)]
    return csv([(" ".join(r), "yes film" if r[-1] == "good" else "no movie") for r in rows], "source,target")


class Case(unittest.TestCase):
    def setUp(self):
        self.box = Sandbox(PROGRAM)
        self.addCleanup(self.box.holder.cleanup)
        self.box.write("pairs/train.csv", pairs(200, 1))
        self.box.write("pairs/dev.csv", pairs(40, 2))

    def model(self, name):
        folder = self.box.path / name
        if not folder.exists():
            folder.mkdir()
            for file in ("config.json", "model.safetensors"):
                shutil.copy(ROOT / "tests" / "golden" / "data" / name / file, folder / file)
            self.box.write(f"{name}/tokenizer.json", tokenizer("berta" in name))
        return folder

    def texts(self, model, *options, **changes):
        given = {"model": self.model(model), "task": "pairs", "data": self.box.path / "pairs", "lr": 1e-2, "epochs": 2, "method": "lora"}
        return self.box.run(*options, **(given | changes))

    def good(self, done):
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def bad(self, done, *parts):
        self.assertEqual(done.returncode, 1, done.stderr)
        lines = [line for line in done.stderr.splitlines() if not line.startswith("warning: ")]
        self.assertEqual(len(lines), 1, done.stderr)
        for part in parts:
            self.assertIn(part, lines[0])


class Writing(Case):
    def learns(self, model, method, **changes):
        """Trains, saves, and comes to the same scores and texts from what was saved."""
        self.good(self.texts(model, method=method, json="before.json", **(changes | {"epochs": 0})))
        self.good(self.texts(model, method=method, out="out", json="run.json", predict="texts", **changes))
        before, run = self.box.json("before.json"), self.box.json("run.json")
        self.assertLess(run["scores"]["loss"], before["scores"]["loss"] - 0.3)
        self.assertEqual(set(run["written"]), {"bleu", "rouge_l", "exact_match"})
        texts = (self.box.path / "texts").read_text().splitlines()
        sources = {line.split(",")[0] for line in (self.box.path / "pairs/dev.csv").read_text().splitlines()[1:]}
        self.assertEqual(len(texts), len(sources))
        self.good(self.texts(model, method=method, load="out", json="again.json", predict="texts2", **(changes | {"epochs": 0})))
        again = self.box.json("again.json")
        self.assertEqual(again["written"], run["written"])
        self.assertAlmostEqual(again["scores"]["loss"], run["scores"]["loss"], places=6)
        self.assertEqual((self.box.path / "texts2").read_text().splitlines(), texts)
        return run

    def test_llama_with_lora(self):
        run = self.learns("tiny-llama", "lora", epochs=10)
        self.assertGreater(run["written"]["exact_match"], 0.8)
        self.assertEqual(self.box.json("out/adapter_config.json")["task_type"], "CAUSAL_LM")

    def test_gpt2_with_everything(self):
        self.learns("tiny-gpt2", "full", epochs=2)

    def test_t5_with_lora(self):
        self.learns("tiny-t5-v1.1", "lora", epochs=6)
        self.assertEqual(self.box.json("out/adapter_config.json")["task_type"], "SEQ_2_SEQ_LM")

    def test_t5_with_read(self):
        self.learns("tiny-t5-v1.1", "read", epochs=6)

    def test_beams_and_a_number_of_texts(self):
        self.good(self.texts("tiny-llama", texts=7, beams=3, max_new_tokens=5, epochs=1, predict="texts"))
        self.assertEqual(len((self.box.path / "texts").read_text().splitlines()), 7)
        self.good(self.texts("tiny-llama", texts=0, epochs=1, json="run.json"))
        self.assertNotIn("written", self.box.json("run.json"))

    def test_ctrl_c_and_resume(self):
        whole = {"epochs": 30, "texts": 0}
        self.good(self.texts("tiny-llama", out="whole", json="whole.json", **whole))
        command = self.box.command(**({"model": self.model("tiny-llama"), "task": "pairs", "data": self.box.path / "pairs", "lr": 1e-2, "method": "lora",
                                       "out": "part", "checkpoint_steps": 5, "json": "part.json"} | whole))
        process = subprocess.Popen(command, cwd=self.box.path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                   preexec_fn=plain_signals)
        for _ in range(400):
            if (self.box.path / "part/run.safetensors").exists() or process.poll() is not None:
                break
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
        if process.returncode != 0:  # else it was faster than the signal
            self.assertEqual(process.returncode, 130)
            self.assertIn("--resume", said)
            self.good(subprocess.run([*command, "--resume"], cwd=self.box.path, capture_output=True, text=True, timeout=300))
        rest, whole = (self.box.json(name)["step_losses"] for name in ("part.json", "whole.json"))
        self.assertEqual(rest, whole)


class Words(Case):
    def setUp(self):
        super().setUp()
        draw = random.Random(3)
        for split, count in (("train", 200), ("dev", 50)):
            rows = [(draw.choices(WORDS[:8], k=3), draw.randint(0, 1)) for _ in range(count)]
            self.box.write(f"sst/{split}.tsv", "sentence\tlabel\n" + "".join(f"{' '.join(w + [('bad', 'good')[c]])}\t{c}\n" for w, c in rows))

    def test_a_glue_task_as_text_to_text(self):
        for model in ("tiny-t5-v1.1", "tiny-llama"):
            self.good(self.texts(model, task="sst2", data=self.box.path / "sst", epochs=8, json="run.json", predict="words"))
            run = self.box.json("run.json")
            self.assertEqual(run["metric"], "accuracy")
            self.assertGreater(run["dev"][-1], 0.9, model)
            words = (self.box.path / "words").read_text().splitlines()
            self.assertEqual(len(words), 50)
            labels = [line.split("\t")[1] for line in (self.box.path / "sst/dev.tsv").read_text().splitlines()[1:]]
            right = sum(w == ("negative", "positive")[int(c)] for w, c in zip(words, labels))
            self.assertAlmostEqual(right / 50, run["dev"][-1])

    def test_a_prompt_of_its_own(self):
        sst = {"task": "sst2", "data": self.box.path / "sst", "method": "read"}
        prompt = {"set": "prompt=good or bad? {sentence}"}
        self.good(self.texts("tiny-t5-v1.1", **sst, **prompt, epochs=2, out="out", json="run.json"))
        self.good(self.texts("tiny-t5-v1.1", **sst, epochs=0, load="out", json="again.json"))  # saved with the delta
        self.good(self.texts("tiny-t5-v1.1", **sst, set="prompt={sentence}", epochs=0, load="out", json="other.json"))
        run, again, other = (self.box.json(name)["scores"] for name in ("run.json", "again.json", "other.json"))
        self.assertEqual(again, run)
        self.assertNotEqual(other["loss"], run["loss"])
        self.bad(self.texts("tiny-t5-v1.1", **sst, set="prompt=good or bad?"), "good or bad?", "lacks {sentence}")


class Encoders(Case):
    def test_roberta_and_deberta(self):
        for split, count, seed in (("train", 300, 1), ("dev", 50, 2)):
            draw = random.Random(seed)
            rows = [(draw.choices(WORDS[:8], k=3), draw.randint(0, 1)) for _ in range(count)]
            self.box.write(f"two/{split}.csv", csv([(" ".join(w + [("bad", "good")[c]]), c) for w, c in rows]))
        for model in ("tiny-roberta", "tiny-deberta-v3"):
            given = {"task": "csv", "data": self.box.path / "two"}
            self.good(self.texts(model, **given, sites="*", epochs=8, out=model + "-out", json="run.json"))
            run = self.box.json("run.json")
            self.assertGreater(run["dev"][-1], 0.8, model)
            self.good(self.texts(model, **given, sites="*", epochs=0, load=model + "-out", json="again.json"))
            self.assertEqual(self.box.json("again.json")["dev"][-1], run["dev"][-1])


class Refusals(Case):
    def test_what_does_not_go_together(self):
        self.bad(self.texts("tiny-llama", method="pasta"), "--method pasta", "llama", "lora")
        self.bad(self.texts("tiny-llama", task="csv", data=self.box.path / "data"), "--task csv", "writes text")
        self.bad(self.texts("tiny-llama", pooling="mean"), "--pooling mean")
        self.bad(self.texts("tiny-llama", head_lr=1e-3), "--head-lr 0.001", "llama")
        self.bad(self.texts("tiny-roberta"), "--task pairs", "a backbone that writes")
        self.bad(self.texts("tiny-t5-v1.1", data=self.box.path / "none"), "none")

    def test_a_model_type_that_is_not_known(self):
        folder = self.model("tiny-llama")
        config = json.loads((folder / "config.json").read_text())
        for kind in ("mamba", 7):
            (folder / "config.json").write_text(json.dumps(config | {"model_type": kind}))
            self.bad(self.texts("tiny-llama"), "model_type")

    def test_a_tokenizer_of_another_model(self):
        self.model("tiny-llama")
        longer = json.loads(tokenizer(False))
        longer["model"]["vocab"][3:3] = [[f"\u2581word{i}", -3.0] for i in range(90)]
        longer["model"]["unk_id"] = 93
        longer["added_tokens"] = []
        self.box.write("tiny-llama/tokenizer.json", json.dumps(longer))
        self.bad(self.texts("tiny-llama"), "pair")


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
