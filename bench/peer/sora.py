# SPDX-License-Identifier: Apache-2.0
"""SoRA (Ding et al. 2023, arXiv:2311.11696) as a small PyTorch module: what the C++ implementation is compared with.

A gated low-rank branch beside a frozen linear layer, y = W x + b + (alpha / r) B (g * (A x)), and the two maps that may
follow an optimizer step on g.
"""
import math

import torch
from torch import nn

SITES = ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense",
         "intermediate.dense", "output.dense")


class SoRALinear(nn.Module):
    """`base` stays frozen. A (r, in): uniform within 1/sqrt(in); B (out, r): zero; g (r): standard normal."""

    def __init__(self, base, rank, alpha):
        super().__init__()
        self.base = base
        self.scale = alpha / rank
        self.lora_A = nn.Linear(base.in_features, rank, bias=False)
        self.lora_B = nn.Linear(rank, base.out_features, bias=False)
        self.lora_g = nn.Parameter(torch.randn(rank))
        nn.init.kaiming_uniform_(self.lora_A.weight, a=math.sqrt(5))
        nn.init.zeros_(self.lora_B.weight)

    def forward(self, x):
        return self.base(x) + self.scale * self.lora_B(self.lora_g * self.lora_A(x))


def attach(model, rank, alpha):
    """Puts a SoRALinear on the six linear layers of every block; everything but these and the classifier freezes."""
    for name, p in model.named_parameters():
        p.requires_grad = name.startswith("classifier.")
    for layer in model.bert.encoder.layer:
        for site in SITES:
            parent, _, leaf = site.rpartition(".")
            owner = layer.get_submodule(parent)
            setattr(owner, leaf, SoRALinear(getattr(owner, leaf), rank, alpha))
    return model


def gates(model):
    return [p for name, p in model.named_parameters() if name.endswith(".lora_g")]


@torch.no_grad()
def soft_threshold(g, xi):
    """Equation 11 of the paper: sign(g) max(|g| - xi, 0)."""
    g.copy_(torch.sign(g) * torch.clamp(g.abs() - xi, min=0))


@torch.no_grad()
def released_operator(g, xi):
    """What the released code does in place of equation 11: the zeroing sees already shrunken values, so everything
    below 2 xi becomes zero, except |g| = xi, which stays."""
    g[g > xi] -= xi
    g[g < -xi] += xi
    g[g.abs() < xi] = 0
