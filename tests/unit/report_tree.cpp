// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <vector>

#include "catch.hpp"
#include "peft/report/tree.hpp"

using namespace peft::report;

namespace {

// A small encoder; `ranks` gives the rank of query's LoRA per layer, 0 for none.
std::vector<Module> encoder(const std::vector<int>& ranks) {
  std::vector<Module> out{{"bert.embeddings", "100x4", 400, 0, ""}};
  for (std::size_t layer = 0; layer < ranks.size(); ++layer) {
    const std::string at = "bert.encoder.layer." + std::to_string(layer) + ".";
    const int r = ranks[layer], own = 8 * r;
    out.push_back({at + "attention.self.query", "4x4", 20 + own, own, r > 0 ? "LoRA r=" + std::to_string(r) : ""});
    out.push_back({at + "attention.self.value", "4x4", 20, 0, ""});
    out.push_back({at + "output.dense", "16x4", 1068, 0, ""});
  }
  out.push_back({"classifier", "2x4", 10, 10, ""});
  return out;
}

std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// What the error says; empty when there is none.
template <class F>
std::string refusal(F f) {
  try {
    f();
  } catch (const peft::Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("equal layers collapse to one, with their sum") {
  CHECK(delta_tree(encoder({2, 2, 2})).text() ==
        "module                      shape  attached         trainable  total\n"
        "--------------------------------------------------------------------\n"
        "bert                                                       48  3,772\n"
        "  embeddings                100x4                           -    400\n"
        "  encoder.layer.0-2  (3 x)                                 48  3,372\n"
        "    attention.self                                         16     56\n"
        "      query                 4x4    LoRA r=2                16     36\n"
        "      value                 4x4                             -     20\n"
        "    output.dense            16x4                            -  1,068\n"
        "classifier                  2x4                            10     10\n"
        "--------------------------------------------------------------------\n"
        "all                                1.5 % trainable         58  3,782\n");
}

TEST_CASE("layers that differ stay apart") {
  const std::string text = delta_tree(encoder({0, 0, 2, 2, 2, 3, 2})).text();
  CHECK(has(text, "encoder.layer.0-1  (2 x)"));
  CHECK(has(text, "encoder.layer.2-4  (3 x)"));
  CHECK(has(text, "encoder.layer.5 "));
  CHECK(has(text, "encoder.layer.6 "));
  CHECK(has(text, "LoRA r=3"));
  CHECK_FALSE(has(text, "encoder.layer.0-6"));
}

TEST_CASE("the tree does not grow with the number of equal layers, and its totals do") {
  const auto six = delta_tree(encoder(std::vector<int>(6, 2))).text();
  const auto many = delta_tree(encoder(std::vector<int>(24, 2))).text();
  CHECK(lines(six) == lines(many));
  CHECK(has(six, "(6 x)"));
  CHECK(has(many, "encoder.layer.0-23  (24 x)"));
  CHECK(has(many, "394  27,386"));  // 24 * 16 + 10, 24 * 1,124 + 410
}

TEST_CASE("layers out of order or with gaps are not one range") {
  const std::vector<Module> gap{{"h.0", "4", 4, 0, ""}, {"h.2", "4", 4, 0, ""}, {"h.3", "4", 4, 0, ""}};
  const std::string text = delta_tree(gap).text();
  CHECK(has(text, "h.0 "));
  CHECK(has(text, "h.2-3  (2 x)"));
}

TEST_CASE("a module named twice is one line, and an inner module may have something attached") {
  const std::string text =
      delta_tree({{"a.q", "4x4", 16, 0, "LoRA r=1"}, {"a.q", "", 4, 4, "Bias"}, {"a", "", 2, 2, "adapter"}}).text();
  CHECK(text ==
        "module  shape  attached          trainable  total\n"
        "-------------------------------------------------\n"
        "a              adapter                   6     22\n"
        "  q     4x4    LoRA r=1, Bias            4     20\n"
        "-------------------------------------------------\n"
        "all            27.3 % trainable          6     22\n");
}

TEST_CASE("an empty tree and impossible modules") {
  CHECK(lines(delta_tree({}).text()) == 4);
  CHECK_THROWS_AS(delta_tree({{"", "4", 4, 0, ""}}), peft::Error);
  CHECK(has(refusal([&] { delta_tree({{"a", "4", 4, 5, ""}}); }), "module 'a' has 5 trainable of 4"));
}
