# SPDX-License-Identifier: Apache-2.0
"""Prefix tuning, prompt tuning and P-tuning by PEFT."""
import torch
from peft import PrefixTuningConfig, PromptEncoderConfig, PromptTuningConfig, get_peft_model
from recipe import Recipe
from torch import nn

LENGTH, INNER = 3, 6


class ByLayer(nn.Module):
    """PEFT's prefix encoder with the tensors of each layer, key and value apart, as we keep them."""

    def __init__(self, encoder, width):
        super().__init__()
        self.embedding = encoder.embedding  # without a projection only there for PEFT to look at
        if encoder.prefix_projection:
            first, _, last = encoder.transform
            self.hidden = first
            self.weights = nn.ParameterList(w.detach().clone() for w in last.weight.split(width))
            self.biases = nn.ParameterList(b.detach().clone() for b in last.bias.split(width))
        else:
            self.hidden = None
            self.own = nn.ParameterList(e.detach().clone() for e in encoder.embedding.weight.split(width, dim=1))

    def forward(self, tokens):
        if self.hidden is None:
            out = torch.cat(list(self.own), dim=1)
        else:
            h = torch.tanh(self.hidden(self.embedding.weight))
            out = torch.cat([h @ w.T + b for w, b in zip(self.weights, self.biases)], dim=1)
        return out.expand(tokens.shape[0], -1, -1)

    def named(self):
        """Keys and values take turns in PEFT's order: layer 0's keys, layer 0's values, layer 1's keys."""
        found = {}
        if self.hidden is not None:
            found |= {"shared.prefix.embedding": self.embedding.weight, "shared.prefix.hidden.weight": self.hidden.weight,
                      "shared.prefix.hidden.bias": self.hidden.bias}
        for i in range(len(self.own if self.hidden is None else self.weights)):
            name = f"bert.encoder.layer.{i // 2}.attention.self.prefix.{'value' if i % 2 else 'key'}"
            if self.hidden is None:
                found[name] = self.own[i]
            else:
                found |= {name + ".weight": self.weights[i], name + ".bias": self.biases[i]}
        return found


class Virtual(Recipe):
    """Virtual tokens. `config` is PEFT's."""

    def __init__(self, config, seed=23):
        self.config, self.seed = config, seed

    def attach(self, model):
        torch.manual_seed(self.seed)
        width = model.config.hidden_size
        peft = self.model = get_peft_model(model, self.config())
        encoder = peft.prompt_encoder["default"]
        if isinstance(self.config(), PrefixTuningConfig):
            split, tokens = ByLayer(encoder, width), torch.arange(LENGTH).unsqueeze(0)
            assert torch.allclose(split(tokens), encoder(tokens), atol=1e-6)
            peft.prompt_encoder["default"] = split
            trained = split.named()
        elif isinstance(self.config(), PromptTuningConfig):
            trained = {"bert.embeddings.prompt": encoder.embedding.weight}
        else:
            trained = {"bert.embeddings.prompt." + name: p for name, p in encoder.named_parameters()}
            trained["bert.embeddings.prompt.embedding"] = trained.pop("bert.embeddings.prompt.embedding.weight")
        head = peft.base_model.classifier.modules_to_save["default"]
        return trained | {"classifier." + name: p for name, p in head.named_parameters()}

    def about(self):
        return dict(method=self.config().peft_type.value, length=LENGTH, inner=INNER)


def common(**more):
    return dict(task_type="SEQ_CLS", num_virtual_tokens=LENGTH) | more


RECIPES = {
    "prefix": lambda: Virtual(lambda: PrefixTuningConfig(**common(prefix_projection=True, encoder_hidden_size=INNER))),
    "prefix_direct": lambda: Virtual(lambda: PrefixTuningConfig(**common())),
    "prompt": lambda: Virtual(lambda: PromptTuningConfig(**common())),
    "p_tuning_mlp": lambda: Virtual(lambda: PromptEncoderConfig(**common(encoder_hidden_size=INNER))),
    "p_tuning_lstm": lambda: Virtual(lambda: PromptEncoderConfig(**common(
        encoder_reparameterization_type="LSTM", encoder_hidden_size=INNER))),
}
