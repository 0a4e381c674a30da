// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <peft/core/inline.hpp>
#include <peft/data/json_rows.hpp>
#include <peft/data/row.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace peft {

PEFT_INLINE JsonRows::JsonRows(std::string_view text, std::string name) : lines_(text, std::move(name)) {}

PEFT_INLINE std::vector<std::string> JsonRows::header() {
  held_ = lines_.next();
  width_ = lines_.names().size();
  return lines_.names();
}

PEFT_INLINE bool JsonRows::next(Row& row) {
  row.fields.clear();
  row.lacks.clear();
  if (!std::exchange(held_, false) && !lines_.next()) return false;
  row.line = lines_.line();
  for (std::size_t i = 0; i < width_; ++i) {
    row.fields.push_back(lines_.fields()[i].text);
    row.lacks.push_back(lines_.fields()[i].lacks);
  }
  return true;
}

PEFT_INLINE std::vector<std::string> JsonRows::late() const {
  return {lines_.names().begin() + static_cast<std::ptrdiff_t>(width_), lines_.names().end()};
}

}  // namespace peft
