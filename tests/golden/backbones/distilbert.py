# SPDX-License-Identifier: Apache-2.0
"""DistilBERT: no types, no pooler; its head is a dense layer, ReLU, and an output layer, both always trained."""
import torch
from transformers import DistilBertConfig, DistilBertForSequenceClassification

from . import batches
from .methods import IA3, BitFit, Full, Head, Lora, Prompt
from .tasks import Classify
from .variant import Variant, random

LENGTHS = ([2, 40, 17, 9, 5, 23, 12], [7, 11, 3, 30, 2, 19, 26], [15, 6, 38, 8, 21, 4, 10], [33, 14, 2, 25, 18, 9, 3],
           [5, 28, 13, 40, 7, 16, 22])


def config(**changes):
    return DistilBertConfig(**{**dict(
        vocab_size=96, dim=32, n_layers=2, n_heads=4, hidden_dim=48, activation="gelu", max_position_embeddings=44, num_labels=3,
        dropout=0.0, attention_dropout=0.0, seq_classif_dropout=0.0, pad_token_id=0, attn_implementation="eager"), **changes})


def scale(name, p):
    if name.lower().replace("_", "").endswith("layernorm.weight"):
        return 1.0, 0.1
    if name.endswith("bias"):
        return 0.0, 0.05
    if "embeddings" in name:
        return 0.0, 0.4
    return 0.0, (2.0 if name.startswith("classifier") else 1.3) / p.shape[1] ** 0.5


def bare(tensors):
    """A DistilBertModel's file: no `distilbert.`, no classifier; what is left of masked words, old versions' buffer."""
    of_model = {k.removeprefix("distilbert."): v for k, v in tensors.items() if k.startswith("distilbert.")}
    positions, width = of_model["embeddings.position_embeddings.weight"].shape
    draw = random(77)
    of_model |= {"vocab_transform.weight": torch.randn(width, width, generator=draw),
                 "vocab_transform.bias": torch.randn(width, generator=draw),
                 "embeddings.position_ids": torch.arange(positions).unsqueeze(0)}
    return of_model, "DistilBertModel"


def variant(folder, seed, methods, stored=None, **changes):
    made = config(**changes)
    draw = random(10 + seed)
    return Variant(
        folder, DistilBertForSequenceClassification, made, scale, Classify(),
        [batches.classify(n, draw, made.num_labels, ids=(4, 96), first=2, last=3) for n in LENGTHS],
        methods, seed, head=("pre_classifier.", "classifier."), stored=stored,
        places={"lora": ["q_lin", "v_lin"], "prompt": "distilbert.embeddings.prompt",
                # PEFT knows neither DistilBERT's modules nor what its config calls the sizes.
                "ia3": dict(targets=["k_lin", "lin2", "v_lin"], feedforward=["lin2"]),
                "sizes": dict(token_dim=made.dim, num_layers=made.n_layers, num_attention_heads=made.n_heads)})


def variants():
    every = {"head": Head, "lora": Lora, "bitfit": BitFit, "full": Full, "ia3": IA3, "prompt": Prompt}
    return [variant("tiny-distilbert", 1, every),
            variant("tiny-distilbert-bare", 2, {"head": Head, "lora": Lora, "full": Full}, stored=bare, dim=30, n_heads=5,
                    hidden_dim=50, activation="relu", num_labels=1)]
