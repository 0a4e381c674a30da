// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <tuple>
#include <utility>

#include <peft/core/error.hpp>
#include <peft/io/json.hpp>
#include <peft/io/json_fields.hpp>
#include <peft/io/safetensors_header.hpp>

namespace peft {

namespace safetensors_header {

constexpr std::size_t most_dimensions = 64;

PEFT_INLINE std::uint64_t unsigned_of(const nlohmann::json& value, std::string_view where, std::string_view what) {
  if (!value.is_number_unsigned()) fail(where, ": ", what, " is ", shown(value), ", expected an integer of 0 or more");
  return value.get<std::uint64_t>();
}

PEFT_INLINE std::optional<std::uint64_t> byte_count(std::span<const std::int64_t> shape, DType dtype) {
  std::uint64_t bytes = size_of(dtype);
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  for (const std::int64_t extent : shape) {
    if (static_cast<std::uint64_t>(extent) > (std::uint64_t{1} << 62) / bytes) return std::nullopt;
    bytes *= static_cast<std::uint64_t>(extent);
  }
  return bytes;
}

/// As `shown` has it; most names are plain, and a file has hundreds.
PEFT_INLINE std::string shown_name(const std::string& name) {
  const auto plain = [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; };
  return name.size() < 78 && std::all_of(name.begin(), name.end(), plain) ? '"' + name + '"' : shown(name);
}

PEFT_INLINE TensorRef tensor_of(const std::string& name, const nlohmann::json& entry, std::span<const std::byte> data,
                                const std::string& file) {
  const std::string where = file + ": tensor " + shown_name(name);
  const JsonFields fields(entry, where);
  for (const auto& [key, value] : entry.items())
    if (key != "dtype" && key != "shape" && key != "data_offsets") fail(where, ": unknown key ", shown(key));
  TensorRef tensor{.name = name, .dtype = {}, .shape = {}, .bytes = {}};
  const auto dtype = dtype_named(fields.text("dtype"));
  if (!dtype)
    fields.refuse(
        "dtype",
        "one of F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL (8-bit floats and the like are of quantised weights, which are not read)");
  tensor.dtype = *dtype;
  if (!fields.at("shape").is_array()) fields.refuse("shape", "a list of integers");
  if (fields.at("shape").size() > most_dimensions)
    fields.refuse("shape", cat("at most ", most_dimensions, " integers"));
  for (const auto& one : fields.at("shape")) {
    const auto extent = unsigned_of(one, where, "a size in \"shape\"");
    if (extent > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) fail(where, ": the shape overflows");
    tensor.shape.push_back(static_cast<std::int64_t>(extent));
  }
  const auto& offsets = fields.at("data_offsets");
  if (!offsets.is_array() || offsets.size() != 2) fields.refuse("data_offsets", "two integers [begin, end]");
  const auto begin = unsigned_of(offsets[0], where, "the begin in \"data_offsets\"");
  const auto end = unsigned_of(offsets[1], where, "the end in \"data_offsets\"");
  if (begin > end || end > data.size())
    fail(where, ": data_offsets [", begin, ", ", end, "] do not lie in the file's ", data.size(),
         " bytes of data; the file is damaged or was cut off");
  const auto bytes = byte_count(tensor.shape, tensor.dtype);
  if (!bytes || *bytes != end - begin)
    fail(where, ": shape ", shape_text(tensor.shape), " of ", peft::name(tensor.dtype), " does not fit the ",
         end - begin, " bytes of its data_offsets");
  tensor.bytes = data.subspan(begin, end - begin);
  return tensor;
}

PEFT_INLINE void check_names(std::span<const TensorRef> tensors, const std::string& file) {
  std::vector<std::string_view> names(tensors.size());
  std::transform(tensors.begin(), tensors.end(), names.begin(),
                 [](const TensorRef& tensor) -> std::string_view { return tensor.name; });
  std::sort(names.begin(), names.end());
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end())
    fail(file, ": header: the key ", shown_name(std::string(*twice)), " appears twice");
}

// The format wants the whole data covered exactly once.
PEFT_INLINE void check_cover(std::span<const TensorRef> tensors, std::span<const std::byte> data,
                             const std::string& file) {
  const std::byte* at = data.data();
  for (const auto& tensor : tensors) {
    if (tensor.bytes.data() != at)
      fail(file, ": the data of tensor ", shown(tensor.name),
           tensor.bytes.data() < at ? " overlaps" : " leaves a gap after", " the tensor before it");
    at += tensor.bytes.size();
  }
  const auto rest = data.data() + data.size() - at;
  if (rest != 0) fail(file, ": ", rest, " bytes after the last tensor belong to no tensor");
}

}  // namespace safetensors_header

PEFT_INLINE SafeTensorsHeader read_safetensors_header(std::span<const std::byte> bytes, const std::string& file) {
  using namespace safetensors_header;
  if (bytes.size() < 8) fail(file, ": ", bytes.size(), " bytes are too few for a safetensors file");
  std::uint64_t length = 0;
  for (std::size_t i = 8; i-- > 0;) length = length << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  if (length > longest_safetensors_header)
    fail(file, ": the header would have ", length, " bytes, more than the ", longest_safetensors_header,
         " that the format allows; this is no safetensors file");
  if (length > bytes.size() - 8)
    fail(file, ": the header has ", length, " bytes but only ", bytes.size() - 8, " follow; the file was cut off");
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + 8, length);
  if (!text.starts_with('{')) fail(file, ": the header does not start with \"{\"; this is no safetensors file");
  const auto data = bytes.subspan(8 + length);
  SafeTensorsHeader result;
  bool described = false;
  // Member by member: the document of a header as long as the format allows would take gigabytes.
  for_each_member(text, file + ": header", [&](std::string& name, nlohmann::json& entry) {
    if (name != "__metadata__") {
      require(result.tensors.size() < most_safetensors, file, ": the header names more than ", most_safetensors,
              " tensors; the largest checkpoints have 100,000");
      result.tensors.push_back(tensor_of(name, entry, data, file));
      return;
    }
    require(!std::exchange(described, true), file, ": header: the key \"__metadata__\" appears twice");
    const JsonFields fields(entry, file + ": __metadata__");
    for (const auto& [key, value] : entry.items()) {
      if (!value.is_string()) fail(fields.where(), ": ", shown(key), " is ", shown(value), ", expected a string");
      result.metadata.emplace(key, value.get<std::string>());
    }
  });
  check_names(result.tensors, file);
  std::sort(result.tensors.begin(), result.tensors.end(), [](const TensorRef& a, const TensorRef& b) {
    return std::tuple(a.bytes.data(), a.bytes.size(), std::string_view(a.name)) <
           std::tuple(b.bytes.data(), b.bytes.size(), std::string_view(b.name));
  });
  check_cover(result.tensors, data, file);
  return result;
}

}  // namespace peft
