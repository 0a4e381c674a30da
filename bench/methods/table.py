#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fine-tunes a checkpoint with every method and prints the table: trainable parameters, dev metric, speed, memory.

    bench/methods/table.py --model DIR --data GLUE --out DIR [--full] [--methods NAME...] [--tasks NAME...] [--plan]

GLUE holds SST-2, CoLA and RTE in their official files. For each method and task the learning rate is the best of a grid
of three (the method's own, a third and three times of it) on the dev set after a short run with a seed of its own; then
three seeds with it. By default every method on SST-2 (6,400 examples, one epoch; the search on 1,600) and eight methods on
CoLA (whole, ten epochs; the search on 1,600 for four). --full: every method on SST-2, CoLA and RTE, whole, five seeds.

Every finished run is a file in OUT/runs: the same command again goes on where it stopped. The plan and the time that it is
expected to take come first; --plan stops there.
"""
import argparse
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]

# The method's own learning rate, and its settings where they are not the program's defaults.
METHODS = {
    "head": (3e-3, []),
    "bitfit": (2e-3, []),
    "lora": (1e-3, []),
    "sora": (1e-3, []),
    "adalora": (2e-3, []),
    "dora": (1e-3, []),
    "vera": (1e-2, []),
    "ia3": (1e-2, []),
    "adapter": (1e-3, []),
    "pfeiffer": (1e-3, []),
    "parallel-adapter": (1e-3, []),
    "compacter": (3e-3, []),
    "low-rank-adapter": (3e-3, []),
    "prefix": (1e-3, []),
    "prompt": (1e-2, []),
    "p-tuning": (1e-3, []),
    "p-tuning-v2": (1e-2, []),
    "mam": (1e-3, []),
    "pasta": (5e-3, []),
    "read": (3e-3, []),
    "lst": (3e-3, []),
    "side-tuning": (1e-3, []),
    "diff-prune": (1e-4, []),
    "full": (5e-5, []),
}
ON_COLA = ["head", "bitfit", "lora", "sora", "adapter", "pasta", "read", "full"]
FOLDER = {"sst2": "SST-2", "cola": "CoLA", "rte": "RTE"}
# Training examples, epochs; then the same of the search; examples and dev examples of the whole task.
SHORT = {"sst2": (6400, 1, 1600, 1, 67349, 872), "cola": (0, 10, 1600, 4, 8551, 1043)}
WHOLE = {"sst2": (0, 3, 1600, 1, 67349, 872), "cola": (0, 10, 1600, 4, 8551, 1043), "rte": (0, 20, 1600, 10, 2490, 277)}
SEARCH_SEED = 1000


class Run:
    def __init__(self, task, method, lr, limit, epochs, seed):
        self.task, self.method, self.lr, self.limit, self.epochs, self.seed = task, method, lr, limit, epochs, seed

    def name(self):
        return f"{self.task}-{self.method}-lr{self.lr:g}-n{self.limit}-e{self.epochs}-s{self.seed}"

    def passes(self):
        """Training examples that the run goes through, and dev examples, of which three cost as much as one."""
        whole, dev = WHOLE[self.task][4:]
        return ((self.limit or whole) + dev / 3) * self.epochs


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", required=True)
    p.add_argument("--data", required=True, type=pathlib.Path)
    p.add_argument("--out", required=True, type=pathlib.Path)
    p.add_argument("--full", action="store_true")
    p.add_argument("--plan", action="store_true")
    p.add_argument("--tasks", nargs="+", choices=list(FOLDER))
    p.add_argument("--methods", nargs="+", choices=list(METHODS))
    p.add_argument("--seeds", type=int, nargs="+")
    p.add_argument("--program", default=str(ROOT / "scripts" / "finetune"))
    return p.parse_args()


def work(o):
    """(task, method) pairs in order."""
    tasks = o.tasks or (list(WHOLE) if o.full else list(SHORT))
    for task in tasks:
        methods = o.methods or (ON_COLA if task == "cola" and not o.full else list(METHODS))
        for method in methods:
            yield task, method


def grid(method):
    lr = METHODS[method][0]
    return [float(f"{lr * factor:.2g}") for factor in (1 / 3, 1, 3)]


def sizes(o, task):
    return (WHOLE if o.full or task not in SHORT else SHORT)[task]


def search(o, task, method):
    _, _, limit, epochs = sizes(o, task)[:4]
    return [Run(task, method, lr, limit, epochs, SEARCH_SEED) for lr in grid(method)]


def final(o, task, method, lr):
    limit, epochs = sizes(o, task)[:2]
    return [Run(task, method, lr, limit, epochs, seed) for seed in o.seeds or ([1, 2, 3, 4, 5] if o.full else [1, 2, 3])]


def path(o, run):
    return o.out / "runs" / (run.name() + ".json")


def result(o, run):
    try:
        return json.loads(path(o, run).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def metric(r):
    value = r["dev"][-1] if r.get("dev") else None
    return value if isinstance(value, (int, float)) and math.isfinite(value) else -math.inf


def execute(o, run, left):
    if result(o, run) is not None:
        return
    print(f"[{left}] {run.name()}", file=sys.stderr, flush=True)
    target = path(o, run)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    settings = METHODS[run.method][1]
    command = [o.program, "--model", o.model, "--task", run.task, "--data", str(o.data / FOLDER[run.task]), "--method", run.method,
               "--lr", f"{run.lr:g}", "--epochs", str(run.epochs), "--limit", str(run.limit), "--seed", str(run.seed),
               "--json", str(part), *settings]
    begin = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode in (130, 143):
        raise KeyboardInterrupt
    if done.returncode:
        # A learning rate at which the run diverges is a result; everything else is an error.
        if "no longer finite" not in done.stderr and "the loss is" not in done.stderr:
            sys.exit(f"{' '.join(command)}\nfailed with status {done.returncode}:\n{done.stderr[-2000:]}")
        part.write_text(json.dumps({"diverged": True, "dev": []}), encoding="utf-8")
    run_data = json.loads(part.read_text(encoding="utf-8"))
    run_data["wall_seconds"] = time.monotonic() - begin
    part.write_text(json.dumps(run_data), encoding="utf-8")
    os.replace(part, target)


def expected(o, runs):
    """Seconds that the runs not yet done will take: by the rate of each task and method where it is known."""
    rates = {}
    for file in (o.out / "runs").glob("*.json"):
        r = json.loads(file.read_text(encoding="utf-8"))
        if r.get("wall_seconds") and r.get("examples"):
            rates.setdefault((r["task"], r["method"]), []).append(r["examples"] / r["wall_seconds"])
    usual = {"sst2": 250.0, "cola": 500.0, "rte": 70.0}
    return sum(2 + run.passes() / (statistics.median(rates[run.task, run.method]) if (run.task, run.method) in rates else usual[run.task])
               for run in runs if result(o, run) is None)


def minutes(seconds):
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"


def mean_and_deviation(values):
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0


def aligned(head, rows):
    widths = [max(len(line[i]) for line in [head, *rows]) for i in range(len(head))]
    lines = ["  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths))) for line in [head, *rows]]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def table(o, task, chosen):
    """Of one task: a row per method that is complete."""
    head_only, rows, data = None, [], []
    for method in [m for t, m in work(o) if t == task]:
        runs = [result(o, r) for r in final(o, task, method, chosen[task, method])] if (task, method) in chosen else [None]
        if None in runs or any(r.get("diverged") for r in runs):
            continue
        scores = [metric(r) for r in runs]
        mean, deviation = mean_and_deviation(scores)
        error = deviation / math.sqrt(len(scores))
        if method == "head":
            head_only = (mean, error)
        beats = "" if method == "head" or head_only is None else \
            f"{(mean - head_only[0]) / max(math.hypot(error, head_only[1]), 1e-9):+.1f}"
        speed = statistics.median(r["examples_per_second"] for r in runs)
        data.append({"task": task, "method": method, "lr": chosen[task, method], "metric": runs[0]["metric"], "scores": scores,
                     "trainable": runs[0]["trainable"], "examples_per_second": speed,
                     "step_memory_mib": runs[0].get("step_memory_mib"), "peak_memory_mib": max(r["peak_memory_mib"] for r in runs)})
        memory = runs[0].get("step_memory_mib")
        rows.append([method, f"{runs[0]['trainable']:,}", f"{100 * runs[0]['trainable'] / runs[0]['total']:.3g}", f"{chosen[task, method]:g}",
                     f"{mean:.4f}", f"{deviation:.4f}", beats, f"{speed:.0f}", f"{memory:.0f}" if memory else "",
                     f"{data[-1]['peak_memory_mib']:.0f}"])
    if rows:
        print(f"\n{task}, dev {data[0]['metric']}, {len(data[0]['scores'])} seeds; 'errors' = gain over head only in standard errors")
        print(aligned(["method", "trainable", "%", "lr", "mean", "dev.", "errors", "ex/s", "step MiB", "peak MiB"], rows))
    return data


def main():
    o = arguments()
    pairs = list(work(o))
    runs = []
    for task, method in pairs:
        runs += search(o, task, method) + final(o, task, method, grid(method)[1])
    waiting = [r for r in runs if result(o, r) is None]
    for task in dict.fromkeys(t for t, _ in pairs):
        limit, epochs, search_limit, search_epochs = sizes(o, task)[:4]
        print(f"{task}: {sum(t == task for t, _ in pairs)} methods; search: 3 learning rates, {search_limit:,} examples, {search_epochs} epoch(s); "
              f"then {len(final(o, task, 'head', 1))} seeds, {limit or 'all'} examples, {epochs} epoch(s)")
    print("grids: " + "; ".join(f"{m} " + " ".join(f"{lr:g}" for lr in grid(m)) for m in dict.fromkeys(m for _, m in pairs)))
    print(f"{len(runs)} runs, {len(runs) - len(waiting)} done; expected time for the rest: {minutes(expected(o, waiting))}", flush=True)
    if o.plan:
        return
    chosen = {}
    left = len(runs)
    try:
        for task, method in pairs:
            for run in search(o, task, method):
                execute(o, run, left)
                left -= 1
            chosen[task, method] = max(search(o, task, method), key=lambda r: metric(result(o, r))).lr
            for run in final(o, task, method, chosen[task, method]):
                execute(o, run, left)
                left -= 1
    except KeyboardInterrupt:
        print("stopped; the same command goes on", file=sys.stderr)
    data = []
    for task in dict.fromkeys(t for t, _ in pairs):
        data += table(o, task, chosen)
    (o.out / "table.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
