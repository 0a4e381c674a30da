#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Memory of fine-tuning T5 with seven methods, planned and measured, and of reading one sentence with them.

    bench/memory/table.py [--program build/host/bench/bench_memory] [--results FILE] [--print | --claims]

One process per run, one run at a time: on T5-base (values drawn at random) two training steps of each method, the whole batch as one
group and in groups of the default size, with one worker; then sentences one by one. Plans, for which nothing is run, of all four sizes,
of READ at several depths, and of longer batches. A run that FILE holds already is not made again; full fine-tuning needs 7.5 GiB.
Seconds are CPU time, the least of the repetitions: other jobs may run beside.
"""
import argparse
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
METHODS = ["full", "adapter", "prompt", "lora", "bitfit", "lst", "read"]
ALONE = ["none", "lora", "adapter", "lst", "read"]  # read one sentence; none: the backbone, as full fine-tuning leaves it
SIZES = ["small", "base", "large", "3b"]
# What the paper's text gives in per cent of full fine-tuning, or of READ (Nguyen et al., 2023, section 4; its tables' numbers are not in
# the text). "At least": READ is a quarter under them.
PAPER = {"full": "100", "read": "44", "lst": "37", "adapter": ">= 59", "prompt": ">= 59", "lora": ">= 59", "bitfit": ">= 59"}
PAPER_INFERENCE = {"read": ("1", "1"), "lst": ("1.40", "1.77")}


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--program", default=str(ROOT / "build" / "host" / "bench" / "bench_memory"))
    p.add_argument("--results", type=pathlib.Path, default=HERE / "results" / "t5.json")
    p.add_argument("--print", action="store_true", help="the tables of what is there, without a run")
    p.add_argument("--claims", action="store_true", help="what plans alone show, made afresh: fails where READ is not what it says it is")
    return p.parse_args()


def runs():
    """Name of a run to its arguments."""
    for size in SIZES:
        for method in METHODS:
            yield f"plan {size} {method}", [method, "--size", size, "--mode", "plan"]
    for method in METHODS:
        yield f"plan long {method}", [method, "--mode", "plan", "--source", "128", "--batch", "96"]
    for layers in (6, 12, 24):
        for method in ("read", "lst", "adapter", "lora"):
            yield f"plan {layers} layers {method}", [method, "--layers", str(layers), "--mode", "plan"]
    yield "plan READ-large", ["read", "--size", "large", "--layers", "20", "--mode", "plan"]
    for cell, width in (("rnn", 256), ("gru", 256), ("lstm", 128), ("lstm", 256)):
        yield f"plan read {cell} {width}", ["read", "--cell", cell, "--width", str(width), "--mode", "plan"]
    for groups in ("whole", "depth-first"):
        for method in METHODS:
            yield f"train {groups} {method}", [method, "--groups", groups]
    for method in ALONE:
        yield f"infer {method}", [method, "--mode", "infer", "--batch", "1", "--repeats", "20"]


def one(o, more):
    return json.loads(subprocess.run([o.program, *more], check=True, stdout=subprocess.PIPE, text=True).stdout)


def run(o, known):
    for name, more in runs():
        if name in known:
            continue
        print(name, file=sys.stderr, flush=True)
        known[name] = one(o, more)
        known[name].pop("buffers")
        o.results.parent.mkdir(parents=True, exist_ok=True)
        o.results.write_text("{\n" + ",\n".join(f'"{n}": {json.dumps(r)}' for n, r in known.items()) + "\n}\n", encoding="utf-8")


def mib(count):
    return f"{count / 2**20:,.0f}"


def above(r):
    """What a step needs beside the backbone's weights: the method's values, gradients and moments, and the workspace."""
    return r["values_bytes"] + r["gradients_bytes"] + r["moments_bytes"] + r["step_bytes"]


def planned(r):
    return r["weights_bytes"] + above(r)


def once(r):
    """The same of a program that keeps the weights once, and one gradient: for full fine-tuning weights, gradient and two moments."""
    return planned(r) - (r["weights_bytes"] if r["method"] == "full" else 0) - r["gradients_bytes"] // 2


def table(title, head, rows):
    """In Markdown, aligned."""
    widths = [max(len(line[i]) for line in [head, *rows]) for i in range(len(head))]
    lines = ["| " + " | ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths))) + " |" for line in [head, *rows]]
    rule = "|" + "|".join("-" * (w + 1) + ("-" if i == 0 else ":") for i, w in enumerate(widths)) + "|"
    print("\n" + title + "\n\n" + "\n".join([lines[0], rule, *lines[1:]]))


def under(part, whole):
    return f"{100 * (1 - part / whole):.1f}"


def training(known):
    full, first = known["train whole full"], known["train depth-first full"]
    rows = []
    for method in METHODS:
        whole, groups = known[f"train whole {method}"], known[f"train depth-first {method}"]
        rows.append([method, f"{whole['trainable']:,}", mib(whole["step_bytes"]), mib(above(whole)), mib(whole["peak_bytes"]),
                     under(whole["peak_bytes"], full["peak_bytes"]), PAPER[method], under(once(whole), once(full)), f"{min(whole['cpu_seconds']):.1f}",
                     mib(groups["step_bytes"]), mib(groups["peak_bytes"]), under(groups["peak_bytes"], first["peak_bytes"]),
                     f"{min(groups['cpu_seconds']):.1f}"])
    table(f"T5-base, {full['pairs']} pairs, sources of {full['source'] // 2} to {full['source'] * 3 // 2} tokens ({full['group_tokens']:,} in all), "
          f"{full['target']} decoder rows each. MiB; the whole batch as one group, then groups of the default size",
          ["method", "trainable", "workspace", "above weights", "peak", "% under full", "paper: % of full", "% under (weights once)", "s/step",
           "groups: workspace", "peak", "% under full", "s/step"], rows)


def sizes(known):
    rows = []
    for method in METHODS:
        row = [method]
        for size in SIZES:
            r = known[f"plan {size} {method}"]
            row += [f"{r['trainable']:,}", mib(above(r)), f"{planned(r) / 2**30:.2f}"]
        rows.append(row)
    table("Planned, the same batch: trainable numbers, MiB above the weights, GiB in all",
          ["method"] + [f"{size}: {what}" for size in SIZES for what in ("trained", "above", "all")], rows)
    rows = [[str(layers), *(f"{known[f'plan {layers} layers {m}']['trainable']:,}" for m in ("read", "lst", "adapter", "lora"))] for layers in (6, 12, 24)]
    table("Trainable numbers against depth, width 768", ["layers of each stack", "read", "lst", "adapter", "lora"], rows)
    rows = [[name, f"{known[key]['trainable']:,}", mib(above(known[key])), f"{planned(known[key]) / 2**30:.2f}"] for name, key in
            [("READ, GRU 128", "plan base read"), *((f"READ, {c.upper()} {w}", f"plan read {c} {w}") for c, w in (("rnn", 256), ("gru", 256), ("lstm", 128), ("lstm", 256))),
             ("READ-large, GRU 128", "plan READ-large"), ("full, T5-base", "plan base full")]]
    table("Other cells and widths; T5-large without four layers of each stack", ["", "trained", "above", "all"], rows)
    rows = [[m, mib(known[f"plan long {m}"]["step_bytes"]), mib(above(known[f"plan long {m}"])), f"{planned(known[f'plan long {m}']) / 2**30:.2f}"] for m in METHODS]
    table("T5-base, 96 pairs with sources of 64 to 192 tokens", ["method", "workspace", "above", "all, GiB"], rows)


def inference(known):
    read = known["infer read"]
    rows = []
    for method in ALONE:
        r = known[f"infer {method}"]
        seconds = min(r["cpu_seconds"][1:])
        # What it takes beside the weights: the method's own values and the workspace.
        extra, base = r["values_bytes"] + r["step_bytes"], read["values_bytes"] + read["step_bytes"]
        rows.append([method, f"{1000 * seconds:.0f}", f"{seconds / min(read['cpu_seconds'][1:]):.2f}", f"{extra / 2**20:.1f}", f"{extra / base:.2f}",
                     f"{r['peak_bytes'] / 2**20:.1f}", f"{r['peak_bytes'] / read['peak_bytes']:.3f}", *PAPER_INFERENCE.get(method, ("n/a", "n/a"))])
    table(f"T5-base, one sentence of {read['source']} tokens, {read['target']} decoder rows and their logits; ratios to READ",
          ["method", "ms", "ratio", "MiB beside the weights", "ratio", "peak MiB", "ratio", "paper: memory", "paper: time"], rows)


def check(known):
    """The plan without memory is that of the run, and the run takes what was planned."""
    for method in METHODS:
        plan, done = known[f"plan base {method}"], known[f"train whole {method}"]
        if plan["trainable"] != done["trainable"] or plan["step_bytes"] != done["step_bytes"]:
            sys.exit(f"{method}: the plan says {plan['trainable']:,} numbers and {plan['step_bytes']:,} bytes, the run {done['trainable']:,} and {done['step_bytes']:,}")
        beside = done["peak_bytes"] - planned(done)
        print(f"{method}: planned {mib(planned(done))} MiB, peak {mib(done['peak_bytes'])} MiB ({beside / 2**20:+.0f}: the program, less what a step never touches)", file=sys.stderr)


def claims(o):
    """READ trains the same at any depth; it takes at the most 44 % of full fine-tuning, and above the weights less than all but LST."""
    trained = {one(o, ["read", "--layers", str(layers), "--mode", "plan"])["trainable"] for layers in (2, 6, 12, 24)}
    assert len(trained) == 1, f"READ trains {trained} numbers at different depths"
    for size in SIZES:
        plans = {method: one(o, [method, "--size", size, "--mode", "plan"]) for method in METHODS}
        read = plans["read"]
        for method, r in plans.items():
            assert method in ("read", "lst") or above(read) < above(r), f"{size}: READ takes {above(read):,} bytes above the weights, {method} {above(r):,}"
        for of in (planned, once):
            assert of(read) <= 0.44 * of(plans["full"]), f"{size}: READ takes {of(read):,} bytes, full fine-tuning {of(plans['full']):,}"
    print("READ is what it says it is")


def main():
    o = arguments()
    if o.claims:
        return claims(o)
    known = json.loads(o.results.read_text(encoding="utf-8")) if o.results.exists() else {}
    if not o.print:
        run(o, known)
    check(known)
    training(known)
    sizes(known)
    inference(known)


if __name__ == "__main__":
    main()
