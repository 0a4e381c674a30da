// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/lora.hpp>
#include <peft/task/choose.hpp>
#include <peft/task/one_of.hpp>
#include <peft/task/tag.hpp>

#include "golden.hpp"

using namespace peft;

namespace {

template <class Method, class Task>
void task_follows(const char* file, const Task& task, Method method = {}) {
  golden::check<Bert>(golden::folder("tiny-bert"), golden::folder("tiny-bert") / file, task, method);
}

auto lora() {
  Method<Delta<LoRA<4>, At<Query, Value>>> method;
  std::get<0>(method.deltas).delta.alpha = 8;
  return method;
}

}  // namespace

TEST_CASE("a tagger follows BertForTokenClassification, alone and with PEFT's LoRA", "[golden]") {
  task_follows<Method<>>("tag_head.safetensors", Tag{5});
  task_follows("tag_lora.safetensors", OneOf<ClassifyMean, Tag>(Tag{5}), lora());
}

TEST_CASE("a chooser follows BertForMultipleChoice, alone and with PEFT's LoRA", "[golden]") {
  task_follows<Method<>>("choose_head.safetensors", Choose{3});
  task_follows("choose_lora.safetensors", OneOf<Classify, Choose>(Choose{3}), lora());
}
