// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include <peft/core/transfer.hpp>
#include <peft/side/magnitude.hpp>
#include <peft/side/pass.hpp>

namespace peft {

/// Structured pruning of a backbone: what a small network beside it begins with (LST, Sung et al., 2022, section 3.3).
/// Everything that is added to the residual stream shares its coordinates, so one set of them is kept in all layers:
/// those of the largest summed scores in the weights that read or write the stream. Rows of queries, keys and values
/// are kept jointly, evenly over the heads; rows of the feed-forward by their own score, gated jointly. Rotary heads
/// keep evenly spaced pairs, those that turn as the small heads do. Score says what a number of a weight is worth, and
/// three of one place together: `Magnitude`, or `Fisher` (side/fisher.hpp).
template <class T, class Score = Magnitude>
class Pruner {
 public:
  using Rows = std::vector<Extent>;

  Pruner(const auto& backbone, const nn::Shape& small, const Score& score = {})
      : large_(backbone.shape()), small_(small), spec_(backbone.spec), score_(score) {
    for (int l = 0; l < large_.layers; ++l) {
      layers_.emplace_back(block_parts.size());
      [&]<std::size_t... i>(std::index_sequence<i...>) {
        (read<block_parts[i].site>(backbone, l), ...);
      }(std::make_index_sequence<block_parts.size()>{});
    }
    std::vector<double> sums(static_cast<std::size_t>(large_.width));
    for (const auto& layer : layers_)
      for (const BlockPart& part : block_parts) {
        if (info(part.site).kind == Kind::norm) continue;
        const Matrix& w = layer[part_of(part.site)];
        for (Extent i = 0; i < w.rows; ++i)
          for (Extent j = 0; j < w.cols; ++j)
            sums[static_cast<std::size_t>(writes(part.site) ? i : j)] += w.score(i, j);
      }
    stream_ = largest(sums, small_.width, 1);
  }

  /// The coordinates of the residual stream that are kept.
  const Rows& stream() const { return stream_; }

  /// Gives every tensor of the block cut out of layer `l` to write(name, values), under `path`.
  void block(int l, const std::string& path, auto&& write) const {
    const auto& layer = layers_[static_cast<std::size_t>(l)];
    std::vector<const Matrix*> up{&layer[part_of(Site::ff_up)]};
    if (has_part(Site::ff_gate, spec_, small_, l)) up.push_back(&layer[part_of(Site::ff_gate)]);
    const Rows inner = largest(joint(up), small_.inner, 1);
    const bool cross = has_part(Site::cross_query, spec_, small_, l);
    const Rows heads = attending(layer, {Site::query, Site::key, Site::value}, small_.heads);
    const Rows asked =
        cross ? attending(layer, {Site::cross_query, Site::cross_key, Site::cross_value}, small_.heads) : Rows();
    const Rows key_heads = small_.key_heads > 0 ? spaced(small_.key_heads) : heads;
    for (const auto& [site, name] : block_parts) {
      if (!has_part(site, spec_, small_, l)) continue;
      const bool crosses =
          site == Site::cross_query || site == Site::cross_key || site == Site::cross_value || site == Site::cross_out;
      const Rows& of_heads = crosses ? asked : site == Site::key || site == Site::value ? key_heads : heads;
      const bool inside = site == Site::ff_up || site == Site::ff_gate, norm = info(site).kind == Kind::norm;
      const Rows& out = writes(site) || norm ? stream_ : inside ? inner : of_heads;
      const Rows& in = site == Site::ff_down ? inner : writes(site) ? of_heads : stream_;
      cut(layer[part_of(site)], norm ? Rows{0} : out, in, out, cat(path, ".", name), write);
    }
  }
  /// The same for the norm after layer `l`.
  void norm(int l, const std::string& path, auto&& write) const {
    cut(layers_[static_cast<std::size_t>(l)][part_of(Site::final_norm)], {0}, stream_, stream_, path, write);
  }

 private:
  struct Matrix {
    Extent rows = 0, cols = 0;
    std::vector<T> w, bias;
    std::vector<float> scores;  // empty: the numbers' own size
    T at(Extent i, Extent j) const { return w[static_cast<std::size_t>(i) * cols + j]; }
    double score(Extent i, Extent j) const {
      return scores.empty() ? std::abs(at(i, j)) : scores[static_cast<std::size_t>(i) * cols + j];
    }
  };
  static bool writes(Site s) { return s == Site::attn_out || s == Site::cross_out || s == Site::ff_down; }

