// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/data/dataset.hpp>
#include <peft/data/label_column.hpp>

namespace peft {

PEFT_INLINE Dataset::Dataset(const std::vector<std::string>& texts, const std::vector<std::string>& labels,
                             const Dataset* train)
    : source("texts in memory") {
  require(!texts.empty() && texts.size() == labels.size(), source, ": ", texts.size(), " texts and ", labels.size(),
          " labels; as many of each were expected, and at least one");
  LabelColumn column("labels");
  for (std::size_t i = 0; i < texts.size(); ++i) {
    examples.push_back({texts[i], "", 0});
    column.add(labels[i], i + 1);
  }
  if (train == nullptr) {
    choose_labels(*this, column, LabelKind::Automatic);
  } else {
    regression = train->regression;
    label_names = train->label_names;
  }
  set_targets(*this, column, train);
}

}  // namespace peft
