# SPDX-License-Identifier: Apache-2.0
"""The PyTorch + HF PEFT side of the comparison: fine-tunes a BERT-family checkpoint on a GLUE task.

    python bench/peer/finetune.py --model DIR --task sst2 --data DIR --method lora --limit 6400 --json run.json

AdamW (weight decay on everything but gates), dropout from the checkpoint's config, batches shuffled anew each epoch and
padded to their longest sentence. Sentences are tokenized before the clock starts; the clock covers the training steps
alone, not evaluation. Prints one line per epoch; --json writes the run under the same keys as scripts/finetune does.
"""
import json
import random
import resource
import time

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer, get_scheduler, logging

import glue
import methods
import options
import sora


def arguments():
    p = options.parser(__doc__)
    p.add_argument("--task", required=True, choices=glue.TASKS)
    p.add_argument("--data", required=True, help="folder of train.tsv and dev.tsv")
    p.add_argument("--method", default="lora", choices=methods.METHODS)
    p.add_argument("--alpha", type=float, help="default: twice the rank")
    p.add_argument("--sites", default="attn.q,attn.v", help="LoRA's targets")
    p.add_argument("--gate-lambda", type=float, default=0.375, help="SoRA: xi = lr times this (3e-4 at lr 8e-4)")
    p.add_argument("--max-length", type=int, default=128)
    p.add_argument("--bf16", action="store_true", help="autocast to bfloat16")
    p.add_argument("--dropout", type=float, help="default: the checkpoint's")
    p.add_argument("--save", help="save the trained adapter or model in this folder")
    return p.parse_args()


def open_model(a):
    """The checkpoint with a head for the task, its own where the sizes fit, and --dropout in every place that its config has."""
    config = AutoConfig.from_pretrained(a.model, num_labels=glue.TASKS[a.task].outputs)
    for name in ("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout", "cls_dropout", "pooler_dropout"):
        if a.dropout is not None and hasattr(config, name):
            setattr(config, name, a.dropout)
    return AutoModelForSequenceClassification.from_pretrained(a.model, config=config, ignore_mismatched_sizes=True)


def encode(rows, tokenizer, max_length):
    second = [r[1] for r in rows] if rows[0][1] is not None else None
    out = tokenizer([r[0] for r in rows], second, truncation=True, max_length=max_length, padding=False)
    keys = [k for k in ("input_ids", "token_type_ids") if k in out]
    return [({k: out[k][i] for k in keys}, rows[i][2]) for i in range(len(rows))]


def collate(items, tokenizer):
    return tokenizer.pad([i[0] for i in items], return_tensors="pt"), torch.tensor([i[1] for i in items])


def evaluate(model, tokenizer, items, task):
    model.eval()
    logits = []
    with torch.no_grad():
        for at in range(0, len(items), 64):
            logits.append(model(**collate(items[at:at + 64], tokenizer)[0]).logits.float())
    return glue.score(task, torch.cat(logits).numpy(), torch.tensor([i[1] for i in items]).numpy())


def train_epoch(model, tokenizer, items, optimizer, scheduler, a):
    """One pass over `items`; returns seconds, real tokens, padded positions and the mean loss."""
    model.train()
    gates = sora.gates(model)
    tokens = positions = 0
    total = 0.0
    start = time.perf_counter()
    for at in range(0, len(items), a.batch):
        inputs, targets = collate(items[at:at + a.batch], tokenizer)
        tokens += int(inputs["attention_mask"].sum())
        positions += inputs["input_ids"].numel()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=a.bf16):
            loss = model(**inputs, labels=targets).loss
        loss.backward()
        optimizer.step()
        for gate in gates:
            sora.soft_threshold(gate, optimizer.param_groups[0]["lr"] * a.gate_lambda)
        scheduler.step()
        optimizer.zero_grad()
        total += loss.item() * len(targets)
    return time.perf_counter() - start, tokens, positions, total / len(items)


def main():
    a = arguments()
    logging.set_verbosity_error()
    random.seed(a.seed)
    torch.manual_seed(a.seed)
    torch.set_num_threads(a.threads)
    tokenizer = AutoTokenizer.from_pretrained(a.model)
    model = open_model(a)
    total = sum(p.numel() for p in model.parameters())
    model = methods.attach(model, a.method, a.rank, a.alpha or 2 * a.rank, sites=a.sites.split(","))
    if a.start:
        model.save_pretrained(a.start)
    rows = glue.read(a.data, a.task, "train")
    if not a.no_shuffle:
        random.shuffle(rows)
    train = encode(rows[:a.limit] if a.limit else rows, tokenizer, a.max_length)
    dev = encode(glue.read(a.data, a.task, "dev"), tokenizer, a.max_length)
    steps = -(-len(train) // a.batch) * a.epochs
    optimizer = torch.optim.AdamW(methods.optimizer_groups(model, a.weight_decay), lr=a.lr)
    scheduler = get_scheduler({"constant": "constant_with_warmup"}.get(a.schedule, a.schedule), optimizer,
                              num_warmup_steps=int(a.warmup * steps), num_training_steps=steps)
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    run = dict(method=a.method, task=a.task, seed=a.seed, trainable=trainable, total=total,
               metric=glue.TASKS[a.task].metric, dev=[], loss=[], examples=0, tokens=0, positions=0, seconds=0.0,
               precision="bf16" if a.bf16 else "fp32", threads=a.threads,
               memory_before_training_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    for epoch in range(a.epochs):
        if not a.no_shuffle:
            random.shuffle(train)
        seconds, tokens, positions, loss = train_epoch(model, tokenizer, train, optimizer, scheduler, a)
        run["seconds"] += seconds
        run["examples"] += len(train)
        run["tokens"] += tokens
        run["positions"] += positions
        run["loss"].append(loss)
        run["dev"].append(evaluate(model, tokenizer, dev, a.task))
        print(f"epoch {epoch + 1}: loss {loss:.4f}, dev {run['metric']} {run['dev'][-1]:.4f}, "
              f"{len(train) / seconds:.1f} examples/s", flush=True)
    run["examples_per_second"] = run["examples"] / run["seconds"]
    run["peak_memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if a.json:
        with open(a.json, "w", encoding="utf8") as file:
            json.dump(run, file, indent=2)
    if a.save:
        model.save_pretrained(a.save)


if __name__ == "__main__":
    main()
