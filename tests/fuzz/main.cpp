// SPDX-License-Identifier: Apache-2.0
// fuzz_readers CORPUS [SECONDS [TARGET..]]: every target on the files of CORPUS/TARGET, then for so long on what
// becomes of them by chance: the same inputs each time, as far as the time goes. For a build without libFuzzer, which
// run.py takes and which sees what its inputs reach. What ends the process, or takes longer than 20 seconds, is kept in
// the working folder first, with the command that does it again. fuzz_readers TARGET FILE: one input, with its time and
// what the process's memory came to.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "targets.hpp"

#ifdef __SANITIZE_ADDRESS__
extern "C" void __sanitizer_set_death_callback(void (*callback)());
extern "C" const char* __asan_default_options() { return "detect_leaks=0:hard_rss_limit_mb=2048"; }
#endif

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

const fuzz::Target* current = nullptr;
std::string input;
constexpr unsigned longest = 20;

void keep() {
  const std::string name = "find-" + std::string(current->name);
  std::ofstream(name, std::ios::binary) << input;
  std::fprintf(stderr, "\n%s: the input is kept; fuzz_readers %s %s does it again\n",
               std::string(current->name).c_str(), std::string(current->name).c_str(), name.c_str());
}

void on_signal(int signal) {
  std::signal(signal, SIG_DFL);
  if (signal == SIGALRM) std::fprintf(stderr, "%u seconds for one input\n", longest);
  keep();
  if (signal == SIGALRM) _exit(1);
  raise(signal);
}

std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void feed(std::string bytes) {
  input = std::move(bytes);
  alarm(longest);
  fuzz::run(*current, input);
  alarm(0);
}

class Chance {
 public:
  explicit Chance(std::string_view name) : draw_(std::hash<std::string_view>()(name)) {}
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(draw_() % n); }

  /// One to four changes: bits, bytes, stretches removed, repeated or taken from elsewhere, and words that hurt.
  std::string changed(std::string text, const std::vector<std::string>& all) {
    using namespace std::string_view_literals;
    static constexpr std::string_view words[] = {"18446744073709551615"sv,
                                                 "-1"sv,
                                                 "0"sv,
                                                 "1e308"sv,
                                                 "2147483648"sv,
                                                 "null"sv,
                                                 "true"sv,
                                                 "[]"sv,
                                                 "{}"sv,
                                                 "\"\""sv,
                                                 "[[[["sv,
                                                 "{\"a\":"sv,
                                                 "\\u0000"sv,
                                                 "\xff"sv,
                                                 "\xc0\x80"sv,
                                                 ","sv,
                                                 "\0"sv,
                                                 "\xef\xbf\xbd"sv,
                                                 "\n\n"sv,
                                                 "\""sv};
    for (std::size_t changes = 1 + below(4); changes-- > 0;) {
      const std::size_t at = below(text.size() + 1), length = std::min(text.size() - at, 1 + below(12));
      const std::string& other = all[below(all.size())];
      const std::size_t from = below(other.size() + 1);
      switch (below(7)) {
        case 0:
          if (length > 0) text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
          break;
        case 1:
          if (length > 0) text[at] = static_cast<char>(below(256));
          break;
        case 2: text.erase(at, length); break;
        case 3: text.insert(at, text.substr(at, length)); break;
        case 4: text.insert(at, words[below(std::size(words))]); break;
        case 5: text.replace(at, length, words[below(std::size(words))]); break;
        default: text.replace(at, length, other.substr(from, 1 + below(40))); break;
      }
    }
    return text;
  }

 private:
  std::mt19937_64 draw_;
};

/// The inputs that a target was given.
std::size_t work_on(const fs::path& corpus, double seconds) {
  std::vector<fs::path> files;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(corpus / current->name, none)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  if (files.empty()) {
    std::fprintf(stderr, "%s holds no input: a target needs a seed\n", (corpus / current->name).c_str());
    std::exit(1);
  }
  std::vector<std::string> all;
  for (const fs::path& file : files) feed(all.emplace_back(content(file)));
  Chance chance(current->name);
  std::size_t count = all.size();
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  for (; Clock::now() < end; ++count) feed(chance.changed(all[chance.below(all.size())], all));
  return count;
}

int one(const char* file) {
  const auto begin = Clock::now();
  input = content(file);
  try {
    current->run(input);
    std::printf("taken");
  } catch (const peft::Error& error) {
    std::printf("%s", error.what());
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("\n%.3f s, %ld MiB\n", std::chrono::duration<double>(Clock::now() - begin).count(),
              usage.ru_maxrss / 1024);
  return 0;
}

}  // namespace

int main(int count, char** words) {
  if (count < 2) return std::fputs("fuzz_readers CORPUS [SECONDS [TARGET..]] or fuzz_readers TARGET FILE\n", stderr), 2;
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_set_death_callback(keep);
#endif
  for (const int signal : {SIGABRT, SIGALRM}) std::signal(signal, on_signal);
  if (count == 3 && (current = fuzz::find_target(words[1])) != nullptr) return one(words[2]);
  const double seconds = count > 2 ? std::atof(words[2]) : 0;
  const std::vector<std::string_view> wanted(words + std::min(count, 3), words + count);
  std::size_t inputs = 0;
  const auto targets = fuzz::all_targets();
  for (const fuzz::Target& target : targets) {
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), target.name) == wanted.end()) continue;
    current = &target;
    const std::size_t given = work_on(words[1], seconds);
    inputs += given;
    std::printf("%-18s %8zu\n", std::string(target.name).c_str(), given);
  }
  std::printf("%zu targets, %zu inputs\n", targets.size(), inputs);
}
