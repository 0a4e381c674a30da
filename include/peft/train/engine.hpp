// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <omp.h>

#include <algorithm>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <peft/core/finite.hpp>
#include <peft/data/batch.hpp>
#include <peft/model/first_use.hpp>
#include <peft/model/lane.hpp>
#include <peft/optim/adamw.hpp>
#include <peft/train/adapter_step.hpp>
#include <peft/train/batch_rules.hpp>
#include <peft/train/team.hpp>
#include <peft/train/which_adapter.hpp>

namespace peft {

/// Runs batches through a model: cuts them into groups, gives the groups to workers, and sums what comes back in the
/// groups' order, so that every number is the same for any number of workers. Every group runs with one of the model's
/// adapters; what is said without a number is said of the first.
template <class M>
class Engine {
 public:
  using T = typename M::T;
  using E = typename M::E;
  using Plain = typename M::Method::Plain;
  using Step = AdapterStep<typename M::Adapter>;

  /// `workers` 0: one per core on the host, one on a device.
  explicit Engine(M& model, int workers = 0, Grouping grouping = {})
      : model_(model),
        grouping_(grouping),
        first_use_(model.backbone(), M::Task::reads == Reads::words,
                   M::Task::reads == Reads::first && !M::Backbone::Family::dense_in_head) {
    require_kokkos("an engine");
    if (workers <= 0) workers = on_host<E> ? omp_get_num_procs() : 1;
    if (!on_host<E>) workers = 1;
    require_threads(workers);
    for (int i = 0; i < workers; ++i) workers_.push_back(std::make_shared<Worker<E>>());
    once_.space.grow_when_full();
    total();
    lanes(0);
  }

  M& model() { return model_; }
  const M& model() const { return model_; }
  int workers() const { return static_cast<int>(workers_.size()); }
  const Grouping& grouping() const { return grouping_; }
  /// For what runs once per step, on a whole adapter.
  Worker<E>& worker() { return once_; }

  /// Makes room for steps on batches of up to `sequences` sequences of up to `longest` tokens, a decoder's up to
  /// `decoder_longest`. Returns bytes per worker.
  std::size_t plan(int sequences, int longest, bool training, int decoder_longest = 0) {
    return make_room(0, room_for(sequences, longest, decoder_longest), training);
  }
  /// What `plan` would return; takes no memory.
  std::size_t foresee(int sequences, int longest, bool training, int decoder_longest = 0) {
    return lanes(0).front()->foresee(room_for(sequences, longest, decoder_longest), training).first;
  }
  /// What a worker with room enough writes to in groups up to `shape`.
  std::size_t foresee(const GroupShape& shape, bool training) {
    return lanes(0).front()->foresee(shape, training).second;
  }
  /// The largest group of those that a batch is cut into, by each of its numbers.
  GroupShape largest_group(const Batch& batch) const { return cut_batch(rules({0}), batch, grouping_).largest; }
  const std::map<std::string, std::size_t>& planned_by_name() { return lanes(0).front()->planned_by_name(); }

  /// What a step does with one adapter.
  Step& on(int adapter) { return runs(adapter).step; }
  typename M::Buffer total() { return on(0).total(); }
  typename M::Tensors& gradients() { return on(0).gradients(); }

  /// Derived tensors (`prepare`) of every adapter: call after every change of the values. What a delta samples for a
  /// training step, it draws from the step's `seed`; outside training it takes no sample.
  void prepare(std::uint64_t seed = 0, bool training = false) {
    for (int i = 0; i < model_.adapters(); ++i) on(i).prepare(seed, training);
  }
  void zero_gradients() { on(0).zero_gradients(); }

  /// What the mean of a batch's loss is taken over, and how many examples it holds.
  std::int64_t counted(const Batch& batch) const { return model_.task().counted(batch); }
  std::int64_t examples(const Batch& batch) const { return batch.sequences() / model_.task().together(); }

  /// Adds the gradient of weight * (sum of losses) of a batch, of each adapter to its own; returns the weighted loss.
  /// Dropout is drawn from `seed`.
  double accumulate(const Batch& batch, double weight, std::uint64_t seed, bool training = true,
                    const WhichAdapter& which = {}) {
    return run_step(batch, weight, seed, training, true, which);
  }
  /// The same loss, without a gradient.
  double loss(const Batch& batch, double weight, std::uint64_t seed, bool training = true,
              const WhichAdapter& which = {}) {
    return run_step(batch, weight, seed, training, false, which);
  }

