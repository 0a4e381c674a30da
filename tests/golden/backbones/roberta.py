# SPDX-License-Identifier: Apache-2.0
"""RoBERTa: positions begin after the padding's id; its head is a dense layer, tanh, and an output layer, both always trained."""
import torch
from transformers import RobertaConfig, RobertaForSequenceClassification

from . import batches
from .methods import IA3, BitFit, Full, Head, Lora, Prompt
from .tasks import Classify
from .variant import Variant, random

LENGTHS = ([2, 40, 17, 9, 5, 23, 12], [7, 11, 3, 30, 2, 19, 26], [15, 6, 38, 8, 21, 4, 10], [33, 14, 2, 25, 18, 9, 3],
           [5, 28, 13, 40, 7, 16, 22])


def config(**changes):
    return RobertaConfig(**{**dict(
        vocab_size=96, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, hidden_act="gelu",
        max_position_embeddings=46, type_vocab_size=1, layer_norm_eps=1e-5, num_labels=3, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0, bos_token_id=0, pad_token_id=1, eos_token_id=2,
        attn_implementation="eager"), **changes})


def scale(name, p):
    if name.endswith("LayerNorm.weight"):
        return 1.0, 0.1
    if name.endswith("bias"):
        return 0.0, 0.05
    if "embeddings" in name:
        return 0.0, 0.4
    return 0.0, (2.0 if "out_proj" in name else 1.3) / p.shape[1] ** 0.5


def bare(tensors):
    """A RobertaModel's file: no `roberta.`, no classifier; a pooler that classification does not read, old versions' buffer."""
    of_model = {k.removeprefix("roberta."): v for k, v in tensors.items() if k.startswith("roberta.")}
    positions, width = of_model["embeddings.position_embeddings.weight"].shape
    draw = random(77)
    of_model |= {"pooler.dense.weight": torch.randn(width, width, generator=draw),
                 "pooler.dense.bias": torch.randn(width, generator=draw),
                 "embeddings.position_ids": torch.arange(positions).unsqueeze(0)}
    return of_model, "RobertaModel"


def variant(folder, seed, methods, stored=None, **changes):
    made = config(**changes)
    draw = random(10 + seed)
    return Variant(
        folder, RobertaForSequenceClassification, made, scale, Classify(),
        [batches.classify(n, draw, made.num_labels, ids=(4, 96), first=0, last=2, types=1) for n in LENGTHS],
        methods, seed, head=("classifier.",), stored=stored,
        places={"lora": ["query", "value"], "prompt": "roberta.embeddings.prompt"})


def variants():
    every = {"head": Head, "lora": Lora, "bitfit": BitFit, "full": Full, "ia3": IA3, "prompt": Prompt}
    return [variant("tiny-roberta", 1, every),
            variant("tiny-roberta-bare", 2, {"head": Head, "lora": Lora, "full": Full}, stored=bare, hidden_size=30,
                    num_attention_heads=5, intermediate_size=50, num_labels=1)]
