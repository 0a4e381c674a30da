#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws what table.py has measured.

    scripts/plot bench/memory/picture.py [RESULTS [SVG]]

Left: peak memory of the process in per cent of full fine-tuning, the whole batch as one group and in groups of the default size, beside
what READ's paper says (bounds as arrows: READ is at least a quarter under them). Middle: trained numbers against depth. Right: planned
memory of the four sizes of T5.
"""
import json
import pathlib
import sys

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "memory"
import matplotlib.pyplot as plt  # noqa: E402

from table import METHODS, PAPER, SIZES, planned  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent


def share(axes, known):
    of = {g: [100 * known[f"train {g} {m}"]["peak_bytes"] / known[f"train {g} full"]["peak_bytes"] for m in METHODS] for g in ("whole", "depth-first")}
    places = range(len(METHODS))
    axes.bar([x - 0.2 for x in places], of["whole"], 0.4, label="whole batch at once")
    axes.bar([x + 0.2 for x in places], of["depth-first"], 0.4, label="groups of 256 tokens")
    for x, method in enumerate(METHODS):
        value = float(PAPER[method].split()[-1])
        bound = PAPER[method].startswith(">=")
        axes.plot([x], [value], marker="^" if bound else "_", markersize=7 if bound else 22, markeredgewidth=2, color="black", linestyle="none",
                  label={"full": "paper", "lora": "paper, at least"}.get(method))
        axes.annotate(f"{of['whole'][x]:.0f}", (x - 0.2, of["whole"][x]), ha="center", va="bottom", fontsize=8)
    axes.set_xticks(places, METHODS, rotation=30)
    axes.set_ylabel("peak memory, % of full fine-tuning")
    axes.set_title("T5-base, 48 pairs")
    axes.legend(fontsize=8)


def depth(axes, known):
    layers = [6, 12, 24]
    for method in ("lora", "adapter", "lst", "read"):
        axes.plot(layers, [known[f"plan {n} layers {method}"]["trainable"] for n in layers], marker="o", label=method)
    axes.set_yscale("log")
    axes.set_xticks(layers)
    axes.set_xlabel("layers of each stack, width 768")
    axes.set_ylabel("trained numbers")
    axes.set_title("Trained numbers against depth")
    axes.legend(fontsize=8)


def sizes(axes, known):
    for method in METHODS:
        axes.plot([known[f"plan {s} {method}"]["backbone"] for s in SIZES], [planned(known[f"plan {s} {method}"]) / 2**30 for s in SIZES], marker="o", label=method)
    weights = [known[f"plan {s} full"] for s in SIZES]
    axes.plot([r["backbone"] for r in weights], [r["weights_bytes"] / 2**30 for r in weights], color="grey", linestyle=":", label="weights alone")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks([r["backbone"] for r in weights], SIZES)
    axes.minorticks_off()
    axes.set_ylabel("planned memory, GiB")
    axes.set_title("T5's sizes, the same batch")
    axes.legend(fontsize=8)


def main(results=HERE / "results" / "t5.json", to=HERE.parents[1] / "docs" / "pictures" / "read_memory.svg"):
    known = json.loads(pathlib.Path(results).read_text(encoding="utf-8"))
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(15, 4.5))
    share(left, known)
    depth(middle, known)
    sizes(right, known)
    figure.tight_layout()
    to = pathlib.Path(to)
    to.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(to, metadata={"Date": None})
    print(to)


if __name__ == "__main__":
    main(*sys.argv[1:])
