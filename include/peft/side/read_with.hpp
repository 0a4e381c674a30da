// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/parts.hpp>
#include <peft/side/gru.hpp>
#include <peft/side/read.hpp>
#include <peft/side/read_pair.hpp>

namespace peft {

// READ by its cell: `SideNet<GRU>`, `SideNet<LSTM, 64>`. On one stack of layers it is Read, on an encoder and a decoder
// ReadPair, Algorithm 1 in full.

template <class Cell, int... k>
  requires(IsCell<Cell> && sizeof...(k) < 2)
struct NetOf<Cell, k...> {
  using type = Read<Cell, k...>;
};

template <class Cell, int k, class Backbone>
  requires(encodes<Backbone>())
struct FormOn<Read<Cell, k, Direct>, Backbone> {
  using type = ReadPair<Cell, k>;
  static type from(const Read<Cell, k, Direct>& read) {
    require(!read.norm_after, "READ beside an encoder and a decoder has no norm after its correction (norm_after)");
    type pair;
    pair.width = read.width, pair.dropout = read.dropout, pair.output_deviation = read.output_deviation;
    pair.relative = read.relative.value_or(pair.relative);
    return pair;
  }
};

}  // namespace peft
