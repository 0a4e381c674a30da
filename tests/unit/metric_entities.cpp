// SPDX-License-Identifier: Apache-2.0
// Entities by hand: the expected numbers follow conlleval's rules, counted on paper.
#include <peft/io/json.hpp>
#include <peft/task/metric/entities.hpp>

#include <random>
#include <set>

#include "catch.hpp"
#include "data_temporary.hpp"

using peft::metric::entities;
using peft::metric::Entity;
using peft::metric::EntityCounts;

namespace {

using Tags = std::vector<std::string>;

Tags split(std::string_view text) {
  Tags out;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::vector<Entity> of(std::string_view text) { return entities(split(text)); }

EntityCounts counts(std::initializer_list<std::pair<const char*, const char*>> sentences) {
  EntityCounts c;
  for (const auto& [predicted, labelled] : sentences) c.add(split(predicted), split(labelled));
  return c;
}

}  // namespace

TEST_CASE("IOB1 and IOB2 spell the same entities", "[metric]") {
  const std::vector<Entity> both{{0, 2, "PER"}, {2, 3, "PER"}, {4, 5, "LOC"}, {5, 6, "ORG"}};
  CHECK(of("I-PER I-PER B-PER O I-LOC I-ORG") == both);  // IOB1: B only between neighbours of one type
  CHECK(of("B-PER I-PER B-PER O B-LOC B-ORG") == both);  // IOB2: B at the start of each
  CHECK(of("B-PER I-PER B-PER O B-LOC I-ORG") == both);  // neither; an I of another type begins one
  CHECK(of("").empty());
  CHECK(of("O O").empty());
  CHECK(of("O I-A").size() == 1);
  CHECK(of("B-A I-A I-A") == std::vector<Entity>{{0, 3, "A"}});
  CHECK(of("B-A B-A") == std::vector<Entity>{{0, 1, "A"}, {1, 2, "A"}});
  CHECK(of("I-A O I-A").size() == 2);
  CHECK(of("I-A-B I-A") == std::vector<Entity>{{0, 1, "A-B"}, {1, 2, "A"}});
  CHECK(of("B I O I") == std::vector<Entity>{{0, 2, ""}, {3, 4, ""}});
  for (const char* bad : {"", "X", "b-PER", "B-", "PER", "S-PER", "-", "o"}) {
    INFO(bad);
    CHECK(missing_in_error([&] { entities(Tags{bad}); }, {"neither O nor B-TYPE"}) == "");
  }
}

TEST_CASE("precision, recall and F1 of entities", "[metric]") {
  // Right: PER 0-2. Wrong border: LOC. Wrong type: ORG for MISC. Missed: the last LOC.
  const auto c = counts({{"B-PER I-PER O B-LOC O B-ORG O O", "B-PER I-PER O B-LOC I-LOC B-MISC O B-LOC"}});
  CHECK(c.right == 1);
  CHECK(c.predicted == 3);
  CHECK(c.labelled == 4);
  CHECK(c.precision() == 1. / 3);
  CHECK(c.recall() == 1. / 4);
  CHECK(c.f1() == 2. / 7);
  CHECK(c.accuracy() == 5. / 8);

  // A longer prediction that holds the right one is wrong; two where one is meant are both wrong.
  CHECK(counts({{"B-A I-A I-A", "B-A I-A O"}}).right == 0);
  CHECK(counts({{"B-A B-A", "B-A I-A"}}).right == 0);
  CHECK(counts({{"B-A I-A", "B-A B-A"}}).right == 0);
  // The spelling does not matter.
  CHECK(counts({{"I-A I-A", "B-A I-A"}}).f1() == 1);
  // An entity ends with its sentence.
  const auto apart = counts({{"B-A", "B-A"}, {"I-A", "I-A"}});
  CHECK(apart.right == 2);
  CHECK(apart.labelled == 2);
}

TEST_CASE("nothing to divide by gives 0, as conlleval", "[metric]") {
  for (const auto& c : {EntityCounts{}, counts({{"O O", "O O"}}), counts({{"B-A", "O"}}), counts({{"O", "B-A"}})}) {
    CHECK(c.precision() == 0);
    CHECK(c.recall() == 0);
    CHECK(c.f1() == 0);
  }
  CHECK(counts({{"O O", "O O"}}).accuracy() == 1);
  EntityCounts c;
  CHECK(missing_in_error([&] { c.add(Tags{"O"}, Tags{"O", "O"}); }, {"1 predicted tags for 2 words"}) == "");
}

TEST_CASE("F1 on random tags is that of the sets of triples", "[metric]") {
  std::mt19937 draw(3);
  const Tags all{"O", "B-X", "I-X", "B-Y", "I-Y"};
  for (int round = 0; round < 200; ++round) {
    Tags p, t;
    for (int i = 0; i < 12; ++i) p.push_back(all[draw() % 5]), t.push_back(draw() % 2 ? p.back() : all[draw() % 5]);
    // conlleval's own way: states between neighbouring words decide where a chunk begins and where it ends.
    const auto chunks = [](const Tags& tags) {
      std::set<std::tuple<std::size_t, std::size_t, std::string>> found;
      const auto mark = [&](std::size_t i) { return i < tags.size() ? tags[i][0] : 'O'; };
      const auto type = [&](std::size_t i) {
        return i < tags.size() && tags[i].size() > 2 ? tags[i].substr(2) : std::string();
      };
      std::size_t begin = 0;
      bool inside = false;
      for (std::size_t i = 0; i <= tags.size(); ++i) {
        const char before = i == 0 ? 'O' : mark(i - 1), now = mark(i);
        const bool differs = i > 0 && type(i - 1) != type(i);
        const bool ends = before != 'O' && (now == 'B' || now == 'O' || differs);
        const bool starts = now == 'B' || (now == 'I' && (before == 'O' || differs));
        if (ends && inside) found.emplace(begin, i, type(i - 1)), inside = false;
        if (starts) begin = i, inside = true;
      }
      return found;
    };
    const auto ps = chunks(p), ts = chunks(t);
    std::size_t right = 0;
    for (const auto& e : ps) right += ts.count(e);
    EntityCounts c;
    c.add(p, t);
    CHECK(c.right == right);
    CHECK(c.predicted == ps.size());
    CHECK(c.labelled == ts.size());
  }
}

TEST_CASE("precision, recall, F1 and accuracy are seqeval's", "[metric][golden]") {
  const auto cases = peft::parse_json_file(std::filesystem::path(PEFT_TEST_DATA) / "entities.json");
  REQUIRE(cases.size() == 90);
  int scored = 0;
  for (const auto& reference : cases) {
    INFO(reference.dump());
    EntityCounts c;
    for (std::size_t s = 0; s < reference.at("targets").size(); ++s)
      c.add(split(reference.at("predictions")[s].get<std::string>()),
            split(reference.at("targets")[s].get<std::string>()));
    CHECK(std::abs(c.precision() - reference.at("precision").get<double>()) < 1e-12);
    CHECK(std::abs(c.recall() - reference.at("recall").get<double>()) < 1e-12);
    CHECK(std::abs(c.f1() - reference.at("f1").get<double>()) < 1e-12);
    CHECK(std::abs(c.accuracy() - reference.at("accuracy").get<double>()) < 1e-12);
    scored += c.f1() > 0 && c.f1() < 1;
  }
  CHECK(scored > 40);
}
