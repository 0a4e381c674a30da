// SPDX-License-Identifier: Apache-2.0
#include "modules.hpp"

#include <peft/report/numbers.hpp>

#include <map>

using namespace peft;

std::vector<report::Module> modules_of(const ModelFacts& model, const std::string& label) {
  std::vector<report::Module> list;
  std::map<std::string, std::size_t> index;
  const auto at = [&](const std::string& path) -> report::Module& {
    const auto [found, fresh] = index.emplace(path, list.size());
    if (fresh) list.push_back({path, "", 0, 0, ""});
    return list[found->second];
  };
  const auto module_of = [](const std::string& tensor) { return tensor.substr(0, tensor.rfind('.')); };
  const auto shape = [](std::int64_t r, std::int64_t c) { return r == 1 ? cat(c) : cat(r, "x", c); };
  for (const SiteInfo& s : site_table)
    if (has(Kind::linear | Kind::norm | Kind::table | Kind::fixed, s.kind))
      for (int layer = s.per_layer ? 0 : -1; layer < (s.per_layer ? model.layers : 0); ++layer) {
        const std::string path = model.path(s.site, layer);
        for (const char* tensor : {".weight", ".bias"})
          if (model.frozen.loaded(path + tensor)) {
            const auto& view = model.frozen.at(path + tensor);
            report::Module& m = at(path);
            m.total += static_cast<std::int64_t>(view.size());
            if (m.shape.empty()) m.shape = shape(view.rows(), view.cols());
          }
      }
  for (const Field& f : model.layout.fields()) {
    if (f.role != Role::trained) continue;
    const std::string path = f.module.empty() ? module_of(f.name) : f.module;
    report::Module& m = at(path);
    m.trainable += f.size();
    if (f.init.kind != Init::checkpoint) m.total += f.size();
    const bool head = f.module.empty();
    if (head && m.shape.empty()) m.shape = shape(f.rows, f.cols);
    m.attached = head ? "head" : label;
  }
  return list;
}

std::vector<report::Buffer> memory_of(const ModelFacts& model, std::size_t step) {
  const std::uint64_t workers = static_cast<std::uint64_t>(model.workers);
  return {{"activations and stash, per worker " + report::bytes(step), step * workers},
          {"gradients of the groups", static_cast<std::uint64_t>(model.layout.group_size()) * sizeof(float) * workers},
          {"gradient, moments", static_cast<std::uint64_t>(model.layout.gradient_size()) * sizeof(float) * 3},
          {"values", static_cast<std::uint64_t>(model.layout.size()) * sizeof(float)}};
}
