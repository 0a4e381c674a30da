# SPDX-License-Identifier: Apache-2.0
"""LoRA's family and (IA)^3 in PEFT's hands and back: equal logits to 1e-5.   test_adapters.py BUILD [unittest options]"""
import pathlib
import sys
import unittest
import warnings

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import numpy  # noqa: E402
import test_roundtrip  # noqa: E402
import torch  # noqa: E402
from peft import AdaLoraConfig, IA3Config, LoraConfig, VeraConfig, get_peft_model  # noqa: E402
from test_roundtrip import GOLDEN, RoundTrip, roundtrip, write_mnli  # noqa: E402
from transformers import logging  # noqa: E402

# The program's method, what it is given, and what PEFT is told.
QV = ["query", "value"]
THEIRS = {
    "dora": ("dora", lambda: LoraConfig(task_type="SEQ_CLS", r=4, lora_alpha=6, target_modules=QV, use_dora=True)),
    "dora, every matrix": ("dora", lambda: LoraConfig(
        task_type="SEQ_CLS", r=4, lora_alpha=6, target_modules=["query", "dense"], exclude_modules=["pooler.dense"], use_dora=True,
        use_rslora=True, rank_pattern={"output.dense": 2})),
    "rslora": ("lora", lambda: LoraConfig(task_type="SEQ_CLS", r=5, lora_alpha=3, target_modules=QV, use_rslora=True)),
    "vera": ("vera", lambda: VeraConfig(task_type="SEQ_CLS", r=9, target_modules=["key", "intermediate.dense", "output.dense"])),
    "vera without projections": ("vera", lambda: VeraConfig(
        task_type="SEQ_CLS", r=9, target_modules=["key", "intermediate.dense"], save_projection=False, projection_prng_key=5)),
    "ia3": ("ia3", lambda: IA3Config(task_type="SEQ_CLS", target_modules=r".*(key|value|\d\.output\.dense)",
                                     feedforward_modules=r".*\d\.output\.dense")),
    "ia3 as PEFT has it": ("ia3", lambda: IA3Config(task_type="SEQ_CLS")),
    "lora, all biases": ("lora", lambda: LoraConfig(task_type="SEQ_CLS", r=3, target_modules=QV, bias="all")),
    "lora, its biases": ("lora", lambda: LoraConfig(task_type="SEQ_CLS", r=3, target_modules=r".*\.(?:query|value)\b(?!x)", bias="lora_only")),
    "lora, a table": ("lora", lambda: LoraConfig(task_type="SEQ_CLS", r=3, target_modules=["query", "word_embeddings"])),
    "lora, whole modules": ("lora", lambda: LoraConfig(task_type="SEQ_CLS", r=3, target_modules=QV, modules_to_save=["embeddings.LayerNorm", "position_embeddings"])),
    "lora, token rows": ("lora", lambda: LoraConfig(task_type="SEQ_CLS", r=3, target_modules=QV, trainable_token_indices=[7, 3, 60])),
    "lora, patterns in order": ("lora", lambda: LoraConfig(
        task_type="SEQ_CLS", r=3, target_modules="all-linear", alpha_pattern={"layer.0.*": 1, "query": 30, "self.query": 2},
        rank_pattern={r"layer\.[12]\..*": 2, "value": 5})),
    "lora, some layers": ("lora", lambda: LoraConfig(task_type="SEQ_CLS", r=3, target_modules=["query", "output.dense"], layers_to_transform=[0, 2])),
    "adalora": ("adalora", lambda: AdaLoraConfig(task_type="SEQ_CLS", init_r=4, target_r=2, total_step=4, tinit=0, tfinal=1,
                                                 lora_alpha=9, target_modules=["query", "output.dense"])),
}
OURS = {
    "dora": {},
    "dora, every matrix": {"method": "dora", "sites": "attn.*,ff.*,pooler", "set": "scaling=rs"},
    "dora, norm differentiated": {"method": "dora", "set": "norm=differentiated"},
    "rslora": {"method": "lora", "rank": 5, "set": "scaling=rs"},
    "lora+": {"method": "lora", "set": "lora-plus=4"},
    "lora, gaussian start": {"method": "lora", "set": "start=gaussian"},
    "vera": {"method": "vera", "sites": "attn.q,ff.*", "set": "rank=20", "lr": "3e-2"},
    "ia3": {},
    "adalora": {"rank": 2, "batch": 16},
}


