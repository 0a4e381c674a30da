#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The memory that finetune plans for a whole run, beside what the process has had at its most.

    bench/memory/whole_run.py PROGRAM [--models DIR] [--data DIR] [--only WORD] [--full]

Runs methods, families, kinds of files and outputs, one after the other: on the tiny checkpoints of the tests, and on MiniLM where scripts/fetch has put
it (--models, --data: its folders in $PEFT_CACHE). Prints a row per run: MiB planned, MiB taken, their difference in MiB and in per cent. The status is 1
where one is off by more than 2 % and more than 4 MiB. --full: longer data.
"""
import argparse
import os
import pathlib
import random
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "program"))
import files  # noqa: E402


def halved(folder, to):
    """A checkpoint in F16."""
    import struct
    to = files.fresh(to)
    for file in folder.iterdir():
        if file.is_file() and file.suffix in (".json", ".txt", ".model"):
            (to / file.name).write_bytes(file.read_bytes())
    tensors = {}
    for name, t in files.load(folder / "model.safetensors").items():
        numbers = t.floats() if t.dtype == "F32" else None
        tensors[name] = t if numbers is None else files.Tensor(t.shape, struct.pack(f"<{len(numbers)}e", *numbers), "F16")
    files.save(to / "model.safetensors", tensors)
    return to


def cases(work, models, data, full):
    """Name, model, data, options."""
    tiny = files.copy("tiny-bert", work / "tiny")
    small = files.csv_data(work / "small", 200, 60)
    yield "tiny head", tiny, small, {"task": "csv", "method": "head", "max-length": 40}
    yield "tiny lora", tiny, small, {"task": "csv", "method": "lora", "max-length": 40, "out": work / "o1", "predict": work / "p1", "export": work / "e1"}
    draw = random.Random(1)
    rows = [(" ".join(draw.choices(files.WORDS, k=4)), f"class {i}") for i in range(6000 if full else 2000)]
    many = files.fresh(work / "many")
    for name in ("train", "dev"):
        files.write(many / f"{name}.csv", files.csv_text(rows, "text,label"))
    yield f"tiny, {len(rows)} classes and rows", tiny, many, {"task": "csv", "method": "head", "max-length": 40, "predict": work / "p2"}
    pairs = files.pair_data(work / "pairs", 64, 32)
    for name in ("tiny-t5-v1.1", "tiny-gpt2"):
        folder = files.copy(name, work / name)
        files.write_json(folder / "tokenizer.json", files.unigram(["<pad>", "</s>", "<unk>"]))
        yield f"{name} lora", folder, pairs, {"task": "pairs", "method": "lora", "max-new-tokens": 16, "beams": 4}
    if not (models / "model.safetensors").exists():
        return
    texts = files.fresh(work / "texts")
    for name, count in (("train", 2000 if full else 160), ("dev", 854 if full else 120)):
        files.write(texts / f"{name}.csv", "".join((data / f"{name}.csv").read_text().splitlines(True)[:count + 1]))
    csv = {"task": "csv"}
    for method in ("head", "lora", "sora", "read", "full"):
        yield f"MiniLM {method}", models, texts, csv | {"method": method}
    yield "MiniLM lora, --out --predict --export", models, texts, csv | {"method": "lora", "out": work / "o3", "predict": work / "p3", "export": work / "e3"}
    yield "MiniLM full, --out --patience", models, texts, csv | {"method": "full", "out": work / "o4", "patience": 1}
    yield "MiniLM lora, 1 worker", models, texts, csv | {"method": "lora", "workers": 1}
    yield "MiniLM in F16, lora", halved(models, work / "half"), texts, csv | {"method": "lora"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cache = pathlib.Path(os.environ.get("PEFT_CACHE", pathlib.Path.home() / ".cache" / "peft.hpp"))
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--models", type=pathlib.Path, default=cache / "models" / "all-minilm-l6-v2")
    parser.add_argument("--data", type=pathlib.Path, default=cache / "data" / "rotten-tomatoes")
    parser.add_argument("--only", default="")
    parser.add_argument("--full", action="store_true")
    asked = parser.parse_args()
    print(f"{'run':40} {'planned':>9} {'taken':>9} {'MiB':>7} {'%':>6}")
    off = 0
    with tempfile.TemporaryDirectory(prefix="peft_memory_") as folder:
        work = pathlib.Path(folder)
        for name, model, data, options in cases(work, asked.models, asked.data, asked.full):
            if asked.only not in name:
                continue
            given = {"model": model, "data": data, "epochs": 1, "workers": 2, "json": work / "run.json"} | options
            done = subprocess.run([asked.program, *(str(w) for k, v in given.items() for w in (f"--{k}", v))], capture_output=True, text=True)
            if done.returncode != 0:
                print(f"{name:40} {done.stderr.strip()}")
                off += 1
                continue
            run = files.read_json(work / "run.json")
            plan, peak = run["planned_memory_mib"], run["peak_memory_mib"]
            bad = abs(plan - peak) > max(4, 0.02 * peak)
            off += bad
            print(f"{name:40} {plan:9.1f} {peak:9.1f} {plan - peak:7.1f} {100 * (plan - peak) / peak:6.1f}{'  off' if bad else ''}", flush=True)
    return 1 if off else 0


if __name__ == "__main__":
    sys.exit(main())
