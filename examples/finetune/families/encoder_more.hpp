// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "../full.hpp"
#include "../prompt.hpp"
#include "../read.hpp"

/// The rest of what the program runs on an encoder, in a unit of its own: these take as long to compile.
template <class Backbone>
struct MoreEncoderMethods {
  static constexpr const char* family = Backbone::Family::name;
  Runs full{"full", family, run_full<Backbone>};
  Runs read{"read", family, run_read<Backbone>};
  Runs prompt{"prompt", family, run_prompt<Backbone>};
};
