// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/full.hpp>
#include <peft/delta/lora.hpp>
#include <peft/io/json.hpp>
#include <peft/model/deberta.hpp>
#include <peft/model/distilbert.hpp>
#include <peft/model/gpt2.hpp>
#include <peft/model/llama.hpp>
#include <peft/model/roberta.hpp>
#include <peft/model/t5.hpp>
#include <peft/side/gru.hpp>
#include <peft/side/read_pair.hpp>
#include <peft/task/language_model.hpp>

#include <cstdlib>
#include <map>
#include <mutex>
#include <new>

#include "model_tiny.hpp"
#include "pairs_tiny.hpp"
#include "whole.hpp"

using namespace peft;

namespace {

/// Bytes of aligned memory, which weights take that are not used where a file is mapped.
std::int64_t held = 0;
std::map<void*, std::size_t> sizes;
std::mutex counting;

}  // namespace

void* operator new(std::size_t size, std::align_val_t line) {
  const auto step = static_cast<std::size_t>(line);
  void* p = std::aligned_alloc(step, (size + step - 1) / step * step);
  if (p == nullptr) throw std::bad_alloc();
  const std::lock_guard lock(counting);
  sizes[p] = size;
  held += static_cast<std::int64_t>(size);
  return p;
}
void operator delete(void* p, std::align_val_t) noexcept {
  const std::lock_guard lock(counting);
  if (const auto found = sizes.find(p); found != sizes.end()) {
    held -= static_cast<std::int64_t>(found->second);
    sizes.erase(found);
  }
  std::free(p);
}
void operator delete(void* p, std::size_t, std::align_val_t line) noexcept { operator delete(p, line); }

namespace {

template <class Backbone>
auto host_tensors(const Backbone& backbone) {
  std::map<std::string, std::vector<typename Backbone::Scalar>> all;
  for (const auto& [name, tensor] : backbone.store().tensors())
    all[name] = downloaded<Host>(tensor.data(), tensor.size());
  return all;
}

/// Random weights depend on their names alone, so that a shorter config has those that are left.
template <class Backbone>
void same_as_shorter(const char* folder) {
  INFO(folder);
  auto config = Backbone::open(small::folder(folder))->config();
  const auto cut = Backbone::random(config, 5)->without_last_layers(1);
  const auto counts = Backbone::Family::layer_counts(config);
  for (const LayerCount& stack : counts) --*stack.count;
  const auto shorter = Backbone::random(config, 5);
  CHECK(cut->layers() == shorter->layers());
  CHECK(cut->shape().encoder_layers == shorter->shape().encoder_layers);
  CHECK(host_tensors(*cut) == host_tensors(*shorter));
  for (const SiteInfo& s : site_table)
    for (int layer = 0; layer < cut->layers(); ++layer) CHECK(cut->has(s.site, layer) == shorter->has(s.site, layer));
}

/// The folder of a checkpoint without tensors whose name begins with one of these, and with other numbers in its
/// config.
std::filesystem::path shortened(small::Checkpoint& c, const std::vector<std::string>& dropped,
                                const std::map<std::string, int>& counts) {
  std::erase_if(c.tensors, [&](const auto& t) {
    return std::any_of(dropped.begin(), dropped.end(), [&](const auto& d) { return t.first.starts_with(d); });
  });
  auto config = parse_json_file(c.copy / "config.json");
  for (const auto& [name, n] : counts) config[name] = n;
  put(c.copy / "config.json", config.dump());
  return c.write();
}

template <class M>
std::vector<typename M::T> predict(M& model, const Batch& batch) {
  Engine<M> engine(model, 1);
  engine.prepare();
  return engine.predict(batch);
}

}  // namespace

