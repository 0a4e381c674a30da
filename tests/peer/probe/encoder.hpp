// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/method.hpp>
#include <peft/model/model.hpp>
#include <peft/task/choose.hpp>
#include <peft/task/classify.hpp>
#include <peft/task/one_of.hpp>
#include <peft/task/tag.hpp>
#include <peft/train/engine.hpp>

#include "probe.hpp"

namespace probe {

using namespace peft;

template <class Backbone, class Task>
std::vector<float> numbers(const Question& q, Task task, bool own_head) {
  Model<Backbone, Method<>, Task> model(Backbone::open(q.folder), {}, task);
  require(!own_head || model.head_from_checkpoint(), "the checkpoint has no such head");
  if (!own_head)  // the identity shows what the head reads
    for (const Field& f : model.layout().fields()) {
      std::vector<float> values(static_cast<std::size_t>(f.size()), 0);
      for (Extent i = 0; !f.vector && i < f.cols; ++i) values[static_cast<std::size_t>(i) * (f.cols + 1)] = 1;
      model.write(f, values);
    }
  Engine engine(model, 1);
  engine.prepare();
  return engine.predict(q.batch);
}

template <class Backbone>
std::vector<float> ask_encoder(const Question& q) {
  using Pooled = OneOf<Classify, Choose>;
  if (q.read == "pooled") return numbers<Backbone, Pooled>(q, Classify{.labels = q.labels}, true);
  if (q.read == "choices") return numbers<Backbone, Pooled>(q, Choose(q.batch.sequences()), true);
  Tag tag;
  const bool own = q.read == "tags";
  require(own || q.read == "states", "an encoder cannot be asked for ", q.read);
  tag.labels = own ? q.labels : Backbone::open(q.folder)->width();
  return numbers<Backbone>(q, tag, own);
}

}  // namespace probe
