// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/bias.hpp>
#include <peft/delta/lora.hpp>

#include "model_tiny.hpp"

using namespace peft;

namespace {

using HeadOnly = Model<Bert<float>, Method<>>;
const char* query = "bert.encoder.layer.1.attention.self.query.weight";

template <class Method, class Task = Classify>
std::string attach(Method method, Task task = Task{3}) {
  return error_of([&] { Model<Bert<float>, Method, Task>(Bert<float>::open(small::folder()), method, task); });
}

}  // namespace

TEST_CASE("a checkpoint is loaded whole or not at all", "[model]") {
  small::Checkpoint c;
  REQUIRE(c.error() == "");
  SECTION("a missing tensor") {
    c.tensors.erase(query);
    CHECK(lacks(c.error(), {query, "is missing", c.copy.path().string()}) == "");
  }
  SECTION("a layer beyond their count") {
    c.tensors["bert.encoder.layer.3.output.dense.bias"] = c.tensors["bert.encoder.layer.2.output.dense.bias"];
    CHECK(lacks(c.error(), {"bert.encoder.layer.3.output.dense.bias", "layer 3", "num_hidden_layers", "is 3"}) == "");
  }
  SECTION("a wrong shape") {
    c.tensors[query].shape = {16, 64};
    CHECK(lacks(c.error(), {query, "(16, 64)", "(32, 32)"}) == "");
    c.tensors[query].shape = {1024};
    CHECK(lacks(c.error(), {query, "(1024)", "(32, 32)"}) == "");
  }
  SECTION("a wrong dtype") {
    c.tensors[query].dtype = DType::I32;
    CHECK(lacks(c.error(), {query, "I32", "F16"}) == "");
  }
  SECTION("a config of another size") {
    std::string config = get(c.copy / "config.json");
    const auto change = [&](const std::string& from, const std::string& to) {
      std::string changed = config;
      changed.replace(changed.find(from), from.size(), to);
      put(c.copy / "config.json", changed);
      return c.error();
    };
    CHECK(lacks(change("\"num_hidden_layers\": 3", "\"num_hidden_layers\": 2"),
                {"bert.encoder.layer.2", "layer 2", "num_hidden_layers", "is 2"}) == "");
    CHECK(lacks(change("\"num_hidden_layers\": 3", "\"num_hidden_layers\": 4"),
                {"bert.encoder.layer.3", "is missing"}) == "");
    CHECK(lacks(change("\"vocab_size\": 96", "\"vocab_size\": 97"),
                {"word_embeddings.weight", "(96, 32)", "(97, 32)"}) == "");
    CHECK(lacks(change("\"num_attention_heads\": 4", "\"num_attention_heads\": 5"), {"num_attention_heads"}) == "");
  }
  SECTION("no folder, no files") {
    CHECK(lacks(error_of([&] { Bert<float>::open(c.copy / "nowhere"); }), {"nowhere"}) == "");
    c.write();
    std::filesystem::remove(c.copy / "model.safetensors");
    CHECK(lacks(error_of([&] { Bert<float>::open(c.copy.path()); }), {"model.safetensors"}) == "");
  }
}

TEST_CASE("names with and without the prefix, 16-bit and 64-bit weights, buffers of older versions", "[model]") {
  small::Checkpoint c;
  HeadOnly model(Bert<float>::open(small::folder()), {}, Classify{3});
  const auto wanted = small::logits_of(model);

  small::Checkpoint bare;
  for (const auto& [name, tensor] : c.tensors)
    if (name.rfind("bert.", 0) == 0) {
      bare.tensors.erase(name);
      bare.tensors[name.substr(5)] = tensor;
    }
  bare.tensors["embeddings.position_ids"] = {DType::I64, {1, 48}, std::vector<std::byte>(48 * 8)};
  HeadOnly same(Bert<float>::open(bare.write()), {}, Classify{3});
  CHECK(small::logits_of(same) == wanted);

  auto& t = c.tensors[query];
  std::vector<double> wide(1024);
  convert<double>(t.dtype, t.bytes.data(), wide);
  const auto* raw = reinterpret_cast<const std::byte*>(wide.data());
  t = {DType::F64, t.shape, {raw, raw + wide.size() * 8}};
  HeadOnly double_query(Bert<float>::open(c.write()), {}, Classify{3});
  CHECK(small::logits_of(double_query) == wanted);
}

TEST_CASE("what loading takes is told before it is taken", "[model]") {
  LoadSizes told{1, 1};
  const auto tell = [&](const LoadSizes& sizes) { told = sizes; };
  small::Checkpoint c;
  c.write();
  const auto numbers = [&] {
    std::uint64_t n = 0;
    const auto bert = Bert<float>::open(c.copy.path());
    for (const auto& [name, tensor] : bert->store().tensors()) n += tensor.size();
    return n;
  };
  Bert<float>::open(c.copy.path(), tell);
  CHECK(told.copied == 0);  // used where it is mapped
  CHECK(told.passing == 0);
  Bert<double>::open(c.copy.path(), tell);
  CHECK(told.copied == numbers() * sizeof(double));
  CHECK_THROWS_AS(Bert<float>::open(c.copy.path(), [](const LoadSizes&) { fail("too much"); }), Error);
  // The model is the same whether it was told or not.
  const auto plain = Bert<float>::open(c.copy.path()), counted = Bert<float>::open(c.copy.path(), tell);
  CHECK(plain->store().tensors().size() == counted->store().tensors().size());
  CHECK(to_host(plain->store().at(query)) == to_host(counted->store().at(query)));
  CHECK(counted->store().source(query).size() == 32 * 32 * 4);
  CHECK(counted->notes() == plain->notes());
}

