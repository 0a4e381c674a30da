// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/map.hpp>

namespace peft::ops {

/// Sine and cosine, |error| < 1e-7, branch free, so that loops over it vectorise. The angle is reduced in double: exact
/// for any angle that a position makes.
KOKKOS_INLINE_FUNCTION void sine_cosine(float angle, float& sine, float& cosine) {
  const double quarter = Kokkos::floor(static_cast<double>(angle) * 0.6366197723675814 + 0.5);
  const float r = static_cast<float>(static_cast<double>(angle) - quarter * 1.5707963267948966), z = r * r;
  const int turn = static_cast<int>(quarter);
  // Taylor's series on |r| <= pi / 4.
  const float s = r * (1.f + z * (-1.f / 6 + z * (1.f / 120 + z * (-1.f / 5040 + z * (1.f / 362880)))));
  const float c = 1.f + z * (-0.5f + z * (1.f / 24 + z * (-1.f / 720 + z * (1.f / 40320))));
  const float a = (turn & 1) != 0 ? c : s, b = (turn & 1) != 0 ? s : c;
  sine = (turn & 2) != 0 ? -a : a;
  cosine = ((turn + 1) & 2) != 0 ? -b : b;
}
KOKKOS_INLINE_FUNCTION void sine_cosine(double angle, double& sine, double& cosine) {
  sine = Kokkos::sin(angle);
  cosine = Kokkos::cos(angle);
}

/// Rotary position embedding (Su et al., 2021) in place, of every head of x (n, heads width): features c and c + width
/// / 2 of a head are turned by position * inverse_frequency[c] and multiplied by `scale`. positions (n),
/// inverse_frequency (1, width / 2). `inverse` turns back, which is the backward: the transpose, `scale` included.
template <ExecutionSpace E, class T>
void rotate(OnWorker<E> c, Mat<T, E> x, const int* positions, ReadOnly<T, E> inverse_frequency, double scale,
            bool inverse) {
  const Extent half = cols(inverse_frequency), heads = cols(x) / (2 * half);
  const T magnitude = static_cast<T>(scale), sign = inverse ? T(-1) : T(1);
  constexpr Extent block = 64;
  for_rows(
      c, "peft::rotate", rows(x), KOKKOS_LAMBDA(Extent i) {
        const T position = static_cast<T>(positions[i]);
        for (Extent begin = 0; begin < half; begin += block) {
          const Extent count = half - begin < block ? half - begin : block;
          T sine[block], cosine[block];
          for (Extent c = 0; c < count; ++c) {
            // The product is rounded to T, as the reference does.
            sine_cosine(position * inverse_frequency(0, begin + c), sine[c], cosine[c]);
            sine[c] *= sign * magnitude;
            cosine[c] *= magnitude;
          }
          for (Extent h = 0; h < heads; ++h) {
            T *const a = &x(i, 2 * h * half + begin), *const b = a + half;
            for (Extent c = 0; c < count; ++c) {
              const T before = a[c];
              a[c] = before * cosine[c] - b[c] * sine[c];
              b[c] = b[c] * cosine[c] + before * sine[c];
            }
          }
        }
      });
}

}  // namespace peft::ops
