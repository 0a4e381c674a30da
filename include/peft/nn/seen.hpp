// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/nn/packed.hpp>

namespace peft::nn {

/// Keys and values of all tokens so far, of one layer, while decoding: (sequences * capacity, kv) twice.
template <class V>
struct LayerCache {
  V k, v;
  bool filled = false;  // of attention to an encoder: they are there since the first step
};

/// Embedded distances (r, d) that a disentangled attention meets, the largest of them, and their gradient (empty: not
/// wanted).
template <class V>
struct Distances {
  V rows, gradient;
  Extent reach = 0;
};

/// What the layers of some backbones see beside their rows.
template <class T, ExecutionSpace E>
struct Seen {
  const Packed* source = nullptr;   // of a decoder: the encoder's rows,
  Mat<const T, E> source_rows;      // what it gave (source rows, d),
  Mat<T, E> source_gradient;        // and the gradient of that; empty: not wanted
  Distances<Mat<T, E>> relative;
  Mat<const T, E> rotary;           // (1, head / 2) inverse frequencies
};

}  // namespace peft::nn
