#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Usage: bench/compile_time.sh FILE.cpp [MAX_SECONDS]
#
# Compiles a program with g++ on one core as the host build does (no cache, no precompiled header) and prints the
# seconds and the peak memory. With MAX_SECONDS it exits with 1 when the compilation took longer.
source "$(dirname "$0")/../scripts/common.sh"
(($#)) || usage 2 >&2
[[ $1 == -h || $1 == --help ]] && usage

"$root/scripts/setup"
[[ -f $root/build/host/build.ninja ]] || (cd "$root" && quietly "$root/build/host.configure.log" cmake --preset host)
python3 - "$1" "${2:-0}" "$root/build/host/flags.txt" "${CXX:-g++}" <<'PYTHON'
import os, pathlib, resource, shutil, subprocess, sys, tempfile, time
source, limit, flags, compiler = sys.argv[1], float(sys.argv[2]), pathlib.Path(sys.argv[3]), sys.argv[4]
options = [line for line in flags.read_text().splitlines() if line]
core = min(os.sched_getaffinity(0))
with tempfile.TemporaryDirectory() as out:
    command = [compiler, *options, "-c", source, "-o", os.path.join(out, "unit.o")]
    start = time.monotonic()
    code = subprocess.run(command, preexec_fn=lambda: os.sched_setaffinity(0, {core})).returncode
    seconds = time.monotonic() - start
if code:
    sys.exit(f"{source}: does not compile")
memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(f"{source}: {seconds:.1f} s, {memory:.0f} MiB")
if limit and seconds > limit:
    sys.exit(f"{source}: {seconds:.1f} s is more than the {limit:g} s allowed")
PYTHON
