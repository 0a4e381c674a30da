// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <nlohmann/json.hpp>

#include <peft/core/error.hpp>
#include <peft/io/peft_adapter.hpp>
#include <peft/io/peft_lora.hpp>
#include <peft/io/peft_targets.hpp>

namespace peft {

namespace peft_targets {

PEFT_INLINE bool is_plain(std::string_view pattern) {
  return !pattern.empty() && std::all_of(pattern.begin(), pattern.end(),
                                         [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '.'; });
}

PEFT_INLINE bool same(std::string_view pattern, std::string_view text) {
  return std::equal(pattern.begin(), pattern.end(), text.begin(), text.end(),
                    [](char p, char c) { return p == '.' || p == c; });
}

// The digits that are the name's part at `begin`, if there is one behind it.
PEFT_INLINE std::optional<std::int64_t> number_at(std::string_view path, std::size_t begin) {
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(path.data() + begin, path.data() + path.size(), number);
  if (problem != std::errc() || number < 0 || end == path.data() + path.size() || *end != '.') return std::nullopt;
  return number;
}

// Lists that are gone through for every module.
PEFT_INLINE void check_few(const JsonFields& fields, std::string_view key, const std::vector<std::string>& names) {
  constexpr std::size_t most = 1000;
  if (names.size() > most) fields.refuse(key, cat("at most ", most, " names"));
}

}  // namespace peft_targets

PEFT_INLINE NameRule::NameRule(std::string pattern, bool ending, const std::string& where) : ending_(ending) {
  const bool from_begin = ending && pattern.starts_with('^');
  const std::string_view plain = std::string_view(pattern).substr(from_begin ? 1 : 0);
  if (peft_targets::is_plain(plain)) {
    literal_ = plain;
    ending_ = ending && !from_begin;
    return;
  }
  try {
    regex_.emplace(ending ? "(.*\\.)?(" + pattern + ")" : pattern, Regex::Flavour::python, where);
  } catch (const Error& error) {
    problem_ = error.what();
  }
}

PEFT_INLINE Said NameRule::fits(std::string_view name) const {
  if (!literal_.empty()) {
    if (peft_targets::same(literal_, name)) return true;
    if (!ending_ || name.size() <= literal_.size()) return false;
    const std::size_t begin = name.size() - literal_.size();
    return name[begin - 1] == '.' && peft_targets::same(literal_, name.substr(begin));
  }
  if (!problem_.empty()) return std::nullopt;
  try {
    return regex_->full_match(name);
  } catch (const Error& error) {
    problem_ = error.what();  // too much work: not tried again
    return std::nullopt;
  }
}

PEFT_INLINE Said PeftTargets::Names::mean(std::string_view path) const {
  if (pattern) return pattern->fits(path);
  for (;;) {  // the whole, and what is behind each dot
    if (endings.contains(path)) return true;
    const std::size_t dot = path.find('.');
    if (dot == path.npos) return false;
    path.remove_prefix(dot + 1);
  }
}

PEFT_INLINE PeftTargets::Names PeftTargets::names(const JsonFields& fields, std::string_view key, bool shorthand) {
  Names result;
  const auto* value = fields.find(key);
  if (value == nullptr || (shorthand && *value == "all-linear")) return result;
  result.given = true;
  if (value->is_string())
    result.pattern.emplace(value->get<std::string>(), false, cat(fields.where(), ": ", key));
  else
    for (std::string& ending : fields.texts(key)) result.endings.insert(std::move(ending));
  return result;
}

PEFT_INLINE PeftTargets::PeftTargets(const PeftAdapter& adapter, const JsonFields& fields)
    : targets_(names(fields, "target_modules", true)),
      excluded_(names(fields, "exclude_modules", false)),
      saved_(fields.texts("modules_to_save")) {
  const auto* layers = fields.find("layers_to_transform");
  if (layers != nullptr && layers->is_number_integer())
    layers_ = std::set{fields.integer("layers_to_transform", 0, 1 << 20)};
  else if (layers != nullptr && !layers->empty()) {
    layers_.emplace();
    for (const auto& one : *layers) {
      if (!layers->is_array() || !one.is_number_integer()) fields.refuse("layers_to_transform", "numbers of layers");
      layers_->insert(one.get<std::int64_t>());
    }
  }
  if (const auto* stacks = fields.find("layers_pattern"); stacks != nullptr && stacks->is_string())
    stacks_ = {stacks->get<std::string>()};
  else
    stacks_ = fields.texts("layers_pattern");
  std::erase(stacks_, "");
  peft_targets::check_few(fields, "modules_to_save", saved_);
  peft_targets::check_few(fields, "layers_pattern", stacks_);
  left_out_ = adapter.left_out;
}

PEFT_INLINE std::string PeftTargets::objection(const std::string& path) const {
  const std::string_view own = path.starts_with(left_out_) ? std::string_view(path).substr(left_out_.size()) : path;
  if (excluded_.given && excluded_.mean(own) == true) return "is among exclude_modules";
  for (const std::string& saved : saved_)
    if (cat(".", own, ".").find(cat(".", saved, ".")) != std::string::npos)
      return cat("belongs to ", saved, ", which modules_to_save names");
  if (targets_.given && targets_.mean(own) == false) return "is not among target_modules";
  if (targets_.given && !targets_.pattern && layers_ && !in_layers(own))
    return "is not of the layers in layers_to_transform";
  return "";
}

// The layer's number is the first behind a part of the name that stands behind another, or the first behind one of
// layers_pattern's.
PEFT_INLINE bool PeftTargets::in_layers(std::string_view path) const {
  if (targets_.endings.contains(path)) return true;  // PEFT asks for the layer of endings only
  const auto number_behind = [&](auto&& wanted) -> std::optional<std::int64_t> {
    for (std::size_t dot = path.find('.'); dot != path.npos; dot = path.find('.', dot + 1)) {
      const std::size_t before = dot == 0 ? path.npos : path.rfind('.', dot - 1);
      const std::size_t begin = before == path.npos ? 0 : before + 1;
      if (!wanted(path.substr(begin, dot - begin), begin)) continue;
      if (const auto number = peft_targets::number_at(path, dot + 1)) return number;
    }
    return std::nullopt;
  };
  std::optional<std::int64_t> layer;
  if (stacks_.empty()) layer = number_behind([](std::string_view, std::size_t begin) { return begin > 0; });
  for (const std::string& stack : stacks_)
    if (!layer) layer = number_behind([&](std::string_view part, std::size_t) { return part == stack; });
  return layer && layers_->contains(*layer);
}

PEFT_INLINE PeftPatterns::PeftPatterns(const PeftAdapter& adapter, const JsonFields& fields, const std::string& key,
                                       double low, double high)
    : left_out_(adapter.left_out) {
  const auto* value = fields.find(key);
  if (value == nullptr) return;
  const std::string where = cat(fields.where(), ": ", key);
  const JsonFields entries(*value, where);
  std::vector<std::string> order;
  if (const auto known = adapter.key_order.find(key); known != adapter.key_order.end()) order = known->second;
  if (order.size() != value->size() ||
      !std::all_of(order.begin(), order.end(), [&](const std::string& name) { return value->contains(name); })) {
    order.clear();
    for (const auto& [name, unused] : value->items()) order.push_back(name);
  }
  constexpr std::size_t most = 1 << 16, most_patterns = 1000;
  require(order.size() <= most, where, ": ", order.size(), " keys, at most ", most, " were expected");
  std::size_t patterns = 0;
  for (const std::string& name : order) {
    rules_.emplace_back(NameRule(name, true, where), entries.number(name, low, high));
    if (!rules_.back().first.is_plain() && ++patterns > most_patterns)
      fail(where, ": more than ", most_patterns, " keys that are regular expressions; write modules by their names");
  }
}

PEFT_INLINE std::optional<double> PeftPatterns::value(const std::string& path, double otherwise,
                                                      std::string* problem) const {
  const std::string_view own = path.starts_with(left_out_) ? std::string_view(path).substr(left_out_.size()) : path;
  for (const auto& [rule, value] : rules_) {
    const Said said = rule.fits(own);
    if (!said && problem != nullptr) *problem = rule.problem();
    if (!said) return std::nullopt;
    if (*said) return value;
  }
  return otherwise;
}

}  // namespace peft
