// SPDX-License-Identifier: Apache-2.0
// What tensors are, in one number, and where it is kept.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/io/checkpoint.hpp>
#include <peft/io/hash.hpp>
#include <peft/io/safetensors_write.hpp>
#include <peft/io/tensor_hash.hpp>

#include "catch.hpp"
#include "io_environment.hpp"
#include "io_temporary.hpp"

using namespace peft;
namespace fs = std::filesystem;

namespace {

using Tensors = std::vector<HostTensor>;

Tensors some() {
  Tensors all{{"a.weight", {3, 2}, {1, 2, 3, 4, 5, 6}},
              {"b.weight", {2, 3}, {6, 5, 4, 3, 2, 1}},
              {"b.bias", {2}, {0, -1}},
              {"none", {0}, {}},
              {"table", {300, 1000}, {}}};
  for (int i = 0; i < 300'000; ++i) all.back().data.push_back(static_cast<float>(i));  // several pieces
  return all;
}

void write(const fs::path& path, const Tensors& all) {
  std::vector<NamedTensor> list;
  for (const HostTensor& t : all) list.push_back(named(t));
  fs::create_directories(path.parent_path());
  write_safetensors(path, list);
}

std::vector<NamedRef> all_of(const Checkpoint& checkpoint) {
  std::vector<NamedRef> all;
  for (const std::string& name : checkpoint.names()) all.push_back({name, checkpoint.find(name)});
  return all;
}
std::uint64_t hash_of(const fs::path& folder) { return tensor_hash(all_of(Checkpoint::open(folder))); }

/// As if the files had been written long ago.
void age(const fs::path& folder) {
  const ::timespec times[] = {{1'600'000'000, 0}, {1'600'000'000, 0}};
  for (const auto& entry : fs::directory_iterator(folder))
    REQUIRE(::utimensat(AT_FDCWD, entry.path().c_str(), times, 0) == 0);
}

std::size_t resident() {
  std::size_t pages = 0, all = 0;
  std::ifstream("/proc/self/statm") >> all >> pages;
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

TEST_CASE("tensor hash: the same for one file and for shards, whatever their order") {
  const Temporary folder;
  Tensors all = some();
  write(folder / "one" / "model.safetensors", all);
  const auto whole = hash_of(folder / "one");
  write(folder / "shards" / "m-1.safetensors", {all[4], all[1]});
  write(folder / "shards" / "m-2.safetensors", {all[3], all[2], all[0]});
  put(folder / "shards" / "model.safetensors.index.json",
      R"({"weight_map": {"a.weight": "m-2.safetensors", "b.bias": "m-2.safetensors", "none": "m-2.safetensors", "b.weight": "m-1.safetensors", "table": "m-1.safetensors"}})");
  CHECK(hash_of(folder / "shards") == whole);
}

TEST_CASE("tensor hash: a name, a shape, a number or a tensor more is another hash") {
  const Temporary folder;
  std::vector<std::uint64_t> seen;
  const auto with = [&](auto&& change) {
    Tensors all = some();
    change(all);
    const auto file = folder / std::to_string(seen.size()) / "model.safetensors";
    write(file, all);
    const auto hash = hash_of(file);
    CHECK(std::count(seen.begin(), seen.end(), hash) == 0);
    seen.push_back(hash);
  };
  with([](Tensors&) {});
  with([](Tensors& all) { all[0].name = "c.weight"; });
  with([](Tensors& all) { std::swap(all[0].name, all[1].name), std::swap(all[0].shape, all[1].shape); });
  with([](Tensors& all) { all[0].shape = {2, 3}; });
  with([](Tensors& all) { all[0].shape = {6}; });
  with([](Tensors& all) { all[2].data[0] = -0.F; });
  with([](Tensors& all) { all[4].data.back() += 1; });
  with([](Tensors& all) { all[4].data[70'000] *= -1; });
  with([](Tensors& all) { all.erase(all.begin() + 3); });
  with([](Tensors& all) { all.push_back({"more", {0}, {}}); });
}

TEST_CASE("tensor hash: nothing of the file becomes resident") {
  const Temporary folder;
  constexpr std::size_t bytes = std::size_t{64} << 20;
  const std::string header =
      cat(R"({"a": {"dtype": "F32", "shape": [)", bytes / 4, R"(], "data_offsets": [0, )", bytes, "]}}");
  put(folder / "model.safetensors", safetensors_bytes(header, 0));
  fs::resize_file(folder / "model.safetensors", 8 + header.size() + bytes);
  const Checkpoint checkpoint = Checkpoint::open(folder.path());
  const auto before = resident();
  tensor_hash(all_of(checkpoint));
  CHECK(resident() < before + (std::size_t{8} << 20));
}

TEST_CASE("tensor hash: what is known of a file is looked up, until it changes") {
  const Temporary folder;
  const Environment cache({{"PEFT_CACHE", (folder / "cache").string()}});
  const auto file = folder / "model" / "model.safetensors";
  write(file, some());
  const auto ask = [&] { return cached_tensor_hash(all_of(Checkpoint::open(file))); };
  const auto entries = [&] {
    return fs::exists(folder / "cache" / "weights") ? count_files(folder / "cache" / "weights") : 0;
  };
  const auto entry = [&] { return fs::directory_iterator(folder / "cache" / "weights")->path(); };
  const auto whole = ask();
  CHECK(whole == hash_of(file));
  CHECK(entries() == 0);  // it was written to just now, and may be again before the clock's next tick
  age(folder / "model");
  CHECK(ask() == whole);
  REQUIRE(entries() == 1);

  // It is looked up: an entry that says something else is believed.
  std::string text = get(entry());
  const std::string digits = hash_text(whole);
  text.replace(text.find(digits), 16, "00000000000000ab");
  put(entry(), text);
  CHECK(ask() == 0xab);
  for (const std::string_view damaged : {"", "peft.hpp weights 1\n", "no such thing"}) {
    put(entry(), damaged);
    CHECK(ask() == whole);
  }
  put(entry(), text.substr(0, text.size() - 1));
  CHECK(ask() == whole);

  // Written in place with its time put back: the inode's own time tells.
  put(entry(), text);
  REQUIRE(ask() == 0xab);
  std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).seekp(-4, std::ios::end).write("\0\0\0\0", 4);
  age(folder / "model");
  const auto other = ask();
  CHECK(other == hash_of(file));
  CHECK(other != whole);
  CHECK(entries() == 1);

  // Without a cache nothing is lost but time.
  for (const std::string& place : {std::string("/proc/none"), std::string("relative"), file.string()}) {
    const Environment none({{"PEFT_CACHE", place}, {"XDG_CACHE_HOME", place}, {"HOME", place}});
    CHECK(ask() == other);
  }
}