  /// After the last `accumulate` of a step: gradients of derived tensors go back to what they were derived from,
  /// penalties add.
  void finish_gradients() { on(0).finish_gradients(); }
  /// The sum of the penalties whose gradients `finish_gradients` adds, of the deltas that can say it.
  double penalty() { return on(0).penalty(); }
  void after_step(const StepInfo& info) { on(0).after_step(info); }
  /// May the values after `step` of `total` be kept as a run's result, by every delta?
  bool settled(std::int64_t step, std::int64_t total) { return on(0).settled(step, total); }
  /// The norm of the gradient of everything trained.
  double gradient_norm() { return on(0).gradient_norm(); }
  /// Is the gradient of everything trained finite?
  bool gradients_finite() { return on(0).gradients_finite(); }

  /// The loss of every sequence of a batch, summed over the targets that count, without dropout and without a step.
  std::vector<double> sequence_losses(const Batch& batch, const WhichAdapter& which = {})
    requires(M::Task::reads == Reads::words)
  {
    model_.task().check(batch);
    const std::vector<int> cuts = begin(batch, true, which);
    std::vector<double> losses(static_cast<std::size_t>(batch.sequences()));
    run(cuts, which, [&](Lane<M>& lane, Step&, int group) {
      lane.losses({sequences(batch, cuts[group], cuts[group + 1]), batch.targets, 1, 0, false,
                   decoder(batch, cuts[group], cuts[group + 1])},
                  std::span(losses).subspan(static_cast<std::size_t>(cuts[group]),
                                            static_cast<std::size_t>(cuts[group + 1] - cuts[group])));
    });
    check_outputs<double>(losses, 1, batch.examples, {}, which);
    return losses;
  }

  /// Logits (n, outputs), row-major, without dropout: a row per sequence, or per token (of the decoder, where there is
  /// one) where the task reads every row.
  std::vector<T> predict(const Batch& batch, const WhichAdapter& which = {}) {
    const std::vector<int> cuts = begin(batch, false, which);
    const std::size_t outputs = model_.outputs();
    const bool each_row = model_.task().read() == Reads::rows || model_.task().read() == Reads::words;
    const auto& offsets = decodes ? batch.decoder_offsets : batch.offsets;
    const auto row = [&](int s) { return static_cast<std::size_t>(each_row ? offsets[s] : s); };
    std::vector<T> logits(row(batch.sequences()) * outputs);
    run(cuts, which, [&](Lane<M>& lane, Step&, int group) {
      GroupStep g{sequences(batch, cuts[group], cuts[group + 1]), {}, 0, 0, false,
                  decoder(batch, cuts[group], cuts[group + 1])};
      const std::size_t from = row(cuts[group]), n = row(cuts[group + 1]) - from;
      lane.predict(g, std::span<T>(logits).subspan(from * outputs, n * outputs));
    });
    check_outputs<T>(logits, outputs, batch.examples,
                     each_row ? std::span<const std::int32_t>(offsets) : std::span<const std::int32_t>(), which);
    return logits;
  }

 private:
  /// Throws Error where a number that a batch gave is not finite: it would be scored as if it were one. `examples` of
  /// the sequences; `offsets`: where their rows begin, empty where each has one.
  template <class Number>
  void check_outputs(std::span<const Number> numbers, std::size_t columns, std::span<const std::int64_t> examples,
                     std::span<const std::int32_t> offsets, const WhichAdapter& which) const {
    const std::size_t at = first_not_finite(numbers), row = at / columns;
    if (at == numbers.size()) return;
    const auto after = std::upper_bound(offsets.begin(), offsets.end(), static_cast<std::int32_t>(row));
    const int sequence =
        static_cast<int>(offsets.empty() ? static_cast<std::ptrdiff_t>(row) : after - offsets.begin() - 1);
    fail(offsets.empty() ? cat("example ", examples[row]) : cat("row ", row, " of a batch"), ": the model gives ",
         numbers[at], columns > 1 ? cat(" as logit ", at % columns) : "", "; ",
         why_not_finite(model_.backbone(), model_.adapter(which.of(sequence))));
  }
  double run_step(const Batch& batch, double weight, std::uint64_t seed, bool training, bool backward,
                  const WhichAdapter& which) {
    model_.task().check(batch);
    const std::vector<int> cuts = begin(batch, true, which);
    std::vector<double> losses(cuts.size() - 1, 0);
    run(cuts, which, [&](Lane<M>& lane, Step& step, int group) {
      GroupStep g{sequences(batch, cuts[group], cuts[group + 1]), batch.targets, weight, seed, training,
                  decoder(batch, cuts[group], cuts[group + 1]),   backward};
      losses[group] = lane.step(g);
      if (backward)
        team_.in_order(group, [&] {
          step.add(lane.worker, lane.accumulator());
          lane.add_tables(step.gradients());
        });
    });
    double loss = 0;
    for (const double l : losses) loss += l;
    return loss;
  }

