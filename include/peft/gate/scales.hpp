// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstddef>
#include <vector>

#include <peft/concepts.hpp>
#include <peft/core/error.hpp>
#include <peft/core/rng.hpp>
#include <peft/core/transfer.hpp>

namespace peft {

/// The factors g that a gate which `scales` gives its r ranks: what it makes of ones. Throws Error when it makes
/// something else of other rows than g * h, so that nothing is folded or pruned by a gate that says of itself what is
/// not so.
template <class T, ExecutionSpace E, ScalesRanks G>
std::vector<T> scales_of(const G& gate, Context<T, E>& c, const auto& p, Extent r) {
  constexpr Extent tried = 5;  // rows; the first is of ones
  const auto scope = c.w.scope();
  const auto width = static_cast<std::size_t>(r);
  std::vector<T> h(tried * width, T(1));
  for (std::size_t i = width; i < h.size(); ++i) h[i] = static_cast<T>(3 * rng::normal(rng::mix(width), i));
  auto several = c.temp(tried, r);
  upload(c.w.exec, several.data(), h.data(), h.size());
  const Mat<const T, E> gated = gate.forward(c, p, several);
  c.w.fence();
  std::vector<T> g = downloaded<E>(gated.data(), h.size());
  for (std::size_t i = width; i < h.size(); ++i) {
    const T expected = g[i % width] * h[i];
    require(!(std::abs(g[i] - expected) > T(1e-5) * (1 + std::abs(expected))),
            "a gate says that it scales its ranks, h <- g * h (`scales`, ", "peft/concepts.hpp), and makes ", g[i],
            " of ", h[i], " where it makes ", g[i % width], " of 1: it must say `scales = false`");
  }
  g.resize(width);
  return g;
}

}  // namespace peft
