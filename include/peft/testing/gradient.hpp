// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <span>
#include <string>
#include <vector>

#include <peft/core/rng.hpp>
#include <peft/core/tensor.hpp>
#include <peft/core/transfer.hpp>

namespace peft::testing {

/// The outcome of a gradient check: `worst` is the largest |a - n| / max(1, |a|, |n|) over all numbers that were
/// changed, `a` the gradient that backward gave and `n` the central difference; the rest says where. A check in which
/// nothing was changed, or whose gradients are all zero, proves nothing: its `worst` is infinite.
struct Gradcheck {
  double worst = 0;
  std::string name;
  std::int64_t index = -1;
  double analytic = 0, numeric = 0;
  double largest = 0;         // |a|, over all
  std::int64_t checked = 0;   // numbers changed

  void add(const std::string& what, std::int64_t i, double a, double n);
  void add(const Gradcheck& other);
  /// To be called once, at the end.
  Gradcheck closed() &&;

 private:
  void take(double error, const std::string& what, std::int64_t i, double a, double n);
};

std::ostream& operator<<(std::ostream& out, const Gradcheck& g);

/// A matrix with memory of its own.
template <class T = double, ExecutionSpace E = Host>
class Tensor {
 public:
  Tensor() = default;
  Tensor(Extent rows, Extent cols, T value = 0)
      : data_("peft::testing", static_cast<std::size_t>(rows) * cols), view(data_.data(), rows, cols) {
    Kokkos::deep_copy(data_, value);
  }
  /// Standard normal numbers times `deviation`, drawn from `key`.
  static Tensor random(Extent rows, Extent cols, std::uint64_t key, double deviation = 1) {
    Tensor tensor(rows, cols);
    std::vector<T> host(tensor.size());
    for (std::size_t i = 0; i < host.size(); ++i) host[i] = static_cast<T>(deviation * rng::normal(rng::mix(key), i));
    tensor.set(host);
    return tensor;
  }

  std::size_t size() const { return data_.size(); }
  Mat<const T, E> read() const { return view; }
  std::vector<T> host() const {
    std::vector<T> values(size());
    Kokkos::deep_copy(
        Kokkos::View<T*, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>(values.data(), size()), data_);
    return values;
  }
  void set(const std::vector<T>& values) {
    Kokkos::deep_copy(data_, Kokkos::View<const T*, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>(
                                 values.data(), size()));
  }
  void set(const Tensor& other) { Kokkos::deep_copy(data_, other.data_); }
  void set(T value) { Kokkos::deep_copy(data_, value); }

 private:
  Kokkos::View<T*, typename E::memory_space> data_;

 public:
  Mat<T, E> view;
};

/// Host copy of any matrix.
template <class T, ExecutionSpace E>
std::vector<T> host_copy(Mat<const T, E> m) {
  std::vector<T> values(m.size());
  Kokkos::deep_copy(Kokkos::View<T**, Kokkos::LayoutRight, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>(
                        values.data(), m.extent(0), m.extent(1)),
                    m);
  return values;
}

/// sum(y * r): the linear functional that turns an op's output into a number.
template <ExecutionSpace E>
double dot(const Tensor<double, E>& y, const Tensor<double, E>& r) {
  const auto a = y.host(), b = r.host();
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// Numbers in the memory of E, for the host to change: themselves where they lie there, else a copy that `store` brings
/// back.
template <ExecutionSpace E>
class HostNumbers {
 public:
  HostNumbers(double* values, std::size_t n) : there_(values), n_(n) {
    if (!on_host<E>) copy_ = downloaded<E>(values, n);
  }
  std::span<double> numbers() { return {on_host<E> ? there_ : copy_.data(), n_}; }
  void store() {
    if (!on_host<E>) upload(E{}, there_, copy_.data(), n_);
  }

 private:
  double* there_;
  std::size_t n_;
  std::vector<double> copy_;
};

/// Changes each of `numbers`, or the first of every `every`, by +-step and compares the difference of `loss()` with
/// `gradient`.
void compare_numbers(Gradcheck& result, const std::string& name, std::span<double> numbers,
                     const std::vector<double>& gradient, double step, const std::function<double()>& loss,
                     std::size_t every = 1);

/// The same for `values`, contiguous in the memory of E and as many as `gradient`.
template <ExecutionSpace E>
void compare(Gradcheck& result, const std::string& name, double* values, const std::vector<double>& gradient,
             double step, const std::function<double()>& loss, std::size_t every = 1) {
  HostNumbers<E> host(values, gradient.size());
  compare_numbers(result, name, host.numbers(), gradient, step, [&] { return host.store(), loss(); }, every);
  host.store();
}

}  // namespace peft::testing

#ifndef PEFT_SEPARATE
#include <peft/testing/gradient.ipp>
#endif
