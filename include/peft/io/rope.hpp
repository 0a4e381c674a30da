// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

namespace peft {

/// How the rotary positions of a checkpoint are stretched over longer contexts than it was trained on. The formulas are
/// those of transformers' modeling_rope_utils.py, which computes them in fp32, here in double.
struct Rope {
  /// Dynamic: as None up to max_position_embeddings tokens, and no longer sequences are read here.
  enum class Kind { None, Linear, Dynamic, Llama3, Yarn };

  Kind kind = Kind::None;
  double theta = 10000;  // the base of the wavelengths
  double factor = 1;  // >= 1: of the context's length
  double original_max_position_embeddings = 0;  // Llama3, Yarn: the context of the first training
  double low_freq_factor = 1, high_freq_factor = 4;  // Llama3
  double beta_fast = 32, beta_slow = 1;  // Yarn: turns within the first context
  double attention_factor = 1;  // Yarn: cosines and sines are multiplied by it
  bool truncate = true;  // Yarn: the ramp begins and ends at whole dimensions

  /// Of head_dim / 2 pairs of features, the angle by which one position turns pair i.
  std::vector<double> inverse_frequencies(int head_dim) const {
    std::vector<double> out(static_cast<std::size_t>(head_dim / 2));
    for (std::size_t i = 0; i < out.size(); ++i) {
      const double plain = std::pow(theta, -2 * static_cast<double>(i) / head_dim);
      switch (kind) {
        case Kind::Linear: out[i] = plain / factor; break;
        case Kind::Llama3: out[i] = llama3(plain); break;
        case Kind::Yarn: {
          const double slowed = ramp(static_cast<double>(i), head_dim);
          out[i] = plain / factor * slowed + plain * (1 - slowed);
          break;
        }
        default: out[i] = plain;
      }
    }
    return out;
  }

 private:
  // Long waves are stretched, short ones are not, and those between partly.
  double llama3(double plain) const {
    const double turns = original_max_position_embeddings * plain / (2 * std::numbers::pi);
    if (turns < low_freq_factor) return plain / factor;
    if (turns > high_freq_factor) return plain;
    const double smooth = (turns - low_freq_factor) / (high_freq_factor - low_freq_factor);
    return (1 - smooth) * plain / factor + smooth * plain;
  }

  // The share of pair i that is stretched: 0 where it turns `beta_fast` times within the first context, 1 at
  // `beta_slow`.
  double ramp(double i, int head_dim) const {
    const auto pair_of = [&](double turns) {
      return head_dim * std::log(original_max_position_embeddings / (turns * 2 * std::numbers::pi)) /
             (2 * std::log(theta));
    };
    double low = pair_of(beta_fast), high = pair_of(beta_slow);
    if (truncate) low = std::floor(low), high = std::ceil(high);
    low = std::max(low, 0.);
    high = std::min(high, head_dim - 1.);
    if (low == high) high += 0.001;
    return std::clamp((i - low) / (high - low), 0., 1.);
  }
};

}  // namespace peft
