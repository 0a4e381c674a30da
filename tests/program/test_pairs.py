# SPDX-License-Identifier: Apache-2.0
"""The table of methods and families: what is not there gives the compiler's own reason.   test_pairs.py PROGRAM [unittest options]
With --all every other pair is built, and trained two steps on a tiny checkpoint (half an hour):   test_pairs.py PROGRAM --all"""
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import files
from sandbox import ROOT, TINY, Sandbox, held

PROGRAM = None
FRONT = ROOT / "examples/finetune/front"
CHECKPOINTS = {"bert": "tiny-bert", "distilbert": "tiny-distilbert", "roberta": "tiny-roberta", "deberta-v2": "tiny-deberta-v3",
               "t5": "tiny-t5-v1.1", "gpt2": "tiny-gpt2", "llama": "tiny-llama"}
WRITERS = {"t5", "gpt2", "llama"}
SETTINGS = {"lst": ["reduction=4", "heads=2"], "side-tuning": ["reduction=4", "heads=2"], "compacter": ["n=2", "reduction=4"],
            "low-rank-adapter": ["reduction=4"], "pfeiffer": ["reduction=4"], "mam": ["length=3", "inner=4", "width=5"], "prefix": ["length=3", "inner=4"],
            "p-tuning-v2": ["length=3"], "p-tuning": ["length=3"], "prompt": ["length=3"], "read": ["width=4"], "sora-schedule": ["steps=1"]}


def families():
    """Family -> its type in the library."""
    return dict(re.findall(r'\{\.name = "([^"]+)", \.type = "([^"]+)"', (FRONT / "families.hpp").read_text()))


def methods():
    return re.findall(r'\{\.name = "([^"]+)"', (FRONT / "methods.hpp").read_text())


def absent():
    """(method, family) -> why it makes no sense."""
    text = (FRONT / "pairs.hpp").read_text()
    reasons = {name: "".join(re.findall(r'"([^"]*)"', value)) for name, value in re.findall(r'(\w+) =\s+((?:"[^"]*"\s*)+)[,;]', text)}
    rows = re.findall(r'^ +\{"([^"]+)", \{"([^"]+)"\}, (\w+)\}', text, re.MULTILINE)
    return {(method, family): reasons[why] for method, those, why in rows for family in those.split()}


class Absent(unittest.TestCase):
    def test_the_compiler_says_so(self):
        flags = PROGRAM.parents[1] / "flags.txt"
        if not flags.exists():
            self.skipTest("this build is not the host's")
        pairs, seen = absent(), set()
        self.assertGreater(len(pairs), 0)
        for (method, family), reason in pairs.items():
            if (method, reason) in seen:
                continue
            seen.add((method, reason))
            kind = families()[family]
            source = f'#include <peft/model/{kind.lower()}.hpp>\n#include "methods/{method.replace("-", "_")}.hpp"\n' \
                     f'int (*unit)(const Job&) = run_method<peft::{kind}<float>>;\n'
            with self.subTest(method=method, family=family), tempfile.NamedTemporaryFile("w", suffix=".cpp") as file:
                file.write(source)
                file.flush()
                done = subprocess.run(["c++", *flags.read_text().splitlines(), "-w", "-fsyntax-only", f"-I{FRONT.parent}", file.name], capture_output=True, text=True)
                errors = [line.split("error: ")[1] for line in done.stderr.splitlines() if "error: " in line]
                self.assertTrue(errors and reason in errors[0], errors[:1] or "it compiles")

    def test_the_front_says_so(self):
        box = Sandbox(PROGRAM)
        self.addCleanup(box.holder.cleanup)
        for (method, family), reason in absent().items():
            done = box.run(model=TINY.parent / CHECKPOINTS[family], method=method, task="pairs" if family in WRITERS else "csv")
            self.assertEqual(done.returncode, 1)
            self.assertIn(reason, done.stderr)


class All(unittest.TestCase):
    """Every pair that makes sense, built and trained two steps."""

    def test_trains(self):
        build, missing = PROGRAM.parents[1], absent()
        pairs = [(m, f) for m in methods() for f in families() if (m, f) not in missing]
        subprocess.run(["cmake", "--build", build, "--target", "finetune", "finetune_all"], check=True)
        self.assertEqual(held(PROGRAM), sorted(pairs))
        box = Sandbox(PROGRAM, train=16)
        self.addCleanup(box.holder.cleanup)
        for family, name in CHECKPOINTS.items():
            made = files.copy(name, box.path / family)
            if family in WRITERS:
                files.write_json(made / "tokenizer.json", files.unigram(["<pad>", "</s>", "<unk>"]))
            elif not (made / "vocab.txt").exists():
                files.write_json(made / "tokenizer.json", files.unigram(["[PAD]", "[CLS]", "[SEP]", "<unk>"], (["[CLS]"], ["[SEP]"])))
        files.pair_data(box.path / "pairs", train=16, dev=6)
        for method, family in pairs:
            with self.subTest(method=method, family=family):
                given = {"model": family, "method": method, "epochs": 1, "workers": 1, "max_length": 24, "json": "run.json"}
                if family in WRITERS:
                    given |= {"task": "pairs", "data": "pairs", "max_new_tokens": 3}
                done = box.run(*(word for s in SETTINGS.get(method, []) for word in ("--set", s)), **given)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertGreaterEqual(box.json("run.json")["steps"], 2)
        print(f"{len(pairs)} of {len(pairs) + len(missing)} pairs of method and family; not:")
        for (method, family), reason in missing.items():
            print(f"  {method} on {family}: {reason}")


if __name__ == "__main__":
    PROGRAM = pathlib.Path(sys.argv.pop(1)).resolve()
    everything = "--all" in sys.argv
    sys.argv = [word for word in sys.argv if word != "--all"] + ["All" if everything else "Absent"] * (len(sys.argv) == 1 + everything)
    unittest.main()