  /// Part S of layer l, out of a fused projection where it is one.
  template <Site S, class Backbone>
  void read(const Backbone& backbone, int l) {
    Matrix& into = layers_.back()[part_of(S)];
    if constexpr (Backbone::sites.contains(S)) {
      if (backbone.has(S, l)) into = host(backbone.template weights<S>(l), backbone.path(S, l), info(S).kind);
    } else if constexpr (Backbone::sites.contains(Site::qkv) &&
                         (S == Site::query || S == Site::key || S == Site::value)) {
      const auto all = backbone.template weights<Site::qkv>(l);
      const Extent q = large_.query_width(), kv = large_.key_width(),
                   from = S == Site::query ? 0
                          : S == Site::key ? q
                                           : q + kv;
      const Extent count = S == Site::query ? q : kv;
      into = host(all, backbone.path(Site::qkv, l), Kind::linear);
      const auto some = [&](auto& v, std::ptrdiff_t width) {
        if (!v.empty())
          v = std::remove_cvref_t<decltype(v)>(v.begin() + from * width, v.begin() + (from + count) * width);
      };
      some(into.w, into.cols);
      some(into.scores, into.cols);
      some(into.bias, 1);
      into.rows = count;
    }
  }
  template <class C>
  Matrix host(const Weights<C>& from, const std::string& path, Kind kind) const {
    using E = SpaceOf<C>;
    Matrix m{
        peft::rows(from.w), peft::cols(from.w), host_values(from.w), downloaded<E>(from.b.data(), from.b.size()), {}};
    if (kind == Kind::linear) m.scores = score_.of(path + ".weight", m.w.size());
    return m;
  }
  void cut(const Matrix& w, const Rows& out, const Rows& in, const Rows& of_bias, const std::string& path,
           auto&& write) const {
    std::vector<T> weight, bias;
    for (const Extent i : out)
      for (const Extent j : in) weight.push_back(w.at(i, j));
    write(path + ".weight", weight);
    if (spec_.rms) return;
    for (const Extent i : of_bias) bias.push_back(w.bias[static_cast<std::size_t>(i)]);
    write(path + ".bias", bias);
  }

  /// Rows of an attention that are kept.
  Rows attending(const std::vector<Matrix>& layer, std::initializer_list<Site> parts, Extent heads) const {
    if (spec_.position == nn::Position::rotary) return spaced(heads);
    std::vector<const Matrix*> all;
    for (const Site s : parts) all.push_back(&layer[part_of(s)]);
    return largest(joint(all), small_.query_width(), heads);
  }
  /// Of every head the rows of evenly spaced pairs (i, i + head / 2).
  Rows spaced(Extent heads) const {
    const Extent half = large_.head() / 2, pairs = small_.head() / 2, stride = half / pairs;
    Rows kept;
    for (Extent h = 0; h < heads; ++h)
      for (const Extent side : {0, 1})
        for (Extent i = 0; i < pairs; ++i) kept.push_back((2 * h + side) * half + i * stride);
    return kept;
  }
  /// What row i of several weights is worth together, in the coordinates that are kept: the product of their L1 norms,
  /// or the L1 norm of their product.
  std::vector<double> joint(const std::vector<const Matrix*>& parts) const {
    std::vector<double> rows;
    for (Extent i = 0; i < parts.front()->rows; ++i) {
      double of_sums = 1, of_products = 0;
      for (const Matrix* w : parts) {
        double sum = 0;
        for (const Extent j : stream_) sum += w->score(i, j);
        of_sums *= sum;
      }
      for (const Extent j : stream_) {
        double product = 1;
        for (const Matrix* w : parts) product *= w->score(i, j);
        of_products += product;
      }
      rows.push_back(Score::elementwise ? of_products : of_sums);
    }
    return rows;
  }
  /// `count` places in order, the largest of each of `parts` equal stretches.
  static Rows largest(const std::vector<double>& score, Extent count, Extent parts) {
    const Extent stretch = static_cast<Extent>(score.size()) / parts;
    Rows kept;
    for (Extent p = 0; p < parts; ++p) {
      Rows order(static_cast<std::size_t>(stretch));
      for (Extent i = 0; i < stretch; ++i) order[static_cast<std::size_t>(i)] = p * stretch + i;
      std::stable_sort(order.begin(), order.end(), [&](Extent a, Extent b) {
        return score[static_cast<std::size_t>(a)] > score[static_cast<std::size_t>(b)];
      });
      order.resize(static_cast<std::size_t>(count / parts));
      std::sort(order.begin(), order.end());
      kept.insert(kept.end(), order.begin(), order.end());
    }
    return kept;
  }

  nn::Shape large_, small_;
  nn::Spec spec_;
  [[no_unique_address]] Score score_;
  std::vector<std::vector<Matrix>> layers_;
  Rows stream_;
};

}  // namespace peft
