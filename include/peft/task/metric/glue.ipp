// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cctype>
#include <cmath>
#include <limits>

#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/task/metric/accuracy.hpp>
#include <peft/task/metric/f1.hpp>
#include <peft/task/metric/glue.hpp>
#include <peft/task/metric/matthews.hpp>
#include <peft/task/metric/pearson.hpp>
#include <peft/task/metric/spearman.hpp>

namespace peft::metric {

PEFT_INLINE Kind kind_of(std::string_view task) {
  std::string plain;
  for (const char c : task)
    if (c != '-' && c != '_') plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (plain == "cola") return Kind::Matthews;
  if (plain == "mrpc" || plain == "qqp") return Kind::F1Accuracy;
  if (plain == "stsb") return Kind::PearsonSpearman;
  return Kind::Accuracy;
}

PEFT_INLINE Scores score(Kind kind, std::span<const double> predictions, std::span<const double> targets) {
  Scores out;
  switch (kind) {
    case Kind::Accuracy:
      out.main_name = "accuracy";
      out.parts = {{"accuracy", accuracy(predictions, targets)}};
      break;
    case Kind::Matthews:
      out.main_name = "matthews";
      out.parts = {{"matthews", matthews(predictions, targets)}};
      break;
    case Kind::F1Accuracy:
      out.main_name = "f1_accuracy";
      out.parts = {{"f1", f1(predictions, targets)}, {"accuracy", accuracy(predictions, targets)}};
      break;
    case Kind::PearsonSpearman:
      out.main_name = "pearson_spearman";
      out.parts = {{"pearson", pearson(predictions, targets)}, {"spearman", spearman(predictions, targets)}};
      break;
  }
  for (const auto& part : out.parts) out.main += part.second / static_cast<double>(out.parts.size());
  return out;
}

}  // namespace peft::metric
