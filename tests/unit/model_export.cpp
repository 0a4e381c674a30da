// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/bias.hpp>
#include <peft/delta/full.hpp>
#include <peft/delta/ia3.hpp>
#include <peft/delta/sora.hpp>
#include <peft/io/checkpoint.hpp>
#include <peft/io/delta_file.hpp>
#include <peft/io/peft_format.hpp>

#include "model_tiny.hpp"

using namespace peft;

namespace {

template <class Method, class T = float>
using On = Model<Bert<T>, Method>;
using small::disturb;
using small::logits_of;
using small::worst;

using Dyn = Method<Delta<LoRA<Dynamic>, At<Linear>>>;
using Sora = SoRA<4>;

template <class Method>
void check_merge(Method method = {}, const char* checkpoint = "tiny-bert") {
  const Temporary folder;
  On<Method> model(Bert<float>::open(small::folder(checkpoint)), method, Classify{3});
  const auto before = logits_of(model);
  disturb(model);
  const auto wanted = logits_of(model);
  CHECK(worst(wanted, before) > 0.05);
  export_checkpoint(model, folder / "merged", {"no", "perhaps", "yes"});

  On<peft::Method<>> merged(Bert<float>::open(folder / "merged"), {}, Classify{3});
  CHECK(merged.head_from_checkpoint());
  CHECK(worst(logits_of(merged), wanted) < 1e-5);
  CHECK(merged.backbone().config().labels == std::vector<std::string>{"no", "perhaps", "yes"});
  CHECK(get(folder / "merged/vocab.txt") == get(small::folder(checkpoint) / "vocab.txt"));
  // The weights are 32-bit ones now, whatever they were, and loaders believe the config.
  CHECK(lacks(get(folder / "merged/config.json"), {"\"torch_dtype\": \"float32\""}) == "");
}

/// A SoRA model with these gates closed, and the plain LoRA that is left of it: one and the same function. In double,
/// since in float the order of two products alone moves logits of 5 by 2e-6.
template <class T = double>
void check_prune(const std::function<bool(std::size_t module, int rank)>& closed, std::size_t modules_left,
                 std::size_t ranks_left) {
  const Temporary folder;
  const auto bert = Bert<T>::open(small::folder());
  Sora method;
  std::get<0>(method.deltas).delta.alpha = 6;
  On<Sora, T> gated(bert, method, Classify{3});
  disturb(gated);
  std::size_t module = 0;
  for (const Field& f : gated.layout().fields()) {
    if (!f.name.ends_with("lora_g")) continue;
    auto g = gated.read(f);
    for (int r = 0; r < 4; ++r)
      if (closed(module, r)) g[std::size_t(r)] = 0;
    gated.write(f, g);
    ++module;
  }
  REQUIRE(module == 18);

  const PeftLora pruned = to_peft(gated, "base");
  std::size_t left = 0, ranks = 0;
  for (const LoraModule& m : pruned.modules) {
    left += m.rank > 0;
    ranks += std::size_t(m.rank);
  }
  CHECK(pruned.modules.size() == 18);
  CHECK(left == modules_left);
  CHECK(ranks == ranks_left);
  for (const LoraModule& m : to_peft(gated, "base", false).modules) CHECK(m.rank == 4);

  // Straight, and through PEFT's files.
  save_peft_lora(folder.path(), pruned);
  const PeftLora loaded = load_peft_lora(folder.path());
  for (const PeftLora* lora : {&pruned, &loaded}) {
    Dyn plain;
    auto& delta = std::get<0>(plain.deltas).delta;
    delta.rank = 0;
    std::size_t attached = 0;
    for (const LoraModule& m : lora->modules) {
      delta.ranks[m.path] = m.rank;
      delta.alphas[m.path] = m.alpha;
      attached += m.rank > 0;
    }
    if (attached == 0) continue;
    PeftLora used = *lora;
    std::erase_if(used.modules, [](const LoraModule& m) { return m.rank == 0; });
    On<Dyn, T> model(bert, plain, Classify{3});
    CHECK(model.attached().placement(0).modules.size() == attached);
    from_peft(model, used, "pruned");
    const auto wanted = logits_of(gated);
    CHECK(worst(logits_of(model), wanted) < (std::is_same_v<T, double> ? 1e-6 : 1e-5));
  }
}

}  // namespace

