// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstring>
#include <vector>

#include <peft/core/tensor.hpp>

namespace peft {

/// Copies n elements from the host into memory of E. Plain bytes: one instantiation for all types and shapes.
template <ExecutionSpace E, class T>
void upload(const E& exec, T* to, const T* from, std::size_t n) {
  if (n == 0) return;
  if constexpr (on_host<E>) {
    std::memcpy(to, from, n * sizeof(T));
  } else {
    using Device = Kokkos::View<std::byte*, typename E::memory_space, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
    using Plain = Kokkos::View<const std::byte*, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
    Kokkos::deep_copy(exec, Device(reinterpret_cast<std::byte*>(to), n * sizeof(T)),
                      Plain(reinterpret_cast<const std::byte*>(from), n * sizeof(T)));
    exec.fence("peft::upload");
  }
}

/// Copies n elements from memory of E to the host.
template <ExecutionSpace E, class T>
void download(const E& exec, T* to, const T* from, std::size_t n) {
  if (n == 0) return;
  if constexpr (on_host<E>) {
    std::memcpy(to, from, n * sizeof(T));
  } else {
    using Device = Kokkos::View<const std::byte*, typename E::memory_space, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
    using Plain = Kokkos::View<std::byte*, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
    Kokkos::deep_copy(exec, Plain(reinterpret_cast<std::byte*>(to), n * sizeof(T)),
                      Device(reinterpret_cast<const std::byte*>(from), n * sizeof(T)));
    exec.fence("peft::download");
  }
}

/// A host copy of n elements.
template <ExecutionSpace E, class T>
std::vector<T> downloaded(const T* from, std::size_t n) {
  std::vector<T> host(n);
  download(E{}, host.data(), from, n);
  return host;
}

}  // namespace peft
