// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include <peft/core/float16.hpp>
#include <peft/core/stored.hpp>
#include <peft/ops/map.hpp>

namespace peft::ops {

/// The number with these 16 bits; exact.
KOKKOS_INLINE_FUNCTION float bf16_value(std::uint16_t bits) {
#if defined(__CUDA_ARCH__)
  return __uint_as_float(static_cast<std::uint32_t>(bits) << 16);
#else
  return from_bf16(bits);
#endif
}

/// y = x, whatever x is stored as.
template <ExecutionSpace E, class T>
void decode(OnWorker<E> c, Mat<T, E> y, std::type_identity_t<Weight<T, E>> x) {
  if (x.plain()) return copy<E, T>(c, y, Mat<const T, E>(x));
  const Extent d = cols(y);
  const auto* const bits = static_cast<const std::uint16_t*>(x.address());
  for_rows(
      c, "peft::decode", rows(y), KOKKOS_LAMBDA(Extent i) {
        const std::uint16_t* const from = bits + static_cast<std::int64_t>(i) * d;
        T* const to = &y(i, 0);
        for (Extent j = 0; j < d; ++j) to[j] = bf16_value(from[j]);
      });
}

template <ExecutionSpace E, class T>
void copy(OnWorker<E> c, Mat<T, E> y, const Stored<Mat<const T, E>>& x) {
  decode<E, T>(c, y, x);
}

/// x as numbers of type T: itself where it is stored so, else a copy in the worker's memory, until the scope ends.
template <ExecutionSpace E, class T>
Mat<const T, E> as_numbers(OnWorker<E> c, const Stored<Mat<const T, E>>& x) {
  if (x.plain()) return x;
  const Mat<T, E> all = c.w.template temp<T>(rows(x), cols(x), "weight");
  decode<E, T>(c, all, x);
  return all;
}

}  // namespace peft::ops
