// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <string>
#include <utility>

#include "job.hpp"

/// What runs a method on a family of backbones. A unit holds one object of this type for each pair that it compiles;
/// which pairs there are, and all else that is known of a method, stands in front/methods.hpp.
struct Runs {
  using Run = int (*)(const Job&);

  Runs(const char* method, const char* family, Run run) { table()[{method, family}] = run; }
  static std::map<std::pair<std::string, std::string>, Run>& table() {
    static std::map<std::pair<std::string, std::string>, Run> pairs;
    return pairs;
  }
};
