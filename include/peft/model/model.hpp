// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <concepts>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <peft/attachment.hpp>
#include <peft/core/finite.hpp>
#include <peft/core/transfer.hpp>
#include <peft/io/check_finite.hpp>
#include <peft/io/config/model_type.hpp>
#include <peft/model/initial.hpp>
#include <peft/task/classify.hpp>

namespace peft {

/// A backbone with a method attached and a task on top. Everything trainable is one flat buffer; the backbone is shared
/// and never written.
template <class Backbone_, class Method_, class Task_ = Classify>
class Model {
 public:
  using Backbone = Backbone_;
  using Method = Method_;
  using Task = Task_;
  using T = typename Backbone::Scalar;
  using E = typename Backbone::Space;
  using V = Mat<T, E>;
  using Attached = Attachment<Backbone, Method>;
  using Tensors = typename Attached::Tensors;
  using Head = typename Task::template Params<V>;
  using Buffer = Memory<T, E>;

  /// In the order of the type's arguments. Tensors begin as their methods say; each draws from (seed, its name).
  /// `before`: is told of all of them before any has memory; may throw.
  Model(std::shared_ptr<const Backbone> backbone, Method method = {}, Task task = {}, std::uint64_t seed = 42,
        const std::function<void(const Layout&)>& before = {})
      : backbone_(std::move(backbone)), task_(task), attached_(*backbone_, method, layout_) {
    static_assert(
        Task::reads != Reads::words || Backbone::sites.contains(Site::lm_head),
        "peft::Model: the backbone gives no words: it has no lm_head (LanguageModel needs T5, GPT-2 or Llama)");
    static_assert(Task::reads == Reads::words || !Backbone::spec.causal,
                  "peft::Model: a head on this backbone reads words: use the task LanguageModel");
    head_field_ = layout_.fields().size();
    Fields<T, E> fields(layout_, "");
    Head head;
    task_.declare(fields, head, head_place());
    layout_.finish();
    if (before) before(layout_);
    values_buffer_ = Buffer("peft::values", static_cast<std::size_t>(layout_.size()));
    values_ = attached_.bind(layout_, values_buffer_.data(), layout_.size());
    head_ = bind_head(values_buffer_.data(), layout_.size());
    initialise(seed);
  }
  /// The task where the method belongs: refused in words.
  template <std::convertible_to<Task> Given = Task>
  Model(std::shared_ptr<const Backbone> backbone, Given task, Method method = {}, std::uint64_t seed = 42,
        const std::function<void(const Layout&)>& before = {})
      : Model(std::move(backbone), std::move(method), Task(std::move(task)), seed, before) {
    static_assert(!std::convertible_to<Given, Task>,
                  "peft::Model: the method comes before the task, as in the type: Model(backbone, method, task); {} "
                  "stands for a method as it begins");
  }
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const Backbone& backbone() const { return *backbone_; }
  std::shared_ptr<const Backbone> shared_backbone() const { return backbone_; }
  const Task& task() const { return task_; }
  const Attached& attached() const { return attached_; }
  Attached& attached() { return attached_; }
  const Layout& layout() const { return layout_; }
  const Tensors& values() const { return values_; }
  Tensors& values() { return values_; }
  const Head& head() const { return head_; }
  Buffer buffer() const { return values_buffer_; }
  bool head_from_checkpoint() const { return head_from_checkpoint_; }

  Head bind_head(T* buffer, std::int64_t length) const {
    Head head;
    Fields<T, E> fields(layout_, head_field_, buffer, length);
    task_.declare(fields, head, head_place());
    return head;
  }

  /// Outputs per row that is read.
  Extent outputs() const {
    if constexpr (Task::reads == Reads::words)
      return backbone_->vocabulary();
    else
      return task_.labels;
  }
  /// Hugging Face's class of the same model; "" when there is none.
  std::string architecture() const {
    const std::string head = task_.architecture();
    const std::string_view type = class_of_type(backbone_->config().model_type);
    return head.empty() ? head : (type.empty() ? Backbone::Family::architecture : std::string(type)) + head;
  }
  HeadPlace head_place() const {
    using F = typename Backbone::Family;
    constexpr bool first = Task::reads == Reads::first, dense = first && F::dense_in_head;
    const bool pooler = first && !dense && !backbone_->has_pooler();
    return {backbone_->width(), dense ? F::head_out : F::classifier,
            dense    ? F::head_dense
            : pooler ? backbone_->path(Site::pooler, -1)
                     : ""};
  }
  /// Does the head train a pooler, which the checkpoint has not?
  bool fresh_pooler() const { return !Backbone::Family::dense_in_head && !head_place().dense.empty(); }

  /// Trainable numbers, the head's included.
  std::int64_t trainable() const { return layout_.trained(); }
  /// Numbers of the backbone and of what was added (weights trained in place counted once).
  std::int64_t total() const {
    std::int64_t n = 0;
    for (const auto& [name, tensor] : backbone_->store().tensors()) n += static_cast<std::int64_t>(tensor.size());
    for (const Field& f : layout_.fields())
      if (f.role == Role::trained && f.init.kind != Init::checkpoint) n += f.size();
    return n;
  }

  /// A host copy of field `f`.
  std::vector<T> read(const Field& f) const {
    return downloaded<E>(values_buffer_.data() + f.offset, static_cast<std::size_t>(f.size()));
  }
  void write(const Field& f, const std::vector<T>& host) {
    require(static_cast<std::int64_t>(host.size()) == f.size(), f.name, ": ", host.size(), " values for (", f.rows,
            ", ", f.cols, ")");
    upload(E{}, values_buffer_.data() + f.offset, host.data(), host.size());
  }
  const Field* find(const std::string& name) const { return layout_.find(name); }

 private:
  void initialise(std::uint64_t seed) {
    const auto words = backbone_->weights(Site::word_table, -1).w;
    const auto begin = [&](const Field& f, const std::vector<T>& values) {
      const std::size_t at = first_not_finite(std::span<const T>(values));
      if (at < values.size())
        fail(backbone_->folder(), ": ", f.name, ", which begins as a part of the backbone, ",
             holds_at(values[at], std::vector<std::int64_t>{f.rows, f.cols}, at));
      write(f, values);
    };
    for (const Field& f : layout_.fields())
      if (f.role != Role::derived) begin(f, initial_values(f, seed, backbone_->store(), words));
    for_each_delta<typename Attached::Plain>([&](auto i) {
      const auto& delta = attached_.template delta<i>();
      for (const Module& m : attached_.placement(i).modules) {
        const auto give = [&](const std::string& name, const std::vector<T>& values) {
          const Field* f = layout_.find(m.path + "." + name, attached_.placement(i).first_field);
          require(f != nullptr, m.path, ": the delta has no tensor ", name, " to begin with given values");
          begin(*f, values);
        };
        if constexpr (requires { delta.initialise(*backbone_, m, give); }) delta.initialise(*backbone_, m, give);
      }
    });
    const auto head = checkpoint_head(backbone_->store().file(), backbone_->config().architectures,
                                      task_.architecture(), layout_, head_field_);
    for (const auto& [field, tensor] : head) {
      backbone_->store().file().check_finite(field->name, std::numeric_limits<T>::max());
      write(*field, tensor->template values<T>());
    }
    head_from_checkpoint_ = !head.empty();
  }

  std::shared_ptr<const Backbone> backbone_;
  Task task_;
  Layout layout_;
  Attached attached_;
  std::size_t head_field_ = 0;
  Buffer values_buffer_;
  Tensors values_;
  Head head_;
  bool head_from_checkpoint_ = false;
};

}  // namespace peft
