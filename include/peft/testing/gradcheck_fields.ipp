// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <utility>

#include <peft/core/inline.hpp>
#include <peft/core/rng.hpp>
#include <peft/testing/gradcheck_fields.hpp>

namespace peft::testing {

PEFT_INLINE Gradcheck gradcheck_fields(const Layout& layout, std::span<double> values,
                                       const std::function<double()>& loss,
                                       const std::function<std::vector<double>()>& gradient,
                                       const ModelCheckOptions& options) {
  const auto place = [](std::span<double> all, const Field& f) {
    return all.subspan(static_cast<std::size_t>(f.offset), static_cast<std::size_t>(f.size()));
  };
  std::vector<const Field*> trained;
  for (const Field& f : layout.fields())
    if (f.role == Role::trained) trained.push_back(&f);
  std::vector<double> before(values.begin(), values.end());
  for (const Field* f : trained) {
    const std::span<double> numbers = place(values, *f);
    for (std::size_t i = 0; i < numbers.size(); ++i)
      numbers[i] += options.deviation * rng::normal(rng::combine(options.seed, f->name), i);
  }
  std::vector<double> all = gradient();
  Gradcheck result;
  for (const Field* f : trained) {
    const std::span<double> part = place(all, *f);
    std::vector<double> backward(part.begin(), part.end());
    if (options.flip)
      for (double& g : backward) g = -g;
    compare_numbers(result, f->name, place(values, *f), backward, options.step, loss,
                    static_cast<std::size_t>(options.every));
  }
  for (const Field* f : trained) std::ranges::copy(place(before, *f), place(values, *f).begin());
  return std::move(result).closed();
}

}  // namespace peft::testing
