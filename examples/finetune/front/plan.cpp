// SPDX-License-Identifier: Apache-2.0
#include "plan.hpp"

#include <peft/core/error.hpp>
#include <peft/io/config/model_type.hpp>
#include <peft/io/hub_cache.hpp>
#include <peft/io/model_folder.hpp>

#include <filesystem>

using namespace peft;

Plan plan_of(Options options) {
  Plan plan{std::move(options)};
  const std::filesystem::path folder = resolve_model(plan.options.model);
  check_model_folder(folder);
  require(std::filesystem::is_directory(folder), "--model ", folder.string(), " is a file; its folder, with config.json and a tokenizer, was expected");
  if (plan.options.base_model.empty()) plan.options.base_model = plan.options.model;  // a name stays a name in PEFT's files
  plan.options.model = folder.string();
  const std::string type = read_model_type(folder);
  plan.family = family_of(type);
  if (!plan.family) {
    std::vector<std::string> known;
    for (const FamilyInfo& f : families) f.model_types.each([&](std::string_view name) { known.emplace_back(name); });
    fail(folder.string(), "/config.json: model_type is \"", type, "\", expected one of ", listed(known));
  }
  plan.method = method_named(plan.options.method);
  if (plan.options.lr < 0) plan.options.lr = plan.method->lr;
  return plan;
}
