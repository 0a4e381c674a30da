// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <peft/core/error.hpp>
#include <peft/data/batch.hpp>
#include <peft/data/dataset.hpp>
#include <peft/data/shuffle.hpp>
#include <peft/text/tokenizer.hpp>
#include <span>
#include <vector>

namespace peft {

struct TokenizeOptions {
  int max_length = 128;        // tokens per sequence, special ones included; longer ones are cut
  int model_max_length = 512;  // of the backbone (max_position_embeddings)
  std::int64_t limit = 0;      // only the first so many examples of a seeded shuffle; 0: all, in their order
  std::uint64_t seed = 0;
};

/// The token ids of a data set, one sequence after the other.
class Tokenized {
 public:
  /// Throws Error when `max_length` is above the model's maximum or has no room for the special tokens.
  Tokenized(const Dataset& data, const Tokenizer& tokenizer, const TokenizeOptions& options) {
    require(options.max_length <= options.model_max_length, "a maximum length of ", options.max_length,
            " tokens was asked for, but the model takes at most ", options.model_max_length,
            "; choose a length up to that");
    require(options.limit >= 0, "a limit of ", options.limit,
            " examples was asked for; give a positive number, or 0 for all");
    require(!data.examples.empty(), data.source, ": there are no examples");
    examples_.resize(data.examples.size());
    std::iota(examples_.begin(), examples_.end(), std::int64_t{0});
    if (options.limit > 0) {
      shuffle(examples_, options.seed, selection_round);
      examples_.resize(std::min(examples_.size(), static_cast<std::size_t>(options.limit)));
    }
    for (const std::int64_t index : examples_) {
      const Example& example = data.examples[static_cast<std::size_t>(index)];
      const Encoded made = data.pairs ? tokenizer.encode_pair(example.a, example.b, options.max_length)
                                      : tokenizer.encode(example.a, {}, options.max_length);
      ids_.insert(ids_.end(), made.ids.begin(), made.ids.end());
      for (const std::int32_t type : made.types) {
        require(type >= 0 && type < 256, "the tokenizer gives the segment type ", type, ", 0 to 255 were expected");
        types_.push_back(static_cast<std::uint8_t>(type));
      }
      offsets_.push_back(ids_.size());
      targets_.push_back(example.target);
    }
    ids_.shrink_to_fit();
    types_.shrink_to_fit();
  }

  std::size_t size() const { return examples_.size(); }  ///< sequences
  std::size_t tokens() const { return ids_.size(); }     ///< of all sequences together
  int length(std::size_t i) const { return static_cast<int>(offsets_[i + 1] - offsets_[i]); }
  std::int64_t example(std::size_t i) const { return examples_[i]; }  ///< index in the data set
  double target(std::size_t i) const { return targets_[i]; }

  void add_to(Batch& batch, std::size_t i) const {
    const std::size_t begin = offsets_[i], count = offsets_[i + 1] - begin;
    const auto first = types_.begin() + static_cast<std::ptrdiff_t>(begin);
    const std::vector<std::int32_t> types(first, first + static_cast<std::ptrdiff_t>(count));
    batch.add(std::span(ids_).subspan(begin, count), types, targets_[i], examples_[i]);
  }

 private:
  static constexpr std::uint64_t selection_round = std::numeric_limits<std::uint64_t>::max();  // no epoch has it

  std::vector<std::int64_t> examples_;
  std::vector<std::int32_t> ids_;
  std::vector<std::uint8_t> types_;
  std::vector<std::size_t> offsets_{0};
  std::vector<double> targets_;
};

}  // namespace peft
