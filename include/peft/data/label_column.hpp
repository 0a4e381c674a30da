// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <peft/data/dataset.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

/// What a column of labels may hold, without the spaces around.
enum class LabelText {
  Integer,  // an optional sign and digits
  Decimal,  // any other finite number: a decimal point, an exponent
  Missing,  // empty, or what other programs write for a number that is none: nan, None, null, NA, inf
  Name
};

LabelText label_text(std::string_view text);

/// A label of a table, without the spaces around, and its line.
struct LabelField {
  std::string text;
  std::size_t line;
};

/// The labels of a table, by example.
struct LabelColumn {
  std::string name;  // of the column
  std::vector<LabelField> fields;
};

/// Decides by a training file what its labels mean and sets `regression` or `label_names`; see `read_csv`. `data.source`
/// names the file. Throws Error naming the line of a label that is none among numbers, and for a single class.
void choose_labels(Dataset& data, const LabelColumn& labels, LabelKind kind);

/// Sets the targets of the examples by the labels' meaning. `train`: the file that has decided it, if not `data`'s own.
/// Throws Error naming line and label, and the training file, for a label of another meaning.
void set_targets(Dataset& data, const LabelColumn& labels, const Dataset* train = nullptr);

/// Whether the labels say that there are none: every one empty, or -1 where no class is so called, as data sets of
/// Hugging Face's have it in a test split.
bool unlabelled(const LabelColumn& labels, const Dataset* train);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/label_column.ipp>
#endif
