# SPDX-License-Identifier: Apache-2.0
"""READ on an encoder: torch.nn's cells over the depth of a frozen BERT, Algorithm 1 with its joiners."""
import torch
from torch import nn

from recipe import Recipe, padded

CELLS = {"rnn": nn.RNNCell, "lstm": nn.LSTMCell, "gru": nn.GRUCell}


class SideNet(nn.Module):
    """h_i = cell(x_i, h_{i-1}) from the layers' outputs phi_i (n, d); what is added to the last of them."""

    def __init__(self, kind, width, d, joiner):
        super().__init__()
        self.kind, self.width, self.joiner = kind, width, joiner
        self.cell = CELLS[kind](d if joiner == "direct" else d + width, width)
        self.output = nn.Linear(width, d, bias=False)
        nn.init.normal_(self.output.weight, std=0.3)
        if joiner != "direct":
            self.ffn = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, width))
        if "gated" in joiner:
            self.gate = nn.Linear(d, width)
        if "phi" in joiner:
            self.phi = nn.Linear(width, width, bias=False)
        if "psi" in joiner:
            self.psi = nn.Linear(width, width, bias=False)

    def forward(self, hidden, scores=None):
        """`scores`: per layer (n, n), how each row attends to the others."""
        h = torch.zeros(*hidden[0].shape[:1], self.width, dtype=hidden[0].dtype)
        second = torch.zeros_like(h)
        for i, phi in enumerate(hidden):
            x = phi
            if self.joiner != "direct":
                u = self.ffn(h)
                psi = self.phi(u) if "phi" in self.joiner else u
                if "psi" in self.joiner:
                    psi = psi + scores[i] @ self.psi(u)
                if "gated" in self.joiner:
                    psi = torch.sigmoid(self.gate(phi)) * psi
                x = torch.cat([phi, psi], dim=-1)
            if self.kind == "lstm":
                h, second = self.cell(x, (h, second))
            else:
                h = self.cell(x, h)
        return self.output(h)


class PerLayer(nn.Module):
    """Without the recurrence: a pair of projections of its own for every layer, summed."""

    def __init__(self, layers, width, d):
        super().__init__()
        self.down = nn.ModuleList(nn.Linear(d, width) for _ in range(layers))
        self.up = nn.ModuleList(nn.Linear(width, d, bias=False) for _ in range(layers))
        for up in self.up:
            nn.init.normal_(up.weight, std=0.3)

    def forward(self, hidden):
        return sum(up(torch.tanh(down(phi))) for phi, down, up in zip(hidden, self.down, self.up))


class Split(nn.Module):
    """Two blocks of columns as one weight: the library keeps them as two tensors."""

    def __init__(self, columns):
        super().__init__()
        self.columns = columns

    def forward(self, left, right):
        return torch.cat([left, right], dim=1)

    def right_inverse(self, whole):
        return whole[:, :self.columns].clone(), whole[:, self.columns:].clone()


class Read(Recipe):
    def __init__(self, kind="gru", joiner="direct", pooling="first", width=6):
        self.kind, self.joiner, self.pooling, self.width = kind, joiner, pooling, width

    def attach(self, model):
        torch.manual_seed(23)
        d = model.config.hidden_size
        self.model = model
        for p in model.bert.parameters():
            p.requires_grad = False
        if self.kind == "layers":
            model.side = PerLayer(model.config.num_hidden_layers, self.width, d)
        else:
            model.side = SideNet(self.kind, self.width, d, self.joiner)
            if self.joiner != "direct":
                nn.utils.parametrize.register_parametrization(model.side.cell, "weight_ih", Split(d))
        named = {self.name(k): p for k, p in model.named_parameters() if p.requires_grad}
        return named

    @staticmethod
    def name(parameter):
        for ours, theirs in (("cell.weight_ih", "cell.parametrizations.weight_ih.original0"),
                             ("joiner.weight_ih", "cell.parametrizations.weight_ih.original1"),
                             ("joiner.ffn.0", "ffn.0"), ("joiner.ffn.1", "ffn.2"), ("joiner.gate", "gate"),
                             ("joiner.phi", "phi"), ("joiner.psi", "psi")):
            if parameter.startswith("side." + theirs):
                return "side." + ours + parameter[len("side." + theirs):]
        return parameter

    def logits(self, batch):
        inputs = padded(batch)
        seen = self.model.bert(**inputs, output_hidden_states=True, output_attentions="psi" in self.joiner)
        hidden = seen.hidden_states[1:]
        mask = inputs["attention_mask"].bool()
        if "psi" in self.joiner:
            return self.model.classifier(self.pooled_of_all(hidden, seen.attentions, mask))
        if self.pooling == "first":
            rows = [h[:, 0] for h in hidden]
            corrected = rows[-1] + self.model.side(rows)
            pooled = torch.tanh(self.model.bert.pooler.dense(corrected))
        else:
            corrected = torch.zeros_like(hidden[-1])
            corrected[mask] = hidden[-1][mask] + self.model.side([h[mask] for h in hidden])
            pooled = corrected.sum(1) / mask.sum(1, keepdim=True)
        return self.model.classifier(pooled)

    def pooled_of_all(self, hidden, attentions, mask):
        """A sequence by itself, its tokens together."""
        first = []
        for s, n in enumerate(mask.sum(1).tolist()):
            corrected = hidden[-1][s, :n] + self.model.side([h[s, :n] for h in hidden], [a[s, :, :n, :n].mean(0) for a in attentions])
            first.append(corrected[0] if self.pooling == "first" else corrected.mean(0))
        pooled = torch.stack(first)
        return torch.tanh(self.model.bert.pooler.dense(pooled)) if self.pooling == "first" else pooled

    def about(self):
        return dict(method="READ", cell=self.kind, joiner=self.joiner, width=self.width, pooling=self.pooling)


RECIPES = {
    "read_rnn": lambda: Read("rnn"),
    "read_lstm": lambda: Read("lstm"),
    "read_gru": lambda: Read("gru"),
    "read_gru_meanpool": lambda: Read("gru", pooling="mean"),
    "read_concat": lambda: Read("gru", joiner="concat"),
    "read_gated": lambda: Read("rnn", joiner="gated"),
    "read_phi": lambda: Read("lstm", joiner="phi"),
    "read_phi_psi": lambda: Read("gru", joiner="phi psi"),
    "read_phi_psi_gated": lambda: Read("rnn", joiner="phi psi gated", pooling="mean"),
    "read_layers": lambda: Read("layers"),
}
