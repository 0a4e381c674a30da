// SPDX-License-Identifier: Apache-2.0
#include <peft/core/finite.hpp>
#include <peft/io/check_finite.hpp>
#include <peft/io/checksum.hpp>
#include <peft/io/delta_file.hpp>
#include <peft/io/peft_format.hpp>
#include <peft/io/safetensors.hpp>
#include <peft/io/safetensors_write.hpp>

#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "io_temporary.hpp"

using namespace peft;

namespace {

constexpr double nan_of = std::numeric_limits<double>::quiet_NaN(), infinite = std::numeric_limits<double>::infinity();

std::vector<std::byte> stored(DType type, const std::vector<double>& values, std::size_t shift) {
  std::vector<std::byte> bytes(shift + values.size() * size_of(type));
  encode<double>(type, std::span<const double>(values), bytes.data() + shift);
  return bytes;
}

}  // namespace

TEST_CASE("the first number that is not finite is found, wherever it is and however it is stored", "[io]") {
  for (const DType type : {DType::F64, DType::F32, DType::F16, DType::BF16}) {
    CAPTURE(name(type));
    std::vector<double> values(5000);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = (i % 2 ? -1. : 1.) * std::ldexp(1., static_cast<int>(i % 29) - 14);
    values[17] = type == DType::F16 ? 65504 : 3.3e38;  // the largest of their kind are finite
    values[18] = 0;
    const auto first = [&](std::size_t shift) {
      const auto bytes = stored(type, values, shift);
      return first_not_finite(type, std::span(bytes).subspan(shift));
    };
    CHECK(first(0) == values.size());
    CHECK(first(3) == values.size());
    for (const std::size_t at :
         {std::size_t{0}, std::size_t{1}, std::size_t{2047}, std::size_t{2048}, std::size_t{4999}})
      for (const double odd : {nan_of, infinite, -infinite}) {
        const double before = std::exchange(values[at], odd);
        CHECK(first(0) == at);
        CHECK(first(1) == at);
        values[at] = before;
      }
  }
  // A NaN of any payload, and of a sign.
  for (const std::uint32_t bits : {0x7f800001u, 0xffc00000u, 0x7fffffffu, 0xff800000u}) {
    const std::vector<float> values{1, std::bit_cast<float>(bits)};
    CHECK(first_not_finite(std::span<const float>(values)) == 1);
  }
  const std::vector<double> wide{1, 1e300, -1e39};
  CHECK(first_not_finite(std::span<const double>(wide)) == 3);
  CHECK(first_not_finite(DType::F64, std::as_bytes(std::span(wide)), std::numeric_limits<float>::max()) == 1);
  const std::vector<std::byte> ones(64, std::byte{0xff});
  CHECK(first_not_finite(DType::I32, ones) == 16);
}

TEST_CASE("a largest difference does not hide a NaN", "[io]") {
  const std::vector<float> a{1, 2, 3}, b{1, 2.5f, 2}, c{NAN, 9, 9}, d{1, INFINITY, 3};
  CHECK(largest_difference(a, b) == 1);
  CHECK(std::isnan(largest_difference(a, c)));
  CHECK(std::isnan(largest_difference(c, a)));
  CHECK(std::isinf(largest_difference(d, a)));
  CHECK(std::isnan(largest_difference(d, d)));
  CHECK(lacks(error_of([&] { largest_difference(a, {}); }), {"3", "0"}) == "");
}

TEST_CASE("a number that is not finite is named by file, tensor and place", "[io]") {
  const Temporary folder;
  std::vector<float> values(12, 1);
  const auto file = folder / "t.safetensors";
  write_safetensors(file, std::vector<NamedTensor>{{"some.weight", DType::F32, {3, 4}, values.data()}});
  const std::string whole = get(file);
  const auto with = [&](float odd, std::size_t at) {
    std::string text = whole;
    text.replace(text.size() - 48 + 4 * at, 4, std::string(reinterpret_cast<const char*>(&odd), 4));
    put(file, text);
    return error_of([&] {
      const SafeTensors tensors = SafeTensors::open(file);
      check_finite(tensors.at("some.weight"), tensors.path());
    });
  };
  CHECK(lacks(with(NAN, 6), {"t.safetensors", "some.weight", "nan at row 1, column 2 of (3, 4)"}) == "");
  CHECK(lacks(with(-INFINITY, 11), {"some.weight", "-inf at row 2, column 3"}) == "");
  CHECK(with(3e38f, 0) == "");

  values[5] = INFINITY;
  const std::string message = error_of([&] {
    write_safetensors(folder / "u.safetensors", std::vector<NamedTensor>{{"x", DType::F32, {12}, values.data()}});
  });
  CHECK(lacks(message, {"cannot write", "u.safetensors", "\"x\"", "inf at number 5 of (12)"}) == "");
  CHECK_FALSE(std::filesystem::exists(folder / "u.safetensors"));
}

TEST_CASE("what was saved and of which any bit has changed is refused, or the same", "[io]") {
  const Temporary folder;
  const DeltaFile delta{"toy", {{"rank", "4"}}, {{"a.weight", {2, 3}, {1, 2, 3, 4, 5, 6}}, {"b", {2}, {0.5f, -0.5f}}}};
  save_delta(folder.path(), delta);
  PeftLora lora;
  lora.modules = {{"a.query", 1, 2, 2, 1, {1, 2}, {3, 4}}};
  save_peft_lora(folder / "adapter", lora);

  // What is left over is the name of the entry that holds the checksum: without it a file counts as another program's.
  const auto flip_all = [&](const char* name, auto&& same_when_read) {
    const std::string whole = get(folder / name);
    int accepted = 0;
    for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
      std::string text = whole;
      text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
      put(folder / name, text);
      const std::string message = error_of([&] {
        const bool same = same_when_read();
        ++accepted;
        CHECK(same);
      });
      if (!message.empty()) CHECK(lacks(message, {name}) == "");
    }
    CHECK(accepted <= static_cast<int>(8 * checksum_key.size()));
  };
  flip_all(delta_file_name, [&] {
    const DeltaFile read = load_delta(folder.path());
    bool same =
        read.method == delta.method && read.settings == delta.settings && read.tensors.size() == delta.tensors.size();
    for (const HostTensor& t : delta.tensors)
      same = same && read.tensor(t.name).shape == t.shape && read.tensor(t.name).data == t.data;
    return same;
  });
  flip_all("adapter/adapter_model.safetensors", [&] {
    const PeftLora read = load_peft_lora(folder / "adapter");
    return read.modules.size() == 1 && read.modules[0].A == lora.modules[0].A &&
           read.modules[0].B == lora.modules[0].B && read.modules[0].path == "a.query";
  });
}
