// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/data/example.hpp>
#include <peft/data/glue.hpp>
#include <peft/data/glue_text.hpp>
#include <peft/data/table.hpp>
#include <string>
#include <string_view>

namespace peft {

PEFT_INLINE std::string GlueText::source(const Example& example) const {
  const std::string &a = reversed ? example.b : example.a, &b = reversed ? example.a : example.b;
  return cat(task.name, ' ', first, ' ', a, second.empty() ? "" : cat(' ', second, ' ', b));
}

PEFT_INLINE std::string GlueText::target(double label) const {
  if (!task.regression()) {
    const bool known = label >= 0 && label < static_cast<double>(task.labels.size());
    require(known, task.name, " has no class ", label);
    return task.labels[static_cast<std::size_t>(label)];
  }
  std::array<char, 32> text{};
  const double rounded = std::nearbyint(label * 5) / 5;  // halves to the even one, as T5's
  const auto end = std::to_chars(text.data(), text.data() + text.size(), rounded, std::chars_format::fixed, 1).ptr;
  return {text.data(), end};
}

PEFT_INLINE double GlueText::answer(std::string_view text) const {
  constexpr std::string_view space = " \t\r\n";
  const auto begin = std::min(text.find_first_not_of(space), text.size());
  text = text.substr(begin, text.find_last_not_of(space) + 1 - begin);
  if (task.regression()) return parse_number(text).value_or(-1);
  for (std::size_t i = 0; i < task.labels.size(); ++i)
    if (text == task.labels[i]) return static_cast<double>(i);
  return std::numeric_limits<double>::quiet_NaN();
}

PEFT_INLINE GlueText glue_text(std::string_view name) {
  const GlueTask& task = glue_task(name);
  if (task.b.empty()) return {task, "sentence:", ""};
  if (task.name == "qnli") return {task, "question:", "sentence:"};
  if (task.name == "qqp") return {task, "question1:", "question2:"};
  if (task.name == "mnli") return {task, "hypothesis:", "premise:", true};
  return {task, "sentence1:", "sentence2:"};
}

}  // namespace peft
