#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Usage: bench/compile_time.sh [FILE.cpp [MAX_SECONDS]]
#
# Compiles programs with g++ on one core as the host build does (no cache, no precompiled header) and prints a table:
# the compiler's seconds of CPU time, the best of PEFT_RUNS (default 2), and its peak memory. Without a file: Kokkos
# alone, the headers alone, the README's program, what is compiled once for all units of a program (PEFT_SEPARATE), and
# the README's program with that in it. With MAX_SECONDS it exits with 1 when the file took longer.
source "$(dirname "$0")/../scripts/common.sh"
[[ ${1:-} == -h || ${1:-} == --help ]] && usage

"$root/scripts/setup"
[[ -f $root/build/host/build.ninja ]] || (cd "$root" && quietly "$root/build/host.configure.log" cmake --preset host)
programs=("$root"/bench/compile/{kokkos,include,lora,once}.cpp "header only:$root/bench/compile/lora.cpp")
(($#)) && programs=("$1")
python3 - "$root/build/host/flags.txt" "${CXX:-g++}" "${PEFT_RUNS:-2}" "${2:-0}" "${programs[@]}" <<'PYTHON'
import os, pathlib, subprocess, sys, tempfile
flags, compiler, runs, limit, sources = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), sys.argv[5:]
options = [line for line in pathlib.Path(flags).read_text().splitlines() if line]
core = min(os.sched_getaffinity(0))


def compile_once(source, unit):
    """User and system seconds, and MiB, of the compiler and all that it starts."""
    *header_only, path = source.split(":", 1)
    used_options = [o for o in options if o != "-DPEFT_SEPARATE"] if header_only else options
    command = [compiler, *used_options, "-c", path, "-o", unit]
    process = subprocess.Popen(command, preexec_fn=lambda: os.sched_setaffinity(0, {core}))
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{source}: does not compile")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


print(f"{'program':<21} {'seconds':>8} {'MiB':>6}")
with tempfile.TemporaryDirectory() as folder:
    for source in sources:
        seconds, memory = min(compile_once(source, os.path.join(folder, "unit.o")) for _ in range(runs))
        label = pathlib.Path(source).name + (", header only" if ":" in source else "")
        print(f"{label:<21} {seconds:8.1f} {memory:6.0f}", flush=True)
        if limit and seconds > limit:
            sys.exit(f"{source}: {seconds:.1f} s is more than the {limit:g} s allowed")
PYTHON
