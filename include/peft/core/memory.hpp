// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <peft/core/out_of_memory.hpp>
#include <peft/core/session.hpp>
#include <peft/core/tensor.hpp>
#include <peft/core/transfer.hpp>

namespace peft {

/// A Kokkos::View of n elements. Where Kokkos has no memory it throws a runtime_error; this throws OutOfMemory.
template <class View, class... Properties>
View allocated(const char* label, std::size_t n, const Properties&... properties) {
  try {
    return View(Kokkos::view_alloc(std::string(label), properties...), n);
  } catch (const std::runtime_error& e) {
    if (std::string_view(e.what()).find("failed to allocate") == std::string_view::npos) throw;
    throw OutOfMemory(label, n * sizeof(typename View::value_type));
  }
}

/// Numbers that copies of this handle share, in memory of E. Unlike a Kokkos::View it may outlive Kokkos, and on the
/// host exist before it: models live in globals, whose destructors run after Kokkos::finalize, and Kokkos aborts on a
/// View that does.
template <class T, ExecutionSpace E = Host>
class Memory {
 public:
  Memory() = default;
  /// n zeros; `label` is the allocation's name in Kokkos' tools, where E is a device.
  Memory(const char* label, std::size_t n) : size_(n) {
    if constexpr (on_host<E>) {
      numbers_ = on_the_host(n);
      std::memset(static_cast<void*>(numbers_.get()), 0, n * sizeof(T));
    } else {
      numbers_ = on_the_device(Kokkos::view_alloc(std::string(label)), n);
    }
  }
  /// A copy of host values.
  Memory(const char* label, const std::vector<T>& values) : size_(values.size()) {
    if constexpr (on_host<E>) {
      numbers_ = on_the_host(size_);
      if (size_ > 0) std::memcpy(static_cast<void*>(numbers_.get()), values.data(), size_ * sizeof(T));
    } else {
      numbers_ = on_the_device(Kokkos::view_alloc(Kokkos::WithoutInitializing, std::string(label)), size_);
      upload(E{}, numbers_.get(), values.data(), size_);
    }
  }

  T* data() const { return numbers_.get(); }
  std::size_t size() const { return size_; }

 private:
  static std::shared_ptr<T> on_the_host(std::size_t n) {
    constexpr std::align_val_t line{64};  // what the widest vector registers load at once
    return {static_cast<T*>(::operator new(n * sizeof(T), line)), [](T* p) { ::operator delete(p, line); }};
  }
  template <class Properties>
  static std::shared_ptr<T> on_the_device(const Properties& properties, std::size_t n) {
    require_kokkos("memory on a device");
    using View = Kokkos::View<T*, typename E::memory_space>;
    // After Kokkos' end the device takes its memory back with the process.
    const std::shared_ptr<View> view(new View(properties, n), [](View* v) {
      if (!Kokkos::is_finalized()) delete v;
    });
    return {view, view->data()};
  }

  std::shared_ptr<T> numbers_;
  std::size_t size_ = 0;
};

}  // namespace peft
