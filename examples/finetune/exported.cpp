// SPDX-License-Identifier: Apache-2.0
#include "exported.hpp"

#include <peft/core/error.hpp>

double Job::compare_exported(const peft::LogitsOf<float>& own) const {
  const auto found = Exported::table().find(facts.family);
  peft::require(found != Exported::table().end(), "this build opens no exported ", facts.family, " checkpoint");
  return found->second(*this, own);
}
