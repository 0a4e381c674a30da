# SPDX-License-Identifier: Apache-2.0
"""AdaLoRA: PEFT's, whose penalty is the mean norm of the defects, and a module of our own with the paper's squared sum."""
import torch
from peft import AdaLoraConfig, get_peft_model
from recipe import Recipe, padded, plain
from torch import nn
from torch.nn import functional as F

SITES = ("query", "value")
RANK, TARGET, ALPHA, SEED = 3, 2, 6, 223


def fill(named):
    """Values at which no gradient is zero."""
    random = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for _, p in sorted(named, key=lambda pair: pair[0]):
            p.copy_(torch.randn(p.shape, generator=random) * (1.0 if p.numel() == RANK else 0.3))


class Peft(Recipe):
    """Steps 1 and 2 prune nothing, the last five keep what is there."""

    def attach(self, model):
        torch.manual_seed(SEED)
        self.tuned = get_peft_model(model, AdaLoraConfig(
            task_type="SEQ_CLS", init_r=RANK, target_r=TARGET, tinit=2, tfinal=5, deltaT=1, total_step=20,
            lora_alpha=ALPHA, target_modules=list(SITES)))
        self.model = model
        trained = {plain(k): p for k, p in model.named_parameters() if p.requires_grad}
        fill((k, p) for k, p in trained.items() if "lora_" in k)
        return trained

    def logits(self, batch):
        self.batch = batch
        return super().logits(batch)

    def penalty(self):
        """PEFT adds it to a loss of its own: the difference is the penalty."""
        out = self.tuned(**padded(self.batch), labels=self.batch["targets"].long())
        return out.loss - F.cross_entropy(out.logits, self.batch["targets"].long())

    def after_step(self, step, total, lr):
        self.tuned.base_model.update_and_allocate(step)

    def reset(self):
        self.tuned.base_model.rankallocator.reset_ipt()
        self.tuned.peft_config["default"].rank_pattern = None

    def about(self):
        return {"method": "AdaLoRA, PEFT", "rank": RANK, "target": TARGET, "alpha": ALPHA, "gamma": 0.5, "tinit": 2, "tfinal": 5}


class Triplets(nn.Module):
    """base(x) + s P diag(e) Q x"""

    def __init__(self, base):
        super().__init__()
        self.base = base
        self.lora_A = nn.Parameter(torch.empty(RANK, base.in_features))
        self.lora_B = nn.Parameter(torch.empty(base.out_features, RANK))
        self.lora_E = nn.Parameter(torch.empty(RANK))

    def forward(self, x):
        return self.base(x) + ALPHA / (RANK + 1e-5) * (x @ self.lora_A.T * self.lora_E) @ self.lora_B.T

    def defects(self):
        eye = torch.eye(RANK, dtype=self.lora_A.dtype)
        return self.lora_A @ self.lora_A.T - eye, self.lora_B.T @ self.lora_B - eye


class Paper(Recipe):
    """A budget from the first step to the last, pruned every second step."""
    gamma, every, beta = 0.1, 2, 0.85

    def attach(self, model):
        self.model = model
        for p in model.parameters():
            p.requires_grad = False
        self.modules = []
        for layer in model.bert.encoder.layer:
            for site in SITES:
                module = Triplets(getattr(layer.attention.self, site))
                setattr(layer.attention.self, site, module)
                self.modules.append(module)
        fill((k, p) for k, p in model.named_parameters() if "lora_" in k)
        for p in model.classifier.parameters():
            p.requires_grad = True
        return {k: p for k, p in model.named_parameters() if p.requires_grad}

    def penalty(self):
        return self.gamma * sum((d ** 2).sum() for m in self.modules for d in m.defects())

    def reset(self):
        self.smooth, self.spread = {}, {}

    @torch.no_grad()
    def importance(self, p):
        now = (p * p.grad).abs()
        old = self.smooth.get(p, torch.zeros_like(p))
        self.smooth[p] = self.beta * old + (1 - self.beta) * now
        deviation = (now - self.smooth[p]).abs()
        self.spread[p] = self.beta * self.spread.get(p, torch.zeros_like(p)) + (1 - self.beta) * deviation

    @torch.no_grad()
    def after_step(self, step, total, lr):
        if step < total:
            for m in self.modules:
                for p in (m.lora_A, m.lora_B, m.lora_E):
                    self.importance(p)
        first, last = RANK * len(self.modules), TARGET * len(self.modules)
        budget = int(last + (first - last) * (1 - step / total) ** 3)
        if budget < first and (step % self.every == 0 or step == total):
            s = {p: self.smooth[p] * self.spread[p] for p in self.smooth}
            scores = [s[m.lora_E] + s[m.lora_A].mean(1) + s[m.lora_B].mean(0) for m in self.modules]
            least = torch.cat(scores).sort().values[first - budget - 1]
            for m, score in zip(self.modules, scores):
                m.lora_E[score <= least] = 0

    def about(self):
        return {"method": "AdaLoRA, paper", "rank": RANK, "target": TARGET, "alpha": ALPHA, "gamma": self.gamma, "every": self.every}


RECIPES = {"adalora_peft": Peft, "adalora": Paper}
