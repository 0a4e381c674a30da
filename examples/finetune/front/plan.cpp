// SPDX-License-Identifier: Apache-2.0
#include "plan.hpp"

#include <peft/core/error.hpp>
#include <peft/io/config/model_type.hpp>
#include <peft/io/delta_file.hpp>
#include <peft/io/hub_cache.hpp>
#include <peft/io/model_folder.hpp>
#include <peft/io/near_names.hpp>

#include <algorithm>
#include <filesystem>

#include "composition.hpp"

using namespace peft;

namespace {

/// Finds the setting NAME=VALUE among the method's, in any case.
void settle(std::string& given, const MethodInfo& method, const FamilyInfo& family) {
  const std::size_t end = given.find('=');
  const std::string name = lower(given.substr(0, end));
  const auto row = setting_of(method, family.writes, name);
  if (!row) {
    std::vector<std::string> known;
    for (const Words& words : settings_of(method, family.writes))
      words.each([&](std::string_view word) { known.emplace_back(word.substr(0, word.find('='))); });
    std::vector<std::string> others;
    for (const MethodInfo& m : methods)
      if (setting_of(m, family.writes, name)) others.emplace_back(m.name);
    fail("--set ", given, ": expected NAME=VALUE; --method ", std::string(method.name),
         known.empty() ? " has no settings" : " has the settings " + listed(known), near_names(name, known),
         others.empty() ? "" : cat("; ", name, " is one of ", listed(others)));
  }
  std::string value = given.substr(end + 1);
  std::string choices(row->substr(std::min(row->find('=') + 1, row->size())));
  if (choices.find('|') != choices.npos) {
    std::replace(choices.begin(), choices.end(), '|', ' ');
    const std::string small = lower(value);
    require(Words{choices}.contains(small), "--set ", given, ": expected one of ", listed(Words{choices}.list()));
    value = small;
  }
  given = name + "=" + value;
}

/// What --compose says, or, where neither that nor --method is given, what was composed for --load's folder.
void compose(Plan& plan) {
  Options& o = plan.options;
  std::string whose = "--compose";
  if (!o.compose.empty()) {
    require(!plan.given.contains("method"), "--compose and --method ", o.method, ": give one of them");
  } else if (!plan.given.contains("method") && !o.load.empty() && has_delta(o.load)) {
    const DeltaFile delta = load_delta(o.load);
    const auto text = delta.settings.find("composition");
    if (delta.method != composition.name || text == delta.settings.end()) return;
    require(!delta.settings.contains("header") || !o.include.empty(), "--load ", o.load,
            ": it was composed with a header; give it again, --include, for ", text->second);
    whose = "--load " + o.load;
    o.compose = text->second;
  }
  require(!o.compose.empty() || o.include.empty(), "--include ", o.include, ": a header is for --compose");
  if (o.compose.empty()) return;
  require(o.include.empty() || std::filesystem::is_regular_file(o.include), "--include ", o.include,
          ": there is no such file");
  o.compose = composition_of(o.compose, !o.include.empty(), whose);
  o.method = composition.name;
}

/// Names at the hub become the folders of its cache; PEFT's files go on naming the backbone as the hub does.
void find_folders(Options& o) {
  if (o.base_model.empty()) {
    const auto name = std::filesystem::exists(o.model) ? std::nullopt : HubName::of(o.model);
    o.base_model = name ? name->repository : o.model;
  }
  o.model = resolve_model(o.model).string();
  check_model_folder(o.model);
  require(std::filesystem::is_directory(o.model), "--model ", o.model,
          " is a file; its folder, with config.json and a tokenizer, was expected");
  if (!o.load.empty() && !std::filesystem::exists(o.load) && HubName::of(o.load)) {
    try {
      o.load = resolve_model(o.load).string();
    } catch (const Error& e) {
      fail("--load ", o.load, ": there is no such folder, and no adapter of this name: ", e.what());
    }
  }
}

}  // namespace

Plan plan_of(CommandLine line) {
  Plan plan{std::move(line.options), std::move(line.given)};
  find_folders(plan.options);
  const std::filesystem::path folder = plan.options.model;
  const std::string type = read_model_type(folder);
  plan.family = family_of(type);
  if (!plan.family) {
    std::vector<std::string> known;
    for (const FamilyInfo& f : families) f.model_types.each([&](std::string_view name) { known.emplace_back(name); });
    fail(folder.string(), "/config.json: model_type is \"", type, "\", expected one of ", listed(known));
  }
  compose(plan);
  plan.method = method_named(plan.options.method);
  if (plan.method != &composition)
    for (std::string& given : plan.options.settings) settle(given, *plan.method, *plan.family);
  if (plan.options.lr < 0) plan.options.lr = plan.method->lr;
  return plan;
}
