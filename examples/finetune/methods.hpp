// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <string>

#include "job.hpp"

/// A method that --method names. Adding one is adding a unit that holds an `Entry`.
struct Entry {
  using Run = int (*)(const Job&);

  std::string summary;  // a line of --help
  double lr;            // when --lr is not given
  Run run;

  Entry(const char* name, std::string summary, double lr, Run run) : summary(std::move(summary)), lr(lr), run(run) {
    table().emplace(name, *this);
  }
  static std::map<std::string, Entry>& table() {
    static std::map<std::string, Entry> entries;
    return entries;
  }
};
