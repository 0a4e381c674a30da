// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <peft/attachment.hpp>
#include <peft/core/finite.hpp>
#include <peft/core/transfer.hpp>
#include <peft/io/check_finite.hpp>
#include <peft/io/peft_carried.hpp>
#include <peft/model/initial.hpp>
#include <peft/task/classify.hpp>

namespace peft {

/// The backbone that an adapter was made for, as its files name it.
struct Origin {
  std::string folder;
  std::shared_ptr<const PeftCarried> carried;  // what that backbone has of another adapter, or nullptr
};

/// All that is trained of a model: a method at its places, the task's head, and their tensors in one flat buffer. Needs
/// no backbone once it is made: it is saved, loaded, copied, moved and counted by itself, and runs on any backbone of
/// its shape.
template <class Backbone_, class Method_, class Task_ = Classify>
class AdapterFor {
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

  /// Tensors begin as their methods say; each draws from (seed, its name). `before`: is told of all of them before any
  /// has memory; may throw.
  explicit AdapterFor(const Backbone& backbone, const Method& method = {}, Task task = {}, std::uint64_t seed = 42,
                      const std::function<void(const Layout&)>& before = {})
      : task_(std::move(task)),
        origin_{backbone.folder(), backbone.carried()},
        attached_(backbone, method, layout_),
        head_place_(place_of_head(backbone)) {
    make(backbone, seed, before);
  }
  /// The backbone alone, among models that have adapters of this type: no delta sits anywhere. The head is as above.
  static AdapterFor none(const Backbone& backbone, Task task = {}, std::uint64_t seed = 42) {
    return AdapterFor(Nowhere{}, backbone, std::move(task), seed);
  }
  AdapterFor(const AdapterFor& other)
      : task_(other.task_),
        origin_(other.origin_),
        layout_(other.layout_),
        attached_(other.attached_),
        head_place_(other.head_place_),
        head_field_(other.head_field_),
        buffer_("peft::values", downloaded<E>(static_cast<const T*>(other.buffer_.data()), other.buffer_.size())),
        head_from_checkpoint_(other.head_from_checkpoint_) {
    bind();
  }
  AdapterFor(AdapterFor&&) = default;
  AdapterFor& operator=(const AdapterFor& other) { return *this = AdapterFor(other); }
  AdapterFor& operator=(AdapterFor&&) = default;

  const Task& task() const { return task_; }
  const Origin& origin() const { return origin_; }
  const Attached& attached() const { return attached_; }
  Attached& attached() { return attached_; }
  const Layout& layout() const { return layout_; }
  const Tensors& values() const { return values_; }
  Tensors& values() { return values_; }
  const Head& head() const { return head_; }
  const HeadPlace& head_place() const { return head_place_; }
  Buffer buffer() const { return buffer_; }
  bool head_from_checkpoint() const { return head_from_checkpoint_; }
  /// Does the head train a pooler, which the checkpoint has not?
  bool fresh_pooler() const { return !Backbone::Family::dense_in_head && !head_place_.dense.empty(); }

  /// The head's tensors in a buffer that is laid out as this one's.
  Head bind_head(T* buffer, std::int64_t length) const {
    Head head;
    Fields<T, E> fields(layout_, head_field_, buffer, length);
    task_.declare(fields, head, head_place_);
    return head;
  }

  /// Throws Error unless it runs on the backbone.
  void require_fits(const Backbone& backbone) const {
    attached_.require_fits(backbone);
    const HeadPlace now = place_of_head(backbone);
    require(now.width == head_place_.width && now.dense == head_place_.dense, backbone.folder(),
            ": the adapter's head reads ", head_place_.width, " numbers",
            head_place_.dense.empty() ? "" : " through a pooler of its own", ", the backbone gives ", now.width,
            now.dense.empty() ? " through its pooler" : "");
  }

