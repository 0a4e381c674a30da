// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <peft/core/inline.hpp>
#include <peft/data/row.hpp>
#include <peft/data/tsv.hpp>
#include <peft/io/mapped_file.hpp>
#include <string>
#include <string_view>

namespace peft {

PEFT_INLINE TsvReader::TsvReader(const std::filesystem::path& path)
    : name_(path.string()), file_(path), rest_(table_text(file_.text(), name_)) {}

PEFT_INLINE bool TsvReader::next(Row& row) {
  if (rest_.find_first_not_of("\r\n") == rest_.npos) return false;
  const std::size_t end = std::min(rest_.find('\n'), rest_.size());
  std::string_view line = rest_.substr(0, end);
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  row.line = ++lines_;
  row.fields.clear();
  for (;;) {
    const auto tab = line.find('\t');
    row.fields.push_back(line.substr(0, tab));
    if (tab == line.npos) return true;
    line.remove_prefix(tab + 1);
  }
}

}  // namespace peft
