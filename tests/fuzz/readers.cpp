// SPDX-License-Identifier: Apache-2.0
// Readers of files that are not trusted, fed with whatever libFuzzer makes up. The first byte says which; a reader may refuse
// with an Error, and with nothing else. Run by run.py.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <peft/data/read_choice.hpp>
#include <peft/data/read_conll.hpp>
#include <peft/data/read_csv.hpp>
#include <peft/data/read_pairs.hpp>
#include <peft/io/config.hpp>
#include <peft/io/json.hpp>
#include <peft/io/label_text.hpp>
#include <peft/io/peft_adapter.hpp>
#include <peft/io/peft_carried.hpp>
#include <peft/io/peft_head.hpp>
#include <peft/io/peft_load.hpp>
#include <peft/io/peft_names.hpp>
#include <peft/io/regex.hpp>
#include <peft/io/safetensors_header.hpp>
#include <peft/io/torch/torch_file.hpp>
#include <peft/text/tokenizer.hpp>
#include <peft/text/unicode/utf8.hpp>

namespace {

namespace fs = std::filesystem;

const fs::path& folder() {
  static const fs::path made = [] {
    std::string name = (fs::exists("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path()) / "peft_fuzz_XXXXXX";
    if (mkdtemp(name.data()) == nullptr) std::abort();
    return fs::path(name);
  }();
  return made;
}

/// A file that is there as long as this.
struct File {
  fs::path path;
  File(const char* name, std::string_view bytes) : path(folder() / name) { std::ofstream(path, std::ios::binary) << bytes; }
  File(const File&) = delete;
  ~File() { fs::remove(path); }
};

/// Whatever a file of examples holds, a target is a class that has a name.
void examples(const peft::Dataset& data) {
  for (const peft::Example& example : data.examples)
    if (data.labelled && !data.regression && !(example.target >= 0 && example.target < static_cast<double>(data.label_names.size()))) std::abort();
  for (const auto& sentence : data.tags)
    for (const std::int32_t tag : sentence)
      if (tag >= static_cast<std::int32_t>(data.label_names.size())) std::abort();
}

/// A table, read as each task reads it. Reading it again by what it has decided is the same.
void table(const char* name, std::string_view bytes) {
  using namespace peft;
  const File file(name, bytes);
  const auto quietly = [](auto&& action) {
    try {
      action();
    } catch (const Error&) {
    }
  };
  quietly([&] { read_pairs_file(file.path, "train", {}, Labels::Optional); });
  quietly([&] { examples(read_choice_file(file.path, Labels::Optional)); });
  quietly([&] { read_csv_file(file.path, Labels::Required, nullptr, LabelKind::Classes); });
  const Dataset train = read_csv_file(file.path, Labels::Optional);
  examples(train);
  const Dataset again = read_csv_file(file.path, Labels::Optional, &train);
  for (std::size_t i = 0; i < train.examples.size(); ++i)
    if (again.examples.at(i).target != train.examples[i].target) std::abort();
}

void words(std::string_view bytes) {
  const File file("train.conll", bytes);
  const peft::Dataset train = peft::read_conll_file(file.path, peft::Labels::Optional);
  examples(train);
  if (peft::read_conll_file(file.path, peft::Labels::Optional, &train).tags != train.tags) std::abort();
}

/// A tokenizer of one file must cope with any text, and its ids must be rows of the embedding that it asks for.
void tokenizer(const char* file, std::string_view bytes) {
  const File there(file, bytes);
  const auto t = peft::Tokenizer::open(folder());
  const std::string text = "The quick, brown f\xc3\xb6x [SEP] \xe4\xbd\xa0\xe5\xa5\xbd\xff  isn't </s> 123\t" + std::string(bytes.substr(0, 64));
  const auto ids = t.ids(text);
  for (const std::int32_t id : ids)
    if (id < 0 || static_cast<std::size_t>(id) >= t.vocab_size()) std::abort();
  t.decode(ids);
  t.encode(text, "other", 16);
}

/// A config.json, read by every family.
void configs(std::string_view bytes) {
  peft::to_text(peft::parse_json(bytes, "fuzz"), -1, "fuzz");
  const auto read = [&](const auto&... parse) {
    const auto one = [&](const auto& p) {
      try {
        p(bytes, "fuzz");
      } catch (const peft::Error&) {
      }
    };
    (one(parse), ...);
  };
  read(peft::parse_bert_config, peft::parse_roberta_config, peft::parse_distilbert_config, peft::parse_deberta_config, peft::parse_gpt2_config, peft::parse_llama_config,
       peft::parse_t5_config);
}

/// A pattern, the rest of whose bytes is a text: matches must lie in the text, one behind the other.
void regex(peft::Regex::Flavour flavour, std::string_view bytes) {
  const auto end = std::min(bytes.find('\0'), bytes.size());
  const peft::Regex made(bytes.substr(0, end), flavour, "fuzz");
  const std::string text = peft::utf8::repaired(bytes.substr(end, 2000));
  made.full_match(text);
  std::size_t at = 0;
  made.for_each_match(text, [&](peft::Regex::Range found) {
    if (found.begin < at || found.end < found.begin || found.end > text.size()) std::abort();
    at = found.end;
  });
}

/// A tensor has as many bytes as its shape says, and all of them can be read.
void torch_file(std::string_view bytes) {
  for (const auto& tensor : peft::read_torch_file(std::as_bytes(std::span(bytes)), "fuzz").tensors) {
    std::int64_t count = 1;
    for (const std::int64_t extent : tensor.shape) count *= extent;
    if (count != tensor.size()) std::abort();
    tensor.values<float>();
  }
}

/// A config, and behind it the names of tensors, a line each, whose first two letters are their shape: names are settled, and what is
/// read must fit its own sizes and those of a backbone of 4 words.
void adapter(std::string_view bytes) {
  const auto end = std::min(bytes.find('\0'), bytes.size());
  peft::PeftAdapter a{peft::parse_json(bytes.substr(0, end), "fuzz"), {}, "fuzz"};
  a.kind();
  for (const char* patterns : {"rank_pattern", "alpha_pattern"}) a.key_order[patterns] = peft::keys_of_member(bytes.substr(0, end), patterns);
  for (std::size_t at = end + 1; at + 2 < bytes.size() && a.tensors.size() < 32;) {
    const std::size_t stop = std::min(bytes.find('\n', at), bytes.size());
    if (stop < at + 2) break;
    const std::int64_t rows = bytes[at] & 7, cols = bytes[at + 1] & 7;
    a.add(std::string(bytes.substr(at + 2, stop - at - 2)), {rows, cols}, std::vector<float>(static_cast<std::size_t>(rows * cols), 1));
    at = stop + 1;
  }
  peft::settle_names(a);
  peft::settle_names(a, {"model.", {"layers", "embed_tokens"}});
  try {
    peft::PeftAdapter whole = a;
    peft::settle_head(whole, {"classifier"}, [](const std::string& name) { return std::optional(peft::HostTensor{name, {2, 3}, std::vector<float>(6)}); });
  } catch (const peft::Error&) {  // the rest has its turn
  }
  const auto shared = std::make_shared<const peft::PeftAdapter>(a);
  for (const bool tied : {false, true}) {
    const auto has = [&](const std::string& name) { return name == "model.embed_tokens.weight" || (!tied && name == "lm_head.weight"); };
    const auto read = [&](const std::string& name) {
      peft::require(has(name), name);
      return peft::HostTensor{name, {4, 2}, std::vector<float>(8)};
    };
    try {
      for (const auto& t : peft::carried_by(shared, {has, read, "model.embed_tokens", "lm_head", tied, "base"}).tensors)
        if (t.shape != std::vector<std::int64_t>{4, 2} || t.data.size() != 8) std::abort();
    } catch (const peft::Error&) {
    }
  }
  for (const auto& m : peft::lora_of(a).modules)
    if (m.A.size() != std::size_t(m.rank) * std::size_t(m.in) || m.B.size() != std::size_t(m.out) * std::size_t(m.rank)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    switch (data[0] % 13) {
      case 0: peft::read_safetensors_header(std::as_bytes(std::span(bytes)), "fuzz"); break;
      case 1: configs(bytes); break;
      case 2: tokenizer("tokenizer.json", bytes); break;
      case 3: tokenizer("spiece.model", bytes); break;
      case 4: tokenizer("vocab.txt", bytes); break;
      case 5: regex(peft::Regex::Flavour::python, bytes); break;
      case 6: regex(peft::Regex::Flavour::oniguruma, bytes); break;
      case 7: torch_file(bytes); break;
      case 8: table("train.csv", bytes); break;
      case 9: table("train.jsonl", bytes); break;
      case 10: words(bytes); break;
      case 11: adapter(bytes); break;
      case 12: peft::to_label_text(peft::from_label_text(bytes, "fuzz"), "fuzz"); break;
    }
  } catch (const peft::Error&) {
  }
  return 0;
}
