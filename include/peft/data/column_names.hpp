// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <optional>
#include <peft/data/table.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

/// Names that one or two columns commonly have; `b` is empty where there is one column.
struct ColumnNames {
  std::string_view a, b{};
};

struct FoundColumns {
  std::size_t a = 0;
  std::optional<std::size_t> b{};
};

/// The columns of a table among the names that they may have, or nothing. Names that stand for fewer columns of a table
/// than others do not count; of what is left the first of `known`, this library's own names, comes first, and otherwise
/// only one may be there: throws Error for two. `notes` says which columns were taken, unless they have this library's
/// names.
std::optional<FoundColumns> find_columns(const Table& table, std::span<const ColumnNames> known,
                                         std::vector<std::string>& notes);

/// The columns of the one or two texts to classify: "text" and "text2", or "sentence", "premise" and "hypothesis"
/// and the like. Throws Error with the columns that are there.
FoundColumns find_texts(const Table& table, std::vector<std::string>& notes);

/// The column of labels: "label", or "labels", "target" and the like.
std::optional<std::size_t> find_label(const Table& table, std::vector<std::string>& notes);

/// The columns of source and target of generation: "source" and "target", or "prompt" and "completion" and the like;
/// without `targets` the former alone may be there. Throws Error with the columns that are there.
FoundColumns find_pair(const Table& table, bool targets, std::vector<std::string>& notes);

/// Throws Error when columns of such names came up behind the header only, as they may in JSON lines. After the last
/// row.
void require_no_late(const Table& table);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/column_names.ipp>
#endif
