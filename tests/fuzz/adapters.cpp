// SPDX-License-Identifier: Apache-2.0
// Adapters of Hugging Face PEFT.
#include <peft/io/json.hpp>
#include <peft/io/peft_carried.hpp>
#include <peft/io/peft_format.hpp>
#include <peft/io/peft_head.hpp>
#include <peft/io/peft_load.hpp>
#include <peft/io/peft_names.hpp>
#include <peft/io/safetensors_write.hpp>

#include <memory>
#include <optional>
#include <string>

#include "targets.hpp"

namespace fuzz {

namespace {

using namespace peft;

void sound(const PeftLora& lora) {
  for (const auto& m : lora.modules)
    expect(m.A.size() == std::size_t(m.rank) * std::size_t(m.in) &&
           m.B.size() == std::size_t(m.out) * std::size_t(m.rank));
}

/// A config, and behind a zero byte the names of tensors, a line each, whose first two letters are their shape: names
/// are settled, and what is read must fit its own sizes and those of a backbone of 4 words.
void names(std::string_view bytes) {
  const auto given = parts(bytes, 2);
  PeftAdapter a{parse_json(given[0], "fuzz"), {}, "fuzz"};
  a.kind();
  for (const char* patterns : {"rank_pattern", "alpha_pattern"})
    a.key_order[patterns] = keys_of_member(given[0], patterns);
  for (std::string_view rest = given[1]; rest.size() > 2 && a.tensors.size() < 32;) {
    const std::size_t stop = std::min(rest.find('\n'), rest.size());
    if (stop < 2) break;
    const std::int64_t rows = rest[0] & 7, cols = rest[1] & 7;
    a.add(std::string(rest.substr(2, stop - 2)), {rows, cols},
          std::vector<float>(static_cast<std::size_t>(rows * cols), 1));
    rest.remove_prefix(std::min(stop + 1, rest.size()));
  }
  settle_names(a);
  settle_names(a, {"model.", {"layers", "embed_tokens"}});
  attempt([&] {
    PeftAdapter whole = a;
    settle_head(whole, {"classifier"},
                [](const std::string& name) { return std::optional(HostTensor{name, {2, 3}, std::vector<float>(6)}); });
  });
  const auto shared = std::make_shared<const PeftAdapter>(a);
  for (const bool tied : {false, true}) {
    const auto has = [&](const std::string& name) {
      return name == "model.embed_tokens.weight" || (!tied && name == "lm_head.weight");
    };
    const auto read = [&](const std::string& name) {
      require(has(name), name);
      return HostTensor{name, {4, 2}, std::vector<float>(8)};
    };
    attempt([&] {
      for (const auto& t : carried_by(shared, {has, read, "model.embed_tokens", "lm_head", tied, "base"}).tensors)
        expect(t.shape == std::vector<std::int64_t>{4, 2} && t.data.size() == 8);
    });
  }
  sound(lora_of(a));
}

/// A good adapter in a folder, one file of which is the input.
void changed(std::string_view file, std::string_view bytes) {
  const Folder folder;
  const std::vector<float> values(8, 0.5f);
  const NamedTensor tensors[] = {{"base_model.model.a.query.lora_A.weight", DType::F32, {2, 3}, values.data()},
                                 {"base_model.model.a.query.lora_B.weight", DType::F32, {4, 2}, values.data()},
                                 {"base_model.model.classifier.weight", DType::F32, {2, 4}, values.data()}};
  write_safetensors(folder.path() / "adapter_model.safetensors", tensors);
  folder.put(
      "adapter_config.json",
      R"({"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["query"], "modules_to_save": ["classifier"]})");
  folder.put(file, bytes);
  PeftAdapter adapter = load_peft(folder.path());
  attempt([&] { check_common(adapter.fields()); });
  settle_head(adapter, {"classifier"},
              [](const std::string& name) { return std::optional(HostTensor{name, {2, 4}, std::vector<float>(8)}); });
  sound(lora_of(adapter));
}

}  // namespace

const std::vector<Target> adapter_targets = {
    {"peft_names", names},
    {"peft_config", [](std::string_view bytes) { changed("adapter_config.json", bytes); }},
    {"peft_tensors", [](std::string_view bytes) { changed("adapter_model.safetensors", bytes); }},
};

}  // namespace fuzz
