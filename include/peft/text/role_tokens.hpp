// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

namespace peft {

/// What a model's role tokens are called. A model need not have them all: "" when nobody says.
struct RoleTokens {
  std::string cls{}, sep{}, pad{}, unk{}, mask{}, bos{}, eos{};

  static RoleTokens bert() { return {"[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]", "", ""}; }

  /// With the names of `others` where it has none.
  RoleTokens or_else(const RoleTokens& others) const {
    RoleTokens out = *this;
    for (const auto role : {&RoleTokens::cls, &RoleTokens::sep, &RoleTokens::pad, &RoleTokens::unk, &RoleTokens::mask,
                            &RoleTokens::bos, &RoleTokens::eos})
      if ((out.*role).empty()) out.*role = others.*role;
    return out;
  }
};

}  // namespace peft
