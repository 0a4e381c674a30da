#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws what the papers draw, each picture (SVG) beside the data it is drawn from (TSV).

    scripts/plot bench/methods/pictures.py --model DIR --data GLUE --out DIR [--limit N] [--epochs N]

    sora_curve         SoRA's sparsity schedule on CoLA: parameters left against the metric on training and dev data
    sora_ranks         the ranks that are left after its last step, by layer and kind of matrix
    pasta_norms        norms of PASTA's vectors by layer and special token, after MRPC-like pairs (RTE)
    read_depth         trainable parameters, and planned memory of a step, against depth: READ beside the others

A part whose TSV is there already is drawn again without a run.
"""
import argparse
import csv
import pathlib
import re
import subprocess
import sys

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "peft"  # the same data, the same file
import matplotlib.pyplot as plt  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", required=True)
    p.add_argument("--data", required=True, type=pathlib.Path)
    p.add_argument("--out", required=True, type=pathlib.Path)
    p.add_argument("--limit", type=int, default=0, help="training examples; 0: all")
    p.add_argument("--epochs", type=int, default=10, help="of PASTA, and of the schedule's first step")
    p.add_argument("--program", default=str(ROOT / "scripts" / "finetune"))
    p.add_argument("--depth", default=str(ROOT / "build" / "host" / "bench" / "bench_depth"))
    return p.parse_args()


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t"))
    return rows[0], rows[1:]


def train(o, method, task, folder, *more):
    """Runs the program once for `folder`."""
    command = [o.program, "--model", o.model, "--task", task, "--data", str(o.data / {"cola": "CoLA", "rte": "RTE"}[task]), "--method", method,
               "--epochs", str(o.epochs), "--limit", str(o.limit), "--out", str(folder), "--overwrite", *more]
    print("+", *command, file=sys.stderr, flush=True)
    subprocess.run(command, check=True, stdout=sys.stderr)


def kept(o, name, make):
    """The TSV of a picture, made when it is not there."""
    path = o.out / (name + ".tsv")
    if not path.exists():
        path.write_text(make(), encoding="utf-8")
    return read(path)


def save(o, name, figure):
    figure.tight_layout()
    figure.savefig(o.out / (name + ".svg"), metadata={"Date": None})
    plt.close(figure)
    print(o.out / (name + ".svg"))


def heat_map(axes, values, rows, columns, label):
    image = axes.imshow(values, cmap="viridis", aspect="auto")
    axes.set_xticks(range(len(columns)), columns, rotation=30, ha="right")
    axes.set_yticks(range(len(rows)), rows)
    for i, row in enumerate(values):
        for j, value in enumerate(row):
            axes.text(j, i, f"{value:.3g}", ha="center", va="center", color="white" if image.norm(value) < 0.6 else "black", fontsize=8)
    axes.figure.colorbar(image, ax=axes, label=label)


def sora(o):
    def run():
        folder = o.out / "runs" / "sora-schedule"
        train(o, "sora-schedule", "cola", folder, "--lr", "1e-3")
        return (folder / "sparsity.tsv").read_text(encoding="utf-8")
    head, rows = kept(o, "sora_sparsity", run)
    column = {name: i for i, name in enumerate(head)}
    figure, (train_panel, dev_panel) = plt.subplots(2, 1, figsize=(6, 5), sharex=True)
    parameters = [int(r[column["parameters"]]) for r in rows]
    for axes, name, color in ((train_panel, "train", "tab:blue"), (dev_panel, "dev", "tab:orange")):
        axes.plot(parameters, [float(r[column[name]]) for r in rows], marker="o", color=color)
        axes.set_ylabel(f"Matthews correlation, {name}")
        axes.margins(x=0.08, y=0.2)
    for r, x in zip(rows, parameters):
        dev_panel.annotate(f"xi {float(r[column['xi']]):.0e}", (x, float(r[column["dev"]])), textcoords="offset points", xytext=(0, -12), ha="center", fontsize=7)
    dev_panel.set_xlabel("non-zero parameters of the delta")
    dev_panel.invert_xaxis()
    train_panel.set_title("SoRA on CoLA: compression and loss")
    save(o, "sora_curve", figure)

    modules = head[head.index("dev") + 1:]
    place = [(int(re.search(r"\.(\d+)\.", m)[1]), re.sub(r"^.*?\.\d+\.", "", m)) for m in modules]
    layers = sorted({layer for layer, _ in place})
    kinds = list(dict.fromkeys(kind for _, kind in place))
    ranks = [[0] * len(kinds) for _ in layers]
    for (layer, kind), value in zip(place, rows[-1][head.index("dev") + 1:]):
        ranks[layers.index(layer)][kinds.index(kind)] = int(value)
    figure, axes = plt.subplots(figsize=(7, 4))
    heat_map(axes, ranks, [f"layer {layer}" for layer in layers], kinds, "rank left")
    axes.set_title(f"Ranks after the last step, xi = {float(rows[-1][column['xi']]):.1e}")
    save(o, "sora_ranks", figure)


def pasta(o):
    def run():
        folder = o.out / "runs" / "pasta"
        train(o, "pasta", "rte", folder)
        return (folder / "special_token_norms.tsv").read_text(encoding="utf-8")
    head, rows = kept(o, "pasta_norms", run)
    figure, axes = plt.subplots(figsize=(5, 4))
    heat_map(axes, [[float(x) for x in r[1:]] for r in rows], [f"layer {r[0]}" for r in rows], head[1:], "norm")
    axes.set_title("PASTA on RTE: norms of the trained vectors")
    save(o, "pasta_norms", figure)


def read_depth(o):
    _, rows = kept(o, "read_depth", lambda: subprocess.run([o.depth], check=True, stdout=subprocess.PIPE, text=True).stdout)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    for method in dict.fromkeys(r[0] for r in rows):
        mine = [r for r in rows if r[0] == method]
        layers = [int(r[1]) for r in mine]
        left.plot(layers, [int(r[2]) for r in mine], marker="o", label=method)
        right.plot(layers, [int(r[3]) / 2**20 for r in mine], marker="o", label=method)
    left.set_yscale("log")
    left.set_ylabel("trainable parameters")
    right.set_ylabel("a group's memory, MiB")
    for axes in (left, right):
        axes.set_xlabel("layers (width 768)")
    right.legend()
    save(o, "read_depth", figure)


if __name__ == "__main__":
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    read_depth(options)
    pasta(options)
    sora(options)