  /// Trainable numbers, the head's included.
  std::int64_t trainable() const { return layout_.trained(); }
  /// A host copy of field `f`.
  std::vector<T> read(const Field& f) const {
    return downloaded<E>(static_cast<const T*>(buffer_.data() + f.offset), static_cast<std::size_t>(f.size()));
  }
  void write(const Field& f, const std::vector<T>& host) {
    require(static_cast<std::int64_t>(host.size()) == f.size(), f.name, ": ", host.size(), " values for (", f.rows,
            ", ", f.cols, ")");
    upload(E{}, buffer_.data() + f.offset, host.data(), host.size());
  }
  const Field* find(const std::string& name) const { return layout_.find(name); }

 private:
  struct Nowhere {};
  AdapterFor(Nowhere, const Backbone& backbone, Task task, std::uint64_t seed)
      : task_(std::move(task)),
        origin_{backbone.folder(), backbone.carried()},
        attached_(backbone, Method{}),
        head_place_(place_of_head(backbone)) {
    make(backbone, seed, {});
  }

  static HeadPlace place_of_head(const Backbone& backbone) {
    using F = typename Backbone::Family;
    constexpr bool first = Task::reads == Reads::first, dense = first && F::dense_in_head;
    const bool pooler = first && !dense && !backbone.has_pooler();
    return {backbone.width(), dense ? F::head_out : F::classifier,
            dense    ? F::head_dense
            : pooler ? backbone.path(Site::pooler, -1)
                     : ""};
  }

  void make(const Backbone& backbone, std::uint64_t seed, const std::function<void(const Layout&)>& before) {
    static_assert(
        Task::reads != Reads::words || Backbone::sites.contains(Site::lm_head),
        "peft::Model: the backbone gives no words: it has no lm_head (LanguageModel needs T5, GPT-2 or Llama)");
    static_assert(Task::reads == Reads::words || !Backbone::spec.causal,
                  "peft::Model: a head on this backbone reads words: use the task LanguageModel");
    head_field_ = layout_.fields().size();
    Fields<T, E> fields(layout_, "");
    task_.declare(fields, head_, head_place_);
    layout_.finish();
    if (before) before(layout_);
    buffer_ = Buffer("peft::values", static_cast<std::size_t>(layout_.size()));
    bind();
    initialise(backbone, seed);
  }
  void bind() {
    values_ = attached_.bind(layout_, buffer_.data(), layout_.size());
    head_ = bind_head(buffer_.data(), layout_.size());
  }

  void initialise(const Backbone& backbone, std::uint64_t seed) {
    const auto words = backbone.weights(Site::word_table, -1).w;
    const auto begin = [&](const Field& f, const std::vector<T>& values) {
      const std::size_t at = first_not_finite(std::span<const T>(values));
      if (at < values.size())
        fail(backbone.folder(), ": ", f.name, ", which begins as a part of the backbone, ",
             holds_at(values[at], std::vector<std::int64_t>{f.rows, f.cols}, at));
      write(f, values);
    };
    for (const Field& f : layout_.fields())
      if (f.role != Role::derived) begin(f, initial_values(f, seed, backbone.store(), words));
    for_each_delta<typename Attached::Plain>([&](auto i) {
      const auto& delta = attached_.template delta<i>();
      for (const Module& m : attached_.placement(i).modules) {
        const auto give = [&](const std::string& name, const std::vector<T>& values) {
          const Field* f = layout_.find(m.path + "." + name, attached_.placement(i).first_field);
          require(f != nullptr, m.path, ": the delta has no tensor ", name, " to begin with given values");
          begin(*f, values);
        };
        hooks::initialise(delta, backbone, m, give);
      }
    });
    const auto head = checkpoint_head(backbone.store().file(), backbone.config().architectures, task_.architecture(),
                                      layout_, head_field_);
    for (const auto& [field, tensor] : head) {
      backbone.store().file().check_finite(field->name, std::numeric_limits<T>::max());
      write(*field, tensor->template values<T>());
    }
    head_from_checkpoint_ = !head.empty();
  }

  Task task_;
  Origin origin_;
  Layout layout_;
  Attached attached_;
  HeadPlace head_place_;
  std::size_t head_field_ = 0;
  Buffer buffer_;
  Tensors values_;
  Head head_;
  bool head_from_checkpoint_ = false;
};

}  // namespace peft
