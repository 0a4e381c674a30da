// SPDX-License-Identifier: Apache-2.0
#include <peft/data/loader.hpp>
#include <peft/data/tokenized_pairs.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include "catch.hpp"
#include "data_temporary.hpp"

using namespace peft;

namespace {

using Ids = std::vector<std::int32_t>;
using Targets = std::vector<double>;

const Tokenizer& pair_tokenizer() {
  static const Tokenizer made = Tokenizer::open(std::string(PEFT_TEST_DATA) + "/tiny-bert");
  return made;
}
Ids ids(std::string_view text) { return pair_tokenizer().ids(text); }
Ids chain(std::initializer_list<Ids> parts) {
  Ids out;
  for (const Ids& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

PairDataset pairs() {
  PairDataset data{"made up", "train", {}, true, {}};
  data.pairs = {
      {"good film", "not bad", {}}, {"the story is dull", "bad", {}}, {"a", "very very fun film", {"x", "y"}}};
  return data;
}

constexpr std::int32_t start = 2, eos = 3;

Batch batch_of(const TokenizedPairs& data, std::size_t i) {
  Batch batch;
  data.add_to(batch, i);
  return batch;
}

}  // namespace

TEST_CASE("a batch of pairs is packed on both sides", "[data]") {
  Batch batch;
  CHECK(!batch.paired());
  CHECK(batch.decoder_tokens() == 0);
  batch.add_pair(Ids{1, 2, 3}, Ids{0, 0, 0}, Ids{7, 8}, Targets{8, 9}, 4);
  batch.add_pair(Ids{4}, Ids{0}, Ids{7, 5, 6}, Targets{5, 6, -1}, 2);
  CHECK(batch.paired());
  CHECK(batch.sequences() == 2);
  CHECK(batch.tokens() == 4);
  CHECK(batch.longest() == 3);
  CHECK(batch.decoder_tokens() == 5);
  CHECK(batch.decoder_longest() == 3);
  CHECK(batch.offsets == Ids{0, 3, 4});
  CHECK(batch.decoder_offsets == Ids{0, 2, 5});
  CHECK(batch.decoder_ids == Ids{7, 8, 7, 5, 6});
  CHECK(batch.targets == Targets{8, 9, 5, 6, -1});
  CHECK(batch.examples == std::vector<std::int64_t>{4, 2});
  CHECK(missing_in_error([&] { batch.add({{1}, {0}, 0}, 3); }, {"example 3", "pairs"}) == "");
  CHECK(missing_in_error([&] { batch.add_pair(Ids{1}, Ids{0}, Ids{}, Targets{}, 3); },
                         {"example 3", "nothing to read"}) == "");
  CHECK(missing_in_error([&] { batch.add_pair(Ids{1}, Ids{0}, Ids{1, 2}, Targets{1}, 3); }, {"1 targets for 2 rows"}) ==
        "");
  CHECK(missing_in_error([&] { batch.add_pair(Ids{1}, Ids{}, Ids{1}, Targets{1}, 3); },
                         {"1 ids but 0 segment types"}) == "");
  CHECK(batch.decoder_tokens() == 5);
  Batch single;
  single.add({{1}, {0}, 0}, 3);
  CHECK(missing_in_error([&] { single.add_pair(Ids{1}, Ids{0}, Ids{1}, Targets{1}, 5); },
                         {"example 5", "without a second side"}) == "");
}

TEST_CASE("causal pairs: the next token is learned where it belongs to the target", "[data]") {
  CausalOptions options{.before_source = "is it ", .after_source = "?", .start = {start}, .eos = eos};
  const auto data = TokenizedPairs::causal(pairs(), pair_tokenizer(), options);
  CHECK(data.size() == 3);
  CHECK(!data.paired());
  const Ids prompt = chain({{start}, ids("is it good film?")}), target = ids("not bad");
  REQUIRE(target.size() == 2);
  const Batch batch = batch_of(data, 0);
  CHECK(batch.ids == chain({prompt, target, {eos}}));
  Targets wanted(prompt.size() - 1, -1);
  wanted.insert(wanted.end(), {double(target[0]), double(target[1]), double(eos), -1});
  CHECK(batch.targets == wanted);
  CHECK(batch.types == Ids(batch.ids.size(), 0));
  CHECK(batch.slots[0] == 0);
  CHECK(std::count(batch.slots.begin(), batch.slots.end(), -1) == std::ptrdiff_t(batch.slots.size()) - 1);
  CHECK(!batch.paired());
  const auto begin = data.prompt(0);
  CHECK(Ids(begin.begin(), begin.end()) == prompt);
  CHECK(data.references(0) == std::vector<std::string>{"not bad"});
  CHECK(data.references(2) == std::vector<std::string>{"x", "y"});
  CHECK(data.length(0) == int(batch.ids.size()));
  CHECK(data.tokens() == std::size_t(data.length(0) + data.length(1) + data.length(2)));
  CHECK(data.longest() == std::max({data.length(0), data.length(1), data.length(2)}));
  CHECK(data.decoder_longest() == 0);

  // Neither a start nor an end: as many targets as the text has tokens.
  const auto bare = batch_of(TokenizedPairs::causal(pairs(), pair_tokenizer(), {}), 0);
  CHECK(bare.ids == chain({ids("good film"), target}));
  CHECK(bare.targets == Targets{-1, double(target[0]), double(target[1]), -1});
}

TEST_CASE("causal pairs: a long prompt loses its beginning, then a long target its end", "[data]") {
  const Ids prompt = ids("the story is dull"), target = ids("bad");
  REQUIRE(prompt.size() == 4);
  REQUIRE(target.size() == 1);
  CausalOptions options{.start = {start}, .eos = eos, .max_length = 5};
  PairDataset data = pairs();
  data.pairs.resize(2);
  const auto cut = batch_of(TokenizedPairs::causal(data, pair_tokenizer(), options), 1);
  CHECK(cut.ids == Ids{start, prompt[2], prompt[3], target[0], eos});
  CHECK(cut.targets == Targets{-1, -1, double(target[0]), double(eos), -1});
  options.max_length = 20;
  options.max_prompt = 2;
  CHECK(batch_of(TokenizedPairs::causal(data, pair_tokenizer(), options), 1).ids ==
        Ids{start, prompt[3], target[0], eos});
  for (const int most : {1, -1}) {
    options.max_prompt = most;
    CHECK(missing_in_error([&] { TokenizedPairs::causal(data, pair_tokenizer(), options); },
                           {"max_prompt", "1 tokens of start"}) == "");
  }
  options.max_prompt = 0;
  options.max_length = 4;  // "not bad" and its end leave one token beside the start: none for the prompt
  const auto both = TokenizedPairs::causal(data, pair_tokenizer(), options);
  const Ids first_prompt = ids("good film"), first_target = ids("not bad");
  CHECK(batch_of(both, 0).ids ==
        Ids{start, first_prompt.back(), first_target[0], first_target[1]});  // no end: it is not reached
  CHECK(both.cut() == 2);
  CHECK(TokenizedPairs::causal(data, pair_tokenizer(), {.start = {start}, .eos = eos, .max_length = 7}).cut() == 0);
  options.max_length = 2;
  CHECK(missing_in_error([&] { TokenizedPairs::causal(data, pair_tokenizer(), options); }, {"max_length", "no room"}) ==
        "");
  options.max_length = 2000;
  CHECK(TokenizedPairs::causal(data, pair_tokenizer(), options).cut() ==
        0);  // more than the model takes, but no text is as long
  options.model_max_length = 3;
  CHECK(missing_in_error([&] { TokenizedPairs::causal(data, pair_tokenizer(), options); }, {"at most 3"}) == "");
  data.pairs[1].target = " ";
  CHECK(missing_in_error([&] { TokenizedPairs::causal(data, pair_tokenizer(), {}); }, {"pair 2", "no tokens"}) == "");
  data.pairs[1] = {" ", "bad", {}};
  CHECK(missing_in_error([&] { TokenizedPairs::causal(data, pair_tokenizer(), {}); }, {"pair 2", "prompt"}) == "");
  CHECK(batch_of(TokenizedPairs::causal(data, pair_tokenizer(), {.start = {start}}), 1).targets ==
        Targets{double(target[0]), -1});
  data.pairs.clear();
  CHECK(missing_in_error([&] { TokenizedPairs::causal(data, pair_tokenizer(), {}); }, {"made up", "no pairs"}) == "");
}

TEST_CASE("pairs for an encoder-decoder: the target is shifted right", "[data]") {
  const auto data = TokenizedPairs::sequence_to_sequence(pairs(), pair_tokenizer(),
                                                         {.start = 0, .eos = eos, .before_source = "is it "});
  CHECK(data.paired());
  const Ids target = ids("not bad");
  const Batch batch = batch_of(data, 0);
  CHECK(batch.ids == pair_tokenizer().encode("is it good film").ids);
  CHECK(batch.slots == pair_tokenizer().encode("is it good film").slots);
  CHECK(batch.decoder_ids == Ids{0, target[0], target[1]});
  CHECK(batch.targets == Targets{double(target[0]), double(target[1]), double(eos)});
  const auto prompt = data.prompt(0);
  CHECK(Ids(prompt.begin(), prompt.end()) == batch.ids);
  CHECK(data.length(0) == int(batch.ids.size() + 3));
  CHECK(data.longest() == int(pair_tokenizer().encode("is it the story is dull").ids.size()));
  CHECK(data.decoder_longest() == 5);
  CHECK(data.tokens() == std::size_t(data.length(0) + data.length(1) + data.length(2)));
  const auto endless =
      batch_of(TokenizedPairs::sequence_to_sequence(pairs(), pair_tokenizer(), {.start = 0, .eos = -1}), 0);
  CHECK(endless.decoder_ids == Ids{0, target[0]});
  CHECK(endless.targets == Targets{double(target[0]), double(target[1])});
}

TEST_CASE("pairs for an encoder-decoder: what is too long or no text", "[data]") {
  const auto made = [](const PairDataset& data, SequenceToSequenceOptions options) {
    return TokenizedPairs::sequence_to_sequence(data, pair_tokenizer(), options);
  };
  CHECK(batch_of(made(pairs(), {.max_source = 4}), 1).ids.size() == 4);
  CHECK(made(pairs(), {.max_source = 4}).cut() == 1);
  const auto whole = batch_of(made(pairs(), {.max_target = 5}), 2), cut = batch_of(made(pairs(), {.max_target = 4}), 2);
  CHECK(cut.targets == Targets{whole.targets[0], whole.targets[1], whole.targets[2], whole.targets[4]});
  CHECK(cut.decoder_ids == Ids{whole.decoder_ids.begin(), whole.decoder_ids.end() - 1});
  CHECK(made(pairs(), {.max_target = 4}).cut() == 1);
  CHECK(made(pairs(), {.max_target = 5}).cut() == 0);
  CHECK(missing_in_error([&] { made(pairs(), {.max_source = 513, .model_max_length = 3}); }, {"at most 3"}) == "");
  CHECK(missing_in_error([&] { made(pairs(), {.max_source = 0}); }, {"max_source = 0"}) == "");
  CHECK(missing_in_error([&] { made(pairs(), {.max_target = 0}); }, {"max_target"}) == "");
  CHECK(missing_in_error([&] { made(pairs(), {.start = -1}); }, {"decoder_start_token_id"}) == "");
  PairDataset data = pairs();
  data.pairs[1].target = "\t";
  CHECK(missing_in_error([&] { made(data, {}); }, {"pair 2", "no tokens"}) == "");
}

TEST_CASE("tokens outside the model's vocabulary are refused", "[data]") {
  const std::int64_t rows = static_cast<std::int64_t>(pair_tokenizer().vocab_size());
  CHECK(TokenizedPairs::causal(pairs(), pair_tokenizer(), {.vocabulary = rows}).size() == 3);
  CHECK(missing_in_error([&] { TokenizedPairs::causal(pairs(), pair_tokenizer(), {.vocabulary = 50}); },
                         {"made up, pair 1", "vocabulary of 50"}) == "");
  CHECK(missing_in_error([&] { TokenizedPairs::causal(pairs(), pair_tokenizer(), {.eos = 50256, .vocabulary = rows}); },
                         {"50256"}) == "");
  CHECK(
      missing_in_error(
          [&] { TokenizedPairs::sequence_to_sequence(pairs(), pair_tokenizer(), {.start = 200, .vocabulary = rows}); },
          {"200"}) == "");
  CHECK(missing_in_error(
            [&] { TokenizedPairs::sequence_to_sequence(pairs(), pair_tokenizer(), {.eos = 201, .vocabulary = rows}); },
            {"201"}) == "");
}

TEST_CASE("pairs without targets give prompts, not batches", "[data]") {
  PairDataset data = pairs();
  data.labelled = false;
  for (TextPair& pair : data.pairs) pair.target.clear(), pair.references.clear();
  const auto causal = TokenizedPairs::causal(data, pair_tokenizer(), {.start = {start}, .eos = eos});
  CHECK(Ids(causal.prompt(0).begin(), causal.prompt(0).end()) == chain({{start}, ids("good film")}));
  CHECK(causal.references(0).empty());
  const auto paired = TokenizedPairs::sequence_to_sequence(data, pair_tokenizer(), {});
  CHECK(paired.prompt(0).size() == 4);
  for (const auto* made : {&causal, &paired})
    CHECK(missing_in_error([&] { batch_of(*made, 0); }, {"without targets"}) == "");
}

TEST_CASE("a loader of pairs gives every pair once, within its budget", "[data]") {
  PairDataset data{"made up", "train", {}, true, {}};
  for (int i = 0; i < 50; ++i) {
    std::string text = "film";
    for (int k = 0; k < i * 7 % 11; ++k) text += " good";
    data.pairs.push_back({text, i % 3 ? "not bad" : "bad", {}});
  }
  const LoaderOf loader(TokenizedPairs::sequence_to_sequence(data, pair_tokenizer(), {}),
                        {.batch = 0, .tokens = 60, .bucket = 4, .seed = 5});
  std::vector<std::int64_t> seen;
  for (std::int64_t step = 0; step < loader.steps(1); ++step) {
    const Batch batch = loader.batch(1, step);
    CHECK(batch.tokens() + batch.decoder_tokens() <= 60);
    CHECK(batch.targets.size() == batch.decoder_ids.size());
    seen.insert(seen.end(), batch.examples.begin(), batch.examples.end());
  }
  std::sort(seen.begin(), seen.end());
  REQUIRE(seen.size() == 50);
  for (std::int64_t i = 0; i < 50; ++i) CHECK(seen[static_cast<std::size_t>(i)] == i);
  const auto few = TokenizedPairs::causal(data, pair_tokenizer(), {.limit = 7, .seed = 3});
  CHECK(few.size() == 7);
  CHECK(few.example(0) != 0);
  CHECK(missing_in_error([&] { TokenizedPairs::causal(data, pair_tokenizer(), {.limit = -1}); }, {"limit of -1"}) ==
        "");
}
