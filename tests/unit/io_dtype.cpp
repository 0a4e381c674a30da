// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <peft/core/dtype.hpp>
#include <span>
#include <string>
#include <vector>

#include "catch.hpp"

using namespace peft;

namespace {

// The 16-bit number nearest to `value`, by looking at all of them: ties go to the even one.
template <class Decode>
std::uint16_t nearest(double value, double overflow, Decode decode, int infinity) {
  if (std::abs(value) >= overflow) return static_cast<std::uint16_t>((std::signbit(value) ? 0x8000 : 0) | infinity);
  std::uint16_t best = 0;
  double distance = std::numeric_limits<double>::infinity();
  for (int i = 0; i < infinity; ++i) {
    const auto bits = static_cast<std::uint16_t>(i | (std::signbit(value) ? 0x8000 : 0));
    const double d = std::abs(static_cast<double>(decode(bits)) - value);
    if (d < distance || (d == distance && (bits & 1) == 0)) best = bits, distance = d;
  }
  return best;
}

}  // namespace

TEST_CASE("dtype: names and sizes") {
  CHECK(size_of(DType::F64) == 8);
  CHECK(size_of(DType::BF16) == 2);
  CHECK(size_of(DType::Bool) == 1);
  CHECK(std::string(name(DType::Bool)) == "BOOL");
  for (const auto type : {DType::F64, DType::F32, DType::F16, DType::BF16, DType::I64, DType::I32, DType::I16,
                          DType::I8, DType::U8, DType::Bool})
    CHECK(dtype_named(name(type)) == type);
  CHECK(!dtype_named("F8_E4M3"));
  CHECK(!dtype_named("f32"));
  CHECK(is_float(DType::BF16));
  CHECK(!is_float(DType::I64));
}

TEST_CASE("dtype: every 16-bit float survives the way up and down") {
  int wrong = 0;
  for (std::uint32_t i = 0; i < 0x10000; ++i) {
    const auto bits = static_cast<std::uint16_t>(i);
    const float half = from_f16(bits), brain = from_bf16(bits);
    wrong += std::isnan(half) ? !std::isnan(from_f16(to_f16(half))) : to_f16(half) != bits;
    wrong += std::isnan(brain) ? !std::isnan(from_bf16(to_bf16(brain))) : to_bf16(brain) != bits;
    wrong += std::isnan(brain) ? 0 : to_bf16(static_cast<double>(brain)) != bits;
  }
  CHECK(wrong == 0);
}

TEST_CASE("dtype: known values") {
  CHECK(from_f16(0x3c00) == 1.0f);
  CHECK(from_f16(0xc000) == -2.0f);
  CHECK(from_f16(0x7bff) == 65504.0f);
  CHECK(from_f16(0x0001) == std::ldexp(1.0f, -24));
  CHECK(std::isinf(from_f16(0x7c00)));
  CHECK(std::isnan(from_f16(0x7e01)));
  CHECK(std::signbit(from_f16(0x8000)));
  CHECK(from_bf16(0x3f80) == 1.0f);
  CHECK(to_f16(65519.999) == 0x7bff);
  CHECK(to_f16(65520.0) == 0x7c00);  // half way to the next: even, which is infinity
  CHECK(to_f16(1e300) == 0x7c00);
  CHECK(to_f16(-1e300) == 0xfc00);
  CHECK(to_f16(1e-300) == 0x0000);
  CHECK(to_f16(std::ldexp(1.0, -25)) == 0x0000);  // half of the smallest, to even
  CHECK(to_f16(std::ldexp(1.0000001, -25)) == 0x0001);
  CHECK(to_f16(1 + std::ldexp(1.0, -11)) == 0x3c00);
  CHECK(to_f16(1 + 3 * std::ldexp(1.0, -11)) == 0x3c02);
  // rounding through float first would lose the last bit and tie to even
  CHECK(to_f16(1 + std::ldexp(1.0, -11) + std::ldexp(1.0, -40)) == 0x3c01);
  CHECK(to_bf16(std::numeric_limits<float>::max()) == 0x7f80);
  CHECK(to_bf16(1.00390625f) == 0x3f80);
  CHECK(to_bf16(1.01171875f) == 0x3f82);
}

TEST_CASE("dtype: rounding is to the nearest, ties to even") {
  std::uint64_t state = 88172645463325252ull;
  int wrong_half = 0, wrong_brain = 0;
  for (int i = 0; i < 300; ++i) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    const double unit = static_cast<double>(state >> 11) * 0x1p-53;
    const double value = (i % 2 ? -1 : 1) * std::ldexp(1 + unit, i % 46 - 28);
    wrong_half += to_f16(value) != nearest(value, 65520, from_f16, 0x7c00);
    wrong_brain += to_bf16(value) != nearest(value, 3.4e38, from_bf16, 0x7f80);
    wrong_brain += to_bf16(static_cast<float>(value)) != nearest(static_cast<float>(value), 3.4e38, from_bf16, 0x7f80);
  }
  CHECK(wrong_half == 0);
  CHECK(wrong_brain == 0);
}

TEST_CASE("dtype: convert reads unaligned elements of every kind") {
  const auto check = [](DType type, const auto& stored, const std::vector<double>& expected) {
    std::vector<std::byte> bytes(1 + stored.size() * sizeof(stored[0]));
    std::memcpy(bytes.data() + 1, stored.data(), bytes.size() - 1);
    std::vector<float> floats(expected.size());
    std::vector<double> doubles(expected.size());
    convert<float>(type, bytes.data() + 1, floats);
    convert<double>(type, bytes.data() + 1, doubles);
    INFO(name(type));
    CHECK(doubles == expected);
    CHECK(floats == std::vector<float>(expected.begin(), expected.end()));
  };
  check(DType::F64, std::vector<double>{1.5, -2, 0.1}, {1.5, -2, 0.1});
  check(DType::F32, std::vector<float>{1.5f, -2}, {1.5, -2});
  check(DType::F16, std::vector<std::uint16_t>{0x3c00, 0xc000}, {1, -2});
  check(DType::BF16, std::vector<std::uint16_t>{0x3f80, 0xc000}, {1, -2});
  check(DType::I64, std::vector<std::int64_t>{5, -7}, {5, -7});
  check(DType::I32, std::vector<std::int32_t>{5, -7}, {5, -7});
  check(DType::I16, std::vector<std::int16_t>{5, -7}, {5, -7});
  check(DType::I8, std::vector<std::int8_t>{5, -7}, {5, -7});
  check(DType::U8, std::vector<std::uint8_t>{5, 200}, {5, 200});
  check(DType::Bool, std::vector<std::uint8_t>{0, 1, 3}, {0, 1, 1});
  std::vector<std::int64_t> ids(2);
  const std::int64_t big[] = {std::int64_t{1} << 60, -3};
  convert<std::int64_t>(DType::I64, reinterpret_cast<const std::byte*>(big), ids);
  CHECK(ids == std::vector<std::int64_t>{std::int64_t{1} << 60, -3});
}

TEST_CASE("dtype: encode writes what convert reads") {
  const std::vector<double> values{0, 1, -2.5, 0.09375, 1024};
  for (const auto type : {DType::F64, DType::F32, DType::F16, DType::BF16}) {
    std::vector<std::byte> bytes(values.size() * size_of(type) + 1);
    encode<double>(type, values, bytes.data() + 1);
    std::vector<double> again(values.size());
    convert<double>(type, bytes.data() + 1, again);
    CHECK(again == values);
  }
  std::byte none;
  CHECK_THROWS_AS(encode<float>(DType::I8, std::span<const float>(), &none), Error);
}
