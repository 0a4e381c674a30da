# SPDX-License-Identifier: Apache-2.0
"""Tests of the program examples/finetune on the tiny checkpoint.   test_finetune.py PROGRAM [unittest options]"""
import functools
import json
import os
import pathlib
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

from sandbox import TINY, ProgramCase, Sandbox, check_head_rate, csv, safetensors, sentences

PROGRAM = None


class Case(ProgramCase):
    def bad(self, *words, options=(), **changes):
        """A plain non-zero status, one line on standard error with these words in it, and no result."""
        done = self.box.run(*options, **changes)
        self.assertIn(done.returncode, range(1, 128), f"{words}: {done.stderr}")
        lines = [line for line in done.stderr.splitlines() if line and line != "Run with --help for more information."]
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertLess(len(lines[0]), 600)
        for word in words:
            self.assertIn(word, lines[0])
        return lines[0]


class BadModel(Case):
    def test_missing(self):
        self.bad("nowhere", "Hugging Face model folder", model="/nowhere")
        for file in ("config.json", "model.safetensors", "vocab.txt"):
            folder = self.box.checkpoint(f"without-{file}")
            (folder / file).unlink()
            self.bad(f"without-{file}", model=folder)

    def test_damaged_weights(self):
        folder = self.box.checkpoint()
        file = folder / "model.safetensors"
        whole = file.read_bytes()
        for size in (0, 5, 8, 100, len(whole) // 2, len(whole) - 1):
            file.write_bytes(whole[:size])
            self.bad("model.safetensors", model=folder)
        length = struct.unpack("<Q", whole[:8])[0]
        for hostile in (0, length + 1, 2**31, 2**62, 2**64 - 1):
            file.write_bytes(struct.pack("<Q", hostile) + whole[8:])
            self.bad("model.safetensors", model=folder)

        header = json.loads(whole[8:8 + length])
        name = "bert.encoder.layer.0.attention.self.query.weight"

        def changed(**entry):
            other = json.loads(json.dumps(header))
            other[name].update(entry)
            file.write_bytes(safetensors(other, whole[8 + length:]))

        begin, end = header[name]["data_offsets"]
        for entry in ({"data_offsets": [begin, 2**63]}, {"data_offsets": [end, begin]}, {"data_offsets": [-4, end - begin - 4]},
                      {"data_offsets": [begin + 4, end + 4]}, {"shape": [2**32, 2**32]}, {"shape": [-32, -32]},
                      {"shape": [32.5, 32]}, {"dtype": "F128"}, {"dtype": 7}, {"data_offsets": "all"}):
            changed(**entry)
            self.bad("model.safetensors", name, model=folder)
        changed(dtype="I32")
        self.bad(name, "I32", model=folder)
        changed(shape=[64, 16])
        self.bad(name, "(64, 16)", "(32, 32)", model=folder)

        del header[name]
        file.write_bytes(safetensors(header, whole[8 + length:]))
        self.bad("model.safetensors", model=folder)
        file.write_bytes(safetensors(b"[" * 100000))
        self.bad("model.safetensors", model=folder)
        file.write_bytes(safetensors(b"{\"a\": "))
        self.bad("model.safetensors", model=folder)

    def test_flipped_bits(self):
        """Any bit of the header flipped is refused in words or does no harm; none is a crash."""
        folder = self.box.checkpoint()
        file = folder / "model.safetensors"
        whole = bytearray(file.read_bytes())
        refused = 0
        for i in range(40):
            at = (i * 97) % (8 + struct.unpack("<Q", whole[:8])[0])
            flipped = bytearray(whole)
            flipped[at] ^= 1 << i % 8
            file.write_bytes(flipped)
            done = self.box.run(model=folder, epochs=0)
            self.assertIn(done.returncode, (0, 1), done.stderr)
            refused += done.returncode
        self.assertGreater(refused, 20)

    def test_config(self):
        folder = self.box.checkpoint()
        file = folder / "config.json"
        config = json.loads(file.read_text())

        def changed(**entries):
            file.write_text(json.dumps(config | entries))
        for entries, word in (({"model_type": "mamba"}, "model_type"), ({"hidden_size": "32"}, "hidden_size"),
                              ({"hidden_size": -32}, "hidden_size"), ({"num_hidden_layers": 10**9}, "num_hidden_layers"),
                              ({"num_attention_heads": 5}, "num_attention_heads"), ({"hidden_act": "mish"}, "hidden_act"),
                              ({"hidden_dropout_prob": 2}, "hidden_dropout_prob"), ({"vocab_size": 97}, "word_embeddings"),
                              ({"num_hidden_layers": 2}, "layer.2"), ({"num_hidden_layers": 4}, "layer.3")):
            changed(**entries)
            self.bad(word, model=folder)
        for text in ("", "{", "[]", "{} {}", '{"hidden_size": 32,}', "nul", "\x00", "[" * 100000):
            file.write_text(text)
            self.bad("config.json", model=folder)

    def test_vocabulary(self):
        folder = self.box.checkpoint()
        words = (folder / "vocab.txt").read_text().splitlines()
        (folder / "vocab.txt").write_text("\n".join(w for w in words if w != "[CLS]"))
        self.bad("[CLS]", model=folder)
        # More words than the model has rows for: no crash when one of them comes up.
        (folder / "vocab.txt").write_text("\n".join([*words, "zebra"]) + "\n")
        self.box.write("data/train.csv", csv([("zebra", 0), ("film", 1), ("plot", 2)]))
        self.bad("token id 96", "vocabulary of 96", model=folder)


class BadData(Case):
    def train(self, text, *words, name="train"):
        self.box.write(f"data/{name}.csv", text)
        self.bad(*words)

    def test_files(self):
        self.bad("/nowhere", data="/nowhere")
        self.bad("train", data=self.box.path)
        (self.box.path / "data/dev.csv").unlink()
        self.bad("dev")

    def test_empty(self):
        for text in ("", "\n", "text,label\n"):
            self.train(text, "train.csv")

    def test_rows(self):
        self.train("text\ngood\n", "train.csv", "label")
        self.train("words,label\ngood,1\n", "train.csv", "text")
        self.train("text,label\ngood,1\nbad\n", "train.csv", "line 3")
        self.train("text,label\ngood,1\nbad,0,7\n", "train.csv", "line 3")
        self.train("text,label\ngood,1\n\"bad,0\n", "train.csv", "line 3")
        self.train("text,label\ngood,1\n\"ba\"d\",0\n", "train.csv", "line 3")
        self.train("text,label\ngood,1\nbad,\n", "train.csv", "line 3", "label")
        self.train("text,label\ngood,0\nbad,0\n", "train.csv", "two classes")
        self.train("text,label\ngood,1\nb\0d,0\n", "train.csv", "line 3", "NUL")

    def test_labels(self):
        self.train(csv([*sentences(4, 3), ("film", 3)]), "dev.csv", "\"3\"", "line 6", name="dev")
        self.train(csv([*sentences(4, 3), ("film", -1)]), "dev.csv", "\"-1\"", name="dev")
        self.train(csv([("film", 0), ("plot", 1), ("story", 123456789)]), "train.csv", "123456789")

    def test_unlabelled_training_data(self):
        self.train("text\nfilm\nplot\n", "train.csv", "label")

    def test_glue(self):
        self.box.write("sst/train.tsv", "sentence\tlabel\ngood film\t1\nbad film\t0\n")
        self.box.write("sst/dev.tsv", "sentence\tlabel\ngood film\t1\nbad film\t2\n")
        self.bad("dev.tsv", "line 3", "label", task="sst2", data=self.box.path / "sst")
        self.box.write("sst/dev.tsv", "sentence\tlabel\ngood film 1\n")
        self.bad("dev.tsv", "line 2", task="sst2", data=self.box.path / "sst")
        self.box.write("sst/dev.tsv", "index\tsentence\n0\tgood film\n")
        self.box.write("sst/train.tsv", "index\tsentence\n0\tgood film\n")
        self.bad("train.tsv", "label", task="sst2", data=self.box.path / "sst")
        self.bad("sst3", "sst2", "cola", task="sst3")


class BadOptions(Case):
    def test_values(self):
        for name, value in (("max_length", 2), ("max_length", -5), ("batch", 0), ("rank", 0),
                            ("rank", "four"), ("epochs", -1), ("lr", -1), ("head_lr", -1), ("lr", "nan"), ("lr", "inf"), ("alpha", "nan"),
                            ("warmup", -0.1), ("warmup", 1.5), ("dropout", 1), ("dropout", "nan"), ("delta_dropout", 1),
                            ("limit", -3), ("limit", 1.5), ("seed", -1), ("seed", "x"), ("accumulate", 0), ("workers", -1),
                            ("clip", -1), ("sparsity", "nan"), ("weight_decay", "nan"), ("patience", -1),
                            ("schedule", "steps"), ("method", "magic"), ("precision", "fp8"), ("pooling", "last")):
            with self.subTest(name=name, value=value):
                self.bad(str(value), **{name: value})

    def test_sites(self):
        self.bad("attn.x", "attn.q", "ff.down", sites="attn.q,attn.x")
        self.bad("attn.norm", "lora", sites="attn.norm")
        self.bad("--sites", "--method head", "lora", method="head", sites="attn.q")
        self.bad("names no site", sites="attn.q,")

    def test_missing_and_unknown(self):
        self.bad("--model", model=None)
        self.bad("--task", task=None)
        self.bad("--data", data=None)
        self.bad("--nonsense", options=("--nonsense",))
        self.bad("--out", options=("--resume",))
        self.bad("--epochs", options=("--resume",), epochs=0, out="o")
        self.bad("pooler", pooling="mean", export="exported")
        self.bad("--head-lr", "--lr", lr=0, head_lr=1e-3)

    def test_load(self):
        self.bad("/nowhere", "adapter_config.json", load="/nowhere", epochs=0)
        self.bad("adapter_config.json", load=self.box.path / "data", epochs=0)
        self.good(method="sora", epochs=1, limit=8, out="sora", sites="attn.q")
        self.bad("sora", "--method sora", load="sora", epochs=0)
        self.bad("--pooling first", load="sora", epochs=0, method="sora", pooling="mean")
        self.good(epochs=1, limit=8, out="lora")
        self.bad("kind LORA", load="lora", epochs=0, method="bitfit")
        self.bad("layer.2.attention.self.query", "no such place", load="lora", epochs=0, model=TINY.parent / "tiny-bert-tanh")
        for file, folder, method in (("peft_delta.safetensors", "sora", "sora"), ("adapter_model.safetensors", "lora", "lora"),
                                     ("adapter_config.json", "lora", "lora")):
            whole = (self.box.path / folder / file).read_bytes()
            (self.box.path / folder / file).write_bytes(whole[:len(whole) // 2])
            self.bad(file, load=folder, epochs=0, method=method)
            (self.box.path / folder / file).write_bytes(whole)

    def scores(self):
        for split in ("train", "dev"):
            self.box.write(f"scores/{split}.csv", csv([("film", 0.5), ("plot", 1.5)]))
        return self.box.path / "scores"


class BadOutput(Case):
    def test_places(self):
        blocked = self.box.write("file", "")
        self.bad("/file", epochs=1, out=blocked / "folder")
        for option in ("json", "predict"):
            self.bad("nowhere", epochs=1, **{option: "nowhere/x"})
            self.bad("folder", epochs=1, **{option: "data"})
        self.bad("--model", epochs=1, export=TINY)

    @unittest.skipUnless(os.path.exists("/dev/full"), "there is no /dev/full")
    def test_full_disk(self):
        for option in ("json", "predict"):
            self.bad("/dev/full", "No space left", epochs=0, **{option: "/dev/full"})
        self.assertTrue(pathlib.Path("/dev/full").is_char_device())

    def test_full_disk_for_out(self):
        disk = self.box.path / "disk"
        disk.mkdir()
        # 24 KiB hold no checkpoint of a run.
        if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24k", "tmpfs", disk], capture_output=True).returncode:
            self.skipTest("no right to mount a small file system")
        self.addCleanup(subprocess.run, ["umount", disk], check=True)
        self.bad("run.safetensors", "No space left", epochs=1, out=disk)
        self.assertEqual(list(disk.iterdir()), [])

    def test_devices_stay_devices(self):
        self.good(epochs=0, json="/dev/null", predict="/dev/null")
        self.assertTrue(pathlib.Path("/dev/null").is_char_device())
        done = self.good(epochs=0, predict="/dev/stdout")
        self.assertEqual(len(re.findall(r"^(?:-?\d\S*\t){3}\d$", done.stdout, re.M)), 31)


    @unittest.skipUnless(os.access("/dev/shm", os.W_OK), "there is no /dev/shm")
    def test_files_below_dev_are_files(self):
        with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
            for _ in range(2):  # one that is not there yet, and one that is replaced
                self.good(epochs=0, json=f"{folder}/run.json", predict=f"{folder}/rows.tsv")
                self.assertEqual(sorted(os.listdir(folder)), ["rows.tsv", "run.json"])


class Run(Case):
    def test_help(self):
        done = self.good("--help", model=None, task=None, data=None)
        for option in ("--model", "--task", "--data", "--method", "--rank", "--sites", "--epochs", "--batch", "--lr",
                       "--schedule", "--warmup", "--dropout", "--delta-dropout", "--max-length", "--limit", "--seed",
                       "--precision", "--out", "--load", "--resume", "--predict", "--json"):
            self.assertIn(option + " ", done.stdout + " ")

    def test_report(self):
        done = self.good(epochs=2, json="run.json", predict="dev.tsv", out="out")
        self.assertEqual(done.stderr, "")
        self.assertNotIn("\r", done.stdout)
        self.assertNotIn("\x1b", done.stdout)
        for text in ("LoRA r=8", "encoder.layer.0-2", "3,171", "Memory of the run at its most", "epoch 1/2", "epoch 2/2", "dev accuracy",
                     "examples/s", "peak memory", "the checkpoint's own"):
            self.assertIn(text, done.stdout)
        run = self.box.json("run.json")
        self.assertEqual(run["method"], "lora")
        self.assertEqual(run["trainable"], 2 * 3 * 8 * 64 + 99)
        self.assertGreater(run["total"], run["trainable"])
        self.assertEqual(len(run["dev"]), 2)
        self.assertTrue(all(0 <= d <= 1 for d in run["dev"]))
        self.assertEqual(run["steps"], 24)
        self.assertEqual(len(run["step_losses"]), 24)
        self.assertEqual(run["examples"], 192)
        self.assertGreater(run["tokens"], run["examples"])
        self.assertGreater(run["seconds"], 0)
        self.assertAlmostEqual(run["examples_per_second"], run["examples"] / run["seconds"], delta=1e-6 * run["examples_per_second"])
        self.assertGreater(run["peak_memory_mib"], 1)
        rows = [line for line in (self.box.path / "dev.tsv").read_text().splitlines() if not line.startswith("#")]
        self.assertEqual(len(rows), 31)
        self.assertTrue(all(len(r.split("\t")) == 4 for r in rows))

    def test_same_command_same_run(self):
        for name, workers in (("a", 1), ("b", 2), ("c", 3)):
            self.good(epochs=1, json=f"{name}.json", predict=f"{name}.tsv", workers=workers, dropout=0.1)
        self.good(epochs=1, json="d.json", seed=1, dropout=0.1)
        first = self.box.json("a.json")["step_losses"]
        self.assertEqual(first, self.box.json("b.json")["step_losses"])
        self.assertEqual(first, self.box.json("c.json")["step_losses"])
        self.assertNotEqual(first, self.box.json("d.json")["step_losses"])
        self.assertEqual((self.box.path / "a.tsv").read_bytes(), (self.box.path / "c.tsv").read_bytes())

    def test_head_lr(self):
        for more in ({}, {"pooling": "mean"}):
            with self.subTest(**more):
                check_head_rate(self, functools.partial(self.box.run, **more))

    def test_saved_is_loaded(self):
        methods = [("head", {}), ("bitfit", {}), ("lora", {"rank": 3, "alpha": 5.25, "sites": "attn.q,ff.*,pooler"}),
                   ("sora", {"rank": 4, "alpha": 3.3, "sites": "attn.*", "sparsity": 30, "lr": 5e-3}), ("full", {}),
                   ("bitfit", {"pooling": "mean"})]
        for number, (method, more) in enumerate(methods):
            with self.subTest(method=method, **more):
                out = f"out{number}"
                self.good(method=method, epochs=1, out=out, predict=f"{out}.tsv", **more)
                keep = {k: v for k, v in more.items() if k == "pooling"}
                self.good(method=method, epochs=0, load=out, predict="again.tsv", **keep)
                trained = (self.box.path / f"{out}.tsv").read_bytes()
                self.assertEqual((self.box.path / "again.tsv").read_bytes(), trained)
                self.good(method=method, epochs=0, predict="fresh.tsv", **keep)
                self.assertNotEqual((self.box.path / "fresh.tsv").read_bytes(), trained)

    def test_pruned(self):
        """SoRA's pruned adapter, loaded as a plain LoRA, says what the gated model says."""
        self.good(method="sora", epochs=3, lr=5e-3, sparsity=40, rank=4, out="out", predict="gated.tsv", json="run.json")
        run = self.box.json("run.json")
        self.assertGreater(run["rank_removed"], 0)
        self.good(method="lora", epochs=0, load="out/pruned", predict="pruned.tsv")
        logits = [[float(x) for line in (self.box.path / name).read_text().splitlines()[1:] for x in line.split("\t")]
                  for name in ("gated.tsv", "pruned.tsv")]
        self.assertLess(max(abs(a - b) for a, b in zip(*logits)), 2e-6)

    def test_export(self):
        for method in ("head", "lora", "sora", "bitfit", "full"):
            with self.subTest(method=method):
                self.good(method=method, epochs=1, predict="delta.tsv", export=f"exported-{method}", json="run.json", lr=5e-3)
                self.assertLess(self.box.json("run.json")["merge_error"], 1e-5)
                self.good(method="head", epochs=0, model=self.box.path / f"exported-{method}", predict="merged.tsv")
                logits = [[float(x) for line in (self.box.path / name).read_text().splitlines()[1:] for x in line.split("\t")]
                          for name in ("delta.tsv", "merged.tsv")]
                self.assertLess(max(abs(a - b) for a, b in zip(*logits)), 1e-5)

    def test_unlabelled_split(self):
        """A dev split without labels is predicted, not scored."""
        text = "text\n" + "".join(f"{t}\n" for t, _ in sentences(31, 2))
        self.good(epochs=1, limit=16, predict="labelled.tsv")
        self.box.write("data/dev.csv", text)
        done = self.good(epochs=1, limit=16, predict="unlabelled.tsv", json="run.json")
        self.assertIn("unlabelled", done.stdout)
        self.assertEqual((self.box.path / "labelled.tsv").read_bytes(), (self.box.path / "unlabelled.tsv").read_bytes())
        self.assertEqual(self.box.json("run.json")["dev"], [None])

    def test_long_sentences_are_cut(self):
        self.box.write("data/dev.csv", csv([("film " * 5000, 0), ("plot", 1), ("", 2)]))
        self.good(epochs=1, limit=16, max_length=48)

    def test_ill_formed_text(self):
        for text in (b"a film\xff,0\n", b"a film,0\n\xc3,1\n", b"\xed\xa0\x80plot,2\n"):
            self.box.write("data/dev.csv", b"text,label\n" + text)
            self.bad("dev.csv", "UTF-8", "line", epochs=0)

    def test_limit(self):
        done = self.good(epochs=1, limit=20, json="run.json")
        self.assertIn("20 training examples", done.stdout)
        self.assertEqual(self.box.json("run.json")["examples"], 20)

    def test_diverged(self):
        line = self.bad("the loss is", "learning rate", "clipping", lr=1e20, epochs=2, method="full", warmup=0)
        self.assertIn("step", line)


class Resume(Case):
    LONG = {"epochs": 3, "dropout": 0.1, "delta_dropout": 0.1, "clip": 1, "patience": 3}

    def stopped(self, signal_number, **changes):
        """Starts a run, interrupts it in the middle, and returns (status, standard error)."""
        process = self.box.start(**changes)
        checkpoint = self.box.path / changes["out"] / "run.safetensors"
        wait = time.monotonic() + 60
        while not checkpoint.exists() and time.monotonic() < wait:
            time.sleep(0.002)
        process.send_signal(signal_number)
        _, errors = process.communicate(timeout=120)
        return process.returncode, errors

    def test_control_c(self):
        self.box = Sandbox(PROGRAM, train=1200)
        self.addCleanup(self.box.holder.cleanup)
        self.good(json="whole.json", predict="whole.tsv", **self.LONG)
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            out = f"out{status}"
            code, errors = self.stopped(number, out=out, checkpoint_steps=1, **self.LONG)
            self.assertEqual(code, status, errors)
            self.assertIn("stopped after step", errors)
            self.assertIn("--resume", errors)
            stopped = int(re.search(r"stopped after step (\d+)", errors).group(1))
            done = self.good("--resume", out=out, json="rest.json", predict="rest.tsv", workers=3, checkpoint_steps=7, **{
                k: v for k, v in self.LONG.items()})
            self.assertEqual(done.stderr, "")
            whole, rest = self.box.json("whole.json"), self.box.json("rest.json")
            self.assertTrue(0 < stopped < whole["steps"])
            for key in ("dev", "loss", "scores", "steps", "step_losses", "examples", "tokens"):
                self.assertEqual(rest[key], whole[key], key)
            self.assertEqual((self.box.path / "rest.tsv").read_bytes(), (self.box.path / "whole.tsv").read_bytes())

    def test_control_c_without_out(self):
        self.box = Sandbox(PROGRAM, train=1200)
        self.addCleanup(self.box.holder.cleanup)
        process = self.box.start(epochs=1000)
        for line in process.stdout:
            if line.startswith("epoch 1/"):
                break
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.assertIn("nothing was saved", errors)

    def test_killed(self):
        self.box = Sandbox(PROGRAM, train=1200)
        self.addCleanup(self.box.holder.cleanup)
        self.good(json="whole.json", predict="whole.tsv", **self.LONG)
        code, _ = self.stopped(signal.SIGKILL, out="out", checkpoint_steps=1, **self.LONG)
        self.assertEqual(code, -signal.SIGKILL)
        self.good("--resume", out="out", json="rest.json", predict="rest.tsv", **self.LONG)
        whole, rest = self.box.json("whole.json"), self.box.json("rest.json")
        self.assertEqual(rest["step_losses"], whole["step_losses"])
        self.assertEqual((self.box.path / "rest.tsv").read_bytes(), (self.box.path / "whole.tsv").read_bytes())

    def test_other_options(self):
        self.good(epochs=1, out="out")
        for name, change in (("lr", {"lr": 5e-4}), ("batch", {"batch": 4}), ("seed", {"seed": 1}),
                             ("max-length", {"max_length": 30}), ("dropout", {"dropout": 0.2}), ("pooling", {"pooling": "mean"}),
                             ("alpha", {"alpha": 16.0000001}), ("data", {"limit": 90}), ("head-lr", {"head_lr": 1e-2})):
            self.bad("run.safetensors", "other options", f"{name}: now", options=("--resume",), **({"epochs": 1, "out": "out"} | change))
        self.bad("another model or method", options=("--resume",), epochs=1, out="out", method="bitfit")
        rows = sentences(96, 1)
        rows[3] = (rows[3][0][::-1], rows[3][1])
        self.box.write("data/train.csv", csv([*rows[:3], (" ".join(reversed(sentences(96, 1)[3][0].split())), rows[3][1]), *rows[4:]]))
        self.bad("data: now", options=("--resume",), epochs=1, out="out")

    def test_damaged_checkpoint(self):
        self.good(epochs=1, out="out")
        file = self.box.path / "out/run.safetensors"
        whole = file.read_bytes()
        for content in (b"", whole[:200], whole[:-1], (TINY / "model.safetensors").read_bytes(), b"no such thing" * 100):
            file.write_bytes(content)
            self.bad("run.safetensors", options=("--resume",), epochs=1, out="out")
            self.assertEqual(file.read_bytes(), content)

    def test_nothing_to_resume(self):
        done = self.good("--resume", epochs=1, out="new")
        self.assertIn("no run to resume", done.stderr)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = ProgramCase.program = sys.argv.pop(1)
    unittest.main()
