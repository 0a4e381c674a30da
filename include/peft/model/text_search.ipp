// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include <peft/core/error.hpp>
#include <peft/core/finite.hpp>
#include <peft/core/interrupt.hpp>
#include <peft/model/text_search.hpp>

namespace peft {

namespace text_search {

PEFT_INLINE int start_token(const GenerateOptions& options, const TextLimits& limits) {
  return options.start >= 0 ? options.start : limits.start;
}

PEFT_INLINE void check(std::span<const std::vector<std::int32_t>> prompts, const GenerateOptions& o,
                       const TextLimits& limits) {
  const Extent vocabulary = limits.vocabulary, room = limits.positions, extra = limits.added,
               start = start_token(o, limits);
  require(o.max_new_tokens > 0, "max_new_tokens = ", o.max_new_tokens, ": at least one token is written");
  require(o.beams > 0, "beams = ", o.beams, ": at least one, which is greedy search");
  require(o.prompts > 0, "prompts = ", o.prompts, " at a time: at least one");
  for (const int id : o.eos)
    require(id >= 0 && id < vocabulary, "eos: the id ", id, " is outside the backbone's vocabulary of ", vocabulary);
  if (limits.cross) {
    require(start >= 0 && start < vocabulary, "start: a decoder needs a token of the vocabulary to begin with, not ",
            start);
    require(o.max_new_tokens <= room, "max_new_tokens = ", o.max_new_tokens, " of a decoder with ", room, " positions");
  }
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    require(!prompts[i].empty(), "prompt ", i, " is empty");
    for (const std::int32_t id : prompts[i])
      require(id >= 0 && id < vocabulary, "prompt ", i, ": the id ", id, " is outside the backbone's vocabulary of ",
              vocabulary, "; does the tokenizer belong to this model?");
    // What is written last is not read.
    const std::int64_t wanted = std::int64_t(prompts[i].size()) + extra + (limits.cross ? 0 : o.max_new_tokens - 1);
    require(wanted <= room, "prompt ", i, ": ", prompts[i].size(), " tokens",
            extra > 0 ? cat(", ", extra, " virtual ones") : "",
            limits.cross ? "" : cat(" and ", o.max_new_tokens, " new ones"), " are more than the backbone's ", room,
            " positions");
  }
}

}  // namespace text_search

template <class T>
Generated TextSearch<T>::operator()(std::span<const Ids> prompts, const GenerateOptions& options,
                                    const TextLimits& limits) {
  text_search::check(prompts, options, limits);
  limits_ = limits;
  Generated out;
  for (std::size_t begin = 0; begin < prompts.size(); begin += static_cast<std::size_t>(options.prompts)) {
    const auto some =
        prompts.subspan(begin, std::min(prompts.size() - begin, static_cast<std::size_t>(options.prompts)));
    if (options.beams == 1)
      greedily(some, options, out);
    else
      by_beams(some, options, out);
  }
  return out;
}

/// Begins `copies` texts of each prompt; most ids of any of them.
template <class T>
void TextSearch<T>::begin(std::span<const Ids> prompts, const GenerateOptions& o, int copies) {
  std::size_t longest = 1;
  if (!limits_.cross)
    for (const Ids& prompt : prompts) longest = std::max(longest, prompt.size());
  decoder_.start(prompts, copies, static_cast<Extent>(longest) + o.max_new_tokens - 1);
  start_ = text_search::start_token(o, limits_);
  texts_.clear();
  for (std::size_t i = 0; i < prompts.size(); ++i)
    texts_.push_back({static_cast<int>(i) * copies, limits_.cross ? std::span<const std::int32_t>(&start_, 1)
                                                                  : std::span<const std::int32_t>(prompts[i])});
}

template <class T>
void TextSearch<T>::greedily(std::span<const Ids> prompts, const GenerateOptions& o, Generated& out) {
  begin(prompts, o, 1);
  const std::size_t before = out.ids.size(), words = static_cast<std::size_t>(limits_.vocabulary);
  out.ids.resize(before + prompts.size());
  for (Ids& ids : std::span(out.ids).subspan(before)) ids.reserve(static_cast<std::size_t>(o.max_new_tokens));
  while (!texts_.empty()) {
    Interrupt::check();
    const std::span<const T> logits = decoder_.forward(texts_);
    std::size_t open = 0;
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      const auto row = logits.subspan(i * words, words);
      if (const std::size_t odd = first_not_finite(row); odd < words)
        fail("the model's logits are not finite: ", row[odd], " for the word ", odd);
      const auto best = std::max_element(row.begin(), row.end());
      Ids& ids = out.ids[before + static_cast<std::size_t>(texts_[i].place)];
      ids.push_back(static_cast<std::int32_t>(best - row.begin()));
      const bool ended = std::find(o.eos.begin(), o.eos.end(), ids.back()) != o.eos.end();
      if (!ended && ids.size() < static_cast<std::size_t>(o.max_new_tokens))
        texts_[open++] = {texts_[i].place, std::span<const std::int32_t>(&ids.back(), 1)};
    }
    texts_.resize(open);
  }
}

template <class T>
void TextSearch<T>::by_beams(std::span<const Ids> prompts, const GenerateOptions& o, Generated& out) {
  begin(prompts, o, o.beams);
  const std::size_t words = static_cast<std::size_t>(limits_.vocabulary);
  std::vector<BeamSearch> searches(prompts.size(),
                                   BeamSearch({o.beams, o.max_new_tokens, o.length_penalty, o.early_stopping, o.eos}));
  std::vector<std::vector<int>> places(prompts.size());  // of the running beams of each
  for (std::size_t i = 0; i < prompts.size(); ++i) places[i] = {static_cast<int>(i) * o.beams};
  while (!texts_.empty()) {
    Interrupt::check();
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

/// Gives each beam a place in the cache: its parent's, or, where that has gone to an earlier one, a copy in one that is
/// free.
template <class T>
void TextSearch<T>::settle(const std::vector<BeamSearch::Beam>& beams, std::vector<int>& places, int first, int count) {
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

#ifdef PEFT_SEPARATE
template class TextSearch<float>;
template class TextSearch<double>;
#endif

}  // namespace peft
