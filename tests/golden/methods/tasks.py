# SPDX-License-Identifier: Apache-2.0
"""Token classification and multiple choice, on the weights of the tiny checkpoint: the head alone, and PEFT's LoRA."""
import torch
from peft import LoraConfig, get_peft_model
from torch.nn import functional as F
from transformers import BertForMultipleChoice, BertForTokenClassification

from recipe import Recipe, padded, plain

IGNORED = -100


class Task(Recipe):
    """`kind` is the class of transformers; rank 0 trains the head alone."""
    kind = None
    peft_name = None
    outputs = 0

    def __init__(self, rank, alpha=8):
        self.rank, self.alpha = rank, alpha

    def attach(self, model):
        torch.manual_seed(31)
        config = model.config
        config.num_labels = self.outputs
        self.model = self.kind(config)
        self.model.bert.load_state_dict(model.bert.state_dict(), strict=False)
        if self.rank:
            get_peft_model(self.model, LoraConfig(
                task_type=self.peft_name, r=self.rank, lora_alpha=self.alpha, lora_dropout=0.0,
                target_modules=["query", "value"], modules_to_save=["classifier"]))
        else:
            for name, p in self.model.named_parameters():
                p.requires_grad = name.startswith("classifier.")
        trained = {plain(k): p for k, p in self.model.named_parameters() if p.requires_grad}
        with torch.no_grad():
            for name, p in trained.items():
                if "lora_B" in name:
                    p.normal_(0, 0.3)
                elif name.startswith("classifier."):
                    p.normal_(0, 0.3)
        return trained

    def about(self):
        return {"method": "lora" if self.rank else "head", "rank": self.rank, "alpha": self.alpha,
                "task": self.kind.__name__}


class Tagging(Task):
    """A target per token, -100 where there is none: around the text, and on every third token within, as if it continued a word."""
    kind, peft_name, outputs = BertForTokenClassification, "TOKEN_CLS", 5

    def batches(self, batches):
        out = []
        for batch in batches:
            at, ids = batch["offsets"].tolist(), batch["ids"].tolist()
            targets = [IGNORED if ids[i] in (2, 3) or (i - a) % 3 == 0 else (ids[i] + i) % self.outputs
                       for a, b in zip(at, at[1:]) for i in range(a, b)]
            out.append(batch | {"targets": torch.tensor(targets, dtype=torch.float32)})
        return out

    def logits(self, batch):
        inputs = padded(batch)
        return self.model(**inputs).logits[inputs["attention_mask"].bool()]  # (tokens, labels), packed

    def loss(self, logits, batch):
        return F.cross_entropy(logits, batch["targets"].long(), ignore_index=IGNORED)


class Choosing(Task):
    """Three sequences are the choices of one example; a target per example."""
    kind, outputs, choices = BertForMultipleChoice, 1, 3

    def batches(self, batches):
        out = []
        for n, batch in enumerate(batches):
            offsets = batch["offsets"][:len(batch["offsets"]) - 1 - (len(batch["offsets"]) - 1) % self.choices + 1]
            last = offsets[-1].item()
            examples = (len(offsets) - 1) // self.choices
            targets = torch.tensor([(2 * e + n) % self.choices for e in range(examples)], dtype=torch.float32)
            out.append({"offsets": offsets.clone(), "ids": batch["ids"][:last].clone(), "types": batch["types"][:last].clone(),
                        "targets": targets})
        return out

    def logits(self, batch):
        inputs = padded(batch)
        return self.model(**{k: v.unflatten(0, (-1, self.choices)) for k, v in inputs.items()}).logits

    def loss(self, logits, batch):
        return F.cross_entropy(logits, batch["targets"].long())


RECIPES = {"tag_head": lambda: Tagging(0), "tag_lora": lambda: Tagging(4),
           "choose_head": lambda: Choosing(0), "choose_lora": lambda: Choosing(4)}
