# SPDX-License-Identifier: Apache-2.0
"""Virtual tokens in PEFT's files, both ways: equal logits to 1e-5.   test_prompts.py BUILD [unittest options]

BUILD is the build folder with examples/finetune in it. Prefix tuning, P-tuning v2, prompt tuning and P-tuning on the first
tiny checkpoint; what PEFT throws away is in our own file beside its own.
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import warnings

import torch

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import test_roundtrip as shared  # noqa: E402
from peft import PrefixTuningConfig, PromptEncoderConfig, PromptTuningConfig, get_peft_model  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from test_roundtrip import roundtrip  # noqa: E402
from transformers import logging  # noqa: E402

LENGTH = 5
OURS = {"prefix": ["encoder=mlp", "inner=7"], "prefix, no encoder": ["encoder=none"], "p-tuning-v2": [], "prompt": ["init=normal"],
        "p-tuning": ["encoder=lstm", "inner=6"], "p-tuning, an MLP": ["encoder=mlp", "inner=6"]}
THEIRS = {
    "prefix": PrefixTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=LENGTH, prefix_projection=True, encoder_hidden_size=7),
    "prefix, no encoder": PrefixTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=LENGTH),
    "p-tuning-v2": PrefixTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=LENGTH),
    "prompt": PromptTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=LENGTH),
    "p-tuning": PromptEncoderConfig(task_type="SEQ_CLS", num_virtual_tokens=LENGTH, encoder_hidden_size=6,
                                    encoder_reparameterization_type="LSTM"),
    "p-tuning, an MLP": PromptEncoderConfig(task_type="SEQ_CLS", num_virtual_tokens=LENGTH, encoder_hidden_size=6),
}


class Prompts(shared.RoundTrip, unittest.TestCase):
    model, task, max_length = shared.GOLDEN / "data" / "tiny-bert", "mnli", 40
    lr = "2e-2"
    write = staticmethod(shared.write_mnli)
    # Only what is below.
    test_our_lora_in_peft = test_pruned_sora_in_peft = test_modules_left_out_in_peft = None
    test_pefts_lora_in_ours = test_our_export_in_transformers = None

    def ours(self, what, sets, **named):
        given = {"method": what.split(",")[0], "model": self.model, "task": self.task, "data": self.data,
                 "max_length": self.max_length, "batch": 8, "lr": self.lr} | named
        line = [str(shared.PROGRAM)]
        for key, value in given.items():
            line += [f"--{key.replace('_', '-')}", str(value)]
        for one in sets:
            line += ["--set", one]
        done = subprocess.run(line, capture_output=True, text=True, cwd=self.path, timeout=600)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_ours_in_peft(self):
        for what, sets in OURS.items():
            with self.subTest(what):
                folder = what.replace(", ", "-").replace(" ", "-")
                self.ours(what, [f"length={LENGTH}", *sets], epochs=1, out=folder, predict="ours.tsv")
                self.adapter(f"our {what} in PEFT", folder, "ours.tsv")
                # And from both files again: the encoder's output, and the encoder.
                ours = roundtrip.read_logits(self.path / "ours.tsv")
                self.ours(what, [], epochs=0, load=folder, predict="again.tsv")
                self.judge(f"our {what} in ours", ours, "again.tsv")
                own = self.path / folder / "peft_delta.safetensors"
                if own.exists():
                    kept = {k.rpartition(".")[0] for k in load_file(own)}
                    encoders = {"prefix": "shared.prefix.hidden", "p-tuning": "bert.embeddings.prompt.lstm_head",
                                "p-tuning, an MLP": "bert.embeddings.prompt.mlp_head.4"}
                    if what in encoders:
                        self.assertIn(encoders[what], kept)
                    own.unlink()
                    self.ours(what, [], epochs=0, load=folder, predict="again.tsv")
                    self.judge(f"our {what} in ours, by PEFT's file", ours, "again.tsv")

    def test_pefts_in_ours(self):
        for what, config in THEIRS.items():
            with self.subTest(what):
                folder = self.path / ("theirs-" + what.replace(", ", "-").replace(" ", "-"))
                a = self.arguments()
                torch.manual_seed(5)
                model = get_peft_model(roundtrip.classifier(self.model, self.task), config)
                plain = roundtrip.predict(roundtrip.classifier(self.model, self.task), self.model, a)
                model.save_pretrained(folder)
                theirs = roundtrip.predict(model, self.model, a)
                self.assertGreater(abs(theirs - plain).max(), 1e-2)
                self.ours(what, [], epochs=0, load=folder, predict="ours.tsv")
                self.judge(f"PEFT's {what} in ours", theirs, "ours.tsv")
                # Trained on without the encoder, saved, and read by PEFT once more.
                self.ours(what, [], epochs=1, load=folder, out="further", predict="ours.tsv")
                self.adapter(f"PEFT's {what}, trained on by us, in PEFT", "further", "ours.tsv")
                self.ours(what, [], epochs=0, load="further", predict="again.tsv")
                self.judge("the same in ours", roundtrip.read_logits(self.path / "ours.tsv"), "again.tsv")
                shutil.rmtree(self.path / "further")

    def test_files_that_do_not_fit(self):
        folder = self.path / "sound"
        get_peft_model(roundtrip.classifier(self.model, self.task), THEIRS["prefix, no encoder"]).save_pretrained(folder)

        def refused(change, *parts):
            bad = self.path / "bad"
            shutil.rmtree(bad, ignore_errors=True)
            shutil.copytree(folder, bad)
            change(bad)
            line = [shared.PROGRAM, "--method", "prefix", "--model", self.model, "--task", self.task, "--data", self.data,
                    "--max-length", "40", "--epochs", "0", "--load", bad]
            done = subprocess.run([str(x) for x in line], capture_output=True, text=True, cwd=self.path, timeout=600)
            self.assertNotEqual(done.returncode, 0)
            for part in parts:
                self.assertIn(part, done.stderr)

        def set_key(key, value):
            def change(bad):
                config = json.loads((bad / "adapter_config.json").read_text()) | {key: value}
                (bad / "adapter_config.json").write_text(json.dumps(config))
            return change

        def cut(bad):
            tensors = load_file(bad / "adapter_model.safetensors")
            tensors["prompt_embeddings"] = tensors["prompt_embeddings"][:, 32:].contiguous()
            save_file(tensors, bad / "adapter_model.safetensors", {"format": "pt"})

        refused(set_key("num_virtual_tokens", 4), "prompt_embeddings", "(5, 192)", "(4, 192)")
        refused(set_key("num_virtual_tokens", 0), "num_virtual_tokens")
        refused(set_key("num_transformer_submodules", 2), "num_transformer_submodules")
        refused(set_key("peft_type", "PROMPT_TUNING"), "peft_type", "PREFIX_TUNING")
        refused(cut, "prompt_embeddings", "(5, 160)", "(5, 192)")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    shared.PROGRAM = pathlib.Path(sys.argv.pop(1)).resolve() / "examples" / "finetune"
    if not shared.PROGRAM.exists():
        print(f"skipped: {shared.PROGRAM} is not built")
        sys.exit(77)
    logging.set_verbosity_error()
    warnings.filterwarnings("ignore", category=FutureWarning)
    unittest.main()
