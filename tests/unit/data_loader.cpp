// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <peft/data/loader.hpp>
#include <peft/text/tokenizer.hpp>
#include <set>
#include <string>
#include <vector>

#include "catch.hpp"
#include "data_temporary.hpp"

namespace {

// 100 sentences of 1 to 13 words; with [CLS] and [SEP] 3 to 15 tokens.
peft::Dataset sentences(std::size_t count = 100) {
  peft::Dataset out;
  out.source = "made up";
  out.label_names = {"no", "yes"};
  for (std::size_t i = 0; i < count; ++i) {
    std::string text;
    for (std::size_t word = 0; word <= i * 7 % 13; ++word) text += word % 2 ? "good " : "film ";
    out.examples.push_back({text, "", static_cast<double>(i % 2)});
  }
  return out;
}

const peft::Tokenizer& tokenizer() {
  static const auto made = peft::Tokenizer::open(std::string(PEFT_TEST_DATA) + "/tiny-bert");
  return made;
}

peft::Loader loader(peft::LoaderOptions options,
                    peft::TokenizeOptions tokens = {.max_length = 48, .model_max_length = 48}) {
  return {peft::Tokenized(sentences(), tokenizer(), tokens), options};
}

std::vector<std::int64_t> examples(const peft::Loader& from, std::int64_t epoch) {
  std::vector<std::int64_t> out;
  for (std::int64_t step = 0; step < from.steps(epoch); ++step) {
    const auto batch = from.batch(epoch, step);
    out.insert(out.end(), batch.examples.begin(), batch.examples.end());
  }
  return out;
}

std::vector<std::int64_t> sorted(std::vector<std::int64_t> values) {
  std::sort(values.begin(), values.end());
  return values;
}

std::vector<std::int64_t> all_of_them() {
  std::vector<std::int64_t> out(100);
  std::iota(out.begin(), out.end(), 0);
  return out;
}

}  // namespace

TEST_CASE("A batch is packed", "[data]") {
  peft::Batch batch;
  CHECK(batch.sequences() == 0);
  CHECK(batch.longest() == 0);
  batch.add({{1, 2, 3}, {0, 0, 1}, 0.5}, 7);
  batch.add({{4}, {0}, 1}, 9);
  CHECK(batch.sequences() == 2);
  CHECK(batch.tokens() == 4);
  CHECK(batch.longest() == 3);
  CHECK(batch.offsets == std::vector<std::int32_t>{0, 3, 4});
  CHECK(batch.ids == std::vector<std::int32_t>{1, 2, 3, 4});
  CHECK(batch.types == std::vector<std::int32_t>{0, 0, 1, 0});
  CHECK(batch.targets == std::vector<double>{0.5, 1});
  CHECK(batch.examples == std::vector<std::int64_t>{7, 9});
  CHECK_THROWS_AS(batch.add({{1, 2}, {0}, 0}, 1), peft::Error);
}

TEST_CASE("Every epoch holds every example once, in another order", "[data]") {
  const auto made = loader({.batch = 32, .seed = 3});
  CHECK(made.steps(0) == 4);
  CHECK(made.batch(0, 3).sequences() == 4);
  const auto first = examples(made, 0), second = examples(made, 1);
  CHECK(sorted(first) == all_of_them());
  CHECK(sorted(second) == all_of_them());
  CHECK(first != second);
  CHECK(first != all_of_them());
  CHECK(first != examples(loader({.batch = 32, .seed = 4}), 0));
  CHECK(examples(loader({.batch = 32, .shuffle = false}), 0) == all_of_them());
}

TEST_CASE("A batch is a function of seed, epoch and step alone", "[data]") {
  for (const int bucket : {0, 2}) {
    const peft::LoaderOptions options{.batch = 8, .tokens = 90, .bucket = bucket, .seed = 5};
    const auto one = loader(options), other = loader(options);
    examples(one, 0);
    const auto late = one.batch(2, 3), direct = other.batch(2, 3);
    CHECK(late.examples == direct.examples);
    CHECK(late.ids == direct.ids);
    CHECK(one.batch(0, 1).examples == other.batch(0, 1).examples);  // and back again
  }
}

TEST_CASE("What a batch holds is what the tokenizer gives", "[data]") {
  const auto data = sentences();
  const auto made = loader({.batch = 16});
  const auto batch = made.batch(0, 2);
  for (int s = 0; s < batch.sequences(); ++s) {
    const auto at = static_cast<std::size_t>(s);
    const auto& example = data.examples.at(static_cast<std::size_t>(batch.examples[at]));
    const auto expected = tokenizer().encode(example.a);
    const auto begin = batch.ids.begin() + batch.offsets[at], end = batch.ids.begin() + batch.offsets[at + 1];
    CHECK(std::vector<std::int32_t>(begin, end) == expected.ids);
    CHECK(batch.targets[at] == example.target);
  }
}

TEST_CASE("Batches within a budget of tokens", "[data]") {
  const auto made = loader({.batch = 0, .tokens = 40});
  CHECK(sorted(examples(made, 0)) == all_of_them());
  for (std::int64_t step = 0; step < made.steps(0); ++step) {
    CHECK(made.batch(0, step).tokens() <= 40);
    CHECK(made.batch(0, step).sequences() > 1);
  }
  const auto tight = loader({.batch = 0, .tokens = 1});  // each example is over the budget and alone
  CHECK(tight.steps(0) == 100);
  const auto both = loader({.batch = 2, .tokens = 40});
  for (std::int64_t step = 0; step < both.steps(0); ++step) CHECK(both.batch(0, step).sequences() <= 2);
}

