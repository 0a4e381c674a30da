#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fine-tunes a checkpoint with every method and prints the table: trainable parameters, dev metric, speed, memory.

    bench/methods/table.py --model DIR --data GLUE --out DIR [--full] [--methods NAME...] [--tasks NAME...] [--seeds N...]
                           [--epochs N] [--jobs N] [--plan] [--known results/minilm.json]

GLUE holds SST-2, CoLA and RTE in their official files. For each method and task the learning rate is the best of a grid
of three (the method's own, a third and three times of it) on the dev set after a short run with a seed of its own; then
some seeds with it. By default every method on SST-2 (6,400 examples; the search on 1,600; three seeds) and eight methods on
CoLA (whole; their own rates; one seed). --full: every method on SST-2, CoLA and RTE, whole, searched, five seeds. Pooling and
everything else that is no learning rate is the same for all methods of a task.

Each run has one worker, and --jobs of them (one per core) go on at once: the losses do not depend on the number of workers,
and the speed, examples per second of CPU time, does not depend on what else the machine does. The number of trained
parameters must be the closed form of the method's docstring (closed_form.py).

Every finished run is a file in OUT/runs: the same command again goes on where it stopped, and OUT/runs.json lists what the
table was made of. --known takes such a list, of another machine perhaps: its runs are not done again, nor the search of the
rates that they have; speeds are those of the list then. The plan and the time that it is
expected to take come first; --plan stops there.
"""
import argparse
import concurrent.futures
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time
import zlib

import closed_form

ROOT = pathlib.Path(__file__).resolve().parents[2]

# What all methods have alike: the head reads the mean of all tokens, as MiniLM was trained (with virtual tokens in front, the
# first token is one of these and not [CLS]); small batches, for steps are what methods with few parameters need.
COMMON = ["--pooling", "mean", "--batch", "16", "--dropout", "0"]
# The method's own learning rate, and its settings where they are not the program's defaults.
METHODS = {
    "head": (3e-3, []),
    "full": (5e-5, []),
    "lora": (1e-3, []),
    "sora": (1e-3, []),
    "pasta": (1e-2, []),
    "read": (3e-3, []),
    "bitfit": (2e-3, []),
    "adapter": (1e-3, []),
    "prefix": (1e-3, []),
    "p-tuning-v2": (1e-2, []),
    "prompt": (3e-2, []),
    "p-tuning": (3e-3, ["--head-lr", "9e-3"]),
    "mam": (5e-4, []),
    "adalora": (2e-3, []),
    "dora": (1e-3, []),
    "vera": (1e-2, []),
    "ia3": (1e-2, []),
    "pfeiffer": (1e-3, []),
    "parallel-adapter": (5e-4, []),
    "compacter": (3e-3, []),
    "low-rank-adapter": (3e-3, []),
    "lst": (3e-3, []),
    "side-tuning": (1e-3, ["--set", "start=pruned", "--head-lr", "9e-3"]),
    "diff-prune": (1e-4, ["--head-lr", "9e-3"]),
}
ON_COLA = ["head", "full", "lora", "sora", "pasta", "read", "bitfit", "adapter"]
FOLDER = {"sst2": "SST-2", "cola": "CoLA", "rte": "RTE"}
# Training examples, epochs; then the same of the search, if any; examples and dev examples of the whole task. SHORT fits into 100 minutes
# on two cores.
SHORT = {"sst2": (6400, 1, 1600, 1, 67349, 872), "cola": (0, 4, 0, 0, 8551, 1043)}
WHOLE = {"sst2": (0, 3, 1600, 1, 67349, 872), "cola": (0, 10, 1600, 4, 8551, 1043), "rte": (0, 20, 1600, 10, 2490, 277)}
SEEDS = {"sst2": [1, 2, 3], "cola": [1]}  # of SHORT
LONGER = {("cola", "pasta"): 12, ("cola", "read"): 8, ("cola", "side-tuning"): 8}  # epochs, where few parameters need more
LENGTH = {"sst2": 1.0, "cola": 0.8, "rte": 5.5}  # of a text beside SST-2's
DEV_LENGTH = {"sst2": 1.8, "cola": 1.0, "rte": 1.0}  # the same of a dev text beside the task's others: SST-2 trains on parts of sentences
SPECIALS = {"sst2": 2, "cola": 2, "rte": 3}
SEARCH_SEED = 1000


class Run:
    def __init__(self, task, method, lr, limit, epochs, seed):
        self.task, self.method, self.lr, self.limit, self.epochs, self.seed = task, method, lr, limit, epochs, seed

    def settings(self):
        return COMMON + METHODS[self.method][1]

    def name(self):
        settings = f"{zlib.crc32(' '.join(self.settings()).encode()):08x}"
        return f"{self.task}-{self.method}-lr{self.lr:g}-n{self.limit}-e{self.epochs}-s{self.seed}-{settings}"

    def seconds(self, speed):
        """By the examples that the method learns from in a second, speed(method). The head alone goes forward only, as an evaluation does."""
        whole, dev = WHOLE[self.task][4:]
        return 1 + self.epochs * ((self.limit or whole) / speed(self.method) + dev * DEV_LENGTH[self.task] / speed("head"))


def report_of(row):
    """A row of a list of runs in the form of the program's report, which says how many examples took how long."""
    return {**row, "dev": [row["dev"]], "examples": row["examples_per_core_second"], "cpu_seconds": 1.0}


def parser(description):
    """What every script that runs the program over and over is told."""
    p = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", required=True)
    p.add_argument("--data", required=True, type=pathlib.Path)
    p.add_argument("--out", required=True, type=pathlib.Path)
    p.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs at once")
    p.add_argument("--program", default=str(ROOT / "scripts" / "finetune"))
    return p


def start(o, task, method, lr, limit, epochs, seed, report, *settings):
    """One run of the program on one core, and what to say if it failed; whoever starts it looks at the status."""
    command = [o.program, "--model", o.model, "--task", task, "--data", str(o.data / FOLDER[task]), "--method", method, "--lr", f"{lr:g}",
               "--epochs", str(epochs), "--limit", str(limit), "--seed", str(seed), "--workers", "1", "--json", str(report), *COMMON, *settings]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    return done, f"{' '.join(command)}\nfailed with status {done.returncode}:\n{done.stderr[-2000:]}"


def arguments():
    p = parser(__doc__)
    p.add_argument("--full", action="store_true")
    p.add_argument("--plan", action="store_true")
    p.add_argument("--tasks", nargs="+", choices=list(FOLDER))
    p.add_argument("--methods", nargs="+", choices=list(METHODS))
    p.add_argument("--seeds", type=int, nargs="+")
    p.add_argument("--epochs", type=int, help="of every run but those of the search; default: the plan's")
    p.add_argument("--known", type=pathlib.Path, help="runs done before, a list like OUT/runs.json")
    p.add_argument("--print", action="store_true", help="the table of what is there, without a run")
    o = p.parse_args()
    rows = json.loads(o.known.read_text(encoding="utf-8")) if o.known else []
    o.known = {(r["task"], r["method"], r["lr"], r["epochs"], r["seed"]): report_of(r) for r in rows}
    o.known_rate = {(r["task"], r["method"]): r["lr"] for r in rows}
    return o


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


def epochs_of(o, task, method):
    return o.epochs or max(sizes(o, task)[1], LONGER.get((task, method), 0))


def search(o, task, method):
    """No runs: the method's own rate is taken, or the known one."""
    if (task, method) in o.known_rate:
        return []
    _, _, limit, epochs = sizes(o, task)[:4]
    return [Run(task, method, lr, limit, epochs, SEARCH_SEED) for lr in grid(method)] if epochs else []


def rate(o, task, method):
    """The best of the grid; None while the search is not done."""
    if (task, method) in o.known_rate:
        return o.known_rate[task, method]
    found = [(metric(result(o, r)), r.lr) for r in search(o, task, method) if result(o, r) is not None]
    if len(found) < len(search(o, task, method)):
        return None
    return max(found)[1] if found else METHODS[method][0]


def seeds(o, task):
    return o.seeds or ([1, 2, 3, 4, 5] if o.full else SEEDS.get(task, [1, 2, 3]))


def final(o, task, method, lr, seed):
    return Run(task, method, lr, sizes(o, task)[0], epochs_of(o, task, method), seed)


def path(o, run):
    return o.out / "runs" / (run.name() + ".json")


def key(run):
    return run.task, run.method, run.lr, run.epochs, run.seed


def result(o, run):
    if key(run) in o.known:
        return o.known[key(run)]
    try:
        return json.loads(path(o, run).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def metric(r):
    value = r["dev"][-1] if r.get("dev") else None
    return value if isinstance(value, (int, float)) and math.isfinite(value) else -math.inf


def per_core(r):
    """Training examples per second of CPU time."""
    return r["examples"] / max(r["cpu_seconds"], 1e-9)


stopped = threading.Event()


def execute(o, run):
    if result(o, run) is not None:
        return
    if stopped.is_set():
        raise KeyboardInterrupt
    print(run.name(), file=sys.stderr, flush=True)
    target = path(o, run)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    begin = time.monotonic()
    done, failure = start(o, run.task, run.method, run.lr, run.limit, run.epochs, run.seed, part, *METHODS[run.method][1])
    if done.returncode in (130, 143):
        stopped.set()
        raise KeyboardInterrupt
    if done.returncode:
        # A learning rate at which the run diverges is a result; everything else is an error.
        if "no longer finite" not in done.stderr and "the loss is" not in done.stderr:
            stopped.set()
            raise RuntimeError(failure)
        part.write_text(json.dumps({"diverged": True, "dev": []}), encoding="utf-8")
    run_data = json.loads(part.read_text(encoding="utf-8"))
    run_data.pop("step_losses", None)
    run_data["wall_seconds"] = time.monotonic() - begin
    part.write_text(json.dumps(run_data), encoding="utf-8")
    os.replace(part, target)


def fastest(pairs):
    """The largest of the speeds that come with each (task, method)."""
    best = {}
    for pair, speed in pairs:
        best[pair] = max(speed, best.get(pair, 0))
    return best


def speeds(o):
    """Examples per second of CPU time by task and method: of OUT's runs, else of the list that comes with this script, as much faster or
    slower as this machine was in the runs that both have. The fastest of a list: what ran beside the others is not known."""
    rows = json.loads((ROOT / "bench/methods/results/minilm.json").read_text(encoding="utf-8"))
    listed = fastest(((r["task"], r["method"]), r["examples_per_core_second"]) for r in rows)
    runs = [json.loads(file.read_text(encoding="utf-8")) for file in (o.out / "runs").glob("*.json")]
    here = fastest(((r["task"], r["method"]), per_core(r)) for r in runs if r.get("cpu_seconds") and r.get("examples"))
    both = [here[pair] / listed[pair] for pair in here.keys() & listed.keys()]
    machine = statistics.median(both) if both else 1.0
    return {pair: speed * machine for pair, speed in listed.items()} | here


def expected(o, runs):
    """Seconds that the runs not yet done will take on as many cores as --jobs says."""
    known = speeds(o)

    def speed(task, method):
        return known.get((task, method)) or known.get(("sst2", method), 100.0) / LENGTH[task]

    return sum(run.seconds(lambda method: speed(run.task, method)) for run in runs) / o.jobs


def minutes(seconds):
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"


def mean_and_deviation(values):
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0


def aligned(head, rows):
    widths = [max(len(line[i]) for line in [head, *rows]) for i in range(len(head))]
    lines = ["  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths))) for line in [head, *rows]]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def table(o, task):
    """Of one task: a row per method that has runs."""
    head_only, rows, data = None, [], []
    for method in [m for t, m in work(o) if t == task]:
        lr = rate(o, task, method)
        runs = [r for r in (result(o, final(o, task, method, lr, seed)) for seed in seeds(o, task)) if r and not r.get("diverged")] if lr else []
        if not runs:
            continue
        scores = [metric(r) for r in runs]
        mean, deviation = mean_and_deviation(scores)
        error = deviation / math.sqrt(len(scores))
        if method == "head":
            head_only = (mean, error)
        gain = (mean - head_only[0]) / max(math.hypot(error, head_only[1]), 1e-9) if head_only and method != "head" and len(scores) > 1 else None
        measured = [r for r in runs if "examples_per_core_second" in r] or runs
        speed = statistics.median(per_core(r) for r in measured)
        expected_trained = closed_form.trained(method, o.model, 2, SPECIALS[task])
        if runs[0]["trainable"] != expected_trained:
            sys.exit(f"{task}, {method}: trains {runs[0]['trainable']:,} numbers; the closed form says {expected_trained:,}")
        memory, peak = runs[0]["step_memory_mib"], max(r["peak_memory_mib"] for r in runs)
        data.append({"task": task, "method": method, "lr": lr, "epochs": epochs_of(o, task, method), "settings": METHODS[method][1],
                     "metric": runs[0]["metric"], "scores": scores, "standard_errors_over_head": gain, "trainable": runs[0]["trainable"],
                     "examples_per_cpu_second": round(speed, 1), "step_memory_mib": round(memory, 1), "peak_memory_mib": round(peak, 1)})
        rows.append([method, f"{runs[0]['trainable']:,}", f"{lr:g}",
                     str(data[-1]["epochs"]), str(len(scores)), f"{mean:.4f}", f"{deviation:.4f}" if len(scores) > 1 else "",
                     "" if gain is None else f"{gain:+.1f}", f"{speed:.0f}", f"{memory:.0f}", f"{peak:.0f}"])
    if rows:
        print(f"\n{task}, dev {data[0]['metric']}. n: seeds; errors: gain over head only in standard errors; ex/s: training examples per "
              "second of CPU time (one core); trainable: equal to the closed forms")
        print(aligned(["method", "trainable", "lr", "epochs", "n", "mean", "dev.", "errors", "ex/s", "step MiB", "peak MiB"], rows))
    return data


def rows_of(o, pairs):
    """The runs behind the table and all known ones, a row each."""
    reports = dict(o.known)
    for task, method in pairs:
        lr = rate(o, task, method)
        for run in [final(o, task, method, lr, seed) for seed in seeds(o, task)] if lr else []:
            if (r := result(o, run)) and not r.get("diverged"):
                reports[key(run)] = r
    return [{"task": task, "method": method, "lr": lr, "epochs": epochs, "seed": seed, "metric": r["metric"], "dev": metric(r),
             "trainable": r["trainable"], "examples_per_core_second": round(per_core(r), 1),
             "step_memory_mib": round(r["step_memory_mib"], 1), "peak_memory_mib": round(r["peak_memory_mib"], 1)}
            for (task, method, lr, epochs, seed), r in sorted(reports.items(), key=lambda entry: entry[0])]


def main():
    o = arguments()
    o.out.mkdir(parents=True, exist_ok=True)
    pairs = list(work(o))
    for task in dict.fromkeys(t for t, _ in pairs):
        limit, epochs, search_limit, search_epochs = sizes(o, task)[:4]
        epochs = o.epochs or epochs
        print(f"{task}: {sum(t == task for t, _ in pairs)} methods; "
              + (f"search: 3 learning rates, {search_limit:,} examples, {search_epochs} epoch(s); then " if search_epochs else "own rates; ")
              + f"seeds {' '.join(map(str, seeds(o, task)))}, {limit or 'all'} examples, {epochs} epoch(s)"
              + "".join(f", {m} {n}" for t, m in pairs if t == task and (n := epochs_of(o, t, m)) != epochs))
    print("own rates, and grids: " + "; ".join(f"{m} " + " ".join(f"{lr:g}" for lr in grid(m)) for m in dict.fromkeys(m for _, m in pairs)))
    print("all: " + " ".join(COMMON))
    runs = [r for p in pairs for r in [*search(o, *p), *(final(o, *p, rate(o, *p) or METHODS[p[1]][0], seed) for seed in seeds(o, p[0]))]]
    waiting = [r for r in runs if result(o, r) is None]
    print(f"{len(runs)} runs, {len(runs) - len(waiting)} done; expected time for the rest: {minutes(expected(o, waiting))}", flush=True)
    if o.plan:
        return

    def stages():
        """Lists of what may run at once: the searches, then a seed after the other."""
        yield [r for p in pairs for r in search(o, *p)]
        for seed in sorted({s for t, _ in pairs for s in seeds(o, t)}):
            yield [final(o, *p, rate(o, *p), seed) for p in pairs if seed in seeds(o, p[0])]

    with concurrent.futures.ThreadPoolExecutor(o.jobs) as pool:
        try:
            for stage in [] if o.print else stages():
                for done in [pool.submit(execute, o, run) for run in stage]:
                    done.result()
        except KeyboardInterrupt:
            stopped.set()
            print("stopped; the same command goes on", file=sys.stderr)
    data = []
    for task in dict.fromkeys(t for t, _ in pairs):
        data += table(o, task)
    (o.out / "runs.json").write_text(json.dumps(rows_of(o, pairs), indent=1) + "\n", encoding="utf-8")
    (o.out / "table.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
