// SPDX-License-Identifier: Apache-2.0
#include <peft/io/json.hpp>
#include <peft/task/metric/bleu.hpp>
#include <peft/task/metric/exact_match.hpp>
#include <peft/task/metric/rouge_l.hpp>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "catch.hpp"
#include "data_temporary.hpp"

using namespace peft::metric;

namespace {

using Texts = std::vector<std::string>;
using Lists = std::vector<Texts>;

bool near(double a, double b) { return std::abs(a - b) < 1e-12; }

}  // namespace

TEST_CASE("BLEU and ROUGE-L are sacrebleu's and rouge_score's", "[metric][golden]") {
  const auto cases = peft::parse_json_file(std::filesystem::path(PEFT_TEST_DATA) / "generated.json");
  REQUIRE(cases.size() == 64);
  int between = 0, differ = 0;
  for (const auto& one : cases) {
    INFO(one.dump());
    const auto texts = one.at("texts").get<Texts>();
    const auto references = one.at("references").get<Lists>();
    const double plain = bleu(texts, references), lower = bleu(texts, references, {.lowercase = true});
    CHECK(near(plain, one.at("bleu").get<double>()));
    CHECK(near(lower, one.at("bleu_lowercase").get<double>()));
    const auto wanted = one.at("rouge_l").get<std::vector<double>>();
    const auto each = rouge_l_each(texts, references);
    REQUIRE(each.size() == wanted.size());
    double sum = 0;
    for (std::size_t i = 0; i < each.size(); ++i) {
      CHECK(near(each[i], wanted[i]));
      sum += wanted[i];
    }
    CHECK(near(rouge_l(texts, references), sum / static_cast<double>(wanted.size())));
    between += plain > 0.01 && plain < 0.99;
    differ += plain != lower;
  }
  CHECK(between > 30);
  CHECK(differ > 10);
}

TEST_CASE("BLEU's counts, on paper", "[metric]") {
  BleuCounts counts;
  counts.add("the the the cat", Texts{"the cat is on the mat", "a cat"});
  CHECK(counts.right == std::array<std::size_t, 4>{3, 1, 0, 0});  // two of three "the", "cat"; "the cat"
  CHECK(counts.all == std::array<std::size_t, 4>{4, 3, 2, 1});
  CHECK(counts.words == 4);
  CHECK(counts.reference_words == 2);  // 2 and 6 are as near: the shorter
  CHECK(counts.brevity() == 1);
  CHECK(near(counts.score(), std::pow(3. / 4 * 1 / 3 * (1. / 2) / 2 * (1. / 4) / 1, 0.25)));
  BleuCounts brief;
  brief.add("a b c d", Texts{"a b c d e f g h"});
  CHECK(near(brief.score(), std::exp(1 - 8. / 4)));
  CHECK(BleuCounts{}.score() == 0);
  BleuCounts empty;
  empty.add("", Texts{"a"});
  CHECK(empty.brevity() == 0);
  CHECK(empty.score() == 0);
  CHECK(missing_in_error([&] { empty.add("a", Texts{}); }, {"BLEU", "no reference"}) == "");
}

TEST_CASE("ROUGE-L, on paper", "[metric]") {
  CHECK(near(rouge_l(Texts{"police kill the gunman"}, Lists{{"Police killed the gunman!"}}), 0.75));  // Lin's example
  CHECK(near(rouge_l(Texts{"the gunman kill police"}, Lists{{"police killed the gunman"}}), 0.5));
  CHECK(near(rouge_l(Texts{"a b", "x"}, Lists{{"q", "a b c d"}, {"y"}}), (2 * 2. / 6) / 2));
  CHECK(rouge_l(Texts{"", "!?"}, Lists{{""}, {"!?"}}) == 0);
}

TEST_CASE("exact match", "[metric]") {
  CHECK(exact_match(Texts{"yes", " no\n", "No", ""}, Lists{{"no", "yes"}, {"no"}, {"no"}, {" "}}) == 0.75);
  CHECK(exact_match(Texts{"a b"}, Lists{{"a  b"}}) == 0);
}

TEST_CASE("texts without references are refused", "[metric]") {
  const auto all = [](const Texts& texts, const Lists& references, std::initializer_list<std::string_view> parts) {
    std::string wrong = missing_in_error([&] { bleu(texts, references); }, parts);
    wrong += missing_in_error([&] { rouge_l(texts, references); }, parts);
    return wrong + missing_in_error([&] { exact_match(texts, references); }, parts);
  };
  CHECK(all({}, {}, {"no texts"}) == "");
  CHECK(all({"a", "b"}, {{"a"}}, {"2 texts", "references for 1"}) == "");
  CHECK(all({"a", "b"}, {{"a"}, {}}, {"text 1 has no reference"}) == "");
}
