// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/side/stream.hpp>

namespace peft {

/// What a backbone's layers give, as READ reads it (side/stream.hpp), kept for the recurrence that runs once the last of
/// them is there. Of one stack, or of an encoder and a decoder; of the rows that the task reads, or of all: whichever
/// the engine shows.
template <class V>
struct Taps {
  struct Stack {
    V x;  // (L n, d), layer after layer
    int layers = 0;
    Extent n = 0;
    V of(int layer) const { return step_of(x, layer, n); }
  };
  Stack encoder, decoder;  // one stack alone is the latter
  V size;  // (1, n) r of the last layer, if relative

  void begin(int layers, int of_encoder = 0) { encoder.layers = of_encoder, decoder.layers = layers - of_encoder; }
  /// A delta's `tap`. Embeddings (-1, those of a decoder behind an encoder -2) only say how many rows there are.
  void take(auto& c, const Stream& stream, int layer, auto phi) {
    if (layer == -1 && encoder.layers > 0) {
      open(c, encoder, phi);
    } else if (layer < 0) {
      open(c, decoder, phi);
      size = c.keep(1, stream.relative ? decoder.n : 0, "taps");
    } else {
      const bool first = layer < encoder.layers;
      stream.read(c, first ? encoder.of(layer) : decoder.of(layer - encoder.layers), phi);
      if (layer + 1 == encoder.layers + decoder.layers) stream.measure(c, size, phi);
    }
  }

 private:
  void open(auto& c, Stack& stack, auto phi) {
    stack.n = rows(phi);
    stack.x = c.keep(stack.layers * stack.n, cols(phi), "taps");
  }
};

}  // namespace peft
