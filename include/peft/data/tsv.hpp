// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <peft/data/row.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

/// Reads tab-separated lines as GLUE writes them: a quote is a character like any other. Lines end in LF or CRLF, empty
/// ones at the end of the file do not count. The fields of a row point into the text.
class TsvRows : public RowSource {
 public:
  explicit TsvRows(std::string_view text) : rest_(text) {}

  std::vector<std::string> header() override;
  bool next(Row& row) override;

 private:
  std::string_view rest_;
  std::size_t lines_ = 0;
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/tsv.ipp>
#endif
