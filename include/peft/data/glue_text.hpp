// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/data/glue.hpp>
#include <peft/text/example.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

/// A task of GLUE as text to text.
struct GlueText {
  GlueTask task;
  std::string prompt;  // "mrpc sentence1: {sentence1} sentence2: {sentence2}"

  /// The prompt cut after each sentence that it names.
  struct Piece {
    std::string words;                        // before the sentence
    const std::string Example::*sentence{};  // which one of an example follows; null at the end
  };
  std::vector<Piece> pieces;

  /// The prompt with the sentences of an example in it.
  std::string source(const Example& example) const;

  /// The name of a class; a score rounded to 0.2, as "3.8".
  std::string target(double label) const;

  /// Parses generated text as a class or a score, ignoring surrounding space. A text that names no class is NaN,
  /// which every metric counts as wrong; one that is no number is the score -1, as in T5's own evaluation.
  double answer(std::string_view text) const;
};

/// The text form of a task; see `glue_task` for its name. `prompt` empty: the words that T5 was trained with (Raffel et
/// al. 2020, appendix D). A checkpoint tuned on instructions wants one: "Is the following review positive or negative?
/// {sentence}". Throws Error unless the prompt names every sentence of the task, and nothing else in braces.
GlueText glue_text(std::string_view name, std::string prompt = {});

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/glue_text.ipp>
#endif
