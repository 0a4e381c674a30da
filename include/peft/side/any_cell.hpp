// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include <peft/core/error.hpp>
#include <peft/side/gru.hpp>
#include <peft/side/lstm.hpp>
#include <peft/side/rnn.hpp>

namespace peft {

/// A recurrent cell that is chosen at run time, for programs that take it from a command line.
struct AnyCell {
  enum Kind { rnn, lstm, gru } kind = gru;

  static AnyCell named(const std::string& name) {
    require(name == "rnn" || name == "lstm" || name == "gru", "cell ", name, ": rnn, lstm or gru");
    return {name == "rnn" ? rnn : name == "lstm" ? lstm : gru};
  }
  Extent gates() const { return kind == rnn ? RNN::gates() : kind == lstm ? LSTM::gates() : GRU::gates(); }
  bool apart() const { return kind == gru; }
  bool second_state() const { return kind == lstm; }

  void forward(auto& c, const auto& at, const auto& before) const {
    if (kind == rnn) RNN{}.forward(c, at, before);
    if (kind == lstm) LSTM{}.forward(c, at, before);
    if (kind == gru) GRU{}.forward(c, at, before);
  }
  void backward(auto& c, const auto& at, const auto& before, auto dh, auto ds) const {
    if (kind == rnn) RNN{}.backward(c, at, before, dh, ds);
    if (kind == lstm) LSTM{}.backward(c, at, before, dh, ds);
    if (kind == gru) GRU{}.backward(c, at, before, dh, ds);
  }
};
static_assert(IsCell<AnyCell>);

}  // namespace peft
