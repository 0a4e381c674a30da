// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <peft/concepts.hpp>
#include <peft/io/config.hpp>
#include <peft/io/bert_config.hpp>
#include <peft/model/tensor_store.hpp>
#include <peft/nn/shape.hpp>

namespace peft {

/// BERT (Devlin et al., 2019): post-norm encoder over word, position and segment embeddings. Immutable once open, shared by
/// every model that is attached to it. T: scalar; E: execution space whose memory holds the weights.
template <class T = float, ExecutionSpace E = Host>
class Bert {
 public:
  using Scalar = T;
  using Space = E;
  using Shape = nn::EncoderShape;
  using C = Mat<const T, E>;

  static constexpr const char* family = "bert";
  static constexpr bool special_tokens = true;  // [CLS] and [SEP] around every text
  static constexpr SiteSet sites = Everything | Attention | Ffn | Layer | SelfAttention | Input | only(Site::side);

  /// The checkpoint's own name of a site, `*` for the layer.
  static constexpr std::string_view path(Site s) {
    switch (s) {
      case Site::query: return "bert.encoder.layer.*.attention.self.query";
      case Site::key: return "bert.encoder.layer.*.attention.self.key";
      case Site::value: return "bert.encoder.layer.*.attention.self.value";
      case Site::attn_out: return "bert.encoder.layer.*.attention.output.dense";
      case Site::ff_up: return "bert.encoder.layer.*.intermediate.dense";
      case Site::ff_down: return "bert.encoder.layer.*.output.dense";
      case Site::pooler: return "bert.pooler.dense";
      case Site::attn_norm: return "bert.encoder.layer.*.attention.output.LayerNorm";
      case Site::ff_norm: return "bert.encoder.layer.*.output.LayerNorm";
      case Site::embed_norm: return "bert.embeddings.LayerNorm";
      case Site::word_table: return "bert.embeddings.word_embeddings";
      case Site::position_table: return "bert.embeddings.position_embeddings";
      case Site::type_table: return "bert.embeddings.token_type_embeddings";
      case Site::attention: return "bert.encoder.layer.*.attention";
      case Site::ffn: return "bert.encoder.layer.*.output";
      case Site::layer: return "bert.encoder.layer.*";
      case Site::self_attention: return "bert.encoder.layer.*.attention.self";
      case Site::input: return "bert.embeddings";
      case Site::side: return "side";
    }
    return "";
  }
  static std::string path(Site s, int layer) {
    std::string name(path(s));
    const auto star = name.find('*');
    if (star != std::string::npos) name.replace(star, 1, std::to_string(layer));
    return name;
  }

  /// A Hugging Face folder: config.json and model.safetensors (or shards), mapped read-only and checked whole.
  static std::shared_ptr<const Bert> open(const std::filesystem::path& folder) {
    auto bert = std::shared_ptr<Bert>(new Bert(read_bert_config(folder / "config.json"), folder.string()));
    bert->store_ = TensorStore<T, E>(Checkpoint::open(folder), "bert.");
    bert->bind([&](const std::string& name, Extent rows, Extent cols) { return bert->store_.load(name, rows, cols); },
               bert->store_.has(path(Site::pooler, -1) + ".weight"));
    bert->store_.finish({"embeddings.position_ids", "cls.", "classifier."});
    return bert;
  }

  /// Random weights, for tests: matrices ~ N(0, scale^2 / in), norms near one, gradients of order one.
  static std::shared_ptr<const Bert> random(const BertConfig& config, std::uint64_t seed, double scale = 1) {
    auto bert = std::shared_ptr<Bert>(new Bert(config, "random"));
    bert->bind(
        [&](const std::string& name, Extent rows, Extent cols) {
          const auto key = rng::combine(rng::mix(seed), name);
          const bool norm = name.find("LayerNorm.weight") != std::string::npos, vector = rows == 1 && !norm;
          std::vector<T> values(static_cast<std::size_t>(rows) * cols);
          for (std::size_t i = 0; i < values.size(); ++i) {
            const double z = rng::normal(key, i);
            values[i] = static_cast<T>(norm ? 1 + 0.1 * z : vector ? 0.1 * z : scale * z / std::sqrt(double(cols)));
          }
          return bert->store_.make(name, values, rows, cols);
        },
        true);
    return bert;
  }

