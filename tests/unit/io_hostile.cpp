// SPDX-License-Identifier: Apache-2.0
// Every reader on damaged files: cut off anywhere, any bit flipped, and thousands of seeded mutations. Each must load
// something consistent or throw peft::Error; the sanitizer builds see everything else.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <peft/io/checkpoint.hpp>
#include <peft/io/checksum.hpp>
#include <peft/io/config.hpp>
#include <peft/io/delta_file.hpp>
#include <peft/io/json.hpp>
#include <peft/io/peft_format.hpp>
#include <peft/io/regex.hpp>
#include <peft/io/safetensors.hpp>
#include <peft/io/safetensors_header.hpp>
#include <peft/io/safetensors_write.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "io_foreign.hpp"
#include "io_temporary.hpp"

using namespace peft;

namespace {

struct Counts {
  int loaded = 0, refused = 0, wrong = 0;
};

// Reads the bytes from a block of exactly their size, so that a sanitizer sees one byte too many.
void read_bytes(const std::string& bytes, Counts& counts) {
  const auto block = std::make_unique<std::byte[]>(bytes.size());
  std::memcpy(block.get(), bytes.data(), bytes.size());
  try {
    const auto header = read_safetensors_header({block.get(), bytes.size()}, "file");
    ++counts.loaded;
    for (const auto& tensor : header.tensors) {
      const std::byte *begin = tensor.bytes.data(), *end = begin + tensor.bytes.size();
      std::uint64_t size = size_of(tensor.dtype);
      for (const auto extent : tensor.shape) size *= static_cast<std::uint64_t>(extent);
      counts.wrong += begin < block.get() + 8 || end > block.get() + bytes.size() || size != tensor.bytes.size();
      counts.wrong += static_cast<std::int64_t>(tensor.values<float>().size()) != tensor.size();
    }
  } catch (const Error&) {
    ++counts.refused;
  }
}

std::string small_file() {
  const Temporary folder;
  const std::vector<float> values{1, 2, 3, 4, 5, 6};
  const std::vector<NamedTensor> tensors{{"a.weight", DType::F32, {2, 3}, values.data()},
                                         {"b", DType::BF16, {1, 2}, values.data()},
                                         {"c", DType::Bool, {3}, values.data()}};
  write_safetensors(folder / "file", tensors);
  return get(folder / "file");
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ull + 1) {}
  std::size_t below(std::size_t n) {
    state_ ^= state_ << 13, state_ ^= state_ >> 7, state_ ^= state_ << 17;
    return static_cast<std::size_t>(state_ >> 16) % n;
  }

 private:
  std::uint64_t state_;
};

// One to four changes: bits, bytes, removed and repeated stretches, numbers and tokens that hurt.
std::string mutated(std::string text, Random& random) {
  static constexpr std::array<std::string_view, 18> tokens{"18446744073709551615",
                                                           "9223372036854775807",
                                                           "-1",
                                                           "0",
                                                           "1e308",
                                                           "4294967296",
                                                           "null",
                                                           "true",
                                                           "[]",
                                                           "{}",
                                                           "\"\"",
                                                           "[[[[[[[[",
                                                           "{\"a\":",
                                                           "\\u0000",
                                                           "\xff",
                                                           "\xc0\x80",
                                                           ",",
                                                           "\"shape\":[0]"};
  for (std::size_t changes = 1 + random.below(4); changes-- > 0 && !text.empty();) {
    const std::size_t at = random.below(text.size()), length = std::min(text.size() - at, 1 + random.below(12));
    switch (random.below(6)) {
      case 0: text[at] = static_cast<char>(text[at] ^ (1 << random.below(8))); break;
      case 1: text[at] = static_cast<char>(random.below(256)); break;
      case 2: text.erase(at, length); break;
      case 3: text.insert(at, text.substr(at, length)); break;
      case 4: text.insert(at, tokens[random.below(tokens.size())]); break;
      default: text.replace(at, length, tokens[random.below(tokens.size())]); break;
    }
  }
  return text;
}

template <class Read>
Counts mutate_many(const std::string& good, int rounds, Read&& read) {
  Counts counts;
  for (int round = 0; round < rounds; ++round) {
    Random random(static_cast<std::uint64_t>(round));
    try {
      read(mutated(good, random));
      ++counts.loaded;
    } catch (const Error&) {
      ++counts.refused;
    }
  }
  return counts;
}

}  // namespace

TEST_CASE("hostile: a safetensors file cut off anywhere is refused") {
  const std::string good = small_file(), path = "file";
  const Temporary folder;
  Counts counts;
  read_bytes(good, counts);
  REQUIRE(counts.loaded == 1);
  for (std::size_t length = 0; length < good.size(); ++length) {
    read_bytes(good.substr(0, length), counts);
    put(folder / path, good.substr(0, length));
    CHECK_THROWS_AS(SafeTensors::open(folder / path), Error);
  }
  CHECK(counts.loaded == 1);
  CHECK(counts.refused == static_cast<int>(good.size()));
  CHECK(counts.wrong == 0);
}