def stir(model):
    """Away from where a method begins: there most do nothing."""
    random = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            noise = torch.randn(p.shape, generator=random)
            if "classifier" in name and p.requires_grad:
                p.copy_(0.2 * noise)
            elif p.requires_grad:
                p.copy_(p * (1 + 0.2 * noise) + (0 if "magnitude" in name or "ia3" in name else 0.1) * noise)


class Adapters(RoundTrip, unittest.TestCase):
    model, task, max_length, sparsity = GOLDEN / "data" / "tiny-bert", "mnli", 48, 25
    write = staticmethod(write_mnli)
    test_our_lora_in_peft = test_pruned_sora_in_peft = test_modules_left_out_in_peft = None
    test_pefts_lora_in_ours = test_our_export_in_transformers = None

    def test_ours_in_peft(self):
        for what, options in OURS.items():
            with self.subTest(what):
                folder = "ours-" + what.replace(" ", "-").replace(",", "")
                self.ours(epochs=2, out=folder, predict="ours.tsv", **({"method": what} | options))
                self.adapter(f"our {what} in PEFT", folder, "ours.tsv")
                # And in our own hands again.
                method = options.get("method", what)
                self.ours(method=method, epochs=0, load=self.path / folder, predict="again.tsv")
                self.judge(f"our {what} in ours", roundtrip.read_logits(self.path / "ours.tsv"), "again.tsv")

    def test_theirs_in_ours(self):
        for what, (method, config) in THEIRS.items():
            with self.subTest(what):
                torch.manual_seed(3)
                out = self.path / ("theirs-" + what.replace(" ", "-").replace(",", ""))
                model = get_peft_model(roundtrip.classifier(self.model, self.task), config())
                stir(model)
                if method == "adalora":
                    self.allocate(model)
                model.save_pretrained(out)
                theirs = roundtrip.predict(model, self.model, self.arguments())
                with model.disable_adapter():
                    moved = numpy.abs(theirs - roundtrip.predict(model, self.model, self.arguments())).max()
                self.assertGreater(moved, 0.01)
                self.ours(method=method, epochs=0, load=out, predict="ours.tsv")
                self.judge(f"PEFT's {what} in ours", theirs, "ours.tsv")

    def allocate(self, model):
        """Steps of PEFT's allocator, on gradients of random numbers."""
        random = torch.Generator().manual_seed(5)
        for step in (1, 2, 3, 4):
            for p in model.parameters():
                if p.requires_grad:
                    p.grad = torch.randn(p.shape, generator=random)
            model.base_model.update_and_allocate(step)
        kept = [sum(pattern) for pattern in model.peft_config["default"].rank_pattern.values()]
        self.assertLess(sum(kept), 4 * len(kept))
        self.assertGreater(len(set(kept)), 1)

    def test_merged_in_transformers(self):
        from transformers import AutoModelForSequenceClassification
        for method in ("dora", "vera"):
            self.ours(method=method, epochs=1, export=f"exported-{method}", predict="exported.tsv")
            folder = self.path / f"exported-{method}"
            model = AutoModelForSequenceClassification.from_pretrained(folder)
            self.judge(f"our {method}, merged, in transformers", roundtrip.predict(model, folder, self.arguments()), "exported.tsv")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    test_roundtrip.PROGRAM = pathlib.Path(sys.argv.pop(1)).resolve() / "examples" / "finetune"
    if not test_roundtrip.PROGRAM.exists():
        print(f"skipped: {test_roundtrip.PROGRAM} is not built")
        sys.exit(77)
    logging.set_verbosity_error()
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", message=".*save_projection|Specified to not save.*")
    unittest.main()
