// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <peft/text/example.hpp>
#include <span>
#include <vector>

namespace peft {

/// Several examples packed without padding: sequence s owns the rows offsets[s] .. offsets[s + 1] of `ids`, `types`
/// and `slots` (which special token of its sequence a token is, -1: an ordinary one; Encoded).
/// The task says what a target belongs to: a sequence (Classify), a token (Tag), several sequences (Choose), or a
/// decoder's row, where sequences have a target sequence: s owns decoder_offsets[s] .. decoder_offsets[s + 1] of
/// `decoder_ids` then.
struct Batch {
  std::vector<std::int32_t> offsets{0}, ids, types, slots{};
  std::vector<double> targets;
  std::vector<std::int64_t> examples;  // of each sequence, its index in the data set: dropout is drawn from it
  std::vector<std::int32_t> decoder_offsets{0},
      decoder_ids{};  // the decoder's inputs; empty for models without a decoder

  int sequences() const { return static_cast<int>(offsets.size()) - 1; }
  int tokens() const { return offsets.back(); }
  bool paired() const { return decoder_offsets.size() > 1; }
  int decoder_tokens() const { return decoder_offsets.back(); }

  /// Tokens of the longest sequence; 0 for an empty batch.
  int longest() const { return widest(offsets); }
  int decoder_longest() const { return widest(decoder_offsets); }

  void add(const Encoded& encoded, std::int64_t example) {
    add(encoded.ids, encoded.types, encoded.target, example, encoded.slots);
  }

  /// Appends a sequence; without `new_slots` its tokens are ordinary ones. Throws Error when ids, types and slots
  /// differ in number or the batch outgrows 2^31 - 1 tokens.
  void add(std::span<const std::int32_t> new_ids, std::span<const std::int32_t> new_types, double target,
           std::int64_t example, std::span<const std::int32_t> new_slots = {}) {
    add(new_ids, new_types, std::span(&target, 1), example, new_slots);
  }
  /// The same with any number of targets.
  void add(std::span<const std::int32_t> new_ids, std::span<const std::int32_t> new_types,
           std::span<const double> new_targets, std::int64_t example, std::span<const std::int32_t> new_slots = {});
  /// Appends a sequence and the decoder's input for it, with a target per decoder row (negative: ignored). Throws Error
  /// as `add` does, for an empty decoder input, and when the batch holds sequences without one.
  void add_pair(std::span<const std::int32_t> new_ids, std::span<const std::int32_t> new_types,
                std::span<const std::int32_t> decoder, std::span<const double> new_targets, std::int64_t example,
                std::span<const std::int32_t> new_slots = {});

 private:
  static constexpr std::size_t most = std::numeric_limits<std::int32_t>::max();

  static int widest(const std::vector<std::int32_t>& bounds);
  void append(std::span<const std::int32_t> new_ids, std::span<const std::int32_t> new_types,
              std::span<const double> new_targets, std::int64_t example, std::span<const std::int32_t> new_slots);
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/batch.ipp>
#endif
