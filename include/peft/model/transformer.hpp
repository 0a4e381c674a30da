// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <peft/concepts.hpp>
#include <peft/core/memory.hpp>
#include <peft/core/transposed.hpp>
#include <peft/io/checkpoint.hpp>
#include <peft/io/hub_cache.hpp>
#include <peft/io/peft_carried.hpp>
#include <peft/model/family.hpp>
#include <peft/model/tensor_store.hpp>
#include <peft/nn/shape.hpp>

namespace peft {

/// A transformer read from a Hugging Face folder, described by its family F. Immutable once open, shared by every model
/// that is attached to it. T: scalar; E: execution space whose memory holds the weights.
template <class F, class T = float, ExecutionSpace E = Host>
class Transformer {
 public:
  using Family = F;
  using Config = typename F::Config;
  using Scalar = T;
  using Space = E;
  using Shape = nn::Shape;
  using C = Mat<const T, E>;

  static constexpr const char* family = F::name;
  static constexpr nn::Spec spec = F::spec;
  static constexpr bool special_tokens = F::special_tokens;
  static constexpr SiteSet sites = F::sites;

  /// The checkpoint's own name of a site, `*` for the layer.
  static constexpr std::string_view path(Site s) { return F::path(s); }
  std::string path(Site s, int layer) const { return F::path(F::path(s), s, layer, shape_); }

  /// A Hugging Face folder: config.json and model.safetensors or pytorch_model.bin (or shards), mapped read-only and
  /// checked whole. Or a model's name, "google-bert/bert-base-uncased", which is looked up in Hugging Face's cache
  /// (io/hub_cache.hpp). What the model needs must be there, under any name that transformers knows for it; what it
  /// does not take is named by `notes`. `before`: is told what that takes when the files are mapped and nothing is
  /// loaded yet; may throw.
  static std::shared_ptr<const Transformer> open(const std::filesystem::path& model,
                                                 const std::function<void(const LoadSizes&)>& before = {}) {
    const auto folder = resolve_model(model.string());
    auto made = std::shared_ptr<Transformer>(new Transformer(F::read(folder), folder.string()));
    auto& store = made->store_ =
        TensorStore<T, E>(Checkpoint::open(folder), TensorNames{F::prefix, F::other_prefixes(), F::renamed()});
    store.file().check(made->stacks());
    if constexpr (F::sites.contains(Site::lm_head)) {
      bool& tied = made->config_.tie_word_embeddings;
      tied = store.file().tied(made->path(Site::word_table, -1) + ".weight", made->path(Site::lm_head, -1) + ".weight",
                               tied, F::always_tied);
    }
    const auto load = [&] {
      made->bind(
          [&](Site s, const std::string& name, Extent rows, Extent cols) {
            const bool turned = F::input_by_output && info(s).kind == Kind::linear && rows > 1;
            return turned ? store.load_transposed(name, rows, cols) : store.load(name, rows, cols);
          },
          F::sites.contains(Site::pooler) && store.has(made->path(Site::pooler, -1) + ".weight"));
    };
    if (before) {
      store.count(true);
      load();
      store.count(false);
      before(store.loads());
    }
    load();
    store.file().finish(F::spec.causal ? std::vector<std::string>{}
                                       : std::vector<std::string>{cat(F::classifier, "."), cat(F::head_dense, "."),
                                                                  cat(F::head_out, ".")});
    made->notes_ = made->config_.notes;
    made->notes_.insert(made->notes_.end(), store.file().notes().begin(), store.file().notes().end());
    return made;
  }

  /// Random weights, for tests: matrices ~ N(0, scale^2 / in), norms near one, gradients of order one.
  static std::shared_ptr<const Transformer> random(const Config& config, std::uint64_t seed, double scale = 1) {
    auto made = std::shared_ptr<Transformer>(new Transformer(config, "random"));
    made->bind(
        [&](Site s, const std::string& name, Extent rows, Extent cols) {
          const auto key = rng::combine(rng::mix(seed), name);
          const bool norm = info(s).kind == Kind::norm && name.ends_with(".weight"), vector = rows == 1 && !norm;
          std::vector<T> values(static_cast<std::size_t>(rows) * cols);
          for (std::size_t i = 0; i < values.size(); ++i) {
            const double z = rng::normal(key, i);
            values[i] = static_cast<T>(norm ? 1 + 0.1 * z : vector ? 0.1 * z : scale * z / std::sqrt(double(cols)));
          }
          return made->store_.make(name, values, rows, cols);
        },
        F::sites.contains(Site::pooler));
    return made;
  }

