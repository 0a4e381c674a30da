// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <peft/io/checkpoint.hpp>
#include <peft/io/near_names.hpp>
#include <peft/io/safetensors.hpp>
#include <peft/io/safetensors_write.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "io_temporary.hpp"

using namespace peft;

namespace {

// What opening a file with that header and so many bytes of data complains of.
std::string header_error(const std::string& header, std::size_t data = 0) {
  const Temporary folder;
  put(folder / "file", safetensors_bytes(header, data));
  return error_of([&] { SafeTensors::open(folder / "file"); });
}

void write_one(const std::filesystem::path& path, const std::string& name, float value) {
  const NamedTensor tensor{name, DType::F32, {1}, &value};
  write_safetensors(path, std::span(&tensor, 1));
}

}  // namespace

TEST_CASE("safetensors: written, then read") {
  const Temporary folder;
  const std::vector<float> weight{1, 2, 3, 4, 5, 6};
  const std::vector<std::int64_t> ids{7, -8};
  const std::vector<std::uint8_t> flags{1, 0, 1};
  const std::vector<NamedTensor> tensors{{"flags", DType::Bool, {3}, flags.data()},
                                         {"weight", DType::F32, {2, 3}, weight.data()},
                                         {"none", DType::F32, {0, 4}, nullptr},
                                         {"scalar", DType::F32, {}, weight.data()},
                                         {"ids", DType::I64, {2}, ids.data()}};
  write_safetensors(folder / "file", tensors, {{"format", "pt"}, {"note", "\"quoted\""}});
  const std::string bytes = get(folder / "file");
  CHECK((static_cast<unsigned char>(bytes[0]) % 8) == 0);
  CHECK(bytes.size() % 8 == (16 + 24 + 4 + 3) % 8);

  std::optional<SafeTensors> first = SafeTensors::open(folder / "file");
  const SafeTensors file = *first;
  const TensorRef& w = first->at("weight");
  first.reset();  // the copy keeps the mapping
  CHECK(w.values<float>() == weight);
  CHECK(w.shape == std::vector<std::int64_t>{2, 3});
  CHECK(w.size() == 6);
  CHECK(w.dtype == DType::F32);
  CHECK(reinterpret_cast<std::uintptr_t>(file.at("ids").bytes.data()) % 8 == 0);
  CHECK(file.at("ids").values<std::int64_t>() == ids);
  CHECK(file.at("flags").values<float>() == std::vector<float>{1, 0, 1});
  CHECK(file.at("none").size() == 0);
  CHECK(file.at("none").values<float>().empty());
  CHECK(file.at("scalar").size() == 1);
  CHECK(file.names().size() == 5);
  CHECK(file.names().front() == "ids");
  auto metadata = file.metadata();
  CHECK(metadata.erase("peft.hpp.checksum") == 1);
  CHECK(metadata == std::map<std::string, std::string>{{"format", "pt"}, {"note", "\"quoted\""}});
  CHECK(file.find("nothing") == nullptr);
  CHECK(lacks(error_of([&] { file.at("wieght"); }), {"wieght", "near names: weight"}) == "");
  std::vector<float> wrong(5);
  CHECK_THROWS_AS(w.read(std::span<float>(wrong)), Error);
}

TEST_CASE("safetensors: no tensors at all") {
  const Temporary folder;
  write_safetensors(folder / "file", {}, {});
  CHECK(SafeTensors::open(folder / "file").names().empty());
  CHECK(get(folder / "file").size() == 72);  // length, and a header with nothing but the checksum
}

