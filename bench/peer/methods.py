# SPDX-License-Identifier: Apache-2.0
"""Attaches a method to a sequence classifier of the BERT kind as PyTorch users do: LoRA by HF PEFT, others by hand."""
from peft import LoraConfig, get_peft_model

import sora

METHODS = ("head", "bitfit", "lora", "sora", "full")
TARGETS = {"attn.q": "query", "attn.k": "key", "attn.v": "value", "attn.out": "attention.output.dense",
           "ffn.up": "intermediate.dense", "ffn.down": "output.dense"}
DEBERTA = {"attn.q": "query_proj", "attn.k": "key_proj", "attn.v": "value_proj"}


def attach(model, method, rank=8, alpha=16, dropout=0.0, sites=("attn.q", "attn.v")):
    """Returns the model to train; what it trains has requires_grad. `sites` matter to LoRA only."""
    if method == "lora":
        targets = TARGETS | (DEBERTA if model.config.model_type == "deberta-v2" else {})
        return get_peft_model(model, LoraConfig(task_type="SEQ_CLS", r=rank, lora_alpha=alpha, lora_dropout=dropout,
                                                target_modules=[targets.get(s, s) for s in sites]))
    if method == "sora":
        return sora.attach(model, rank, alpha)
    for name, p in model.named_parameters():
        p.requires_grad = (method == "full" or name.startswith("classifier.")
                           or (method == "bitfit" and name.endswith(".bias")))
    return model


def optimizer_groups(model, weight_decay):
    """AdamW's parameter groups: everything trainable, SoRA's gates apart and without decay."""
    gates = {id(g) for g in sora.gates(model)}
    trainable = [p for p in model.parameters() if p.requires_grad]
    groups = [{"params": [p for p in trainable if id(p) not in gates], "weight_decay": weight_decay}]
    if gates:
        groups.append({"params": [p for p in trainable if id(p) in gates], "weight_decay": 0.0})
    return groups
