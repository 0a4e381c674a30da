// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace peft {

/// A regular expression from a file that is not trusted, by PCRE2. Its work is limited: what takes too much, to compile
/// or to match, is an Error that names the pattern. Threads may share one, and copies share what they hold.
class Regex {
 public:
  enum class Flavour {
    python,  ///< of Python's `re`, in which adapters name modules
    oniguruma  ///< of Oniguruma as Hugging Face's tokenizers set it up
  };
  struct Range {
    std::size_t begin, end;  // bytes
  };

  /// Throws Error, beginning with `where`, for bad syntax, and by name for what is not carried over from the flavour.
  /// Built without PCRE2 it always throws.
  Regex(std::string_view pattern, Flavour flavour, const std::string& where);

  /// Whether the whole of a text matches, as Python's re.fullmatch.
  bool full_match(std::string_view text) const;

  /// The leftmost match that begins at `from` or later; look-behind sees what lies before. `text` must be well-formed
  /// UTF-8 and `from` at a character of it, or its end.
  std::optional<Range> search(std::string_view text, std::size_t from = 0) const;

  /// Calls `use(Range)` for all matches from left to right, as Oniguruma's bindings find them: an empty one counts,
  /// unless it is right behind the one before. `text` must be well-formed UTF-8.
  template <class F>
  void for_each_match(std::string_view text, F&& use) const {
    std::size_t from = 0, last = text.npos;
    while (from <= text.size()) {
      const auto found = search(text, from);
      if (!found) return;
      from = found->end;
      if (found->begin == found->end && found->end == last) {
        do ++from;
        while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xC0) == 0x80);
        continue;
      }
      last = found->end;
      use(*found);
    }
  }

  const std::string& pattern() const;

 private:
  struct Compiled;
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/regex.ipp>
#endif
