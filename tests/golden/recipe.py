# SPDX-License-Identifier: Apache-2.0
"""What a golden file is made from: a method attached to a tiny BERT in PyTorch."""
import torch
from torch.nn import functional as F


class Recipe:
    """One golden file. A subclass in methods/ attaches a method, with values at which no gradient is zero."""
    lr = 1e-3
    model = None  # what holds every parameter

    def attach(self, model):
        """Sets self.model; returns the trained parameters, the head's included, by the library's names."""
        raise NotImplementedError

    def logits(self, batch):
        """(sequences, labels) of a packed batch."""
        return logits_of(self.model, batch)

    def batches(self, batches):
        """What the method's task takes: made of those of the checkpoint."""
        return batches

    def loss(self, logits, batch):
        """Another than that of classes and scores."""
        return loss_of(logits, batch)

    def penalty(self):
        """Added to the loss that is differentiated, not to the loss that is recorded."""
        return 0.0

    def decays(self, name):
        return True

    def lr_factor(self, name):
        return 1.0

    def after_step(self, step, total, lr):
        """Runs after the optimizer; step counts from 1."""

    def reset(self):
        """Forgets what after_step has gathered."""

    def about(self):
        """For the file's metadata."""
        return {"method": type(self).__name__}


def padded(batch):
    at = batch["offsets"].tolist()
    width = max(b - a for a, b in zip(at, at[1:]))
    ids, types, mask = (torch.zeros(len(at) - 1, width, dtype=torch.long) for _ in range(3))
    for s, (a, b) in enumerate(zip(at, at[1:])):
        ids[s, :b - a], types[s, :b - a], mask[s, :b - a] = batch["ids"][a:b], batch["types"][a:b], 1
    return {"input_ids": ids, "token_type_ids": types, "attention_mask": mask}


def plain(name):
    """A parameter's name without what PEFT puts in between."""
    for part in (".default", ".modules_to_save"):
        name = name.replace(part, "")
    return name


def loss_of(logits, batch):
    if logits.shape[1] == 1:
        return F.mse_loss(logits[:, 0], batch["targets"].to(logits.dtype))
    return F.cross_entropy(logits, batch["targets"].long())


def logits_of(model, batch, pooling="first"):
    inputs = padded(batch)
    if pooling == "first":
        return model(**inputs).logits
    mask = inputs["attention_mask"].unsqueeze(-1)
    hidden = model.bert(**inputs).last_hidden_state
    return model.classifier((hidden * mask).sum(1) / mask.sum(1))
