# SPDX-License-Identifier: Apache-2.0
"""GPT-2: learned positions, LayerNorm before each part, one matrix for queries, keys and values, matrices stored (in, out), a
tied output."""
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from . import batches
from .llama import LENGTHS
from .methods import IA3, BitFit, Full, Lora, Prefix, Prompt
from .tasks import Complete
from .variant import Variant, random

END = 2


def config(**changes):
    return GPT2Config(**{**dict(
        vocab_size=97, n_embd=24, n_layer=2, n_head=4, n_positions=48, activation_function="gelu_new", layer_norm_epsilon=1e-5,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=1, eos_token_id=END, attn_implementation="eager"),
        **changes})


def scale(name, p):
    if ".ln_" in name and name.endswith("weight"):
        return 1.0, 0.1
    if name.endswith("bias"):
        return 0.0, 0.1
    if "wte" in name or "wpe" in name:
        return 0.0, 0.3
    return 0.0, 1.3 / p.shape[0] ** 0.5


def bare(tensors):
    """A GPT2Model's file as the first ones were: no `transformer.`, and the masks among the tensors."""
    of_model = {k.removeprefix("transformer."): v for k, v in tensors.items()}
    mask = torch.tril(torch.ones(48, 48)).reshape(1, 1, 48, 48)
    of_model |= {f"h.{i}.attn.bias": mask.clone() for i in range(2)}
    return of_model, "GPT2LMHeadModel"


def variant(folder, seed, methods, stored=None, **changes):
    made = config(**changes)
    draw = random(40 + seed)
    places = {"lora": ["c_attn"], "prompt": "transformer.prompt", "prefix": ("transformer.h.{}.attn", made.n_embd)}
    if "prefix" in methods:
        places["generate"] = ["prefix", "prompt"]
    return Variant(folder, GPT2LMHeadModel, made, scale, Complete(),
                   [batches.complete(n, draw, ids=(3, 97), end=END) for n in LENGTHS], methods, seed, stored=stored,
                   places=places)


def variants():
    every = {"lora": Lora, "bitfit": BitFit, "full": Full, "ia3": IA3, "prompt": Prompt, "prefix": Prefix}
    return [variant("tiny-gpt2", 11, every),
            variant("tiny-gpt2-bare", 12, {"lora": Lora, "full": Full}, stored=bare, n_embd=30, n_head=5, n_inner=44)]
