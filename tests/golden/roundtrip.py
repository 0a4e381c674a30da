# SPDX-License-Identifier: Apache-2.0
"""Compares the program's files with HF PEFT and transformers themselves, both ways.

    roundtrip.py adapter BASE ADAPTER LOGITS --task sst2 --data DIR   an adapter we wrote, loaded by PEFT
    roundtrip.py merged FOLDER LOGITS --task sst2 --data DIR          a checkpoint we exported, loaded by transformers
    roundtrip.py make BASE OUT --task sst2 --data DIR                 a PEFT adapter and OUT/logits.tsv for us to load
    roundtrip.py compare LOGITS LOGITS                                two such files with each other

LOGITS is a file of --predict: a row of tab-separated logits per dev example, in the file's order; lines that start with
# are skipped. The first three read the dev examples of DIR, or the first --limit of them. Every comparison prints the
largest difference and fails above --tolerance.
"""
import argparse
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench" / "peer"))
import glue  # noqa: E402


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = p.add_subparsers(dest="command", required=True)
    for name, positional in (("adapter", ("base", "adapter", "logits")), ("merged", ("folder", "logits")),
                             ("make", ("base", "out")), ("compare", ("logits", "other"))):
        c = commands.add_parser(name)
        for argument in positional:
            c.add_argument(argument, type=pathlib.Path)
        if name != "make":
            c.add_argument("--tolerance", type=float, default=1e-5)
        if name != "compare":
            c.add_argument("--task", required=True, choices=glue.TASKS)
            c.add_argument("--data", required=True, type=pathlib.Path)
            c.add_argument("--max-length", type=int, default=128)
            c.add_argument("--limit", type=int, help="only the first N dev examples")
        if name == "make":
            c.add_argument("--rank", type=int, default=8)
            c.add_argument("--alpha", type=float, default=16)
            c.add_argument("--targets", default="query,value")
            c.add_argument("--rank-pattern", default="", help="MODULE=RANK,...: ranks that differ")
            c.add_argument("--seed", type=int, default=1)
    return p.parse_args()


def classifier(folder, task):
    from transformers import AutoModelForSequenceClassification
    return AutoModelForSequenceClassification.from_pretrained(folder, num_labels=glue.TASKS[task].outputs)


def predict(model, tokenizer_folder, a):
    """Logits of the dev examples, (examples, labels), without dropout."""
    import torch
    from transformers import AutoTokenizer
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    rows = glue.read(a.data, a.task, "dev")[:a.limit]
    model.eval()
    logits = []
    with torch.no_grad():
        for at in range(0, len(rows), 32):
            batch = rows[at:at + 32]
            second = [r[1] for r in batch] if batch[0][1] is not None else None
            inputs = tokenizer([r[0] for r in batch], second, truncation=True, max_length=a.max_length, padding=True,
                               return_tensors="pt")
            logits.append(model(**inputs).logits)
    return torch.cat(logits).numpy()


def read_logits(path):
    """A row of logits per line; the program's own files have the class's name behind them, and say so in their header."""
    lines = path.read_text(encoding="utf8").splitlines()
    named = lines[0].startswith("#") and lines[0].endswith("\tprediction")
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return np.array([row[:-1] if named else row for row in rows], dtype=np.float64)


def judge(theirs, ours, tolerance):
    if theirs.shape != ours.shape:
        return f"shapes differ: {theirs.shape} against {ours.shape} in the file"
    worst = np.abs(theirs - ours).max()
    print(f"{len(ours)} examples: largest difference {worst:.2e}, largest logit {np.abs(theirs).max():.3g}")
    return None if worst <= tolerance else f"above the tolerance {tolerance:g}"


def load_adapter(a):
    """PEFT's model around the base; PEFT's warnings (missing or unexpected keys) become errors."""
    import warnings

    from peft import PeftModel
    base = classifier(a.base, a.task)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*(missing|unexpected).*")
        return PeftModel.from_pretrained(base, a.adapter)


def make(a):
    import torch
    from peft import LoraConfig, get_peft_model
    torch.manual_seed(a.seed)
    pattern = {k: int(v) for k, v in (pair.split("=") for pair in a.rank_pattern.split(",") if pair)}
    model = get_peft_model(classifier(a.base, a.task), LoraConfig(
        task_type="SEQ_CLS", r=a.rank, lora_alpha=a.alpha, target_modules=a.targets.split(","), rank_pattern=pattern))
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_B" in name:
                p.normal_(0, 0.1)
            elif "classifier.modules_to_save" in name:
                p.normal_(0, 0.2)
    model.save_pretrained(a.out)
    logits = predict(model, a.base, a)
    np.savetxt(a.out / "logits.tsv", logits, fmt="%.9g", delimiter="\t")
    with model.disable_adapter():
        moved = np.abs(logits - predict(model, a.base, a)).max()
    print(f"wrote {a.out}: largest logit {np.abs(logits).max():.3g}, moved by the adapter and head up to {moved:.3g}")


def main():
    a = arguments()
    if a.command == "make":
        return make(a)
    if a.command == "compare":
        return judge(read_logits(a.logits), read_logits(a.other), a.tolerance)
    if a.command == "adapter":
        theirs = predict(load_adapter(a), a.base, a)
    else:
        from transformers import AutoModelForSequenceClassification
        model, report = AutoModelForSequenceClassification.from_pretrained(a.folder, output_loading_info=True)
        wrong = {k: report[k] for k in ("missing_keys", "unexpected_keys", "mismatched_keys") if report[k]}
        if wrong:
            return f"{a.folder} does not fit: {wrong}"
        theirs = predict(model, a.folder, a)
    return judge(theirs, read_logits(a.logits), a.tolerance)


if __name__ == "__main__":
    sys.exit(main())
