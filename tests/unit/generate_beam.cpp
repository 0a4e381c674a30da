// SPDX-License-Identifier: Apache-2.0
#include <peft/core/error.hpp>
#include <peft/model/beam.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"

using namespace peft;

namespace {

/// Logits whose softmax these probabilities are; what is left goes to the last of eight ids.
std::vector<float> row(std::vector<double> p) {
  double rest = 1;
  for (const double v : p) rest -= v;
  p.resize(8, 1e-6);
  p[7] = std::max(rest, 1e-6);
  std::vector<float> logits;
  for (const double v : p) logits.push_back(static_cast<float>(3 + std::log(v)));
  return logits;
}
void advance(BeamSearch& search, const std::vector<std::vector<float>>& rows) {
  std::vector<float> all;
  for (const auto& r : rows) all.insert(all.end(), r.begin(), r.end());
  search.advance(std::span<const float>(all));
}
using Ids = std::vector<std::int32_t>;
constexpr double small = 1e-6;

/// The message of the Error that f throws.
template <class F>
std::string refusal(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}
bool says(const std::string& message, const char* part) { return message.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("two beams are followed, and the better text wins that began worse", "[beam]") {
  BeamSearch search({.beams = 2, .most = 2});
  CHECK(search.running().size() == 1);
  advance(search, {row({0.1, 0.5, 0.4})});
  REQUIRE(search.running().size() == 2);
  CHECK(search.running()[0].ids == Ids{1});
  CHECK(search.running()[1].ids == Ids{2});
  CHECK(!search.done());
  advance(search, {row({0.3, 0.3, 0.2}), row({small, 0.9, 0.05})});
  REQUIRE(search.done());
  CHECK(search.best().ids == Ids{2, 1});
  CHECK(search.best().score == Approx(std::log(0.4 * 0.9) / 2));
}

TEST_CASE("parents of beams, and equal scores in the order of beams and ids", "[beam]") {
  BeamSearch search({.beams = 2, .most = 5});
  advance(search, {row({0.2, 0.3, 0.3})});
  CHECK(search.running()[0].ids == Ids{1});
  CHECK(search.running()[1].ids == Ids{2});
  advance(search, {row({0.1, 0.1, 0.1, 0.1}), row({small, 0.4, small, 0.4})});
  CHECK(search.running()[0].ids == Ids{1, 7});  // what is left: 0.6
  CHECK(search.running()[0].parent == 0);
  CHECK(search.running()[1].ids == Ids{2, 1});
  CHECK(search.running()[1].parent == 1);
}

TEST_CASE("an end among the first beams finishes a text, a later one is dropped", "[beam]") {
  const auto begin = [](bool early, double penalty) {
    BeamSearch search({.beams = 2, .most = 9, .length_penalty = penalty, .early_stopping = early, .eos = {0}});
    advance(search, {row({0.5, 0.3, 0.2})});  // id 0 ends the first text
    CHECK(search.running()[0].ids == Ids{1});
    CHECK(search.running()[1].ids == Ids{2});
    CHECK(!search.done());
    // Ids 1 1 (0.27), 2 1 (0.16), 1 0 and 2 0 last: no end among the first two.
    advance(search, {row({0.05, 0.9}), row({0.1, 0.8})});
    CHECK(search.running()[0].ids == Ids{1, 1});
    CHECK(!search.done());
    // 1 1 0: 0.2565 is the second text that ends.
    advance(search, {row({0.95, 0.02}), row({0.01, 0.5})});
    return search;
  };
  SECTION("with two finished, early stopping stops") {
    const BeamSearch search = begin(true, 1);
    CHECK(search.done());
    CHECK(search.best().ids == Ids{1, 1, 0});  // ln 0.2565 / 3 > ln 0.5
  }
  SECTION("without a penalty the shorter text wins, and nothing better can come") {
    const BeamSearch search = begin(false, 0);
    CHECK(search.done());
    CHECK(search.best().ids == Ids{0});
    CHECK(search.best().score == Approx(std::log(0.5)));
  }
  SECTION("it goes on while the best that runs beats the worst that is finished") {
    BeamSearch search = begin(false, 3);
    CHECK(!search.done());  // ln(0.16 0.5) / 27 > ln 0.5
    advance(search, {row({0.9}), row({small, 0.5})});
    CHECK(search.best().ids == Ids{2, 1, 1, 0});
    CHECK(search.best().score == Approx(std::log(0.16 * 0.5 * 0.9) / 64));
  }
}

TEST_CASE("beam search refuses what cannot be", "[beam]") {
  CHECK(says(refusal([] { BeamSearch search({.beams = 0}); }), "0 beams"));
  CHECK(says(refusal([] { BeamSearch search({.beams = 2, .most = 0}); }), "0 tokens"));
  BeamSearch wide({.beams = 5, .most = 2});
  CHECK(says(refusal([&] { advance(wide, {row({0.1})}); }),
             "5 beams want 10 tokens to choose from, the vocabulary has 8"));
  BeamSearch broken({.beams = 2, .most = 2});
  auto bad = row({0.1});
  bad[3] = std::numeric_limits<float>::quiet_NaN();
  CHECK(says(refusal([&] { advance(broken, {bad}); }), "not finite"));
}
