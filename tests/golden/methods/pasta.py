# SPDX-License-Identifier: Apache-2.0
"""PASTA on a tiny BERT: a forward pre-hook of every layer adds one vector to each special token."""
import torch

from recipe import Recipe, padded

CLS, SEP = 2, 3
SPECIALS = 3


class Pasta(Recipe):
    """`row` names the vector of the p-th special token of a sequence, None for none."""
    lr = 1e-3

    def __init__(self, adapted, vectors, row):
        self.adapted, self.vectors, self.row = adapted, vectors, row

    def attach(self, model):
        self.model = model
        random = torch.Generator().manual_seed(211)
        width = model.config.hidden_size
        trained = {}
        for i, layer in enumerate(model.bert.encoder.layer):
            start = 0.5 * torch.randn(self.vectors, width, generator=random)
            layer.special_tokens = torch.nn.Embedding(self.vectors, width, _weight=start)
            layer.register_forward_pre_hook(self.add)
            trained[f"bert.encoder.layer.{i}.special_tokens.weight"] = layer.special_tokens.weight
        return trained | {f"classifier.{k}": p for k, p in model.classifier.named_parameters()}

    def add(self, layer, inputs):
        rows = self.rows.clamp(min=0)
        vectors = layer.special_tokens(rows) * (self.rows >= 0).unsqueeze(-1)
        return (inputs[0] + vectors, *inputs[1:])

    def logits(self, batch):
        inputs = padded(batch)
        ids = inputs["input_ids"]
        special = (ids == CLS) | (ids == SEP)
        order = special.cumsum(1) - 1
        self.rows = torch.full_like(ids, -1)
        for p in range(SPECIALS):
            if self.row(p) is not None:
                self.rows[special & (order == p)] = self.row(p)
        return self.model(**inputs).logits

    def about(self):
        return {"method": "PASTA", "adapted": self.adapted, "specials": SPECIALS}


RECIPES = {
    "pasta": lambda: Pasta("each", 3, lambda p: p),
    "pasta_no_class": lambda: Pasta("no class token", 2, lambda p: p - 1 if p > 0 else None),
    "pasta_no_separators": lambda: Pasta("no separators", 1, lambda p: 0 if p == 0 else None),
    "pasta_shared": lambda: Pasta("shared", 1, lambda p: 0),
}