TEST_CASE("safetensors: what cannot be written") {
  const Temporary folder;
  const float value = 1;
  const auto refused = [&](std::vector<NamedTensor> tensors) {
    return error_of([&] { write_safetensors(folder / "file", tensors); });
  };
  CHECK(lacks(refused({{"a", DType::F32, {1}, &value}, {"a", DType::F32, {1}, &value}}), {"\"a\"", "twice"}) == "");
  CHECK(lacks(refused({{"__metadata__", DType::F32, {1}, &value}}), {"reserved"}) == "");
  CHECK(lacks(refused({{"a", DType::F32, {-1}, &value}}), {"negative"}) == "");
  CHECK(lacks(refused({{"a", DType::F32, {1}, nullptr}}), {"no data"}) == "");
  CHECK(lacks(refused({{"a", DType::F32, {1ll << 40, 1ll << 40}, &value}}), {"overflows"}) == "");
  CHECK(lacks(refused({{"\xff", DType::F32, {1}, &value}}), {"UTF-8"}) == "");
  CHECK(count_files(folder.path()) == 0);
  CHECK_THROWS_AS(named({"a", {2, 2}, {1, 2, 3}}), Error);
}

TEST_CASE("safetensors: a good header made by hand") {
  CHECK(header_error(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                     R"("b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}}   )",
                     11) == "");
  CHECK(header_error("{}") == "");
  CHECK(header_error(R"({"__metadata__":{}})") == "");
}