TEST_CASE("hostile: a safetensors file with any bit flipped loads consistently or is refused") {
  const std::string good = small_file();
  Counts counts;
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    read_bytes(bad, counts);
  }
  CHECK(counts.wrong == 0);
  CHECK(counts.loaded > 100);   // flips in names and data are no errors
  CHECK(counts.refused > 800);  // flips in the structure are
}

TEST_CASE("hostile: mutated safetensors headers") {
  const std::string good = small_file();
  const std::string header = good.substr(8, static_cast<unsigned char>(good[0])), data = good.substr(8 + header.size());
  Counts counts;
  for (int round = 0; round < 20000; ++round) {
    Random random(static_cast<std::uint64_t>(round));
    const std::string bad = mutated(header, random);
    read_bytes(safetensors_bytes(bad, 0) + data, counts);
  }
  CHECK(counts.wrong == 0);
  CHECK(counts.loaded > 20);
  CHECK(counts.refused > 10000);
}

TEST_CASE("hostile: mutated JSON, configs and patterns") {
  const std::string config = R"({"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12,
    "intermediate_size": 1536, "vocab_size": 30522, "hidden_act": "gelu", "layer_norm_eps": 1e-12,
    "id2label": {"0": "bad", "1": "good"}, "label2id": {"bad": 0, "good": 1}, "architectures": ["Bert"]})";
  const auto documents = mutate_many(config, 20000, [](const std::string& text) { parse_json(text, "f"); });
  CHECK(documents.loaded > 100);
  CHECK(documents.refused > 10000);
  Counts shapes;
  const auto configs = mutate_many(config, 20000, [&](const std::string& text) {
    const BertConfig c = parse_bert_config(text, "f");
    shapes.wrong += c.hidden_size < 1 || c.num_attention_heads < 1 || c.hidden_size % c.num_attention_heads != 0;
    shapes.wrong += c.num_labels < 1 || c.vocab_size < 1 || c.num_hidden_layers < 1 || c.layer_norm_eps <= 0;
  });
  CHECK(configs.loaded > 100);
  CHECK(configs.refused > 10000);
  CHECK(shapes.wrong == 0);
  const auto patterns =
      mutate_many(R"((.*\.)?(layer\.([0-9]|1[01])\.(attn|ffn){1,2}\.\w+)$)", 5000, [](const std::string& t) {
        Regex(t, Regex::Flavour::python, "f").full_match("bert.encoder.layer.11.attention.self.query");
      });
  CHECK(patterns.refused > 100);
#ifdef PEFT_HAS_PCRE2
  CHECK(patterns.loaded > 100);
#endif
}

/// The file without a checksum, which would refuse what is mutated before anybody reads it.
std::string of_another_program(std::string text) {
  return text.replace(text.find(checksum_key), checksum_key.size(), checksum_key.size(), 'x');
}

TEST_CASE("hostile: mutated adapters, indices and deltas") {
  const Temporary folder;
  PeftLora lora;
  lora.modules = {{"a.query", 1, 2, 2, 1, {1, 2}, {3, 4}}, {"b.query", 2, 2, 1, 8, {1, 2, 3, 4}, {5, 6}}};
  lora.head = {{"classifier.weight", {1, 2}, {1, 2}}};
  save_peft_lora(folder.path(), lora);
  Counts shapes;
  const auto load = [&](const std::filesystem::path& changed) {
    return [&, changed](const std::string& text) {
      put(changed, text);
      for (const auto& m : load_peft_lora(folder.path()).modules)
        shapes.wrong += static_cast<int>(m.A.size()) != m.rank * m.in || static_cast<int>(m.B.size()) != m.rank * m.out;
    };
  };
  const auto config_file = folder / "adapter_config.json", tensor_file = folder / "adapter_model.safetensors";
  make_foreign(tensor_file);  // or nearly every change of the config is refused for that
  const std::string config = get(config_file), tensors = get(tensor_file);
  const auto configs = mutate_many(config, 3000, load(config_file));
  put(config_file, config);
  const auto files = mutate_many(of_another_program(tensors), 3000, load(tensor_file));
  CHECK(configs.loaded > 20);
  CHECK(configs.refused > 1000);
  CHECK(files.loaded > 20);
  CHECK(files.refused > 1000);
  CHECK(shapes.wrong == 0);

  save_delta(folder.path(), {"m", {{"rank", "8"}}, {{"a", {2}, {1, 2}}}});
  const auto deltas =
      mutate_many(of_another_program(get(folder / delta_file_name)), 3000, [&](const std::string& bytes) {
        put(folder / delta_file_name, bytes);
        load_delta(folder.path());
      });
  CHECK(deltas.refused > 1000);

  const auto index = folder / "model.safetensors.index.json";
  put(folder / "one.safetensors", small_file());
  const std::string map =
      R"({"weight_map": {"a.weight": "one.safetensors", "b": "one.safetensors", "c": "one.safetensors"}})";
  put(index, map);
  CHECK(Checkpoint::open(folder.path()).names().size() == 3);
  const auto indices = mutate_many(map, 3000, [&](const std::string& text) {
    put(index, text);
    Checkpoint::open(folder.path());
  });
  CHECK(indices.refused > 1000);
}
