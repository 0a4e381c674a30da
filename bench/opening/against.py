# SPDX-License-Identifier: Apache-2.0
"""Opening a checkpoint and tokenizing SST-2, this tree beside an older commit, run in turns: best seconds of the processor and their ratio.
python3 bench/opening/against.py COMMIT MODEL SST-2 [--rounds 9]      builds both (bench_opening; the commit in build/against-COMMIT)"""
import argparse
import json
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def build(tree, target, *options):
    folder = tree / "build" / "release"
    for line in (["cmake", "--preset", "release", *options], ["cmake", "--build", folder, "--target", target]):
        subprocess.run([str(x) for x in line], cwd=tree, check=True, stdout=subprocess.DEVNULL)
    return next(p for p in folder.rglob(target) if p.is_file())


def older(commit):
    tree = ROOT / "build" / f"against-{commit}"
    if not tree.exists():
        subprocess.run(["git", "worktree", "add", "--detach", tree, commit], cwd=ROOT, check=True, capture_output=True)
    shutil.copy(ROOT / "bench" / "opening" / "opening.cpp", tree / "examples" / "bench_opening.cpp")  # each file there is a program
    return build(tree, "bench_opening")


def main():
    options = argparse.ArgumentParser(usage=__doc__)
    for name in ("commit", "model", "data"):
        options.add_argument(name)
    options.add_argument("--rounds", type=int, default=9)
    a = options.parse_args()
    programs = {"this tree": build(ROOT, "bench_opening", "-DPEFT_BUILD_BENCH=ON"), a.commit: older(a.commit)}
    best = {}
    for _ in range(a.rounds):
        for who, program in programs.items():
            got = json.loads(subprocess.run([program, a.model, a.data, "3"], check=True, capture_output=True, text=True).stdout)
            best[who] = {k: min(v, best.get(who, got)[k]) for k, v in got.items()}
    ours, theirs = best["this tree"], best[a.commit]
    print(f"{'':26}{'this tree':>14}{a.commit:>14}{'ratio':>8}")
    for what in ours:
        print(f"{what:26}{ours[what]:14.6g}{theirs[what]:14.6g}{ours[what] / theirs[what]:8.3f}")


if __name__ == "__main__":
    main()
