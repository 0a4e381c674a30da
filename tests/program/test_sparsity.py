# SPDX-License-Identifier: Apache-2.0
"""Tests of the program's methods that prune ranks, on the tiny checkpoint.   test_sparsity.py PROGRAM [unittest options]"""
import json
import sys
import unittest

from sandbox import ProgramCase

SCHEDULE = ("--set", "xi-last=0.02", "--set", "steps=4", "--set", "step-epochs=1")


class Case(ProgramCase):
    def table(self, name):
        rows = [line.split("\t") for line in (self.box.path / name).read_text().splitlines()]
        return rows[0], [dict(zip(rows[0], row)) for row in rows[1:]]


class Schedule(Case):
    def test_curve(self):
        self.good(*SCHEDULE, method="sora-schedule", epochs=2, rank=4, lr="1e-2", out="out", json="run.json")
        names, rows = self.table("out/sparsity.tsv")
        modules = names[6:]
        self.assertEqual(names[:6], ["step", "xi", "parameters", "ranks", "train", "dev"])
        self.assertEqual(len(modules), 18)
        self.assertEqual([float(r["xi"]) for r in rows][::3], [1e-4, 0.02])
        left = [int(r["ranks"]) for r in rows]
        self.assertEqual(left[0], 72)
        self.assertEqual(left, sorted(left, reverse=True))
        self.assertLess(left[-1], 72)
        for row in rows:
            self.assertEqual(int(row["ranks"]), sum(int(row[m]) for m in modules))
            wide = sum(int(row[m]) for m in modules if "intermediate" in m or m.endswith(".output.dense") and "attention" not in m)
            self.assertEqual(int(row["parameters"]), 64 * int(row["ranks"]) + 32 * wide)  # 32 + 32, or 32 + 64
            config = json.loads((self.box.path / f"out/steps/step-{row['step']}/adapter_config.json").read_text())
            self.assertEqual(config["peft_type"], "LORA")
        self.assertEqual(self.box.json("run.json")["rank_removed"], 72 - left[-1])

        whole = (self.box.path / "out/sparsity.tsv").read_text()
        (self.box.path / "out/sparsity.tsv").unlink()
        for step in (2, 3):  # as if stopped in the second step
            (self.box.path / f"out/run-step-{step}.safetensors").unlink()
        self.good(*SCHEDULE, "--resume", method="sora-schedule", epochs=2, rank=4, lr="1e-2", out="out")
        self.assertEqual((self.box.path / "out/sparsity.tsv").read_text(), whole)

    def test_refused(self):
        for options, words in ((("--set", "steps=0"), "0 steps"), (("--set", "path=exp-linear", "--set", "xi-first=0"), "exp-linear"),
                               (("--set", "path=quadratic"), "linear, log-linear, exp-linear")):
            done = self.box.run(*options, method="sora-schedule", epochs=1)
            self.assertEqual(done.returncode, 1)
            self.assertIn(words, done.stderr)


class AdaLora(Case):
    def test_budget_is_met(self):
        for orthogonality in ("squared", "mean"):
            self.good("--set", f"orthogonality={orthogonality}", method="adalora", epochs=2, rank=2, lr="5e-3", out=orthogonality, json="run.json",
                      export=f"export-{orthogonality}")
            run = self.box.json("run.json")
            self.assertEqual((run["rank_total"], run["rank_removed"]), (54, 18))
            self.assertLess(run["merge_error"], 1e-4)
            # Saved and loaded, it is the same model.
            self.good(method="adalora", epochs=0, rank=2, load=orthogonality, json="again.json")
            self.assertEqual(self.box.json("again.json")["dev"][-1], run["dev"][-1])


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    ProgramCase.program = sys.argv.pop(1)
    unittest.main()
