# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the scripts share; sourced, not run. Everything they say goes to standard error.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${PEFT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/peft.hpp}
[[ $cache == /* ]] || cache=$root/$cache
jobs=${PEFT_JOBS:-$(nproc 2>/dev/null || echo 2)}

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$*"; exit 1; }
short_hash() { sha256sum | cut -c1-12; }
usage() { sed -n '/^# Usage/,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0"; exit "${1:-0}"; }

# Runs a command with its output in a log; on failure shows the end of the log.
quietly() {  # quietly LOG COMMAND...
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  if ! "$@" >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    die "failed: $* (the whole log is in $log)"
  fi
}

# The compiler as CMake names it: GNU 12.2.0, Clang 14.0.6.
compiler_id() {
  local cxx=${CXX:-c++}
  if "$cxx" --version | grep -qi clang; then
    printf 'Clang %s' "$("$cxx" --version | sed -n 's/.*clang version \([0-9.]*\).*/\1/p' | head -n1)"
  else
    printf 'GNU %s' "$("$cxx" -dumpfullversion)"
  fi
}

find_nvcc() {
  command -v "${CUDACXX:-nvcc}" || { [[ -x /usr/local/cuda/bin/nvcc ]] && echo /usr/local/cuda/bin/nvcc; }
}

has_gpu() { command -v nvidia-smi >/dev/null && nvidia-smi -L 2>/dev/null | grep -q GPU; }

# A file of a package on PyPI, checked against its SHA-256; it stays in the cache folder.
download() {  # download NAME==VERSION FILE SHA256 [PYTHON [PIP OPTIONS...]]
  local package=$1 file=$cache/downloads/$2 sum=$3 python=${4:-}
  if [[ -f $file ]] && sha256sum --status -c <<<"$sum  $file"; then return; fi
  [[ -n $python ]] || { plain_venv; python=$cache/venv/bin/python; }
  say "downloading $package"
  mkdir -p "$cache/downloads"
  local part
  part=$(mktemp -d "$cache/downloads/part.XXXXXX")
  quietly "$cache/logs/download.log" "$python" -m pip download --no-deps --disable-pip-version-check \
    --ignore-requires-python -d "$part" "${@:5}" "$package"
  sha256sum --status -c <<<"$sum  $part/$2" || die "$2 has another SHA-256 than expected ($sum): not used"
  mv "$part/$2" "$file"
  rm -rf "$part"
}

plain_venv() {
  [[ -e $cache/venv/.complete ]] && return
  python3 -m venv --clear "$cache/venv" >&2
  touch "$cache/venv/.complete"
}

# The folder of another version of the peers' packages, which comes before the environment's own.
peer_overlay() {  # peer_overlay LIST
  local name=${1##*/}
  printf '%s/peer-overlay-%s-%s' "$cache" "${name%.txt}" "$(short_hash <"$1")"
}

# Configures a preset when it has not been (CMake repeats the step itself when its files change), then builds targets.
build() {  # build PRESET [TARGET...]
  local preset=$1 targets=("${@:2}") tree=$root/build/$1
  if [[ ! -f $tree/build.ninja ]]; then
    say "configuring $preset"
    (cd "$root" && quietly "$tree.configure.log" cmake --preset "$preset")
  fi
  say "building $preset${targets[*]:+: ${targets[*]}}"
  cmake --build "$tree" -j "$jobs" ${targets[@]:+--target "${targets[@]}"} >&2
}
