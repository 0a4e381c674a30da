// SPDX-License-Identifier: Apache-2.0
// Configs, tensors, patterns, names of classes, folders of models.
#include <peft/io/checkpoint.hpp>
#include <peft/io/config.hpp>
#include <peft/io/config/generation.hpp>
#include <peft/io/config/model_type.hpp>
#include <peft/io/delta_file.hpp>
#include <peft/io/hub_cache.hpp>
#include <peft/io/json.hpp>
#include <peft/io/label_text.hpp>
#include <peft/io/model_folder.hpp>
#include <peft/io/regex.hpp>
#include <peft/io/safetensors_header.hpp>
#include <peft/io/safetensors_write.hpp>
#include <peft/io/torch/torch_file.hpp>
#include <peft/text/unicode/utf8.hpp>

#include <cstdlib>
#include <string>

#include "targets.hpp"

namespace fuzz {

namespace {

using namespace peft;

/// A tensor has as many bytes as its shape says, and all of them can be read.
void sound(const TensorRef& tensor) {
  std::int64_t count = 1;
  for (const std::int64_t extent : tensor.shape) count *= extent;
  expect(count == tensor.size());
  expect(tensor.values<float>().size() == static_cast<std::size_t>(count));
}

void json(std::string_view bytes) {
  const auto document = parse_json(bytes, "fuzz");
  attempt([&] { expect(parse_json(to_text(document, -1, "fuzz"), "again") == document); });
}

void safetensors(std::string_view bytes) {
  for (const auto& tensor : read_safetensors_header(std::as_bytes(std::span(bytes)), "fuzz").tensors) sound(tensor);
}

void torch(std::string_view bytes) {
  for (const auto& tensor : read_torch_file(std::as_bytes(std::span(bytes)), "fuzz").tensors) sound(tensor);
}

/// A config.json, read by every family; what they take has sizes that fit each other.
void config(std::string_view bytes) {
  const auto read = [&](const auto&... parse) {
    (attempt([&] {
       const auto c = parse(bytes, "fuzz");
       expect(c.vocab_size > 0 && c.num_labels > 0);
     }),
     ...);
  };
  read(parse_bert_config, parse_roberta_config, parse_distilbert_config, parse_deberta_config, parse_gpt2_config,
       parse_llama_config, parse_t5_config);
  const Folder folder;
  folder.put("config.json", bytes);
  attempt([&] { read_model_type(folder.path()); });
  why_no_model(folder.path());
}

/// generation_config.json, and behind a zero byte config.json.
void generation(std::string_view bytes) {
  const auto files = parts(bytes, 2);
  const Folder folder;
  folder.put("generation_config.json", files[0]);
  folder.put("config.json", files[1].empty() ? R"({"model_type": "gpt2", "vocab_size": 100})" : files[1]);
  read_generation_ids(folder.path());
}

/// The list of a checkpoint's files, beside one of them.
void shards(std::string_view bytes) {
  const float values[6]{};
  const NamedTensor tensors[] = {{"a.weight", DType::F32, {2, 3}, values}, {"b", DType::BF16, {2}, values}};
  const Folder folder;
  write_safetensors(folder.path() / "a.safetensors", tensors);
  folder.put("model.safetensors.index.json", bytes);
  const auto checkpoint = Checkpoint::open(folder.path());
  for (const auto& name : checkpoint.names()) sound(checkpoint.at(name));
}

void delta(std::string_view bytes) {
  const Folder folder;
  folder.put(delta_file_name, bytes);
  for (const auto& tensor : load_delta(folder.path()).tensors) {
    std::size_t count = 1;
    for (const std::int64_t extent : tensor.shape) count *= static_cast<std::size_t>(extent);
    expect(tensor.data.size() == count);
  }
}

void labels(std::string_view bytes) {
  const auto names = from_label_text(bytes, "fuzz");
  expect(from_label_text(to_label_text(names, "fuzz"), "again") == names);
}

/// A pattern, and behind a zero byte a text: matches must lie in the text, one behind the other.
void regex(Regex::Flavour flavour, std::string_view bytes) {
  const auto given = parts(bytes, 2);
  const Regex made(given[0], flavour, "fuzz");
  const std::string text = utf8::repaired(given[1].substr(0, 2000));
  attempt([&] { made.full_match(text); });
  std::size_t at = 0;
  made.for_each_match(text, [&](Regex::Range found) {
    expect(found.begin >= at && found.end >= found.begin && found.end <= text.size());
    at = found.end;
  });
}

/// Files of a folder, their names and contents divided by zero bytes; the first of all is a model's name, looked for in
/// a cache that the folder is.
void folders(std::string_view bytes) {
  constexpr std::size_t most = 16;
  const auto given = parts(bytes, 1 + 2 * most);
  const Folder folder;
  for (std::size_t i = 1; i + 1 < given.size() && !given[i].empty(); i += 2) {
    const std::filesystem::path name(given[i]);
    if (name.is_absolute() || given[i].find("..") != given[i].npos || given[i].size() > 200) continue;
    std::error_code ignored;
    std::filesystem::create_directories((folder.path() / name).parent_path(), ignored);
    folder.put(given[i], given[i + 1]);
  }
  setenv("HF_HUB_CACHE", folder.path().c_str(), 1);
  attempt([&] { read_model_type(resolve_model(std::string(given[0]))); });
  why_no_model(folder.path());
  attempt([&] { check_model_folder(folder.path()); });
  attempt([&] { read_model_type(folder.path()); });
  attempt([&] { read_generation_ids(folder.path()); });
  Checkpoint::open(folder.path());
}

}  // namespace

const std::vector<Target> io_targets = {
    {"json", json},
    {"safetensors", safetensors},
    {"torch", torch},
    {"config", config},
    {"generation", generation},
    {"shards", shards},
    {"delta", delta},
    {"labels", labels},
    {"regex_python", [](std::string_view bytes) { regex(Regex::Flavour::python, bytes); }},
    {"regex_oniguruma", [](std::string_view bytes) { regex(Regex::Flavour::oniguruma, bytes); }},
    {"folders", folders},
};

}  // namespace fuzz
