// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

#include <peft/model/beam.hpp>
#include <peft/model/row_decoder.hpp>

namespace peft {

/// How texts are written. beams 1: greedily, the likeliest token each time (the smaller id of equal ones).
struct GenerateOptions {
  int max_new_tokens = 32;
  int beams = 1;
  double length_penalty = 1;    // of beams, as transformers has it
  bool early_stopping = false;  // of beams
  std::vector<int> eos{};       // each of them ends a text and is part of it; none: every text has max_new_tokens
  int start = -1;               // a decoder's first token; -1: the checkpoint's own
  int prompts = 16;             // so many at a time; enters no result
};

/// New ids per prompt, an end's included.
struct Generated {
  std::vector<std::vector<std::int32_t>> ids;
  std::vector<double> scores;  // of beams: log-probability over length ^ length_penalty
};

/// Writes texts with a model: what goes on after a prompt (of an encoder-decoder: what it answers). Keeps its memory from one call
/// to the next. Derived tensors must be up to date (Engine::prepare).
template <class M>
class Generator {
 public:
  using Ids = std::vector<std::int32_t>;
  static constexpr bool cross = M::Backbone::spec.cross;

  explicit Generator(const M& model) : model_(model), decoder_(model) {}

  /// Throws Error for an option or a prompt that cannot be; then nothing was written.
  Generated operator()(std::span<const Ids> prompts, const GenerateOptions& options) {
    check(prompts, options);
    Generated out;
    for (std::size_t begin = 0; begin < prompts.size(); begin += static_cast<std::size_t>(options.prompts)) {
      const auto some = prompts.subspan(begin, std::min(prompts.size() - begin, static_cast<std::size_t>(options.prompts)));
      if (options.beams == 1)
        greedily(some, options, out);
      else
        by_beams(some, options, out);
    }
    return out;
  }

 private:
  using T = typename M::T;

  int start_token(const GenerateOptions& options) const { return options.start >= 0 ? options.start : model_.backbone().start_token(); }

  void check(std::span<const Ids> prompts, const GenerateOptions& o) const {
    const auto& backbone = model_.backbone();
    const Extent vocabulary = backbone.vocabulary(), room = backbone.longest();
    require(o.max_new_tokens > 0, "max_new_tokens = ", o.max_new_tokens, ": at least one token is written");
    require(o.beams > 0, "beams = ", o.beams, ": at least one, which is greedy search");
    require(o.prompts > 0, "prompts = ", o.prompts, " at a time: at least one");
    for (const int id : o.eos) require(id >= 0 && id < vocabulary, "eos: the id ", id, " is outside the backbone's vocabulary of ", vocabulary);
    if (cross) {
      require(start_token(o) >= 0 && start_token(o) < vocabulary, "start: a decoder needs a token of the vocabulary to begin with, not ", start_token(o));
      require(o.max_new_tokens <= room, "max_new_tokens = ", o.max_new_tokens, " of a decoder with ", room, " positions");
    }
    const Extent extra = model_.attached().input_rows() + model_.attached().prefix_rows(model_.values());
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      require(!prompts[i].empty(), "prompt ", i, " is empty");
      for (const std::int32_t id : prompts[i])
        require(id >= 0 && id < vocabulary, "prompt ", i, ": the id ", id, " is outside the backbone's vocabulary of ", vocabulary,
                "; does the tokenizer belong to this model?");
      // What is written last is not read.
      const std::int64_t wanted = std::int64_t(prompts[i].size()) + extra + (cross ? 0 : o.max_new_tokens - 1);
      require(wanted <= room, "prompt ", i, ": ", prompts[i].size(), " tokens", extra > 0 ? cat(", ", extra, " virtual ones") : "",
              cross ? "" : cat(" and ", o.max_new_tokens, " new ones"), " are more than the backbone's ", room, " positions");
    }
  }

  /// Begins `copies` texts of each prompt; most ids of any of them.
  void begin(std::span<const Ids> prompts, const GenerateOptions& o, int copies) {
    std::size_t longest = 1;
    if (!cross)
      for (const Ids& prompt : prompts) longest = std::max(longest, prompt.size());
    decoder_.start(prompts, copies, static_cast<Extent>(longest) + o.max_new_tokens - 1);
    start_ = start_token(o);
    texts_.clear();
    for (std::size_t i = 0; i < prompts.size(); ++i)
      texts_.push_back({static_cast<int>(i) * copies, cross ? std::span<const std::int32_t>(&start_, 1) : std::span<const std::int32_t>(prompts[i])});
  }

