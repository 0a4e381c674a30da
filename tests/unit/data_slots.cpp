// SPDX-License-Identifier: Apache-2.0
#include <peft/core/error.hpp>
#include <peft/data/tokenized.hpp>
#include <peft/text/sequence_template.hpp>
#include <peft/text/tokenizer.hpp>

#include <filesystem>
#include <vector>

#include "catch.hpp"

using namespace peft;

namespace {

using Slots = std::vector<std::int32_t>;

Tokenizer opened() { return Tokenizer::open(std::filesystem::path(PEFT_TEST_DATA) / "tiny-bert"); }

}  // namespace

TEST_CASE("special tokens are told apart by what the tokenizer puts around a text") {
  const Tokenizer t = opened();
  CHECK(t.encode("a good film").slots == Slots{0, -1, -1, -1, 1});
  CHECK(t.encode("good", "bad film").slots == Slots{0, -1, 1, -1, -1, 2});
  CHECK(t.encode("", "").slots == Slots{0, 1});
  CHECK(t.encode_pair("good", "").slots == Slots{0, -1, 1, 2});
  CHECK(t.added(false) == 2);
  CHECK(t.added(true) == 3);
  // A separator that the text spells is the text's.
  const Encoded spelled = t.encode("good [SEP] film");
  CHECK(spelled.ids[2] == t.sep());
  CHECK(spelled.slots == Slots{0, -1, -1, -1, 1});
  // Cut to five tokens.
  CHECK(t.encode("good", "bad film was good", 5).slots == Slots{0, -1, 1, -1, 2});
}

TEST_CASE("two separators in a row are two special tokens") {
  using Piece = SequenceTemplate::Piece;
  using Kind = SequenceTemplate::Kind;
  SequenceTemplate sequence;
  sequence.pair = {
      Piece{Kind::Special, 0, {0}}, {Kind::A, 0}, {Kind::Special, 0, {2, 2}}, {Kind::B, 0}, {Kind::Special, 0, {2}}};
  CHECK(sequence.assemble(Slots{7, 8}, Slots{9}, true).slots == Slots{0, -1, -1, 1, 2, -1, 3});
}

TEST_CASE("batches carry the slots of their sequences, of sentences and pairs together") {
  const Tokenizer t = opened();
  Dataset data;
  data.source = "test";
  data.label_names = {"no", "yes"};
  data.examples = {{"a good film", "", 1}, {"dull", "", 0}};
  Batch batch;
  const Tokenized single(data, t, {});
  single.add_to(batch, 0);
  data.pairs = true;
  data.examples = {{"good", "bad film", 1}};
  const Tokenized pairs(data, t, {});
  pairs.add_to(batch, 0);
  single.add_to(batch, 1);
  batch.add(Slots{5, 6}, Slots{0, 0}, 1., 3);
  const Slots together{0, -1, -1, -1, 1, 0, -1, 1, -1, -1, 2};
  REQUIRE(batch.slots.size() == batch.ids.size());
  CHECK(Slots(batch.slots.begin(), batch.slots.begin() + 11) == together);
  CHECK(Slots(batch.slots.end() - 2, batch.slots.end()) == Slots{-1, -1});
  CHECK_THROWS_AS(batch.add(Slots{5, 6}, Slots{0, 0}, 1., 3, Slots{0}), Error);
}
