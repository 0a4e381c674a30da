// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <peft/nn/packed.hpp>

namespace peft {

/// The largest group that a plan must hold.
struct GroupShape {
  Extent tokens = 0, sequences = 0, longest = 0;
  Extent decoder_tokens = 0, decoder_longest = 0;
  friend bool operator==(const GroupShape&, const GroupShape&) = default;
};

/// Sequences of these totals: one of the greatest length, the rest shared out. Only totals and the longest enter any
/// size of a plan.
inline std::vector<std::int32_t> offsets_of(Extent sequences, Extent tokens, Extent longest) {
  std::vector<std::int32_t> offsets{0, longest};
  const Extent others = std::max(sequences - 1, 0), rest = std::max(tokens - longest, 0);
  for (Extent i = 0; i < others; ++i) offsets.push_back(offsets.back() + rest / others + (i < rest % others ? 1 : 0));
  return offsets;
}

/// What one group of a training step is.
struct GroupStep {
  Sequences sequences;              // of an encoder-decoder: what the encoder reads
  std::span<const double> targets;  // of the whole batch
  double weight = 1;                // of one target: 1 / (those that count in the whole step)
  std::uint64_t seed = 0;           // of this step: what dropout is drawn from
  bool training = true;             // dropout is active
  Sequences decoder{};              // what a decoder reads
  bool backward = true;             // otherwise its loss alone

  /// The sequences whose rows have targets and logits.
  const Sequences& read() const { return decoder.end > decoder.begin ? decoder : sequences; }
};

/// The targets of a group, where `together` sequences have one.
template <class T>
void targets_of_sequences(const GroupStep& g, Extent together, std::vector<T>& out) {
  const auto own = g.targets.subspan(static_cast<std::size_t>(g.sequences.begin / together),
                                     static_cast<std::size_t>((g.sequences.end - g.sequences.begin) / together));
  out.assign(own.begin(), own.end());
}

/// The targets of a group, one per row: none (-1) for the `added` rows that an input delta puts before each sequence.
template <class T>
void targets_of_rows(const GroupStep& g, Extent added, std::vector<T>& out) {
  const Sequences& read = g.read();
  const auto at = [&](Extent s) { return g.targets.begin() + read.offsets[s]; };
  out.clear();
  for (Extent s = read.begin; s < read.end; ++s) {
    out.insert(out.end(), static_cast<std::size_t>(added), T(-1));
    out.insert(out.end(), at(s), at(s + 1));
  }
}

/// Copies the rows of `cols` numbers that belong to tokens, leaving out the `added` ones before each sequence.
template <class T>
void rows_of_tokens(const Sequences& sequences, Extent added, Extent cols, const std::vector<T>& rows,
                    std::span<T> out) {
  auto from = rows.begin();
  auto to = out.begin();
  for (Extent s = sequences.begin; s < sequences.end; ++s) {
    from += std::ptrdiff_t(added) * cols;
    const auto n = std::ptrdiff_t(sequences.offsets[s + 1] - sequences.offsets[s]) * cols;
    to = std::copy_n(from, n, to);
    from += n;
  }
}

}  // namespace peft
