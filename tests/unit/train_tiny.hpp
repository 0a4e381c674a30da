// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/sora.hpp>
#include <peft/model/bert.hpp>
#include <peft/train/fit.hpp>

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "catch.hpp"
#include "io_temporary.hpp"

/// A small BERT with dropout everywhere, sentences that it can learn, and whole runs on them.
namespace small {

inline std::filesystem::path folder(const char* name = "tiny-bert") {
  return std::filesystem::path(PEFT_SOURCE_DIR) / "tests/golden/data" / name;
}

/// `count` sequences of 3 to 22 tokens in batches of 6, shuffled by epoch; the class is that of the second token.
struct Sentences {
  int count = 62, size = 6;
  std::int64_t spoiled = -1;  // this example is replaced by `wrong`
  peft::Encoded wrong{};

  peft::Encoded sentence(std::int64_t example) const {
    if (example == spoiled) return wrong;
    const auto draw = [&](std::uint64_t i) {
      return peft::rng::combine(peft::rng::combine(17, i), static_cast<std::uint64_t>(example));
    };
    const int n = 3 + static_cast<int>(draw(0) % 20), target = static_cast<int>(draw(1) % 3);
    peft::Encoded e{.ids = {2},
                    .types = std::vector<std::int32_t>(static_cast<std::size_t>(n), 0),
                    .target = static_cast<double>(target)};
    e.ids.push_back(80 + target);
    for (int i = 2; i < n; ++i) e.ids.push_back(static_cast<int>(5 + draw(static_cast<std::uint64_t>(i)) % 70));
    return e;
  }
  std::int64_t steps(std::int64_t) const { return (count + size - 1) / size; }
  peft::Batch batch(std::int64_t epoch, std::int64_t step) const {
    peft::Batch b;
    for (std::int64_t i = step * size; i < std::min<std::int64_t>((step + 1) * size, count); ++i) {
      const std::int64_t example = (i * 23 + epoch * 7) % count;
      b.add(sentence(example), example);
    }
    return b;
  }
};

using Lora = peft::Method<peft::Delta<peft::LoRA<4>, peft::At<peft::Query, peft::Value>>>;
using Sora = peft::SoRA<4>;

template <class Method = Lora>
struct Trained {
  using M = peft::Model<peft::Bert<float>, Method>;

  M model;
  peft::Engine<M> engine;
  peft::History history;

  explicit Trained(int workers = 2, double dropout = 0.1, peft::Grouping grouping = {30, 2}, double head_lr_factor = 1)
      : model(peft::Bert<float>::open(folder())->with_dropout(dropout, dropout, dropout), method(dropout),
              peft::Classify{.labels = 3, .lr_factor = head_lr_factor}, 3),
        engine(model, workers, grouping) {}

  static Method method(double dropout) {
    Method m;
    auto& lora = std::get<0>(m.deltas).delta;
    lora.dropout = dropout;
    if constexpr (requires { lora.gate.strength; }) lora.gate.strength = 3;
    return m;
  }
  peft::metric::Scores accuracy() {
    peft::Batch dev;
    for (int i = 1000; i < 1040; ++i) dev.add(Sentences{}.sentence(i), i);
    return peft::metric::score(peft::metric::Kind::Accuracy,
                               peft::metric::predict(std::span<const float>(engine.predict(dev)), 3), dev.targets);
  }
  template <class Data = Sentences, class O = peft::AdamW>
  Trained& fit(const peft::FitOptionsWith<O>& options, const Data& data = {}) {
    history = peft::fit(engine, data, options, [&] { return accuracy(); });
    return *this;
  }
  std::vector<float> values() const { return {model.buffer().data(), model.buffer().data() + model.buffer().size()}; }
  const std::vector<double>& losses() const { return history.losses; }
};

/// Two epochs of the task above with every option that has a state.
inline peft::FitOptions options() {
  peft::FitOptions o;
  o.epochs = 2;
  o.lr = 5e-3;
  o.clip = 1;
  o.seed = 11;
  o.patience = 5;
  o.schedule = peft::ScheduleKind::Cosine;
  return o;
}

inline bool same_epochs(const peft::History& a, const peft::History& b) {
  if (a.epochs.size() != b.epochs.size()) return false;
  for (std::size_t i = 0; i < a.epochs.size(); ++i)
    if (a.epochs[i].loss != b.epochs[i].loss || a.epochs[i].dev.main != b.epochs[i].dev.main ||
        a.epochs[i].dev.parts != b.epochs[i].dev.parts || a.epochs[i].best != b.epochs[i].best)
      return false;
  return true;
}

/// All that does not depend on the clock.
inline bool same_report(const peft::History& a, const peft::History& b) {
  return same_epochs(a, b) && a.losses == b.losses && a.steps == b.steps && a.examples == b.examples &&
         a.tokens == b.tokens && a.stopped_early == b.stopped_early;
}

}  // namespace small
