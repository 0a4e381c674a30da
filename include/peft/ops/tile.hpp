// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>

#include <peft/core/tensor.hpp>

namespace peft::ops {

/// 64 bytes of T: one AVX-512 register, or several narrower ones.
template <class T>
struct PackOf {
  typedef T type __attribute__((vector_size(64), aligned(alignof(T)), may_alias));
};
template <class T>
using Pack = typename PackOf<T>::type;

template <class T>
inline constexpr Extent lanes = static_cast<Extent>(64 / sizeof(T));

template <class T>
Extent padded(Extent n) {
  return (n + lanes<T> - 1) / lanes<T> * lanes<T>;
}

/// C (m, n) = [C +] A B for the small products inside attention, where a library's call costs more than the product.
/// n is a multiple of `lanes<T>`; A's element (i, l) is at a[i row + l step].
template <class T>
void small_product(Extent m, Extent n, Extent k, const T* a, std::ptrdiff_t row, std::ptrdiff_t step, const T* b,
                   std::ptrdiff_t bs, T* c, std::ptrdiff_t cs, bool accumulate);

}  // namespace peft::ops

#ifndef PEFT_SEPARATE
#include <peft/ops/tile.ipp>
#endif
