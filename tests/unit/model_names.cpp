// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/full.hpp>
#include <peft/delta/lora.hpp>
#include <peft/io/peft_format.hpp>
#include <peft/model/deberta.hpp>
#include <peft/model/gpt2.hpp>
#include <peft/model/llama.hpp>
#include <peft/model/peft_backbone.hpp>
#include <peft/model/roberta.hpp>
#include <peft/model/t5.hpp>

#include "model_tiny.hpp"

using namespace peft;

namespace {

using HeadOnly = Model<Bert<float>, Method<>>;

std::vector<float> logits_of(const std::filesystem::path& folder) {
  HeadOnly model(Bert<float>::open(folder), {}, Classify{3});
  CHECK(model.head_from_checkpoint());
  return small::logits_of(model);
}

/// The checkpoint with every tensor under the name that `rename` gives.
template <class F>
void renamed(small::Checkpoint& c, const F& rename) {
  auto old = std::move(c.tensors);
  c.tensors.clear();
  for (auto& [name, tensor] : old) c.tensors[rename(name)] = std::move(tensor);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  if (const auto at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
  return text;
}

small::Checkpoint::Tensor floats(std::vector<std::int64_t> shape, float value = 0.5f) {
  std::int64_t n = 1;
  for (const auto extent : shape) n *= extent;
  const std::vector<float> values(static_cast<std::size_t>(n), value);
  const auto* raw = reinterpret_cast<const std::byte*>(values.data());
  return {DType::F32, std::move(shape), {raw, raw + values.size() * sizeof(float)}};
}

void change_config(const small::Checkpoint& c, const std::string& from, const std::string& to) {
  const std::string config = get(c.copy / "config.json");
  REQUIRE(config.find(from) != std::string::npos);
  put(c.copy / "config.json", replaced(config, from, to));
}

template <class Backbone>
std::string refused(const small::Checkpoint& c) {
  return error_of([&] { Backbone::open(c.write()); });
}

/// What a checkpoint says of its words: tied, scaled, notes.
struct Words {
  bool tied;
  double scale;
  std::vector<std::string> notes;
  std::vector<float> head;  // the first numbers that words are read off with
};
template <class Backbone>
Words words_of(const small::Checkpoint& c) {
  const auto backbone = Backbone::open(c.write());
  CHECK(backbone->has(Site::lm_head, -1) == !backbone->tied());
  const auto w = backbone->weights(backbone->tied() ? Site::word_table : Site::lm_head, -1).w;
  return {backbone->tied(), backbone->logit_scale(), backbone->notes(), std::vector<float>(w.data(), w.data() + 8)};
}

}  // namespace

TEST_CASE("a tensor is found under every name that transformers knows for it", "[model]") {
  const auto wanted = logits_of(small::folder());
  small::Checkpoint c;
  const auto old_norms = [](const std::string& name) {
    return replaced(replaced(name, "LayerNorm.weight", "LayerNorm.gamma"), "LayerNorm.bias", "LayerNorm.beta");
  };
  renamed(c, old_norms);
  CHECK(c.tensors.contains("bert.embeddings.LayerNorm.gamma"));
  CHECK(logits_of(c.write()) == wanted);
  for (const char* wrapper : {"module.", "_orig_mod.", "module._orig_mod."}) {
    small::Checkpoint wrapped;
    renamed(wrapped, [&](const std::string& name) { return wrapper + old_norms(name); });
    CHECK(logits_of(wrapped.write()) == wanted);
  }

  // Under both names: the same numbers, or refused.
  const char *now = "bert.embeddings.LayerNorm.weight", *old = "bert.embeddings.LayerNorm.gamma",
             *bare = "embeddings.LayerNorm.weight";
  for (const char* second : {now, bare}) {
    c.tensors[second] = c.tensors[old];
    CHECK(logits_of(c.write()) == wanted);
    c.tensors[second] = floats({32}, 7);
    CHECK(lacks(refused<Bert<float>>(c), {old, second, "two names of one weight"}) == "");
    c.tensors.erase(second);
  }
}

TEST_CASE("what a model does not take is left out and named in one line, buffers in none", "[model]") {
  small::Checkpoint c;
  CHECK(Bert<float>::open(c.write())->notes().empty());
  c.tensors["bert.embeddings.position_ids"] = {DType::I64, {1, 48}, std::vector<std::byte>(48 * 8)};
  CHECK(Bert<float>::open(c.write())->notes().empty());
  const auto wanted = logits_of(small::folder());
  c.tensors["qa_outputs.weight"] = floats({2, 32});
  c.tensors["qa_outputs.bias"] = floats({2});
  c.tensors["cls.predictions.bias"] = floats({96});
  c.tensors["bert.encoder.gain"] = floats({7});
  const auto notes = Bert<float>::open(c.write())->notes();
  REQUIRE(notes.size() == 1);
  CHECK(lacks(notes[0], {"left out", c.copy.path().string(), "qa_outputs.* (2 tensors)", "cls.* (1 tensor)",
                         "bert.encoder.gain (7), which nothing"}) == "");
  CHECK(logits_of(c.copy.path()) == wanted);

  small::Checkpoint roberta("tiny-roberta");
  for (const char* name : {"roberta.pooler.dense.weight", "lm_head.dense.weight"})
    roberta.tensors[name] = floats({32, 32});
  const auto of_roberta = Roberta<float>::open(roberta.write())->notes();
  REQUIRE(of_roberta.size() == 1);
  CHECK(lacks(of_roberta[0], {"lm_head.*", "roberta.pooler.*", "other heads"}) == "");
  small::Checkpoint deberta("tiny-deberta-v3");
  deberta.tensors["deberta.embeddings.word_embeddings._weight"] = floats({96, 32});
  CHECK(lacks(Deberta<float>::open(deberta.write())->notes().at(0), {"word_embeddings._weight (96, 32)"}) == "");
  small::Checkpoint gpt2("tiny-gpt2");
  gpt2.tensors["transformer.h.0.attn.bias"] = {DType::U8, {1, 1, 4, 4}, std::vector<std::byte>(16)};
  gpt2.tensors["v_head.summary.weight"] = floats({1, 24});
  CHECK(lacks(Gpt2<float>::open(gpt2.write())->notes().at(0), {"v_head.* (1 tensor)"}) == "");
}

TEST_CASE("what contradicts the config is refused by its cause", "[model]") {
  small::Checkpoint c;
  const std::string query = "bert.encoder.layer.1.attention.self.query";
  SECTION("an adapter's tensors") {
    c.tensors[query + ".lora_A.default.weight"] = floats({4, 32});
    CHECK(lacks(c.error(), {"lora_A", "adapter", "merge_and_unload", "--load"}) == "");
  }
  SECTION("a base layer") {
    renamed(c,
            [&](const std::string& name) { return replaced(name, query + ".weight", query + ".base_layer.weight"); });
    CHECK(lacks(c.error(), {"base_layer", "adapter"}) == "");
  }
  SECTION("bitsandbytes, by the bytes") {
    c.tensors[query + ".weight"] = {DType::U8, {512, 1}, std::vector<std::byte>(512)};
    CHECK(lacks(c.error(), {query, "U8", "quantised"}) == "");
  }
  SECTION("bitsandbytes, by the scales") {
    c.tensors[query + ".SCB"] = floats({32});
    CHECK(lacks(c.error(), {"SCB", "quantised"}) == "");
  }
  SECTION("GPTQ") {
    c.tensors.erase(query + ".weight");
    c.tensors[query + ".qweight"] = {DType::I32, {4, 32}, std::vector<std::byte>(512)};
    CHECK(lacks(c.error(), {"qweight", "quantised"}) == "");
  }
  SECTION("another model") {
    renamed(c, [](const std::string& name) { return replaced(name, "bert.", "roberta."); });
    CHECK(lacks(c.error(), {"bert.encoder.layer.*", "num_hidden_layers", "roberta."}) == "");
  }
  SECTION("a bare layer beyond their count") {
    renamed(c, [](const std::string& name) { return replaced(name, "bert.", ""); });
    c.tensors["encoder.layer.7.output.dense.bias"] = floats({32});
    CHECK(lacks(c.error(), {"encoder.layer.7", "layer 7", "is 3"}) == "");
  }
  SECTION("an encoder without its decoder") {
    small::Checkpoint t5("tiny-t5-v1.0");
    std::erase_if(t5.tensors, [](const auto& entry) { return entry.first.starts_with("decoder."); });
    CHECK(lacks(refused<T5<float>>(t5), {"decoder.block.*", "num_decoder_layers"}) == "");
    small::Checkpoint more("tiny-t5-v1.0");
    more.tensors["decoder.block.9.layer.0.SelfAttention.q.weight"] = floats({2});
    CHECK(lacks(refused<T5<float>>(more), {"decoder.block.9", "layer 9", "num_decoder_layers"}) == "");
  }
}

TEST_CASE("a head's own words: the tensors decide, not the flag", "[model]") {
  SECTION("Llama") {
    small::Checkpoint c("tiny-llama");
    const Words own = words_of<Llama<float>>(c);
    CHECK((!own.tied && own.notes.empty()));
    change_config(c, "\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true");
    const Words flagged = words_of<Llama<float>>(c);
    CHECK((!flagged.tied && flagged.head == own.head));
    REQUIRE(flagged.notes.size() == 1);
    CHECK(lacks(flagged.notes[0], {"tie_word_embeddings", "lm_head.weight", "model.embed_tokens.weight", "differ"}) ==
          "");

    const auto table = c.tensors["model.embed_tokens.weight"];
    c.tensors["lm_head.weight"] = table;
    const Words same = words_of<Llama<float>>(c);
    CHECK((same.tied && same.notes.empty()));
    c.tensors.erase("model.embed_tokens.weight");  // of tied tensors one is enough
    CHECK((words_of<Llama<float>>(c).head == same.head));
    c.tensors["model.embed_tokens.weight"] = table;
    c.tensors.erase("lm_head.weight");
    CHECK(words_of<Llama<float>>(c).tied);
    change_config(c, "\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false");
    CHECK(lacks(refused<Llama<float>>(c), {"no lm_head.weight", "tie_word_embeddings", "model.embed_tokens.weight"}) ==
          "");
  }
  SECTION("Llama under the prefix that its head of question answering has") {
    small::Checkpoint c("tiny-llama");
    renamed(c, [](const std::string& name) { return replaced(name, "model.", "transformer."); });
    CHECK(words_of<Llama<float>>(c).notes.empty());
  }
  SECTION("GPT-2") {
    small::Checkpoint c("tiny-gpt2");
    const bool tied = words_of<Gpt2<float>>(c).tied;
    CHECK(tied);
    c.tensors["lm_head.weight"] = floats(c.tensors["transformer.wte.weight"].shape);
    CHECK((!words_of<Gpt2<float>>(c).tied && words_of<Gpt2<float>>(c).notes.size() == 1));
  }
  SECTION("T5: scaling is a matter of its own") {
    small::Checkpoint c("tiny-t5-v1.1");
    const Words v4 = words_of<T5<float>>(c);
    CHECK((!v4.tied && v4.scale == 1 && v4.notes.empty()));
    change_config(c, "\"tie_word_embeddings\": false",
                  "\"tie_word_embeddings\": true, \"scale_decoder_outputs\": false");
    const Words v5 = words_of<T5<float>>(c);
    CHECK((!v5.tied && v5.scale == 1 && v5.head == v4.head));
    c.tensors.erase("lm_head.weight");
    const Words none = words_of<T5<float>>(c);
    CHECK((none.tied && none.scale == 1));
    change_config(c, "\"tie_word_embeddings\": true, \"scale_decoder_outputs\": false",
                  "\"tie_word_embeddings\": false");
    const Words alone = words_of<T5<float>>(c);
    CHECK((alone.tied && alone.scale == 1));
    CHECK(lacks(alone.notes.at(0), {"no lm_head.weight", "shared.weight"}) == "");

    small::Checkpoint first("tiny-t5-v1.0");
    const Words scaled = words_of<T5<float>>(first);
    CHECK((scaled.tied && scaled.scale < 1));
    change_config(first, "\"model_type\": \"t5\"", "\"model_type\": \"mt5\"");
    CHECK(words_of<T5<float>>(first).scale == 1);
  }
  SECTION("T5's one table under three names, and under a classifier's prefix") {
    small::Checkpoint c("tiny-t5-v1.0");
    const auto wanted = words_of<T5<float>>(c).head;
    const auto table = c.tensors["shared.weight"];
    for (const char* name : {"encoder.embed_tokens.weight", "decoder.embed_tokens.weight"}) {
      c.tensors.erase("shared.weight");
      c.tensors[name] = table;
      CHECK(words_of<T5<float>>(c).head == wanted);
      c.tensors["shared.weight"] = table;
      CHECK(words_of<T5<float>>(c).notes.empty());
      c.tensors[name] = floats(table.shape);
      CHECK(lacks(refused<T5<float>>(c), {name, "shared.weight", "two names of one weight"}) == "");
      c.tensors.erase(name);
    }
    renamed(c, [](const std::string& name) { return "transformer." + name; });
    CHECK(words_of<T5<float>>(c).head == wanted);
  }
}

TEST_CASE("a pooler in the head is the pooler: logits, gradients, files", "[model]") {
  using OnPooler = Model<Bert<double>, Method<Delta<Full, At<Pooler>>>>;
  using InHead = Model<Bert<double>, Method<>>;
  const auto bert = Bert<double>::open(small::folder());
  OnPooler delta(bert, {}, Classify{3});
  InHead head(bert->without_pooler(), {}, Classify{3});
  CHECK(head.total() == InHead(bert, {}, Classify{3}).total());
  for (const Field& f : head.layout().fields()) head.write(f, delta.read(*delta.find(f.name)));
  Engine<OnPooler> one(delta, 1);
  Engine<InHead> other(head, 1);
  one.prepare();
  other.prepare();
  Batch batch = small::some_batch();
  CHECK(one.predict(batch) == other.predict(batch));
  batch.targets = {0, 2, 1, 1, 0};
  CHECK(one.accumulate(batch, 1, 1) == other.accumulate(batch, 1, 1));
  for (const Field& f : head.layout().fields()) {
    INFO(f.name);
    const Field& twin = *delta.find(f.name);
    const double *a = one.total().data() + twin.offset, *b = other.total().data() + f.offset;
    CHECK(std::equal(b, b + f.size(), a));
    CHECK(std::any_of(b, b + f.size(), [](double x) { return x != 0; }));
  }

  // Saved for PEFT with the classifier, and loaded onto a checkpoint with a pooler of its own: the adapter's counts.
  using Tuned = Model<Bert<float>, Method<Delta<LoRA<2>, At<Query>>>>;
  const Temporary folder;
  const auto whole = Bert<float>::open(small::folder());
  Tuned tuned(whole->without_pooler(), {}, Classify{3});
  small::disturb(tuned);
  save_adapter(tuned, folder.path(), "some/base");
  CHECK(lacks(get(folder / "adapter_config.json"), {"\"bert.pooler.dense\"", "\"classifier\""}) == "");
  const auto adapter = std::make_shared<const PeftAdapter>(load_peft(folder.path()));
  std::vector<std::string> carried;
  const auto without = with_adapter(whole, adapter, carried);
  CHECK_FALSE(without->has_pooler());
  CHECK(carried.empty());
  Tuned again(without, {}, Classify{3}, 7);
  from_adapter(again, *adapter);
  CHECK(small::logits_of(again) == small::logits_of(tuned));

  export_checkpoint(tuned, folder / "merged", {"no", "perhaps", "yes"});
  HeadOnly merged(Bert<float>::open(folder / "merged"), {}, Classify{3});
  CHECK(merged.head_from_checkpoint());
  CHECK_FALSE(merged.fresh_pooler());
  CHECK(small::worst(small::logits_of(merged), small::logits_of(tuned)) < 1e-5);
}
