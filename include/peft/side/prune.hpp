// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <peft/core/transfer.hpp>
#include <peft/side/block.hpp>

namespace peft {

/// Structured pruning of a backbone by magnitude: what a small network beside it begins with (LST, Sung et al., 2022, with the
/// L1 norm where the released code takes Fisher information). Everything that is added to the residual stream shares its
/// coordinates, so one set of them is kept in all layers: those of the largest summed L1 norms in the weights that read or
/// write the stream. Rows of queries, keys and values are kept jointly, by the product of their norms, evenly over the heads;
/// rows of the feed-forward by their own norm.
template <class T>
class Pruner {
 public:
  using Rows = std::vector<Extent>;

  Pruner(const auto& backbone, const nn::Shape& small) : large_(backbone.shape()), small_(small) {
    for (int l = 0; l < large_.layers; ++l) {
      layers_.emplace_back();
      [&]<std::size_t... i>(std::index_sequence<i...>) {
        ((layers_.back().push_back(host(backbone.template weights<block_parts[i].site>(l)))), ...);
      }(std::make_index_sequence<block_parts.size()>{});
    }
    std::vector<double> score(static_cast<std::size_t>(large_.width));
    for (const auto& layer : layers_)
      for (const BlockPart& part : block_parts) {
        if (info(part.site).kind == Kind::norm) continue;
        const bool writes = part.site == Site::attn_out || part.site == Site::ff_down;
        const Matrix& w = layer[part_of(part.site)];
        for (Extent i = 0; i < w.rows; ++i)
          for (Extent j = 0; j < w.cols; ++j) score[static_cast<std::size_t>(writes ? i : j)] += std::abs(w.at(i, j));
      }
    stream_ = largest(score, small_.width, 1);
  }

  /// The coordinates of the residual stream that are kept.
  const Rows& stream() const { return stream_; }

  /// Gives every tensor of the block cut out of layer `l` to write(name, values), under `path`.
  void block(int l, const std::string& path, auto&& write) const {
    const auto& layer = layers_[static_cast<std::size_t>(l)];
    std::vector<double> joint(static_cast<std::size_t>(large_.width), 1), own(static_cast<std::size_t>(large_.inner));
    for (const Site s : {Site::query, Site::key, Site::value})
      for (Extent i = 0; i < large_.width; ++i) joint[static_cast<std::size_t>(i)] *= norm(layer[part_of(s)], i);
    for (Extent i = 0; i < large_.inner; ++i) own[static_cast<std::size_t>(i)] = norm(layer[part_of(Site::ff_up)], i);
    const Rows heads = largest(joint, small_.width, small_.heads), inner = largest(own, small_.inner, 1);
    for (const auto& [site, name] : block_parts) {
      const bool attends = site == Site::query || site == Site::key || site == Site::value, norms = info(site).kind == Kind::norm;
      const Rows& out = attends ? heads : site == Site::ff_up ? inner : stream_;
      const Rows& in = site == Site::attn_out ? heads : site == Site::ff_down ? inner : stream_;
      const Matrix& w = layer[part_of(site)];
      std::vector<T> weight, bias;
      for (const Extent i : norms ? Rows{0} : out)
        for (const Extent j : in) weight.push_back(w.at(i, j));
      for (const Extent i : out) bias.push_back(w.bias[static_cast<std::size_t>(i)]);
      write(cat(path, ".", name, ".weight"), weight);
      write(cat(path, ".", name, ".bias"), bias);
    }
  }

 private:
  struct Matrix {
    Extent rows, cols;
    std::vector<T> w, bias;
    T at(Extent i, Extent j) const { return w[static_cast<std::size_t>(i) * cols + j]; }
  };
  template <class C>
  static Matrix host(const Weights<C>& from) {
    using E = SpaceOf<C>;
    return {peft::rows(from.w), peft::cols(from.w), downloaded<E>(from.w.data(), from.w.size()), downloaded<E>(from.b.data(), from.b.size())};
  }
  double norm(const Matrix& w, Extent row) const {
    double sum = 0;
    for (const Extent j : stream_) sum += std::abs(w.at(row, j));
    return sum;
  }
  /// `count` places in order, the largest of each of `parts` equal stretches.
  static Rows largest(const std::vector<double>& score, Extent count, Extent parts) {
    const Extent stretch = static_cast<Extent>(score.size()) / parts;
    Rows kept;
    for (Extent p = 0; p < parts; ++p) {
      Rows order(static_cast<std::size_t>(stretch));
      for (Extent i = 0; i < stretch; ++i) order[static_cast<std::size_t>(i)] = p * stretch + i;
      std::stable_sort(order.begin(), order.end(), [&](Extent a, Extent b) { return score[static_cast<std::size_t>(a)] > score[static_cast<std::size_t>(b)]; });
      order.resize(static_cast<std::size_t>(count / parts));
      std::sort(order.begin(), order.end());
      kept.insert(kept.end(), order.begin(), order.end());
    }
    return kept;
  }

  nn::Shape large_, small_;
  std::vector<std::vector<Matrix>> layers_;
  Rows stream_;
};

}  // namespace peft
