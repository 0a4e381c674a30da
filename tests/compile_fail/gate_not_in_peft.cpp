// expect: static assertion failed: peft::to_peft: the LoRA's gate does not scale its ranks
// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/sora.hpp>
#include <peft/model/bert.hpp>
#include <peft/model/model.hpp>
#include <peft/model/peft_files.hpp>

using namespace peft;

struct Mixed : Proximal {
#ifdef PEFT_EXPECT_ERROR
  static constexpr bool scales = false;
#endif
};

void write(const Model<Bert<float>, Method<Delta<LoRA<8>>, Gate<Mixed>>>& model) { save_adapter(model, "out", "base"); }
