# SPDX-License-Identifier: Apache-2.0
"""Adapters in plain PyTorch: bottlenecks that forward hooks put after, or beside, the parts of a BERT layer."""
import torch
from recipe import Recipe
from torch import nn


class Bottleneck(nn.Module):
    """scale * up(f(down(x)))"""

    def __init__(self, down, up, f, scale=1.0):
        super().__init__()
        self.down, self.up, self.f, self.scale = down, up, f, scale

    def forward(self, x):
        return self.scale * self.up(self.f(self.down(x)))


class Product(nn.Module):
    """x (left right) + bias"""

    def __init__(self, inputs, outputs, rank):
        super().__init__()
        self.left, self.right = nn.Parameter(torch.empty(inputs, rank)), nn.Parameter(torch.empty(rank, outputs))
        self.bias = nn.Parameter(torch.empty(outputs))

    def forward(self, x):
        return x @ (self.left @ self.right) + self.bias


class Hypercomplex(nn.Module):
    """x H + bias, H the sum of n Kronecker products of a rule and a matrix of low rank"""

    def __init__(self, inputs, outputs, n, rank, rule):
        super().__init__()
        self.n, self.rule = n, rule
        self.s, self.t = nn.Parameter(torch.empty(n, inputs // n, rank)), nn.Parameter(torch.empty(n, rank, outputs // n))
        self.bias = nn.Parameter(torch.empty(outputs))

    def forward(self, x):
        return x @ sum(torch.kron(self.rule[i], self.s[i] @ self.t[i]) for i in range(self.n)) + self.bias


def plug(layer, place, prefix, module):
    """Puts `module` at `place` of a BertLayer."""
    if place == "attention":
        layer.attention.output.dense.register_forward_hook(lambda _m, _i, y: y + module(y))
    elif place == "ffn":
        layer.output.dense.register_forward_hook(lambda _m, _i, y: y + module(y))
    elif place == "norm":  # between the last norm and the same once more
        layer.output.LayerNorm.register_forward_hook(
            lambda m, i, y: nn.functional.layer_norm(i[0] + module(y), m.normalized_shape, m.weight, m.bias, m.eps))
    else:  # beside the feed-forward: from the input of its first matrix to the output of its second
        seen = {}
        layer.intermediate.dense.register_forward_pre_hook(lambda _m, i: seen.update(x=i[0]))
        layer.output.dense.register_forward_hook(lambda _m, _i, y: y + module(seen["x"]))
    setattr(layer, prefix + place, module)


class Adapters(Recipe):
    """`kind` names the matrices: plain, product or hypercomplex."""
    width = 4

    def __init__(self, kind, places, f, norms=False, scale=1.0, layers=range(3), shared=True, seed=11):
        self.kind, self.places, self.f, self.norms, self.scale = kind, places, f, norms, scale
        self.layers, self.shared, self.seed = layers, shared, seed

    def matrix(self, inputs, outputs):
        if self.kind == "plain":
            return nn.Linear(inputs, outputs)
        if self.kind == "product":
            return Product(inputs, outputs, rank=2)
        return Hypercomplex(inputs, outputs, 2, 1, self.rule if self.shared else nn.Parameter(torch.empty(2, 2, 2)))

    def attach(self, model):
        self.model = model
        model.requires_grad_(False)
        trained = {"classifier.weight": model.classifier.weight, "classifier.bias": model.classifier.bias}
        if self.kind == "hypercomplex" and self.shared:
            self.rule = nn.Parameter(torch.empty(2, 2, 2))
            model.register_parameter("rule", self.rule)
            trained["shared.phm_rule"] = self.rule
        width = model.config.hidden_size
        for k in self.layers:
            layer, path = model.bert.encoder.layer[k], f"bert.encoder.layer.{k}."
            for place in self.places:
                module = Bottleneck(self.matrix(width, self.width), self.matrix(self.width, width), self.f, self.scale)
                plug(layer, place, "adapter_", module)
                at = path + {"attention": "attention", "norm": "output.LayerNorm"}.get(place, "output")
                kind = "parallel" if place == "beside" else "adapter"
                for part in ("down", "up"):
                    for name, p in getattr(module, part).named_parameters():
                        if p is not getattr(self, "rule", None):
                            trained[f"{at}.{kind}_{part}.{name}"] = p
            if self.norms:
                for norm in ("attention.output.LayerNorm", "output.LayerNorm"):
                    for name, p in layer.get_submodule(norm).named_parameters():
                        trained[f"{path}{norm}.{name}"] = p
        random = torch.Generator().manual_seed(self.seed)
        with torch.no_grad():
            for name, p in trained.items():
                p.requires_grad_(True)
                if "adapter" in name or "parallel" in name or "rule" in name:
                    fresh = 0.1 if name.endswith("bias") else 0.7 if self.kind != "plain" else 0.3
                    p.copy_(fresh * torch.randn(p.shape, generator=random))
        return trained

    def about(self):
        return dict(kind=self.kind, places=list(self.places), width=self.width, norms=self.norms, scale=self.scale,
                    layers=list(self.layers))


def gelu_tanh(x):
    return nn.functional.gelu(x, approximate="tanh")


BOTH = ("attention", "ffn")
RECIPES = {
    "houlsby": lambda: Adapters("plain", BOTH, nn.functional.gelu, norms=True),
    "pfeiffer": lambda: Adapters("plain", ("ffn",), nn.functional.relu, layers=range(1, 3)),
    "seq_bn": lambda: Adapters("plain", ("norm",), nn.functional.relu),
    "seq_bn_norms": lambda: Adapters("plain", ("norm",), nn.functional.relu, norms=True, layers=range(1, 3), seed=17),
    "parallel_adapter": lambda: Adapters("plain", ("beside",), nn.functional.relu, scale=4.0),
    "compacter": lambda: Adapters("hypercomplex", BOTH, gelu_tanh, norms=True),
    "compacter_own_rules": lambda: Adapters("hypercomplex", ("ffn",), gelu_tanh, shared=False),
    "low_rank_adapter": lambda: Adapters("product", BOTH, gelu_tanh, seed=13),
}
