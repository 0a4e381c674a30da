# SPDX-License-Identifier: Apache-2.0
"""What --out holds is what was trained: every method on every family is trained with settings of its own, and loaded again without naming
them: the same predictions, byte for byte.

    test_saved.py PROGRAM [unittest options]
"""
import concurrent.futures
import os
import shutil
import subprocess
import sys
import unittest

import files
from sandbox import TINY, Sandbox, held

PROGRAM = None
CHECKPOINTS = {"bert": "tiny-bert", "distilbert": "tiny-distilbert", "roberta": "tiny-roberta", "deberta-v2": "tiny-deberta-v3",
               "t5": "tiny-t5-v1.1", "gpt2": "tiny-gpt2", "llama": "tiny-llama"}
WRITERS = {"t5", "gpt2", "llama"}
# Other than the standard ones, and small. A second list: another form of the method.
SETTINGS = {
    "adalora": [["rank=2", "first-rank=4", "alpha=5", "tinit=0", "tfinal=0"]],
    "adapter": [["width=3", "drop-layers=1", "embedding-norm=1"]],
    "compacter": [["n=2", "rank=2", "reduction=4", "shared-rule=0"]],
    "diff-prune": [["structured=0", "fraction=0.1", "prune-at=1"], ["counts=released", "prune-at=0"]],
    "dora": [["scaling=rs"]],
    "lora": [["scaling=rs", "start=gaussian"]],
    "low-rank-adapter": [["rank=2", "reduction=4"]],
    "lst": [["reduction=4", "heads=2", "layers=1,2", "temperature=0.3", "output=add"], ["start=random", "reduction=2"]],
    "mam": [["length=3", "inner=4", "width=5", "scale=2"]],
    "p-tuning": [["length=3", "encoder=mlp", "inner=5"], ["length=2", "layers=1", "inner=4"]],
    "p-tuning-v2": [["length=3", "init=normal"]],
    "parallel-adapter": [["drop-layers=1", "width=5", "scale=2"]],
    "pasta": [["adapt=no-separators"], ["adapt=no-class", "specials=3"]],
    "pfeiffer": [["form=seq_bn", "reduction=8"], ["reduction=4", "drop-layers=1"]],
    "prefix": [["length=3", "inner=4"], ["length=3", "encoder=none", "init=normal"]],
    "prompt": [["length=3", "init=normal"]],
    "read": [["width=4", "cell=lstm", "output_deviation=0.1"]],
    "side-tuning": [["reduction=4", "heads=2", "depth=1", "alpha0=1", "blend=fixed"], ["start=pruned"]],
    "sora": [["rank=3", "alpha=5", "sparsity=30", "gates=ones"]],
    "sora-schedule": [["rank=3", "alpha=5", "xi-first=0.1", "xi-last=0.9", "steps=2", "step-epochs=1"]],
    "vera": [["rank=5", "d=0.3", "projection=7"]],
}
READ_ON = {"bert": [["variant=gated", "width=4", "norm_after=1"], ["variant=layers", "width=4"]],
           "t5": [["variant=full", "width=4", "cell=rnn"], ["variant=gated", "width=4"], ["variant=layers", "width=4"]]}


class Saved(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = Sandbox(PROGRAM, train=16)
        cls.addClassCleanup(cls.box.holder.cleanup)
        for family, folder in CHECKPOINTS.items():
            if family == "bert":
                shutil.copytree(TINY, cls.box.path / family)
                continue
            made = files.copy(folder, cls.box.path / family)
            if family in WRITERS:
                files.write_json(made / "tokenizer.json", files.unigram(["<pad>", "</s>", "<unk>"]))
            else:
                files.write_json(made / "tokenizer.json", files.unigram(["[PAD]", "[CLS]", "[SEP]", "<unk>"], (["[CLS]"], ["[SEP]"])))
        files.pair_data(cls.box.path / "pairs", train=16, dev=6)

    def options(self, family):
        options = {"model": family, "max_length": 24, "workers": 1}
        return options | ({"task": "pairs", "data": "pairs", "max_new_tokens": 3} if family in WRITERS else {})

    def trained_and_loaded(self, method, family, settings, name):
        """Complaints of the pair, none where all is well."""
        own = [word for setting in settings for word in ("--set", setting)]
        rank = ["--rank", "3", "--alpha", "5"] if method in ("lora", "dora") else []
        common = self.options(family) | {"method": method}
        first = self.box.run(*own, *rank, **common | {"epochs": 1, "lr": 0.03, "out": name, "predict": f"{name}.1", "json": f"{name}.1.json"})
        if first.returncode:
            return [f"{name}: {first.stderr}"]
        again = self.box.run(**common | {"epochs": 0, "seed": 7, "load": name, "predict": f"{name}.2", "json": f"{name}.2.json"})
        if again.returncode:
            return [f"{name}, loaded: {again.stderr}"]
        complaints = [f"{name}: the predictions are others"] if not self.same(f"{name}.1", f"{name}.2") else []
        scores = [self.box.json(f"{name}.{k}.json")["scores"] for k in (1, 2)]
        if scores[0] != scores[1]:
            complaints.append(f"{name}: scores {scores[0]}, loaded {scores[1]}")
        if family not in WRITERS and self.same(f"{name}.2", f"{family}.0"):
            complaints.append(f"{name}: nothing was learnt")
        return complaints

    def same(self, one, other):
        return (self.box.path / one).read_bytes() == (self.box.path / other).read_bytes()

    def test_every_method_on_every_family(self):
        jobs = []
        for method, family in held(self.box.program):
            forms = SETTINGS.get(method, [[]]) + (READ_ON.get(family, []) if method == "read" else [])
            jobs += [(method, family, settings, f"{family}-{method}-{k}") for k, settings in enumerate(forms)]
        for family in {family for _, family, *_ in jobs} - WRITERS:
            self.assertEqual(self.box.run(**self.options(family) | {"method": "head", "epochs": 0, "predict": f"{family}.0"}).returncode, 0)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            complaints = [c for found in pool.map(lambda job: self.trained_and_loaded(*job), jobs) for c in found]
        print(f"{len(jobs)} of {len(held(self.box.program))} pairs of method and family", file=sys.stderr)
        self.assertEqual(complaints, [], "\n".join(complaints))

    def test_a_head_with_its_own_pooler_goes_onto_a_checkpoint_with_one(self):
        bare = files.copy("tiny-bert", self.box.path / "bare")
        files.change_tensors(bare, lambda tensors: {n: t for n, t in tensors.items() if "pooler" not in n})
        for method in {"bitfit", "sora"} & {method for method, family in held(self.box.program) if family == "bert"}:
            common = self.options("bert") | {"method": method}
            for name, changes in (("1", {"model": "bare", "epochs": 1, "lr": 0.03, "out": f"{method}-bare"}), ("2", {"epochs": 0, "load": f"{method}-bare"})):
                done = self.box.run(**common | changes | {"predict": f"{method}-bare.{name}"})
                self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue(self.same(f"{method}-bare.1", f"{method}-bare.2"))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)
