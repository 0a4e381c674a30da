// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/sora.hpp>

/// Which of the operators shrinks the gates, chosen at run time.
struct ChosenXi {
  static constexpr double standard = peft::ScaledByLr::standard;
  enum Operator { scaled, constant, released } chosen = scaled;

  void shrink(auto& c, auto g, double strength, double lr) const {
    if (chosen == scaled) return peft::ScaledByLr{}.shrink(c, g, strength, lr);
    if (chosen == constant) return peft::ConstantXi{}.shrink(c, g, strength, lr);
    peft::ReferenceXi{}.shrink(c, g, strength, lr);
  }
};
/// How the gates begin, chosen at run time.
struct ChosenStart {
  bool ones = false;
  peft::Init operator()() const { return ones ? peft::Ones{}() : peft::Normal01{}(); }
};

using ChosenSoRA = peft::SoRA<peft::Dynamic, ChosenXi, ChosenStart, peft::MeanPenalty>;

/// SoRA as --rank, --alpha, --sites and the settings say.
inline ChosenSoRA chosen_sora(const auto& job) {
  ChosenSoRA method;
  auto& part = std::get<0>(method.deltas);
  part.mask = job.sites(peft::Linear, peft::Linear);
  part.delta.rank = static_cast<int>(job.setting("rank", job.rank()));
  part.delta.alpha = job.setting("alpha", job.alpha());
  part.delta.dropout = job.delta_dropout();
  part.delta.gate.start.ones = job.choice("gates", {"normal", "ones"}) == 1;
  part.delta.gate.extra.lambda = job.setting("penalty", 0);
  return method;
}
