// SPDX-License-Identifier: Apache-2.0
#pragma once
#ifdef PEFT_HAS_PCRE2
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#endif

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/io/regex.hpp>
#include <peft/io/regex_syntax.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace peft {

#ifdef PEFT_HAS_PCRE2

namespace pcre2 {

// PCRE2's own count of steps: of a search in a text some tenths of a second, of a short name a tenth of that.
constexpr std::uint32_t search_limit = 10'000'000, name_limit = 1'000'000;
constexpr std::uint32_t heap_limit = 1 << 16;      // KiB
constexpr std::size_t machine_stack = 1 << 19;

/// Frees what PCRE2 allocates.
template <auto free>
struct Free {
  template <class T>
  void operator()(T* given) const {
    free(given);
  }
};
using Code = std::unique_ptr<pcre2_code, Free<pcre2_code_free>>;

/// What a thread needs to match.
struct Scratch {
  std::unique_ptr<pcre2_match_data, Free<pcre2_match_data_free>> data{pcre2_match_data_create(1, nullptr)};
  std::unique_ptr<pcre2_jit_stack, Free<pcre2_jit_stack_free>> stack{
      pcre2_jit_stack_create(1 << 15, machine_stack, nullptr)};
  std::unique_ptr<pcre2_match_context, Free<pcre2_match_context_free>> context{pcre2_match_context_create(nullptr)};

  Scratch() {
    require(data && stack && context, "no memory to match a pattern");
    pcre2_set_heap_limit(context.get(), heap_limit);
    pcre2_jit_stack_assign(context.get(), nullptr, stack.get());
  }
  static Scratch& of_this_thread() {
    thread_local Scratch scratch;
    return scratch;
  }
};

PEFT_INLINE std::string message(int code) {
  PCRE2_UCHAR text[256];
  return pcre2_get_error_message(code, text, sizeof text) < 0 ? cat("error ", code)
                                                              : reinterpret_cast<const char*>(text);
}

PEFT_INLINE Code compile(std::string_view pattern, const std::string& translated, bool lines,
                         const std::string& where) {
  const std::unique_ptr<pcre2_compile_context, Free<pcre2_compile_context_free>> context(
      pcre2_compile_context_create(nullptr));
  require(context != nullptr, "no memory to compile a pattern");
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  // PCRE2 10.42's search for a likely start is wrong for patterns such as "(?i)(?=a)(?m:^a$)", and gains nothing where
  // text is cut into words.
  const std::uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_START_OPTIMIZE;
  int error = 0;
  PCRE2_SIZE at = 0;
  Code code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                          options | (lines ? PCRE2_MULTILINE : 0), &error, &at, context.get()));
  if (code == nullptr) {
    const std::string given = translated == pattern ? "" : cat(" of \"", translated, '"');
    fail(where, ": the pattern \"", pattern, "\": ", message(error), ", at character ", at, given);
  }
  pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);  // where it cannot, the interpreter matches
  return code;
}

}  // namespace pcre2

struct Regex::Compiled {
  std::string pattern, where;
  pcre2::Code code;

  std::optional<Range> match(std::string_view text, std::uint32_t options, std::uint32_t limit,
                             std::size_t from = 0) const {
    const pcre2::Scratch& scratch = pcre2::Scratch::of_this_thread();
    pcre2_set_match_limit(scratch.context.get(), limit);
    const auto run = [&](std::uint32_t more) {
      return pcre2_match(code.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from, options | more,
                         scratch.data.get(), scratch.context.get());
    };
    int found = run(0);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) found = run(PCRE2_NO_JIT);
    if (found == PCRE2_ERROR_NOMATCH) return std::nullopt;
    if (found < 0) refuse(found, text.size());
    const PCRE2_SIZE* const ends = pcre2_get_ovector_pointer(scratch.data.get());
    return Range{ends[0], ends[1]};
  }

  [[noreturn]] void refuse(int error, std::size_t bytes) const {
    if (error == PCRE2_ERROR_MATCHLIMIT || error == PCRE2_ERROR_HEAPLIMIT || error == PCRE2_ERROR_DEPTHLIMIT)
      fail(where, ": the pattern \"", pattern, "\" takes too much work to match a text of ", bytes,
           " bytes; write it without repetitions inside repetitions");
    fail(where, ": the pattern \"", pattern, "\" on a text of ", bytes, " bytes: ", pcre2::message(error));
  }
};

PEFT_INLINE Regex::Regex(std::string_view pattern, Flavour flavour, const std::string& where)
    : compiled_(std::make_shared<const Compiled>(
          Compiled{std::string(pattern), where,
                   pcre2::compile(pattern, RegexSyntax(pattern, flavour == Flavour::python, where).translated(),
                                  flavour == Flavour::oniguruma, where)})) {}

PEFT_INLINE bool Regex::full_match(std::string_view text) const {
  return compiled_->match(text, PCRE2_ANCHORED | PCRE2_ENDANCHORED, pcre2::name_limit).has_value();
}

PEFT_INLINE std::optional<Regex::Range> Regex::search(std::string_view text, std::size_t from) const {
  return compiled_->match(text, PCRE2_NO_UTF_CHECK, pcre2::search_limit, from);
}

#else

struct Regex::Compiled {
  std::string pattern;
};

PEFT_INLINE Regex::Regex(std::string_view pattern, Flavour, const std::string& where) {
  fail(where, ": the pattern \"", pattern,
       "\" needs PCRE2, without which this program was built; install it (Debian: libpcre2-dev) and build again");
}

PEFT_INLINE bool Regex::full_match(std::string_view) const { return false; }
PEFT_INLINE std::optional<Regex::Range> Regex::search(std::string_view, std::size_t) const { return std::nullopt; }

#endif

PEFT_INLINE const std::string& Regex::pattern() const { return compiled_->pattern; }

}  // namespace peft
