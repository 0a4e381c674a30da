// SPDX-License-Identifier: Apache-2.0
// Methods other than plain LoRA in Hugging Face PEFT's files, there and back; tests/peer has PEFT itself read and write
// them.
#include <peft/delta/adalora.hpp>
#include <peft/delta/dora.hpp>
#include <peft/delta/ia3.hpp>
#include <peft/delta/vera.hpp>
#include <peft/io/delta_file.hpp>
#include <peft/io/peft_adalora.hpp>
#include <peft/io/peft_ia3.hpp>
#include <peft/io/peft_load.hpp>
#include <peft/io/peft_vera.hpp>
#include <peft/io/safetensors.hpp>
#include <peft/model/export.hpp>

#include <nlohmann/json.hpp>

#include "model_tiny.hpp"

using namespace peft;
using nlohmann::json;
using small::disturb;
using small::logits_of;
using small::worst;

namespace {

template <class Method>
using On = Model<Bert<float>, Method>;

json adapter_config_in(const Temporary& folder) { return json::parse(get(folder / "adapter_config.json")); }

/// Saves a changed model and takes it into a method that knows nothing of it but its type.
template <class Method, class Change>
void there_and_back(const Temporary& folder, const Method& method, Change&& change, const Method& blank = {}) {
  const auto bert = Bert<float>::open(small::folder());
  On<Method> model(bert, method, Classify{3});
  disturb(model);
  change(model);
  const auto wanted = logits_of(model);
  save(model, folder.path());
  CHECK(has_delta(folder.path()) == peft_files_are_lossy<ContentsOf<On<Method>>>());
  const PeftAdapter adapter = load_peft(folder.path());
  Method fresh = blank;
  if constexpr (Method::size == 1)
    configure_from(adapter, std::get<0>(fresh.deltas));
  else
    configure_from(adapter, fresh);
  On<Method> again(bert, fresh, Classify{3}, 77);
  CHECK(worst(logits_of(again), wanted) > 0.01);
  from_adapter(again, adapter);
  CHECK(worst(logits_of(again), wanted) < 1e-5);
  // What was read is written as it was.
  const Temporary second;
  save(again, second.path());
  json was = adapter_config_in(folder), is = adapter_config_in(second);
  if (was["peft_type"] == "ADALORA")
    was.erase("rank_pattern"), is.erase("rank_pattern");  // places of what is gone are not kept
  CHECK(was == is);
  const auto tensors = load_peft(second.path()).tensors;
  REQUIRE(tensors.size() == adapter.tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    INFO(tensors[i].name);
    CHECK(tensors[i].name == adapter.tensors[i].name);
    CHECK(tensors[i].shape == adapter.tensors[i].shape);
    CHECK(tensors[i].data == adapter.tensors[i].data);
  }
}
const auto nothing = [](auto&) {};

/// What reading a changed adapter complains of.
template <class Method>
std::string refused(const Temporary& folder, const char* key, const json& value) {
  PeftAdapter adapter = load_peft(folder.path());
  adapter.config[key] = value;
  return error_of([&] {
    Method method;
    if constexpr (Method::size == 1)
      configure_from(adapter, std::get<0>(method.deltas));
    else
      configure_from(adapter, method);
    On<Method> model(Bert<float>::open(small::folder()), method, Classify{3});
    from_adapter(model, adapter);
  });
}

}  // namespace

TEST_CASE("peft files: DoRA, with rsLoRA's scale and ranks that differ", "[model][export]") {
  using Method = peft::Method<Delta<DoRA<Dynamic>, At<Linear>>>;
  Method method;
  auto& part = std::get<0>(method.deltas);
  part.mask = Query | FfnDown;
  part.delta.scaling = LoraScale::root;
  part.delta.rank = 3;
  part.delta.ranks["bert.encoder.layer.1.output.dense"] = 5;
  const Temporary folder;
  there_and_back(folder, method, nothing);
  const json config = adapter_config_in(folder);
  CHECK(config["use_dora"] == true);
  CHECK(config["use_rslora"] == true);
  CHECK(config["lora_alpha"] == 16);
  CHECK(config["rank_pattern"]["bert.encoder.layer.1.output.dense"] == 5);
  CHECK(load_peft_lora(folder.path()).modules[0].magnitude.size() == 32);
  CHECK(lacks(refused<peft::Method<Delta<LoRA<Dynamic>, At<Linear>>>>(folder, "r", 3), {"holds DoRA"}) == "");
  CHECK(lacks(refused<Method>(folder, "use_dora", false), {"lora_magnitude_vector", "DoRA"}) == "");
}

