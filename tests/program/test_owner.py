# SPDX-License-Identifier: Apache-2.0
"""The folder of a run has one owner, and is nobody's to replace without a word.   test_owner.py PROGRAM [unittest options]"""
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest

from sandbox import ProgramCase

SHORT = {"epochs": 1, "limit": 8, "sites": "attn.q"}
LONG = {"epochs": 500, "checkpoint_steps": 1, "out": "out"}


class Case(ProgramCase):
    def refused(self, *words, options=(), **changes):
        done = self.box.run(*options, **changes)
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def names(self, folder="out"):
        return sorted(str(f.relative_to(self.box.path / folder)) for f in (self.box.path / folder).rglob("*") if f.is_file())

    def started(self, *options, **changes):
        """A run that has saved its first checkpoint."""
        process = subprocess.Popen(self.box.command(*options, **changes), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.box.path)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        wait = time.monotonic() + 60
        while not (self.box.path / "out/run.safetensors").exists() and process.poll() is None and time.monotonic() < wait:
            time.sleep(0.002)
        return process


class Owner(Case):
    def test_two_processes(self):
        first = self.started(**LONG, export="plain")
        owner = f"process {first.pid} on "
        for options in ((), ("--resume",), ("--overwrite",)):
            self.refused("--out out is in use by", owner, "finetune --model=", options=options, **SHORT, out="out")
        self.refused("--export plain is in use by", owner, **SHORT, export="plain")
        self.good(**SHORT, out="other")
        self.assertIsNone(first.poll())
        first.send_signal(signal.SIGINT)
        self.assertEqual(first.wait(60), 130)
        self.assertEqual(self.names(), ["run.safetensors"])  # the lock's file is gone
        self.assertEqual(self.names("plain"), [])

    def test_killed(self):
        """What killed writers leave is removed by the next owner; what is somebody else's stays."""
        first = self.started(**LONG)
        first.kill()
        first.wait()
        for name in (f".run.safetensors.{first.pid}.7.tmp", f"pruned/.adapter_config.json.{first.pid}.0.tmp", f"steps/step-0/.x.{first.pid}.1.tmp", "notes.txt",
                     f".run.safetensors.{os.getpid()}.0.tmp", "draft.tmp"):
            self.box.write(f"out/{name}", "x")
        self.box.write(f".run.json.{first.pid}.3.tmp", "x")
        self.box.write(f".other.json.{first.pid}.3.tmp", "x")
        self.good("--overwrite", **SHORT, out="out", json="run.json")
        kept = [f".run.safetensors.{os.getpid()}.0.tmp", "draft.tmp", "notes.txt"]
        self.assertEqual(self.names(), sorted(kept + ["adapter_config.json", "adapter_model.safetensors", "run.safetensors"]))
        self.assertFalse((self.box.path / f".run.json.{first.pid}.3.tmp").exists())
        self.assertTrue((self.box.path / f".other.json.{first.pid}.3.tmp").exists())

    def test_many_kills(self):
        """However often a run is killed, its folder does not grow."""
        for _ in range(6):
            process = subprocess.Popen(self.box.command("--resume", **LONG), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.box.path)
            time.sleep(0.15)
            process.kill()
            process.wait()
        self.assertLessEqual(len([n for n in self.names() if n.endswith(".tmp")]), 1)


class Replacing(Case):
    def test_a_run_is_there(self):
        self.good(**SHORT, out="out", export="plain")
        before = {n: (self.box.path / "out" / n).read_bytes() for n in self.names()}
        for change in ({}, {"epochs": 0, "load": None}, {"method": "head", "sites": None}):
            self.refused("--out out", "it holds a run (run.safetensors)", "--resume", "--overwrite", **SHORT | {"out": "out"} | change)
        self.refused("--export plain", "it holds a checkpoint (config.json)", "--overwrite", **SHORT, export="plain")
        self.refused("--export out", "the folder of --out", **SHORT, out="out", export="out")
        self.refused("--out out", "the folder of --load", options=("--overwrite",), **SHORT, load="out", out="out")
        self.assertEqual({n: (self.box.path / "out" / n).read_bytes() for n in self.names()}, before)
        self.good("--resume", **SHORT, out="out", export="plain")
        self.good("--overwrite", **SHORT | {"limit": 9}, out="out", export="plain")
        self.assertEqual(self.names(), sorted(before))
        (self.box.path / "out/run.safetensors").unlink()
        for options in ((), ("--resume",)):
            self.refused("it holds what was saved (adapter_config.json)", "no run to go on with", options=options, **SHORT, out="out")
        self.good("--resume", "--overwrite", **SHORT, out="out")
        # An unfinished run is one too.
        shutil.rmtree(self.box.path / "out")
        first = self.started(**LONG)
        first.kill()
        first.wait()
        self.refused("it holds a run", **SHORT, out="out")

    def test_another_method(self):
        """What the new run has not goes when the new is there: no folder holds two saves."""
        self.good(**SHORT, out="out", method="sora", rank=2)
        self.assertIn("pruned/adapter_config.json", self.names())
        self.good("--overwrite", **SHORT, out="out", method="lora")
        self.assertEqual(self.names(), ["adapter_config.json", "adapter_model.safetensors", "run.safetensors"])
        self.good(method="lora", epochs=0, load="out")
        self.good("--overwrite", out="out", method="read", **SHORT | {"sites": None})
        self.assertEqual(self.names(), ["peft_delta.safetensors", "run.safetensors"])
        self.good(method="read", epochs=0, load="out")
        # Without training there is no run to go on with.
        self.good("--overwrite", epochs=0, load=self.copied("out"), out="out", method="read")
        self.assertEqual(self.names(), ["peft_delta.safetensors"])

    def copied(self, folder):
        shutil.copytree(self.box.path / folder, self.box.path / "copy")
        return "copy"

    def test_until_the_new_is_there(self):
        """An older save stays until there is one in its place: a run that ends before has replaced nothing but the checkpoint."""
        self.good(**SHORT, out="out", method="lora", predict="old.tsv")
        (self.box.path / "out/run.safetensors").unlink()
        process = self.started("--overwrite", **LONG)
        process.kill()
        process.wait()
        self.good(method="lora", epochs=0, load="out", predict="now.tsv")
        self.assertEqual((self.box.path / "now.tsv").read_bytes(), (self.box.path / "old.tsv").read_bytes())

    def test_pairs_that_do_not_match(self):
        self.good(**SHORT, out="one", alpha=64)
        self.good(**SHORT, out="two", alpha=16)
        shutil.copy(self.box.path / "one/adapter_config.json", self.box.path / "two/adapter_config.json")
        self.refused("two: adapter_config.json is not the one", "Take both from one save", epochs=0, load="two")
        self.good(out="ours", method="read", **SHORT | {"sites": None})
        shutil.copy(self.box.path / "ours/peft_delta.safetensors", self.box.path / "one")
        for method in ("lora", "read"):
            self.refused("one: holds peft_delta.safetensors and an adapter", epochs=0, load="one", method=method)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    ProgramCase.program = sys.argv.pop(1)
    unittest.main()
