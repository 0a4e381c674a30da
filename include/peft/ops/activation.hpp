// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <cstdint>

#include <peft/ops/map.hpp>

namespace peft::ops {

/// exp(x), within 2 ulp on [-87, 88] and 0 below in float: branch free, so that loops over it vectorise.
KOKKOS_INLINE_FUNCTION float fast_exp(float x) {
  x = x < -87.f ? -87.f : (x > 88.f ? 88.f : x);
  const float n = Kokkos::floor(x * 1.44269504f + 0.5f);
  float r = x - n * 0.693145752f;
  r = r - n * 1.42860677e-6f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + (r + 1.f);
  const std::int32_t bits = (static_cast<std::int32_t>(n) + 127) << 23;
  float power;
  static_assert(sizeof power == sizeof bits);
#if defined(__CUDA_ARCH__)
  power = __int_as_float(bits);
#else
  power = std::bit_cast<float>(bits);
#endif
  return p * power;
}
KOKKOS_INLINE_FUNCTION double fast_exp(double x) { return Kokkos::exp(x); }

/// The Gaussian's distribution function at x and density-weighted x, from one exponential (Abramowitz & Stegun 7.1.26,
/// |error| < 1.5e-7; exact erf in double).
KOKKOS_INLINE_FUNCTION float normal_cdf(float x, float gaussian) {
  const float z = (x < 0 ? -x : x) * 0.70710678f;
  const float u = 1.f / (1.f + 0.3275911f * z);
  float p = 1.061405429f;
  p = p * u - 1.453152027f;
  p = p * u + 1.421413741f;
  p = p * u - 0.284496736f;
  p = p * u + 0.254829592f;
  const float tail = 0.5f * p * u * gaussian;
  return x < 0 ? tail : 1.f - tail;
}
KOKKOS_INLINE_FUNCTION double normal_cdf(double x, double) { return 0.5 * Kokkos::erfc(-x * 0.7071067811865476); }

KOKKOS_INLINE_FUNCTION float fast_tanh(float x) {
  const float e = fast_exp(-2.f * (x < 0 ? -x : x));
  const float y = (1.f - e) / (1.f + e);
  return x < 0 ? -y : y;
}
KOKKOS_INLINE_FUNCTION double fast_tanh(double x) { return Kokkos::tanh(x); }

/// GELU, x Phi(x) (Hendrycks & Gimpel, 2016). Value and derivative come from one exponential.
struct Gelu {
  template <class T>
  KOKKOS_FUNCTION void operator()(T x, T& y, T& dy) const {
    const T gaussian = fast_exp(T(-0.5) * x * x);
    const T cdf = normal_cdf(x, gaussian);
    y = x * cdf;
    dy = cdf + x * gaussian * T(0.3989422804014327);
  }
};

/// GELU by its tanh approximation (`gelu_new`).
struct GeluTanh {
  template <class T>
  KOKKOS_FUNCTION void operator()(T x, T& y, T& dy) const {
    constexpr T c = T(0.7978845608028654), a = T(0.044715);
    const T h = fast_tanh(c * (x + a * x * x * x));
    y = T(0.5) * x * (1 + h);
    dy = T(0.5) * (1 + h) + T(0.5) * x * (1 - h * h) * c * (1 + 3 * a * x * x);
  }
};

struct Tanh {
  template <class T>
  KOKKOS_FUNCTION void operator()(T x, T& y, T& dy) const {
    y = Kokkos::tanh(x);
    dy = 1 - y * y;
  }
};

struct Sigmoid {
  template <class T>
  KOKKOS_FUNCTION void operator()(T x, T& y, T& dy) const {
    y = 1 / (1 + Kokkos::exp(-x));
    dy = y * (1 - y);
  }
};

/// x sigmoid(x), "swish" (Elfwing et al., 2017).
struct Silu {
  template <class T>
  KOKKOS_FUNCTION void operator()(T x, T& y, T& dy) const {
    const T sigmoid = 1 / (1 + fast_exp(-x));
    y = x * sigmoid;
    dy = sigmoid + y * (1 - sigmoid);
  }
};

struct Relu {
  template <class T>
  KOKKOS_FUNCTION void operator()(T x, T& y, T& dy) const {
    dy = x > 0 ? T(1) : T(0);
    y = x * dy;
  }
};

/// x <- f(x); slope <- f'(x) unless it is empty. x, slope (n, d). The derivative is kept, so that backward is one
/// product.
template <ExecutionSpace E, class T, class F>
void activate(OnWorker<E> c, Mat<T, E> x, Mat<T, E> slope, F f) {
  const Extent d = cols(x);
  const bool keeping = !empty(slope);
  for_rows(
      c, "peft::activate", rows(x), KOKKOS_LAMBDA(Extent i) {
        T* const xi = &x(i, 0);
        if (keeping) {
          T* const si = &slope(i, 0);
          for (Extent j = 0; j < d; ++j) {
            T y, s;
            f(xi[j], y, s);
            xi[j] = y;
            si[j] = s;
          }
        } else {
          for (Extent j = 0; j < d; ++j) {
            T y, s;
            f(xi[j], y, s);
            xi[j] = y;
          }
        }
      });
}

}  // namespace peft::ops
