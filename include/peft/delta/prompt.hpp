// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include <peft/concepts.hpp>
#include <peft/method.hpp>

namespace peft {

/// Prompt tuning (Lester et al., 2021): n trained rows before the embeddings of every text, [P; e(x)].  Trains n d.
/// They begin as word embeddings: those of `tokens`, over and over (the paper's best choice: the names of the classes),
/// without any those of words drawn from the vocabulary (its second). `Begin::normal`: N(0, 1), PEFT's default;
/// `Begin::uniform`: U(+-0.5), the paper's random one.
///
/// As in PEFT the rows take the positions 0 .. n-1 and segment 0, the text what follows; n and the text must fit the
/// backbone's positions. The first row is a virtual token then, and it is what a pooler reads in place of [CLS].
struct Prompt {
  static constexpr Route route = Route::input;
  static constexpr Kind fits = Kind::input;
  using Places = At<Input>;
  enum class Begin { words, normal, uniform };

  int length = 20;  // n
  Begin begin = Begin::words;
  std::vector<int> tokens{};  // Begin::words

  /// What may be set by name.
  void each_setting(auto&& set) { set("length", length); }

  template <class V>
  struct Params {
    V prompt;  // (n, d)
  };
  template <class V>
  struct Kept {};

  Extent count() const { return length; }
  void declare(auto& fields, auto& p, const Module& m) const {
    const Init init = begin == Begin::words ? word_rows(tokens) : begin == Begin::normal ? normal(1) : uniform(0.5);
    fields.trained("prompt", p.prompt, length, m.out, init);
  }
  auto rows(auto& p) const { return p.prompt; }
};

}  // namespace peft
