// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>
#include <vector>

#include <peft/ops/gemm.hpp>
#include <peft/ops/linear.hpp>
#include <peft/ops/loss.hpp>
#include <peft/ops/select.hpp>
#include <peft/pass.hpp>

namespace peft {

/// From hidden states to words:  logits = s h W',  W the backbone's lm_head or, tied, its word table. The loss goes
/// through a few rows at a time, and only those that have a target: logits of a batch are never there at once.
template <class P>
class WordHead {
 public:
  using T = typename P::T;
  using E = typename P::E;
  using V = typename P::V;
  using C = typename P::C;
  static constexpr Extent chunk = 64;

  /// (words, d)
  static Weight<T, E> words(const P& p) {
    return p.backbone().tied() ? p.template weights<Site::word_table>().w : p.template weights<Site::lm_head>().w;
  }
  /// logits (n, words) of h (n, d).
  static void logits(const P& p, C h, V out) { ops::linear(p.w, out, h, words(p), {}, p.backbone().logit_scale()); }

  /// Weight * the sum of -log softmax(logits)[target] over the rows whose target is not negative; dh (n, d) becomes its
  /// gradient unless it is empty, and that of W is added where W is trained. `targets`: one per row, on the host.
  /// `each`: what every row contributes.
  double loss(const P& p, C h, std::span<const double> targets, double weight, V dh,
              std::vector<double>* each = nullptr) {
    const auto scope = p.w.scope();
    const Extent n = rows(h), d = cols(h), vocabulary = rows(words(p));
    const bool backward = !empty(dh);
    if (backward) ops::fill(p.w, dh, T(0));
    const Mat<int, E> index = p.w.template temp<int>(2, n, "targets");
    V losses = p.temp(n, 1);
    Extent m = n;
    if (!p.w.planning()) {
      staging_.assign(static_cast<std::size_t>(2) * n, 0);
      m = 0;
      for (Extent i = 0; i < n; ++i)
        if (targets[static_cast<std::size_t>(i)] >= 0) {
          staging_[static_cast<std::size_t>(m)] = i;
          staging_[static_cast<std::size_t>(n + m++)] = static_cast<int>(targets[static_cast<std::size_t>(i)]);
        }
      upload(p.w.exec, index.data(), staging_.data(), staging_.size());
    }
    if (each) each->assign(static_cast<std::size_t>(n), 0);
    if (m == 0) return 0;
    const double s = p.backbone().logit_scale();
    const V dwords = backward ? gradient(p) : V();
    for (Extent begin = 0; begin < m; begin += chunk) {
      const auto inner = p.w.scope();
      const Extent c = std::min(chunk, m - begin);
      const int *const at = index.data() + begin, *const wanted = index.data() + n + begin;
      V some = p.temp(c, d, "head"), scores = p.temp(c, vocabulary, "logits");
      ops::gather_rows(p.w, some, h, at);
      logits(p, some, scores);
      ops::word_cross_entropy(p.w, scores, wanted, weight, slice(losses, begin, begin + c), backward);
      if (!backward) continue;
      if (!empty(dwords)) ops::gemm(p.w, dwords, t(scores), some, s, 1);
      ops::linear_backward(p.w, some, scores, words(p), 0, s);
      ops::scatter_rows(p.w, dh, C(some), at);
    }
    if (each && !p.w.planning()) {
      p.w.fence();
      const std::vector<T> host = downloaded<E>(static_cast<const T*>(losses.data()), static_cast<std::size_t>(m));
      for (std::size_t i = 0; i < host.size(); ++i) (*each)[static_cast<std::size_t>(staging_[i])] = host[i];
    }
    return ops::sum(p.w, C(slice(losses, 0, m)));
  }

 private:
  /// Where the gradient of W goes; empty when it is not trained.
  static V gradient(const P& p) {
    if constexpr (P::Backbone::sites.contains(Site::lm_head)) {
      return p.backbone().tied() ? p.template weight_gradient<Site::word_table>().w
                                 : p.template weight_gradient<Site::lm_head>().w;
    }
    return {};
  }

  std::vector<int> staging_;
};

}  // namespace peft
