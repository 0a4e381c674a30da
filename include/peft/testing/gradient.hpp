// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <ostream>
#include <string>
#include <vector>

#include <peft/core/rng.hpp>
#include <peft/core/tensor.hpp>

namespace peft::testing {

/// The outcome of a gradient check: `worst` is the largest |a - n| / max(1, |a|, |n|) over all numbers that were changed, `a`
/// the gradient that backward gave and `n` the central difference; the rest says where. A check in which nothing was changed,
/// or whose gradients are all zero, proves nothing: its `worst` is infinite.
struct Gradcheck {
  double worst = 0;
  std::string name;
  std::int64_t index = -1;
  double analytic = 0, numeric = 0;
  double largest = 0;         // |a|, over all
  std::int64_t checked = 0;   // numbers changed

  void add(const std::string& what, std::int64_t i, double a, double n) {
    const double error = std::abs(a - n) / std::max({1., std::abs(a), std::abs(n)});
    ++checked;
    largest = std::max(largest, std::abs(a));
    take(std::isnan(error) ? std::numeric_limits<double>::infinity() : error, what, i, a, n);
  }
  void add(const Gradcheck& other) {
    checked += other.checked;
    largest = std::max(largest, other.largest);
    take(other.worst, other.name, other.index, other.analytic, other.numeric);
  }
  /// To be called once, at the end.
  Gradcheck closed() && {
    if (checked == 0 || largest == 0) take(std::numeric_limits<double>::infinity(), "no gradient at all", -1, 0, 0);
    return std::move(*this);
  }

 private:
  void take(double error, const std::string& what, std::int64_t i, double a, double n) {
    if (index >= 0 && error <= worst) return;
    worst = error;
    name = what;
    index = i;
    analytic = a;
    numeric = n;
  }
};

inline std::ostream& operator<<(std::ostream& out, const Gradcheck& g) {
  return out << "worst " << g.worst << " at " << g.name << "[" << g.index << "]: backward says " << g.analytic
             << ", the difference " << g.numeric << " (" << g.checked << " numbers, the largest gradient " << g.largest << ")";
}

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
    Kokkos::deep_copy(Kokkos::View<T*, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>(values.data(), size()), data_);
    return values;
  }
  void set(const std::vector<T>& values) {
    Kokkos::deep_copy(data_, Kokkos::View<const T*, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>(values.data(), size()));
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
                        values.data(), m.extent(0), m.extent(1)), m);
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

/// Changes each number of `values` (contiguous, in the memory of E), or the first of every `every`, by +-step and compares the difference of `loss()` with
/// `gradient`.
template <ExecutionSpace E, class Loss>
void compare(Gradcheck& result, const std::string& name, double* values, const std::vector<double>& gradient, double step, Loss&& loss, std::size_t every = 1) {
  using Block = Kokkos::View<double*, typename E::memory_space, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
  using HostBlock = Kokkos::View<double*, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
  const Block block(values, gradient.size());
  std::vector<double> host(gradient.size());
  const HostBlock mine(host.data(), host.size());
  Kokkos::deep_copy(mine, block);
  const auto at = [&](std::size_t i, double value) {
    host[i] = value;
    if constexpr (on_host<E>)
      values[i] = value;
    else
      Kokkos::deep_copy(block, mine);
  };
  const auto slope = [&](std::size_t i, double before, double h) {
    const double up = before + h, down = before - h;
    at(i, up);
    const double above = loss();
    at(i, down);
    const double below = loss();
    at(i, before);
    return (above - below) / (up - down);
  };
  for (std::size_t i = 0; i < gradient.size(); i += every) {
    const double before = host[i], a = gradient[i];
    double wide = slope(i, before, step), n = wide;
    // Where the loss bends so much that the step was too wide, the error of order step^2 is taken out (Richardson).
    for (double h = step / 4; h > step / 20 && std::abs(a - n) > 1e-7 * std::max({1., std::abs(a), std::abs(n)}); h /= 4) {
      const double narrow = slope(i, before, h);
      n = narrow + (narrow - wide) / 15;
      wide = narrow;
    }
    result.add(name, static_cast<std::int64_t>(i), a, n);
  }
}

}  // namespace peft::testing
