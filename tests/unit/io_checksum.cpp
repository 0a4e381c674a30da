// SPDX-License-Identifier: Apache-2.0
#include <peft/io/checksum.hpp>
#include <peft/io/hash.hpp>
#include <peft/io/safetensors.hpp>
#include <peft/io/safetensors_write.hpp>

#include <string>
#include <vector>

#include "catch.hpp"
#include "io_temporary.hpp"

using namespace peft;

TEST_CASE("a hash does not depend on the pieces of bytes, and tells texts apart by where they end") {
  const std::vector<std::byte> bytes(1000, std::byte{7});
  const std::span<const std::byte> all(bytes);
  CHECK(Hash().add(all).value() == Hash().add(all.first(1)).add(all.subspan(1)).value());
  CHECK(Hash().add("ab").add("c").value() != Hash().add("a").add("bc").value());
  CHECK(Hash().add(std::uint64_t{1}).value() != Hash().add(std::uint64_t{256}).value());
  // XXH3 of nothing, by its specification: files of one machine are read on another.
  CHECK(hash_text(Hash().value()) == "2d06800538d394c2");
}

TEST_CASE("every flipped bit of a file that was written here is found") {
  const Temporary folder;
  const auto path = folder / "a.safetensors";
  const std::vector<float> numbers{1, 2, 3, 4, 5, 6};
  const std::vector<double> wide{0.5};
  write_safetensors(
      path, std::vector<NamedTensor>{{"b", DType::F32, {2, 3}, numbers.data()}, {"a", DType::F64, {1}, wide.data()}},
      {{"format", "pt"}, {"note", "of the writer"}});
  CHECK_NOTHROW(check_checksum(SafeTensors::open(path)));
  const std::string whole = get(path);
  int found = 0, flips = 0;
  for (std::size_t byte = 0; byte < whole.size(); ++byte) {
    if (whole[byte] == ' ') continue;  // padding of the header: another white space means the same
    for (int bit = 0; bit < 8; ++bit, ++flips) {
      std::string flipped = whole;
      flipped[byte] = static_cast<char>(flipped[byte] ^ (1 << bit));
      put(path, flipped);
      try {
        check_checksum(SafeTensors::open(path));
        // what is accepted has lost its note, and says so to whoever looks for it
        if (!SafeTensors::open(path).metadata().contains(std::string(checksum_key))) ++found;
      } catch (const Error&) {
        ++found;
      }
    }
  }
  CHECK(flips > 1000);
  CHECK(found == flips);
}

TEST_CASE("a file of another library, which has no checksum, is accepted") {
  const Temporary folder;
  const auto path = folder / "a.safetensors";
  const std::string header = R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}  )";
  std::string text(8, '\0');
  text[0] = static_cast<char>(header.size());
  text += header + std::string(4, '\1');
  put(path, text);
  CHECK_NOTHROW(check_checksum(SafeTensors::open(path)));
}
