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
#include <utility>

namespace peft {

PEFT_INLINE std::string GlueText::source(const Example& example) const {
  std::string text;
  for (std::string_view rest = prompt; !rest.empty();) {
    const auto open = std::min(rest.find('{'), rest.size());
    text += rest.substr(0, open);
    rest.remove_prefix(open);
    if (rest.empty()) break;
    const auto close = rest.find('}');
    text += rest.substr(1, close - 1) == first ? example.a : example.b;
    rest.remove_prefix(close + 1);
  }
  return text;
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

PEFT_INLINE GlueText glue_text(std::string_view name, std::string prompt) {
  GlueText text{glue_task(name), "sentence1", "sentence2", std::move(prompt)};
  const std::string& task = text.task.name;
  if (text.task.b.empty()) text.first = "sentence", text.second = "";
  if (task == "qnli") text.first = "question", text.second = "sentence";
  if (task == "qqp") text.first = "question1", text.second = "question2";
  if (task == "mnli") text.first = "premise", text.second = "hypothesis";
  const std::string a = cat('{', text.first, '}'), b = text.second.empty() ? "" : cat('{', text.second, '}');
  if (text.prompt.empty()) {
    const std::string of_a = cat(text.first, ": ", a), of_b = b.empty() ? "" : cat(text.second, ": ", b);
    text.prompt = task == "mnli" ? cat("mnli ", of_b, ' ', of_a) : cat(task, ' ', of_a, b.empty() ? "" : " ", of_b);
    return text;
  }
  const auto bad = [&](const auto&... what) {
    fail("the prompt ", quoted(text.prompt), what..., "; ", task, " has ", a, b.empty() ? "" : " and ", b);
  };
  for (std::size_t open = text.prompt.find('{'); open != text.prompt.npos; open = text.prompt.find('{', open + 1)) {
    const auto close = text.prompt.find('}', open);
    if (close == text.prompt.npos) bad(" has a { that nothing closes");
    const std::string named = text.prompt.substr(open, close + 1 - open);
    if (named != a && named != b) bad(" names ", quoted(named));
  }
  if (text.prompt.find(a) == text.prompt.npos) bad(" lacks ", a);
  if (text.prompt.find(b) == text.prompt.npos) bad(" lacks ", b);
  return text;
}

}  // namespace peft
