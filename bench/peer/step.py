# SPDX-License-Identifier: Apache-2.0
"""Times one training step of PyTorch + HF PEFT on a random BERT of a given shape; prints one JSON line.

    python bench/peer/step.py --layers 6 --hidden 384 --heads 12 --ffn 1536 --batch 32 --length 128 --method lora

Every sequence has the full length, so nothing is padded. `best` and `median` are seconds per step after one warm-up
step; memory is the process's resident peak, before the first step and at the end.
"""
import argparse
import json
import resource
import statistics
import time

import torch
from transformers import BertConfig, BertForSequenceClassification

import methods


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("layers", 6), ("hidden", 384), ("heads", 12), ("ffn", 1536), ("batch", 32), ("length", 128),
                          ("rank", 8), ("steps", 4), ("threads", 2)):
        p.add_argument(f"--{name}", type=int, default=default)
    p.add_argument("--method", default="lora", choices=methods.METHODS)
    p.add_argument("--dropout", type=float, default=0.1)
    p.add_argument("--bf16", action="store_true")
    return p.parse_args()


def peak_mib():
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main():
    a = arguments()
    torch.manual_seed(1)
    torch.set_num_threads(a.threads)
    config = BertConfig(num_hidden_layers=a.layers, hidden_size=a.hidden, num_attention_heads=a.heads, num_labels=2,
                        intermediate_size=a.ffn, hidden_dropout_prob=a.dropout, attention_probs_dropout_prob=a.dropout)
    model = methods.attach(BertForSequenceClassification(config), a.method, a.rank, 2 * a.rank).train()
    optimizer = torch.optim.AdamW(methods.optimizer_groups(model, 0.01), lr=1e-4)
    ids = torch.randint(1000, 20000, (a.batch, a.length))
    targets = torch.randint(0, 2, (a.batch,))
    mask = torch.ones_like(ids)
    before = peak_mib()

    def step():
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=a.bf16):
            loss = model(input_ids=ids, attention_mask=mask, labels=targets).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    step()
    times = []
    for _ in range(a.steps):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    print(json.dumps(dict(vars(a), best=round(min(times), 4), median=round(statistics.median(times), 4),
                          trainable=sum(p.numel() for p in model.parameters() if p.requires_grad),
                          memory_before_training_mib=before, peak_memory_mib=peak_mib())))


if __name__ == "__main__":
    main()
