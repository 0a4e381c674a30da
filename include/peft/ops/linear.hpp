// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include <peft/ops/activation.hpp>
#include <peft/ops/gemm.hpp>
#include <peft/ops/stored.hpp>

// Products with a weight, which carries the type that it is stored in. A library that knows such types, prepares weights or
// joins what follows a product to it is called from here (with what it keeps in `Worker::libraries`); one that knows plain
// matrices, from `gemm`, which is what remains.

namespace peft::ops {

/// Numbers of a weight that are turned into T at once: 1 MiB of floats, what a second-level cache has.
inline constexpr Extent panel_size = 1 << 18;

/// f(first, panel) for panels of rows that make up the weight, as T: all of it where it is stored so, else a few at a
/// time in the worker's memory.
template <ExecutionSpace E, class T, class F>
void in_panels(OnWorker<E> c, const Weight<T, E>& weight, const F& f) {
  if (weight.plain()) return f(0, Mat<const T, E>(weight));
  const auto scope = c.w.scope();
  const Extent all = rows(weight), most = std::clamp(panel_size / std::max(cols(weight), 1), 1, std::max(all, 1));
  const Mat<T, E> panel = c.w.template temp<T>(most, cols(weight), "weight panel");
  for (Extent begin = 0; begin < all && !c.w.planning(); begin += most) {
    const Extent end = std::min(all, begin + most);
    const Mat<T, E> part = slice(panel, 0, end - begin);
    decode<E, T>(c, part, slice(weight, begin, end));
    f(begin, Mat<const T, E>(part));
  }
}

/// y (n, out) = alpha x W' + b,  x (n, in), W (out, in), b (1, out) or empty.
template <ExecutionSpace E, class T>
void linear(OnWorker<E> c, Mat<T, E> y, ReadOnly<T, E> x, const std::type_identity_t<Weight<T, E>>& weight,
            ReadOnly<T, E> b = {}, double alpha = 1) {
  require(cols(x) == cols(weight) && cols(y) == rows(weight), "linear: x (", rows(x), ", ", cols(x), "), W (",
          rows(weight), ", ", cols(weight), "), y (", rows(y), ", ", cols(y), ")");
  if (!empty(b)) broadcast_row(c, y, b);
  in_panels<E, T>(c, weight, [&](Extent first, Mat<const T, E> part) {
    gemm<E, T>(c, rows(y), rows(part), cols(part), static_cast<T>(alpha), operand(x), operand(t(part)),
               T(empty(b) ? 0 : 1), {y.data() + first, cols(y)});
  });
}

/// The same through an activation:  y = f(x W' + b),  slope <- f' unless it is empty.
template <ExecutionSpace E, class T, class F>
void activated_linear(OnWorker<E> c, Mat<T, E> y, ReadOnly<T, E> x, const std::type_identity_t<Weight<T, E>>& weight,
                      ReadOnly<T, E> b, F f, std::type_identity_t<Mat<T, E>> slope) {
  linear<E, T>(c, y, x, weight, b);
  activate(c, y, slope, f);
}

/// dx (n, in) = beta dx + alpha dy W.
template <ExecutionSpace E, class T>
void linear_backward(OnWorker<E> c, Mat<T, E> dx, ReadOnly<T, E> dy, const std::type_identity_t<Weight<T, E>>& weight,
                     double beta = 0, double alpha = 1) {
  require(cols(dx) == cols(weight) && cols(dy) == rows(weight), "linear_backward: dy (", rows(dy), ", ", cols(dy),
          "), W (", rows(weight), ", ", cols(weight), "), dx (", rows(dx), ", ", cols(dx), ")");
  in_panels<E, T>(c, weight, [&](Extent first, Mat<const T, E> part) {
    gemm<E, T>(c, rows(dx), cols(dx), rows(part), static_cast<T>(alpha), {dy.data() + first, cols(dy)}, operand(part),
               static_cast<T>(first == 0 ? beta : 1), {dx.data(), cols(dx)});
  });
}

}  // namespace peft::ops
