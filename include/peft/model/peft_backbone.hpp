// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <peft/core/transfer.hpp>
#include <peft/core/transposed.hpp>
#include <peft/io/peft_carried.hpp>
#include <peft/io/peft_methods.hpp>
#include <peft/io/peft_names.hpp>
#include <peft/site.hpp>

namespace peft {

/// How the checkpoints of a family call their modules.
template <class F>
ModuleNames module_names() {
  ModuleNames names{F::prefix, {}};
  if constexpr (!F::spec.causal) names.head = {F::classifier, F::head_dense, F::head_out};
  for (const SiteInfo& s : site_table) {
    const std::string_view path = F::sites.contains(s.site) ? F::path(s.site) : "";
    if (names.prefix.empty() || !path.starts_with(names.prefix)) continue;
    const std::string_view inside = path.substr(names.prefix.size());
    std::string part(inside.substr(0, inside.find('.')));
    if (std::find(names.parts.begin(), names.parts.end(), part) == names.parts.end())
      names.parts.push_back(std::move(part));
  }
  return names;
}

/// A backbone's tensor as its files have it.
template <class Backbone>
HostTensor stored_tensor(const Backbone& backbone, const std::string& name) {
  using T = typename Backbone::Scalar;
  const auto& view = backbone.store().at(name);
  const std::vector<T> values = host_values(view);
  HostTensor t{name, {rows(view), cols(view)}, std::vector<float>(values.begin(), values.end())};
  if (backbone.store().transposed(name)) {
    t.data = transposed(t.data, rows(view), cols(view));
    std::swap(t.shape[0], t.shape[1]);
  } else if (rows(view) == 1) {
    t.shape.erase(t.shape.begin());
  }
  return t;
}

/// The backbone with what an adapter replaces of it, beside its delta, in place (io/peft_carried.hpp); the backbone
/// itself where that is nothing. All other weights are shared. `notes` is told what it was. A pooler that the adapter
/// brings goes into the task's head: it was trained with it.
template <class Backbone>
std::shared_ptr<const Backbone> with_adapter(std::shared_ptr<const Backbone> backbone,
                                             std::shared_ptr<const PeftAdapter> adapter,
                                             std::vector<std::string>& notes) {
  if constexpr (Backbone::sites.contains(Site::pooler))
    if (backbone->has_pooler() && holds_tensor(*adapter, "pooler.dense.weight")) backbone = backbone->without_pooler();
  CarriedInto into;
  into.has = [&](const std::string& name) { return backbone->store().loaded(name); };
  into.read = [&](const std::string& name) { return stored_tensor(*backbone, name); };
  into.words = backbone->path(Site::word_table, -1);
  if constexpr (Backbone::sites.contains(Site::lm_head)) into.head = backbone->path(Site::lm_head, -1);
  into.tied = backbone->tied();
  into.folder = backbone->folder();
  Carrying carrying = carried_by(std::move(adapter), into);
  if (carrying.summary.empty()) return backbone;
  notes.push_back(cat("of the adapter, and not trained on: ", carrying.summary));
  return backbone->carrying(std::move(carrying));
}

}  // namespace peft
