# SPDX-License-Identifier: Apache-2.0
"""Fine-tunes with this library and with PyTorch + HF PEFT in turn, for several seeds, and prints a table.

    PEER/bin/python bench/peer/compare.py --model DIR --task sst2 --data SST-2 --method lora --limit 6400 --seeds 1 2 3

Run it with the Python that has torch, transformers and peft, or name that one with --peer-python. Both sides see the
same files, head, schedule and number of threads; each draws its own subset and order from the seed. Ratios are taken
seed by seed, between runs that follow each other. Peak memory is the operating system's figure for the whole process, both
times.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SHARED = ("model", "task", "data", "method", "rank", "sites", "epochs", "batch", "lr", "schedule", "warmup", "limit")


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", required=True)
    p.add_argument("--task", required=True)
    p.add_argument("--data", required=True)
    p.add_argument("--method", default="lora")
    p.add_argument("--rank", type=int, default=8)
    p.add_argument("--sites", default="attn.q,attn.v")
    p.add_argument("--epochs", type=int, default=1)
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--lr", type=float, default=1e-3)
    p.add_argument("--schedule", default="linear")
    p.add_argument("--warmup", type=float, default=0.06)
    p.add_argument("--limit", type=int, help="training examples; default all")
    p.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    p.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    p.add_argument("--ours", default=str(HERE.parents[1] / "scripts" / "finetune"), help="the program to compare")
    p.add_argument("--peer-python", default=sys.executable)
    p.add_argument("--json", help="write every run here")
    return p.parse_args()


def run(command, threads):
    """Runs `command` with --json appended; returns what it wrote there, with the process's own peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "run.json")
        print("+", *command, file=sys.stderr, flush=True)
        process = subprocess.Popen([*command, "--json", report], stdout=sys.stderr,
                                   env={**os.environ, "OMP_NUM_THREADS": str(threads)})
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{command[0]} failed with status {process.returncode}")
        with open(report, encoding="utf8") as file:
            return json.load(file) | {"process_peak_mib": usage.ru_maxrss / 1024}


def spread(values, digits):
    deviation = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.{digits}f}{deviation}"


def ratio(above, below):
    ratios = [a / b for a, b in zip(above, below)]
    return f"{statistics.mean(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def last_dev(report):
    """The dev metric after the last epoch: a number, or an object that holds it under the metric's name."""
    last = report["dev"][-1]
    return last[report["metric"]] if isinstance(last, dict) else last


def table(runs, a):
    ours, peer = ([r[side] for r in runs] for side in ("ours", "peer"))

    def column(side, key):
        return [r[key] for r in side]

    last = [[last_dev(r) for r in side] for side in (ours, peer)]
    difference = statistics.mean(last[0]) - statistics.mean(last[1])
    rows = [(f"dev {peer[0]['metric']}", spread(last[0], 4), spread(last[1], 4), f"difference {difference:+.4f}")]
    for title, key, digits, inverse in (("examples per second, training alone", "examples_per_second", 1, False),
                                        ("peak memory, MiB", "process_peak_mib", 0, True)):
        o, p = column(ours, key), column(peer, key)
        rows.append((title, spread(o, digits), spread(p, digits), ratio(p, o) if inverse else ratio(o, p)))
    rows.append(("trainable parameters", f"{ours[0]['trainable']:,}", f"{peer[0]['trainable']:,}", ""))
    examples = f"{peer[0]['examples']:,} examples"
    lines = [f"{a.task}, {a.method}, {examples}, batch {a.batch}, lr {a.lr:g}, fp32, {a.threads} threads, "
             f"seeds {' '.join(map(str, a.seeds))}", "",
             "| | peft.hpp | PyTorch + PEFT | better by (range over seeds) |", "|---|---|---|---|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def main():
    a = arguments()
    shared = []
    skip = {"lora": (), "sora": ("sites",)}.get(a.method, ("rank", "sites"))
    for name in SHARED:
        if name not in skip and getattr(a, name) is not None:
            shared += [f"--{name}", str(getattr(a, name))]
    ours = [a.ours, *shared]
    peer = [a.peer_python, str(HERE / "finetune.py"), *shared, "--threads", str(a.threads)]
    subprocess.run([a.ours, "--help"], stdout=subprocess.DEVNULL, check=True)  # builds it, outside the measurement
    runs = []
    for seed in a.seeds:
        runs.append({side: run([*command, "--seed", str(seed)], a.threads)
                     for side, command in (("ours", ours), ("peer", peer))})
    if a.json:
        pathlib.Path(a.json).write_text(json.dumps(runs, indent=2) + "\n", encoding="utf8")
    print(table(runs, a))


if __name__ == "__main__":
    main()
