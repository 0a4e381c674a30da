# SPDX-License-Identifier: Apache-2.0
"""Loads a LoRA adapter into Hugging Face PEFT and compares its logits with the backbone merged by hand.

usage: peft_roundtrip.py ADAPTER BASE [--tolerance 1e-5]

ADAPTER is a folder with adapter_config.json and adapter_model.safetensors, BASE the folder of a
BertForSequenceClassification checkpoint. By hand means: W += alpha / rank * B A from the tensors and the config, read
with safetensors and json alone. Prints the maximum difference; the exit status is 1 when it is above the tolerance, when
PEFT warns of keys, or when PEFT adapts other modules than the file holds.
"""
import argparse
import json
import pathlib
import re
import sys
import warnings

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification

PREFIX = "base_model.model."


def pattern_value(patterns, path, otherwise):
    for key, value in (patterns or {}).items():
        if re.match(rf"(.*\.)?({key})$", path):
            return value
    return otherwise


def merged_by_hand(model, folder):
    """Adds every LoRA product to its weight and replaces the head's tensors; returns the paths of the modules."""
    config = json.loads((folder / "adapter_config.json").read_text())
    tensors = load_file(folder / "adapter_model.safetensors")
    parameters = dict(model.named_parameters())
    paths = set()
    with torch.no_grad():
        for name, tensor in tensors.items():
            name = name.removeprefix(PREFIX)
            if name.endswith(".lora_A.weight"):
                path = name.removesuffix(".lora_A.weight")
                b = tensors[f"{PREFIX}{path}.lora_B.weight"]
                alpha = pattern_value(config.get("alpha_pattern"), path, config["lora_alpha"])
                root = config.get("use_rslora", False)
                scale = alpha / (tensor.shape[0] ** 0.5 if root else tensor.shape[0])
                parameters[f"{path}.weight"] += scale * (b.double() @ tensor.double()).float()
                paths.add(path)
            elif ".lora_B." not in name:
                parameters[name].copy_(tensor)
    return paths


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("adapter", type=pathlib.Path)
    parser.add_argument("base", type=pathlib.Path)
    parser.add_argument("--tolerance", type=float, default=1e-5)
    args = parser.parse_args()

    tensors = load_file(args.adapter / "adapter_model.safetensors")
    head = tensors.get(f"{PREFIX}classifier.weight")
    options = {} if head is None else {"num_labels": head.shape[0]}
    torch.manual_seed(0)
    by_hand = AutoModelForSequenceClassification.from_pretrained(args.base, **options).eval()
    torch.manual_seed(0)
    base = AutoModelForSequenceClassification.from_pretrained(args.base, **options).eval()
    base.load_state_dict(by_hand.state_dict())  # also a head that was made anew

    ids = torch.randint(0, base.config.vocab_size, (4, 12))
    untouched = base(input_ids=ids).logits
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        peft = PeftModel.from_pretrained(base, args.adapter).eval()
    complaints = [str(w.message) for w in caught if "key" in str(w.message)]
    adapted = {
        re.sub(r"\.lora_A\.default\.weight$", "", n).removeprefix(PREFIX)
        for n, _ in peft.named_parameters()
        if ".lora_A." in n
    }
    paths = merged_by_hand(by_hand, args.adapter)
    with torch.no_grad():
        difference = (peft(input_ids=ids).logits - by_hand(input_ids=ids).logits).abs().max().item()
        moved = (by_hand(input_ids=ids).logits - untouched).abs().max().item()
    print(f"modules {len(paths)}  logits moved by the adapter {moved:.3g}  maximum difference {difference:.3g}")
    for text in complaints:
        print(f"PEFT warns: {text}", file=sys.stderr)
    if adapted != paths:
        print(f"PEFT adapts other modules than the file holds: {sorted(adapted ^ paths)}", file=sys.stderr)
    return int(difference > args.tolerance or bool(complaints) or adapted != paths)


if __name__ == "__main__":
    sys.exit(main())
