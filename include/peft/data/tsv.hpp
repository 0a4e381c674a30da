// SPDX-License-Identifier: Apache-2.0
#pragma once
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
  explicit TsvReader(const std::filesystem::path& path);

  /// Takes the next row; false at the end of the file.
  bool next(Row& row);

  const std::string& name() const { return name_; }

 private:
  std::string name_;
  MappedFile file_;
  std::string_view rest_;
  std::size_t lines_ = 0;
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/tsv.ipp>
#endif