  const Config& config() const { return config_; }
  const Shape& shape() const { return shape_; }
  int layers() const { return shape_.layers; }
  Extent width() const { return shape_.width; }
  Extent vocabulary() const { return config_.vocab_size; }
  Extent longest() const { return F::longest(config_); }
  Extent types() const { return F::types(config_); }
  Extent position_offset() const { return F::position_offset(config_); }
  bool has_pooler() const { return has_pooler_; }
  bool tied() const { return F::tied(config_); }
  int start_token() const { return F::start_token(config_); }
  double logit_scale() const { return F::logit_scale(config_); }
  nn::Activation pooler_activation() const { return F::pooler_activation(config_); }
  double pooler_dropout() const { return pooler_dropout_; }
  double classifier_dropout() const { return classifier_dropout_; }
  /// Inverse frequencies of rotary positions (1, head / 2); empty where there are none.
  C rotary() const { return C(rotary_.data(), rotary_.size() > 0 ? 1 : 0, static_cast<Extent>(rotary_.size())); }
  const std::string& folder() const { return folder_; }
  /// What a user should know of the checkpoint's files, a line each: tensors left out, flags that its tensors
  /// contradict.
  const std::vector<std::string>& notes() const { return notes_; }
  const TensorStore<T, E>& store() const { return store_; }

  /// The same weights under other dropout probabilities (a negative one keeps the config's).
  std::shared_ptr<const Transformer> with_dropout(double hidden, double attention, double classifier) const {
    auto copy = std::make_shared<Transformer>(*this);
    if (hidden >= 0) copy->shape_.hidden_dropout = copy->shape_.embedding_dropout = hidden;
    if (hidden >= 0 && F::drops_inside) copy->shape_.inner_dropout = hidden;
    if (attention >= 0) copy->shape_.attention_dropout = attention;
    if (classifier >= 0) copy->classifier_dropout_ = classifier;
    if (classifier >= 0 && copy->pooler_dropout_ > 0) copy->pooler_dropout_ = classifier;
    return copy;
  }

  /// The same weights without those of the last n layers, of an encoder-decoder of the last n of both; the norm after
  /// the last layer follows what is left. `open` has checked the whole folder; what this one leaves out takes no memory
  /// once that one is gone. READ-large is T5-large without four (Nguyen et al., 2023, appendix D.1).
  std::shared_ptr<const Transformer> without_last_layers(int n) const {
    auto made = std::make_shared<Transformer>(*this);
    for (const LayerCount& stack : F::layer_counts(made->config_)) {
      require(n >= 0 && n < *stack.count, folder_, ": the last ", n, " layers cannot be left out where ", stack.name,
              " = ", *stack.count, "; a number from 0 to ", *stack.count - 1, " is wanted");
      *stack.count -= n;
    }
    const Shape fewer = F::shape(made->config_);
    made->shape_.layers = fewer.layers;
    made->shape_.encoder_layers = fewer.encoder_layers;
    made->keep_what_is_left(has_pooler_);
    return made;
  }

  /// The same weights without the pooler, so that a head on the first token trains one of its own.
  std::shared_ptr<const Transformer> without_pooler() const {
    auto made = std::make_shared<Transformer>(*this);
    made->keep_what_is_left(false);
    return made;
  }

  /// The same weights, those that products read and the table of words kept as numbers of `type`, which ops turn into T
  /// as they go. Norms, biases and small tables stay as they are.
  std::shared_ptr<const Transformer> stored_as(DType type) const {
    auto made = std::make_shared<Transformer>(*this);
    made->weights_.clear();
    made->bind(
        [&](Site s, const std::string& name, Extent rows, Extent) {
          const bool read_by_products = info(s).kind == Kind::linear || s == Site::word_table || s == Site::lm_head;
          return read_by_products && rows > 1 ? made->store_.keep_as(type, name) : store_.at(name);
        },
        has_pooler_);
    return made;
  }

  /// The same weights but for what an adapter brings beside its delta; all others are shared.
  std::shared_ptr<const Transformer> carrying(Carrying change) const {
    auto made = std::make_shared<Transformer>(*this);
    made->carried_ = std::make_shared<const PeftCarried>(std::move(change.what));
    if constexpr (sites.contains(Site::lm_head))
      if (change.own_head) made->config_.tie_word_embeddings = false;
    made->weights_.clear();
    made->bind(
        [&](Site s, const std::string& name, Extent rows, Extent cols) {
          const auto given = std::find_if(change.tensors.begin(), change.tensors.end(),
                                          [&](const HostTensor& t) { return t.name == name; });
          if (given == change.tensors.end()) return store_.at(name);
          std::vector<T> values(given->data.begin(), given->data.end());
          if (F::input_by_output && info(s).kind == Kind::linear && rows > 1) values = transposed(values, cols, rows);
          return made->store_.make(name, values, rows, cols);
        },
        has_pooler_);
    return made;
  }
  /// What it has taken from an adapter, or nullptr.
  const std::shared_ptr<const PeftCarried>& carried() const { return carried_; }

