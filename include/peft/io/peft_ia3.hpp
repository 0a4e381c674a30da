// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <vector>

#include <peft/io/peft_adapter.hpp>

namespace peft {

enum class Route;
template <Route r>
struct Rescale;

/// (IA)^3 in PEFT's files: vectors of the modules whose output is scaled, (out, 1), and of those whose input is, (1,
/// in), which the config lists as feedforward_modules.
template <Route after, Route before>
struct PeftFormat<Together<Rescale<after>, Rescale<before>>> {
  static constexpr const char* kind = "IA3";
  static constexpr const char* field = "ia3_l";

  static void write(const auto&, const auto& modules, const TensorsByName& own, PeftAdapter& to) {
    each(modules, [&](const auto& m, std::vector<std::int64_t> shape, bool input) {
      to.config["target_modules"].push_back(m.path);
      if (input) to.config["feedforward_modules"].push_back(m.path);
      to.add("base_model.model." + m.path + "." + field, shape, own.at(m.path + "." + field).data);
    });
  }

  static void configure(const PeftAdapter& from, auto& method) {
    check_common(from.fields());
    auto& [after_part, before_part] = method.deltas;
    after_part.only.emplace();
    before_part.only.emplace();
    const PeftTensors tensors(from);
    for (const std::string& path : tensors.placed(field)) {
      const auto& shape = tensors.shape_of(tensors.at(path, field));
      const bool input = shape.size() == 2 && shape[0] == 1;
      (input ? before_part.only : after_part.only)->insert(path);
    }
    require(!after_part.only->empty() || !before_part.only->empty(), from.source, ": there is no (IA)^3 module in it");
  }

  static std::vector<HostTensor> read(const auto&, const auto& modules, PeftTensors& left) {
    std::vector<HostTensor> tensors;
    each(modules, [&](const auto& m, const std::vector<std::int64_t>& shape, bool) {
      tensors.push_back(left.take(left.at(m.path, field), m.path + "." + field, shape, {shape[0] * shape[1]}));
    });
    return tensors;
  }

 private:
  static void each(const auto& modules, auto&& f) {
    for (const auto& m : std::get<0>(modules)) f(m, {m.out, 1}, false);
    for (const auto& m : std::get<1>(modules)) f(m, {1, m.in}, true);
  }
};

}  // namespace peft
