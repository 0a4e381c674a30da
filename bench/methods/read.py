#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the READ paper leaves open, measured: each option of its own beside the defaults.

    bench/methods/read.py --model DIR --data GLUE --out DIR [--limit N] [--seeds S...] [--jobs N] [--print]

SST-2, everything else as in table.py. The learning rate of each is the best of three on a quarter of the examples with a seed
of its own. A run that is there already is not made again; --print makes none.
"""
import concurrent.futures
import json
import math
import os
import statistics
import sys

from table import SEARCH_SEED, parser, start

OPTIONS = {
    "defaults: GRU, width 128": [],
    "RNN": ["cell=rnn"],
    "LSTM": ["cell=lstm"],
    "width 64": ["width=64"],
    "width 256": ["width=256"],
    "layers measured by their own size": ["relative=1"],
    "a norm after the correction": ["norm_after=1"],
    "the projection begins at random": ["output_deviation=0.02"],
    "joiner of the token and the others (eqs. 12, 13)": ["variant=concat"],
    "the same, gated (eq. 14)": ["variant=gated"],
    "no recurrence": ["variant=layers"],
}
RATES = [1e-3, 3e-3, 9e-3]


def arguments():
    p = parser(__doc__)
    p.add_argument("--limit", type=int, default=6400)
    p.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    p.add_argument("--print", action="store_true")
    return p.parse_args()


def run(o, settings, lr, limit, seed):
    """The program's report."""
    report = o.out / f"{'-'.join(settings) or 'defaults'}-lr{lr:g}-n{limit}-s{seed}.json"
    if not report.exists() and not o.print:
        print(report.stem, file=sys.stderr, flush=True)
        o.out.mkdir(parents=True, exist_ok=True)
        part = report.with_suffix(".part")
        done, failure = start(o, "sst2", "read", lr, limit, 1, seed, part, *(word for s in settings for word in ("--set", s)))
        if done.returncode:
            sys.exit(failure)
        os.replace(part, report)
    return json.loads(report.read_text(encoding="utf-8")) if report.exists() else None


def main():
    o = arguments()
    with concurrent.futures.ThreadPoolExecutor(o.jobs) as pool:
        search = {(name, lr): pool.submit(run, o, OPTIONS[name], lr, o.limit // 4, SEARCH_SEED) for name in OPTIONS for lr in RATES}
        best = {}
        for name in OPTIONS:
            found = [(r["dev"][-1], lr) for lr in RATES if (r := search[name, lr].result())]
            if len(found) == len(RATES):
                best[name] = max(found)[1]
        runs = {name: [pool.submit(run, o, OPTIONS[name], lr, o.limit, s) for s in o.seeds] for name, lr in best.items()}
        print("| READ | trainable | lr | dev accuracy, mean | deviation | difference to the defaults, standard errors |\n|---|---|---|---|---|---|")
        base = None
        for name, all_runs in runs.items():
            reports = [r for f in all_runs if (r := f.result())]
            if len(reports) < 2:
                continue
            dev = [r["dev"][-1] for r in reports]
            mean, deviation = statistics.mean(dev), statistics.stdev(dev)
            error = deviation / math.sqrt(len(dev))
            apart = ""
            if base:
                apart = f"{(mean - base[0]) / max(math.hypot(error, base[1]), 1e-9):+.1f}"
            else:
                base = mean, error
            print(f"| {name} | {reports[0]['trainable']:,} | {best[name]:g} | {mean:.4f} | {deviation:.4f} | {apart} |")


if __name__ == "__main__":
    main()
