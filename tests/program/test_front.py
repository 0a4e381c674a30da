# SPDX-License-Identifier: Apache-2.0
"""Tests of the program's front: what it reads, refuses and hands over, and the order of what a run writes.
test_front.py PROGRAM [unittest options]"""
import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import unittest

from sandbox import TINY, ProgramCase, Sandbox, held, unit_of

PROGRAM = None
GOLDEN = TINY.parent


class Front(unittest.TestCase):
    """The front alone: beside a copy of it stands a unit that prints its arguments and its process, and ends with status 7."""

    def setUp(self):
        self.box = Sandbox(PROGRAM)
        self.addCleanup(self.box.holder.cleanup)
        (self.box.path / "bin").mkdir()
        self.box.program = self.box.path / "bin" / "finetune"
        shutil.copy(PROGRAM, self.box.program)
        unit = self.box.write("unit", '#!/bin/sh\nprintf "%s\\n" "$$" "$@"\nexit 7\n')
        unit.chmod(0o755)
        for method, family in (("lora", "bert"), ("sora", "bert"), ("diff-prune", "bert"), ("p-tuning-v2", "bert")):
            unit_of(self.box.program, method, family).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(unit, unit_of(self.box.program, method, family))

    def run_front(self, *options, env=None, **changes):
        return subprocess.run(self.box.command(*options, **changes), capture_output=True, text=True, timeout=60, cwd=self.box.path,
                              env=os.environ | (env or {}))

    def handed(self, *options, **changes):
        """What the unit was given: method, family, and options by name."""
        done = self.run_front(*options, **changes)
        self.assertEqual(done.returncode, 7, done.stderr)
        _, method, family, *rest = done.stdout.splitlines()
        return method, family, [tuple(word.split("=", 1)) for word in rest]

    def refused(self, *words, options=(), **changes):
        done = self.run_front(*options, **changes)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertEqual(done.stdout, "")
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        return done.stderr

    def test_becomes_the_unit(self):
        process = subprocess.Popen(self.box.command(), stdout=subprocess.PIPE, text=True)
        words = process.communicate()[0].splitlines()
        self.assertEqual(process.returncode, 7)
        self.assertEqual(words[:3], [str(process.pid), "lora", "bert"])
        unit_of(self.box.program).unlink()
        self.refused("--method lora on a bert checkpoint", "is not built", "finetune_lora_bert")

    def test_every_option_arrives(self):
        """Each option of --help, given a value that is not the standard, is handed over, and the front reads that again as it is."""
        values = {"task": "sst2", "model": TINY, "data": "data", "load": "data", "max-length": 31, "limit": 5, "method": "sora", "compose": None, "include": None, "rank": 5,
                  "alpha": 2.5, "sites": "attn.q", "delta-dropout": 0.25, "sparsity": 0.1, "set": "gates=ones", "pooling": "mean", "drop-layers": 1,
                  "dropout": 0.125, "epochs": 7, "lr": 1e-05, "head-lr": 0.3, "schedule": "cosine", "warmup": 3, "weight-decay": 0.1, "clip": 1.5,
                  "patience": 2, "seed": 18446744073709551615, "workers": 3, "precision": None, "batch": 9, "batch-tokens": 77, "bucket": 4, "accumulate": 2,
                  "texts": 3, "max-new-tokens": 11, "beams": 2, "out": "out", "checkpoint-steps": 5, "export": None, "base-model": "a name = b",
                  "predict": "p.tsv", "predict-format": "jsonl", "split": "test", "predict-from": None, "labels": "classes", "json": "j.json"}
        flags = ("no-shuffle", "resume", "overwrite")
        known = set(re.findall(r"^  --([a-z-]+)", self.run_front("--help").stdout, re.MULTILINE))
        self.assertEqual(known, set(values) | set(flags))
        _, _, first = self.handed(*(f"--{flag}" for flag in flags), **values)
        said = {name.removeprefix("--") for name, _ in first}
        self.assertEqual(said, (known - {"precision", "export", "predict-from", "sparsity", "compose", "include"} - set(flags)) | set(flags))
        self.assertIn(("--set", "sparsity=0.1"), first)
        self.assertIn(("--seed", "18446744073709551615"), first)
        self.assertIn(("--base-model", "a name = b"), first)
        again = subprocess.run([str(self.box.program), *(f"{name}={value}" if name[2:] not in flags else name for name, value in first)], capture_output=True,
                               text=True, cwd=self.box.path)
        self.assertEqual([tuple(word.split("=", 1)) for word in again.stdout.splitlines()[3:]], first, again.stderr)

    def test_names_in_any_case(self):
        method, family, given = self.handed(method="LoRA", task="CSV", schedule="Cosine", pooling="MEAN", set="Scaling=RS")
        self.assertEqual((method, family), ("lora", "bert"))
        for pair in (("--task", "csv"), ("--schedule", "cosine"), ("--pooling", "mean"), ("--set", "scaling=rs")):
            self.assertIn(pair, given)

    def test_names_with_dashes(self):
        self.assertEqual(self.handed(method="Diff_Prune")[0], "diff-prune")
        self.assertIn(("--task", "sst2"), self.handed(task="SST-2")[2])

    def test_version(self):
        done = self.run_front("--version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"peft.hpp \d+\.\d+\.\d+")

    def test_what_a_newcomer_types(self):
        self.refused("--epochs is given 2 times", "1, 2", options=("--epochs", "1", "--epochs", "2"))
        self.refused("from 1 to 1048576", batch=0)
        self.refused("it is a file", "give its folder, data", data="data/train.csv")
        self.refused("--load none/there", "no such folder", load="none/there")
        self.refused("an address", "bert-base-uncased", model="https://example.org/bert-base-uncased")

    def test_options_of_other_methods(self):
        """What a method does not read is refused, whatever its value, and the methods are named that read it."""
        for method, option, value, reader in (("read", "sites", "attn.q", "lora"), ("bitfit", "rank", 8, "adalora"), ("ia3", "alpha", 16, "dora"),
                                              ("lst", "delta-dropout", 0.1, "read")):
            self.refused(f"--{option}", f"--method {method} does not read it", reader, method=method, **{option: value})
        self.refused("--method lora", "sparsity is one of sora", sparsity=0.1)
        self.refused("--method read", "rank is one of adalora", method="read", set="rank=3")
        self.refused("--method read", "sites", method="read", set="sites=attn.q")

    def test_builder(self):
        """Who calls the front may have the unit made, and is told why there is none."""
        builder = self.box.write("builder", '#!/bin/sh\nprintf "%s" "$1" > asked\ncase $1 in *sora) echo no such thing; exit 1;; esac\n')
        builder.chmod(0o755)
        env = {"FINETUNE_BUILD": str(builder)}
        self.assertEqual(self.run_front(env=env).returncode, 7)
        self.assertEqual((self.box.path / "asked").read_text(), str(unit_of(self.box.program)))
        done = self.run_front(env=env, method="sora")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr, "error: --method sora on a bert checkpoint: no such thing\n")
        done = self.run_front(env=env, method="bitfit", rank=3)  # refused before anything is built
        self.assertNotIn("bitfit", (self.box.path / "asked").read_text())
        self.assertIn("none/builder could not build it", self.run_front(env={"FINETUNE_BUILD": "none/builder"}).stderr)

    def test_home(self):
        home = {"HOME": str(self.box.path)}
        _, _, given = self.handed(data="~/data", out="~/out", env=home)
        self.assertIn(("--data", f"{self.box.path}/data"), given)
        self.assertIn(("--out", f"{self.box.path}/out"), given)
        self.assertTrue((self.box.path / "out").is_dir())
        # Not of others, and not in what is no path.
        self.refused("~other/data", data="~other/data", env=home)

    def test_the_methods_own_rate(self):
        self.assertIn(("--lr", "0.02"), self.handed(method="p-tuning-v2")[2])
        self.assertIn(("--lr", "0.5"), self.handed(method="p-tuning-v2", lr=0.5)[2])

    def test_model_of_the_hub(self):
        folder = self.box.path / "hub/models--some--model"
        (folder / "snapshots").mkdir(parents=True)
        (folder / "snapshots/0123").symlink_to(TINY)
        self.box.write("hub/models--some--model/refs/main", "0123")
        env = {"HF_HUB_CACHE": str(self.box.path / "hub")}
        _, _, given = self.handed(model="some/model", env=env)
        self.assertIn(("--model", f"{folder}/snapshots/0123"), given)
        self.assertIn(("--base-model", "some/model"), given)  # as PEFT's files name it
        self.assertIn(("--base-model", "other"), self.handed(model="some/model", base_model="other", env=env)[2])
        self.refused("some/other", "hf download some/other", model="some/other", env=env)

    def test_near_names(self):
        self.refused("--methd", "near names: --method".replace("--", ""), options=("--methd", "lora"))
        self.refused("--methd", options=("--methd=lora",))
        self.refused("--method lorra", "near names: lora", method="lorra")
        self.refused("--task sst3", "near names: sst2", task="sst3")
        self.refused("--set scalin=rs", "near names: scaling", set="scalin=rs")
        self.refused("--set scaling=root", "rank, rs", set="scaling=root")
        self.refused("--set width=3", "--method lora", "scaling, start, lora-plus", set="width=3")
        self.refused("NAME=VALUE", set="scaling")
        self.refused("lora", "--help", options=("lora",))

    def test_numbers(self):
        for name, values in {"rank": ("0", "4097", "2.5", "x", "", "nan"), "lr": ("-1", "inf", "1e999", "1x"), "dropout": ("1", "nan"),
                             "seed": ("-1", "18446744073709551616"), "limit": ("1.5", "-2")}.items():
            for value in values:
                self.refused(f"--{name} {value}".strip(), "expected a", **{name: value})

    def test_refused_before_anything(self):
        """Where two things are wrong the first is said; nothing is made."""
        before = sorted(self.box.path.rglob("*"))
        data, out = self.box.path / "data", {"out": "made", "export": "made2"}
        self.refused("--data", "nowhere", data="nowhere", **out)
        self.refused("--resume", "--epochs", options=("--resume",), epochs=0, **out)
        self.refused("--export", "--pooling first", pooling="mean", **out)
        self.refused("--pooling mean", "every token", pooling="mean", task="conll", **out)
        self.refused("--head-lr", "above 0", lr=0, head_lr=1, **out)
        self.refused("folder of --model", model=self.box.checkpoint(), export="model")
        self.refused("folder of --model", model=self.box.path / "model", out=self.box.path / "data/../model")
        shutil.rmtree(self.box.path / "model")
        self.refused("--json", "--predict", predict="x", json="./x", **out)
        self.refused("--json", "no folder", json="none/x", **out)
        self.refused("--predict", "is a folder", predict=data, **out)
        self.refused("--task pairs", "backbone that writes", task="pairs", **out)
        self.refused("--method prefix", "deberta-v2", "scores the distance", "lora", model=GOLDEN / "tiny-deberta-v3", method="prefix", **out)
        self.assertEqual(sorted(self.box.path.rglob("*")), before)
        self.refused("--out", "data/train.csv", out=data / "train.csv/x")

    def test_export_where_there_is_none(self):
        for folder in ("tiny-gpt2", "tiny-llama", "tiny-t5-v1.1"):
            with self.subTest(folder=folder):
                self.refused("--export plain", "--out saves", model=GOLDEN / folder, export="plain", task="pairs")
        for method in ("prompt", "read", "adapter"):
            self.refused("--export plain", f"--method {method}", "no change of weights", method=method, export="plain")
        self.assertFalse((self.box.path / "plain").exists())

    def without_rights(self, **changes):
        """The front as a user who may not everything: root becomes nobody."""
        become = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
        return subprocess.run(become + self.box.command(**changes), capture_output=True, text=True, cwd=self.box.path)

    def test_unwritable(self):
        box, glue = self.box.path, {"predict_format": "glue", "task": "sst2"}
        for folder, mode in (("open", 0o777), ("closed", 0o555), ("blind", 0o666), ("submission", 0o555), ("submissions", 0o777)):
            (box / folder).mkdir()
            os.chmod(box / folder, mode)
        for file in ("open/kept", "submissions/SST-2.tsv"):
            self.box.write(file, "kept").chmod(0o444)
        for link, target in (("open/nowhere", "none/x"), ("open/circle", "circle"), ("open/in-closed", "../closed/x"), ("open/folder", "../none")):
            (box / link).symlink_to(target)
        os.mkfifo(box / "open/pipe", 0o444)
        os.chmod(box, 0o755)
        for option, name, word, more in (
                ("out", "closed/new", "ermission", {}), ("out", "closed", "ermission", {}), ("out", "blind/new", "ermission", {}), ("out", "open/folder", "folder", {}),
                ("out", "open/kept", "folder", {}), ("export", "closed/new", "ermission", {}), ("export", "blind", "ermission", {}),
                *((o, n, w, {}) for o in ("json", "predict") for n, w in (
                    ("closed/x", "ermission"), ("blind/x", "ermission"), ("open/kept", "may not be written"), ("open/nowhere", "No such file"),
                    ("open/circle", "symbolic links"), ("open/in-closed", "ermission"), ("open/pipe", "ermission"), ("open", "is a folder"))),
                ("predict", "submission", "ermission", glue), ("predict", "submissions", "may not be written", glue)):
            with self.subTest(option=option, name=name):
                done = self.without_rights(**{option: name}, **more)
                self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                self.assertIn(f"--{option} {name}", done.stderr)
                self.assertIn(word, done.stderr)
        # What can be written is let through, and nothing is left.
        before = sorted(str(f) for f in (box / "open").iterdir())
        for option, name in (("json", "open/new"), ("json", "/dev/null"), ("predict", "open/new")):
            self.assertEqual(self.without_rights(**{option: name}).returncode, 7)
        self.assertEqual(sorted(str(f) for f in (box / "open").iterdir()), before)

    def test_full_disk(self):
        """Where there is room for names and for nothing in them."""
        disk = self.box.path / "disk"
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], capture_output=True).returncode:
            self.skipTest("needs the right to mount")
        self.addCleanup(subprocess.run, ["umount", disk])
        try:
            (disk / "filler").write_bytes(b"x" * 100000)
        except OSError:
            pass
        for option, name in (("out", "disk/out"), ("out", "disk"), ("export", "disk"), ("json", "disk/x"), ("predict", "disk/x")):
            self.refused(f"--{option} {name}", "No space left", **{option: name})
        self.assertEqual([f.name for f in disk.rglob("*") if f.is_file()], ["filler"])

    def test_quick(self):
        """It starts within 20 ms of processor time."""
        times = []
        for _ in range(10):
            process = subprocess.Popen(self.box.command(task="none"), stderr=subprocess.DEVNULL)
            usage = os.wait4(process.pid, 0)[2]
            process.returncode = 1
            times.append(usage.ru_utime + usage.ru_stime)
        self.assertLess(min(times), 0.02)


