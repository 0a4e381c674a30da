// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <exception>
#include <iostream>
#include <set>
#include <string>
#include <utility>

#include <peft/core/interrupt.hpp>

#include "../guarded.hpp"

/// What a run that has trained writes, one thing after the other: where one fails that is said, and the others are
/// written all the same. A signal stops it before the next.
class Outputs {
 public:
  /// Writes what an option asks for; nothing where the option was not given, or has failed before.
  void write(const std::string& option, const std::string& given, const auto& action) {
    if (given.empty() || failed_.contains(option)) return;
    if (std::exchange(begun_, true)) peft::Interrupt::check();  // the first, what was trained, is written all the same
    try {
      action();
    } catch (const std::exception& e) {
      std::cerr << "error: " << option << " " << given << ": " << message_of(e) << "\n";
      failed_.insert(option);
    }
  }
  int status() const { return failed_.empty() ? 0 : 1; }

 private:
  std::set<std::string> failed_;
  bool begun_ = false;
};
