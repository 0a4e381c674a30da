// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <peft/data/row.hpp>
#include <peft/io/mapped_file.hpp>
#include <string>
#include <string_view>

namespace peft {

/// Reads tab-separated lines as GLUE writes them: a quote is a character like any other. Lines end in LF or CRLF, empty
/// ones at the end of the file do not count. The fields of a row point into the file and live as long as the reader.
class TsvReader {
 public:
  explicit TsvReader(const std::filesystem::path& path)
      : name_(path.string()), file_(path), rest_(table_text(file_.text(), name_)) {}

  /// Takes the next row; false at the end of the file.
  bool next(Row& row) {
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

  const std::string& name() const { return name_; }

 private:
  std::string name_;
  MappedFile file_;
  std::string_view rest_;
  std::size_t lines_ = 0;
};

}  // namespace peft
