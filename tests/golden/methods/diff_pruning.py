# SPDX-License-Identifier: Apache-2.0
"""Diff pruning on a tiny BERT: three kinds of tensors become theta0 + z_group z d, gates taken without a sample."""
import math

import torch

from recipe import Recipe, padded

LOWER, UPPER, STRENGTH, GATE_FACTOR = -1.5, 1.6, 0.01, 10.0


def gate(alpha):
    return (torch.sigmoid(alpha) * (UPPER - LOWER) + LOWER).clamp(0, 1)


def chance(alpha):
    return torch.sigmoid(alpha - math.log(-LOWER / UPPER))


class DiffPruning(Recipe):
    def __init__(self, released, structured):
        self.released, self.structured = released, structured

    def attach(self, model):
        self.model = model
        random = torch.Generator().manual_seed(307)
        names = ["bert.embeddings.token_type_embeddings.weight"]
        for i in range(model.config.num_hidden_layers):
            layer = f"bert.encoder.layer.{i}."
            names += [layer + tensor for tensor in ("output.LayerNorm.weight", "output.LayerNorm.bias")]
        names += [f"bert.encoder.layer.1.attention.self.value.{tensor}" for tensor in ("weight", "bias")]
        tensors = dict(model.named_parameters())
        self.diffs, trained = {}, {}
        for number, name in enumerate(names):
            start = {"diff": 0.3 * torch.randn(tensors[name].shape, generator=random),
                     "alpha": 0.7 + 0.6 * torch.randn(tensors[name].shape, generator=random)}
            if self.structured:
                start["alpha_group"] = 0.3 + torch.rand(1, 1, generator=random)
            self.diffs[name] = {part: torch.nn.Parameter(value) for part, value in start.items()}
            for part, p in self.diffs[name].items():
                model.register_parameter(f"change_{number}_{part}", p)  # so that .to(dtype) finds it
                trained[f"{name}.{part}"] = p
        return trained | {f"classifier.{k}": p for k, p in model.classifier.named_parameters()}

    def changed(self):
        tensors = dict(self.model.named_parameters())
        for name, p in self.diffs.items():
            outer = gate(p["alpha_group"]) if self.structured else 1.0
            change = outer * gate(p["alpha"]) * p["diff"]
            yield name, tensors[name].detach() + change.reshape(tensors[name].shape)

    def logits(self, batch):
        return torch.func.functional_call(self.model, dict(self.changed()), kwargs=padded(batch)).logits

    def penalty(self):
        total = 0.0
        for p in self.diffs.values():
            own = chance(p["alpha"]).sum()
            if self.structured:
                group = chance(p["alpha_group"]).sum()
                own = own + group if self.released else own * group
            total = total + own
        return STRENGTH * total

    def decays(self, name):
        return "alpha" not in name and "LayerNorm" not in name and not name.endswith("bias.diff")

    def lr_factor(self, name):
        return GATE_FACTOR if "alpha" in name else 1.0

    def about(self):
        return {"method": "diff pruning", "released": self.released, "structured": self.structured, "lower": LOWER,
                "upper": UPPER, "lambda": STRENGTH, "gate lr factor": GATE_FACTOR}


RECIPES = {
    "diff_pruning": lambda: DiffPruning(False, True),
    "diff_pruning_released": lambda: DiffPruning(True, True),
}
