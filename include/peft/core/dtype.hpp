// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

#include <peft/core/error.hpp>
#include <peft/core/float16.hpp>

namespace peft {

/// How the elements of a stored tensor are encoded (little endian).
enum class DType { F64, F32, F16, BF16, I64, I32, I16, I8, U8, Bool };

/// Bytes of one element.
constexpr std::size_t size_of(DType type) {
  switch (type) {
    case DType::F64:
    case DType::I64: return 8;
    case DType::F32:
    case DType::I32: return 4;
    case DType::F16:
    case DType::BF16:
    case DType::I16: return 2;
    case DType::I8:
    case DType::U8:
    case DType::Bool: return 1;
  }
  return 0;
}

constexpr bool is_float(DType type) { return type <= DType::BF16; }

/// The name that safetensors files use: "F32", "BF16", "BOOL".
constexpr const char* name(DType type) {
  switch (type) {
    case DType::F64: return "F64";
    case DType::F32: return "F32";
    case DType::F16: return "F16";
    case DType::BF16: return "BF16";
    case DType::I64: return "I64";
    case DType::I32: return "I32";
    case DType::I16: return "I16";
    case DType::I8: return "I8";
    case DType::U8: return "U8";
    case DType::Bool: return "BOOL";
  }
  return "?";
}

/// The inverse of name(); nothing for an unknown name.
constexpr std::optional<DType> dtype_named(std::string_view text) {
  for (const DType type : {DType::F64, DType::F32, DType::F16, DType::BF16, DType::I64, DType::I32, DType::I16,
                           DType::I8, DType::U8, DType::Bool})
    if (text == name(type)) return type;
  return std::nullopt;
}

/// Element `index` of an array of stored Ts that need not be aligned.
template <class T>
T load_unaligned(const std::byte* from, std::size_t index) {
  T value;
  std::memcpy(&value, from + index * sizeof(T), sizeof(T));
  return value;
}

/// Decodes `to.size()` elements at `from` (no alignment assumed) into numbers of type T.
/// F64 to float rounds to nearest even; integers must fit T (a precondition).
template <class T>
void convert(DType type, const std::byte* from, std::span<T> to) {
  static_assert(std::is_arithmetic_v<T>);
  static_assert(std::endian::native == std::endian::little, "stored tensors are little endian");
  const auto each = [&]<class Stored>(Stored, auto&& decode) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = static_cast<T>(decode(load_unaligned<Stored>(from, i)));
  };
  const auto same = [&]<class Stored>(Stored zero) {
    if constexpr (std::is_same_v<Stored, T>) {
      if (!to.empty()) std::memcpy(to.data(), from, to.size_bytes());
    } else {
      each(zero, [](Stored v) { return v; });
    }
  };
  switch (type) {
    case DType::F64: return same(double{});
    case DType::F32: return same(float{});
    case DType::F16: return each(std::uint16_t{}, from_f16);
    case DType::BF16: return each(std::uint16_t{}, from_bf16);
    case DType::I64: return same(std::int64_t{});
    case DType::I32: return same(std::int32_t{});
    case DType::I16: return same(std::int16_t{});
    case DType::I8: return same(std::int8_t{});
    case DType::U8: return same(std::uint8_t{});
    case DType::Bool: return each(std::uint8_t{}, [](std::uint8_t v) { return v != 0; });
  }
  fail("convert: no such dtype: ", static_cast<int>(type));
}

/// Encodes `from` as F64, F32, F16 or BF16 into `to` (no alignment assumed), to nearest even.
template <class T>
void encode(DType type, std::span<const T> from, std::byte* to) {
  static_assert(std::is_floating_point_v<T>);
  const auto each = [&](auto&& code) {
    for (std::size_t i = 0; i < from.size(); ++i) {
      const auto value = code(from[i]);
      std::memcpy(to + i * sizeof(value), &value, sizeof(value));
    }
  };
  switch (type) {
    case DType::F64: return each([](T v) { return static_cast<double>(v); });
    case DType::F32: return each([](T v) { return static_cast<float>(v); });
    case DType::F16: return each([](T v) { return to_f16(v); });
    case DType::BF16: return each([](T v) { return to_bf16(v); });
    default: fail("encode: ", name(type), " is not a floating point dtype; use F64, F32, F16 or BF16");
  }
}

#ifdef PEFT_SEPARATE
extern template void convert<float>(DType, const std::byte*, std::span<float>);
extern template void convert<double>(DType, const std::byte*, std::span<double>);
#endif

}  // namespace peft
