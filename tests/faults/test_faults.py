# SPDX-License-Identifier: Apache-2.0
"""Whatever goes wrong while a run saves over an older one, what is read afterwards is the old save, the new one, or refused; and the run that is
resumed ends in the new one, bit for bit.   test_faults.py PROGRAM FAULTS [--whole] [unittest options]

A run of one step replaces an older one. `Calls`: at one of the calls by which it changes files it is killed, or the call fails (disk full from
there on, an error of the device, half of a write). `PowerCut`: the calls are recorded, and after each of them the machine is taken to lose whatever
was not flushed: any one rename or removal may be on the disk and the others not. --whole: every call in every way, not some of them."""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "program"))
from sandbox import ProgramCase  # noqa: E402

FAULTS = None
WHOLE = "--whole" in sys.argv
COMMON = {"epochs": 1, "limit": 8, "batch": 8, "workers": 1, "lr": 1e-2, "sites": "attn.q"}
CASES = {  # what is written before, and then: the method's settings. Other scales, so that a config matters to what is computed
    "lora": ({"method": "lora", "alpha": 64}, {"method": "lora", "alpha": 16}),
    "lora over our own": ({"method": "sora", "rank": 4}, {"method": "lora", "alpha": 16}),
    "our own over lora": ({"method": "lora", "alpha": 64}, {"method": "sora", "rank": 4}),
    "export": ({"method": "lora", "alpha": 64}, {"method": "lora", "alpha": 16}),
}


class Case(ProgramCase):
    def setUp(self):
        super().setUp()
        self.out = self.box.path / "out"
        self.tried = 0

    def tearDown(self):
        print(f"{self.id().split('.')[-1]}: {self.tried} points", file=sys.stderr)

    def run_with(self, faults, *options, **changes):
        env = os.environ | {"LD_PRELOAD": str(FAULTS), "FAULT_UNDER": str(self.out)} | {k: str(v) for k, v in faults.items()}
        return subprocess.run(self.box.command(*options, **changes), capture_output=True, text=True, timeout=60, cwd=self.box.path, env=env)

    def content(self, folder=None):
        """Every file by its name, but for the owner's and the run's own, which has the time in it."""
        folder = folder or self.out
        return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file() and f.name not in ("run.lock", "run.safetensors")}

    def prepare(self, name):
        """Makes the older save (kept in old/) and the new one, of which it returns what a run is given and what both hold."""
        before, after = ({**COMMON, **given, "export" if name == "export" else "out": self.out} for given in CASES[name])
        shutil.rmtree(self.out, ignore_errors=True)
        self.good(**after)
        new = self.content()
        shutil.rmtree(self.out)
        self.good(**before)
        shutil.rmtree(self.box.path / "old", ignore_errors=True)
        shutil.copytree(self.out, self.box.path / "old")
        self.assertNotEqual(self.content(), new)
        self.known = {}
        return after, self.content(), new

    def reset(self):
        shutil.rmtree(self.out, ignore_errors=True)
        shutil.copytree(self.box.path / "old", self.out)

    def check_read(self, old, new, what):
        """What is in the folder is the old save, the new one, or refused, by the reader that its own files ask for."""
        saved = {name: content for name, content in self.content().items() if not name.endswith(".tmp")}
        if "config.json" in saved:  # of an exported folder, which nobody reads without
            self.assertIn(saved, (old, new), what)
        if "config.json" in new:
            return
        for place in ("", "pruned/"):
            here = lambda files: {n.removeprefix(place): c for n, c in files.items() if n.startswith(place) and "/" not in n.removeprefix(place)}
            found = here(saved)
            pair = lambda files: [files.get(n) for n in ("adapter_config.json", "adapter_model.safetensors")]
            if None not in pair(found):  # PEFT's reader knows no notes: for it a config beside tensors is an adapter
                self.assertIn(pair(found), (pair(here(old)), pair(here(new))), f"{what}: {place or 'out/'} holds a config beside tensors of another save")
            if not found or found in (here(old), here(new)):
                continue
            key = hashlib.sha256(repr(sorted(found.items())).encode()).digest()
            if key not in self.known:
                says = [self.answer(files, place) for files in (found, here(old), here(new))]
                self.known[key] = says[0] is None or says[0] in says[1:]
            self.assertTrue(self.known[key], f"{what}: {place or 'out/'} holds {sorted(found)}, read without a word")

    def answer(self, files, place):
        """The logits that these files give, or None where they are refused."""
        folder = self.box.path / "asked"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)
        delta = "peft_delta.safetensors" in files
        done = self.box.run(method="sora" if delta else "lora", epochs=0, load=folder, predict="asked.tsv", rank=4 if delta else 8, sites="attn.q")
        if done.returncode == 0:
            return (self.box.path / "asked.tsv").read_bytes()
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertTrue(done.stderr.splitlines()[-1].startswith("error: "), done.stderr)
        return None

    def check_resumed(self, given, new, what):
        if "export" in given:
            self.assertEqual(self.box.run("--overwrite", **given).returncode, 0, what)
            return self.assertEqual(self.content(), new, what)
        checkpoint, older = (folder / "run.safetensors" for folder in (self.out, self.box.path / "old"))
        first = checkpoint.exists() and checkpoint.read_bytes() == older.read_bytes()  # the new run had not begun to save
        done = self.box.run("--resume", "--overwrite", **given)
        if first:
            self.assertEqual(done.returncode, 1, what)
            self.assertRegex(done.stderr, "run.safetensors: .*(other options|another model or method)", what)
            done = self.box.run("--overwrite", **given)
        self.assertEqual(done.returncode, 0, f"{what}: {done.stderr}")
        self.assertEqual(self.content(), new, what)


