// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include <peft/core/dtype.hpp>
#include <peft/core/error.hpp>
#include <peft/core/tensor.hpp>
#include <peft/core/transfer.hpp>

namespace peft {

/// How numbers of type T are encoded.
template <class T>
inline constexpr DType dtype_of = std::is_same_v<T, double> ? DType::F64 : DType::F32;

/// A matrix that is only read, with the type that its numbers are stored in: that of the view C, or another one, which
/// ops turn into C's where they read it (ops/linear.hpp, ops/embed.hpp). Owns nothing. A C is one by itself, and one
/// that is stored as C's numbers is a C.
template <class C>
class Stored {
 public:
  using T = typename C::non_const_value_type;

  Stored() = default;
  Stored(const C& m) : data_(m.data()), rows_(peft::rows(m)), cols_(peft::cols(m)) {}
  template <Matrix V>
    requires std::is_same_v<typename V::value_type, T>
  Stored(const V& m) : Stored(C(m)) {}
  /// `lasting`: its numbers stay what and where they are for as long as any worker runs, so that a library may keep
  /// what it has made of them (core/libraries.hpp).
  Stored(const void* data, DType type, Extent rows, Extent cols, bool lasting)
      : data_(data), type_(type), lasting_(lasting), rows_(rows), cols_(cols) {
    require(type == dtype_of<T> || type == DType::BF16, "a matrix cannot be stored as ", name(type), ": ",
            name(dtype_of<T>), " and BF16 are what ops read");
  }

  DType type() const { return type_; }
  bool lasting() const { return lasting_; }
  Extent rows() const { return rows_; }
  Extent cols() const { return cols_; }
  std::size_t size() const { return static_cast<std::size_t>(rows_) * static_cast<std::size_t>(cols_); }
  std::size_t bytes() const { return size() * size_of(type_); }
  const void* address() const { return data_; }

  /// Whether its numbers are of type T: it is a C then.
  bool plain() const { return type_ == dtype_of<T>; }
  operator C() const { return C(data(), rows_, cols_); }
  const T* data() const {
    require(plain(), "a matrix (", rows_, ", ", cols_, ") is stored as ", name(type_), " and was to be read as ",
            name(dtype_of<T>), "; ops::decode turns one into the other");
    return static_cast<const T*>(data_);
  }

  /// Rows [begin, end).
  Stored slice(Extent begin, Extent end) const {
    Stored part(*this);
    part.rows_ = end - begin;
    if (data_ != nullptr)  // there is none while planning
      part.data_ = static_cast<const std::byte*>(data_) +
                   static_cast<std::size_t>(begin) * static_cast<std::size_t>(cols_) * size_of(type_);
    return part;
  }

 private:
  const void* data_ = nullptr;
  DType type_ = dtype_of<T>;
  bool lasting_ = false;
  Extent rows_ = 0, cols_ = 0;
};

template <class C>
Extent rows(const Stored<C>& m) {
  return m.rows();
}
template <class C>
Extent cols(const Stored<C>& m) {
  return m.cols();
}
template <class C>
bool empty(const Stored<C>& m) {
  return m.rows() == 0;
}
template <class C>
Stored<C> slice(const Stored<C>& m, Extent begin, Extent end) {
  return m.slice(begin, end);
}

/// A weight (out, in), table (entries, d) or other tensor that a site of a backbone uses.
template <class T, ExecutionSpace E = Host>
using Weight = Stored<Mat<const T, E>>;

/// A host copy of its numbers.
template <class C>
std::vector<typename Stored<C>::T> host_values(const Stored<C>& m) {
  using E = typename C::execution_space;
  std::vector<typename Stored<C>::T> values(m.size());
  if (m.plain()) {
    download(E{}, values.data(), m.data(), m.size());
  } else {
    const auto raw = downloaded<E>(static_cast<const std::byte*>(m.address()), m.bytes());
    convert(m.type(), raw.data(), std::span(values));
  }
  return values;
}

/// What a tensor is seen through in `Weights<V>`: one that is only read carries its type.
template <class V>
struct WeightView {
  using type = V;
};
template <class T, class... P>
struct WeightView<Kokkos::View<const T**, P...>> {
  using type = Stored<Kokkos::View<const T**, P...>>;
};

}  // namespace peft