  static constexpr bool decodes = M::Backbone::spec.cross;
  static Sequences decoder(const Batch& b, int begin, int end) {
    if (!decodes) return {};
    return {b.decoder_offsets, b.decoder_ids, {}, b.examples, begin, end};
  }
  /// Where there is one segment, or none is known, a tokenizer's second text is of it too.
  Sequences sequences(const Batch& b, int begin, int end) const {
    const bool typed = model_.backbone().types() > 1;
    return {b.offsets,  b.ids, typed ? std::span<const std::int32_t>(b.types) : std::span<const std::int32_t>(),
            b.examples, begin, end,
            b.slots};
  }

  GroupShape room_for(int sequences, int longest, int decoder_longest) const {
    const BatchRules own = rules({0});
    check_length(own, longest);
    // Lanes add the virtual rows; a group's size counts them.
    const int extra = own.input_rows,
              rows = grouping_.tokens + (longest + decoder_longest + extra) * model_.task().together();
    return {rows - extra, std::min(sequences, rows / (1 + extra)), longest, decoder_longest > 0 ? rows : 0,
            decoder_longest};
  }

  /// What batches must be that run with these adapters.
  BatchRules rules(const std::vector<int>& adapters) const {
    const auto& backbone = model_.backbone();
    BatchRules own{backbone.vocabulary(),
                   backbone.types(),
                   backbone.longest(),
                   model_.task().together(),
                   0,
                   0,
                   decodes,
                   M::Task::reads == Reads::words,
                   acts_on_special_tokens<Plain>()};
    for (const int i : adapters) {
      const auto& adapter = model_.adapter(i);
      own.input_rows = std::max(own.input_rows, adapter.attached().input_rows());
      own.prefix_rows = std::max(own.prefix_rows, adapter.attached().prefix_rows(adapter.values()));
    }
    return own;
  }

  /// Checks a batch against the model, cuts it, and makes room when it is larger than any before.
  std::vector<int> begin(const Batch& batch, bool training, const WhichAdapter& which) {
    const std::vector<int> met = which.met(batch.sequences(), model_.task().together());
    const BatchRules own = rules(met);
    check_batch(own, batch);
    const Cuts cuts = cut_batch(own, batch, grouping_);
    first_use_(batch.ids, cuts.largest.longest + own.input_rows + own.prefix_rows);
    if (decodes) first_use_(batch.decoder_ids, cuts.largest.decoder_longest);
    for (const int i : met) make_room(i, cuts.largest, training);
    return which.cut(cuts.at);
  }
  std::size_t make_room(int adapter, const GroupShape& need, bool training) {
    Runs& r = runs(adapter);
    if (grown(need, r.largest) != r.largest || (training && !r.training) || r.planned == 0) {
      r.largest = grown(need, r.largest);
      r.training = r.training || training;
      for (auto& lane : lanes(adapter)) r.planned = lane->plan(r.largest, r.training);
    }
    return r.planned;
  }

  /// f(lane, step, group) for every group, with what its adapter has.
  template <class F>
  void run(const std::vector<int>& cuts, const WhichAdapter& which, F&& f) {
    team_.run(workers(), static_cast<int>(cuts.size()) - 1, [&](int worker, int group) {
      Runs& r = *runs_[static_cast<std::size_t>(which.of(cuts[static_cast<std::size_t>(group)]))];
      f(*r.lanes[static_cast<std::size_t>(worker)], r.step, group);
    });
  }

  /// What the engine has of one adapter: the lanes of its workers, which share their memory with those of the others.
  struct Runs {
    Step step;
    std::vector<std::unique_ptr<Lane<M>>> lanes;
    GroupShape largest{};
    bool training = false;
    std::size_t planned = 0;  // bytes per worker
  };
  /// Made when the adapter first runs.
  Runs& runs(int adapter) {
    auto own = model_.shared_adapter(adapter);
    if (runs_.size() <= static_cast<std::size_t>(adapter)) runs_.resize(static_cast<std::size_t>(adapter) + 1);
    auto& r = runs_[static_cast<std::size_t>(adapter)];
    if (!r) r = std::make_unique<Runs>(Runs{Step(once_, model_.backbone(), std::move(own)), {}});
    return *r;
  }
  auto& lanes(int adapter) {
    Runs& r = runs(adapter);
    if (r.lanes.empty())
      for (auto& worker : workers_) r.lanes.push_back(std::make_unique<Lane<M>>(model_, r.step.adapter(), worker));
    return r.lanes;
  }

  M& model_;
  Grouping grouping_;
  FirstUse<typename M::Backbone> first_use_;
  std::vector<std::shared_ptr<Worker<E>>> workers_;
  Worker<E> once_;
  std::vector<std::unique_ptr<Runs>> runs_;  // by the adapter's number
  Team team_;
};

}  // namespace peft
