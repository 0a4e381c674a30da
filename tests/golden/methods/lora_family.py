# SPDX-License-Identifier: Apache-2.0
"""DoRA, rsLoRA, LoRA+ and VeRA, by PEFT; DoRA with the gradient of its norm by a module of our own."""
import torch
from peft import LoraConfig, VeraConfig, get_peft_model
from peft.optimizers import create_loraplus_optimizer
from recipe import Recipe, plain
from torch import nn

SEED, RATIO = 331, 8.0


def perturb(model):
    """Values at which no gradient is zero, and DoRA's norm is not its magnitude."""
    random = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            noise = torch.randn(p.shape, generator=random)
            if "lora_B" in name or "vera_lambda_b" in name:
                p.copy_(0.3 * noise)
            elif "magnitude" in name:
                p.mul_(1 + 0.2 * noise)
            elif "vera_lambda_d" in name:
                p.copy_(0.5 + 0.2 * noise)


class Peft(Recipe):
    config = None

    def attach(self, model):
        torch.manual_seed(SEED)
        self.model = model
        self.tuned = get_peft_model(model, self.config())
        perturb(model)
        return {plain(k).replace("magnitude_vector.weight", "magnitude_vector"): p
                for k, p in model.named_parameters() if p.requires_grad}


class Dora(Peft):
    def config(self):
        return LoraConfig(task_type="SEQ_CLS", r=3, lora_alpha=6, target_modules=["query", "output.dense"],
                          exclude_modules=".*attention.output.dense", use_dora=True)

    def about(self):
        return {"method": "DoRA, PEFT", "rank": 3, "alpha": 6}


class RsLora(Peft):
    def config(self):
        return LoraConfig(task_type="SEQ_CLS", r=4, lora_alpha=3, target_modules=["query", "value"], use_rslora=True)

    def about(self):
        return {"method": "rsLoRA, PEFT", "rank": 4, "alpha": 3}


class LoraPlus(Peft):
    """PEFT's optimizer has the same rates for A and B; it gives B's to vectors as well, such as the head's bias."""

    def config(self):
        return LoraConfig(task_type="SEQ_CLS", r=4, lora_alpha=8, target_modules=["query", "value"])

    def attach(self, model):
        trained = super().attach(model)
        theirs = create_loraplus_optimizer(self.tuned, torch.optim.AdamW, lr=self.lr, loraplus_lr_ratio=RATIO)
        rates = {id(p): group["lr"] for group in theirs.param_groups for p in group["params"]}
        for name, p in trained.items():
            if "lora_" in name:
                assert rates[id(p)] == self.lr * self.lr_factor(name), name
        return trained

    def lr_factor(self, name):
        return RATIO if "lora_B" in name else 1.0

    def about(self):
        return {"method": "LoRA+", "rank": 4, "alpha": 8, "ratio": RATIO}


class Vera(Peft):
    """On widths that differ: A and B are cut to size. They are not in the file but drawn from the key."""

    def config(self):
        return VeraConfig(task_type="SEQ_CLS", r=6, target_modules=["query", "intermediate.dense", "output.dense"],
                          save_projection=False, projection_prng_key=17)

    def about(self):
        return {"method": "VeRA, PEFT", "rank": 6, "key": 17}


class FullNorm(nn.Module):
    """y = x (m V / |V|)' + b with V = W0 + s B A, all of it differentiated."""

    def __init__(self, base):
        super().__init__()
        self.base = base
        self.lora_A = nn.Linear(base.in_features, 3, bias=False)
        self.lora_B = nn.Linear(3, base.out_features, bias=False)
        self.lora_magnitude_vector = nn.Parameter(base.weight.detach().norm(dim=1))

    def forward(self, x):
        adapted = self.base.weight + 2.0 * self.lora_B.weight @ self.lora_A.weight
        rows = (self.lora_magnitude_vector / adapted.norm(dim=1)).unsqueeze(1) * adapted
        return nn.functional.linear(x, rows, self.base.bias)


class DoraFull(Recipe):
    def attach(self, model):
        torch.manual_seed(SEED)
        self.model = model
        for name, p in model.named_parameters():
            p.requires_grad = name.startswith("classifier.")
        for layer in model.bert.encoder.layer:
            layer.attention.self.query = FullNorm(layer.attention.self.query)
            layer.attention.self.query.base.requires_grad_(False)
        perturb(model)
        return {k: p for k, p in model.named_parameters() if p.requires_grad}

    def about(self):
        return {"method": "DoRA, norm differentiated", "rank": 3, "alpha": 6}


RECIPES = {"dora": Dora, "dora_full": DoraFull, "lora_rs": RsLora, "lora_plus": LoraPlus, "vera": Vera}
