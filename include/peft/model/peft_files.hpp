// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <concepts>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/delta/lora.hpp>
#include <peft/gate/open.hpp>
#include <peft/gate/scales.hpp>
#include <peft/io/delta_file.hpp>
#include <peft/io/peft_carried.hpp>
#include <peft/io/peft_load.hpp>
#include <peft/io/peft_lora.hpp>
#include <peft/io/peft_methods.hpp>
#include <peft/io/peft_save.hpp>
#include <peft/io/peft_tensors.hpp>
#include <peft/io/saved_together.hpp>
#include <peft/model/adapter.hpp>
#include <peft/model/saved_tensors.hpp>

/// An adapter in PEFT's files and in our own. `ours` is an adapter, or a model that stands for its first one.
namespace peft {

namespace peft_files {

/// Takes out of `tensors` what the backbone has taken, and fails for an adapter whose LoRA on a table or on lm_head it
/// has not.
void leave_out_carried(std::vector<HostTensor>& tensors, const PeftCarried* carried,
                       const std::vector<LoraModule>& merged, const std::string& source);

/// A module of the ranks `kept`: rows of A (r, in), columns of B (out, r).
LoraModule kept_ranks(const std::string& path, const std::vector<float>& A, const std::vector<float>& B, int in,
                      int out, const std::vector<int>& kept, double scale);

/// Refuses an adapter that scales the module at `path` otherwise than ours does.
void require_scale(const std::string& path, double scale, const PeftLora& lora, const std::string& source);

/// `load_peft`, for who does not know what is in an adapter.
std::shared_ptr<const PeftAdapter> open_adapter(const std::filesystem::path& folder);

/// PEFT's name of a task, by the end of transformers' class; "" where it has none (multiple choice).
std::string task_of(std::string_view head, bool encoder_decoder);

/// The tensors of a LoRA and of its head, under a model's names.
std::vector<HostTensor> tensors_of(const PeftLora& lora);

}  // namespace peft_files

/// Can PEFT's files say what D, a LoRA, does? Its gate must scale the ranks, so that B can take it in.
template <class D>
concept LowRank = is_lora<D> && ScalesRanks<decltype(D::gate)>;

/// PEFT's name of an adapter's task; "" where it has none (multiple choice).
template <class A>
std::string peft_task(const A& ours) {
  return peft_files::task_of(ours.task().architecture(), A::Backbone::spec.cross);
}

namespace peft_files {

/// The modules of a LoRA, gated or not; see `to_peft`. Compiled once for every LoRA, not for every model.
template <class T, ExecutionSpace E, class D, class Params>
std::vector<LoraModule> lora_modules(const D& delta, const std::vector<Module>& modules,
                                     const std::vector<Params>& values, bool prune) {
  std::vector<LoraModule> all;
  for (std::size_t k = 0; k < modules.size(); ++k) {
    const Params& p = values[k];
    Worker<E> w = small_worker<T, E>(rows(p.B), cols(p.B));
    Context<T, E> c{w};
    const int r = rows(p.A), in = cols(p.A), outs = rows(p.B);
    const std::vector<T> g = scales_of<T, E>(delta.gate, c, p, r);
    const std::vector<float> A = to_host(p.A), B = to_host(delta.folded(c, p));
    std::vector<int> ranks;
    for (int j = 0; j < r; ++j)
      if (!prune || g[static_cast<std::size_t>(j)] != 0) ranks.push_back(j);
    LoraModule m = kept_ranks(modules[k].path, A, B, in, outs, ranks, p.scale);
    if constexpr (requires { p.m; }) m.magnitude = to_host(p.m);
    all.push_back(std::move(m));
  }
  return all;
}

}  // namespace peft_files

/// An adapter whose method is LoRA alone, gated or not, as PEFT keeps it. Gates are folded into B; with `prune`, ranks
/// whose gate is exactly zero are left out (SoRA, section 3.2): rows of A, columns of B, whole modules. The scale of
/// each module stays.
template <class A>
PeftLora to_peft(const A& ours, const std::string& base_model, bool prune = true) {
  using Plain = typename A::Attached::Plain;
  static_assert(Plain::size == 1, "peft::to_peft: PEFT's LoRA files hold one LoRA");
  using D = typename Plain::template type<0>;
  static_assert(is_lora<D>, "peft::to_peft: the method is no LoRA");
  static_assert(
      !is_lora<D> || LowRank<D>,
      "peft::to_peft: the LoRA's gate does not scale its ranks (`scales`, peft/concepts.hpp), so that PEFT's files cannot say what it "
      "does: `save` writes our own file");
  PeftLora out;
  out.base_model = base_model;
  out.task_type = peft_task(ours);
  const D& delta = ours.attached().template delta<0>();
  out.dropout = delta.dropout;
  out.root_scale = delta.scaling == LoraScale::root;
  out.modules = peft_files::lora_modules<typename A::T, typename A::E>(delta, ours.attached().placement(0).modules,
                                                                       std::get<0>(ours.values().all).modules, prune);
  out.head = head_tensors(ours);
  out.carried = ours.origin().carried;
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
template <class A>
using ContentsOf = typename Contents<typename A::Attached::Plain>::type;

/// The delta of an adapter's method and its modules; of several, tuples.
template <class A>
auto parts_of(const A& ours) {
  if constexpr (A::Attached::size == 1)
    return std::pair(ours.attached().template delta<0>(), ours.attached().placement(0).modules);
  else
    return std::pair(ours.attached().method().deltas, [&]<std::size_t... i>(std::index_sequence<i...>) {
      return std::tuple(ours.attached().placement(i).modules...);
    }(std::make_index_sequence<A::Attached::size>{}));
}

/// Does PEFT have files for the method? LoRA of any form but with a gate that cannot be folded, and what `PeftFormat`
/// is specialised for.
template <class D>
concept HasPeftFiles = LowRank<D> || InPeft<D>;

/// Do PEFT's files hold less than the trained delta (PeftFormat says `lossy`; of a gated LoRA, what is left when the
/// gates are folded in)? Then our own file is saved beside them.
template <class D>
constexpr bool peft_files_are_lossy() {
  if constexpr (requires { PeftFormat<D>::lossy; })
    return PeftFormat<D>::lossy;
  else if constexpr (is_lora<D>)
    return !std::same_as<decltype(D::gate), Open>;
  else
    return false;
}

/// Why PEFT's files cannot say what an adapter's method does where it sits; "" where they can.
template <class A>
  requires HasPeftFiles<ContentsOf<A>>
std::string not_in_peft(const A& ours) {
  using D = ContentsOf<A>;
  std::string reason;
  std::set<std::string> paths;
  for_each_delta<typename A::Attached::Plain>([&](auto i) {
    constexpr Route route = A::Attached::Plain::template type<i>::route;
    if constexpr (route == Route::branch || route == Route::post || route == Route::pre) {
      for (const Module& m : ours.attached().placement(i).modules) {
        if (!has(Kind::linear, info(m.site).kind)) reason = cat("PEFT wraps linear layers, and ", m.path, " is none");
        if (!paths.insert(m.path).second) reason = cat("PEFT wraps a module once, and two deltas sit on ", m.path);
      }
    }
  });
  if constexpr (requires { PeftFormat<D>::cannot(std::vector<Module>(), ours.attached().shape()); })
    if (reason.empty()) reason = PeftFormat<D>::cannot(ours.attached().placement(0).modules, ours.attached().shape());
  return reason;
}

/// What stands before the names of the head in the files of a delta's kind.
template <class D>
std::string head_prefix() {
  if constexpr (requires { PeftFormat<D>::prefix; })
    return PeftFormat<D>::prefix;
  else
    return "base_model.model.";
}

/// An adapter whose method is one delta that PEFT has too, as PEFT keeps it: a PeftAdapter, for whose use
/// io/peft_adapter.hpp is included. Throws Error for what PEFT's files cannot say (`not_in_peft`).
template <class A>
  requires HasPeftFiles<ContentsOf<A>>
auto to_adapter(const A& ours, const std::string& base_model) {
  using D = ContentsOf<A>;
  if constexpr (InPeft<D>) {
    const std::string problem = not_in_peft(ours);
    require(problem.empty(), "cannot save in PEFT's files: ", problem, "; `save` writes our own");
    const TensorsByName own = prepared_tensors(ours);
    auto adapter = new_adapter(PeftFormat<D>::kind, base_model, head_tensors(ours), head_prefix<D>(), peft_task(ours));
    if constexpr (requires { PeftFormat<D>::describe(ours.attached().shape(), adapter); })
      PeftFormat<D>::describe(ours.attached().shape(), adapter);
    const auto [deltas, modules] = parts_of(ours);
    PeftFormat<D>::write(deltas, modules, own, adapter);
    if (const auto& carried = ours.origin().carried) carry_over(*carried, adapter);
    return adapter;
  } else {
    return adapter_of(to_peft(ours, base_model));
  }
}

/// The same in PEFT's files, as a part of what is saved together; returns the checksum of the tensors' file. `labels`:
/// what the head's classes are called.
template <class A>
std::string stage_adapter(AtomicFiles& files, const A& ours, const std::filesystem::path& folder,
                          const std::string& base_model, const HeadLabels& labels = {}) {
  static_assert(HasPeftFiles<ContentsOf<A>> || is_lora<ContentsOf<A>>,
                "peft::save_adapter: PEFT has no files for this method: `save` writes our own");
  if constexpr (InPeft<ContentsOf<A>>) {
    auto adapter = to_adapter(ours, base_model);
    adapter.labels = labels;
    return stage_peft(files, folder, adapter);
  } else {
    PeftLora lora = to_peft(ours, base_model);
    lora.labels = labels;
    return stage_peft_lora(files, folder, lora);
  }
}

/// The same, alone.
template <class A>
void save_adapter(const A& ours, const std::filesystem::path& folder, const std::string& base_model,
                  const HeadLabels& labels = {}) {
  AtomicFiles files;
  stage_adapter(files, ours, folder, base_model, labels);
  commit_save(files, folder);
}

/// Takes PEFT's tensors: our LoRA must have exactly these modules and ranks (see `LoRA<Dynamic>::ranks`). What
/// they lack of the head stays as it was; the names of these tensors.
template <class A>
std::vector<std::string> from_peft(A& ours, const PeftLora& lora, const std::string& source) {
  const auto& modules = ours.attached().placement(0).modules;
  for (std::size_t k = 0; k < modules.size(); ++k)
    peft_files::require_scale(modules[k].path, std::get<0>(ours.values().all).modules[k].scale, lora, source);
  std::vector<HostTensor> tensors = peft_files::tensors_of(lora);
  peft_files::leave_out_carried(tensors, ours.origin().carried.get(), lora.merged, source);
  return restore_tensors(ours, tensors, source, true);
}

/// Before ours is made: takes an adapter's settings into a method of several deltas, and where they sit.
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

/// Takes an adapter's tensors into one that was made as `configure_from` says, on a backbone opened `with_adapter`.
/// What it lacks of the head stays as it was, the checkpoint's own where that has one; the names of these
/// tensors.
template <class A>
  requires HasPeftFiles<ContentsOf<A>>
std::vector<std::string> from_adapter(A& ours, const PeftAdapter& adapter) {
  using D = ContentsOf<A>;
  if constexpr (!InPeft<D>) {
    return from_peft(ours, lora_of(adapter), source_of(adapter));
  } else {
    PeftTensors left(adapter, head_prefix<D>());
    const auto [deltas, modules] = parts_of(ours);
    std::vector<HostTensor> tensors = PeftFormat<D>::read(deltas, modules, left);
    for (HostTensor& t : left.take_head()) tensors.push_back(std::move(t));
    peft_files::leave_out_carried(tensors, ours.origin().carried.get(), {}, source_of(adapter));
    return restore_tensors(ours, tensors, source_of(adapter), true);
  }
}

/// Saves the delta and the head: in PEFT's files where PEFT has the method (gates folded in and pruned), in our own
/// file where it does not, and beside PEFT's where these would lose something that training on needs. `load` takes
/// either back.
template <class A>
void save(const A& ours, const std::filesystem::path& folder, const std::string& method = "delta") {
  using D = ContentsOf<A>;
  AtomicFiles files;
  std::string adapter;
  bool whole = false;
  if constexpr (HasPeftFiles<D>)
    if (not_in_peft(ours).empty()) {
      adapter = stage_adapter(files, ours, folder, ours.origin().folder);
      whole = !peft_files_are_lossy<D>();
    }
  if (!whole) stage_delta(files, folder, {method, settings_of(ours), saved_tensors(ours)}, adapter);
  commit_save(files, folder);
}

/// Loads what `save` has written into an adapter of the same method: our own file where there is one, bit for bit, else
/// PEFT's, which may lack tensors of the head: they stay as they are, and it returns their names. An engine is to
/// `prepare` afterwards. Throws Error for tensors of other names or shapes, and for settings that would give them
/// another meaning (`settings_of`).
template <class A>
std::vector<std::string> load(A& ours, const std::filesystem::path& folder) {
  if (has_delta(folder)) {
    const DeltaFile file = load_delta(folder);
    peft_files::require_settings(settings_of(ours), file.settings, folder.string());
    return restore_tensors(ours, file.tensors, folder.string());
  }
  if constexpr (HasPeftFiles<ContentsOf<A>>)
    return from_adapter(ours, *peft_files::open_adapter(folder));
  else
    fail(folder.string(), ": there is no ", delta_file_name, " in it; PEFT has no files for this method");
}

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/model/peft_files.ipp>
#endif