TEST_CASE("safetensors: every broken header is refused by name") {
  const auto tensor = [](const std::string& fields) { return "{\"a\":{" + fields + "}}"; };
  const std::string good = R"("dtype":"F32","shape":[2],"data_offsets":[0,8])";
  CHECK(header_error(tensor(good), 8) == "");
  CHECK(lacks(header_error(tensor(good), 7), {"\"a\"", "cut off"}) == "");
  CHECK(lacks(header_error(tensor(good), 9), {"1 bytes after"}) == "");
  CHECK(lacks(header_error(" " + tensor(good), 8), {"does not start"}) == "");
  CHECK(lacks(header_error("[]"), {"does not start"}) == "");
  CHECK(lacks(header_error("{\"a\":1}"), {"\"a\"", "object"}) == "");
  CHECK(lacks(header_error("{\"a\":{}}"), {"dtype", "missing"}) == "");
  const auto field = [&](const std::string& f, std::size_t data = 8) { return header_error(tensor(f), data); };
  CHECK(lacks(field(R"("dtype":"F33","shape":[2],"data_offsets":[0,8])"), {"\"a\"", "F33", "BF16"}) == "");
  CHECK(lacks(field(R"("dtype":5,"shape":[2],"data_offsets":[0,8])"), {"dtype", "string"}) == "");
  CHECK(lacks(field(R"("dtype":"F32","shape":2,"data_offsets":[0,8])"), {"shape", "list"}) == "");
  CHECK(lacks(field(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])"), {"shape", "-2"}) == "");
  CHECK(lacks(field(R"("dtype":"F32","shape":[2.0],"data_offsets":[0,8])"), {"shape", "2.0"}) == "");
  CHECK(lacks(field(R"("dtype":"F32","shape":["2"],"data_offsets":[0,8])"), {"shape"}) == "");
  CHECK(lacks(field(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])"), {"(3)", "does not fit"}) == "");
  CHECK(lacks(field(R"("dtype":"F16","shape":[2],"data_offsets":[0,8])"), {"F16", "does not fit"}) == "");
  // products that wrap around to 8 bytes, or to 0
  CHECK(lacks(field(R"("dtype":"F32","shape":[4611686018427387906],"data_offsets":[0,8])"), {"does not fit"}) == "");
  CHECK(lacks(field(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0])", 0), {"does not fit"}) ==
        "");
  CHECK(lacks(field(R"("dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,8])"), {"overflows"}) == "");
  CHECK(lacks(field(R"("dtype":"F32","shape":[99999999999999999999999],"data_offsets":[0,8])"), {"shape"}) == "");
  CHECK(field(R"("dtype":"F32","shape":[0,4611686018427387906],"data_offsets":[0,0])", 0) == "");
  CHECK(lacks(field(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])"), {"data_offsets"}) == "");
  CHECK(lacks(field(R"("dtype":"F32","shape":[2],"data_offsets":[0,16])"), {"data_offsets"}) == "");
  CHECK(lacks(field(R"("dtype":"F32","shape":[2],"data_offsets":[18446744073709551608,16])"), {"data_offsets"}) == "");
  CHECK(lacks(field(R"("dtype":"F32","shape":[2],"data_offsets":[-8,0])"), {"begin"}) == "");
  CHECK(lacks(field(R"("dtype":"F32","shape":[2],"data_offsets":[0])"), {"data_offsets"}) == "");
  CHECK(lacks(field(R"("dtype":"F32","shape":[2],"data_offsets":[0,4,8])"), {"data_offsets"}) == "");
  CHECK(lacks(field(R"("dtype":"F32","shape":[2],"data_offsets":[0.0,8.0])"), {"begin"}) == "");
  CHECK(lacks(field(good + R"(,"more":1)"), {"unknown key", "more"}) == "");
  CHECK(lacks(field(good + R"(,"shape":[2])"), {"twice"}) == "");
  CHECK(lacks(header_error(R"({"__metadata__":{"a":1}})"), {"__metadata__", "string"}) == "");
  CHECK(lacks(header_error(R"({"__metadata__":[]})"), {"__metadata__", "object"}) == "");
}

TEST_CASE("safetensors: overlaps, gaps and duplicates are refused") {
  const auto two = [](const std::string& first, const std::string& second, std::size_t data) {
    return header_error(R"({"a":{"dtype":"U8","shape":)" + first + R"(},"b":{"dtype":"U8","shape":)" + second + "}}",
                        data);
  };
  CHECK(two(R"([4],"data_offsets":[0,4])", R"([4],"data_offsets":[4,8])", 8) == "");
  CHECK(two(R"([4],"data_offsets":[4,8])", R"([4],"data_offsets":[0,4])", 8) == "");
  CHECK(lacks(two(R"([4],"data_offsets":[0,4])", R"([4],"data_offsets":[3,7])", 7), {"\"b\"", "overlaps"}) == "");
  CHECK(lacks(two(R"([4],"data_offsets":[0,4])", R"([4],"data_offsets":[0,4])", 4), {"overlaps"}) == "");
  CHECK(lacks(two(R"([8],"data_offsets":[0,8])", R"([4],"data_offsets":[2,6])", 8), {"overlaps"}) == "");
  CHECK(lacks(two(R"([4],"data_offsets":[0,4])", R"([4],"data_offsets":[5,9])", 9), {"\"b\"", "gap"}) == "");
  CHECK(lacks(two(R"([4],"data_offsets":[1,5])", R"([4],"data_offsets":[5,9])", 9), {"\"a\"", "gap"}) == "");
  CHECK(two(R"([4],"data_offsets":[0,4])", R"([0],"data_offsets":[4,4])", 4) == "");
  CHECK(lacks(two(R"([4],"data_offsets":[0,4])", R"([0],"data_offsets":[2,2])", 4), {"overlaps"}) == "");
  CHECK(lacks(header_error(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                           R"("a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                           2),
              {"\"a\"", "twice"}) == "");
}

TEST_CASE("safetensors: impossible header lengths") {
  const Temporary folder;
  const auto error = [&](const std::string& bytes) {
    put(folder / "file", bytes);
    return error_of([&] { SafeTensors::open(folder / "file"); });
  };
  CHECK(lacks(error(""), {"too few"}) == "");
  CHECK(lacks(error("1234567"), {"too few"}) == "");
  CHECK(lacks(error(std::string(8, '\0')), {"does not start"}) == "");
  CHECK(lacks(error(std::string(8, '\xff') + "{}"), {"18446744073709551615", "100000000"}) == "");
  CHECK(lacks(error(std::string("\x03\0\0\0\0\0\0\0{}", 10)), {"cut off"}) == "");
  CHECK(lacks(error(std::string("\xf8\xff\xff\xff\xff\xff\xff\xff{}", 10)), {"100000000"}) == "");
}

TEST_CASE("checkpoint: one file, a folder, shards") {
  const Temporary folder;
  const auto index = folder / "model.safetensors.index.json";
  write_one(folder / "one.safetensors", "a", 1);
  write_one(folder / "two.safetensors", "b", 2);
  CHECK(Checkpoint::open(folder / "one.safetensors").at("a").values<float>()[0] == 1);
  CHECK(lacks(error_of([&] { Checkpoint::open(folder.path()); }),
              {"neither", "model.safetensors", "one.safetensors"}) == "");
  CHECK(lacks(error_of([&] { Checkpoint::open(folder / "nowhere"); }), {"nowhere", "no such folder"}) == "");
  put(index, R"({"metadata":{"total_size":8},"weight_map":{"a":"one.safetensors","b":"two.safetensors"}})");
  const auto sharded = Checkpoint::open(folder.path());
  CHECK(sharded.names() == std::vector<std::string>{"a", "b"});
  CHECK(sharded.at("b").values<double>()[0] == 2);
  CHECK(sharded.find("c") == nullptr);
  CHECK_THROWS_AS(sharded.at("c"), Error);
  CHECK(sharded.metadata().at("format") == "pt");

  const auto index_error = [&](const std::string& text) {
    put(index, text);
    return error_of([&] { Checkpoint::open(folder.path()); });
  };
  CHECK(index_error(R"({"weight_map":{"a":"one.safetensors"}})") == "");  // the other file is none of its business
  CHECK(lacks(index_error(R"({"weight_map":{"a":"one.safetensors","c":"one.safetensors"}})"), {"\"c\"", "one.safe"}) ==
        "");
  CHECK(lacks(index_error(R"({"weight_map":{"c":"two.safetensors"}})"), {"\"b\"", "not listed"}) == "");
  CHECK(lacks(index_error(R"({"weight_map":{"a":"two.safetensors","b":"one.safetensors"}})"), {"not listed"}) == "");
  CHECK(lacks(index_error(R"({"weight_map":{"a":"../one.safetensors"}})"), {"same folder"}) == "");
  CHECK(lacks(index_error(R"({"weight_map":{"a":"/etc/passwd"}})"), {"same folder"}) == "");
  CHECK(lacks(index_error(R"({"weight_map":{"a":".."}})"), {"same folder"}) == "");
  CHECK(lacks(index_error(R"({"weight_map":{"a":5}})"), {"\"a\"", "string"}) == "");
  CHECK(lacks(index_error(R"({"weight_map":{"a":"three.safetensors"}})"), {"three.safetensors", "No such file"}) == "");
  CHECK(lacks(index_error(R"({"weight_map":{}})"), {"no tensor"}) == "");
  CHECK(lacks(index_error(R"({"weight_map":[]})"), {"weight_map", "object"}) == "");
  CHECK(lacks(index_error("{}"), {"weight_map", "missing"}) == "");
  CHECK(lacks(index_error("[]"), {"object"}) == "");
  CHECK(lacks(index_error(R"({"weight_map":{"a":"one.safetensors",)"), {"invalid JSON"}) == "");

  std::filesystem::copy(folder / "one.safetensors", folder / "again.safetensors");
  CHECK(lacks(index_error(R"({"weight_map":{"a":"one.safetensors","x":"again.safetensors"}})"), {"more than one"}) ==
        "");
  write_one(folder / "model.safetensors", "whole", 3);
  CHECK(Checkpoint::open(folder.path()).names() == std::vector<std::string>{"whole"});
}

TEST_CASE("near names") {
  const std::vector<std::string> names{"bert.pooler.dense.weight", "bert.pooler.dense.bias", "classifier.weight"};
  CHECK(near_names("pooler.dense.weight", names).starts_with("; near names: bert.pooler.dense.weight"));
  CHECK(near_names("clasifier.weight", names) == "; near names: classifier.weight");
  CHECK(near_names("something else", names) == "");
  CHECK(near_names(std::string(100000, 'x'), names) == "");
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("", "abc") == 3);
}
