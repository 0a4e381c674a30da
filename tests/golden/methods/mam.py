# SPDX-License-Identifier: Apache-2.0
"""MAM: PEFT's prefix and our parallel adapters."""
from methods.adapters import Adapters
from methods.prompts import INNER, Virtual, common
from peft import PrefixTuningConfig
from torch import nn


class MAM(Virtual):
    def __init__(self):
        super().__init__(lambda: PrefixTuningConfig(**common(prefix_projection=True, encoder_hidden_size=INNER)))

    def attach(self, model):
        adapters = Adapters("plain", ("beside",), nn.functional.relu, scale=4.0).attach(model)
        adapters = {name: p for name, p in adapters.items() if not name.startswith("classifier.")}
        trained = super().attach(model)
        for p in adapters.values():
            p.requires_grad_(True)
        return trained | adapters


RECIPES = {"mam": MAM}
