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
#include <peft/train/batch_rules.hpp>
#include <peft/train/team.hpp>

namespace peft {

/// Runs batches through a model: cuts them into groups, gives the groups to workers, and sums what comes back in the
/// groups' order, so that every number is the same for any number of workers.
template <class M>
class Engine {
 public:
  using T = typename M::T;
  using E = typename M::E;
  using Plain = typename M::Method::Plain;

  /// `workers` 0: one per core on the host, one on a device.
  explicit Engine(M& model, int workers = 0, Grouping grouping = {})
      : model_(model),
        grouping_(grouping),
        first_use_(model.backbone(), M::Task::reads == Reads::words,
                   M::Task::reads == Reads::first && !M::Backbone::Family::dense_in_head),
        frozen_(model.backbone(), model.attached()),
        total_("peft::total_gradient", static_cast<std::size_t>(model.layout().gradient_size())),
        gradients_(model.attached().bind(model.layout(), total_.data(), model.layout().gradient_size())) {
    require_kokkos("an engine");
    if (workers <= 0) workers = on_host<E> ? omp_get_num_procs() : 1;
    if (!on_host<E>) workers = 1;
    require_threads(workers);
    for (int i = 0; i < workers; ++i) lanes_.push_back(std::make_unique<Lane<M>>(model));
    once_.space.grow_when_full();
  }

  M& model() { return model_; }
  const M& model() const { return model_; }
  int workers() const { return static_cast<int>(lanes_.size()); }
  const Grouping& grouping() const { return grouping_; }
  typename M::Buffer total() const { return total_; }
  typename M::Tensors& gradients() { return gradients_; }
  /// For what runs once per step, on the whole model.
  Worker<E>& worker() { return once_; }

  /// Makes room for steps on batches of up to `sequences` sequences of up to `longest` tokens, a decoder's up to
  /// `decoder_longest`. Returns bytes per worker.
  std::size_t plan(int sequences, int longest, bool training, int decoder_longest = 0) {
    return make_room(room_for(sequences, longest, decoder_longest), training);
  }
  /// What `plan` would return; takes no memory.
  std::size_t foresee(int sequences, int longest, bool training, int decoder_longest = 0) {
    return lanes_.front()->foresee(room_for(sequences, longest, decoder_longest), training).first;
  }
  /// What a worker with room enough writes to in groups up to `shape`.
  std::size_t foresee(const GroupShape& shape, bool training) {
    return lanes_.front()->foresee(shape, training).second;
  }
  /// The largest group of those that a batch is cut into, by each of its numbers.
  GroupShape largest_group(const Batch& batch) const { return cut_batch(rules(), batch, grouping_).largest; }
  const std::map<std::string, std::size_t>& planned_by_name() const { return lanes_.front()->planned_by_name(); }

  /// Derived tensors (`prepare`): call after every change of the values. What a delta samples for a training step, it
  /// draws from the step's `seed`; outside training it takes no sample.
  void prepare(std::uint64_t seed = 0, bool training = false) {
    seed_ = seed;
    sampling_ = training;
    each([&](auto& context, const auto& d, auto& all, auto&) { hooks::prepare(d, context, all); });
    once_.fence();
  }

  void zero_gradients() { ops::fill(worker(), flat<E>(total_.data(), model_.layout().gradient_size()), T(0)); }

  /// What the mean of a batch's loss is taken over, and how many examples it holds.
  std::int64_t counted(const Batch& batch) const { return model_.task().counted(batch); }
  std::int64_t examples(const Batch& batch) const { return batch.sequences() / model_.task().together(); }

  /// Adds the gradient of weight * (sum of losses) of a batch; returns the weighted loss. Dropout is drawn from `seed`.
  double accumulate(const Batch& batch, double weight, std::uint64_t seed, bool training = true) {
    return run_step(batch, weight, seed, training, true);
  }
  /// The same loss, without a gradient.
  double loss(const Batch& batch, double weight, std::uint64_t seed, bool training = true) {
    return run_step(batch, weight, seed, training, false);
  }

