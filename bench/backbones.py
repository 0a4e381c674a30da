#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fine-tunes real checkpoints of the other backbones, beside PyTorch + HF PEFT or beside full fine-tuning, and prints tables.

    bench/backbones.py --models DIR --data DIR --out DIR [--parts encoders llama t5] [--print]

MODELS holds what scripts/fetch --models makes; DATA the folders glue (SST-2, CoLA, RTE) and e2e.
  encoders  LoRA on RoBERTa and DeBERTa, CoLA and RTE. Both programs begin with the same adapter and head, see the same rows in
            the same order, without dropout: they must come to the same metric.
  llama     LoRA on SmolLM2, E2E, the same way: validation loss; then BLEU and ROUGE-L of our texts, before and after.
  t5        READ against full fine-tuning of flan-T5, SST-2 as text to text, three seeds, in T5's words and as a question: rate and
            number of epochs are the best of a grid on a seed of its own, for both.
Every finished run is a file in OUT/runs: the same command goes on where it stopped. The plan comes first.
"""
import argparse
import csv
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
ENCODERS = {"roberta": "roberta-l6-h384-question", "deberta": "deberta-v2-l12-h384-prompt-guard"}
TASKS = {"cola": ("CoLA", 2400, 2), "rte": ("RTE", 1200, 2)}  # folder, training rows, passes
LLAMA, T5 = "smollm2-135m-instruct", "flan-t5-small-titles"
T5_ROWS, T5_CLIP = 1600, 1  # without the clip the first gradients fill AdamW's second moments for the whole run
# By prompt: what its runs are called, and a grid of rates and epochs for each method. flan-T5 is tuned on instructions.
T5_PROMPTS = {
    "": ("t5-sst2", {"full": [(1e-4, 2), (3e-4, 2), (3e-4, 3)], "read": [(2e-3, 2), (5e-3, 2)]}),  # T5's own words
    "Is the following review positive or negative? {sentence}":
        ("t5-sst2-asked", {"full": [(3e-4, 2)], "read": [(3e-4, 1), (7e-4, 1), (2e-3, 1)]}),  # full: as found in T5's words
}
SEARCH_SEED, SEEDS = 1000, [1, 2, 3]


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--models", required=True, type=pathlib.Path)
    p.add_argument("--data", required=True, type=pathlib.Path)
    p.add_argument("--out", required=True, type=pathlib.Path)
    p.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    p.add_argument("--e2e-rows", type=int, default=800, help="to train on")
    p.add_argument("--e2e-sources", type=int, default=50, help="dev prompts, each with all its references")
    p.add_argument("--print", action="store_true", help="the tables of what is there, without a run")
    p.add_argument("--program", default=str(ROOT / "scripts" / "finetune"))
    p.add_argument("--peer", default=str(ROOT / "scripts" / "peer"), help="runs a Python file with PyTorch and PEFT")
    return p.parse_args()


def run(o, name, command):
    """The report of a run; None where it is not there and nothing may be run."""
    target = o.out / "runs" / f"{name}.json"
    if not target.exists() and not o.print:
        target.parent.mkdir(parents=True, exist_ok=True)
        print(name, file=sys.stderr, flush=True)
        part = target.with_suffix(".part")
        log = open(target.with_suffix(".log"), "w", encoding="utf-8")
        done = subprocess.run([*map(str, command), "--json", str(part)], stdout=log, stderr=subprocess.STDOUT)
        if done.returncode:
            sys.exit(f"{' '.join(map(str, command))}\nfailed with status {done.returncode}; see {log.name}")
        os.replace(part, target)
    return json.loads(target.read_text(encoding="utf-8")) if target.exists() else None


def passes(rows, limit, count, seed):
    """`count` shuffles, one after another, of the first `limit` rows of a first one."""
    generator = random.Random(seed)
    rows = list(rows)
    generator.shuffle(rows)
    out = []
    for _ in range(count):
        generator.shuffle(rows := rows[:limit])
        out += rows
    return out


def glue_in_order(o, task):
    """A folder whose training file holds every pass over the data, in the order in which it is to be seen."""
    name, limit, count = TASKS[task]
    folder = o.out / "data" / f"{task}-{limit}-{count}"
    if not folder.exists():
        part = folder.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        lines = (o.data / "glue" / name / "train.tsv").read_text(encoding="utf-8").split("\n")
        header, rows = ([], lines) if task == "cola" else (lines[:1], lines[1:])
        (part / "train.tsv").write_text("\n".join(header + passes([r for r in rows if r], limit, count, 1)) + "\n", encoding="utf-8")
        shutil.copy(o.data / "glue" / name / "dev.tsv", part)
        part.rename(folder)
    return folder


def e2e_in_order(o):
    folder = o.out / "data" / f"e2e-{o.e2e_rows}-{o.e2e_sources}"
    if not folder.exists():
        part = folder.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)

        def read(name):
            with open(o.data / "e2e" / name, encoding="utf-8", newline="") as file:
                return [(row["mr"], row["ref"]) for row in csv.DictReader(file)]

        def write(name, rows):
            with open(part / name, "w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([("mr", "ref"), *rows])

        whole = (o.data / "e2e" / "trainset.csv").exists()
        dev = read("devset.csv" if whole else "testset_w_refs.csv")
        sources = set(list(dict.fromkeys(mr for mr, _ in dev))[:o.e2e_sources])
        write("trainset.csv", passes(read("trainset.csv" if whole else "devset.csv"), o.e2e_rows, 1, 1))
        write("devset.csv", [row for row in dev if row[0] in sources])
        part.rename(folder)
    return folder


def table(head, rows):
    rows = [head, *[[str(c) for c in r] for r in rows]]
    widths = [max(len(r[i]) for r in rows) for i in range(len(head))]
    for i, r in enumerate(rows):
        print("| " + " | ".join(c.ljust(w) for c, w in zip(r, widths)) + " |")
        if i == 0:
            print("|" + "|".join("-" * (w + 2) for w in widths) + "|")
    print()


def pair(o, name, shared, peer_script, ours_options=(), peer_options=()):
    """The same run by the peer and by us, from the adapter with which the peer began."""
    start = o.out / "start" / name
    peer = run(o, f"{name}-peer", [o.peer, ROOT / "bench" / "peer" / peer_script, *shared, "--start", start, *peer_options])
    ours = run(o, f"{name}-ours", [o.program, *shared, "--load", start, *ours_options])
    return ours, peer


def encoders(o):
    rows = []
    for family, model in ENCODERS.items():
        for task in TASKS:
            shared = ["--model", o.models / model, "--task", task, "--data", glue_in_order(o, task), "--method", "lora", "--epochs", 1,
                      "--batch", 16, "--lr", 1e-3, "--dropout", 0, "--no-shuffle"]
            ours, peer = pair(o, f"{family}-{task}", shared, "finetune.py")
            if ours and peer:
                a, b = ours["dev"][-1], peer["dev"][-1]
                rows.append([family, task, ours["metric"], f"{a:.4f}", f"{b:.4f}", f"{100 * (a - b):+.2f}",
                             f"{ours['examples_per_second'] / peer['examples_per_second']:.1f}"])
    print("LoRA, same start and order\n")
    table(["model", "task", "metric", "peft.hpp", "PEFT", "points", "examples/s, ours / theirs"], rows)


def llama(o):
    data = e2e_in_order(o)
    model = ["--model", o.models / LLAMA, "--task", "e2e", "--data", data, "--method", "lora"]
    shared = [*model, "--epochs", 1, "--batch", 8, "--lr", 1e-3, "--no-shuffle"]
    before = run(o, f"llama-e2e-{o.e2e_rows}-before", [o.program, *model, "--epochs", 0])
    ours, peer = pair(o, f"llama-e2e-{o.e2e_rows}", shared, "finetune_causal.py", ["--dropout", 0])
    if not (before and ours and peer):
        return
    print(f"LoRA on {LLAMA}, E2E, {ours['examples']:,} examples, same start and order\n")
    a, b = ours["scores"]["loss"], -peer["dev"][-1]
    table(["", "validation loss", "BLEU", "ROUGE-L", "examples/s"],
          [["zero-shot", f"{before['scores']['loss']:.4f}", f"{before['written']['bleu']:.4f}", f"{before['written']['rouge_l']:.4f}", ""],
           ["peft.hpp", f"{a:.4f}", f"{ours['written']['bleu']:.4f}", f"{ours['written']['rouge_l']:.4f}", f"{ours['examples_per_second']:.1f}"],
           ["PEFT", f"{b:.4f} ({100 * (a / b - 1):+.3f} %)", "", "", f"{peer['examples_per_second']:.1f}"]])


def t5(o):
    def one(prompt, method, lr, epochs, seed):
        return run(o, f"{T5_PROMPTS[prompt][0]}-{method}-lr{lr:g}-e{epochs}-s{seed}",
                   [o.program, "--model", o.models / T5, "--task", "sst2", "--data", o.data / "glue" / "SST-2", "--method", method, "--lr", lr,
                    "--epochs", epochs, "--batch", 16, "--dropout", 0, "--clip", T5_CLIP, "--limit", T5_ROWS, "--seed", seed,
                    "--set", f"prompt={prompt}"])

    def row(prompt, method, grid):
        found = [(r["dev"][-1], place) for place in grid if (r := one(prompt, method, *place, SEARCH_SEED))]
        if len(found) < len(grid):
            return []
        lr, epochs = max(found)[1]
        runs = [r for r in (one(prompt, method, lr, epochs, s) for s in SEEDS) if r]
        if not runs:
            return []
        best = [r["dev"][-1] for r in runs]
        return [[method, f"{runs[0]['trainable']:,}", f"{lr:g}", epochs, " ".join(f"{b:.4f}" for b in best), f"{statistics.mean(best):.4f}",
                 f"{statistics.mean(r['step_memory_mib'] for r in runs):.0f}", f"{statistics.mean(r['peak_memory_mib'] for r in runs):.0f}",
                 f"{statistics.mean(r['cpu_seconds'] for r in runs):.0f}"]]

    rows = []
    for prompt, (_, grids) in T5_PROMPTS.items():
        zero = one(prompt, "read", 0.001, 0, SEARCH_SEED)
        of_prompt = [["zero-shot", "", "", "", "", f"{zero['dev'][-1]:.4f}", "", "", ""]] if zero else []
        for method, grid in grids.items():
            of_prompt += row(prompt, method, grid)
        rows += [["a question" if prompt else "T5's", *cells] for cells in of_prompt]
    print(f"{T5}, SST-2 as text to text, {T5_ROWS:,} examples\n")
    table(["prompt", "method", "trainable", "lr", "epochs", "accuracy by seed", "mean", "step MiB", "peak MiB", "CPU s"], rows)


PARTS = {"encoders": encoders, "llama": llama, "t5": t5}


def main():
    o = arguments()
    if not o.print:
        print(f"plan: {', '.join(o.parts)}; about an hour on two cores in all, half of it the peer's. Finished runs in {o.out / 'runs'} are kept.", file=sys.stderr)
        if subprocess.run([o.program, "--help"], stdout=subprocess.DEVNULL).returncode:  # builds it, outside the measurement
            sys.exit(f"{o.program}: does not run")
    for part in o.parts:
        PARTS[part](o)


if __name__ == "__main__":
    main()