TEST_CASE("a merged checkpoint gives the delta's logits", "[model][export]") {
  Method<Delta<LoRA<3>, At<Query, FfnDown, AttnOut>>> lora;
  std::get<0>(lora.deltas).delta.alpha = 5;
  check_merge(lora);
  check_merge<Sora>();
  check_merge<Method<Delta<Bias>>>();
  check_merge<Method<Delta<Full>>>();
  check_merge<Method<>>();
  check_merge<Method<Delta<LoRA<2>, At<Pooler>>>>();
  check_merge<Method<Delta<LoRA<2>, At<Key>>, Delta<Bias>>>();
  check_merge(lora, "tiny-bert-fp16");
  check_merge(lora, "tiny-bert-bf16");
}

TEST_CASE("what cannot be merged or must not be overwritten is refused", "[model][export]") {
  const auto bert = Bert<float>::open(small::folder());
  On<Method<Delta<LoRA<2>, At<Query>>, Delta<LoRA<2>, At<Query, Value>>>> two(bert, {}, Classify{3});
  CHECK(lacks(error_of([&] { merged_weights(two); }), {"two deltas on bert.encoder.layer.0.attention.self.query"}) ==
        "");
  On<Method<Delta<LoRA<2>, At<Query>>, Delta<Full, At<Query>>>> over(bert, {}, Classify{3});
  CHECK(lacks(error_of([&] { merged_weights(over); }), {"two deltas on bert.encoder.layer.0.attention.self.query"}) ==
        "");
  // (IA)^3 scales the bias that BitFit trains.
  On<Method<Delta<Rescale<Route::post>, At<Value>>, Delta<Bias, At<Value>>>> biases(bert, {}, Classify{3});
  CHECK(lacks(error_of([&] { merged_weights(biases); }), {"two deltas on bert.encoder.layer.0.attention.self.value"}) ==
        "");

  small::Checkpoint c;
  On<Method<>> model(Bert<float>::open(c.write()), {}, Classify{3});
  const std::string before = get(c.copy / "model.safetensors");
  CHECK(lacks(error_of([&] { export_checkpoint(model, c.copy.path(), {}); }),
              {"cannot export into", "backbone itself"}) == "");
  CHECK(get(c.copy / "model.safetensors") == before);
}

TEST_CASE("pruned SoRA gives the gated model's logits", "[model][export]") {
  check_prune([](std::size_t, int) { return false; }, 18, 72);
  check_prune([](std::size_t module, int r) { return r < int(module % 4); }, 18, 47);
  check_prune([](std::size_t module, int) { return module == 5; }, 17, 68);  // one module left out
  check_prune([](std::size_t module, int r) { return module != 7 || r != 2; }, 1, 1);  // one rank is left
  check_prune([](std::size_t, int) { return true; }, 0, 0);
  check_prune<float>([](std::size_t module, int r) { return r < int(module % 4); }, 18, 47);
}

TEST_CASE("SoRA with every gate closed is the backbone", "[model][export]") {
  const Temporary folder;
  const auto bert = Bert<float>::open(small::folder());
  On<Sora> gated(bert, {}, Classify{3});
  disturb(gated);
  for (const Field& f : gated.layout().fields())
    if (f.name.ends_with("lora_g")) gated.write(f, std::vector<float>(4, 0.f));
  On<Method<>> plain(bert, {}, Classify{3});
  for (const char* head : {"classifier.weight", "classifier.bias"})
    plain.write(*plain.find(head), gated.read(*gated.find(head)));
  CHECK(worst(logits_of(plain), logits_of(gated)) < 1e-6);

  // PEFT needs at least one module: what is saved adds nothing.
  save_peft_lora(folder.path(), to_peft(gated, "base"));
  const PeftLora loaded = load_peft_lora(folder.path());
  REQUIRE(loaded.modules.size() == 1);
  Dyn method;
  auto& delta = std::get<0>(method.deltas).delta;
  delta.rank = 0;
  delta.ranks[loaded.modules[0].path] = loaded.modules[0].rank;
  delta.alpha = loaded.modules[0].alpha;
  On<Dyn> model(bert, method, Classify{3});
  from_peft(model, loaded, "here");
  CHECK(worst(logits_of(model), logits_of(gated)) < 1e-6);
}

