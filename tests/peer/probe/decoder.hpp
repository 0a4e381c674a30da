// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/method.hpp>
#include <peft/model/model.hpp>
#include <peft/task/language_model.hpp>
#include <peft/train/engine.hpp>

#include "probe.hpp"

namespace probe {

template <class Backbone>
std::vector<float> ask_decoder(const Question& q) {
  peft::require(q.read == "words", "a backbone that writes cannot be asked for ", q.read);
  peft::Model<Backbone, peft::Method<>, peft::LanguageModel> model(Backbone::open(q.folder));
  peft::Engine engine(model, 1);
  engine.prepare();
  return engine.predict(q.batch);
}

}  // namespace probe