  void greedily(std::span<const Ids> prompts, const GenerateOptions& o, Generated& out) {
    begin(prompts, o, 1);
    const std::size_t before = out.ids.size(), words = static_cast<std::size_t>(model_.backbone().vocabulary());
    out.ids.resize(before + prompts.size());
    for (Ids& ids : std::span(out.ids).subspan(before)) ids.reserve(static_cast<std::size_t>(o.max_new_tokens));
    while (!texts_.empty()) {
      const std::span<const T> logits = decoder_.forward(texts_);
      std::size_t open = 0;
      for (std::size_t i = 0; i < texts_.size(); ++i) {
        const auto row = logits.subspan(i * words, words);
        const auto best = std::max_element(row.begin(), row.end());
        require(*best == *best, "the model's logits are not finite");
        Ids& ids = out.ids[before + static_cast<std::size_t>(texts_[i].place)];
        ids.push_back(static_cast<std::int32_t>(best - row.begin()));
        const bool ended = std::find(o.eos.begin(), o.eos.end(), ids.back()) != o.eos.end();
        if (!ended && ids.size() < static_cast<std::size_t>(o.max_new_tokens)) texts_[open++] = {texts_[i].place, std::span<const std::int32_t>(&ids.back(), 1)};
      }
      texts_.resize(open);
    }
  }

  void by_beams(std::span<const Ids> prompts, const GenerateOptions& o, Generated& out) {
    begin(prompts, o, o.beams);
    const std::size_t words = static_cast<std::size_t>(model_.backbone().vocabulary());
    std::vector<BeamSearch> searches(prompts.size(), BeamSearch({o.beams, o.max_new_tokens, o.length_penalty, o.early_stopping, o.eos}));
    std::vector<std::vector<int>> places(prompts.size());  // of the running beams of each
    for (std::size_t i = 0; i < prompts.size(); ++i) places[i] = {static_cast<int>(i) * o.beams};
    while (!texts_.empty()) {
      const std::span<const T> logits = decoder_.forward(texts_);
      texts_.clear();
      std::size_t row = 0;
      for (std::size_t i = 0; i < prompts.size(); ++i) {
        BeamSearch& search = searches[i];
        if (search.done()) continue;
        const std::size_t n = search.running().size();
        search.advance(logits.subspan(row * words, n * words));
        row += n;
        if (search.done()) continue;
        settle(search.running(), places[i], static_cast<int>(i) * o.beams, o.beams);
        for (std::size_t b = 0; b < places[i].size(); ++b)
          texts_.push_back({places[i][b], std::span<const std::int32_t>(&search.running()[b].ids.back(), 1)});
      }
    }
    for (const BeamSearch& search : searches) {
      out.ids.push_back(search.best().ids);
      out.scores.push_back(search.best().score);
    }
  }

  /// Gives each beam a place in the cache: its parent's, or, where that has gone to an earlier one, a copy in one that is free.
  void settle(const std::vector<BeamSearch::Beam>& beams, std::vector<int>& places, int first, int count) {
    std::vector<bool>& taken = taken_;
    taken.assign(static_cast<std::size_t>(count), false);
    std::vector<int>& next = next_;
    next.assign(beams.size(), -1);
    for (std::size_t b = 0; b < beams.size(); ++b) {
      const int place = places[static_cast<std::size_t>(beams[b].parent)];
      auto own = taken[static_cast<std::size_t>(place - first)];
      if (!own) next[b] = place;
      own = true;
    }
    int free = 0;
    for (std::size_t b = 0; b < beams.size(); ++b) {
      if (next[b] >= 0) continue;
      while (taken[static_cast<std::size_t>(free)]) ++free;
      taken[static_cast<std::size_t>(free)] = true;
      next[b] = first + free;
      decoder_.copy(places[static_cast<std::size_t>(beams[b].parent)], next[b]);
    }
    places.assign(next.begin(), next.end());
  }

  const M& model_;
  RowDecoder<M> decoder_;
  std::vector<Continuation> texts_;
  std::int32_t start_ = 0;
  std::vector<bool> taken_;
  std::vector<int> next_;
};

/// The new ids that each prompt goes on with.
template <class M>
std::vector<std::vector<std::int32_t>> generate(const M& model, std::span<const std::vector<std::int32_t>> prompts, const GenerateOptions& options = {}) {
  return Generator<M>(model)(prompts, options).ids;
}

}  // namespace peft
