#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A hundred thousand steps of the program on the tiny checkpoint, with evaluations and saved runs: does its memory stay flat?
soak.py PROGRAM [--steps N]      N: a multiple of 1,000"""
import argparse
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "program"))
from sandbox import Sandbox, csv, sentences  # noqa: E402

EPOCH = 1000  # steps
A_STEP = 16   # bytes: its loss is kept for the report, in a vector that may be half empty
NOISE = 512 << 10


def resident(process):
    """Bytes that it has now."""
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    raise RuntimeError("the process is over")


def slope(points):
    """Of the line through (x, y) by least squares."""
    mean = [sum(p[i] for p in points) / len(points) for i in (0, 1)]
    return sum((x - mean[0]) * (y - mean[1]) for x, y in points) / sum((x - mean[0]) ** 2 for x, _ in points)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--steps", type=int, default=100000)
    given = parser.parse_args()
    epochs = given.steps // EPOCH
    box = Sandbox(given.program)
    box.write("data/train.csv", csv(sentences(2 * EPOCH, 1)))
    begin = time.monotonic()
    process = box.start(epochs=epochs, batch=2, out="out", checkpoint_steps=EPOCH // 2, json="run.json", dropout=0.1, clip=1,
                        environment={"OMP_WAIT_POLICY": "passive"})
    points = []  # (steps, bytes), at the end of every epoch; the last one's may come too late
    for line in process.stdout:
        if line.startswith("epoch ") and len(points) + 1 < epochs:
            points.append(((len(points) + 1) * EPOCH, resident(process)))
    errors = process.communicate()[1]
    if process.returncode != 0:
        sys.exit(f"the program ended with {process.returncode}: {errors}")
    (first, before), (last, after) = points[0], points[-1]
    print(f"{epochs * EPOCH:,} steps in {time.monotonic() - begin:.0f} s; resident after {first:,}: {before / 2**20:.2f} MiB, after {last:,}: "
          f"{after / 2**20:.2f} MiB; {slope(points):.1f} bytes a step")
    if after - before > A_STEP * (last - first) + NOISE:
        sys.exit(f"memory is not flat: {after - before:,} bytes more, {A_STEP * (last - first) + NOISE:,} were allowed")


if __name__ == "__main__":
    main()
