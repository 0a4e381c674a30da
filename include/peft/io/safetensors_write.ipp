// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>

#include <peft/core/error.hpp>
#include <peft/core/finite.hpp>
#include <peft/io/atomic_file.hpp>
#include <peft/io/check_finite.hpp>
#include <peft/io/checksum.hpp>
#include <peft/io/json.hpp>
#include <peft/io/safetensors_header.hpp>
#include <peft/io/safetensors_write.hpp>

namespace peft {

PEFT_INLINE NamedTensor named(const HostTensor& tensor) {
  const auto bytes = safetensors_header::byte_count(tensor.shape, DType::F32);
  require(bytes == tensor.data.size() * sizeof(float), "tensor \"", tensor.name, "\" of shape ",
          shape_text(tensor.shape), " has ", tensor.data.size(), " values");
  return {tensor.name, DType::F32, tensor.shape, tensor.data.data()};
}

PEFT_INLINE void write_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                                   const std::map<std::string, std::string>& metadata) {
  AtomicFile file(path);
  write_safetensors(file, tensors, metadata);
  file.commit();
}

PEFT_INLINE std::string write_safetensors(AtomicFile& to, std::span<const NamedTensor> tensors,
                                          const std::map<std::string, std::string>& metadata) {
  const std::string file = to.path().string();
  std::vector<const NamedTensor*> order;
  for (const std::size_t width : {8, 4, 2, 1})
    for (const auto& tensor : tensors)
      if (size_of(tensor.dtype) == width) order.push_back(&tensor);

  const auto in_quotes = [&](const std::string& text) { return to_text(nlohmann::json(text), -1, file); };
  std::string header;  // a JSON object without its braces
  std::set<std::string_view> used{"__metadata__"};
  std::vector<TensorRef> written;
  std::uint64_t end = 0;
  for (const auto* tensor : order) {
    const auto problem = [&](std::string_view what) {
      fail("cannot write ", file, ": tensor \"", tensor->name, "\" ", what);
    };
    if (!used.insert(tensor->name).second) problem("appears twice, or its name is reserved");
    for (const auto extent : tensor->shape)
      if (extent < 0) problem("has a negative size in its shape");
    const auto bytes = safetensors_header::byte_count(tensor->shape, tensor->dtype);
    if (!bytes) problem("has a shape that overflows");
    if (*bytes > 0 && tensor->data == nullptr) problem("has no data");
    const std::span<const std::byte> data(static_cast<const std::byte*>(tensor->data), *bytes);
    if (const std::size_t at = first_not_finite(tensor->dtype, data); at * size_of(tensor->dtype) < data.size()) {
      double value = 0;
      convert<double>(tensor->dtype, data.data() + at * size_of(tensor->dtype), std::span(&value, 1));
      problem(holds_at(value, tensor->shape, at));
    }
    written.push_back({tensor->name, tensor->dtype, tensor->shape, data});
    std::string shape;
    for (const auto extent : tensor->shape) shape += (shape.empty() ? "" : ",") + std::to_string(extent);
    const auto begin = std::exchange(end, end + *bytes);
    header +=
        cat(header.empty() ? "" : ",", in_quotes(tensor->name), ":{\"dtype\":\"", name(tensor->dtype), "\",\"shape\":[",
            shape, "],\"data_offsets\":[", std::to_string(begin), ",", std::to_string(end), "]}");
  }
  std::string notes;
  for (const auto& [key, value] : metadata)
    if (key != checksum_key) notes += cat(in_quotes(key), ":", in_quotes(value), ",");
  const std::string sum = checksum(written, metadata);
  notes += cat(in_quotes(std::string(checksum_key)), ":", in_quotes(sum));
  std::string text = cat("{\"__metadata__\":{", notes, "}", header.empty() ? "" : ",", header, "}");
  text.append((8 - text.size() % 8) % 8, ' ');
  require(text.size() <= longest_safetensors_header, "cannot write ", file, ": its header would have ", text.size(),
          " bytes, the format allows ", longest_safetensors_header);

  std::string length(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) length[i] = static_cast<char>(text.size() >> (8 * i) & 0xff);
  to.write(length);
  to.write(text);
  for (const TensorRef& tensor : written) to.write(tensor.bytes);
  return sum;
}

}  // namespace peft