TEST_CASE("peft files: VeRA, with and without its projections", "[model][export]") {
  using Method = peft::Method<Delta<VeRA, At<Linear>>>;
  Method method;
  auto& part = std::get<0>(method.deltas);
  part.mask = Query | FfnUp | FfnDown;
  part.delta.rank = 7;
  part.delta.seed = 21;
  const Temporary folder;
  there_and_back(folder, method, nothing);
  const json config = adapter_config_in(folder);
  CHECK(config["peft_type"] == "VERA");
  CHECK(config["projection_prng_key"] == 21);
  CHECK(config["target_modules"].size() == 9);
  // The numbers of the key are those that are stored.
  On<Method> untouched(Bert<float>::open(small::folder()), method, Classify{3});
  PeftAdapter adapter = to_adapter(untouched, "");
  const auto with = std::find_if(adapter.tensors.begin(), adapter.tensors.end(),
                                 [](const auto& t) { return t.name == "base_model.vera_A"; });
  REQUIRE(with != adapter.tensors.end());
  CHECK(with->shape == std::vector<std::int64_t>{7, 64});
  std::vector<HostTensor> both;
  for (const bool stored : {true, false}) {
    if (!stored) std::erase_if(adapter.tensors, [](const auto& t) { return t.name.starts_with("base_model.vera_"); });
    Method fresh;
    configure_from(adapter, std::get<0>(fresh.deltas));
    On<Method> model(Bert<float>::open(small::folder()), fresh, Classify{3});
    from_adapter(model, adapter);
    both.push_back(tensors_of(model, [](const Field& f) { return f.name == "shared.vera_B"; }).at(0));
  }
  CHECK(both[0].data == both[1].data);
  CHECK(refused<Method>(folder, "bias", "all") == "");
  CHECK(lacks(refused<Method>(folder, "r", 8), {"vera_lambda_d", "(7)", "(8)"}) == "");
  CHECK(lacks(refused<Method>(folder, "peft_type", "IA3"), {"peft_type", "VERA"}) == "");
}

TEST_CASE("peft files: (IA)^3", "[model][export]") {
  const Temporary folder;
  there_and_back(folder, IA3{}, nothing);
  const json config = adapter_config_in(folder);
  CHECK(config["target_modules"].size() == 9);
  CHECK(config["feedforward_modules"].size() == 3);
  const auto file = SafeTensors::open(folder / "adapter_model.safetensors");
  CHECK(file.at("base_model.model.bert.encoder.layer.0.attention.self.key.ia3_l").shape ==
        std::vector<std::int64_t>{32, 1});
  CHECK(file.at("base_model.model.bert.encoder.layer.0.output.dense.ia3_l").shape == std::vector<std::int64_t>{1, 64});
  CHECK(refused<IA3>(folder, "fan_in_fan_out", true) == "");
  CHECK(lacks(refused<IA3>(folder, "modules_to_save", json::array({"other"})), {}) == "");
}

TEST_CASE("peft files: AdaLoRA, some of its triplets gone, and a whole module's", "[model][export]") {
  using Method = peft::Method<Delta<AdaLoRA<>, At<Linear>>>;
  Method method;
  auto& part = std::get<0>(method.deltas);
  part.mask = Query | FfnUp;
  part.delta.rank = 4;
  part.delta.target = 2;
  part.delta.alpha = 9;
  const Temporary folder;
  there_and_back(folder, method, [](auto& model) {
    int module = 0;
    for (const Field& f : model.layout().fields())
      if (f.name.ends_with("lora_E")) {
        auto e = model.read(f);
        for (int j = 0; j < module % 4; ++j) e[std::size_t((j + module) % 4)] = 0;
        if (module == 1) e.assign(4, 0.f);
        model.write(f, e);
        ++module;
      }
  });
  const json config = adapter_config_in(folder);
  CHECK(config["target_modules"].size() == 5);
  CHECK(config["init_r"] == 4);
  CHECK(config["lora_alpha"] == 9);
  int left = 0;
  for (const auto& [path, pattern] : config["rank_pattern"].items()) {
    CHECK(pattern.size() == 4);
    for (const bool kept : pattern) left += kept;
  }
  CHECK(left == 4 + 2 + 1 + 4 + 3);
  CHECK(lacks(refused<Method>(folder, "init_r", 2), {"lora_E", "up to 2"}) == "");
  // Untrained, every value is zero and none is missing.
  const Temporary fresh;
  On<Method> model(Bert<float>::open(small::folder()), method, Classify{3});
  save(model, fresh.path());
  CHECK(adapter_config_in(fresh)["target_modules"].size() == 6);
}
