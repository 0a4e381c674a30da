// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <peft/core/inline.hpp>
#include <peft/data/row.hpp>
#include <peft/data/tsv.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

PEFT_INLINE std::vector<std::string> TsvRows::header() {
  Row row;
  next(row);
  return {row.fields.begin(), row.fields.end()};
}

PEFT_INLINE bool TsvRows::next(Row& row) {
  row.fields.clear();
  if (rest_.find_first_not_of("\r\n") == rest_.npos) return false;
  const std::size_t end = std::min(rest_.find('\n'), rest_.size());
  std::string_view line = rest_.substr(0, end);
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  row.line = ++lines_;
  for (;;) {
    const auto tab = line.find('\t');
    row.fields.push_back(line.substr(0, tab));
    if (tab == line.npos) return true;
    line.remove_prefix(tab + 1);
  }
}

}  // namespace peft