  /// After the last `accumulate` of a step: gradients of derived tensors go back to what they were derived from,
  /// penalties add.
  void finish_gradients() {
    each([&](auto& context, const auto& d, auto& all, auto& grads) {
      hooks::finish(d, context, all, grads);
      hooks::regularise(d, context, all, grads);
    });
  }
  /// The sum of the penalties whose gradients `finish_gradients` adds, of the deltas that can say it.
  double penalty() {
    double sum = 0;
    each([&](auto& context, const auto& d, auto& all, auto&) { sum += hooks::penalty(d, context, all); });
    return sum;
  }
  void after_step(const StepInfo& info) {
    each(
        [&](auto& context, const auto& d, auto& all, auto& grads) { hooks::after_step(d, context, all, grads, info); });
  }
  /// May the values after `step` of `total` be kept as a run's result, by every delta?
  bool settled(std::int64_t step, std::int64_t total) const {
    bool all = true;
    for_each_delta<Plain>([&](auto i) {
      const auto& d = model_.attached().template delta<i>();
      all = all && hooks::settled(d, step, total);
    });
    return all;
  }
  /// The norm of the gradient of everything trained.
  double gradient_norm() {
    double squares = 0;
    for (const Field& f : model_.layout().fields())
      if (f.role == Role::trained)
        squares += ops::squared_norm<E, T>(worker(), Mat<T, E>(total_.data() + f.offset, f.rows, f.cols));
    return std::sqrt(squares);
  }

  /// Is the gradient of everything trained finite?
  bool gradients_finite() {
    double odd = 0;
    for_each_run(model_.layout(), [&](std::int64_t begin, std::int64_t end, const Group&) {
      odd += ops::count_not_finite<E, T>(worker(), flat<E>(total_.data() + begin, end - begin));
    });
    return odd == 0;
  }

  /// The loss of every sequence of a batch, summed over the targets that count, without dropout and without a step.
  std::vector<double> sequence_losses(const Batch& batch)
    requires(M::Task::reads == Reads::words)
  {
    model_.task().check(batch);
    const std::vector<int> cuts = begin(batch, true);
    std::vector<double> losses(static_cast<std::size_t>(batch.sequences()));
    run(static_cast<int>(cuts.size()) - 1, [&](Lane<M>& lane, int group) {
      lane.losses({sequences(batch, cuts[group], cuts[group + 1]), batch.targets, 1, 0, false,
                   decoder(batch, cuts[group], cuts[group + 1])},
                  std::span(losses).subspan(static_cast<std::size_t>(cuts[group]),
                                            static_cast<std::size_t>(cuts[group + 1] - cuts[group])));
    });
    check_outputs<double>(losses, 1, batch.examples);
    return losses;
  }

  /// Logits (n, outputs), row-major, without dropout: a row per sequence, or per token (of the decoder, where there is
  /// one) where the task reads every row.
  std::vector<T> predict(const Batch& batch) {
    const std::vector<int> cuts = begin(batch, false);
    const std::size_t outputs = model_.outputs();
    const bool each_row = model_.task().read() == Reads::rows || model_.task().read() == Reads::words;
    const auto& offsets = decodes ? batch.decoder_offsets : batch.offsets;
    const auto row = [&](int s) { return static_cast<std::size_t>(each_row ? offsets[s] : s); };
    std::vector<T> logits(row(batch.sequences()) * outputs);
    run(static_cast<int>(cuts.size()) - 1, [&](Lane<M>& lane, int group) {
      GroupStep g{sequences(batch, cuts[group], cuts[group + 1]), {}, 0, 0, false,
                  decoder(batch, cuts[group], cuts[group + 1])};
      const std::size_t from = row(cuts[group]), n = row(cuts[group + 1]) - from;
      lane.predict(g, std::span<T>(logits).subspan(from * outputs, n * outputs));
    });
    check_outputs<T>(logits, outputs,
                     each_row ? std::span<const std::int64_t>() : std::span<const std::int64_t>(batch.examples));
    return logits;
  }

