// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <nlohmann/json.hpp>
#include <set>

#include <peft/core/error.hpp>
#include <peft/io/json.hpp>
#include <peft/io/json_fields.hpp>
#include <peft/io/label_text.hpp>

namespace peft {

PEFT_INLINE std::string to_label_text(const std::vector<std::string>& names, std::string_view where) {
  return to_text(nlohmann::json(names), -1, where);
}

PEFT_INLINE std::vector<std::string> from_label_text(std::string_view text, std::string_view where) {
  constexpr std::size_t most = 1 << 20;
  const nlohmann::json list = parse_json(text, where);
  require(list.is_array() && list.size() <= most, where, ": a list of the classes' names was expected");
  std::vector<std::string> names;
  std::set<std::string> seen;
  for (const auto& name : list) {
    if (!name.is_string() || !seen.insert(name.get<std::string>()).second)
      fail(where, ": ", shown(name), " among the classes' names: different texts were expected");
    names.push_back(name.get<std::string>());
  }
  return names;
}

}  // namespace peft
