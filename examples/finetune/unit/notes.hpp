// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "../guarded.hpp"

/// What a run has to say of its inputs: what was left out, made fresh, taken in another sense. A line each on standard
/// error, once; those from before the report begins wait for it, so that a run that is refused says why and nothing
/// else.
class RunNotes {
 public:
  void add(const std::string& text) {
    if (std::find(said_.begin(), said_.end(), text) != said_.end()) return;
    said_.push_back(text);
    if (begun_) print(text);
  }
  void begin() {
    if (!begun_) std::for_each(said_.begin(), said_.end(), print);
    begun_ = true;
  }

 private:
  static void print(const std::string& text) { std::cerr << "note: " << printable(text) << "\n"; }

  std::vector<std::string> said_;
  bool begun_ = false;
};
