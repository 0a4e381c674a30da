// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "../adapter.hpp"
#include "../bitfit.hpp"
#include "../exported.hpp"
#include "../head.hpp"
#include "../ia3.hpp"
#include "../lora.hpp"
#include "../pasta.hpp"
#include "../sora_run.hpp"

/// What the program runs on an encoder.
template <class Backbone>
struct EncoderMethods {
  static constexpr const char* family = Backbone::Family::name;
  Exported exported{family, compare_exported<Backbone>};
  Runs head{"head", family, run_head<Backbone>};
  Runs bitfit{"bitfit", family, run_bitfit<Backbone>};
  Runs lora{"lora", family, run_lora<Backbone>};
  Runs sora{"sora", family, run_sora<Backbone>};
  Runs adapter{"adapter", family, run_adapter<Backbone>};
  Runs ia3{"ia3", family, run_ia3<Backbone>};
  Runs pasta{"pasta", family, run_pasta<Backbone>};
};
