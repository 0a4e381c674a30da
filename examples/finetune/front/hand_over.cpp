// SPDX-License-Identifier: Apache-2.0
#include "hand_over.hpp"

#include <peft/core/error.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "composition.hpp"
#include "option_table.hpp"

using namespace peft;

namespace {

/// Has the unit compiled where it is not, or is not what its sources say, by the program that FINETUNE_BUILD names:
/// it is given the unit's path, and says on standard output why there is none.
void build(const std::filesystem::path& unit, const char* builder, const std::string& what) {
  int ends[2];
  require(::pipe(ends) == 0, "a pipe: ", std::strerror(errno));
  std::string path = unit.string(), command = builder, said;
  const ::pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    char* words[] = {command.data(), path.data(), nullptr};
    ::execvp(words[0], words);
    ::_exit(127);
  }
  ::close(ends[1]);
  char piece[4096];
  for (::ssize_t n; (n = ::read(ends[0], piece, sizeof piece)) > 0 || (n < 0 && errno == EINTR);)
    if (n > 0) said.append(piece, static_cast<std::size_t>(n));
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (child > 0 && status == 0) return;
  while (said.ends_with('\n')) said.pop_back();
  fail(what, ": ", said.empty() ? cat(command, " could not build it") : said);
}

}  // namespace

void hand_over(const Plan& plan) {
  const bool composed = plan.method == &composition;
  const std::string method(plan.method->name), family(plan.family->name),
      what = composed ? cat("--compose '", plan.options.compose, "' on a ", family, " checkpoint")
                      : cat("--method ", method, " on a ", family, " checkpoint");
  const auto units = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "finetune_units";
  const auto unit = composed ? write_composition(plan, units) : units / family / method;
  if (const char* builder = std::getenv("FINETUNE_BUILD"); builder && *builder) build(unit, builder, what);
  std::vector<std::string> words{unit.string(), method, family};
  for (std::string& argument : arguments_of(plan.options)) words.push_back(std::move(argument));
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  ::execv(unit.c_str(), pointers.data());
  const int reason = errno;
  if (reason == ENOENT)
    fail(what, ": its unit, ", unit.string(), ", is not built; scripts/finetune builds what it is asked for",
         composed ? "" : cat(", the target finetune_", method, "_", family, " this one"));
  fail(unit.string(), ", the part of this program that trains: ", std::strerror(reason));
}
