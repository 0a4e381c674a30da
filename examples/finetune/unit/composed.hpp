// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/adalora.hpp>
#include <peft/delta/added_bias.hpp>
#include <peft/delta/compacter.hpp>
#include <peft/delta/diff_pruning.hpp>
#include <peft/delta/dora.hpp>
#include <peft/delta/full.hpp>
#include <peft/delta/houlsby.hpp>
#include <peft/delta/ia3.hpp>
#include <peft/delta/low_rank_adapter.hpp>
#include <peft/delta/mam.hpp>
#include <peft/delta/p_tuning.hpp>
#include <peft/delta/pasta.hpp>
#include <peft/delta/prompt.hpp>
#include <peft/delta/seq_bn.hpp>
#include <peft/delta/sora.hpp>
#include <peft/delta/unipelt.hpp>
#include <peft/delta/vera.hpp>
#include <peft/gate/sigmoid.hpp>
#include <peft/side/any_cell.hpp>
#include <peft/side/gru.hpp>
#include <peft/side/ladder.hpp>
#include <peft/side/lstm.hpp>
#include <peft/side/read.hpp>
#include <peft/side/read_layers.hpp>
#include <peft/side/read_pair.hpp>
#include <peft/side/read_pair_full.hpp>
#include <peft/side/rnn.hpp>
#include <peft/side/side_tuning.hpp>

#include <map>
#include <type_traits>

#include "run.hpp"
#include "unit.hpp"

/// f(i, name, value) for everything that the parts of a method let set by name.
template <class M>
void each_setting(M& method, auto&& f) {
  peft::for_each_delta<typename M::Plain>([&](auto i) {
    auto& delta = std::get<i>(method.deltas).delta;
    const auto set = [&](const std::string& name, auto& value) { f(int(i), name, value); };
    if constexpr (requires { delta.each_setting(set); }) delta.each_setting(set);
  });
}

/// Sets them as --set says. A name that several parts have is that of one with its number before: 2.width.
template <class M>
void set_by_name(M& method, const Job& job) {
  std::map<std::string, int> parts;
  each_setting(method, [&](int, const std::string& name, auto&) { ++parts[name]; });
  each_setting(method, [&](int i, const std::string& name, auto& value) {
    const std::string key = parts[name] > 1 ? peft::cat(i + 1, ".", name) : name;
    const double number = job.setting(key, static_cast<double>(value));
    using T = std::remove_cvref_t<decltype(value)>;
    value = static_cast<T>(number);
    peft::require(static_cast<double>(value) == number, "--set ", key, "=", number, ": expected ",
                  std::is_same_v<T, bool> ? "0 or 1" : "a whole number");
  });
}

template <class Backbone, class M>
int run_composed(const Job& job) {
  static_assert(peft::places_fit<Backbone, typename M::Plain>());  // what does not fit is said before anything else
  M method;
  set_by_name(method, job);
  return run<Backbone>(job, method, job.options.compose);
}
