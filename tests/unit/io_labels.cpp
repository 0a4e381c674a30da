// SPDX-License-Identifier: Apache-2.0
// Names of classes beside a saved head.
#include <nlohmann/json.hpp>
#include <peft/io/label_text.hpp>
#include <peft/io/peft_format.hpp>
#include <peft/io/safetensors.hpp>
#include <peft/io/safetensors_write.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "io_temporary.hpp"

using namespace peft;
using Names = std::vector<std::string>;

namespace {

PeftLora tiny(HeadLabels labels) {
  PeftLora lora;
  lora.modules.push_back({"bert.encoder.layer.0.attention.self.query", 1, 2, 2, 1, {1, 2}, {3, 4}});
  lora.head.push_back({"classifier.bias", {2}, {1, 2}});
  lora.labels = std::move(labels);
  return lora;
}

}  // namespace

TEST_CASE("Names of classes as text and back", "[io]") {
  for (const Names& names : {Names{}, Names{"negative", "positive"}, Names{"a \"quoted\"", "ä,\n", "", "3"}})
    CHECK(from_label_text(to_label_text(names, "here"), "here") == names);
  CHECK(to_label_text({"no", "yes"}, "here") == "[\"no\",\"yes\"]");
  CHECK(lacks(error_of([] { to_label_text({"\xff"}, "the file"); }), {"the file"}) == "");
  for (const char* text : {"", "{}", "null", "[1]", "[\"a\", null]", "[\"a\", \"a\"]", "[\"a\"", "[[\"a\"]]"}) {
    INFO(text);
    CHECK(lacks(error_of([&] { from_label_text(text, "the file: labels"); }), {"the file: labels"}) == "");
  }
}

TEST_CASE("An adapter keeps the names of its head's classes beside its tensors", "[io]") {
  const Temporary folder;
  for (const HeadLabels& labels : {HeadLabels{}, HeadLabels{Names{}}, HeadLabels{Names{"no", "yes"}}}) {
    save_peft_lora(folder.path(), tiny(labels));
    CHECK(load_peft(folder.path()).labels == labels);
    CHECK(load_peft_lora(folder.path()).labels == labels);
  }
  // Where PEFT itself does not look: its config has no key that a version of it does not know.
  CHECK_FALSE(nlohmann::json::parse(get(folder / "adapter_config.json")).contains("labels"));
  CHECK(SafeTensors::open(folder / "adapter_model.safetensors").metadata().at("format") == "pt");
  write_safetensors(folder / "adapter_model.safetensors", {}, {{"format", "pt"}, {"labels", "[1]"}});
  CHECK(lacks(error_of([&] { load_peft(folder.path()); }), {"adapter_model.safetensors: labels", "1"}) == "");
}
