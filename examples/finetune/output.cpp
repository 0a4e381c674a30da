// SPDX-License-Identifier: Apache-2.0
#include "output.hpp"

#include <peft/core/error.hpp>
#include <peft/io/atomic_file.hpp>
#include <peft/io/mapped_region.hpp>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

void write_output(const std::string& path, const std::string& text) {
  namespace fs = std::filesystem;
  peft::require_unchanged("; nothing is written of it");
  if (!fs::exists(path) || fs::is_regular_file(path)) return peft::write_file(path, text);
  errno = 0;
  std::ofstream out(path, std::ios::binary);
  out << text << std::flush;
  peft::require(out.good(), "cannot write ", path, ": ", std::strerror(errno != 0 ? errno : EIO));
}
