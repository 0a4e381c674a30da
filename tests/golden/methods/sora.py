# SPDX-License-Identifier: Apache-2.0
"""SoRA as the released code trains it: its operator with a constant xi, and lambda mean |g| added to the loss."""
import sora
import torch
from recipe import Recipe, plain


class Released(Recipe):
    xi, weight = 1e-3, 10.0

    def attach(self, model):
        torch.manual_seed(211)
        self.model = sora.attach(model, rank=2, alpha=4)
        self.gates = list(sora.gates(model))
        with torch.no_grad():
            for name, p in model.named_parameters():
                if "lora_B" in name:
                    p.normal_(0, 0.3)
            for k, g in enumerate(self.gates):  # near 2 xi after a few steps, on both sides
                g[k % 2] = 0.0037 * (1 + k % 7) * (-1) ** k
        return {plain(k): p for k, p in model.named_parameters() if p.requires_grad}

    def penalty(self):
        return self.weight * torch.cat(self.gates).abs().mean()

    def decays(self, name):
        return not name.endswith("lora_g")

    def after_step(self, step, total, lr):
        for g in self.gates:
            sora.released_operator(g, self.xi)

    def about(self):
        return {"method": "SoRA, released", "rank": 2, "alpha": 4, "xi": self.xi, "lambda": self.weight}


RECIPES = {"sora_released": Released}
