// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "families.hpp"
#include "methods.hpp"

// Every method runs on every family, but for the pairs listed here. The build reads these rows, a line each.

/// A method on families where it makes no sense, and why: what the compiler says first of such a unit.
struct Absent {
  std::string_view method;
  Words families;
  std::string_view reason;
};

inline constexpr std::string_view
    no_head = "head: a backbone that writes has no head of the task, its words are the checkpoint's own",
    no_scores = "sora-schedule: its steps are compared by scores of a head, and a backbone that writes has none: sora",
    no_keys =
        "peft::Delta: a prefix has no place in this backbone: its attention scores the distance of every key, and keys "
        "of no token have none",
    no_special_tokens =
        "peft::Delta: the delta acts on special tokens, and this backbone's tokenizer puts none around a text",
    two_stacks = "peft::SideNet: the net follows one stack of layers, and this backbone has an encoder and a decoder";

inline constexpr Absent absent[] = {
    {"head", {"t5 gpt2 llama"}, no_head},
    {"mam", {"deberta-v2"}, no_keys},
    {"p-tuning-v2", {"deberta-v2"}, no_keys},
    {"pasta", {"t5 gpt2 llama"}, no_special_tokens},
    {"prefix", {"deberta-v2"}, no_keys},
    {"side-tuning", {"t5"}, two_stacks},
    {"sora-schedule", {"t5 gpt2 llama"}, no_scores},
};

/// Why there is no unit of that method for that family; empty: there is one.
constexpr std::string_view reason_against(std::string_view method, std::string_view family) {
  for (const Absent& a : absent)
    if (a.method == method && a.families.contains(family)) return a.reason;
  return {};
}

/// The families that a method runs on.
inline std::vector<std::string> families_with(std::string_view method) {
  std::vector<std::string> list;
  for (const FamilyInfo& f : families)
    if (reason_against(method, f.name).empty()) list.emplace_back(f.name);
  return list;
}
/// The methods that run on a family.
inline std::vector<std::string> methods_on(std::string_view family) {
  std::vector<std::string> list;
  for (const MethodInfo& m : methods)
    if (reason_against(m.name, family).empty()) list.emplace_back(m.name);
  return list;
}
