# SPDX-License-Identifier: Apache-2.0
"""Makes the golden files of the backbones other than BERT.

    python tests/golden/backbones/write.py [ARCHITECTURE...]       rewrites their folders of tests/golden/data (committed)
    python tests/golden/backbones/write.py --real DIR OUT          what the downloaded checkpoints in DIR compute (not committed)

The environment, the seeds and the tensors are those of make.py, which the README describes.
"""
import argparse
import importlib
import json
import pathlib
import sys

import torch
from safetensors.torch import save_file
from transformers import logging

GOLDEN = pathlib.Path(__file__).resolve().parents[1]
sys.path[0] = str(GOLDEN)  # this folder is a package
from backbones import generate, real  # noqa: E402
from make import BETAS, DECAY, EPS, compute  # noqa: E402

ARCHITECTURES = ("roberta", "deberta", "distilbert", "llama", "gpt2", "t5")


def rounding(single, double):
    """How far fp32 is from fp64, by kind of tensor. Where the gradient is all but zero AdamW makes moves out of noise: apart."""
    worst = {}
    for name, a in single.items():
        kind = name.split(".")[0]
        if kind == "init":
            continue
        difference = (a.double() - double[name]).abs()
        if kind in ("loss", "losses"):
            difference = difference / double[name].abs()
        if kind == "after5":
            noise = double["grad" + name.removeprefix(kind)].abs() < 1e-6
            if noise.any():
                key = "after5 (no gradient)"
                worst[key] = max(worst.get(key, 0.0), difference[noise].max().item())
            difference = difference[~noise]
        if difference.numel():
            worst[kind] = max(worst.get(kind, 0.0), difference.max().item())
    return ", ".join(f"{k} {v:.0e}" for k, v in worst.items())


def without_gradient(double):
    """Parameters, all of whose gradient is noise: every score of a row gets the same."""
    return [k.removeprefix("grad.") for k, v in double.items() if k.startswith("grad.") and v.abs().max() < 1e-12]


def golden(path, variant, make_recipe):
    results = []
    for dtype in (torch.float32, torch.float64):
        recipe = make_recipe(variant)
        trainable = recipe.attach(variant.model())
        recipe.model.eval().to(dtype)
        results.append(compute(recipe, trainable, variant.batches))
    single, double = results
    gradients = [v.abs().max().item() for k, v in double.items() if k.startswith("grad.")]
    print(f"  {path.parent.name}/{path.name}: largest gradient {max(gradients):.2g}, logits to "
          f"{single['logits'].abs().max():.2g}, loss {single['loss'].item():.3g}; "
          f"fp32 against fp64: {rounding(single, double)}")
    if without_gradient(double):
        print("    no gradient:", *without_gradient(double))
    for i, batch in enumerate(variant.batches):
        prefix = "batch" if i == 0 else f"batch{i - 1}"
        single |= {f"{prefix}.{k}": v for k, v in batch.items()}
    about = recipe.about() | dict(lr=recipe.lr, beta1=BETAS[0], beta2=BETAS[1], eps=EPS, weight_decay=DECAY)
    save_file({k: v.contiguous() for k, v in single.items()}, path, metadata={"golden": json.dumps(about, sort_keys=True)})


def tiny(architecture):
    for variant in importlib.import_module(f"backbones.{architecture}").variants():
        folder = GOLDEN / "data" / variant.folder
        variant.write(folder)
        for name, make_recipe in variant.methods.items():
            golden(folder / f"{name}.safetensors", variant, make_recipe)
        if "generate" in variant.places:
            generate.write(folder, variant)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("architectures", nargs="*", metavar="ARCHITECTURE", help=" ".join(ARCHITECTURES))
    parser.add_argument("--real", nargs=2, type=pathlib.Path, metavar=("DIR", "OUT"))
    arguments = parser.parse_args()
    logging.set_verbosity_error()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    if arguments.real:
        real.write(*arguments.real, arguments.architectures or real.MODELS)
    else:
        for architecture in arguments.architectures or ARCHITECTURES:
            tiny(architecture)