  /// Does this checkpoint have the site, in this layer?
  bool has(Site s, int layer) const {
    return sites.contains(s) && (s != Site::pooler || has_pooler_) && F::has(s, layer, config_, shape_);
  }

  /// What the checkpoint has at a site; `layer` does not count where the site is no layer's.
  Weights<C> weights(Site s, int layer) const {
    return weights_[static_cast<std::size_t>(info(s).per_layer ? layer + 1 : 0)][static_cast<std::size_t>(s)];
  }
  template <Site S>
  Weights<C> weights(int layer) const {
    return weights(S, layer);
  }

  Module module(Site s, int layer) const {
    if (s == Site::pooler) require(has_pooler_, folder_, ": the checkpoint has no pooler for a delta to sit on");
    const auto [in, out] = extents(s);
    const bool linear = info(s).kind == Kind::linear, norm = info(s).kind == Kind::norm;
    Module m{s, layer, in, out, (linear && F::bias(s, config_)) || (norm && !spec.rms), path(s, layer), shape_};
    m.in_head = s == Site::word_table && tied();
    m.spec = spec;
    return m;
  }

 private:
  Transformer(Config config, std::string folder) : config_(std::move(config)), folder_(std::move(folder)) {
    shape_ = F::shape(config_);
    classifier_dropout_ = F::classifier_dropout(config_);
    pooler_dropout_ = F::pooler_dropout(config_);
    const std::vector<double> frequencies = F::rotary(config_);
    rotary_ = Memory<T, E>("peft::rotary", std::vector<T>(frequencies.begin(), frequencies.end()));
  }

  std::vector<LayerStack> stacks() const {
    std::vector<LayerStack> all;
    Config config = config_;
    for (const LayerCount& stack : F::layer_counts(config)) {
      std::string first = path(Site::layer, all.empty() ? 0 : shape_.encoder_layers);
      first.pop_back();  // its number, 0
      all.push_back({first, *stack.count, stack.name});
    }
    return all;
  }

  /// Binds anew to the tensors that are there already, and lets go of the others.
  void keep_what_is_left(bool pooler) {
    weights_.clear();
    std::set<std::string> names;
    bind(
        [&](Site, const std::string& name, Extent, Extent) {
          names.insert(name);
          return store_.at(name);
        },
        pooler);
    store_.keep_only(names);
  }

  std::pair<Extent, Extent> extents(Site s) const {
    const Extent d = shape_.width, q = shape_.query_width(), kv = shape_.key_width(), inner = shape_.inner;
    switch (s) {
      case Site::query:
      case Site::cross_query:
      case Site::position_query:
      case Site::position_key: return {d, q};
      case Site::key:
      case Site::value:
      case Site::cross_key:
      case Site::cross_value:
      case Site::self_attention: return {d, kv};
      case Site::qkv: return {d, q + 2 * kv};
      case Site::attn_out:
      case Site::cross_out: return {q, d};
      case Site::ff_up:
      case Site::ff_gate: return {d, inner};
      case Site::ff_down: return {inner, d};
      case Site::lm_head: return {d, F::entries(Site::lm_head, config_)};
      case Site::bucket_table: return {shape_.heads, shape_.buckets};
      default: return {info(s).kind == Kind::table ? F::entries(s, config_) : d, d};
    }
  }

  /// Fills the table of weights from `tensor(site, name, rows, cols)`.
  template <class Tensor>
  void bind(Tensor&& tensor, bool pooler) {
    has_pooler_ = pooler;
    weights_.resize(static_cast<std::size_t>(layers()) + 1);
    for (const SiteInfo& s : site_table) {
      if (!peft::has(Kind::linear | Kind::norm | Kind::table | Kind::fixed, s.kind)) continue;
      for (int layer = s.per_layer ? 0 : -1; layer < (s.per_layer ? layers() : 0); ++layer) {
        if (!has(s.site, layer)) continue;
        const Module m = module(s.site, layer);
        const Extent rows = s.kind == Kind::table ? m.in : s.kind == Kind::norm ? 1 : m.out;
        const Extent cols = s.kind == Kind::linear || s.kind == Kind::fixed ? m.in : m.out;
        Weights<C>& w = weights_[static_cast<std::size_t>(layer + 1)][static_cast<std::size_t>(s.site)];
        w.w = tensor(s.site, m.path + ".weight", rows, cols);
        if (m.bias) w.b = tensor(s.site, m.path + ".bias", 1, m.out);
      }
    }
  }

  Config config_;
  std::string folder_;
  std::vector<std::string> notes_;
  Shape shape_;
  bool has_pooler_ = true;
  double classifier_dropout_ = 0, pooler_dropout_ = 0;
  TensorStore<T, E> store_;
  Memory<T, E> rotary_;
  std::vector<std::array<Weights<C>, site_count>> weights_;  // [layer + 1][site]
  std::shared_ptr<const PeftCarried> carried_;
};

}  // namespace peft
