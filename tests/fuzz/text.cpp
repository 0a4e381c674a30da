// SPDX-License-Identifier: Apache-2.0
// Tokenizers: whole files, and tokenizer.json part by part.
#include <peft/text/tokenizer.hpp>

#include <string>

#include "targets.hpp"

namespace fuzz {

namespace {

using namespace peft;

/// A tokenizer must cope with any text, and its ids must be rows of the embedding that it asks for.
void use(const Tokenizer& t, std::string_view more) {
  const std::string text = "The quick, brown f\xc3\xb6x [SEP] \xe4\xbd\xa0\xe5\xa5\xbd\xff  isn't </s> 123\t" +
                           std::string(more.substr(0, 64));
  attempt([&] {
    const auto ids = t.ids(text);
    for (const std::int32_t id : ids) expect(id >= 0 && static_cast<std::size_t>(id) < t.vocab_size());
    t.decode(ids);
  });
  attempt([&] { expect(t.encode(text, "other", 16).ids.size() <= 16); });
  const std::string_view words[] = {"The", "isn't", ""};
  expect(t.encode_words(words, 16).first.size() == 3);
}

void file(std::string_view name, std::string_view bytes) {
  const Folder folder;
  folder.put(name, bytes);
  use(Tokenizer::open(folder.path()), bytes);
}

constexpr std::string_view words =
    R"({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "the": 3, "q": 4, "##u": 5, "u": 6, "qu": 7, "i": 8, "s": 9, "b": 10, "Ġ": 11})";

/// tokenizer.json of small sound parts, one of which is the input as it comes.
void part(std::string_view name, std::string_view bytes) {
  std::string text = "{";
  for (const auto& [key, value] :
       {std::pair<std::string_view, std::string>{"normalizer", R"({"type": "BertNormalizer"})"},
        {"pre_tokenizer", R"({"type": "BertPreTokenizer"})"},
        {"post_processor", R"({"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]})"},
        {"decoder", R"({"type": "WordPiece"})"},
        {"added_tokens", R"([{"id": 2, "content": "[SEP]", "special": true}])"},
        {"model", R"({"type": "WordPiece", "unk_token": "[UNK]", "vocab": )" + std::string(words) + "}"}}) {
    text.append(text.size() > 1 ? ", \"" : "\"").append(key).append("\": ");
    text.append(key == name ? bytes : std::string_view(value));
  }
  file("tokenizer.json", text + "}");
}

template <const char* name>
void part_named(std::string_view bytes) {
  part(name, bytes);
}
constexpr char normalizer[] = "normalizer", pre_tokenizer[] = "pre_tokenizer", post_processor[] = "post_processor",
               decoder[] = "decoder", added_tokens[] = "added_tokens", model[] = "model";

/// What stands beside a vocabulary: three files, divided by zero bytes.
void settings(std::string_view bytes) {
  const auto given = parts(bytes, 3);
  const Folder folder;
  folder.put("vocab.txt", "[UNK]\n[CLS]\n[SEP]\n[PAD]\n[MASK]\nthe\nquick\nf\n##o\n");
  folder.put("tokenizer_config.json", given[0].empty() ? "{}" : given[0]);
  if (!given[1].empty()) folder.put("special_tokens_map.json", given[1]);
  if (!given[2].empty()) folder.put("added_tokens.json", given[2]);
  use(Tokenizer::open(folder.path()), bytes);
}

/// vocab.json, merges.txt and tokenizer_config.json, divided by zero bytes.
void vocab_and_merges(std::string_view bytes) {
  const auto given = parts(bytes, 3);
  const Folder folder;
  folder.put("vocab.json", given[0]);
  folder.put("merges.txt", given[1]);
  if (!given[2].empty()) folder.put("tokenizer_config.json", given[2]);
  use(Tokenizer::open(folder.path()), given[1]);
}

/// A text, through steps of every kind.
void hostile_text(std::string_view bytes) {
  static const std::vector<Tokenizer> all = [] {
    constexpr std::string_view around[] = {
        R"("normalizer": {"type": "BertNormalizer"}, "pre_tokenizer": {"type": "BertPreTokenizer"}, "decoder": {"type": "WordPiece"})",
        R"("normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Lowercase"}, {"type": "StripAccents"}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}, {"type": "Strip"}, {"type": "Nmt"}, {"type": "Prepend", "prepend": "▁"}]}, "pre_tokenizer": {"type": "Metaspace"}, "decoder": {"type": "Metaspace"})",
        R"("normalizer": {"type": "NFD"}, "pre_tokenizer": {"type": "ByteLevel"}, "decoder": {"type": "ByteLevel"})",
        R"("pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|\\s+(?!\\S)|\\s+"}, "behavior": "MergedWithNext"}, {"type": "Digits", "individual_digits": true}, {"type": "Punctuation"}, {"type": "Whitespace"}]})"};
    std::vector<Tokenizer> made;
    const Folder folder;
    for (const std::string_view steps : around) {
      for (const std::string_view model : {R"("type": "WordPiece", "unk_token": "[UNK]")",
                                           R"("type": "BPE", "unk_token": "[UNK]", "merges": ["q u"])"}) {
        folder.put(
            "tokenizer.json",
            "{" + std::string(steps) +
                R"(, "added_tokens": [{"id": 2, "content": "[SEP]", "special": true}, {"id": 3, "content": "the", "single_word": true, "lstrip": true, "rstrip": true}], "model": {)" +
                std::string(model) + R"(, "vocab": )" + std::string(words) + "}}");
        made.push_back(Tokenizer::open(folder.path()));
      }
    }
    return made;
  }();
  for (const Tokenizer& t : all) {
    const auto ids = t.ids(bytes);
    for (const std::int32_t id : ids) expect(id >= 0 && static_cast<std::size_t>(id) < t.vocab_size());
    t.decode(ids, false);
  }
}

}  // namespace

const std::vector<Target> text_targets = {
    {"tokenizer", [](std::string_view bytes) { file("tokenizer.json", bytes); }},
    {"sentencepiece", [](std::string_view bytes) { file("spiece.model", bytes); }},
    {"vocab_txt", [](std::string_view bytes) { file("vocab.txt", bytes); }},
    {"vocab_merges", vocab_and_merges},
    {"tokenizer_config", settings},
    {"normalizer", part_named<normalizer>},
    {"pre_tokenizer", part_named<pre_tokenizer>},
    {"post_processor", part_named<post_processor>},
    {"decoder", part_named<decoder>},
    {"added_tokens", part_named<added_tokens>},
    {"wordpiece", part_named<model>},
    {"bpe", part_named<model>},
    {"unigram", part_named<model>},
    {"text", hostile_text},
};

}  // namespace fuzz
