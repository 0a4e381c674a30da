# SPDX-License-Identifier: Apache-2.0
"""The PyTorch + HF PEFT side of language modelling: LoRA on a causal checkpoint and the E2E challenge.

    python bench/peer/finetune_causal.py --model DIR --data DIR --limit 1000 --json run.json

DATA holds trainset.csv and devset.csv. A row is the meaning representation, a line feed, the sentence and the end of text;
the loss is that of the sentence and its end. AdamW, no dropout, batches padded to their longest row. --start saves the
adapter before the first step, for another program to begin from; --no-shuffle takes the rows in the order of the file. The
clock covers the training steps alone. --json writes the run under the same keys as scripts/finetune does.
"""
import csv
import json
import pathlib
import random
import time

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, get_scheduler, logging

import options


def arguments():
    p = options.parser(__doc__)
    p.set_defaults(batch=8)
    p.add_argument("--task", default="e2e", choices=["e2e"])
    p.add_argument("--data", required=True, type=pathlib.Path)
    p.add_argument("--method", default="lora", choices=["lora"])
    p.add_argument("--alpha", type=float, default=16)
    return p.parse_args()


def read(path):
    with open(path, encoding="utf8", newline="") as file:
        return [(row["mr"], row["ref"]) for row in csv.DictReader(file)]


def encode(rows, tokenizer, eos):
    """(ids, labels): the prompt's labels do not count."""
    out = []
    for source, target in rows:
        prompt = tokenizer(source + "\n", add_special_tokens=False)["input_ids"]
        answer = tokenizer(target, add_special_tokens=False)["input_ids"] + [eos]
        out.append((prompt + answer, [-100] * len(prompt) + answer))
    return out


def collate(items):
    longest = max(len(ids) for ids, _ in items)
    ids = torch.tensor([i + [0] * (longest - len(i)) for i, _ in items])
    labels = torch.tensor([t + [-100] * (longest - len(t)) for _, t in items])
    mask = torch.tensor([[1] * len(i) + [0] * (longest - len(i)) for i, _ in items])
    return dict(input_ids=ids, attention_mask=mask, labels=labels)


def mean_loss(model, items):
    """Of a token, over all rows."""
    model.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for at in range(0, len(items), 16):
            batch = collate(sorted(items, key=lambda i: len(i[0]))[at:at + 16])
            n = int((batch["labels"] != -100).sum())
            total += float(model(**batch).loss) * n
            count += n
    return total / count


def main():
    a = arguments()
    logging.set_verbosity_error()
    random.seed(a.seed)
    torch.manual_seed(a.seed)
    torch.set_num_threads(a.threads)
    tokenizer = AutoTokenizer.from_pretrained(a.model)
    model = AutoModelForCausalLM.from_pretrained(a.model)
    eos = model.generation_config.eos_token_id
    eos = eos[0] if isinstance(eos, list) else eos
    total = sum(p.numel() for p in model.parameters())
    model = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", r=a.rank, lora_alpha=a.alpha, lora_dropout=0.0,
                                             target_modules=["q_proj", "v_proj"]))
    if a.start:
        model.save_pretrained(a.start)
    rows = read(a.data / "trainset.csv")
    dev_rows = read(a.data / "devset.csv")
    train = encode(rows[:a.limit] if a.limit else rows, tokenizer, eos)
    dev = encode(dev_rows, tokenizer, eos)
    steps = -(-len(train) // a.batch) * a.epochs
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=a.lr, weight_decay=a.weight_decay)
    scheduler = get_scheduler({"constant": "constant_with_warmup"}.get(a.schedule, a.schedule), optimizer,
                              num_warmup_steps=int(a.warmup * steps), num_training_steps=steps)
    run = dict(method=a.method, task=a.task, seed=a.seed, trainable=sum(p.numel() for p in trained), total=total,
               metric="log_likelihood", dev=[], loss=[], step_losses=[], examples=0, tokens=0, seconds=0.0)
    for epoch in range(a.epochs):
        if not a.no_shuffle:
            random.shuffle(train)
        model.train()
        start = time.perf_counter()
        for at in range(0, len(train), a.batch):
            batch = collate(train[at:at + a.batch])
            loss = model(**batch).loss
            loss.backward()
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
            run["step_losses"].append(loss.item())
            run["tokens"] += int(batch["attention_mask"].sum())
        run["seconds"] += time.perf_counter() - start
        run["examples"] += len(train)
        run["loss"].append(sum(run["step_losses"][-steps // a.epochs:]) / (steps // a.epochs))
        run["dev"].append(-mean_loss(model, dev))
        print(f"epoch {epoch + 1}/{a.epochs}  loss {run['loss'][-1]:.4f}  dev loss {-run['dev'][-1]:.4f}", flush=True)
    if a.epochs == 0:
        run["dev"].append(-mean_loss(model, dev))
    run["examples_per_second"] = run["examples"] / run["seconds"] if run["seconds"] else 0
    if a.json:
        pathlib.Path(a.json).write_text(json.dumps(run, indent=1) + "\n", encoding="utf8")


if __name__ == "__main__":
    main()
