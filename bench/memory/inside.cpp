// SPDX-License-Identifier: Apache-2.0
// Methods whose gradients go back through the backbone.
#include <peft/delta/added_bias.hpp>
#include <peft/delta/houlsby.hpp>
#include <peft/delta/lora.hpp>
#include <peft/delta/prompt.hpp>

#include "measure.hpp"

namespace peft::bench {

bool run_inside(const Options& o) {
  if (o.method == "lora") {
    Method<Delta<LoRA<Dynamic>>> method;
    std::get<0>(method.deltas).delta.rank = o.width;
    measure(o, method);
  } else if (o.method == "adapter") {
    Houlsby<Dynamic> method;
    std::get<0>(method.deltas).delta.width = o.width;
    measure(o, method);
  } else if (o.method == "prompt") {
    Method<Delta<Prompt>> method;
    std::get<0>(method.deltas).delta.length = o.width;
    measure(o, method);
  } else if (o.method == "bitfit") {
    measure(o, BitFit{});
  } else {
    return false;
  }
  return true;
}

}  // namespace peft::bench
