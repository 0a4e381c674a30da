// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <peft/data/row.hpp>
#include <peft/io/json_lines.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

/// JSON lines as the rows of a table: its columns are the keys of the first object.
class JsonRows : public RowSource {
 public:
  /// `text` must outlive the rows; `name` is for messages.
  JsonRows(std::string_view text, std::string name);

  std::vector<std::string> header() override;
  bool next(Row& row) override;
  std::vector<std::string> late() const override;

 private:
  JsonLines lines_;
  bool held_ = false;  // the first object was read for its keys and is still to be returned
  std::size_t width_ = 0;
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/json_rows.ipp>
#endif
