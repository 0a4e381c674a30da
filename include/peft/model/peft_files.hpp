// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <peft/core/fields.hpp>
#include <peft/core/inline.hpp>
#include <peft/delta/lora.hpp>
#include <peft/io/delta_file.hpp>
#include <peft/io/peft_carried.hpp>
#include <peft/io/peft_load.hpp>
#include <peft/io/peft_lora.hpp>
#include <peft/io/peft_methods.hpp>
#include <peft/io/peft_save.hpp>
#include <peft/io/peft_tensors.hpp>
#include <peft/model/model.hpp>

namespace peft {

/// A host copy of a tensor, as float.
template <Matrix V>
std::vector<float> to_host(const V& v) {
  using T = typename V::non_const_value_type;
  const std::vector<T> raw = downloaded<typename V::execution_space>(static_cast<const T*>(v.data()), v.size());
  return std::vector<float>(raw.begin(), raw.end());
}

namespace peft_files {

inline bool is_any(const Field&) { return true; }
inline bool is_trained(const Field& f) { return f.role == Role::trained; }
inline bool is_head(const Field& f) { return is_trained(f) && f.module.empty(); }

/// The tensors of `fields` that `wanted` says, under their own names and shapes; `values_of` gives their numbers.
std::vector<HostTensor> tensors_of(const std::vector<Field>& fields, const std::function<bool(const Field&)>& wanted,
                                   const std::function<std::vector<float>(const Field&)>& values_of);

}  // namespace peft_files

/// The tensors of a model that `wanted` says, under their own names and shapes.
template <class M>
std::vector<HostTensor> tensors_of(const M& model, const std::function<bool(const Field&)>& wanted) {
  return peft_files::tensors_of(model.layout().fields(), wanted, [&](const Field& f) {
    const auto values = model.read(f);
    return std::vector<float>(values.begin(), values.end());
  });
}

/// Every trained tensor of a model, head included.
template <class M>
std::vector<HostTensor> trained_tensors(const M& model) {
  return tensors_of(model, peft_files::is_trained);
}

/// The task's tensors alone.
template <class M>
std::vector<HostTensor> head_tensors(const M& model) {
  return tensors_of(model, peft_files::is_head);
}

namespace peft_files {

/// Gives every tensor to `put`. Every trained one of `fields` must be there with its shape, a method's state may be, and nothing
/// else; tensors of the task's head may be missing where `head_may_lack`: it returns their names.
std::vector<std::string> restore(const std::vector<Field>& fields, const std::vector<HostTensor>& tensors, const std::string& source, bool head_may_lack,
                                 const std::function<void(const Field&, const std::vector<float>&)>& put);

/// Takes out of `tensors` what the backbone has taken, and fails for an adapter whose LoRA on a table or on lm_head it has not.
void leave_out_carried(std::vector<HostTensor>& tensors, const PeftCarried* carried, const std::vector<LoraModule>& merged, const std::string& source);

/// A module of the ranks `kept`: rows of A (r, in), columns of B (out, r).
LoraModule kept_ranks(const std::string& path, const std::vector<float>& A, const std::vector<float>& B, int in, int out,
                      const std::vector<int>& kept, double scale);

/// PEFT's name of a task, by the end of transformers' class; "" where it has none (multiple choice).
std::string task_of(std::string_view head, bool encoder_decoder);

/// The tensors of a LoRA and of its head, under a model's names.
std::vector<HostTensor> tensors_of(const PeftLora& lora);

}  // namespace peft_files

/// Puts saved tensors back: every trained tensor must be there with its shape, a method's state may be, and nothing else; tensors of the
/// task's head may be missing where `head_may_lack`: they stay as they are, and it returns their names.
template <class M>
std::vector<std::string> restore_tensors(M& model, const std::vector<HostTensor>& tensors, const std::string& source, bool head_may_lack = false) {
  return peft_files::restore(model.layout().fields(), tensors, source, head_may_lack, [&](const Field& f, const std::vector<float>& values) {
    model.write(f, std::vector<typename M::T>(values.begin(), values.end()));
  });
}

/// Is D a LoRA, with or without a gate?
template <class D>
concept LowRank = requires(const D d, typename D::template Params<Mat<float>> p) { p.A; p.B; p.scale; d.alphas; };

/// A worker with room for one temporary of (rows, cols).
template <class T, ExecutionSpace E>
Worker<E> small_worker(std::size_t rows, std::size_t cols) {
  Worker<E> w;
  w.space.reserve((rows * cols + 64) * sizeof(T) * 2);
  w.space.grow_when_full();
  return w;
}

/// PEFT's name of a model's task; "" where it has none (multiple choice).
template <class M>
std::string peft_task(const M& model) {
  return peft_files::task_of(model.task().architecture(), M::Backbone::spec.cross);
}

namespace peft_files {

/// The modules of a LoRA, gated or not; see `to_peft`. Compiled once for every LoRA, not for every model.
template <class T, ExecutionSpace E, class D, class Params>
std::vector<LoraModule> lora_modules(const D& delta, const std::vector<Module>& modules, const std::vector<Params>& values, bool prune) {
  std::vector<LoraModule> all;
  for (std::size_t k = 0; k < modules.size(); ++k) {
    const Params& p = values[k];
    Worker<E> w = small_worker<T, E>(rows(p.B), cols(p.B));
    Context<T, E> c{w};
    const std::vector<float> A = to_host(p.A), B = to_host(delta.folded(c, p));
    const int r = rows(p.A), in = cols(p.A), outs = rows(p.B);
    std::vector<int> ranks;
    for (int j = 0; j < r; ++j) {
      bool zero = false;
      if constexpr (requires { p.g; }) zero = prune && to_host(p.g)[static_cast<std::size_t>(j)] == 0;
      if (!zero) ranks.push_back(j);
    }
    LoraModule m = kept_ranks(modules[k].path, A, B, in, outs, ranks, p.scale);
    if constexpr (requires { p.m; }) m.magnitude = to_host(p.m);
    all.push_back(std::move(m));
  }
  return all;
}

}  // namespace peft_files

/// A model whose method is LoRA alone, gated or not, as PEFT keeps it. Gates are folded into B; with `prune`, ranks whose gate
/// is exactly zero are left out (SoRA, section 3.2): rows of A, columns of B, whole modules. The scale of each module stays.
template <class M>
PeftLora to_peft(const M& model, const std::string& base_model, bool prune = true) {
  using Plain = typename M::Attached::Plain;
  static_assert(Plain::size == 1, "peft::to_peft: PEFT's LoRA files hold one LoRA");
  using D = typename Plain::template type<0>;
  static_assert(LowRank<D>, "peft::to_peft: the method is no LoRA");
  PeftLora out;
  out.base_model = base_model;
  out.task_type = peft_task(model);
  const D& delta = model.attached().template delta<0>();
  out.dropout = delta.dropout;
  out.root_scale = delta.scaling == LoraScale::root;
  out.modules = peft_files::lora_modules<typename M::T, typename M::E>(delta, model.attached().placement(0).modules,
                                                                       std::get<0>(model.values().all).modules, prune);
  out.head = head_tensors(model);
  out.carried = model.backbone().carried();
  if (out.carried && !out.carried->merged.empty()) out.merged = lora_of(*out.carried->from).merged;
  return out;
}

/// What PEFT's files call a method by: its delta, or several together.
template <class Plain>
struct Contents;
template <class... P>
struct Contents<Method<P...>> {
  using type = Together<typename P::type...>;
};
template <class P>
struct Contents<Method<P>> {
  using type = typename P::type;
};
template <class M>
using ContentsOf = typename Contents<typename M::Attached::Plain>::type;

/// The delta of a model's method and its modules; of several, tuples.
template <class M>
auto parts_of(const M& model) {
  if constexpr (M::Attached::size == 1)
    return std::pair(model.attached().template delta<0>(), model.attached().placement(0).modules);
  else
    return std::pair(model.attached().method().deltas, [&]<std::size_t... i>(std::index_sequence<i...>) {
      return std::tuple(model.attached().placement(i).modules...);
    }(std::make_index_sequence<M::Attached::size>{}));
}

/// Does PEFT have files for the method? LoRA of any form, and what `PeftFormat` is specialised for.
template <class D>
concept HasPeftFiles = LowRank<D> || InPeft<D>;

/// Do PEFT's files hold less than the trained delta (PeftFormat says `lossy`)? Then our own file is saved beside them.
template <class D>
constexpr bool peft_files_are_lossy() {
  if constexpr (requires { PeftFormat<D>::lossy; })
    return PeftFormat<D>::lossy;
  else
    return false;
}

/// What stands before the names of the head in the files of a delta's kind.
template <class D>
std::string head_prefix() {
  if constexpr (requires { PeftFormat<D>::prefix; })
    return PeftFormat<D>::prefix;
  else
    return "base_model.model.";
}

/// A model whose method is one delta that PEFT has too, as PEFT keeps it: a PeftAdapter, for whose use io/peft_adapter.hpp is included.
template <class M>
  requires HasPeftFiles<ContentsOf<M>>
auto to_adapter(const M& model, const std::string& base_model) {
  using D = ContentsOf<M>;
  if constexpr (InPeft<D>) {
    TensorsByName own;
    for (HostTensor& t : tensors_of(model, peft_files::is_any)) own[t.name] = std::move(t);
    auto adapter = new_adapter(PeftFormat<D>::kind, base_model, head_tensors(model), head_prefix<D>(), peft_task(model));
    if constexpr (requires { PeftFormat<D>::describe(model.backbone().shape(), adapter); }) PeftFormat<D>::describe(model.backbone().shape(), adapter);
    const auto [deltas, modules] = parts_of(model);
    PeftFormat<D>::write(deltas, modules, own, adapter);
    if (const auto& carried = model.backbone().carried()) carry_over(*carried, adapter);
    return adapter;
  } else {
    return adapter_of(to_peft(model, base_model));
  }
}

/// The same in PEFT's files. `labels`: what the head's classes are called.
template <class M>
  requires HasPeftFiles<ContentsOf<M>>
void save_adapter(const M& model, const std::filesystem::path& folder, const std::string& base_model, const HeadLabels& labels = {}) {
  if constexpr (InPeft<ContentsOf<M>>) {
    auto adapter = to_adapter(model, base_model);
    adapter.labels = labels;
    save_peft(folder, adapter);
  } else {
    PeftLora lora = to_peft(model, base_model);
    lora.labels = labels;
    save_peft_lora(folder, lora);
  }
}

/// Takes PEFT's tensors: the model's LoRA must have exactly these modules and ranks (see `LoRA<Dynamic>::ranks`). What they lack
/// of the head the model keeps as it was; the names of these tensors.
template <class M>
std::vector<std::string> from_peft(M& model, const PeftLora& lora, const std::string& source) {
  std::vector<HostTensor> tensors = peft_files::tensors_of(lora);
  peft_files::leave_out_carried(tensors, model.backbone().carried().get(), lora.merged, source);
  return restore_tensors(model, tensors, source, true);
}

/// Before the model is made: takes an adapter's settings into a method of several deltas, and where they sit.
template <class... P>
  requires InPeft<Together<typename P::type...>>
void configure_from(const PeftAdapter& adapter, Method<P...>& method) {
  using Format = PeftFormat<Together<typename P::type...>>;
  require_kind(adapter, Format::kind);
  Format::configure(adapter, method);
}

/// The same for the part of a method that is one delta.
template <class Part>
  requires HasPeftFiles<typename Part::type>
void configure_from(const PeftAdapter& adapter, Part& part) {
  using D = typename Part::type;
  if constexpr (InPeft<D>) {
    using Format = PeftFormat<D>;
    require_kind(adapter, Format::kind);
    Format::configure(adapter, part);
  } else {
    const PeftLora lora = lora_of(adapter);
    constexpr bool magnitudes = requires(typename D::template Params<Mat<float>> p) { p.m; };
    if (!lora.modules.empty() && lora.modules[0].magnitude.empty() == magnitudes)
      fail(source_of(adapter), magnitudes ? ": holds plain LoRA, not DoRA" : ": holds DoRA (use_dora), not plain LoRA");
    part.delta.scaling = lora.root_scale ? LoraScale::root : LoraScale::rank;
    part.only.emplace();
    for (const LoraModule& m : lora.modules) {
      part.only->insert(m.path);
      part.delta.ranks[m.path] = m.rank;
      part.delta.alphas[m.path] = lora.root_scale ? m.alpha / std::sqrt(static_cast<double>(m.rank)) : m.alpha;
    }
  }
}

/// Takes an adapter's tensors into a model that was made as `configure_from` says, on a backbone opened `with_adapter`. What it
/// lacks of the head the model keeps as it was, the checkpoint's own where that has one; the names of these tensors.
template <class M>
  requires HasPeftFiles<ContentsOf<M>>
std::vector<std::string> from_adapter(M& model, const PeftAdapter& adapter) {
  using D = ContentsOf<M>;
  if constexpr (!InPeft<D>) {
    return from_peft(model, lora_of(adapter), source_of(adapter));
  } else {
    PeftTensors left(adapter, head_prefix<D>());
    const auto [deltas, modules] = parts_of(model);
    std::vector<HostTensor> tensors = PeftFormat<D>::read(deltas, modules, left);
    for (HostTensor& t : left.take_head()) tensors.push_back(std::move(t));
    peft_files::leave_out_carried(tensors, model.backbone().carried().get(), {}, source_of(adapter));
    return restore_tensors(model, tensors, source_of(adapter), true);
  }
}

/// Saves the delta and the head: in PEFT's files where PEFT has the method (gates folded in and pruned), in our own file where it
/// does not, or where PEFT's files would lose something.
template <class M>
void save(const M& model, const std::filesystem::path& folder, const std::string& method = "delta") {
  using D = ContentsOf<M>;
  if constexpr (HasPeftFiles<D>) save_adapter(model, folder, model.backbone().folder());
  if constexpr (!HasPeftFiles<D> || peft_files_are_lossy<D>()) save_delta(folder, {method, {}, trained_tensors(model)});
}

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/model/peft_files.ipp>
#endif
