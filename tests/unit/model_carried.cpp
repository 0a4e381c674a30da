// SPDX-License-Identifier: Apache-2.0
// What an adapter brings beside its delta: it takes the place of the backbone's own tensors, and is saved again as it
// was.
#include <peft/delta/lora.hpp>
#include <peft/io/peft_adapter.hpp>
#include <peft/io/peft_load.hpp>
#include <peft/model/gpt2.hpp>
#include <peft/model/llama.hpp>
#include <peft/model/model.hpp>
#include <peft/model/peft_backbone.hpp>
#include <peft/model/peft_files.hpp>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model_tiny.hpp"

using namespace peft;
using nlohmann::json;

namespace {

using Values = std::vector<float>;

std::int64_t elements(const std::vector<std::int64_t>& shape) {
  std::int64_t n = 1;
  for (const std::int64_t one : shape) n *= one;
  return n;
}

Values drawn(const std::vector<std::int64_t>& shape, std::uint64_t seed) {
  Values values(static_cast<std::size_t>(elements(shape)));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(rng::normal(seed, i));
  return values;
}

/// An adapter with LoRA on one query, and what is added.
struct Made {
  std::shared_ptr<PeftAdapter> adapter = std::make_shared<PeftAdapter>();

  explicit Made(const std::string& query, int in, int out) {
    adapter->config = {{"peft_type", "LORA"}, {"r", 2}, {"lora_alpha", 4}};
    lora(query, in, out);
  }
  Made& lora(const std::string& path, int in, int out) {
    add(path + ".lora_A.weight", {2, in});
    return add(path + ".lora_B.weight", {out, 2});
  }
  Made& add(const std::string& name, const std::vector<std::int64_t>& shape) {
    adapter->add("base_model.model." + name, shape, drawn(shape, adapter->tensors.size()));
    return *this;
  }
  Made& set(const char* key, const json& value) {
    adapter->config[key] = value;
    return *this;
  }
  const Values& data(const std::string& name) const {
    return std::find_if(adapter->tensors.begin(), adapter->tensors.end(),
                        [&](const auto& t) { return t.name == "base_model.model." + name; })
        ->data;
  }
};

template <class Backbone>
struct Changed {
  std::vector<std::string> notes;
  std::shared_ptr<const Backbone> before, after;

  Changed(const char* folder, const Made& made)
      : before(Backbone::open(small::folder(folder))), after(with_adapter(before, made.adapter, notes)) {}
  Values was(const std::string& name) const { return stored_tensor(*before, name).data; }
  Values is(const std::string& name) const { return stored_tensor(*after, name).data; }
  /// Every bound tensor but `names` is the very same memory.
  bool shares_all_but(const std::vector<std::string>& names) const {
    bool same = true;
    for (const auto& [name, view] : before->store().tensors())
      if (std::find(names.begin(), names.end(), name) == names.end())
        same = same && after->store().at(name).data() == view.data();
    return same;
  }
};
using OnLlama = Changed<Llama<float>>;

Made on_llama() { return Made("model.layers.0.self_attn.q_proj", 32, 32); }
Made on_tied() { return Made("model.layers.0.self_attn.q_proj", 30, 24); }
const std::string words = "model.embed_tokens.weight", head = "lm_head.weight";

/// w + scale * what the factors say; `a` (r, cols), `b` (rows, r).
Values plus_product(Values w, const Values& a, const Values& b, std::size_t rows, std::size_t cols, float scale) {
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < cols; ++j)
      for (std::size_t k = 0; k < 2; ++k) w[i * cols + j] += scale * b[2 * i + k] * a[k * cols + j];
  return w;
}
bool close(const Values& a, const Values& b) { return small::worst(a, b) < 1e-5; }

std::string refused(const char* folder, const Made& made) {
  return error_of([&] { OnLlama changed(folder, made); });
}

}  // namespace

TEST_CASE("carried: a table and lm_head saved whole") {
  const Made made = on_llama().add(words, {96, 32}).add(head, {96, 32});
  for (const bool named : {false, true}) {
    if (named) made.adapter->config["modules_to_save"] = {"embed_tokens", "lm_head"};
    const OnLlama c("tiny-llama", made);
    CHECK(c.is(words) == made.data(words));
    CHECK(c.is(head) == made.data(head));
    CHECK(c.shares_all_but({words, head}));
    REQUIRE(c.notes.size() == 1);
    CHECK(lacks(c.notes[0], {"lm_head", "model.embed_tokens", "not trained on"}) == "");
    CHECK(c.after->template weights<Site::lm_head>(-1).w.data() == c.after->store().at(head).data());
  }
  CHECK(OnLlama("tiny-llama", on_llama()).after->carried() == nullptr);
  CHECK(lacks(refused("tiny-llama", on_llama().add(words, {98, 32})),
              {"(98, 32)", "(96, 32)", "resize the base first", "resize_token_embeddings(98)"}) == "");
  CHECK(lacks(refused("tiny-llama", on_llama().add(words, {96, 30})), {"(96, 30)", "another model"}) == "");
}

