// SPDX-License-Identifier: Apache-2.0
// What it costs to know a model's weights again: their hash beside reading the same bytes, the first time and when it
// is known.
//   bench_identity FOLDER          a checkpoint
//   bench_identity GIGABYTES       one of that size, made in the temporary folder and removed
// The files are read once before, so that a disk is no part of it. MiB of memory: by how much the process has grown.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <peft/core/error.hpp>
#include <peft/io/checkpoint.hpp>
#include <peft/io/tensor_hash.hpp>

namespace fs = std::filesystem;

namespace {

fs::path made(double gigabytes, const fs::path& folder) {
  constexpr std::size_t rows = 4096, layers = 100;
  const auto columns = static_cast<std::size_t>(gigabytes * 1e9 / (4. * rows * layers));
  std::string header;
  for (std::size_t i = 0; i < layers; ++i)
    header += peft::cat(header.empty() ? "{" : ", ", "\"layer.", i, ".weight\": {\"dtype\": \"F32\", \"shape\": [",
                        rows, ", ", columns, "], \"data_offsets\": [", i * rows * columns * 4, ", ",
                        (i + 1) * rows * columns * 4, "]}");
  header += "}";
  fs::create_directories(folder);
  std::ofstream out(folder / "model.safetensors", std::ios::binary);
  const std::uint64_t size = header.size();
  out.write(reinterpret_cast<const char*>(&size), 8) << header;
  std::vector<std::uint32_t> row(columns);
  std::uint32_t number = 1;
  for (std::size_t i = 0; i < rows * layers; ++i) {
    for (std::uint32_t& x : row) x = number = number * 1664525 + 1013904223;
    out.write(reinterpret_cast<const char*>(row.data()), static_cast<std::streamsize>(row.size() * 4));
  }
  out.close();
  const ::timespec times[] = {{1'600'000'000, 0}, {1'600'000'000, 0}};  // what was written just now is not kept
  peft::require(out.good() && ::utimensat(AT_FDCWD, (folder / "model.safetensors").c_str(), times, 0) == 0, folder,
                " cannot be written");
  return folder;
}

double resident() {
  std::size_t pages = 0, all = 0;
  std::ifstream("/proc/self/statm") >> all >> pages;
  return static_cast<double>(pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))) / 1048576;
}

double milliseconds(const std::function<void()>& what) {
  const auto begin = std::chrono::steady_clock::now();
  what();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

void read_file(const fs::path& file) {
  std::vector<char> room(std::size_t{256} << 10);
  const int in = ::open(file.c_str(), O_RDONLY);
  while (::read(in, room.data(), room.size()) > 0) {
  }
  ::close(in);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::puts("usage: bench_identity FOLDER | GIGABYTES"), 2;
  const fs::path work = fs::temp_directory_path() / peft::cat("peft_identity_", ::getpid());
  ::setenv("PEFT_CACHE", (work / "cache").c_str(), 1);
  const double gigabytes = std::atof(argv[1]);
  const fs::path folder = gigabytes > 0 ? made(gigabytes, work / "model") : fs::path(argv[1]);
  const auto checkpoint = peft::Checkpoint::open(folder);
  std::vector<peft::NamedRef> tensors;
  double bytes = 0;
  for (const std::string& name : checkpoint.names()) {
    tensors.push_back({name, checkpoint.find(name)});
    bytes += static_cast<double>(tensors.back().tensor->bytes.size());
  }
  const auto read = [&] {
    for (const auto& entry : fs::directory_iterator(folder))
      if (entry.path().extension() == ".safetensors") read_file(entry.path());
  };
  read();
  const double before = resident();
  double reading = 1e9, hashing = 1e9, known = 1e9, first = 0;
  for (int i = 0; i < 5; ++i) {  // in turns
    reading = std::min(reading, milliseconds(read));
    hashing = std::min(hashing, milliseconds([&] { peft::tensor_hash(tensors); }));
  }
  first = milliseconds([&] { peft::cached_tensor_hash(tensors); });
  for (int i = 0; i < 5; ++i) known = std::min(known, milliseconds([&] { peft::cached_tensor_hash(tensors); }));
  const double grown = resident() - before;
  fs::remove_all(work);
  std::printf(
      "{\"megabytes\": %.1f, \"read by one thread, ms\": %.2f, \"hash, ms\": %.2f, \"hash / read\": %.2f, \"first time, ms\": %.2f, \"known, ms\": %.3f, \"MiB of memory\": %.1f}\n",
      bytes / 1e6, reading, hashing, hashing / reading, first, known, grown);
}
