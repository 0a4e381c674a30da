// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "peft/task/metric/texts.hpp"

namespace peft::metric {

namespace rouge {

/// The runs of a-z and 0-9 in lower case. Of all other characters, two have one of these letters as their lower case:
/// the Kelvin sign, and the I with a dot (whose dot then ends the run).
inline std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  bool open = false;
  const auto letter = [&](char c) {
    if (!open) out.emplace_back();
    open = true;
    out.back() += c;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      letter(c);
    } else if (c >= 'A' && c <= 'Z') {
      letter(static_cast<char>(c - 'A' + 'a'));
    } else if (text.substr(i).starts_with("\xE2\x84\xAA")) {
      letter('k');
      i += 2;
    } else if (text.substr(i).starts_with("\xC4\xB0")) {
      letter('i');
      open = false;
      ++i;
    } else {
      open = false;
    }
  }
  return out;
}

/// Words of the longest common subsequence.
inline std::size_t common(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<std::size_t> row(b.size() + 1, 0);
  for (const std::string& word : a) {
    std::size_t diagonal = 0;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = word == b[j] ? diagonal + 1 : std::max(above, row[j]);
      diagonal = above;
    }
  }
  return row.back();
}

/// 2 P R / (P + R) with P and R the subsequence's share of the text and of the reference; 0 when either has no words.
inline double f(const std::vector<std::string>& text, const std::vector<std::string>& reference) {
  const auto shared = static_cast<double>(common(text, reference));
  return shared == 0 ? 0 : 2 * shared / static_cast<double>(text.size() + reference.size());
}

}  // namespace rouge

/// ROUGE-L (Lin 2004) of each text as Google's rouge_score computes it, without stemming: the F-measure of the longest
/// common subsequence of words, in [0, 1], of the best reference. Throws Error when the sizes differ or are 0, or a
/// text has no reference.
inline std::vector<double> rouge_l_each(std::span<const std::string> texts, References references) {
  std::vector<double> out(check_texts("ROUGE-L", texts, references), 0);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto words = rouge::words(texts[i]);
    for (const std::string& reference : references[i])
      out[i] = std::max(out[i], rouge::f(words, rouge::words(reference)));
  }
  return out;
}

/// Their mean.
inline double rouge_l(std::span<const std::string> texts, References references) {
  double sum = 0;
  for (const double one : rouge_l_each(texts, references)) sum += one;
  return sum / static_cast<double>(texts.size());
}

}  // namespace peft::metric