TEST_CASE("carried: of a tie PEFT changes one end or both") {
  const auto tied = [](const Made& made) { return OnLlama("tiny-llama-tied", made); };
  {  // a copy of the table is trained; the head stays
    const Made made = on_tied().add(words, {96, 30}).set("modules_to_save", {"embed_tokens"});
    const OnLlama c = tied(made);
    CHECK(!c.after->tied());
    CHECK(c.is(words) == made.data(words));
    CHECK(c.is(head) == c.was(words));
    CHECK(c.before->tied());
    CHECK(tied(Made(made).set("ensure_weight_tying", true)).after->tied());
  }
  {  // a copy of the head
    const Made made = on_tied().add(head, {96, 30}).set("modules_to_save", {"lm_head"});
    const OnLlama c = tied(made);
    CHECK(!c.after->tied());
    CHECK(c.is(words) == c.was(words));
    CHECK(c.is(head) == made.data(head));
  }
  for (const std::string& name : {words, head}) {  // saved beside, it is the one tensor of both
    const Made made = on_tied().add(name, {96, 30});
    const OnLlama c = tied(made);
    CHECK(c.after->tied());
    CHECK(c.is(words) == made.data(name));
  }
  CHECK(lacks(refused("tiny-llama-tied", on_tied().add(words, {96, 30}).add(head, {96, 30})),
              {head, words, "different numbers", "tie_word_embeddings"}) == "");
}

TEST_CASE("carried: LoRA on lm_head and on the table is added to their weights") {
  {
    const Made made = on_llama().lora("lm_head", 32, 96);
    const OnLlama c("tiny-llama", made);
    CHECK(close(c.is(head), plus_product(c.was(head), made.data("lm_head.lora_A.weight"),
                                         made.data("lm_head.lora_B.weight"), 96, 32, 2)));
    CHECK(c.shares_all_but({head}));
    CHECK(lacks(c.notes.at(0), {"LoRA on lm_head"}) == "");
  }
  {  // its base first, whatever the order in the file
    const Made made = on_llama().lora("lm_head", 32, 96).add(head, {96, 32});
    const OnLlama c("tiny-llama", made);
    CHECK(close(c.is(head), plus_product(made.data(head), made.data("lm_head.lora_A.weight"),
                                         made.data("lm_head.lora_B.weight"), 96, 32, 2)));
  }
  {
    const Made made = on_tied().lora("lm_head", 30, 96);
    const OnLlama c("tiny-llama-tied", made);
    CHECK(!c.after->tied());
    CHECK(c.is(words) == c.was(words));
    CHECK(close(c.is(head), plus_product(c.was(words), made.data("lm_head.lora_A.weight"),
                                         made.data("lm_head.lora_B.weight"), 96, 30, 2)));
  }
  for (const bool is_tied : {false, true}) {
    const int d = is_tied ? 30 : 32;
    const Made made = (is_tied ? on_tied() : on_llama())
                          .add("model.embed_tokens.lora_embedding_A", {2, 96})
                          .add("model.embed_tokens.lora_embedding_B", {d, 2});
    const OnLlama c(is_tied ? "tiny-llama-tied" : "tiny-llama", made);
    const Values& a = made.data("model.embed_tokens.lora_embedding_A");
    const Values& b = made.data("model.embed_tokens.lora_embedding_B");
    Values expected = c.was(words);
    for (std::size_t i = 0; i < 96; ++i)
      for (std::size_t j = 0; j < std::size_t(d); ++j)
        for (std::size_t k = 0; k < 2; ++k) expected[i * std::size_t(d) + j] += 2 * a[k * 96 + i] * b[2 * j + k];
    CHECK(close(c.is(words), expected));
    CHECK(c.is(head) == c.was(is_tied ? words : head));
  }
}

TEST_CASE("carried: rows of single tokens") {
  const std::string rows = "model.embed_tokens.trainable_tokens_delta";
  for (const json& ids : {json({7, 1, 95}), json({{"embed_tokens", {7, 1, 95}}})}) {
    const Made made = on_llama().add(rows, {3, 32}).set("trainable_token_indices", ids);
    const OnLlama c("tiny-llama", made);
    Values expected = c.was(words);
    const std::size_t at[] = {7, 1, 95};
    for (std::size_t i = 0; i < 3; ++i)
      std::copy_n(made.data(rows).begin() + std::ptrdiff_t(32 * i), 32, expected.begin() + std::ptrdiff_t(32 * at[i]));
    CHECK(c.is(words) == expected);
    CHECK(lacks(c.notes.at(0), {"token rows of model.embed_tokens"}) == "");
  }
  const auto wrong = [&](const json& ids, std::int64_t n = 3) {
    return refused("tiny-llama", on_llama().add(rows, {n, 32}).set("trainable_token_indices", ids));
  };
  CHECK(lacks(wrong({7, 1, 96}), {"token 96", "resize"}) == "");
  CHECK(lacks(wrong({7, 1, -1}), {"token -1"}) == "");
  CHECK(lacks(wrong({7, 1}), {"(3, 32)", "(2, 32)"}) == "");
  CHECK(lacks(wrong(nullptr), {"trainable_token_indices"}) == "");
  CHECK(lacks(wrong("7"), {"trainable_token_indices"}) == "");
  CHECK(lacks(wrong(json({{"lm_head", {1, 2, 3}}})), {"names no tokens of model.embed_tokens"}) == "");
}

