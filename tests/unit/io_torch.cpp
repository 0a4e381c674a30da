// SPDX-License-Identifier: Apache-2.0
// Files of torch.save: those that PyTorch wrote (data/torch, by golden/torch_files.py), and hostile ones made here.
#include <array>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <peft/io/checkpoint.hpp>
#include <peft/io/json.hpp>
#include <peft/io/peft_format.hpp>
#include <peft/io/peft_methods.hpp>
#include <peft/io/safetensors_write.hpp>
#include <peft/io/torch/torch_file.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "io_temporary.hpp"

using namespace peft;
namespace fs = std::filesystem;

namespace {

const fs::path golden = fs::path(PEFT_TEST_DATA) / "torch";

template <class T>
std::string little(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

struct Zip {
  std::string archive, directory;
  std::uint16_t count = 0;

  /// `stored` other than the content's size, a method, flags and a second name are for archives that are wrong.
  Zip& add(const std::string& name, const std::string& content, std::uint16_t method = 0, std::uint16_t flags = 0,
           const std::string& other = "") {
    const auto size = little(static_cast<std::uint32_t>(content.size()));
    const auto rest = little(flags) + little(method) + std::string(8, '\0') + size + size +
                      little(static_cast<std::uint16_t>(name.size()));
    const auto begin = little(static_cast<std::uint32_t>(archive.size()));
    archive += "PK\x03\x04" + little<std::uint16_t>(0) + rest + little<std::uint16_t>(0) +
               (other.empty() ? name : other) + content;
    directory += "PK\x01\x02" + little<std::uint32_t>(0) + rest + std::string(12, '\0') + begin + name;
    ++count;
    return *this;
  }

  std::string bytes() const {
    return archive + directory + "PK\x05\x06" + std::string(4, '\0') + little(count) + little(count) +
           little(static_cast<std::uint32_t>(directory.size())) + little(static_cast<std::uint32_t>(archive.size())) +
           std::string(2, '\0');
  }
};

using namespace std::string_literals;

std::string text(const std::string& s) { return "X" + little(static_cast<std::uint32_t>(s.size())) + s; }
std::string number(std::int32_t n) { return "J" + little(n); }
std::string tuple(const std::string& items) { return "(" + items + "t"; }

std::string storage(const std::string& key = "0", std::int32_t elements = 4,
                    const std::string& type = "ctorch\nFloatStorage\n") {
  return tuple(text("storage") + type + text(key) + text("cpu") + number(elements)) + "Q";
}

std::string tensor(const std::string& of, const std::string& offset, const std::string& shape,
                   const std::string& strides) {
  return "ctorch._utils\n_rebuild_tensor_v2\n" + tuple(of + offset + tuple(shape) + tuple(strides) + "\x89}") + "R";
}

std::string one_tensor() { return tensor(storage(), number(0), number(2) + number(2), number(2) + number(1)); }

/// A file whose storage 0 is four floats.
std::string file_of(const std::string& pickle) {
  return Zip().add("a/data.pkl", "\x80\x02" + pickle + ".").add("a/data/0", std::string(16, '\1')).bytes();
}

std::string read_error(const std::string& bytes) {
  // a block of exactly their size, so that a sanitizer sees one byte too many
  const auto block = std::make_unique<std::byte[]>(bytes.size());
  std::memcpy(block.get(), bytes.data(), bytes.size());
  return error_of([&] {
    for (const auto& t : read_torch_file({block.get(), bytes.size()}, "file").tensors) (void)t.values<float>();
  });
}
std::string pickle_error(const std::string& pickle) { return read_error(file_of(pickle)); }
std::string dict_error(const std::string& value) { return pickle_error("}" + text("w") + value + "s"); }

void check_values(const std::string& name) {
  INFO(name);
  const auto values = parse_json_file(golden / "values.json");
  const auto file = TorchFile::open(golden / name);
  CHECK(file.names().size() == values.size());
  for (const auto& [tensor, expected] : values.items()) {
    INFO(tensor);
    CHECK(file.at(tensor).shape == expected["shape"].get<std::vector<std::int64_t>>());
    CHECK(file.at(tensor).values<double>() == expected["values"].get<std::vector<double>>());
  }
  const auto own = [&](const char* tensor) { return file.at(tensor).bytes.data(); };
  CHECK(own("weight") == own("tied"));
  CHECK(file.at("bfloat16").dtype == DType::BF16);
  CHECK(file.at("bool").dtype == DType::Bool);
  CHECK(file.at("uint8").dtype == DType::U8);
}

}  // namespace

TEST_CASE("torch: every form that torch.save writes") {
  for (const char* name : {"protocol2.bin", "protocol4.bin", "protocol5.bin", "older.bin", "nested.bin"})
    check_values(name);
}

TEST_CASE("torch: what is no state dict is refused by name") {
  const auto error = [](const char* name) { return error_of([&] { TorchFile::open(golden / name); }); };
  CHECK(lacks(error("run.bin"), {"run.bin", "\"state_dict\"", "\"optimizer\"", "torch.save"}) == "");
  CHECK(lacks(error("module.bin"), {"module.bin", "torch.nn.modules.linear.Linear", "state_dict()"}) == "");
  CHECK(lacks(error("float8.bin"), {"torch.float8_e4m3fn", "BF16"}) == "");
  CHECK(lacks(error("expanded.bin"), {"\"weight\"", "1099511627776", "repeats"}) == "");
  CHECK(lacks(read_error(""), {"neither a zip"}) == "");
  CHECK(lacks(read_error("\x80\x02}."), {"neither a zip"}) == "");
  CHECK(lacks(read_error("<html>"), {"neither a zip"}) == "");
  CHECK(lacks(read_error(std::string(257, 'x') + "ustar" + std::string(250, '\0')), {"tar archive"}) == "");
}

TEST_CASE("torch: nothing of a pickle is run") {
  CHECK(dict_error(one_tensor()) == "");
  CHECK(lacks(pickle_error("cos\nsystem\n" + tuple(text("rm -rf /")) + "R"), {"os.system", "can run code"}) == "");
  CHECK(lacks(pickle_error("\x8c\x05posix\x8c\x06system\x93" + tuple(text("ls")) + "R"), {"posix.system"}) == "");
  CHECK(lacks(pickle_error("cbuiltins\neval\n" + tuple(text("1")) + "R"), {"builtins.eval"}) == "");
  CHECK(lacks(pickle_error("ctorch\n_utils._rebuild_tensor_v2.__globals__\n"), {"__globals__"}) == "");
  CHECK(lacks(pickle_error("(ios\nsystem\n"), {"opcode 105"}) == "");
  CHECK(lacks(pickle_error("(cos\nsystem\no"), {"os.system"}) == "");
  CHECK(lacks(pickle_error("ccollections\nOrderedDict\n)\x81"), {"opcode 129"}) == "");
  CHECK(lacks(pickle_error("\x82\x01"), {"opcode 130"}) == "");
  CHECK(lacks(pickle_error("ctorch\nFloatStorage\n)R"), {"torch.FloatStorage"}) == "");
  CHECK(lacks(pickle_error("}})b"), {"attributes"}) == "");
  CHECK(lacks(pickle_error("Pother\n"), {"opcode 80"}) == "");
}

TEST_CASE("torch: older and newer ways to say the same") {
  const auto values = [](const std::string& pickle) {
    const std::string bytes = file_of(pickle);
    const auto state = read_torch_file(std::as_bytes(std::span(bytes)), "file");
    REQUIRE(state.tensors.size() == 1);
    CHECK(state.tensors[0].name == "w");
    return state.tensors[0].values<float>();
  };
  const auto plain = values("}" + text("w") + one_tensor() + "s");
  CHECK(plain == std::vector<float>(4, plain[0]));
  CHECK(values("ccollections\nOrderedDict\n](](U\1w" + one_tensor() + "ee\x85R") == plain);  // Python 2
  CHECK(values("}\x8c\1w\x8c\x0ctorch._utils\x8c\x0f_rebuild_tensor\x93" +
               tuple(storage() + number(0) + tuple(number(2) + number(2)) + tuple(number(2) + number(1))) + "Rs") ==
        plain);
  CHECK(values("}" + text("w") + "ctorch._utils\n_rebuild_tensor_v3\n" +
               tuple(storage("0", 16, "ctorch.storage\nUntypedStorage\n") + number(0) + tuple(number(4)) +
                     tuple(number(1)) + "\x89}ctorch\nfloat32\n") +
               "Rs") == plain);
  CHECK(values("}" + text("w") + "ctorch._utils\n_rebuild_parameter\n" + tuple(one_tensor() + "\x88}") + "Rs" +
               text("step") + "G" + std::string(8, '\0') + "s") == plain);
  CHECK(values("}" + text("module") + "}" + text("state_dict") + "}" + text("w") + one_tensor() + "sss") == plain);
}

TEST_CASE("torch: pickles that are no pickles") {
  const auto has = [](const std::string& pickle, const char* part) {
    INFO(pickle);
    CHECK(lacks(pickle_error(pickle), {part}) == "");
  };
  has("", "leaves 0");
  has("t", "mark");
  has("0", "more objects");
  has("}}", "leaves 2");
  has("(}", "leaves 1");
  has("h\x07", "before it is there");
  has("q\x07", "more objects");
  has("j\xff\xff\xff\xff"s, "before it is there");
  has("Ns", "more objects");
  has("}Ne", "mark");
  has("NNa", "no list");
  has("}(Nu", "without a value");
  has("X\xff\xff\xff\xff"s, "missing");
  has("\x8d" + std::string(8, '\xff'), "missing");
  has("\x95" + std::string(8, '\xff'), "frame");
  has("\x8a\xff", "too large");
  has("\x80\x09", "protocol is 9");
  has("cos", "does not end");
  has("N", "no dict of tensors");
  has("}", "no dict of tensors");
  has("NNNR", "tuple of arguments");
  has("N)R", "something to call");
  has("ctorch._utils\n_rebuild_tensor_v2\n)R", "0 arguments");
  has("ctorch._utils\n_rebuild_tensor_v2\n" + tuple("NNNN") + "R", "other arguments");
  has("ctorch._utils\n_rebuild_parameter\n" + tuple("N") + "R", "without a tensor");
  has("NQ", "tuple of a storage");
  has(tuple("NNNNN") + "Q", "no text");
  has(tuple(text("storage") + "N" + text("0") + text("cpu") + number(4)) + "Q", "no class");
  has(storage("0", -4), "no number of elements");
  has("}" + one_tensor() + "Ns", "no dict of tensors");
  has("}N" + one_tensor() + "s", "no text");
  has("}" + text("w") + one_tensor() + "s" + text("w") + one_tensor() + "s", "twice");
  CHECK(lacks(read_error(Zip().add("a/data.pkl", "}.").bytes()), {"no pickle of protocol 2"}) == "");
}

TEST_CASE("torch: tensors that leave their storage") {
  const auto has = [](const std::string& value, const char* part) {
    CHECK(lacks(dict_error(value), {"\"w\"", part}) == "");
  };
  const std::string huge = "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"s, negative = "\x8a\x01\xff"s;
  has(tensor(storage("1"), number(0), number(4), number(1)), "not in the file");
  has(tensor(storage("0", 5), number(0), number(5), number(1)), "16 bytes, expected 5");
  has(tensor(storage("0", 3), number(0), number(3), number(1)), "16 bytes, expected 3");
  has(tensor(storage(), number(0), number(5), number(1)), "does not lie");
  has(tensor(storage(), number(1), number(4), number(1)), "does not lie");
  has(tensor(storage(), number(-1), number(4), number(1)), "does not lie");
  has(tensor(storage(), huge, number(4), number(1)), "does not lie");
  has(tensor(storage(), number(0), number(2), number(4)), "does not lie");
  has(tensor(storage(), number(0), number(2), huge), "does not lie");
  has(tensor(storage(), number(0), number(4), number(-1)), "integers from 0");
  has(tensor(storage(), number(0), negative, number(1)), "integers from 0");
  has(tensor(storage(), number(0), "N", number(1)), "integers from 0");
  has(tensor(storage(), number(0), huge + huge, number(0) + number(0)), "overflows");
  has(tensor(storage(), number(0), huge, number(0)), "repeats");
  has(tensor(storage(), number(0), number(4), number(1) + number(1)), "strides");
  std::string many;
  for (int i = 0; i < 65; ++i) many += number(1);
  has(tensor(storage(), number(0), many, many), "65 dimensions");
  CHECK(dict_error(tensor(storage(), number(2), number(0), number(1))) == "");
  CHECK(dict_error(tensor(storage(), number(3), "", "")) == "");

  std::string pairs;  // a thousand calls with a list of a thousand pairs that stands once in the file
  for (int i = 0; i < 1000; ++i) pairs += text("k") + "N\x86";
  std::string calls = "](" + pairs + "eq\1";
  for (int i = 0; i < 5000; ++i) calls += "ccollections\nOrderedDict\nh\1\x85R0";
  CHECK(lacks(pickle_error(calls), {"objects"}) == "");
  CHECK(lacks(pickle_error(std::string((1 << 22) + 1, '(')), {"objects"}) == "");
  CHECK(lacks(pickle_error("]q\1h\1a"), {"no dict of tensors"}) == "");        // a list in itself
  CHECK(lacks(pickle_error("}q\1" + text("a") + "h\1s"), {"no dict"}) == "");  // a dict in itself
  CHECK(lacks(pickle_error("}q\1" + text("a") + "h\1s" + text("w") + one_tensor() + "s"), {"\"a\" beside others"}) ==
        "");
  std::string nested = "}";
  for (int i = 0; i < 20000; ++i) nested += text("a") + "}";
  CHECK(lacks(pickle_error(nested + text("w") + one_tensor() + std::string(20001, 's')), {"no dict of tensors"}) == "");
}

TEST_CASE("torch: archives that are none") {
  const std::string pickle = "\x80\x02}" + text("w") + one_tensor() + "s.", data(16, '\1');
  CHECK(read_error(Zip().add("a/data.pkl", pickle).add("a/data/0", data).bytes()) == "");
  CHECK(read_error(Zip().add("a/data.pkl", pickle).add("a/data/0", data).add("a/byteorder", "little").bytes()) == "");
  CHECK(lacks(read_error(Zip().add("a/data.pkl", pickle).add("a/data/0", data).add("a/byteorder", "big").bytes()),
              {"big-endian"}) == "");
  CHECK(lacks(read_error(Zip().add("a/data.pkl", pickle).add("a/data/0", data).add("a/constants.pkl", "").bytes()),
              {"TorchScript"}) == "");
  CHECK(lacks(read_error(Zip().add("a/data.pkl", pickle).add("b/data.pkl", pickle).bytes()),
              {"a/data.pkl and b/data.pkl"}) == "");
  CHECK(lacks(read_error(Zip().add("a/b/data.pkl", pickle).bytes()), {"no data.pkl"}) == "");
  CHECK(lacks(read_error(Zip().add("a/data.pkl", pickle, 8).bytes()), {"a/data.pkl", "compressed", "method 8"}) == "");
  CHECK(lacks(read_error(Zip().add("a/data.pkl", pickle, 0, 1).bytes()), {"encrypted"}) == "");
  CHECK(lacks(read_error(Zip().add("a/data.pkl", pickle).add("a/data.pkl", pickle).bytes()), {"a/data.pkl is twice"}) ==
        "");
  CHECK(lacks(read_error(Zip().add("a/data.pkl", pickle, 0, 0, "b/data.pkl").bytes()), {"another name"}) == "");
  CHECK(lacks(read_error("PK\x03\x04"), {"directory", "missing"}) == "");
  Zip overlapping;
  overlapping.add("a/data.pkl", pickle).add("a/data/0", data);
  overlapping.directory.replace(overlapping.directory.rfind("PK") + 42, 4, little<std::uint32_t>(0));
  CHECK(lacks(read_error(overlapping.bytes()), {"another name"}) == "");
  Zip twofold;  // one entry's content is another entry
  const std::string inner = Zip().add("a/data/0", data).archive;
  twofold.add("a/data.pkl", pickle).add("a/outer", inner).add("a/data/0", data);
  twofold.directory.replace(twofold.directory.rfind("PK") + 42, 4,
                            little(static_cast<std::uint32_t>(twofold.archive.find(inner))));
  CHECK(lacks(read_error(twofold.bytes()), {"a/outer overlaps"}) == "");
}

TEST_CASE("torch: cut off anywhere, any byte changed") {
  for (const char* name : {"protocol4.bin", "older.bin"}) {
    const std::string whole = get(golden / name);
    int refused = 0;
    for (std::size_t size = 0; size < whole.size(); ++size) refused += !read_error(whole.substr(0, size)).empty();
    CHECK(refused == static_cast<int>(whole.size()));
    refused = 0;
    for (std::size_t at = 0; at < whole.size(); ++at) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ (1 << at % 8));
      refused += !read_error(changed).empty();
    }
    CHECK(refused > 500);
  }
}