TEST_CASE("a backbone of every family without its last layer", "[model]") {
  same_as_shorter<Bert<>>("tiny-bert");
  same_as_shorter<Roberta<>>("tiny-roberta");
  same_as_shorter<Distilbert<>>("tiny-distilbert");
  same_as_shorter<Deberta<>>("tiny-deberta-v3");
  same_as_shorter<Deberta<>>("tiny-deberta-c2p");
  same_as_shorter<Distilbert<>>("tiny-distilbert");
  same_as_shorter<Llama<>>("tiny-qwen2");
  same_as_shorter<Gpt2<>>("tiny-gpt2");
  same_as_shorter<T5<>>("tiny-t5-v1.1");
}

TEST_CASE("layers that are left out are as if the checkpoint had never had them", "[model]") {
  using Loras = Model<Bert<float>, Method<Delta<LoRA<4>>>>;
  small::Checkpoint c;
  const auto folder = shortened(c, {"bert.encoder.layer.1.", "bert.encoder.layer.2."}, {{"num_hidden_layers", 1}});
  const auto cut = Bert<float>::open(small::folder())->with_dropout(0.3, -1, -1)->without_last_layers(2);
  CHECK(cut->shape().hidden_dropout == 0.3);
  Loras wanted(Bert<float>::open(folder), {}, Classify{3}), got(cut, {}, Classify{3}),
      whole(Bert<float>::open(small::folder()), {}, Classify{3});
  CHECK(got.trainable() == wanted.trainable());
  CHECK(got.total() == wanted.total());
  CHECK(small::logits_of(got) == small::logits_of(wanted));
  CHECK(small::worst(small::logits_of(got), small::logits_of(whole)) > 0.1);

  const Temporary out;
  small::disturb(got);
  export_checkpoint(got, out / "merged", {});
  Model<Bert<float>, Method<>> merged(Bert<float>::open(out / "merged"), {}, Classify{3});
  CHECK(merged.backbone().layers() == 1);
  CHECK(small::worst(small::logits_of(merged), small::logits_of(got)) < 1e-5);
}

TEST_CASE("T5 loses layers of both its stacks, and keeps what stands after the last", "[model]") {
  using Read3 = Method<SideNet<ReadPair<GRU, 3>>>;
  small::Checkpoint c("tiny-t5-v1.1");
  const auto folder =
      shortened(c, {"encoder.block.1.", "decoder.block.2."}, {{"num_layers", 1}, {"num_decoder_layers", 2}});
  const auto cut = T5<double>::open(small::folder("tiny-t5-v1.1"))->without_last_layers(1);
  Model<T5<double>, Read3, LanguageModel> got(cut, {}, {}), wanted(T5<double>::open(folder), {}, {});
  const Batch data = pairs::batch();
  CHECK(predict(got, data) == predict(wanted, data));
  CHECK(testing::gradcheck_model(got, data, {.deviation = 1.5}).worst < 1e-6);
  whole::one_step(got, data);
}

TEST_CASE("what layers that are left out took is given back", "[model]") {
  auto whole = Bert<float>::open(small::folder("tiny-bert-fp16"));
  const std::int64_t before = held;
  const auto cut = whole->without_last_layers(2);
  CHECK(held == before);
  whole.reset();
  CHECK(before - held == 2 * 4 * (4 * (32 * 32 + 32) + 2 * 32 * 64 + 64 + 32 + 4 * 32));
  CHECK_FALSE(cut->store().loaded("bert.encoder.layer.1.output.dense.weight"));
}

TEST_CASE("at least one layer must be left", "[model]") {
  const auto bert = Bert<float>::open(small::folder());
  CHECK(host_tensors(*bert->without_last_layers(0)) == host_tensors(*bert));
  for (const int n : {3, 7, -1})
    CHECK(lacks(error_of([&] { bert->without_last_layers(n); }),
                {cat("the last ", n, " layers"), "num_hidden_layers = 3", "0 to 2"}) == "");
  const auto t5 = T5<float>::open(small::folder("tiny-t5-v1.1"));
  CHECK(lacks(error_of([&] { t5->without_last_layers(2); }), {"the last 2 layers", "num_layers = 2", "0 to 1"}) == "");
}
