#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""LoRA against SoRA of the same maximal rank on the same matrices (all linear ones): non-zero numbers left, and dev accuracy.

    bench/methods/sora.py --model DIR --data GLUE --out DIR [--limit N] [--epochs N] [--seeds S...] [--jobs N]

SST-2. SoRA's lambda is searched, of --lambdas, by the whole training with a seed of its own: the best among those that leave at
least a quarter less. The learning rate is 1e-3 for both, or the best of several --rates, searched in the same way. Then five seeds. The claim that is judged: SoRA leaves at
least 25 % fewer non-zero numbers, and its mean accuracy is no more than one standard error (of the difference) lower.

A run that is there already is not made again.
"""
import concurrent.futures
import json
import math
import pathlib
import statistics
import struct
import sys

from table import SEARCH_SEED, parser, start

RATES = [1e-3]
LAMBDAS = [1, 2, 4]


def arguments():
    p = parser(__doc__)
    p.add_argument("--limit", type=int, default=6400)
    p.add_argument("--epochs", type=int, default=2)
    p.add_argument("--rank", type=int, default=8)
    p.add_argument("--rates", type=float, nargs="+", default=RATES)
    p.add_argument("--lambdas", type=float, nargs="+", default=LAMBDAS)
    p.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    return p.parse_args()


def numbers(adapter):
    """How many numbers of low-rank matrices an adapter's file holds, without its head."""
    with open(adapter / "adapter_model.safetensors", "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    return sum(math.prod(t["shape"]) for name, t in header.items() if ".lora_" in name)


def run(o, method, lr, strength, seed):
    """{"dev", "nonzero"} of one run: of SoRA's, what is left once it is pruned to a LoRA."""
    name = f"{method}-r{o.rank}-lr{lr:g}-l{strength:g}-n{o.limit}-e{o.epochs}-s{seed}"
    folder = o.out / name
    if not (folder / "result.json").exists():
        print(name, file=sys.stderr, flush=True)
        o.out.mkdir(parents=True, exist_ok=True)
        report = pathlib.Path(f"{folder}.json")
        done, failure = start(o, "sst2", method, lr, o.limit, o.epochs, seed, report, "--sites", "attn.q,attn.k,attn.v,attn.out,ff.up,ff.down",
                              "--rank", str(o.rank), "--out", str(folder), "--overwrite", *(["--set", f"sparsity={strength:g}"] if method == "sora" else []))
        if done.returncode:
            sys.exit(failure)
        data = json.loads(report.read_text(encoding="utf-8"))
        left = numbers(folder / "pruned" if method == "sora" else folder)
        (folder / "result.json").write_text(json.dumps({"dev": data["dev"][-1], "nonzero": left}), encoding="utf-8")
    return json.loads((folder / "result.json").read_text(encoding="utf-8"))


def main():
    o = arguments()
    with concurrent.futures.ThreadPoolExecutor(o.jobs) as pool:
        def all_of(jobs):
            return [f.result() for f in [pool.submit(run, o, *job) for job in jobs]]
        lora_grid = [("lora", lr, 0, SEARCH_SEED) for lr in o.rates]
        sora_grid = [("sora", lr, strength, SEARCH_SEED) for lr in o.rates for strength in o.lambdas]
        found = dict(zip(lora_grid + sora_grid, all_of(lora_grid + sora_grid)))
        full = found[lora_grid[0]]["nonzero"]
        print(f"search, seed {SEARCH_SEED}: {o.limit:,} examples, {o.epochs} epochs, r = {o.rank}\nmethod     lr  lambda     dev  nonzero")
        for (method, lr, strength, _), r in found.items():
            print(f"{method}  {lr:7g}  {strength:6g}  {r['dev']:.4f}  {r['nonzero']:,}")
        sparse = [g for g in sora_grid if found[g]["nonzero"] <= 0.75 * full] or [min(sora_grid, key=lambda g: found[g]["nonzero"])]
        best = {"lora": max(lora_grid, key=lambda g: found[g]["dev"]), "sora": max(sparse, key=lambda g: found[g]["dev"])}
        runs = {m: all_of([(*best[m][:3], seed) for seed in o.seeds]) for m in best}
    data = {"rank": o.rank, "limit": o.limit, "epochs": o.epochs, "search": [[*g, r["dev"], r["nonzero"]] for g, r in found.items()]}
    print(f"\nseeds {' '.join(map(str, o.seeds))}\nmethod      lr  lambda    mean  deviation    error  nonzero")
    mean, error, left = {}, {}, {}
    for m, results in runs.items():
        scores = [r["dev"] for r in results]
        mean[m], deviation = statistics.fmean(scores), statistics.stdev(scores)
        error[m], left[m] = deviation / math.sqrt(len(scores)), statistics.fmean(r["nonzero"] for r in results)
        data[m] = {"lr": best[m][1], "lambda": best[m][2], "dev": scores, "nonzero": [r["nonzero"] for r in results]}
        print(f"{m}  {best[m][1]:8g}  {best[m][2]:6g}  {mean[m]:.4f}     {deviation:.4f}   {error[m]:.4f}  {left[m]:,.0f}")
    lower, allowed = mean["lora"] - mean["sora"], math.hypot(error["lora"], error["sora"])
    saved = 1 - left["sora"] / left["lora"]
    holds = saved >= 0.25 and lower <= allowed
    print(f"\nSoRA leaves {100 * saved:.1f} % fewer; its accuracy is {-lower:+.4f}, one standard error of the difference is {allowed:.4f}: "
          f"the claim {'holds' if holds else 'does not hold'}")
    data.update(saved=saved, difference=-lower, standard_error=allowed, holds=holds)
    (o.out / "sora.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
