// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/activation.hpp>
#include <peft/ops/map.hpp>
#include <peft/ops/reduce.hpp>

namespace peft::ops {

/// The hard concrete gate (Louizos et al., 2018), temperature 1:  z = clamp(s (r - l) + l, 0, 1),  s = sigmoid(logit u
/// + alpha), with u uniform, cut to [1e-4, 1 - 1e-4], or u = 1/2 when nothing is sampled. P(z > 0) = sigmoid(alpha -
/// log(-l/r)).
struct HardConcrete {
  static constexpr double sampled = 1e-4;  // the margin of a sample
  static constexpr double far = 20;  // at alpha = far, -far z is exactly 1, 0 and flat for every u (default stretch)

  double lower = -1.5, upper = 1.5;
  double margin = 0.5;  // u lies in [margin, 1 - margin]
  std::uint64_t key = 0;  // of the sample

  HardConcrete with(std::uint64_t salt) const { return {lower, upper, margin, rng::combine(key, salt)}; }

  /// Of a span of elements; `noise` then numbers the element in its span.
  KOKKOS_FUNCTION std::uint32_t span_key(std::int64_t s) const {
    return static_cast<std::uint32_t>(rng::mix(key ^ rng::mix(static_cast<std::uint64_t>(s))));
  }
  template <class T>
  KOKKOS_FUNCTION T noise(std::uint32_t where, std::uint32_t i) const {
    const T u = static_cast<T>(static_cast<std::int32_t>(rng::mix32(where + i) >> 8)) * T(0x1p-24);
    return between(static_cast<T>(margin), u, static_cast<T>(1 - margin));
  }
  /// z, and its derivative with respect to alpha.
  template <class T>
  KOKKOS_FUNCTION T operator()(T alpha, T u, T& slope) const {
    const T odds = u * fast_exp(alpha), all = odds + (1 - u), l = static_cast<T>(lower),
            width = static_cast<T>(upper - lower);
    const T s = odds / all, z = s * width + l, steep = width * s * ((1 - u) / all);
    slope = steep * static_cast<T>(static_cast<int>(z > 0) & static_cast<int>(z < 1));
    return between(T(0), z, T(1));
  }
  /// Two selections one after the other: nested ones become branches, and the loops around them do not vectorise.
  template <class T>
  KOKKOS_FUNCTION static T between(T low, T x, T high) {
    const T above = x < low ? low : x;
    return above > high ? high : above;
  }
  /// z where nothing is sampled.
  template <class T>
  KOKKOS_FUNCTION T middle(T alpha) const {
    T slope;
    return (*this)(alpha, T(0.5), slope);
  }
};

/// Sums over a span are kept in so many parts, so that loops vectorise.
inline constexpr Extent sum_parts = 64;

/// theta = theta0 + z_group z * diff, elementwise; z by `alpha`, z_group by the one number of `group` (empty: 1).
template <ExecutionSpace E, class T>
void gated_sum(OnWorker<E> c, Mat<T, E> theta, ReadOnly<T, E> theta0, ReadOnly<T, E> diff, ReadOnly<T, E> alpha,
               ReadOnly<T, E> group, const HardConcrete& gate, const HardConcrete& group_gate) {
  const std::int64_t n = static_cast<std::int64_t>(theta.size());
  T* const y = theta.data();
  const T *const x = theta0.data(), *const d = diff.data(), *const a = alpha.data(), *const b = group.data();
  for_rows(
      c, "peft::gated_sum", static_cast<Extent>((n + span - 1) / span), KOKKOS_LAMBDA(Extent s) {
        const std::int64_t begin = s * span, end = begin + span < n ? begin + span : n;
        const std::uint32_t where = gate.span_key(s);
        T group_slope, outer = 1;
        if (b) outer = group_gate(b[0], group_gate.template noise<T>(group_gate.span_key(0), 0), group_slope);
        for (std::int64_t i = begin; i < end; ++i) {
          T slope;
          const T z = gate(a[i], gate.template noise<T>(where, static_cast<std::uint32_t>(i - begin)), slope);
          y[i] = x[i] + outer * z * d[i];
        }
      });
}

/// Its backward: ddiff += z_group z dtheta, dalpha += z_group z' diff dtheta, dgroup += z_group' sum(z diff dtheta).
template <ExecutionSpace E, class T>
void gated_sum_backward(OnWorker<E> c, ReadOnly<T, E> dtheta, ReadOnly<T, E> diff, ReadOnly<T, E> alpha,
                        ReadOnly<T, E> group, const HardConcrete& gate, const HardConcrete& group_gate, Mat<T, E> ddiff,
                        Mat<T, E> dalpha, Mat<T, E> dgroup) {
  const std::int64_t n = static_cast<std::int64_t>(diff.size());
  const Extent spans = static_cast<Extent>((n + span - 1) / span);
  const auto scope = c.w.scope();
  const Mat<T, E> sums = c.w.template temp<T>(1, spans);
  const T *const g = dtheta.data(), *const d = diff.data(), *const a = alpha.data(), *const b = group.data();
  T *const gd = ddiff.data(), *const ga = dalpha.data(), *const gb = dgroup.data(), *const partial = sums.data();
  for_rows(
      c, "peft::gated_sum_backward", spans, KOKKOS_LAMBDA(Extent s) {
        const std::int64_t begin = s * span, end = begin + span < n ? begin + span : n;
        const std::uint32_t where = gate.span_key(s);
        T group_slope, outer = 1, sum[sum_parts] = {};
        if (b) outer = group_gate(b[0], group_gate.template noise<T>(group_gate.span_key(0), 0), group_slope);
        for (std::int64_t at = begin; at < end; at += sum_parts) {
          const Extent m = end - at < sum_parts ? static_cast<Extent>(end - at) : sum_parts;
          for (Extent j = 0; j < m; ++j) {
            const std::int64_t i = at + j;
            T slope;
            const T z = gate(a[i], gate.template noise<T>(where, static_cast<std::uint32_t>(i - begin)), slope);
            gd[i] += outer * z * g[i];
            ga[i] += outer * slope * d[i] * g[i];
            sum[j] += z * d[i] * g[i];
          }
        }
        T whole = 0;
        for (Extent j = 0; j < sum_parts; ++j) whole += sum[j];
        partial[s] = whole;
      });
  if (empty(group)) return;
  for_rows(
      c, "peft::gated_sum_group", 1, KOKKOS_LAMBDA(Extent) {
        T slope, sum = 0;
        group_gate(b[0], group_gate.template noise<T>(group_gate.span_key(0), 0), slope);
        for (Extent s = 0; s < spans; ++s) sum += partial[s];
        gb[0] += slope * sum;
      });
}

/// sum sigmoid(alpha - log_ratio), in double.
template <ExecutionSpace E, class T>
double sum_of_chances(OnWorker<E> c, Mat<T, E> alpha, double log_ratio) {
  const T* const a = alpha.data();
  const T shift = static_cast<T>(log_ratio);
  return sum_of_spans(
      c, "peft::sum_of_chances", static_cast<std::int64_t>(alpha.size()),
      KOKKOS_LAMBDA(std::int64_t begin, std::int64_t end) {
        double part = 0;
        for (std::int64_t i = begin; i < end; ++i) part += static_cast<double>(1 / (1 + fast_exp(shift - a[i])));
        return part;
      });
}

/// What a tensor adds to the expected number of open gates: sum P(z_i > 0), times P(z_group > 0) (`joint`) or plus it.
template <ExecutionSpace E, class T>
double expected_open(OnWorker<E> c, Mat<T, E> alpha, ReadOnly<T, E> group, double log_ratio, bool joint) {
  if (c.w.planning()) return 0;
  const double own = sum_of_chances(c, alpha, log_ratio);
  if (empty(group)) return own;
  const double whole = sum_of_chances(c, group, log_ratio);
  return joint ? own * whole : own + whole;
}

/// Adds the gradient of strength * expected_open.
template <ExecutionSpace E, class T>
void expected_open_backward(OnWorker<E> c, ReadOnly<T, E> alpha, ReadOnly<T, E> group, double log_ratio, bool joint,
                            double strength, Mat<T, E> dalpha, Mat<T, E> dgroup) {
  const std::int64_t n = static_cast<std::int64_t>(alpha.size());
  const Extent spans = static_cast<Extent>((n + span - 1) / span);
  const auto scope = c.w.scope();
  const Mat<T, E> sums = c.w.template temp<T>(1, spans);
  const T *const a = alpha.data(), *const b = group.data();
  const T shift = static_cast<T>(log_ratio), scale = static_cast<T>(strength);
  T *const ga = dalpha.data(), *const gb = dgroup.data(), *const partial = sums.data();
  for_rows(
      c, "peft::expected_open_backward", spans, KOKKOS_LAMBDA(Extent s) {
        const std::int64_t begin = s * span, end = begin + span < n ? begin + span : n;
        const T outer = joint && b ? 1 / (1 + fast_exp(shift - b[0])) : T(1);
        T sum[sum_parts] = {};
        for (std::int64_t at = begin; at < end; at += sum_parts) {
          const Extent m = end - at < sum_parts ? static_cast<Extent>(end - at) : sum_parts;
          for (Extent j = 0; j < m; ++j) {
            const T p = 1 / (1 + fast_exp(shift - a[at + j]));
            ga[at + j] += scale * outer * p * (1 - p);
            sum[j] += p;
          }
        }
        T whole = 0;
        for (Extent j = 0; j < sum_parts; ++j) whole += sum[j];
        partial[s] = whole;
      });
  if (empty(group)) return;
  for_rows(
      c, "peft::expected_open_group", 1, KOKKOS_LAMBDA(Extent) {
        const T p = 1 / (1 + fast_exp(shift - b[0]));
        T sum = joint ? T(0) : T(1);
        for (Extent s = 0; joint && s < spans; ++s) sum += partial[s];
        gb[0] += scale * p * (1 - p) * sum;
      });
}

}  // namespace peft::ops
