// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>

#include <peft/core/error.hpp>

/// A folder of its own for one test, removed afterwards.
class Temporary {
 public:
  Temporary() {
    std::string name = (std::filesystem::temp_directory_path() / "peft_io_XXXXXX").string();
    peft::require(::mkdtemp(name.data()) != nullptr, "cannot make ", name);
    path_ = name;
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline void put(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::remove(path);  // shortening an old file in place makes some file systems wait for the disk
  std::ofstream(path, std::ios::binary).write(text.data(), static_cast<std::streamsize>(text.size()));
}

inline std::string get(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::size_t count_files(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

/// A safetensors file as bytes, from a header that may be wrong and that many bytes 0, 1, 2, ... of data.
inline std::string safetensors_bytes(std::string_view header, std::size_t data) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(std::uint64_t{header.size()} >> (8 * i) & 0xff));
  bytes += header;
  for (std::size_t i = 0; i < data; ++i) bytes.push_back(static_cast<char>(i & 0xff));
  return bytes;
}

/// The message of the peft::Error that `action` throws; "" when it throws none.
template <class Action>
std::string error_of(Action&& action) {
  try {
    action();
  } catch (const peft::Error& error) {
    return error.what();
  }
  return "";
}

/// "" when the message holds all the parts; else the first that it lacks, and the message.
inline std::string lacks(const std::string& message, std::initializer_list<std::string_view> parts) {
  for (const auto part : parts)
    if (message.find(part) == std::string::npos) return peft::cat("no \"", part, "\" in \"", message, "\"");
  return "";
}
