# SPDX-License-Identifier: Apache-2.0
"""Side networks of small BERT layers beside a frozen BERT: ladder side-tuning and side-tuning."""
import copy

import torch
from torch import nn
from transformers.models.bert.modeling_bert import BertLayer

from recipe import Recipe, padded


def small_layer(config, reduction):
    small = copy.deepcopy(config)
    small.hidden_size //= reduction
    small.intermediate_size //= reduction
    layer = BertLayer(small)
    with torch.no_grad():
        for name, p in layer.named_parameters():
            if name.endswith("LayerNorm.weight"):
                p.copy_(1 + 0.2 * torch.randn(p.shape))
            else:
                p.normal_(0, 0.4)
    return layer


class Rung(nn.Module):
    def __init__(self, config, reduction):
        super().__init__()
        self.down = nn.Linear(config.hidden_size, config.hidden_size // reduction)
        self.gate = nn.Parameter(0.1 * torch.randn(1))
        self.block = small_layer(config, reduction)


class SideNet(nn.Module):
    def __init__(self, config, reduction, layers, blocks):
        super().__init__()
        d, w = config.hidden_size, config.hidden_size // reduction
        self.first = nn.Linear(d, w)
        self.layer = nn.ModuleDict({str(i): blocks(config, reduction) for i in layers})
        self.up = nn.Linear(w, d)


class Side(Recipe):
    reduction = 2

    def attach(self, model):
        torch.manual_seed(53)
        self.model = model
        for p in model.bert.parameters():
            p.requires_grad = False
        model.side = self.net(model.config)
        return {k.replace(".block.", "."): p for k, p in model.named_parameters() if p.requires_grad}

    def logits(self, batch):
        inputs = padded(batch)
        hidden = self.model.bert(**inputs, output_hidden_states=True).hidden_states
        mask = self.model.bert.get_extended_attention_mask(inputs["attention_mask"], inputs["attention_mask"].shape,
                                                           dtype=hidden[0].dtype)
        last = self.last(hidden, lambda block, s: first_of(block(s, attention_mask=mask)))
        return self.model.classifier(torch.tanh(self.model.bert.pooler.dense(last[:, 0])))


def first_of(output):
    return output[0] if isinstance(output, tuple) else output


class Ladder(Side):
    """LST: a rung for each of `layers`, or all; its output in place of the backbone's, or added."""
    temperature = 0.5

    def __init__(self, layers=None, replaces=True):
        self.layers, self.replaces = layers, replaces

    def net(self, config):
        return SideNet(config, self.reduction, self.layers or range(config.num_hidden_layers), Rung)

    def last(self, hidden, run):
        side = self.model.side
        s = side.first(hidden[0])
        for i, rung in side.layer.items():
            gate = torch.sigmoid(rung.gate / self.temperature)
            s = run(rung.block, gate * s + (1 - gate) * rung.down(hidden[int(i) + 1]))
        out = side.up(s)
        return out if self.replaces else hidden[-1] + out

    def about(self):
        return dict(method="LST", reduction=self.reduction, temperature=self.temperature, replaces=self.replaces)


class SideTuning(Side):
    """The backbone's output blended with that of a small network on the embeddings."""

    def net(self, config):
        side = SideNet(config, self.reduction, range(2), small_layer)
        side.alpha = nn.Parameter(torch.tensor([0.3]))
        return side

    def last(self, hidden, run):
        side = self.model.side
        s = side.first(hidden[0])
        for block in side.layer.values():
            s = run(block, s)
        alpha = torch.sigmoid(side.alpha)
        return alpha * hidden[-1] + (1 - alpha) * side.up(s)

    def about(self):
        return dict(method="side-tuning", reduction=self.reduction, blocks=2)


RECIPES = {
    "lst": Ladder,
    "lst_added": lambda: Ladder(layers=[1], replaces=False),
    "side_tuning": SideTuning,
}