class Calls(Case):
    def calls(self, program, given):
        log = self.box.path / "calls"
        log.unlink(missing_ok=True)
        self.reset()
        self.assertEqual(self.run_with({"FAULT_LOG": log, "FAULT_IN": program}, "--overwrite", **given).returncode, 0)
        return [line.split("\t") for line in log.read_text().splitlines()]

    def points(self, calls, step):
        """Numbers of calls: every step-th."""
        return range(1 if WHOLE else (step + 1) // 2, len(calls) + 1, 1 if WHOLE else step)

    @staticmethod
    def must_work(call, path):
        """Not so: to remove what is in the way or left over, and to write the owner's name into the lock."""
        return call not in ("unlink", "pwrite") or path.endswith("adapter_config.json")

    def check(self, name, faults, step, programs=()):
        given, old, new = self.prepare(name)
        for program in programs or [given["method"]]:
            calls = self.calls(program, given)
            self.assertGreater(len(calls), 3)
            for fault in faults:
                for at in self.points(calls, step):
                    what = f"{name}: {fault} at {' '.join(calls[at - 1])} of {program}"
                    self.reset()
                    done = self.run_with({"FAULT_AT": at, "FAULT_DO": fault, "FAULT_IN": program}, "--overwrite", **given)
                    self.tried += 1
                    if fault == "kill":
                        self.assertEqual(done.returncode, -9, what)
                    elif done.returncode == 0:  # on a full disk there is room for what needs none
                        self.assertFalse(fault == "eio" and self.must_work(*calls[at - 1][1:3]), what)
                    else:
                        self.assertEqual(done.returncode, 1, what)
                        self.assertRegex(done.stderr.splitlines()[-1], "^error: .*(No space left|Input/output error)", what)
                        self.assertEqual([n for n in self.content() if n.endswith(".tmp")], [], what)
                    self.check_read(old, new, what)
                    self.check_resumed(given, new, what)

    def test_killed(self):
        self.check("lora", ["kill"], 1)

    def test_failing(self):
        self.check("lora", ["full", "short"], 5)
        self.check("lora", ["eio"], 1)

    def test_front(self):
        self.check("lora", ["kill", "full", "eio"], 1, ["finetune"])

    def test_disk_full_while_training(self):
        """The run ends at the checkpoint that it cannot write, says from where it can go on, and does."""
        given = {**COMMON, "method": "lora", "out": self.out, "epochs": 3}
        log = self.box.path / "calls"
        self.assertEqual(self.run_with({"FAULT_LOG": log, "FAULT_IN": given["method"]}, **given).returncode, 0)
        new = self.content()
        opened = [int(line.split("\t")[0]) for line in log.read_text().splitlines() if "\topen\t" in line and ".run.safetensors." in line]
        self.assertEqual(len(opened), 3)
        for at in range(opened[1], opened[1] + 4):
            shutil.rmtree(self.out)
            done = self.run_with({"FAULT_AT": at, "FAULT_DO": "full", "FAULT_IN": given["method"]}, **given)
            self.tried += 1
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertRegex(done.stderr, "run.safetensors.*No space left.*after step 2 of 3.*resumed from step 1.*make room")
            self.assertNotIn("begins from the start", self.good("--resume", **given).stderr)
            self.assertEqual(self.content(), new)

    def test_other_files(self):
        for name in ("lora over our own", "our own over lora", "export"):
            self.check(name, ["kill", "full", "eio"] if WHOLE else ["kill"], 6)


class Disk:
    """What is on a disk: names that lead to contents. Changes of names are pending until their folder is flushed; contents until their file is."""

    def __init__(self, folder):
        self.names = {str(f): f.read_bytes() for f in folder.rglob("*") if f.is_file()}  # durable
        self.now = dict.fromkeys(self.names)  # as the process sees it: None where the durable content, else the file's object
        self.files = {name: [content] for name, content in self.names.items()}
        self.pending = []

    def open(self, name):
        if name not in self.files:
            self.files[name] = [b""]
            self.pending.append((name, self.files[name]))

    def flush_file(self, name, content):
        self.files[name][0] = content

    def rename(self, old, new):
        self.files[new] = self.files.pop(old)
        self.pending.append((old, None, new, self.files[new]))

    def unlink(self, name):
        if self.files.pop(name, None) is not None:
            self.pending.append((name, None))

    def flush_folder(self, folder):
        done = [p for p in self.pending if os.path.dirname(p[0]) == folder]
        self.pending = [p for p in self.pending if p not in done]
        self.apply(self.names, done)

    @staticmethod
    def apply(names, changes):
        for change in changes:
            for name, file in zip(change[::2], change[1::2]):
                if file is None:
                    names.pop(name, None)
                else:
                    names[name] = file

    def after_cut(self):
        """All that may be found: of the pending changes none, all, each alone, all but each."""
        n = len(self.pending)
        kept = [[], range(n), *([i] for i in range(n)), *([j for j in range(n) if j != i] for i in range(n))]
        for some in kept:
            names = dict(self.names)
            self.apply(names, [self.pending[i] for i in some])
            yield {name: file[0] if isinstance(file, list) else file for name, file in names.items()}


class PowerCut(Case):
    def check(self, name):
        given, old, new = self.prepare(name)
        self.reset()
        disk, log = Disk(self.out), self.box.path / "calls"
        log.unlink(missing_ok=True)
        self.assertEqual(self.run_with({"FAULT_LOG": log, "FAULT_IN": given["method"]}, "--overwrite", **given).returncode, 0)
        seen = set()
        for line in log.read_text().splitlines():
            number, call, path, more = line.split("\t")
            content = pathlib.Path(f"{log}.{number}")
            if call == "open":
                disk.open(path)
            elif call == "fsync":
                disk.flush_file(path, content.read_bytes()) if content.exists() else disk.flush_folder(path)
            elif call == "rename":
                disk.rename(path, more)
            elif call == "unlink":
                disk.unlink(path)
            for found in disk.after_cut():
                self.tried += 1
                state = frozenset((n, hashlib.sha256(c).digest()) for n, c in found.items() if not n.endswith((".tmp", "run.lock")))
                if state in seen:
                    continue
                seen.add(state)
                shutil.rmtree(self.out)
                self.out.mkdir()
                for file, text in found.items():
                    pathlib.Path(file).parent.mkdir(exist_ok=True)
                    pathlib.Path(file).write_bytes(text)
                what = f"{name}: power is cut after {line}: {sorted(found)}"
                self.check_read(old, new, what)
                self.check_resumed(given, new, what)
        self.assertEqual({n: c for n, c in disk.after_cut().__next__().items() if not n.endswith(("run.lock", "run.safetensors"))},
                         {str(self.out / n): c for n, c in new.items()}, "at the end all is on the disk")

    def test_adapter(self):
        self.check("lora")

    def test_other_files(self):
        for name in ("lora over our own", "our own over lora", "export"):
            self.check(name)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    if WHOLE:
        sys.argv.remove("--whole")
    ProgramCase.program, FAULTS = sys.argv.pop(1), pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