class Run(ProgramCase):
    """With the unit."""

    def test_pairs(self):
        """The units hold what the table of methods says; some builds hold less of it."""
        here = set(held(self.box.program))
        text = subprocess.run([str(self.box.program), "--help"], capture_output=True, text=True, check=True).stdout.split("\nMethods", 1)[1]
        listed, method = set(), None
        for line in text.splitlines():
            if found := re.match(r"  ([a-z0-9-]+) ", line):
                method = found.group(1)
            elif found := re.match(r" +on (.+)", line):
                listed |= {(method, family) for family in found.group(1).split(", ")}
        self.assertGreater(len(here), 0)
        self.assertEqual(here - listed, set())

    def test_export(self):
        """Whatever a reader's run can merge is merged, and gives the logits of the run when it is opened as a plain checkpoint."""
        models = {"bert": "tiny-bert", "roberta": "tiny-roberta", "distilbert": "tiny-distilbert", "deberta-v2": "tiny-deberta-v3"}
        for family, name in models.items():
            shutil.copytree(GOLDEN / name, self.box.path / family)
            for file in ("vocab.txt", "tokenizer_config.json"):
                shutil.copy(TINY / file, self.box.path / family / file)
        for method, family in held(self.box.program):
            if family not in models or family == "bert" and method in ("head", "lora", "sora", "bitfit", "full"):
                continue  # the latter are held elsewhere
            with self.subTest(method=method, family=family):
                plain = f"{method}-{family}"
                done = self.box.run(model=self.box.path / family, method=method, epochs=1, limit=16, lr=5e-3, export=plain, json="run.json", predict="run.tsv")
                if "no change of weights" in done.stderr:
                    self.assertEqual((done.returncode, done.stdout), (1, ""))
                    continue
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertLess(self.box.json("run.json")["merge_error"], 5e-5)
                if ("head", family) in held(self.box.program):
                    self.good(model=self.box.path / plain, method="head", epochs=0, predict="plain.tsv")
                    logits = [[float(x) for line in (self.box.path / f).read_text().splitlines()[1:] for x in line.split("\t")] for f in ("run.tsv", "plain.tsv")]
                    self.assertLess(max(abs(a - b) for a, b in zip(*logits)), 5e-5)

    def test_sites(self):
        losses = []
        for sites in ("attn.q,attn.v", "query,value", " Value , attn.Q", "attention.self.query, attn.v"):
            self.good(epochs=1, sites=sites, json="run.json")
            losses.append(self.box.json("run.json")["step_losses"])
        self.assertEqual(losses, [losses[0]] * 4)
        self.good(epochs=1, sites="linear", json="group.json")
        self.good(epochs=1, sites="attn.q,attn.k,attn.v,attn.out,ff.*", json="each.json")
        self.assertEqual(self.box.json("group.json")["trainable"], self.box.json("each.json")["trainable"])
        done = self.box.run(epochs=1, sites="attn.qq")
        self.assertEqual(done.returncode, 1)
        self.assertIn("near names: attn.q", done.stderr)

    def failing(self, *words, files, **changes):
        """A run whose one output fails says so in a line, ends with 1, and has written the others."""
        done = self.box.run(epochs=1, **changes)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertIn("examples/s", done.stdout)  # the report's table
        for file in files:
            self.assertGreater((self.box.path / file).stat().st_size, 0, file)

    def test_a_failing_output_costs_no_other(self):
        adapter = "out/adapter_model.safetensors"
        self.failing("--predict", "No space left", files=[adapter, "a.json", "plain/model.safetensors"], out="out", json="a.json", predict="/dev/full", export="plain")
        self.assertIn("merge_error", self.box.json("a.json"))
        self.failing("--json", "No space left", files=["b.tsv", "out2/adapter_model.safetensors"], out="out2", json="/dev/full", predict="b.tsv", export="plain2")
        with self.in_the_way("plain3"):
            self.failing("--export", "plain3", files=["c.json", "c.tsv", "out3/adapter_model.safetensors"], out="out3", json="c.json", predict="c.tsv", export="plain3")
        self.assertNotIn("merge_error", self.box.json("c.json"))
        with self.in_the_way("out4"):
            self.failing("--out", "adapter_model", "--resume writes it again", files=["d.json", "d.tsv", "plain4/model.safetensors"], out="out4", json="d.json", predict="d.tsv", export="plain4")

    @contextlib.contextmanager
    def in_the_way(self, folder):
        """Once a run's front has looked at its folder and handed over, folders stand there where the run will want to write files."""
        def trains():
            try:
                owner = (self.box.path / folder / "run.lock").read_text().split()[1]
                return os.readlink(f"/proc/{owner}/exe").endswith("/bert/lora")
            except (OSError, IndexError):
                return False
        def stand():
            while not trains():
                time.sleep(0.001)
            for name in ("model.safetensors", "adapter_model.safetensors"):
                (self.box.path / folder / name / "x").mkdir(parents=True)
        thread = threading.Thread(target=stand, daemon=True)
        thread.start()
        yield
        thread.join(60)

    def test_more_epochs(self):
        """A finished run goes on to more epochs; of a constant rate it is then the run that had them from the start."""
        same = {"schedule": "constant", "warmup": 0}
        self.good(epochs=3, json="whole.json", predict="whole.tsv", out="whole", **same)
        self.good(epochs=1, out="out", json="first.json", **same)
        done = self.good("--resume", epochs=3, out="out", json="rest.json", predict="rest.tsv", **same)
        self.assertRegex(done.stderr, r"^note: the run goes on to 3 epochs instead of 1: 12 of 36 steps are done, .*constant schedule")
        whole, first, rest = (self.box.json(f"{name}.json") for name in ("whole", "first", "rest"))
        self.assertEqual(whole["step_losses"][:12], first["step_losses"])
        for key in ("dev", "loss", "steps", "examples", "tokens", "step_losses"):
            self.assertEqual(rest[key], whole[key], key)
        self.assertEqual((self.box.path / "rest.tsv").read_bytes(), (self.box.path / "whole.tsv").read_bytes())
        # With a schedule that falls, it goes on with the rate of the longer run.
        self.good(epochs=1, out="linear")
        done = self.good("--resume", epochs=2, out="linear", json="linear.json")
        self.assertIn("linear schedule of 24 steps", done.stderr)
        self.assertEqual(self.box.json("linear.json")["steps"], 24)
        done = self.good("--resume", epochs=2, out="linear")
        self.assertEqual(done.stderr, "")

    def test_epochs_of_a_method_with_a_schedule(self):
        if ("adalora", "bert") not in held(self.box.program):
            self.skipTest("this build has no adalora")
        self.good(method="adalora", epochs=1, out="out")
        done = self.box.run("--resume", method="adalora", epochs=2, out="out")
        self.assertEqual(done.returncode, 1)
        self.assertIn("a schedule of its own", done.stderr)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = ProgramCase.program = sys.argv.pop(1)
    unittest.main()
