// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>
#include <ostream>
#include <utility>

#include <peft/core/inline.hpp>
#include <peft/testing/gradient.hpp>

namespace peft::testing {

PEFT_INLINE void Gradcheck::add(const std::string& what, std::int64_t i, double a, double n) {
  const double error = std::abs(a - n) / std::max({1., std::abs(a), std::abs(n)});
  ++checked;
  largest = std::max(largest, std::abs(a));
  take(std::isnan(error) ? std::numeric_limits<double>::infinity() : error, what, i, a, n);
}

PEFT_INLINE void Gradcheck::add(const Gradcheck& other) {
  checked += other.checked;
  largest = std::max(largest, other.largest);
  take(other.worst, other.name, other.index, other.analytic, other.numeric);
}

PEFT_INLINE Gradcheck Gradcheck::closed() && {
  if (checked == 0 || largest == 0) take(std::numeric_limits<double>::infinity(), "no gradient at all", -1, 0, 0);
  return std::move(*this);
}

PEFT_INLINE void Gradcheck::take(double error, const std::string& what, std::int64_t i, double a, double n) {
  if (index >= 0 && error <= worst) return;
  worst = error;
  name = what;
  index = i;
  analytic = a;
  numeric = n;
}

PEFT_INLINE std::ostream& operator<<(std::ostream& out, const Gradcheck& g) {
  return out << "worst " << g.worst << " at " << g.name << "[" << g.index << "]: backward says " << g.analytic
             << ", the difference " << g.numeric << " (" << g.checked << " numbers, the largest gradient " << g.largest
             << ")";
}

PEFT_INLINE void compare_numbers(Gradcheck& result, const std::string& name, std::span<double> numbers,
                                 const std::vector<double>& gradient, double step, const std::function<double()>& loss,
                                 std::size_t every) {
  const auto slope = [&](double& number, double h) {
    const double before = number, up = before + h, down = before - h;
    number = up;
    const double above = loss();
    number = down;
    const double below = loss();
    number = before;
    return (above - below) / (up - down);
  };
  for (std::size_t i = 0; i < gradient.size(); i += every) {
    const double a = gradient[i];
    double wide = slope(numbers[i], step), n = wide;
    // Where the loss bends so much that the step was too wide, the error of order step^2 is taken out (Richardson).
    for (double h = step / 4; h > step / 20 && std::abs(a - n) > 1e-7 * std::max({1., std::abs(a), std::abs(n)});
         h /= 4) {
      const double narrow = slope(numbers[i], h);
      n = narrow + (narrow - wide) / 15;
      wide = narrow;
    }
    result.add(name, static_cast<std::int64_t>(i), a, n);
  }
}

}  // namespace peft::testing
