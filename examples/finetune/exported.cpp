// SPDX-License-Identifier: Apache-2.0
#include "exported.hpp"

#include <peft/core/error.hpp>

std::vector<float> Job::predict_exported() const {
  const auto found = Exported::table().find(facts.family);
  peft::require(found != Exported::table().end(), "this build opens no exported ", facts.family, " checkpoint");
  return found->second(*this);
}
