#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds every target with clang's libFuzzer, AddressSanitizer and UBSan, and runs each for so long from the inputs in corpus/.

    tests/fuzz/run.py                    5 seconds each
    tests/fuzz/run.py --minutes 1        or --hours 1, --seconds N
    tests/fuzz/run.py --target csv bpe   these alone
    tests/fuzz/run.py --merge            puts what was found to reach more into corpus/, as few and small files as do, 24 of a target

FOLDER (--folder, build/fuzz) keeps the program, the inputs found so far and, in finds/, what broke a target; the command that does it
again is printed. Status 1 where something was found. Needs clang and its OpenMP (scripts/setup --tsan) and, as flags.txt tells where the headers are, a
configured build tree (cmake --preset host). CXX names the compiler (clang++).
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CORPUS = HERE / "corpus"
LONGEST = 1 << 14  # bytes of an input
KEPT = 1 << 12     # of one in corpus/
MOST, MOST_BYTES = 24, 10000  # of a target in corpus/
OPTION_TABLE = ROOT / "examples" / "finetune" / "front" / "option_table.cpp"


def flags():
    """Include folders and definitions of this project's units, but that code which is no template comes with its header."""
    trees = sorted((ROOT / "build").glob("*/flags.txt"))
    if not trees:
        sys.exit("no build tree is configured: cmake --preset host")
    lines = dict.fromkeys(trees[0].read_text().split())
    includes = [f for f in lines if f.startswith("-I") and f != "-I/usr/include"]
    return includes + [f for f in lines if f.startswith("-D") and f != "-DPEFT_SEPARATE"]


def build(folder):
    compiler = [*filter(None, [shutil.which("ccache")]), os.environ.get("CXX", "clang++")]
    common = ["-std=c++20", "-O1", "-g1", "-fopenmp", "-fsanitize=address,undefined,fuzzer", "-fno-sanitize-recover=undefined", *flags()]
    sources = [s for s in sorted(HERE.glob("*.cpp")) if s.name != "main.cpp"] + [OPTION_TABLE]
    objects = [folder / (s.stem + ".o") for s in sources]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for done in pool.map(lambda pair: subprocess.run([*compiler, *common, "-c", str(pair[0]), "-o", str(pair[1])]), zip(sources, objects)):
            if done.returncode:
                sys.exit(done.returncode)
    libraries = [lib for f in common if f.startswith("-I") for lib in sorted(pathlib.Path(f[2:]).parent.glob("lib*/libkokkos*core.a"))]
    program = folder / "fuzz_readers"
    subprocess.run([compiler[-1], *common, *map(str, objects), *map(str, dict.fromkeys(libraries)), "-lutf8proc", "-lpcre2-8", "-lxxhash", "-ldl", "-o", str(program)], check=True)
    return program


def command(program, target, *options):
    dictionary = HERE / "dictionaries" / f"{target}.dict"
    return [str(program), f"--target={target}", *options, f"-max_len={LONGEST}", "-rss_limit_mb=2048", "-timeout=20", "-detect_leaks=0",
            *([f"-dict={dictionary}"] if dictionary.exists() else [])]


def fuzz(program, folder, target, seconds):
    """One target: the row of the report, and whether something was found."""
    found, finds = folder / "corpus" / target, folder / "finds"
    found.mkdir(parents=True, exist_ok=True)
    finds.mkdir(exist_ok=True)
    before = set(finds.iterdir())
    done = subprocess.run([*command(program, target, f"-max_total_time={seconds}", "-print_final_stats=1", f"-artifact_prefix={finds}/{target}-"), str(found),
                           str(CORPUS / target)], capture_output=True, text=True, errors="replace")
    runs = re.findall(r"number_of_executed_units: (\d+)", done.stderr) or re.findall(r"^#(\d+)", done.stderr, re.M)
    reached = re.findall(r"cov: (\d+)", done.stderr)
    print(f"{target:18} {int(runs[-1]) if runs else 0:10} inputs {int(reached[-1]) if reached else 0:7} places reached", flush=True)
    if done.returncode == 0:
        return False
    print(done.stderr[-4000:])
    for find in sorted(set(finds.iterdir()) - before):
        print(f"FOUND: {program} --target={target} {find}", flush=True)
    return True


def merge(program, folder, target):
    small = folder / "merged" / target
    shutil.rmtree(small, ignore_errors=True)
    small.mkdir(parents=True)
    given = [CORPUS / target, folder / "corpus" / target]
    subprocess.run([*command(program, target, "-merge=1", "-use_counters=0"), f"-max_len={KEPT}", str(small), *(str(g) for g in given if g.exists())], check=True, capture_output=True)
    shutil.rmtree(CORPUS / target, ignore_errors=True)
    (CORPUS / target).mkdir(parents=True)
    files = sorted(small.iterdir(), key=lambda f: (f.stat().st_size, f.name))
    files = files[::-(-len(files) // MOST)]  # of every size
    while sum(f.stat().st_size for f in files) > MOST_BYTES:
        files.pop()
    for number, file in enumerate(files):
        shutil.copy(file, CORPUS / target / f"{number:02}")
    print(f"{target:18} {len(files):5} inputs kept")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, factor in (("seconds", 1), ("minutes", 60), ("hours", 3600)):
        options.add_argument(f"--{name}", type=lambda text, f=factor: int(float(text) * f), dest="seconds", default=5)
    options.add_argument("--target", nargs="+", default=[])
    options.add_argument("--merge", action="store_true")
    options.add_argument("--folder", type=pathlib.Path, default=ROOT / "build" / "fuzz")
    given = options.parse_args()
    folder = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    program = build(folder)
    targets = given.target or sorted(f.name for f in CORPUS.iterdir())
    if given.merge:
        for target in targets:
            merge(program, folder, target)
        return
    sys.exit(any([fuzz(program, folder, target, given.seconds) for target in targets]))


if __name__ == "__main__":
    main()
