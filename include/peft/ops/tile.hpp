// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>

#include <peft/core/tensor.hpp>

namespace peft::ops {

/// A vector register of the processor that is compiled for, in bytes, and how many there are. A vector type wider than
/// one is no help: g++ builds it in memory, number by number.
#if defined(__AVX512F__)
inline constexpr int register_bytes = 64, registers = 32;
#elif defined(__AVX__)
inline constexpr int register_bytes = 32, registers = 16;
#elif defined(__aarch64__)
inline constexpr int register_bytes = 16, registers = 32;
#else
inline constexpr int register_bytes = 16, registers = 16;
#endif

/// A register full of T.
template <class T>
struct PackOf {
  typedef T type __attribute__((vector_size(register_bytes), aligned(alignof(T)), may_alias));
};
template <class T>
using Pack = typename PackOf<T>::type;

template <class T>
inline constexpr Extent lanes = static_cast<Extent>(register_bytes / sizeof(T));

/// Numbers in 64 bytes, what rows are padded to: whole packs on every processor, so that units compiled for several
/// agree.
template <class T>
inline constexpr Extent padding = static_cast<Extent>(64 / sizeof(T));
template <class T>
Extent padded(Extent n) {
  return (n + padding<T> - 1) / padding<T> * padding<T>;
}

/// C (m, n) = [C +] A B for the small products inside attention, where a library's call costs more than the product.
/// n is a multiple of `padding<T>`; A's element (i, l) is at a[i row + l step].
template <class T>
void small_product(Extent m, Extent n, Extent k, const T* a, std::ptrdiff_t row, std::ptrdiff_t step, const T* b,
                   std::ptrdiff_t bs, T* c, std::ptrdiff_t cs, bool accumulate);

}  // namespace peft::ops

#ifndef PEFT_SEPARATE
#include <peft/ops/tile.ipp>
#endif
