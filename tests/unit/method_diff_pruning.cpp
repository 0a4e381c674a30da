// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/diff_pruning.hpp>

#include "whole.hpp"

using namespace peft;

namespace {

using DiffTuned = Method<Delta<DiffPruning, At<Value, FfnNorm, Site::type_table>>>;

DiffTuned diff_tuned(const DiffPruning& d) { return DiffTuned({d}); }

/// Gates that are neither open nor shut, and a penalty that shows.
DiffPruning half_open() {
  DiffPruning d;
  d.initial = 0.7;
  d.lambda = 0.02;
  return d;
}

}  // namespace

TEST_CASE("diff pruning's gradients: gates sampled and not, one per tensor or none, both penalties", "[gradcheck]") {
  DiffPruning d = half_open();
  for (const bool training : {true, false})
    for (const Site site : {Site::query, Site::attn_norm, Site::word_table}) {
      testing::CheckOptions options;
      options.site = site;
      options.training = training;
      whole::check_alone(d, options);
    }
  d.counts = OpenGates::released;
  whole::check_alone(d);
  d.structured = false;
  whole::check_alone(d);
  d = half_open();
  d.initial = 3;  // a tensor's gate that is shut would keep its numbers where they are
  whole::check(diff_tuned(d));
}

TEST_CASE("diff pruning trains a change and a gate per number, and one per tensor") {
  using M = Model<Bert<double>, Method<Delta<DiffPruning>>>;
  const auto trainable = [](DiffPruning d) {
    return M(tiny::bert({16, 2, 3, 9}), Method<Delta<DiffPruning>>({d}), {3}).trainable();
  };
  const int head = 3 * 16 + 3, layer = 4 * (16 * 16 + 16) + (16 * 9 + 9) + (9 * 16 + 16) + 4 * 16;
  const int numbers = 3 * layer + 2 * 16 + (20 + 80 + 2) * 16 + 16 * 16 + 16, tensors = 3 * 16 + 2 + 3 + 2;
  DiffPruning d;
  CHECK(trainable(d) == 2 * numbers + tensors + head);
  d.structured = false;
  CHECK(trainable(d) == 2 * numbers + head);
}

TEST_CASE("diff pruning begins as the backbone, and samples in training alone") {
  const Batch batch = tiny::batch({5, 4, 9});
  DiffPruning d = half_open();
  Model<Bert<double>, DiffTuned> model(tiny::bert(), diff_tuned(d), {3}, 7);
  Model<Bert<double>, Method<>> plain(tiny::bert(), {}, {3}, 7);
  Engine<Model<Bert<double>, DiffTuned>> engine(model, 2, {8, 2});
  Engine<Model<Bert<double>, Method<>>> of_plain(plain, 1, {8, 2});
  engine.prepare();
  of_plain.prepare();
  CHECK(engine.predict(batch) == of_plain.predict(batch));
  for (const Field& f : model.layout().fields())
    if (f.name.ends_with(".diff")) model.write(f, std::vector<double>(f.size(), 0.3));
  const auto loss = [&](std::uint64_t seed, bool training) {
    engine.prepare(seed, training);
    return engine.accumulate(batch, 0.5, seed, training);
  };
  CHECK(loss(1, true) == loss(1, true));
  CHECK(loss(1, true) != loss(2, true));
  CHECK(loss(1, false) == loss(2, false));
}

TEST_CASE("diff pruning keeps the largest changes of the whole model and trains on them alone") {
  using M = Model<Bert<double>, DiffTuned>;
  std::int64_t told = -1, told_of = -1;
  DiffPruning d = half_open();
  d.fraction = 0.1;
  d.prune_at = 0.5;
  d.gate_lr_factor = 100;
  d.on_prune = [&](std::int64_t kept, std::int64_t of) { told = kept, told_of = of; };
  M model(tiny::bert(), diff_tuned(d), {3});
  Engine<M> engine(model, 1);
  const auto fields = [&](const char* end, auto&& f) {
    for (const Field& field : model.layout().fields())
      if (field.name.ends_with(end)) f(field);
  };
  fields(".diff", [&](const Field& f) {
    std::vector<double> values(f.size());
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = rng::normal(rng::combine(1, f.name), i);
    model.write(f, values);
  });
  // What the sites use, as a difference to the frozen tensors.
  const auto change = [&] {
    std::vector<double> all;
    fields(".theta", [&](const Field& f) {
      const auto used = model.read(f);
      const std::string name = f.name.substr(0, f.name.size() - 6);
      const auto frozen = downloaded<Host>(model.backbone().store().at(name).data(), used.size());
      for (std::size_t i = 0; i < used.size(); ++i) all.push_back(used[i] - frozen[i]);
    });
    return all;
  };
  const Batch batch = tiny::batch({5, 4, 9});
  AdamW::State<double, Host> state(model.layout());
  const auto step = [&](std::int64_t n, std::int64_t total) {
    engine.prepare(static_cast<std::uint64_t>(n), true);
    engine.zero_gradients();
    const double loss = engine.accumulate(batch, 1. / 3, static_cast<std::uint64_t>(n));
    engine.finish_gradients();
    state.update({}, engine.worker(), model.layout(), model.buffer().data(), engine.total().data(), 1e-3, 1);
    engine.after_step({1e-3, n, total});
    engine.prepare();
    return loss;
  };
  for (int n = 1; n < 5; ++n) step(n, 10);
  CHECK(told == -1);
  CHECK_FALSE(engine.settled(4, 10));
  CHECK(engine.settled(5, 10));
  // The fifth step of ten cuts. What is left must be the largest of what would have been without.
  engine.prepare();
  step(5, 0);
  const auto whole_change = change();
  engine.after_step({1e-3, 5, 10});
  engine.prepare();
  const auto cut = change();
  const auto open = [](const std::vector<double>& v) {
    return std::count_if(v.begin(), v.end(), [](double x) { return std::abs(x) > 1e-12; });
  };
  CHECK(told_of == static_cast<std::int64_t>(cut.size()));
  CHECK(told == std::llround(0.1 * double(cut.size())));
  CHECK(open(cut) == told);
  double least_kept = 1e30, largest_cut = 0;
  for (std::size_t i = 0; i < cut.size(); ++i) {
    if (std::abs(cut[i]) > 1e-12) {
      CHECK(std::abs(cut[i] - whole_change[i]) < 1e-12);
      least_kept = std::min(least_kept, std::abs(whole_change[i]));
    } else {
      largest_cut = std::max(largest_cut, std::abs(whole_change[i]));
    }
  }
  CHECK(largest_cut < least_kept);
  // From here on the places stay, the values move, and no sample is seen.
  for (int n = 6; n <= 10; ++n) step(n, 10);
  const auto after = change();
  std::size_t moved = 0;
  for (std::size_t i = 0; i < cut.size(); ++i) {
    CHECK((std::abs(after[i]) > 1e-12) == (std::abs(cut[i]) > 1e-12));
    moved += std::abs(after[i] - cut[i]) > 1e-6;
  }
  CHECK(moved > static_cast<std::size_t>(told) * 9 / 10);
  engine.prepare(1, true);
  const auto one = change();
  engine.prepare(2, true);
  CHECK(change() == one);
}