TEST_CASE("carried: biases and whole matrices, saved again as they were") {
  using Method = peft::Method<Delta<LoRA<Dynamic>, At<Linear>>>;
  const std::string layer = "bert.encoder.layer.0.";
  Made made(layer + "attention.self.query", 32, 32);
  made.add(layer + "attention.self.query.bias", {32})
      .add(layer + "output.LayerNorm.bias", {32})
      .add("bert.pooler.dense.weight", {32, 32});
  made.add("bert.pooler.dense.bias", {32}).add("classifier.weight", {3, 32}).add("classifier.bias", {3});
  made.set("bias", "all")
      .set("modules_to_save", {"classifier", "pooler"})
      .set("task_type", "SEQ_CLS")
      .set("target_modules", {"query"});
  const Changed<Bert<float>> c("tiny-bert", made);
  CHECK(c.is(layer + "attention.self.query.bias") == made.data(layer + "attention.self.query.bias"));
  CHECK_FALSE(c.after->has_pooler());  // it is the head's from now on
  CHECK(lacks(c.notes.at(0), {"2 biases"}) == "");

  Method method;
  configure_from(*made.adapter, std::get<0>(method.deltas));
  Model<Bert<float>, Method> model(c.after, method, Classify{3});
  CHECK(from_adapter(model, *made.adapter).empty());
  const Temporary folder;
  save(model, folder.path());
  const PeftAdapter again = load_peft(folder.path());
  CHECK(again.config["bias"] == "all");
  const auto saved = again.config["modules_to_save"].get<std::vector<std::string>>();
  const auto whole = [&](const std::string& module) {
    return std::any_of(saved.begin(), saved.end(), [&](const std::string& one) {
      return module.ends_with(one) || module.find("." + one + ".") != module.npos;
    });
  };
  CHECK((whole("classifier") && whole("bert.pooler.dense")));
  CHECK(again.tensors.size() == made.adapter->tensors.size());
  for (const HostTensor& t : again.tensors) {
    INFO(t.name);
    CHECK(made.data(t.name.substr(std::string("base_model.model.").size())) == t.data);
  }
  const auto file = SafeTensors::open(folder / "adapter_model.safetensors");
  CHECK(file.find("base_model.model." + layer + "attention.self.query.base_layer.bias") !=
        nullptr);  // where PEFT looks for it
  CHECK(file.find("base_model.model." + layer + "output.LayerNorm.bias") != nullptr);

  // On a backbone that has not taken it, nothing of it is lost in silence.
  Model<Bert<float>, Method> plain(c.before, method, Classify{3});
  CHECK(lacks(error_of([&] { from_adapter(plain, *made.adapter); }), {"nothing in this model takes"}) == "");
  // Without a head the model keeps its own.
  std::erase_if(made.adapter->tensors, [](const auto& t) { return t.name.find("classifier") != std::string::npos; });
  Model<Bert<float>, Method> headless(c.after, method, Classify{3});
  const auto own = head_tensors(headless);
  CHECK(from_adapter(headless, *made.adapter) == std::vector<std::string>{"classifier.weight", "classifier.bias"});
  const auto now = head_tensors(headless);  // the pooler, which the adapter brings, and the classifier
  CHECK(now.at(0).data == made.data("bert.pooler.dense.weight"));
  CHECK(now.at(2).data == own.at(2).data);
}

TEST_CASE("carried: GPT-2's matrices as its files have them") {
  const std::string name = "transformer.h.1.mlp.c_fc.weight";
  const Made made =
      Made("transformer.h.0.attn.c_attn", 24, 72).add(name, {24, 96}).add("transformer.h.1.mlp.c_fc.bias", {96});
  const Changed<Gpt2<float>> c("tiny-gpt2", made);
  CHECK(c.is(name) == made.data(name));
  const Mat<const float> w = c.after->template weights<Site::ff_up>(1).w;
  CHECK(w.extent(0) == 96);
  CHECK(w(5, 3) == made.data(name)[3 * 96 + 5]);
}
