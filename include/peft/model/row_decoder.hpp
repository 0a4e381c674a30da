// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include <peft/model/body.hpp>
#include <peft/model/cache.hpp>
#include <peft/model/first_use.hpp>
#include <peft/model/model.hpp>
#include <peft/model/text_search.hpp>
#include <peft/model/word_head.hpp>

namespace peft {

/// Host arrays of a batch that is decoded, used again and again.
struct DecodedRows {
  std::vector<std::int32_t> offsets{0}, ids, places, starts, source_offsets, source_ends;
  std::vector<std::int64_t> examples;

  Extent count() const { return static_cast<Extent>(places.size()); }
  Extent tokens() const { return static_cast<Extent>(ids.size()); }
  void clear() {
    offsets.resize(1);
    for (auto* all : {&ids, &places, &starts, &source_offsets, &source_ends}) all->clear();
    examples.clear();
  }
  void add(int place, std::span<const std::int32_t> more) {
    ids.insert(ids.end(), more.begin(), more.end());
    offsets.push_back(tokens());
    places.push_back(place);
    examples.push_back(0);
  }
  Sequences all() const { return {offsets, ids, {}, examples, 0, count()}; }
};

/// A model that reads text after text row by row: what it makes of the next ids of each, given all before. One
/// worker's.
///
/// Keys and values of earlier rows lie in a cache, those of an encoder's rows are computed once; so each row goes
/// through the layers once. Virtual rows of an input delta come before the first ids, keys and values of a prefix delta
/// are in the cache from the beginning. Beside a side net that mixes rows (`mixes_tokens`) there is no cache, and all
/// rows are computed anew each time.
template <class M>
class RowDecoder final : public TextDecoder<typename M::T> {
 public:
  using Backbone = typename M::Backbone;
  using T = typename M::T;
  using E = typename M::E;
  using V = Mat<T, E>;
  using C = Mat<const T, E>;
  using P = Pass<Backbone, typename M::Method>;
  using Plain = typename P::Plain;
  static constexpr nn::Spec spec = Backbone::spec;
  static constexpr bool cached = decodes_by_row<Plain>();
  static constexpr Purpose purpose{.backward = false, .one_to_one = false, .encoder_shown = cached};
  static_assert(M::Task::reads == Reads::words && spec.causal, "peft::RowDecoder: only a LanguageModel writes texts");

  /// Reads with one of the model's adapters.
  explicit RowDecoder(const M& model, int adapter = 0)
      : model_(model),
        adapter_(model.adapter(adapter)),
        first_use_(model.backbone(), true, false),
        pass_(worker_, model.backbone(), adapter_.attached(), adapter_.values(), nullptr),
        body_(model.backbone().shape()) {
    if (!cached) worker_.space.grow_when_full();
  }
  RowDecoder(const RowDecoder&) = delete;
  RowDecoder& operator=(const RowDecoder&) = delete;

  /// The bytes of memory that such texts take, cache and workspace; nothing is taken. Not known where there is no
  /// cache: 0.
  std::size_t foresee(std::span<const std::vector<std::int32_t>> prompts, int copies, Extent most) {
    if constexpr (!cached) return 0;
    begin(prompts, copies, most);
    const int layers = body_.stack.end() - body_.stack.begin();
    std::size_t bytes = cache_.count(layers, static_cast<Extent>(length_.size()) * capacity_, shape().key_width());
    body_.stack.caches = cache_.layers();
    if constexpr (spec.cross) {
      bytes += cross_cache_.count(layers, sources_.tokens() + static_cast<Extent>(prompts.size()) * added_,
                                  shape().key_width());
      body_.stack.cross_caches = cross_cache_.layers();
    }
    count(prompts, 1);
    bytes += worker_.space.peak();
    worker_.space.reserve(0);
    return bytes;
  }