 private:
  /// Throws Error where a number that a batch gave is not finite: it would be scored as if it were one. `examples` of
  /// the rows, where known.
  template <class Number>
  void check_outputs(std::span<const Number> numbers, std::size_t columns,
                     std::span<const std::int64_t> examples) const {
    const std::size_t at = first_not_finite(numbers);
    if (at < numbers.size())
      fail(examples.empty() ? cat("row ", at / columns, " of a batch") : cat("example ", examples[at / columns]),
           ": the model gives ", numbers[at], columns > 1 ? cat(" as logit ", at % columns) : "", "; ",
           why_not_finite(model_));
  }
  double run_step(const Batch& batch, double weight, std::uint64_t seed, bool training, bool backward) {
    model_.task().check(batch);
    const std::vector<int> cuts = begin(batch, true);
    std::vector<double> losses(cuts.size() - 1, 0);
    run(static_cast<int>(cuts.size()) - 1, [&](Lane<M>& lane, int group) {
      GroupStep g{sequences(batch, cuts[group], cuts[group + 1]), batch.targets, weight, seed, training,
                  decoder(batch, cuts[group], cuts[group + 1]),   backward};
      losses[group] = lane.step(g);
      if (backward)
        team_.in_order(group, [&] {
          add(lane);
          lane.add_tables(gradients_);
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
    check_length(rules(), longest);
    // Lanes add the virtual rows; a group's size counts them.
    const int extra = model_.attached().input_rows(),
              rows = grouping_.tokens + (longest + decoder_longest + extra) * model_.task().together();
    return {rows - extra, std::min(sequences, rows / (1 + extra)), longest, decoder_longest > 0 ? rows : 0,
            decoder_longest};
  }

  BatchRules rules() const {
    const auto& backbone = model_.backbone();
    const auto& attached = model_.attached();
    return {backbone.vocabulary(),
            backbone.types(),
            backbone.longest(),
            model_.task().together(),
            attached.input_rows(),
            attached.prefix_rows(model_.values()),
            decodes,
            M::Task::reads == Reads::words,
            acts_on_special_tokens<Plain>()};
  }

  /// Checks a batch against the model, cuts it, and makes room when it is larger than any before.
  std::vector<int> begin(const Batch& batch, bool training) {
    const BatchRules own = rules();
    check_batch(own, batch);
    const Cuts cuts = cut_batch(own, batch, grouping_);
    first_use_(batch.ids, cuts.largest.longest + own.input_rows + own.prefix_rows);
    if (decodes) first_use_(batch.decoder_ids, cuts.largest.decoder_longest);
    make_room(cuts.largest, training);
    return cuts.at;
  }
  std::size_t make_room(const GroupShape& need, bool training) {
    if (grown(need, largest_) != largest_ || (training && !training_) || planned_ == 0) {
      largest_ = grown(need, largest_);
      training_ = training_ || training;
      for (auto& lane : lanes_) planned_ = lane->plan(largest_, training_);
    }
    return planned_;
  }

  /// f(lane, group) for every group.
  template <class F>
  void run(int groups, F&& f) {
    team_.run(workers(), groups, [&](int worker, int group) { f(*lanes_[static_cast<std::size_t>(worker)], group); });
  }

  /// total += the lane's accumulator: the dense trained tensors and the derived ones lie at the same offsets in both.
  void add(Lane<M>& lane) {
    const auto n = static_cast<std::int64_t>(lane.accumulator().size());
    ops::add<E, T>(lane.worker, flat<E>(total_.data(), n), constant(flat<E>(lane.accumulator().data(), n)));
    lane.worker.fence();
  }

  template <class F>
  void each(F&& f) {
    for_each_delta<Plain>([&](auto i) {
      once_.space.clear();
      Context<T, E> context{once_};
      context.seed = seed_;
      context.training = sampling_;
      context.frozen = frozen_[i].data();
      f(context, model_.attached().template delta<i>(), std::get<i>(model_.values().all), std::get<i>(gradients_.all));
    });
  }

  M& model_;
  Grouping grouping_;
  FirstUse<typename M::Backbone> first_use_;
  Frozen<typename M::Backbone, typename M::Method> frozen_;
  typename M::Buffer total_;
  typename M::Tensors gradients_;
  std::vector<std::unique_ptr<Lane<M>>> lanes_;
  Worker<E> once_;
  GroupShape largest_;
  std::uint64_t seed_ = 0;
  bool sampling_ = false;
  bool training_ = false;
  std::size_t planned_ = 0;  // bytes per worker
  Team team_;
};

}  // namespace peft