  const BertConfig& config() const { return config_; }
  const Shape& shape() const { return shape_; }
  int layers() const { return shape_.layers; }
  Extent width() const { return shape_.width; }
  Extent vocabulary() const { return config_.vocab_size; }
  Extent longest() const { return config_.max_position_embeddings; }
  bool has_pooler() const { return has_pooler_; }
  double classifier_dropout() const { return config_.classifier_dropout; }
  const std::string& folder() const { return folder_; }
  const TensorStore<T, E>& store() const { return store_; }

  /// The same weights under other dropout probabilities (a negative one keeps the config's).
  std::shared_ptr<const Bert> with_dropout(double hidden, double attention, double classifier) const {
    auto copy = std::make_shared<Bert>(*this);
    if (hidden >= 0) copy->shape_.hidden_dropout = hidden;
    if (attention >= 0) copy->shape_.attention_dropout = attention;
    if (classifier >= 0) copy->config_.classifier_dropout = classifier;
    return copy;
  }

  template <Site S>
  Weights<C> weights(int layer) const {
    return weights_[static_cast<std::size_t>(info(S).per_layer ? layer + 1 : 0)][static_cast<std::size_t>(S)];
  }

  Module module(Site s, int layer) const {
    Module m{s, layer, width(), width(), false, path(s, layer), shape_};
    switch (info(s).kind) {
      case Kind::linear:
        if (s == Site::ff_up) m.out = shape_.inner;
        if (s == Site::ff_down) m.in = shape_.inner;
        m.bias = true;
        break;
      case Kind::norm:
        m.bias = true;
        break;
      case Kind::table:
        m.in = s == Site::word_table ? config_.vocab_size
                                     : s == Site::position_table ? config_.max_position_embeddings : config_.type_vocab_size;
        break;
      default:
        break;
    }
    if (s == Site::pooler) require(has_pooler_, folder_, ": the checkpoint has no pooler for a delta to sit on");
    return m;
  }

 private:
  Bert(BertConfig config, std::string folder) : config_(std::move(config)), folder_(std::move(folder)) {
    shape_ = {config_.num_hidden_layers,
              config_.hidden_size,
              config_.num_attention_heads,
              config_.intermediate_size,
              config_.layer_norm_eps,
              config_.hidden_act == BertActivation::Gelu ? nn::Activation::gelu : nn::Activation::gelu_tanh,
              config_.hidden_dropout_prob,
              config_.attention_probs_dropout_prob};
  }

  /// Fills the table of weights from `tensor(name, rows, cols)`.
  template <class F>
  void bind(F&& tensor, bool pooler) {
    has_pooler_ = pooler;
    weights_.resize(static_cast<std::size_t>(layers()) + 1);
    for (const SiteInfo& s : site_table) {
      if (!has(Kind::linear | Kind::norm | Kind::table, s.kind) || (s.site == Site::pooler && !pooler)) continue;
      for (int layer = s.per_layer ? 0 : -1; layer < (s.per_layer ? layers() : 0); ++layer) {
        const Module m = module(s.site, layer);
        const Extent rows = s.kind == Kind::table ? m.in : s.kind == Kind::norm ? 1 : m.out;
        const Extent cols = s.kind == Kind::linear ? m.in : m.out;
        Weights<C>& w = weights_[static_cast<std::size_t>(layer + 1)][static_cast<std::size_t>(s.site)];
        w.w = tensor(m.path + ".weight", rows, cols);
        if (m.bias) w.b = tensor(m.path + ".bias", 1, m.out);
      }
    }
  }

  BertConfig config_;
  std::string folder_;
  Shape shape_;
  bool has_pooler_ = true;
  TensorStore<T, E> store_;
  std::vector<std::array<Weights<C>, site_count>> weights_;  // [layer + 1][site]
};

}  // namespace peft
