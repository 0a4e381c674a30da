# SPDX-License-Identifier: Apache-2.0
"""Tests of the program's memory: what is planned and what is taken, and what limits leave.   test_memory.py PROGRAM [unittest options]

PEFT_MEMORY_POINTS=N tries N limits of the address space instead of a few."""
import os
import pathlib
import random
import resource
import subprocess
import sys
import unittest

import files
from sandbox import ProgramCase, csv, unit_of

MIB = 1 << 20
POINTS = int(os.environ.get("PEFT_MEMORY_POINTS", "12"))
GROUPS = pathlib.Path("/sys/fs/cgroup/memory")  # of version 1


class Case(ProgramCase):
    def limited(self, limit, *options, **changes):
        return subprocess.run(self.box.command(*options, **changes), capture_output=True, text=True, timeout=300, cwd=self.box.path, preexec_fn=limit)

    def refused(self, done, *parts):
        """One sentence with what is needed, what there is and by whose word; nothing of a library's."""
        self.assertEqual(done.returncode, 1, done.stderr)
        last = done.stderr.splitlines()[-1]
        self.assertTrue(last.startswith("error: "), done.stderr)
        for part in parts:
            self.assertIn(part, last)
        for word in ("Kokkos", "bad_alloc", "terminate", "libgomp"):
            self.assertNotIn(word, done.stderr)

    def planned(self, *options, **changes):
        done = self.good(*options, json="run.json", **changes)
        run = self.box.json("run.json")
        plan, peak = run["planned_memory_mib"], run["peak_memory_mib"]
        self.assertLessEqual(abs(plan - peak), max(0.02 * peak, 4), f"{plan} MiB planned, {peak} MiB taken\n{done.stdout}")


class Plans(Case):
    def test_plan_is_the_peak(self):
        for options in ({}, {"method": "full", "out": "full", "patience": 2}, {"method": "head"}, {"method": "lora", "out": "lora", "export": "exported", "predict": "p.tsv"}):
            with self.subTest(**options):
                self.planned(epochs=2, **options)

    def test_other_families(self):
        for name in ("tiny-t5-v1.1", "tiny-gpt2"):
            folder = files.copy(name, self.box.path / name)
            files.write_json(folder / "tokenizer.json", files.unigram(["<pad>", "</s>", "<unk>"]))
            with self.subTest(name):
                self.planned(model=folder, task="pairs", data=files.pair_data(self.box.path / "pairs"), method="lora", epochs=1, max_new_tokens=8)

    def many_classes(self, classes):
        draw = random.Random(1)
        rows = [(" ".join(draw.choices(files.WORDS, k=3)), f"class {i}") for i in range(classes)]
        self.box.write("many/train.csv", csv(rows))
        self.box.write("many/dev.csv", csv(rows))

    def test_dev_logits_are_not_kept(self):
        """3,000 classes of 3,000 dev examples are 34 MiB of logits."""
        self.many_classes(3000)
        options = {"data": self.box.path / "many", "method": "head", "epochs": 1, "limit": 64}
        self.planned(**options)
        few = self.box.json("run.json")["peak_memory_mib"]
        self.planned(predict="p.tsv", export="exported", **options)
        self.assertLess(self.box.json("run.json")["peak_memory_mib"], few + 8)


class AddressSpace(Case):
    def run_under(self, limit, **changes):
        return self.limited(lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)), **changes)

    def starts(self, limit):
        """Can the part that trains, which by itself says what it is, be loaded at all?"""
        unit = unit_of(self.box.program)
        return subprocess.run([unit], capture_output=True, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit))).returncode == 0

    def test_runs_or_says_why_not(self):
        """From what the process itself cannot start under to what is enough."""
        options = {"method": "lora", "epochs": 1, "workers": 4}
        ran = refused = 0
        for size in (round(8 * MIB * 16 ** (i / (POINTS - 1))) for i in range(POINTS)):
            done = self.run_under(size, out=f"out{size}", **options)
            with self.subTest(size=size):
                if done.returncode == 0:
                    ran += 1
                elif self.starts(size):
                    refused += 1
                    self.refused(done, "memory" if "out of memory" in done.stderr else "address space")
                else:
                    self.assertEqual(ran, 0, "it had started with less")
        self.assertGreater(ran, 0)
        self.assertGreater(refused, 0)

    def test_sentence(self):
        done = self.run_under(256 * MIB, method="lora", epochs=1, workers=40)
        self.refused(done, "this run takes", "of address space", "ulimit -v leaves it 256 MiB", "stacks of the workers", "--workers 1")
        self.assertNotIn("epoch 1", done.stdout)

    def test_data(self):
        done = self.limited(lambda: resource.setrlimit(resource.RLIMIT_DATA, (100 * MIB, 100 * MIB)), method="lora", epochs=1, workers=40)
        self.refused(done, "of memory to write to", "ulimit -d leaves it 100 MiB")


class ControlGroup(Case):
    def setUp(self):
        super().setUp()
        self.group = GROUPS / f"peft-test-{os.getpid()}"
        try:
            self.group.mkdir()
        except OSError as e:
            self.skipTest(f"no control group of version 1 can be made: {e}")
        self.addCleanup(self.group.rmdir)

    def run_under(self, limit, **changes):
        (self.group / "memory.limit_in_bytes").write_text(str(limit))
        return self.limited(lambda: (self.group / "cgroup.procs").write_text(str(os.getpid())), **changes)

    def test_refused_before_it_is_killed(self):
        options = {"method": "lora", "epochs": 1, "workers": 64, "batch": 64}
        self.refused(self.run_under(24 * MIB, **options), "this run takes", f"the control group /{self.group.name} leaves it", "activations of 64 workers", "--workers 1")
        self.assertEqual(self.run_under(400 * MIB, **options).returncode, 0)
        self.assertEqual(self.run_under(24 * MIB, **(options | {"workers": 2})).returncode, 0)


if __name__ == "__main__":
    ProgramCase.program = sys.argv.pop(1)
    unittest.main()