  void start(std::span<const std::vector<std::int32_t>> prompts, int copies, Extent most, Extent at_once = 1) override {
    begin(prompts, copies, most);
    first_use_(sources_.ids, capacity_);
    if constexpr (!cached) return;
    const int layers = body_.stack.end() - body_.stack.begin();
    cache_.reserve(layers, static_cast<Extent>(length_.size()) * capacity_, shape().key_width());
    body_.stack.caches = cache_.layers();
    if constexpr (spec.cross) {
      cross_cache_.reserve(layers, sources_.tokens() + static_cast<Extent>(prompts.size()) * added_,
                           shape().key_width());
      body_.stack.cross_caches = cross_cache_.layers();
    }
    count(prompts, at_once);
    worker_.space.reserve(worker_.space.peak());
    worker_.space.clear();
    if constexpr (spec.cross) encode(sources_);
    mark_ = worker_.space.mark();
  }

  std::span<const T> forward(std::span<const Continuation> texts) override {
    step_.clear();
    for (const Continuation& text : texts) {
      auto& before = history_[static_cast<std::size_t>(text.place)];
      if constexpr (!cached) before.insert(before.end(), text.ids.begin(), text.ids.end());
      step_.add(text.place, cached ? text.ids : std::span<const std::int32_t>(before));
    }
    if constexpr (cached) {
      worker_.space.release(mark_);
    } else {
      worker_.space.clear();
      if constexpr (spec.cross) encode_again(texts);
    }
    first_use_(step_.ids, 0);
    const V logits = run();
    for (const Continuation& text : texts) {
      Extent& n = length_[static_cast<std::size_t>(text.place)];
      n += static_cast<Extent>(text.ids.size()) + (n == 0 && !spec.cross ? added_ : 0);
    }
    worker_.fence();
    const std::size_t n = static_cast<std::size_t>(logits.size());
    if constexpr (on_host<E>) return {logits.data(), n};
    host_.resize(n);
    download(worker_.exec, host_.data(), static_cast<const T*>(logits.data()), n);
    return host_;
  }

  void copy(int from, int to) override {
    length_[static_cast<std::size_t>(to)] = length_[static_cast<std::size_t>(from)];
    history_[static_cast<std::size_t>(to)] = history_[static_cast<std::size_t>(from)];
    if constexpr (cached)
      cache_.copy(worker_, from * capacity_, to * capacity_, prefix_ + length_[static_cast<std::size_t>(from)]);
  }

 private:
  const nn::Shape& shape() const { return model_.backbone().shape(); }

  void begin(std::span<const std::vector<std::int32_t>> prompts, int copies, Extent most) {
    copies_ = copies;
    length_.assign(prompts.size() * static_cast<std::size_t>(copies), 0);
    history_.assign(length_.size(), {});
    added_ = adapter_.attached().input_rows();
    prefix_ = adapter_.attached().prefix_rows(adapter_.values());
    capacity_ = prefix_ + (spec.cross ? 0 : added_) + most;
    sources_.clear();
    for (const auto& prompt : prompts) sources_.add(0, prompt);
  }

  /// Counts the room for the first step and for those that follow, by running both with the ops switched off.
  void count(std::span<const std::vector<std::int32_t>> prompts, Extent at_once) {
    const std::vector<std::int32_t> some(static_cast<std::size_t>(spec.cross ? at_once : 1));
    worker_.space.count();
    if constexpr (spec.cross) encode(sources_);
    const std::size_t mark = worker_.space.mark();
    for (const bool first : {true, false}) {
      worker_.space.release(mark);
      step_.clear();
      for (std::size_t place = 0; place < length_.size(); ++place) {
        const bool whole = first && !spec.cross;
        if (whole && place % static_cast<std::size_t>(copies_) != 0) continue;
        step_.add(static_cast<int>(place),
                  whole ? std::span<const std::int32_t>(prompts[place / static_cast<std::size_t>(copies_)]) : some);
      }
      run();
    }
    cross_cache_.filled(false);
  }

