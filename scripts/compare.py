#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints runs of examples/finetune (its --json files) side by side."""
import json
import sys


def dev_metric(run):
    """The metric of the last epoch; `dev` is a list by epoch, of numbers or of objects that hold the metric's name."""
    dev = run.get("dev") or []
    last = dev[-1] if isinstance(dev, list) and dev else dev
    if isinstance(last, dict):
        name = run.get("metric")
        last = last.get(name, last.get("metric", next(iter(last.values()), None)))
    return last if isinstance(last, (int, float)) else None


def row(run):
    trainable, total = run["trainable"], run["total"]
    metric, removed = dev_metric(run), run.get("rank_removed")
    return [
        run["method"],
        f"{trainable:,}",
        f"{100 * trainable / total:.3g}",
        "-" if metric is None else f"{metric:.4f}",
        f"{run['examples_per_second']:.1f}",
        f"{run['peak_memory_mib']:.0f}",
        "" if removed is None else f"{removed}",
    ]


def table(head, rows):
    widths = [max(len(line[i]) for line in [head, *rows]) for i in range(len(head))]
    def text(line):
        return "  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths)))
    return "\n".join([text(head).rstrip(), "-" * (sum(widths) + 2 * len(widths) - 2), *(text(r).rstrip() for r in rows)])


def main(files):
    if not files:
        sys.exit("usage: compare.py RUN.json...")
    runs = []
    for name in files:
        try:
            with open(name, encoding="utf-8") as file:
                runs.append(json.load(file))
            row(runs[-1])
        except (OSError, ValueError, KeyError, TypeError) as error:
            sys.exit(f"{name}: not the --json file of a run: {type(error).__name__} {error}")
    metric = next((run["metric"] for run in runs if run.get("metric")), "metric")
    head = ["method", "trainable", "%", f"dev {metric}", "examples/s", "peak MiB", "ranks removed"]
    rows = [row(run) for run in runs]
    if not any(line[-1] for line in rows):
        head, rows = head[:-1], [line[:-1] for line in rows]
    print(table(head, rows))


if __name__ == "__main__":
    main(sys.argv[1:])