TEST_CASE("a LoRA comes back from PEFT's files as it was", "[model][export]") {
  const Temporary folder;
  const auto bert = Bert<float>::open(small::folder());
  Dyn method;
  auto& delta = std::get<0>(method.deltas).delta;
  delta.rank = 3;
  delta.alpha = 7;
  delta.ranks = {{"bert.encoder.layer.0.attention.self.query", 5}, {"bert.encoder.layer.2.output.dense", 0}};
  delta.alphas = {{"bert.encoder.layer.1.attention.self.key", 2.5}};
  On<Dyn> model(bert, method, Classify{3});
  disturb(model);
  const PeftLora saved = to_peft(model, "a base");
  CHECK(saved.modules.size() == 17);
  save_peft_lora(folder.path(), saved);
  const PeftLora loaded = load_peft_lora(folder.path());
  CHECK(loaded.base_model == "a base");
  Dyn fresh;
  auto& other = std::get<0>(fresh.deltas).delta;
  other.rank = 0;
  for (const LoraModule& m : loaded.modules) {
    other.ranks[m.path] = m.rank;
    other.alphas[m.path] = m.alpha;
  }
  On<Dyn> again(bert, fresh, Classify{3}, 77);
  CHECK(worst(logits_of(again), logits_of(model)) > 0.01);
  from_peft(again, loaded, "here");
  CHECK(worst(logits_of(again), logits_of(model)) < 1e-6);

  PeftLora wrong = loaded;
  wrong.modules[0].path = "bert.encoder.layer.9.attention.self.query";
  CHECK(lacks(error_of([&] { from_peft(again, wrong, "a folder"); }), {"a folder", "lora_A.weight", "is missing"}) ==
        "");
  wrong = loaded;
  wrong.modules.push_back(wrong.modules[0]);
  wrong.modules.back().path = "bert.encoder.layer.9.attention.self.query";
  CHECK(lacks(error_of([&] { from_peft(again, wrong, "a folder"); }), {"nothing in this model takes", "layer.9"}) ==
        "");
}

TEST_CASE("a delta of any method comes back from its file as it was", "[model][export]") {
  const Temporary folder;
  const auto bert = Bert<float>::open(small::folder());
  On<Sora> model(bert, {}, Classify{3});
  disturb(model);
  save_delta(folder.path(), {"sora", {{"rank", "4"}}, saved_tensors(model)});
  const DeltaFile file = load_delta(folder.path());
  CHECK(file.method == "sora");
  CHECK(file.setting("rank") == "4");
  On<Sora> again(bert, {}, Classify{3}, 77);
  restore_tensors(again, file.tensors, "here");
  CHECK(logits_of(again) == logits_of(model));

  std::vector<HostTensor> tensors = file.tensors;
  tensors.pop_back();
  CHECK(lacks(error_of([&] { restore_tensors(again, tensors, "a file"); }),
              {"a file", file.tensors.back().name, "is missing"}) == "");
  tensors = file.tensors;
  tensors[0].shape = {2, 2};
  tensors[0].data.resize(4);
  CHECK(lacks(error_of([&] { restore_tensors(again, tensors, "a file"); }),
              {"a file", tensors[0].name, "(2, 2)", "expected"}) == "");
  tensors = file.tensors;
  tensors.push_back({"one.too.many", {1}, {0}});
  CHECK(lacks(error_of([&] { restore_tensors(again, tensors, "a file"); }),
              {"nothing in this model takes", "one.too.many"}) == "");
  On<SoRA<3>> smaller(bert, {}, Classify{3});
  CHECK(lacks(error_of([&] { restore_tensors(smaller, file.tensors, "a file"); }),
              {"lora_A.weight", "(4, 32)", "(3, 32)"}) == "");
}
