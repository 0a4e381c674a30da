# SPDX-License-Identifier: Apache-2.0
"""(IA)^3 from PEFT."""
import torch
from peft import IA3Config, get_peft_model
from recipe import Recipe, plain


class IA3(Recipe):
    # The feed-forward's last matrix by its whole path: "output.dense" alone takes attention's output as well.
    last = r".*\d\.output\.dense"

    def attach(self, model):
        self.model = model
        targets = r".*\.(key|value)|" + self.last
        get_peft_model(model, IA3Config(task_type="SEQ_CLS", target_modules=targets, feedforward_modules=self.last))
        random = torch.Generator().manual_seed(5)
        with torch.no_grad():
            for name, p in model.named_parameters():
                if "ia3_l" in name:
                    p.copy_(1 + 0.3 * torch.randn(p.shape, generator=random))
        return {plain(k): p for k, p in model.named_parameters() if p.requires_grad}


RECIPES = {"ia3": IA3}
