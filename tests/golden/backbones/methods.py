# SPDX-License-Identifier: Apache-2.0
"""The methods on any of the backbones: PEFT's where it has them."""
import torch
from methods.adapters import Bottleneck
from peft import IA3Config, LoraConfig, PrefixTuningConfig, PromptTuningConfig, get_peft_model
from peft.utils.constants import (TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING as IA3_FEEDFORWARD,
                                  TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING as IA3_TARGETS)
from recipe import Recipe, plain
from torch import nn

LENGTH = 3  # virtual tokens


class Method(Recipe):
    def __init__(self, variant):
        self.variant = variant

    def attach(self, model):
        torch.manual_seed(100 * self.variant.seed + 7)
        self.model = model
        return self.trained()

    def trained(self):
        raise NotImplementedError

    def by_peft(self, config):
        """PEFT's model in place of the plain one; its trained parameters, the head's included."""
        self.model = get_peft_model(self.model, config)
        return {plain(k).removeprefix("base_model.model.").removeprefix("base_model."): p
                for k, p in self.model.named_parameters() if p.requires_grad}

    def logits(self, batch):
        return self.variant.task.logits(self.model, batch)

    def loss(self, logits, batch):
        return self.variant.task.loss(logits, batch)

    def about(self):
        return {"method": type(self).__name__.lower()} | self.known()

    def known(self):
        return {}


class InPlace(Method):
    """Parameters of the model itself."""

    def trained(self):
        for name, p in self.model.named_parameters():
            p.requires_grad = name.startswith(self.variant.head) if self.variant.head else False
            if not p.requires_grad:
                p.requires_grad = self.takes(name)
        return {k: p for k, p in self.model.named_parameters() if p.requires_grad}


class Head(InPlace):
    def takes(self, name):
        return False


class BitFit(InPlace):
    """Every bias."""

    def takes(self, name):
        return name.endswith(".bias")


class Full(InPlace):
    def takes(self, name):
        return True


class Lora(Method):
    rank, alpha = 4, 8

    def trained(self):
        targets = self.variant.places["lora"]
        trained = self.by_peft(LoraConfig(task_type=self.variant.task.peft, r=self.rank, lora_alpha=self.alpha,
                                          lora_dropout=0.0, target_modules=targets,
                                          fan_in_fan_out=targets == ["c_attn"]))
        with torch.no_grad():  # zero would hide the gradient of A
            for name, p in trained.items():
                if "lora_B" in name:
                    p.normal_(0, self.variant.places.get("lora_B", 0.3))
        return trained

    def known(self):
        return dict(rank=self.rank, alpha=self.alpha, targets=self.variant.places["lora"])


class IA3(Method):
    """On the modules that PEFT takes by default, where it knows the model."""

    def modules(self):
        if "ia3" in self.variant.places:
            return self.variant.places["ia3"]
        kind = self.variant.config.model_type
        return dict(targets=sorted(IA3_TARGETS[kind]), feedforward=sorted(IA3_FEEDFORWARD[kind]))

    def trained(self):
        m = self.modules()
        trained = self.by_peft(IA3Config(task_type=self.variant.task.peft, target_modules=m["targets"],
                                         feedforward_modules=m["feedforward"],
                                         fan_in_fan_out="c_attn" in m["targets"]))
        with torch.no_grad():
            for name, p in trained.items():
                if "ia3_l" in name:
                    p.copy_(1 + 0.3 * torch.randn(p.shape))
        return trained

    def known(self):
        return self.modules()


class Prompt(Method):
    """Rows before the embeddings; in a model of two halves before the encoder's alone."""

    def trained(self):
        trained = self.by_peft(PromptTuningConfig(task_type=self.variant.task.peft, num_virtual_tokens=LENGTH,
                                                  num_transformer_submodules=1, **self.variant.places.get("sizes", {})))
        rows = trained.pop("prompt_encoder.embedding.weight")
        with torch.no_grad():
            rows.mul_(0.5)
        return {self.variant.places["prompt"]: rows} | trained

    def known(self):
        return dict(length=LENGTH)


class ByLayer(nn.Module):
    """PEFT's table of keys and values, in a parameter per layer and kind. Its columns: layer 0's keys, its values, layer 1's."""

    def __init__(self, encoder, width):
        super().__init__()
        self.embedding = encoder.embedding  # only there for PEFT to look at
        self.own = nn.ParameterList(e.detach().clone() for e in encoder.embedding.weight.split(width, dim=1))

    def forward(self, tokens):
        return torch.cat(list(self.own), dim=1).expand(tokens.shape[0], -1, -1)


class Prefix(Method):
    """Keys and values of each layer, without a projection: as if already rotated. The text's positions begin after them."""

    def trained(self):
        trained = self.by_peft(PrefixTuningConfig(task_type=self.variant.task.peft, num_virtual_tokens=LENGTH))
        trained.pop("prompt_encoder.embedding.weight")
        encoder, tokens = self.model.prompt_encoder["default"], torch.arange(LENGTH).unsqueeze(0)
        path, width = self.variant.places["prefix"]
        split = ByLayer(encoder, width)
        assert torch.equal(split(tokens), encoder(tokens))
        self.model.prompt_encoder["default"] = split
        return {f"{path.format(i // 2)}.prefix.{'value' if i % 2 else 'key'}": p for i, p in enumerate(split.own)} | trained

    def known(self):
        return dict(length=LENGTH)


class Houlsby(Method):
    """h + U gelu(D h + b) + c on the output of each sublayer before its residual; the norms of the sublayers train."""
    width = 4

    def trained(self):
        self.model.requires_grad_(False)
        trained = {}
        for path, last, norm in self.variant.places["sublayers"]:
            matrix = self.model.get_submodule(last)
            size = self.model.config.hidden_size
            module = Bottleneck(nn.Linear(size, self.width), nn.Linear(self.width, size), nn.functional.gelu)
            matrix.register_forward_hook(lambda _m, _i, y, module=module: y + module(y))
            self.model.get_submodule(path).add_module("adapter", module)
            for part in ("down", "up"):
                for name, p in getattr(module, part).named_parameters():
                    trained[f"{path}.adapter_{part}.{name}"] = p
            for name, p in self.model.get_submodule(norm).named_parameters():
                trained[f"{norm}.{name}"] = p
        with torch.no_grad():
            for name, p in trained.items():
                p.requires_grad_(True)
                if ".adapter_" in name:
                    p.normal_(0, 0.1 if name.endswith("bias") else 0.3)
        return trained

    def known(self):
        return dict(width=self.width, activation="gelu", norms=True)
