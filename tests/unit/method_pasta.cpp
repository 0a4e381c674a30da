// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/pasta.hpp>

#include "whole.hpp"

using namespace peft;

namespace {

using PastaTuned = Method<Delta<Pasta>>;

PastaTuned pasta_tuned(const Pasta& pasta) { return PastaTuned(Delta<Pasta>{pasta}); }

}  // namespace

TEST_CASE("PASTA's gradients: every choice of special tokens", "[gradcheck]") {
  for (const auto adapted : {Specials::each, Specials::no_class, Specials::no_separators, Specials::shared}) {
    Pasta pasta;
    pasta.adapted = adapted;
    whole::check_alone(pasta);
    pasta.dropout = 0.3;
    whole::check_alone(pasta);
  }
  whole::check(pasta_tuned({}));
  whole::check(pasta_tuned(Pasta::released(3)));
}

TEST_CASE("PASTA trains layers x specials x width numbers and the head") {
  using M = Model<Bert<double>, PastaTuned>;
  const auto trainable = [](const Pasta& pasta) {
    return M(tiny::bert({16, 2, 3, 9}), pasta_tuned(pasta), {3}).trainable();
  };
  const int head = 3 * 16 + 3;
  CHECK(trainable({2}) == 3 * 2 * 16 + head);
  CHECK(trainable({3}) == 3 * 3 * 16 + head);
  CHECK(trainable({3, Specials::no_class}) == 3 * 2 * 16 + head);
  CHECK(trainable({3, Specials::no_separators}) == 3 * 16 + head);
  CHECK(trainable({3, Specials::shared}) == 3 * 16 + head);
  CHECK(M(tiny::bert({16, 2, 3, 9}), pasta_tuned({2}), {3}).layout().fields().size() == 3 + 2);  // no pooler
}

TEST_CASE("PASTA changes the tokens that a choice names and no others") {
  using M = Model<Bert<double>, PastaTuned>;
  const Batch batch = tiny::batch({1, 7, 3, 12});
  // The gradient of each slot's vector, by slot; what a choice leaves out has none. The vectors are zero, so that all
  // choices compute the same and their gradients differ by the order of sums alone.
  const auto gradients = [&](const Pasta& pasta, int workers = 1) {
    M model(tiny::bert(), pasta_tuned(pasta), {3});
    for (const Field& each : model.layout().fields())
      if (each.name.ends_with("special_tokens.weight"))
        model.write(each, std::vector<double>(static_cast<std::size_t>(each.size())));
    const Field& f = model.layout().fields()[0];
    Engine<M> engine(model, workers, {24, 2});
    engine.prepare();
    engine.zero_gradients();
    engine.accumulate(batch, 0.25, 1, false);
    return std::vector<double>(engine.total().data() + f.offset, engine.total().data() + f.offset + f.size());
  };
  const auto each = gradients({3}), no_class = gradients({3, Specials::no_class}),
             class_only = gradients({3, Specials::no_separators}), shared = gradients({3, Specials::shared});
  const std::size_t d = 12;
  REQUIRE(each.size() == 3 * d);
  double largest = 0;
  for (const double g : each) largest = std::max(largest, std::abs(g));
  REQUIRE(largest > 0);
  const auto same = [&](double a, double b) { return std::abs(a - b) <= 1e-13 * largest; };
  for (std::size_t j = 0; j < d; ++j) {
    CHECK(same(class_only[j], each[j]));
    CHECK(same(no_class[j], each[d + j]));
    CHECK(same(no_class[d + j], each[2 * d + j]));
    CHECK(same(shared[j], each[j] + each[d + j] + each[2 * d + j]));
  }
  CHECK(gradients({3}, 2) == each);
  CHECK(gradients({3}, 3) == each);
}

TEST_CASE("PASTA refuses what it cannot place") {
  using M = Model<Bert<double>, PastaTuned>;
  M model(tiny::bert(), pasta_tuned({2}), {3});
  Engine<M> engine(model, 1);
  const auto refused = [&](const Batch& batch) -> std::string {
    try {
      engine.predict(batch);
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  const auto says = [](const std::string& text, const char* part) { return text.find(part) != std::string::npos; };
  CHECK(says(refused(tiny::batch({7, 4})), "3 special tokens, but specials = 2"));
  Batch batch = tiny::batch({4, 3});
  CHECK(refused(batch) == "");
  batch.slots.clear();
  CHECK(says(refused(batch), "none are marked"));
  batch.slots.assign(3, 0);
  CHECK(says(refused(batch), "3 slots"));
}
