// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string_view>

#include "job.hpp"

/// What a unit of the program holds: a method on a family of backbones.
struct Unit {
  std::string_view method, family;
  int (*run)(const Job&);
};

/// The main function of a unit, which the front has become (front/hand_over.hpp):
///   UNIT METHOD FAMILY --option=value...    runs the method
///   UNIT                                    says which it is
int run_unit(const Unit& unit, int argc, char** argv);
