// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <peft/text/model/vocabulary.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

/// The tokens <0x00> to <0xFF>, into which models with byte fallback dissolve what they do not know.
class ByteTokens {
 public:
  explicit ByteTokens(const Vocabulary& vocabulary) {
    constexpr char digits[] = "0123456789ABCDEF";
    for (unsigned byte = 0; byte < 256; ++byte) {
      const char name[] = {'<', '0', 'x', digits[byte / 16], digits[byte % 16], '>'};
      ids_[byte] = vocabulary.find({name, sizeof name});
    }
  }

  /// Appends the tokens of a text's bytes; false, and nothing appended, when one of them is missing.
  bool append(std::string_view text, std::vector<std::int32_t>& ids) const {
    const auto before = ids.size();
    for (const char c : text) {
      ids.push_back(ids_[static_cast<unsigned char>(c)]);
      if (ids.back() != Vocabulary::none) continue;
      ids.resize(before);
      return false;
    }
    return true;
  }

 private:
  std::array<std::int32_t, 256> ids_{};
};

}  // namespace peft
