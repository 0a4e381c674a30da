// SPDX-License-Identifier: Apache-2.0
#include "hand_over.hpp"

#include <peft/core/error.hpp>

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "option_table.hpp"

using namespace peft;

void hand_over(const Plan& plan) {
  const auto unit = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "finetune_run";
  std::vector<std::string> words{unit.string(), std::string(plan.method->name), std::string(plan.family->name)};
  for (std::string& argument : arguments_of(plan.options)) words.push_back(std::move(argument));
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  ::execv(unit.c_str(), pointers.data());
  const int reason = errno;
  fail(unit.string(), ", the part of this program that trains: ", std::strerror(reason));
}