TEST_CASE("Buckets bring like lengths together and still shuffle", "[data]") {
  const auto padding = [](const peft::Loader& from) {
    std::int64_t out = 0;
    for (std::int64_t step = 0; step < from.steps(0); ++step) {
      const auto batch = from.batch(0, step);
      out += batch.sequences() * batch.longest() - batch.tokens();
    }
    return out;
  };
  const auto plain = loader({.batch = 8}), bucketed = loader({.batch = 8, .bucket = 4}),
             budget = loader({.batch = 0, .tokens = 60, .bucket = 4});
  CHECK(bucketed.steps(0) == 13);
  CHECK(sorted(examples(bucketed, 0)) == all_of_them());
  CHECK(sorted(examples(budget, 0)) == all_of_them());
  CHECK(examples(bucketed, 0) != examples(bucketed, 1));
  CHECK(padding(bucketed) * 2 < padding(plain));
  bool up = false, down = false;  // the batches themselves are not sorted
  for (std::int64_t step = 1; step < bucketed.steps(0); ++step) {
    up = up || bucketed.batch(0, step).longest() > bucketed.batch(0, step - 1).longest();
    down = down || bucketed.batch(0, step).longest() < bucketed.batch(0, step - 1).longest();
  }
  CHECK((up && down));
}

TEST_CASE("A limit takes the first examples of a seeded shuffle, the same in every epoch", "[data]") {
  const peft::TokenizeOptions ten{.max_length = 48, .model_max_length = 48, .limit = 10, .seed = 1};
  auto other = ten;
  other.seed = 2;
  const auto made = loader({.batch = 4}, ten);
  const auto chosen = sorted(examples(made, 0));
  CHECK(chosen.size() == 10);
  CHECK(chosen == sorted(examples(made, 1)));
  CHECK(chosen != sorted(examples(loader({.batch = 4}, other), 0)));
  CHECK(std::set(chosen.begin(), chosen.end()).size() == 10);
  other.limit = 1000;
  CHECK(loader({.batch = 4}, other).data().size() == 100);
}

TEST_CASE("The shuffle is the same on every platform, and fair", "[data]") {
  std::vector<int> values(8);
  std::iota(values.begin(), values.end(), 0);
  peft::shuffle(values, 42, 0);
  CHECK(values == std::vector<int>{7, 2, 4, 5, 1, 0, 3, 6});
  std::vector<int> counts(4);
  for (std::uint64_t round = 0; round < 4000; ++round) {
    std::vector<int> four{0, 1, 2, 3};
    peft::shuffle(four, 7, round);
    ++counts[static_cast<std::size_t>(four[0])];
  }
  for (const int count : counts) CHECK(std::abs(count - 1000) < 150);  // more than 5 standard deviations
}

TEST_CASE("Pairs stay pairs when the second sentence is empty", "[data]") {
  auto data = sentences(3);
  data.pairs = true;
  const peft::Tokenized made(data, tokenizer(), {.max_length = 48, .model_max_length = 48});
  CHECK(made.length(0) == static_cast<int>(tokenizer().encode(data.examples[0].a).ids.size()) + 1);
}

TEST_CASE("Lengths: cut to what was asked for, never above the model's maximum", "[data]") {
  const auto made = loader({.batch = 100}, {.max_length = 6, .model_max_length = 48});
  CHECK(made.batch(0, 0).longest() == 6);
  CHECK(loader({}, {.max_length = 4900, .model_max_length = 48}).batch(0, 0).longest() <= 48);  // no text is as long
  CHECK(missing_in_error([] { loader({}, {.max_length = 6, .model_max_length = 5}); }, {"6 tokens", "at most 5"}) ==
        "");
  CHECK(missing_in_error([] { loader({}, {.max_length = 1, .model_max_length = 48}); }, {"length of 1", "2 special"}) ==
        "");
  CHECK(missing_in_error([] { loader({}, {.max_length = -5, .model_max_length = 48}); }, {"-5"}) == "");
  CHECK(missing_in_error([] { loader({}, {.max_length = 9, .limit = -1}); }, {"-1"}) == "");
}

TEST_CASE("Impossible loader options", "[data]") {
  CHECK(missing_in_error([] { loader({.batch = 0}); }, {"examples or of tokens"}) == "");
  CHECK(missing_in_error([] { loader({.batch = -1}); }, {"-1"}) == "");
  CHECK(missing_in_error([] { loader({.batch = 32}).batch(0, 4); }, {"no step 4", "4 from 0"}) == "");
  CHECK(missing_in_error([] { loader({.batch = 32}).batch(0, -1); }, {"no step -1"}) == "");
  CHECK(missing_in_error([] { loader({.batch = 32}).batch(-1, 0); }, {"counted from 0"}) == "");
  CHECK(missing_in_error([] { peft::Tokenized(peft::Dataset(), tokenizer(), {}); }, {"no examples"}) == "");
}
