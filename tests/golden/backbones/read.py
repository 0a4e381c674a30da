# SPDX-License-Identifier: Apache-2.0
"""READ on an encoder-decoder: Algorithm 1, and equations 12 and 13 in full. torch.nn's cells over the depth of a frozen T5."""
import torch
from methods.read import CELLS
from torch import nn

from .methods import Method
from .tasks import padded



class Half(nn.Module):
    """The recurrence of one stack: h_i = cell(x_i, h_{i-1}), with x_i = phi_i + what is given of other tokens, or [phi_i; psi_i],
    psi_i = Phi F h_{i-1} + that. The library keeps the columns of the cell's weight for psi as a tensor of their own, `more`."""

    def __init__(self, kind, width, d, joined):
        super().__init__()
        self.kind, self.width, self.joined = kind, width, joined
        own = CELLS[kind](d, width)
        self.weight_hh, self.bias_ih, self.bias_hh, self.weight_ih = own.weight_hh, own.bias_ih, own.bias_hh, own.weight_ih
        self.shape = (d + width if joined else d, width)
        if joined:
            self.more = nn.Parameter(torch.empty(self.weight_ih.shape[0], width).uniform_(-0.4, 0.4))
            self.ffn = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, width))
            self.phi, self.psi = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)

    def run(self, hidden, psi_of):
        """The last h. `psi_of(i, u)`: the terms of other tokens at layer i."""
        rows = hidden[0].shape[0]
        h = torch.zeros(rows, self.width, dtype=hidden[0].dtype)
        second = torch.zeros_like(h)
        weight = torch.cat([self.weight_ih, self.more], dim=1) if self.joined else self.weight_ih
        cell = CELLS[self.kind](*self.shape).to(hidden[0].dtype)
        given = {"weight_ih": weight, "weight_hh": self.weight_hh, "bias_ih": self.bias_ih, "bias_hh": self.bias_hh}
        for i, phi in enumerate(hidden):
            if self.joined:
                u = self.ffn(h)
                x = torch.cat([phi, self.phi(u) + psi_of(i, u)], dim=1)
            else:
                x = phi + psi_of(i, h)
            state = torch.func.functional_call(cell, given, (x, (h, second) if self.kind == "lstm" else h))
            h, second = state if self.kind == "lstm" else (state, second)
        return h


def rms(x):
    return (x.pow(2).mean(dim=-1, keepdim=True) + 1e-6).sqrt()


class Both(nn.Module):
    def __init__(self, kind, width, d, full, relative):
        super().__init__()
        self.relative = relative
        self.encoder, self.decoder = Half(kind, width, d, full), Half(kind, width, d, full)
        self.output = nn.Linear(width, d, bias=False)
        nn.init.normal_(self.output.weight, std=2)
        if full:
            self.source = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, width))
        else:
            self.psi = nn.Linear(width, d, bias=False)
        self.full = full

    def forward(self, encoder, own, decoder, cross):
        """What is added to the decoder's last layer, of one sequence: its layers' outputs, and how rows attend to rows."""
        size = 1
        if self.relative:  # the frozen stream, measured by its own size
            size = rms(decoder[-1])
            encoder, decoder = [x / rms(x) for x in encoder], [x / rms(x) for x in decoder]
        if not self.full:
            seen = self.psi(self.encoder.run(encoder, lambda i, h: 0))
            return size * self.output(self.decoder.run(decoder, lambda j, h: cross[j] @ seen))
        seen = self.source(self.encoder.run(encoder, lambda i, u: own[i] @ self.encoder.psi(u)))
        return size * self.output(self.decoder.run(decoder, lambda j, u: cross[j] @ self.decoder.psi(seen)))


class ReadPair(Method):
    kind, width, full, relative = "gru", 5, False, False

    def trained(self):
        for p in self.model.parameters():
            p.requires_grad = False
        self.model.side = Both(self.kind, self.width, self.variant.config.d_model, self.full, self.relative)
        self.outputs = {}
        for half in ("encoder", "decoder"):
            for i, block in enumerate(getattr(self.model, half).block):
                block.register_forward_hook(lambda _, __, out, key=(half, i): self.outputs.__setitem__(key, out[0]))
        return {self.name(k): p for k, p in self.model.named_parameters() if p.requires_grad}

    @staticmethod
    def name(parameter):
        for half in ("side.encoder.", "side.decoder."):
            for theirs, ours in (("weight_", "cell.weight_"), ("bias_", "cell.bias_"), ("more", "joiner.weight_ih"),
                                 ("ffn.0", "joiner.ffn.0"), ("ffn.2", "joiner.ffn.1"), ("phi", "joiner.phi"), ("psi", "joiner.psi")):
                if parameter.startswith(half + theirs):
                    return half + ours + parameter[len(half + theirs):]
        return parameter.replace("side.source.0", "side.source.ffn.0").replace("side.source.2", "side.source.ffn.1")

    def logits(self, batch):
        ids, mask = padded(batch["ids"], batch["offsets"], 0)
        decoder_ids, decoder_mask = padded(batch["decoder_ids"], batch["decoder_offsets"], 0)
        seen = self.model(input_ids=ids, attention_mask=mask, decoder_input_ids=decoder_ids, output_attentions=True)
        config, logits = self.model.config, []
        for s, (n, m) in enumerate(zip(mask.sum(1).tolist(), decoder_mask.sum(1).tolist())):
            hidden = {half: [self.outputs[half, i][s, :rows] for i in range(layers)]
                      for half, rows, layers in (("encoder", n, config.num_layers), ("decoder", m, config.num_decoder_layers))}
            own = [a[s, :, :n, :n].mean(0) for a in seen.encoder_attentions]
            cross = [a[s, :, :m, :n].mean(0) for a in seen.cross_attentions]
            last = hidden["decoder"][-1] + self.model.side(hidden["encoder"], own, hidden["decoder"], cross)
            out = self.model.decoder.final_layer_norm(last)
            logits.append(self.model.lm_head(out * config.d_model**-0.5 if config.tie_word_embeddings else out))
        return torch.cat(logits)

    def known(self):
        return dict(cell=self.kind, width=self.width)


class ReadPairFull(ReadPair):
    full = True


class ReadPairRelative(ReadPair):
    relative = True
