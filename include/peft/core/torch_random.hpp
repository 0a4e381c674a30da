// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace peft {

/// What `tensor.uniform_(-bound, bound, generator=torch.Generator("cpu").manual_seed(seed))` gives for a float tensor,
/// bit for bit, after `skipped` numbers: 24 bits of each number of mt19937, scaled in single precision and rounded
/// once, as its kernels for AVX2 and later do.
template <class T>
void torch_uniform(std::vector<T>& values, double bound, std::uint64_t seed, std::uint64_t skipped = 0) {
  std::mt19937 generator(static_cast<std::uint32_t>(seed));
  generator.discard(skipped);
  const float low = static_cast<float>(-bound), high = static_cast<float>(bound);
  for (T& v : values) {
    const float unit = static_cast<float>(generator() & ((1u << 24) - 1)) * (1.0f / (1u << 24));
    v = static_cast<T>(std::fma(unit, high - low, low));
  }
}

}  // namespace peft
