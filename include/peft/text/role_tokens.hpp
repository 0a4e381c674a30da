// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

namespace peft {

/// The names of a model's role tokens; "" for one that it does not have.
struct RoleTokens {
  std::string cls{}, sep{}, pad{}, unk{}, mask{}, bos{}, eos{};

  static RoleTokens bert() { return {"[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]", "", ""}; }

  /// With missing names taken from `others`.
  RoleTokens or_else(const RoleTokens& others) const {
    RoleTokens out = *this;
    for (const auto role : {&RoleTokens::cls, &RoleTokens::sep, &RoleTokens::pad, &RoleTokens::unk, &RoleTokens::mask,
                            &RoleTokens::bos, &RoleTokens::eos})
      if ((out.*role).empty()) out.*role = others.*role;
    return out;
  }
};

}  // namespace peft