  /// The encoder's output for these sources.
  void encode(const DecodedRows& sources) {
    source_ = pack(worker_, sources.all(), added_, prefix_, source_staging_);
    body_.encode(pass_, source_, purpose);
  }
  void encode_again(std::span<const Continuation> texts) {
    again_.clear();
    for (const Continuation& text : texts) {
      const auto s = static_cast<std::size_t>(text.place / copies_);
      again_.add(0,
                 std::span(sources_.ids).subspan(sources_.offsets[s], sources_.offsets[s + 1] - sources_.offsets[s]));
    }
    encode(again_);
  }

  Sequences sequences(bool first) {
    Sequences s = step_.all();
    if constexpr (cached) {
      for (const int place : step_.places) step_.starts.push_back(first ? 0 : length_[static_cast<std::size_t>(place)]);
      s.starts = step_.starts;
      s.places = step_.places;
      s.capacity = capacity_;
      if constexpr (spec.cross) {
        for (const int place : step_.places) {
          const std::size_t source = static_cast<std::size_t>(place / copies_),
                            before = source * static_cast<std::size_t>(added_);
          step_.source_offsets.push_back(sources_.offsets[source] + static_cast<int>(before));
          step_.source_ends.push_back(sources_.offsets[source + 1] + static_cast<int>(before) + added_);
        }
        s.source_offsets = step_.source_offsets;
        s.source_ends = step_.source_ends;
      }
    }
    return s;
  }

  /// The logits of the last row of each sequence of `step_`.
  V run() {
    const bool first = length_[static_cast<std::size_t>(step_.places.front())] == 0 || !cached;
    batch_ = pack(worker_, sequences(first), first && !spec.cross ? added_ : 0, prefix_, staging_);
    if (cached && first && prefix_ > 0) put_prefix();
    V x = body_.forward(pass_, batch_, purpose);
    cross_cache_.filled(true);
    x = body_.finish(pass_, batch_, last_rows(x), purpose);
    V logits = worker_.template keep<T>(rows(x), model_.outputs(), "logits");
    WordHead<typename P::Call>::logits(pass_.at(-1, batch_), x, logits);
    return logits;
  }
  V last_rows(V x) {
    const Extent n = batch_.sequences;
    if (batch_.tokens == n) return x;
    const Mat<int, E> index = worker_.template keep<int>(1, n, "last rows");
    V last = worker_.template keep<T>(n, cols(x), "last rows");
    if (worker_.planning()) return last;
    const Extent each = first_rows_added();
    last_.clear();
    for (Extent i = 0; i < n; ++i) last_.push_back(step_.offsets[static_cast<std::size_t>(i) + 1] + (i + 1) * each - 1);
    upload(worker_.exec, index.data(), last_.data(), last_.size());
    ops::gather_rows(worker_, last, C(x), static_cast<const int*>(index.data()));
    return last;
  }
  /// Virtual rows before each sequence of this step.
  Extent first_rows_added() const { return (batch_.tokens - step_.tokens()) / batch_.sequences; }

  void put_prefix() {
    for (int l = body_.stack.begin(); l < body_.stack.end(); ++l)
      pass_.at(l, batch_).prefix([&](auto keys, auto values, double) {
        const nn::LayerCache<V>& layer = cache_.layer(l - body_.stack.begin());
        ops::put_prefix(worker_, layer.k, C(keys), batch_.cache_offsets, batch_.sequences);
        ops::put_prefix(worker_, layer.v, C(values), batch_.cache_offsets, batch_.sequences);
      });
  }

  const M& model_;
  const typename M::Adapter& adapter_;
  FirstUse<Backbone> first_use_;
  Worker<E> worker_;
  P pass_;
  Body<P, true> body_;
  Cache<V, E> cache_, cross_cache_;
  Packed batch_, source_;
  DecodedRows sources_, again_, step_;
  std::vector<int> staging_, source_staging_, last_;
  std::vector<std::vector<std::int32_t>> history_;  // of each place; filled where there is no cache
  std::vector<Extent> length_;  // rows of each place, without the prefix
  std::vector<T> host_;
  int copies_ = 1;
  Extent added_ = 0, prefix_ = 0, capacity_ = 0;
  std::size_t mark_ = 0;
};

}  // namespace peft
