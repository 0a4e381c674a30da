// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <peft/core/error.hpp>

namespace peft {

/// Goes forward through bytes that are not trusted. Numbers are little endian. Throws Error where the bytes end too
/// early.
class ByteReader {
 public:
  ByteReader(std::span<const std::byte> bytes, std::string where, std::size_t at = 0)
      : bytes_(bytes), where_(std::move(where)), at_(at) {}

  std::size_t at() const { return at_; }
  std::size_t left() const { return bytes_.size() - std::min(at_, bytes_.size()); }
  const std::string& where() const { return where_; }

  std::span<const std::byte> bytes(std::uint64_t count) {
    if (count > left()) refuse(count, " bytes are missing: the file is damaged or was cut off");
    return bytes_.subspan(std::exchange(at_, at_ + count), count);
  }

  std::string_view text(std::uint64_t count) {
    const auto found = bytes(count);
    return {reinterpret_cast<const char*>(found.data()), found.size()};
  }

  template <class T>
  T number() {
    T value;
    std::memcpy(&value, bytes(sizeof(T)).data(), sizeof(T));
    return value;
  }

  /// Up to the end of the line, which is passed over.
  std::string_view line() {
    const std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + at_, left());
    const auto end = rest.find('\n');
    if (end == rest.npos) refuse("a line does not end");
    return text(end + 1).substr(0, end);
  }

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... what) const {
    fail(where_, ": byte ", at_, ": ", what...);
  }

 private:
  std::span<const std::byte> bytes_;
  std::string where_;
  std::size_t at_;
};

}  // namespace peft
