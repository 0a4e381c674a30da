// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <peft/core/error.hpp>
#include <peft/text/normalize/replace.hpp>
#include <peft/text/unicode/byte_alphabet.hpp>
#include <peft/text/unicode/utf8.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The steps of decoding. Each transforms the list of tokens; at the end they are concatenated.
namespace peft {

using Tokens = std::vector<std::string>;

struct FuseTokens {
  void operator()(Tokens& tokens) const {
    std::string all;
    for (const std::string& token : tokens) all += token;
    tokens.assign(1, std::move(all));
  }
};

/// Undoes the byte-level alphabet; a token with a character outside it is left as it is. Ill-formed bytes become
/// U+FFFD.
struct ByteLevelDecoder {
  void operator()(Tokens& tokens) const {
    std::string all;
    for (const std::string& token : tokens) {
      const std::size_t before = all.size();
      for (std::size_t at = 0; at < token.size();) {
        const int byte = byte_alphabet::byte(utf8::next(token, at));
        if (byte < 0) {
          all.resize(before);
          all += token;
          break;
        }
        all += static_cast<char>(byte);
      }
    }
    tokens.assign(1, utf8::repaired(all));
  }
};

/// <0x41> and its like to bytes, where they are UTF-8; else each is U+FFFD.
struct ByteFallbackDecoder {
  void operator()(Tokens& tokens) const {
    Tokens out;
    std::string bytes;
    const auto flush = [&] {
      if (bytes.empty()) return;
      if (utf8::repaired(bytes) == bytes)
        out.push_back(bytes);
      else
        out.insert(out.end(), bytes.size(), "\xEF\xBF\xBD");
      bytes.clear();
    };
    for (std::string& token : tokens) {
      const int byte = byte_of(token);
      if (byte >= 0) {
        bytes += static_cast<char>(byte);
        continue;
      }
      flush();
      out.push_back(std::move(token));
    }
    flush();
    tokens = std::move(out);
  }

 private:
  static int byte_of(std::string_view token) {
    if (token.size() != 6 || !token.starts_with("<0x") || !token.ends_with('>')) return -1;
    const auto digit = [](char c) {
      return c >= '0' && c <= '9'   ? c - '0'
             : c >= 'a' && c <= 'f' ? c - 'a' + 10
             : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                    : -1;
    };
    const int high = token[3] == '+' ? 0 : digit(token[3]), low = digit(token[4]);
    return high < 0 || low < 0 ? -1 : 16 * high + low;
  }
};

/// SentencePiece's visible space to a space; in the first token it goes.
struct MetaspaceDecoder {
  std::string replacement = "\xE2\x96\x81";
  bool drops_first = true;

  void operator()(Tokens& tokens) const {
    for (std::size_t i = 0; i < tokens.size(); ++i)
      tokens[i] = Replace{replacement, i == 0 && drops_first ? "" : " "}(tokens[i]);
  }
};

/// Spaces between words, none before a piece that continues one; `cleanup` takes some before marks, too.
struct WordPieceDecoder {
  std::string prefix = "##";
  bool cleanup = true;

  void operator()(Tokens& tokens) const {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      std::string& token = tokens[i];
      if (i > 0 && token.starts_with(prefix))
        token.erase(0, prefix.size());
      else if (i > 0)
        token.insert(0, " ");
      if (cleanup)
        for (const auto& [from, to] : shorter) token = Replace{from, to}(token);
    }
  }

 private:
  static constexpr std::array<std::pair<const char*, const char*>, 11> shorter{{{" .", "."},
                                                                                {" ?", "?"},
                                                                                {" !", "!"},
                                                                                {" ,", ","},
                                                                                {" ' ", "'"},
                                                                                {" n't", "n't"},
                                                                                {" 'm", "'m"},
                                                                                {" do not", " don't"},
                                                                                {" 's", "'s"},
                                                                                {" 've", "'ve"},
                                                                                {" 're", "'re"}}};
};

/// The mark of a word's end to a space, after the last token to nothing.
struct BpeDecoder {
  std::string suffix = "</w>";

  void operator()(Tokens& tokens) const {
    for (std::size_t i = 0; i < tokens.size(); ++i)
      tokens[i] = Replace{suffix, i + 1 == tokens.size() ? "" : " "}(tokens[i]);
  }
};

/// A step that could not be read: an error only when something is decoded, since encoding needs none.
struct UnreadDecoder {
  std::string why;

  void operator()(Tokens&) const { fail(why); }
};

struct ReplaceDecoder {
  Replace replace;

  void operator()(Tokens& tokens, const Growth* growth = nullptr) const {
    std::size_t before = 0;  // bytes of the tokens so far
    for (std::string& token : tokens) {
      token = replace(token, growth);
      before += token.size();
      if (growth != nullptr) growth->check(before);
    }
  }
};

/// Strips a character from both ends of every token, up to the given counts.
struct StripDecoder {
  std::string content;  // one character
  std::size_t start = 0, stop = 0;

  void operator()(Tokens& tokens) const {
    for (std::string& token : tokens) {
      for (std::size_t i = 0; i < start && token.starts_with(content); ++i) token.erase(0, content.size());
      for (std::size_t i = 0; i < stop && token.ends_with(content); ++i) token.resize(token.size() - content.size());
    }
  }
};

}  // namespace peft
