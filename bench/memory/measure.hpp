// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/report/memory.hpp>
#include <peft/task/language_model.hpp>
#include <peft/train/engine.hpp>

#include <algorithm>
#include <ctime>
#include <iostream>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include "t5_shapes.hpp"

namespace peft::bench {

/// One run: a method on a T5 of a size, and what is done with it.
struct Options {
  std::string size = "base", method,
              mode = "train";  // plan: nothing is run; train: steps; infer: one sentence at a time
  int layers = 0;                                      // of each stack; 0: the size's own
  int batch = 48, source = 64,
      target = 4;             // pairs; their tokens on the encoder's side, in the mean, and on the decoder's
  bool depth_first = false;                            // groups of the default size, not the whole batch at once
  int repeats = 2;                                     // steps, or sentences
  int width = 0;  // rank, bottleneck, rows or state; 0: the method's own (main.cpp)
  std::string cell = "gru";  // of READ
};

/// Sources of half to one and a half times the mean length, evenly; an epoch's lengths do not matter here, the sum and
/// the longest do.
inline Batch batch_of(const Options& o) {
  Batch b;
  const auto id = [&](int s, int t) {
    return static_cast<std::int32_t>(2 + rng::combine(rng::mix(3), static_cast<std::uint64_t>(10000 * s + t)) % 32000);
  };
  for (int s = 0; s < o.batch; ++s) {
    const int n = o.batch == 1 ? o.source : o.source / 2 + s * o.source / (o.batch - 1);
    std::vector<std::int32_t> ids, types(static_cast<std::size_t>(n)), decoder{0};
    std::vector<double> targets;
    for (int t = 0; t < n; ++t) ids.push_back(id(s, t));
    for (int t = 0; t < o.target; ++t) {
      targets.push_back(id(s, 5000 + t));
      if (t + 1 < o.target) decoder.push_back(id(s, 5000 + t));
    }
    b.add_pair(ids, types, decoder, targets, s);
  }
  return b;
}

inline Grouping grouping_of(const Options& o) { return o.depth_first ? Grouping{} : Grouping{1 << 30, 1}; }

/// The largest group that a batch is cut into, by each of its numbers.
inline GroupShape group_of(const Batch& b, const Options& o, int added) {
  std::vector<std::int32_t> both = b.offsets;
  for (std::size_t s = 0; s < both.size(); ++s) both[s] += b.decoder_offsets[s];
  const std::vector<int> cuts = cut_groups(both, grouping_of(o), added);
  GroupShape most;
  for (std::size_t c = 1; c < cuts.size(); ++c) {
    const int from = cuts[c - 1], to = cuts[c], n = to - from;
    most.tokens = std::max(most.tokens, b.offsets[to] - b.offsets[from]);
    most.decoder_tokens = std::max(most.decoder_tokens, b.decoder_offsets[to] - b.decoder_offsets[from]);
    most.sequences = std::max(most.sequences, n);
  }
  most.longest = b.longest();
  most.decoder_longest = b.decoder_longest();
  return most;
}

struct Figures {
  std::int64_t backbone = 0, trainable = 0;  // numbers
  std::size_t weights = 0, values = 0, gradients = 0, moments = 0,
              step = 0;  // planned bytes; step: the workspace of one worker
  std::map<std::string, std::size_t> buffers;  // of the workspace: all that a name is given in a step
  std::uint64_t peak = 0, resident = 0;  // of the process; before the method came
  std::vector<double> seconds;  // of CPU time
};

inline void print(const Options& o, const Figures& f, const GroupShape& group) {
  std::cout << "{\"size\": \"" << o.size
            << "\", \"layers\": " << (o.layers > 0 ? o.layers : t5_config(o.size).num_layers) << ", \"method\": \""
            << o.method << "\", \"width\": " << o.width << ", \"mode\": \"" << o.mode << "\", \"groups\": \""
            << (o.depth_first ? "depth-first" : "whole") << "\", \"pairs\": " << o.batch << ", \"source\": " << o.source
            << ", \"target\": " << o.target << ", \"group_tokens\": " << group.tokens
            << ", \"group_decoder_tokens\": " << group.decoder_tokens << ", \"backbone\": " << f.backbone
            << ", \"trainable\": " << f.trainable << ", \"weights_bytes\": " << f.weights
            << ", \"values_bytes\": " << f.values << ", \"gradients_bytes\": " << f.gradients
            << ", \"moments_bytes\": " << f.moments << ", \"step_bytes\": " << f.step << ", \"peak_bytes\": " << f.peak
            << ", \"resident_bytes\": " << f.resident << ", \"cpu_seconds\": [";
  for (std::size_t i = 0; i < f.seconds.size(); ++i) std::cout << (i ? ", " : "") << f.seconds[i];
  std::cout << "], \"buffers\": {";
  const char* comma = "";
  for (const auto& [name, bytes] : f.buffers) std::cout << comma << "\"" << name << "\": " << bytes, comma = ", ";
  std::cout << "}}" << std::endl;
}

inline double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

/// Plans, and unless nothing is to be run, runs.
template <class Method>
void measure(const Options& o, Method method) {
  using M = Model<T5<float>, Method, LanguageModel>;
  const T5Config config = t5_config(o.size, o.layers);
  const bool training = o.mode != "infer";
  const auto backbone = o.mode == "plan" ? t5_without_values(config) : T5<float>::random(config, 1);
  const Batch batch = batch_of(o);
  Figures f;
  for (const auto& [name, tensor] : backbone->store().tensors()) f.backbone += static_cast<std::int64_t>(tensor.size());
  report::reset_peak_memory();  // drawing the numbers took more than they do
  f.resident = report::resident_memory();

  M model(backbone, method, {});
  const GroupShape group = group_of(batch, o, model.attached().input_rows());
  {
    Lane<M> lane(model);
    f.step = lane.plan(group, training);
    f.buffers = lane.planned_by_name();
  }
  const Layout& layout = model.layout();
  f.trainable = model.trainable();
  f.weights = static_cast<std::size_t>(f.backbone) * sizeof(float);
  f.values = static_cast<std::size_t>(layout.size()) * sizeof(float);
  f.gradients = static_cast<std::size_t>(layout.gradient_size() + layout.group_size()) *
                sizeof(float);  // the sum, and a worker's own
  if (training) f.moments = 2 * static_cast<std::size_t>(layout.gradient_size()) * sizeof(float);
  for_each_delta<typename Method::Plain>([&](auto i) {
    if constexpr (requires {
                    Method::Plain::template type<i>::stands_for_all;
                  }) {  // it holds less than it is planned for
      f.trainable = f.backbone;
      f.values = f.weights, f.gradients = f.moments = 2 * f.weights;
    }
  });

  if (o.mode != "plan") {
    Engine<M> engine(model, 1, grouping_of(o));
    std::vector<typename AdamW::State<float, Host>> adamw;
    if (training) adamw.emplace_back(layout);
    engine.prepare();
    for (std::int64_t i = 1; i <= o.repeats; ++i) {
      const double start = cpu_seconds();
      if (training) {
        engine.zero_gradients();
        const double loss =
            engine.accumulate(batch, 1. / static_cast<double>(engine.counted(batch)), static_cast<std::uint64_t>(i));
        require(std::isfinite(loss), "the loss is ", loss);
        engine.finish_gradients();
        adamw.front().update({}, engine.worker(), layout, model.buffer().data(), engine.total().data(), 1e-5, 1);
        engine.after_step({1e-5, i, o.repeats});
        engine.prepare();
      } else {
        const auto logits = engine.predict(batch);
        require(std::isfinite(logits.back()), "a logit is ", logits.back());
      }
      f.seconds.push_back(cpu_seconds() - start);
    }
    f.peak = report::peak_memory();
  }
  print(o, f, group);
}

// The methods, a few to a unit. Each returns whether it knows the name.
bool run_full(const Options& o);
bool run_inside(const Options& o);
bool run_beside(const Options& o);

}  // namespace peft::bench
