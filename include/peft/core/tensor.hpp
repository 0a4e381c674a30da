// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <Kokkos_Core.hpp>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace peft {

/// Rows and columns of one tensor; element offsets are computed in 64 bits by the views.
using Extent = int;

/// The host's execution space: a worker runs single threaded on an instance of its own.
using Host = Kokkos::Serial;

template <class E>
concept ExecutionSpace = Kokkos::is_execution_space_v<E>;

template <ExecutionSpace E>
inline constexpr bool on_host = Kokkos::SpaceAccessibility<Kokkos::HostSpace, typename E::memory_space>::accessible;

/// A dense row-major matrix that owns nothing. Vectors are matrices of one row.
template <class T, ExecutionSpace E = Host>
using Mat = Kokkos::View<T**, Kokkos::LayoutRight, typename E::memory_space, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;

/// A matrix that a function only reads, as its parameter: one that may be written converts to it, and T comes from what
/// the function writes.
template <class T, ExecutionSpace E>
using ReadOnly = std::type_identity_t<Mat<const T, E>>;

template <class V>
concept Matrix = Kokkos::is_view_v<V> && (V::rank() == 2);

template <Matrix V>
Extent rows(const V& v) {
  return static_cast<Extent>(v.extent(0));
}

template <Matrix V>
Extent cols(const V& v) {
  return static_cast<Extent>(v.extent(1));
}

/// A view that was never given memory: an optional tensor that is absent.
template <Matrix V>
bool empty(const V& v) {
  return v.extent(0) == 0;
}

/// Rows [begin, end) of a matrix.
template <Matrix V>
V slice(const V& v, Extent begin, Extent end) {
  // While planning, views have extents and no memory.
  const std::ptrdiff_t from = v.data() == nullptr ? 0 : static_cast<std::ptrdiff_t>(begin) * cols(v);
  return V(v.data() + from, end - begin, cols(v));
}

/// n numbers as one row, for ops that take a block as a whole: by its size(), as there may be more than an Extent
/// counts.
template <ExecutionSpace E, class T>
Mat<T, E> flat(T* data, std::int64_t n) {
  return Mat<T, E>(data, 1, static_cast<std::size_t>(n));
}

/// Names a transposed operand of `ops::gemm`; nothing is moved.
template <Matrix V>
struct Transposed {
  V matrix;
};

template <Matrix V>
Transposed<V> t(V v) {
  return {v};
}

/// Read-only view of the same memory.
template <class T, class... P>
auto constant(const Kokkos::View<T**, P...>& v) {
  return Kokkos::View<const T**, P...>(v);
}

}  // namespace peft
