// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <peft/core/fields.hpp>
#include <peft/ops/gemm.hpp>
#include <peft/train/early_stopping.hpp>
#include <peft/train/history.hpp>
#include <peft/version.hpp>

namespace peft {

using Notes = std::map<std::string, std::string>;

/// Parses what `exact` wrote.
double exact(const std::string& text, const std::string& where);

/// The state of a run beside its tensors: all that the next step and the final report depend on.
struct RunState {
  std::int64_t step = 0;    // optimizer steps done
  std::int64_t epoch = 0;   // epochs done
  std::int64_t cursor = 0;  // batches of the current epoch done
  double epoch_loss = 0;    // sum over the current epoch's steps
  EarlyStopping::State stopping;
  History history;    // since the first start, across resumes
  Notes identity;     // options and sizes that must be the same on resuming
  Notes environment;  // compiler, libraries, processor: a difference may change the last bits and is warned of
};

/// Compiler, libraries and processor: what may change the last bits of a result.
inline Notes bitwise_environment() {
  const char* instructions =
#if defined(__AVX512F__)
      "avx512";
#elif defined(__AVX2__)
      "avx2";
#else
      "baseline";
#endif
  return {{"library", std::string(version)},
          {"products", ops::gemm_backend},
          {"instructions", instructions},
          {"compiler", __VERSION__}};
}

/// The keys in which two sets of notes differ, as "key: now X, then Y".
std::string differences(const Notes& now, const Notes& then);

/// The names and shapes of everything in a flat buffer.
std::string describe(const Layout& layout);

Notes to_notes(const RunState& s);

RunState from_notes(const Notes& n, const std::string& where);

/// Writes the run atomically: a reader sees the old checkpoint or the new one, never a mixture. Buffers are on the
/// host; T: float, double.
template <class T>
void write_checkpoint(const std::filesystem::path& path, const Layout& layout, const RunState& state,
                      const std::map<std::string, std::vector<T>>& buffers);

/// Reads a run back; refuses one whose tensors are not those of `layout` or whose identity differs.
template <class T>
RunState read_checkpoint(const std::filesystem::path& path, const Layout& layout, const Notes& identity,
                         std::map<std::string, std::vector<T>>& buffers);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/train/checkpoint.ipp>
#endif
