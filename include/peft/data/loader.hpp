// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <peft/core/error.hpp>
#include <peft/data/batch.hpp>
#include <peft/data/shuffle.hpp>
#include <peft/data/tokenized.hpp>
#include <utility>
#include <vector>

namespace peft {

struct LoaderOptions {
  int batch = 32;           // examples per batch; 0: as `tokens` allows
  std::int64_t tokens = 0;  // at most so many tokens per batch, but always one example; 0: any number
  int bucket = 0;           // sort by length within so many batches, then shuffle the batches; 0: do not
  bool shuffle = true;      // otherwise the order of the data set, or of lengths in each bucket
  std::uint64_t seed = 0;
};

/// Yields the batches of every epoch of `Data` (Tokenized, TokenizedPairs, or whatever has size(), tokens(), length(i)
/// and add_to(batch, i)). They are a function of (options, epoch, step) alone: a run that resumes asks for the step
/// where it stopped. Not for several threads at once, since the order of the latest epoch is kept.
template <class Data = Tokenized>
class LoaderOf {
 public:
  LoaderOf(Data data, LoaderOptions options) : data_(std::move(data)), options_(options) {
    require(options.batch >= 0 && options.tokens >= 0 && options.bucket >= 0, "batch ", options.batch, ", tokens ",
            options.tokens, " and bucket ", options.bucket, " must not be negative");
    require(options.batch > 0 || options.tokens > 0, "a batch needs a number of examples or of tokens");
  }

  /// Batches of an epoch, from 0. With a budget of tokens it may differ from epoch to epoch.
  std::int64_t steps(std::int64_t epoch) const { return static_cast<std::int64_t>(plan(epoch).begins.size()) - 1; }

  /// The batch of a step, from 0. Throws Error when the epoch has no such step.
  Batch batch(std::int64_t epoch, std::int64_t step) const {
    require(step >= 0 && step < steps(epoch), "epoch ", epoch, " has no step ", step, ", only ", steps(epoch),
            " from 0");
    const Plan& order = plan(epoch);
    const auto s = static_cast<std::size_t>(step);
    Batch out;
    for (std::size_t i = order.begins[s]; i < order.begins[s + 1]; ++i) data_.add_to(out, order.rows[i]);
    return out;
  }

  const Data& data() const { return data_; }
  const LoaderOptions& options() const { return options_; }

 private:
  // Batch s of an epoch has the examples rows[begins[s]] .. rows[begins[s + 1]].
  struct Plan {
    std::int64_t epoch = -1;
    std::vector<std::uint32_t> rows;
    std::vector<std::size_t> begins;
  };

  const Plan& plan(std::int64_t epoch) const {
    require(epoch >= 0, "epochs are counted from 0, but epoch ", epoch, " was asked for");
    if (plan_.epoch == epoch) return plan_;
    Plan made{epoch, std::vector<std::uint32_t>(data_.size()), {}};
    const auto round = static_cast<std::uint64_t>(epoch);
    std::iota(made.rows.begin(), made.rows.end(), 0u);
    if (options_.shuffle) shuffle(made.rows, options_.seed, 2 * round);
    if (options_.bucket > 0) sort_buckets(made.rows);
    made.begins = cut(made.rows);
    if (options_.shuffle && options_.bucket > 0) shuffle_batches(made, 2 * round + 1);
    return plan_ = std::move(made);
  }

  void sort_buckets(std::vector<std::uint32_t>& rows) const {
    const std::size_t mean = std::max<std::size_t>(1, data_.tokens() / data_.size());
    const std::size_t by_tokens = std::max<std::size_t>(1, static_cast<std::size_t>(options_.tokens) / mean);
    const auto by_examples = static_cast<std::size_t>(options_.batch);
    const std::size_t per_batch = by_examples == 0       ? by_tokens
                                  : options_.tokens == 0 ? by_examples
                                                         : std::min(by_examples, by_tokens);
    const std::size_t bucket = static_cast<std::size_t>(options_.bucket) * per_batch;
    const auto shorter = [&](std::uint32_t x, std::uint32_t y) { return data_.length(x) < data_.length(y); };
    for (std::size_t begin = 0; begin < rows.size(); begin += bucket) {
      const auto at = [&](std::size_t i) {
        return rows.begin() + static_cast<std::ptrdiff_t>(std::min(i, rows.size()));
      };
      std::stable_sort(at(begin), at(begin + bucket), shorter);
    }
  }

  std::vector<std::size_t> cut(const std::vector<std::uint32_t>& rows) const {
    std::vector<std::size_t> begins{0};
    std::int64_t tokens = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::int64_t length = data_.length(rows[i]);
      const bool full = options_.batch > 0 && i - begins.back() == static_cast<std::size_t>(options_.batch);
      const bool over = options_.tokens > 0 && tokens + length > options_.tokens;
      if (i > begins.back() && (full || over)) {
        begins.push_back(i);
        tokens = 0;
      }
      tokens += length;
    }
    begins.push_back(rows.size());
    return begins;
  }

  void shuffle_batches(Plan& plan, std::uint64_t round) const {
    std::vector<std::size_t> order(plan.begins.size() - 1);
    std::iota(order.begin(), order.end(), std::size_t{0});
    shuffle(order, options_.seed, round);
    Plan out{plan.epoch, {}, {0}};
    out.rows.reserve(plan.rows.size());
    for (const std::size_t s : order) {
      for (std::size_t i = plan.begins[s]; i < plan.begins[s + 1]; ++i) out.rows.push_back(plan.rows[i]);
      out.begins.push_back(out.rows.size());
    }
    plan = std::move(out);
  }

  Data data_;
  LoaderOptions options_;
  mutable Plan plan_;
};

using Loader = LoaderOf<Tokenized>;

#ifdef PEFT_SEPARATE
extern template class LoaderOf<Tokenized>;  // in loader.ipp
#endif

}  // namespace peft
