// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <concepts>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <peft/core/exact.hpp>
#include <peft/core/fields.hpp>
#include <peft/core/inline.hpp>
#include <peft/core/transfer.hpp>
#include <peft/io/tensor_ref.hpp>
#include <peft/model/adapter.hpp>
#include <peft/ops/map.hpp>

/// What of an adapter is saved: its tensors, and what their meaning depends on. Where an adapter is asked for, a model
/// stands for its first one.
namespace peft {

/// A host copy of a tensor, as float.
template <Matrix V>
std::vector<float> to_host(const V& v) {
  using T = typename V::non_const_value_type;
  const std::vector<T> raw = downloaded<typename V::execution_space>(static_cast<const T*>(v.data()), v.size());
  return std::vector<float>(raw.begin(), raw.end());
}

template <class C>
std::vector<float> to_host(const Stored<C>& m) {
  const auto raw = host_values(m);
  return std::vector<float>(raw.begin(), raw.end());
}

namespace peft_files {

/// All but what is made of other tensors.
bool is_saved(const Field& f);
inline bool is_trained(const Field& f) { return f.role == Role::trained; }
inline bool is_head(const Field& f) { return is_trained(f) && f.module.empty(); }

/// The tensors of `fields` that `wanted` says, under their own names and shapes; `values_of` gives their numbers.
std::vector<HostTensor> tensors_of(const std::vector<Field>& fields, const std::function<bool(const Field&)>& wanted,
                                   const std::function<std::vector<float>(const Field&)>& values_of);

}  // namespace peft_files

/// The tensors of an adapter that `wanted` says, under their own names and shapes.
template <class A>
std::vector<HostTensor> tensors_of(const A& adapter, const std::function<bool(const Field&)>& wanted) {
  return peft_files::tensors_of(adapter.layout().fields(), wanted, [&](const Field& f) {
    const auto values = adapter.read(f);
    return std::vector<float>(values.begin(), values.end());
  });
}

/// All that an adapter is, head included: what was trained, and its methods' state (projections, importances,
/// masks).
template <class A>
std::vector<HostTensor> saved_tensors(const A& adapter) {
  return tensors_of(adapter, peft_files::is_saved);
}

/// The task's tensors alone.
template <class A>
std::vector<HostTensor> head_tensors(const A& adapter) {
  return tensors_of(adapter, peft_files::is_head);
}

namespace peft_files {

/// Gives every tensor to `put`. Every trained one of `fields` must be there with its shape, a method's state may be,
/// and nothing else; tensors of the task's head may be missing where `head_may_lack`: it returns their names.
std::vector<std::string> restore(const std::vector<Field>& fields, const std::vector<HostTensor>& tensors,
                                 const std::string& source, bool head_may_lack,
                                 const std::function<void(const Field&, const std::vector<float>&)>& put);

}  // namespace peft_files

/// Puts saved tensors back: every trained tensor must be there with its shape, a method's state may be, and nothing
/// else; tensors of the task's head may be missing where `head_may_lack`: they stay as they are, and it returns their
/// names.
template <class A>
std::vector<std::string> restore_tensors(A& adapter, const std::vector<HostTensor>& tensors, const std::string& source,
                                         bool head_may_lack = false) {
  return peft_files::restore(adapter.layout().fields(), tensors, source, head_may_lack,
                             [&](const Field& f, const std::vector<float>& values) {
                               adapter.write(f, std::vector<typename A::T>(values.begin(), values.end()));
                             });
}

/// Says of a saved delta that its head has a pooler of its own, as beside a checkpoint without one.
inline constexpr const char* pooler_key = "pooler";

/// What the meaning of an adapter's tensors depends on beside their names and shapes, as it is saved with them: "0.alpha"
/// is what the first delta says of its alpha.
template <class A>
std::map<std::string, std::string> settings_of(const A& adapter) {
  std::map<std::string, std::string> all;
  for_each_delta<typename A::Attached::Plain>([&](auto i) {
    const auto& delta = adapter.attached().template delta<i>();
    const auto says = [&](const std::string& name, const auto& value) {
      if constexpr (std::convertible_to<decltype(value), std::string>)
        all[cat(i(), ".", name)] = value;
      else
        all[cat(i(), ".", name)] = exact(static_cast<double>(value));
    };
    hooks::settings(delta, says);
  });
  if (adapter.fresh_pooler()) all[pooler_key] = "fresh";
  return all;
}

namespace peft_files {

/// Refuses a model whose deltas say other settings than were saved; files from before they were saved have none.
void require_settings(const std::map<std::string, std::string>& model, const std::map<std::string, std::string>& saved,
                      const std::string& source);

}  // namespace peft_files

/// A worker with room for one temporary of (rows, cols).
template <class T, ExecutionSpace E>
Worker<E> small_worker(std::size_t rows, std::size_t cols) {
  Worker<E> w;
  w.space.reserve((rows * cols + 64) * sizeof(T) * 2);
  w.space.grow_when_full();
  return w;
}

/// Every tensor of an adapter by its name, derived ones as they follow from the values, whatever was prepared before.
/// Not for deltas that derive them from the backbone's own weights: there is none here.
template <class A>
std::map<std::string, HostTensor> prepared_tensors(const A& adapter) {
  using T = typename A::T;
  using E = typename A::E;
  const Layout& layout = adapter.layout();
  typename A::Buffer buffer("peft::prepared", static_cast<std::size_t>(layout.size()));
  Worker<E> w = small_worker<T, E>(64, 64);
  ops::copy<E, T>(w, flat<E>(buffer.data(), layout.size()), flat<E>(adapter.buffer().data(), layout.size()));
  auto values = adapter.attached().bind(layout, buffer.data(), layout.size());
  for_each_delta<typename A::Attached::Plain>([&](auto i) {
    const auto& delta = adapter.attached().template delta<i>();
    const std::vector<Weights<Mat<const T, E>>> absent(adapter.attached().placement(i).modules.size());
    Context<T, E> c{w};
    c.frozen = absent.data();
    hooks::prepare(delta, c, std::get<i>(values.all));
  });
  w.fence();
  std::map<std::string, HostTensor> all;
  const auto any = [](const Field&) { return true; };
  const auto numbers = [&](const Field& f) {
    const auto raw = downloaded<E>(static_cast<const T*>(buffer.data() + f.offset), static_cast<std::size_t>(f.size()));
    return std::vector<float>(raw.begin(), raw.end());
  };
  for (HostTensor& t : peft_files::tensors_of(layout.fields(), any, numbers)) all[t.name] = std::move(t);
  return all;
}

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/model/saved_tensors.ipp>
#endif
