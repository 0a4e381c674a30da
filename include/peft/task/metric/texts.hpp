// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "peft/core/error.hpp"

namespace peft::metric {

/// References of each generated text; at least one.
using References = std::span<const std::vector<std::string>>;

/// The precondition of every metric of texts. Returns the number of texts. Throws Error otherwise.
inline std::size_t check_texts(const char* metric, std::span<const std::string> texts, References references) {
  require(texts.size() == references.size(), metric, ": ", texts.size(), " texts, but references for ",
          references.size());
  require(!texts.empty(), metric, ": no texts to score; give at least one (is the split empty?)");
  for (std::size_t i = 0; i < references.size(); ++i)
    require(!references[i].empty(), metric, ": text ", i, " has no reference");
  return texts.size();
}

}  // namespace peft::metric
