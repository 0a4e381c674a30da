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
#include <peft/data/glue.hpp>
#include <peft/data/glue_text.hpp>
#include <peft/data/table.hpp>
#include <peft/text/example.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace peft {

PEFT_INLINE std::string GlueText::source(const Example& example) const {
  std::string text;
  for (const Piece& piece : pieces) {
    text += piece.words;
    if (piece.sentence) text += example.*piece.sentence;
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
  GlueText text{glue_task(name), std::move(prompt), {}};
  const std::string& task = text.task.name;
  const bool pair = !text.task.b.empty();
  std::string first = pair ? "sentence1" : "sentence", second = pair ? "sentence2" : "";
  if (task == "qnli") first = "question", second = "sentence";
  if (task == "qqp") first = "question1", second = "question2";
  if (task == "mnli") first = "premise", second = "hypothesis";
  const std::string a = cat('{', first, '}'), b = cat('{', second, '}');
  if (text.prompt.empty()) {
    const std::string of_a = cat(first, ": ", a), of_b = cat(second, ": ", b);
    text.prompt = task == "mnli" ? cat("mnli ", of_b, ' ', of_a)
                  : pair         ? cat(task, ' ', of_a, ' ', of_b)
                                 : cat(task, ' ', of_a);
  }

  const auto bad = [&](const auto&... what) {
    fail("the prompt ", quoted(text.prompt), what..., "; ", task, " has ", a, pair ? cat(" and ", b) : "");
  };
  bool has_a = false, has_b = !pair;
  std::string_view rest = text.prompt;
  for (auto open = rest.find('{'); open != rest.npos; open = rest.find('{')) {
    const auto close = rest.find('}', open);
    if (close == rest.npos) bad(" has a { that nothing closes");
    const std::string_view named = rest.substr(open, close + 1 - open);
    const bool is_a = named == a;
    if (!is_a && !(pair && named == b)) bad(" names ", quoted(named));
    (is_a ? has_a : has_b) = true;
    text.pieces.push_back({std::string(rest.substr(0, open)), is_a ? &Example::a : &Example::b});
    rest.remove_prefix(close + 1);
  }
  text.pieces.push_back({std::string(rest), nullptr});
  if (!has_a) bad(" lacks ", a);
  if (!has_b) bad(" lacks ", b);
  return text;
}

}  // namespace peft