TEST_CASE("torch: a checkpoint of one file, of shards, and safetensors before both") {
  const Temporary folder;
  fs::copy(golden / "older.bin", folder / "pytorch_model.bin");
  CHECK(Checkpoint::open(folder.path()).at("row").values<float>() == std::vector<float>{1, 1.125, 1.25, 1.375});
  CHECK(Checkpoint::open(folder / "pytorch_model.bin").names().size() == 17);
  fs::remove(folder / "pytorch_model.bin");

  const auto index = folder / "pytorch_model.bin.index.json";
  const auto with = [&](const std::string& map) {
    put(index, R"({"weight_map":{)" + map + "}}");
    return error_of([&] { Checkpoint::open(folder.path()); });
  };
  put(folder / "one.bin", file_of("}" + text("a") + one_tensor() + "s"));
  put(folder / "two.bin", file_of("}" + text("b") + one_tensor() + "s"));
  CHECK(with(R"("a":"one.bin","b":"two.bin")") == "");
  CHECK(Checkpoint::open(folder.path()).names() == std::vector<std::string>{"a", "b"});
  CHECK(Checkpoint::open(folder.path()).metadata().empty());
  CHECK(lacks(with(R"("a":"one.bin","c":"two.bin")"), {"\"b\"", "not listed"}) == "");
  CHECK(lacks(with(R"("a":"one.bin","c":"one.bin","b":"two.bin")"), {"\"c\"", "does not hold it"}) == "");
  CHECK(lacks(with(R"("a":"../one.bin")"), {"same folder"}) == "");
  CHECK(lacks(with(R"("a":"one.bin","b":"three.bin")"), {"three.bin"}) == "");

  const float value = 7;
  const NamedTensor other{"c", DType::F32, {1}, &value};
  write_safetensors(folder / "model.safetensors", std::span(&other, 1));
  CHECK(Checkpoint::open(folder.path()).names() == std::vector<std::string>{"c"});
}

TEST_CASE("torch: an adapter") {
  const Temporary folder;
  const std::string start = "base_model.model.a.query.lora_";
  const auto row = tensor(storage(), number(0), number(1) + number(4), number(4) + number(1));
  const auto column = tensor(storage(), number(0), number(4) + number(1), number(1) + number(1));
  put(folder / "adapter_config.json", R"({"peft_type":"LORA","r":1,"lora_alpha":2,"target_modules":["query"]})");
  put(folder / "adapter_model.bin",
      file_of("}" + text(start + "A.weight") + row + "s" + text(start + "B.weight") + column + "s"));
  const auto lora = load_peft_lora(folder.path());
  REQUIRE(lora.modules.size() == 1);
  CHECK(lora.modules[0].in == 4);
  CHECK(lora.modules[0].out == 4);
}
