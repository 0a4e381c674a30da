// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <peft/core/error.hpp>
#include <string>
#include <string_view>

namespace peft {

/// Reads the fields of a protobuf message one after the other, without a schema.
class ProtobufReader {
 public:
  ProtobufReader(std::string_view bytes, std::string where) : bytes_(bytes), where_(std::move(where)) {}

  /// Goes to the next field; false at the end. Throws Error for a message that ends early or a wire type of old.
  bool next() {
    if (at_ == bytes_.size()) return false;
    const std::uint64_t key = varint();
    field_ = key >> 3;
    wire_ = static_cast<int>(key & 7);
    if (wire_ == 0) {
      number_ = varint();
      return true;
    }
    const std::size_t size = wire_ == 1 ? 8 : wire_ == 5 ? 4 : wire_ == 2 ? varint() : bytes_.size();
    require(wire_ == 1 || wire_ == 2 || wire_ == 5, where_, ", byte ", at_, ": wire type ", wire_,
            ", this is no protobuf message");
    require(size <= bytes_.size() - at_, where_, ", byte ", at_, ": a field of ", size, " bytes, but ",
            bytes_.size() - at_, " are left");
    value_ = bytes_.substr(at_, size);
    at_ += size;
    return true;
  }

  std::uint64_t field() const { return field_; }
  std::uint64_t number() const { return expect(0), number_; }
  bool flag() const { return number() != 0; }
  std::string_view bytes() const { return expect(2), value_; }
  float real() const {
    expect(5);
    std::uint32_t bits = 0;
    for (std::size_t i = 4; i-- > 0;) bits = bits << 8 | static_cast<unsigned char>(value_[i]);
    float out;
    std::memcpy(&out, &bits, sizeof out);
    return out;
  }
  ProtobufReader message() const { return {bytes(), cat(where_, ", field ", field_)}; }

 private:
  void expect(int wire) const {
    require(wire_ == wire, where_, ", byte ", at_, ": field ", field_, " is of wire type ", wire_, ", expected ", wire);
  }
  std::uint64_t varint() {
    std::uint64_t out = 0;
    for (int shift = 0;; shift += 7) {
      require(at_ < bytes_.size() && shift < 64, where_, ", byte ", at_, ": a number that does not end");
      const auto byte = static_cast<unsigned char>(bytes_[at_++]);
      out |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return out;
    }
  }

  std::string_view bytes_, value_;
  std::string where_;
  std::size_t at_ = 0;
  std::uint64_t field_ = 0, number_ = 0;
  int wire_ = 0;
};

}  // namespace peft