TEST_CASE("a head of the checkpoint is used when it fits the task", "[model]") {
  const auto bert = Bert<float>::open(small::folder());
  const auto stored = SafeTensors::open(small::folder() / "model.safetensors").at("classifier.weight").values<float>();
  HeadOnly fits(bert, {}, Classify{3});
  CHECK(fits.head_from_checkpoint());
  CHECK(fits.read(*fits.find("classifier.weight")) == stored);

  HeadOnly fresh(bert, {}, Classify{2});
  CHECK_FALSE(fresh.head_from_checkpoint());
  const auto values = fresh.read(*fresh.find("classifier.weight"));
  CHECK(values.size() == 64);
  CHECK(std::any_of(values.begin(), values.end(), [](float x) { return x != 0; }));
  CHECK(std::all_of(values.begin(), values.end(), [](float x) { return std::abs(x) < 0.02 * 6; }));
  CHECK(fresh.read(*fresh.find("classifier.bias")) == std::vector<float>{0, 0});
  HeadOnly again(bert, {}, Classify{2}), other(bert, {}, Classify{2}, 7);
  CHECK(again.read(*again.find("classifier.weight")) == values);
  CHECK(other.read(*other.find("classifier.weight")) != values);

  // As many numbers in another shape are another head.
  small::Checkpoint turned;
  turned.tensors["classifier.weight"].shape = {32, 3};
  HeadOnly no(Bert<float>::open(turned.write()), {}, Classify{3});
  CHECK_FALSE(no.head_from_checkpoint());
}

TEST_CASE("a checkpoint without a pooler trains one in its head, or is read by the mean of its tokens", "[model]") {
  small::Checkpoint c;
  for (const char* name : {"bert.pooler.dense.weight", "bert.pooler.dense.bias"}) c.tensors.erase(name);
  const auto bert = Bert<float>::open(c.write());
  HeadOnly fresh(bert, {}, Classify{3, 0.03});
  CHECK(fresh.fresh_pooler());
  CHECK_FALSE(fresh.head_from_checkpoint());
  CHECK(fresh.trainable() == 32 * 32 + 32 + 3 * 32 + 3);
  const auto dense = fresh.read(*fresh.find("bert.pooler.dense.weight"));
  double square = 0;
  for (const float x : dense) square += double(x) * x / double(dense.size());
  CHECK(std::abs(std::sqrt(square) - 0.03) < 0.003);
  CHECK(fresh.read(*fresh.find("bert.pooler.dense.bias")) == std::vector<float>(32, 0));
  Model<Bert<float>, Method<>, ClassifyMean> mean(bert, {}, ClassifyMean{3});
  const auto logits = small::logits_of(mean);
  CHECK(std::all_of(logits.begin(), logits.end(), [](float x) { return std::isfinite(x); }));
  // A delta leaves out the place that is not there; where it has no other, it says so.
  using Biases = Model<Bert<float>, Method<Delta<Bias>>, ClassifyMean>;
  CHECK(Biases(bert, {}, ClassifyMean{3}).find("bert.pooler.dense.bias") == nullptr);
  using OnPooler = Model<Bert<float>, Method<Delta<LoRA<2>, At<Pooler>>>>;
  CHECK(lacks(error_of([&] { OnPooler(bert, {}, Classify{3}); }), {"no place", "none of them"}) == "");
}

TEST_CASE("places that a backbone does not have are refused", "[model]") {
  using Query3 = Method<Delta<LoRA<2>, At<Query, Layers<2, 3>>>>;
  CHECK(attach(Query3{}) == "");
  CHECK(lacks(attach(Method<Delta<LoRA<2>, At<Query, Layers<2, 4>>>>{}), {"Layers<2, 4>", "layers 0 to 2"}) == "");
  Query3 changed;
  auto& layers = std::get<0>(changed.deltas).layers;
  layers = {1, 1};
  CHECK(lacks(attach(changed), {"Layers<1, 1>"}) == "");
  layers = {-1, 2};
  CHECK(lacks(attach(changed), {"Layers<-1, 2>"}) == "");
  // A run-time choice narrows the type's down.
  layers = {1, 3};
  Model<Bert<float>, Query3> one(Bert<float>::open(small::folder()), changed, Classify{3});
  CHECK(one.attached().placement(0).modules.size() == 1);
  CHECK(one.trainable() == 2 * (32 + 32) + 3 * 32 + 3);
  layers = {0, 2};
  CHECK(lacks(attach(changed), {"place"}) == "");

  Query3 masked;
  std::get<0>(masked.deltas).mask = Value;
  CHECK(lacks(attach(masked), {"place"}) == "");
  CHECK(lacks(attach(Method<>{}, Classify{0}), {"labels = 0"}) == "");
}
