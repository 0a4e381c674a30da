// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <peft/core/error.hpp>

namespace peft {

/// How beams are searched; the names and meanings are those of transformers' generate.
struct BeamOptions {
  int beams = 4;
  int most = 32;              // new tokens
  double length_penalty = 1;  // a finished text counts as its log-probability over length ^ length_penalty
  bool early_stopping =
      false;  // stop as soon as there are `beams` finished texts; else when the rest promises no better ones
  std::vector<int> eos{};     // each of them ends a text
};

/// log(sum(exp(logits))). Throws Error when a logit is NaN or none is finite.
template <class T>
double log_sum_exp(std::span<const T> logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const T logit : logits) sum += std::exp(static_cast<double>(logit) - largest);
  const double result = largest + std::log(sum);
  require(std::isfinite(result), "the model's logits are not finite: ", result);
  return result;
}

/// Beam search for one prompt, the bookkeeping alone, step by step as transformers 4.57 (GenerationMixin._beam_search):
/// scores in single precision; among equal ones the earlier beam's smaller id comes first.
class BeamSearch {
 public:
  /// A text that is being written: its new ids, their log-probability, and which text of the step before it goes on
  /// with.
  struct Beam {
    std::vector<std::int32_t> ids;
    float score = 0;
    int parent = 0;
  };

  explicit BeamSearch(BeamOptions options) : options_(std::move(options)), running_(1) {
    require(options_.beams > 0 && options_.most > 0, "beam search: ", options_.beams, " beams of ", options_.most,
            " tokens; one at least");
  }

  const std::vector<Beam>& running() const { return running_; }
  bool done() const { return done_; }

  /// One token more. logits: (running, vocabulary), row-major.
  template <class T>
  void advance(std::span<const T> logits) {
    const std::size_t words = logits.size() / running_.size();
    const std::size_t kept =
        std::max<std::size_t>(2, 1 + options_.eos.size()) * static_cast<std::size_t>(options_.beams);
    require(words >= kept, "beam search: ", options_.beams, " beams want ", kept,
            " tokens to choose from, the vocabulary has ", words);
    best_.clear();
    for (std::size_t beam = 0; beam < running_.size(); ++beam) {
      const auto row = logits.subspan(beam * words, words);
      const double sum = log_sum_exp(row);
      for (std::size_t id = 0; id < words; ++id)
        offer({static_cast<float>(row[id] - sum) + running_[beam].score, static_cast<int>(beam),
               static_cast<std::int32_t>(id)},
              kept);
    }
    std::sort_heap(best_.begin(), best_.end(), before);
    ++length_;
    take();
  }

  /// The best text, when it is done.
  const Beam& best() const { return finished_.front(); }

 private:
  struct Candidate {
    float score;
    int beam;
    std::int32_t id;
  };
  static bool before(const Candidate& a, const Candidate& b) {
    if (a.score != b.score) return a.score > b.score;
    return std::pair(a.beam, a.id) < std::pair(b.beam, b.id);
  }
  /// Keeps the best, the worst of them at the front.
  void offer(const Candidate& c, std::size_t kept) {
    if (best_.size() == kept) {
      if (!before(c, best_.front())) return;
      std::pop_heap(best_.begin(), best_.end(), before);
      best_.pop_back();
    }
    best_.push_back(c);
    std::push_heap(best_.begin(), best_.end(), before);
  }

  /// From the best candidates, in order: those that end a text and are among the first `beams` may be the result, the
  /// first `beams` of the others go on.
  void take() {
    const auto beams = static_cast<std::size_t>(options_.beams);
    const bool last = length_ == options_.most, closed = full() && options_.early_stopping;
    const float divisor = static_cast<float>(std::pow(static_cast<double>(length_), options_.length_penalty));
    std::vector<Beam> next;
    for (std::size_t i = 0; i < best_.size(); ++i) {
      const Candidate& c = best_[i];
      const bool ends = last || std::find(options_.eos.begin(), options_.eos.end(), c.id) != options_.eos.end();
      if (ends && i < beams && !closed) finish({extended(c), c.score / divisor, c.beam});
      if (!ends && next.size() < beams) next.push_back({extended(c), c.score, c.beam});
    }
    running_ = std::move(next);
    done_ = last || running_.empty() ||
            (full() && (options_.early_stopping || running_.front().score / divisor <= finished_.back().score));
  }
  std::vector<std::int32_t> extended(const Candidate& c) const {
    std::vector<std::int32_t> ids = running_[static_cast<std::size_t>(c.beam)].ids;
    ids.push_back(c.id);
    return ids;
  }
  bool full() const { return finished_.size() == static_cast<std::size_t>(options_.beams); }
  void finish(Beam beam) {
    const auto at = std::upper_bound(finished_.begin(), finished_.end(), beam,
                                     [](const Beam& a, const Beam& b) { return a.score > b.score; });
    finished_.insert(at, std::move(beam));
    if (finished_.size() > static_cast<std::size_t>(options_.beams)) finished_.pop_back();
  }

  BeamOptions options_;
  std::vector<Beam> running_, finished_;  // the latter by score, best first
  std::vector<Candidate> best_;
  int length_ = 0;
  bool done_ = false;
};

}  // namespace peft
