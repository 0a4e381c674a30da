// SPDX-License-Identifier: Apache-2.0
// Reference values: scikit-learn 1.9.1 and scipy 1.17.1 on the same inputs.
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "catch.hpp"
#include "peft/task/metric/glue.hpp"

using namespace peft;
using Values = std::vector<double>;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

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

bool near(double a, double b) { return std::abs(a - b) <= 1e-13; }

// The same small generator made the inputs of the reference values.
struct Draw {
  std::int64_t state;
  int operator()(int below) {
    state = (state * 1103515245 + 12345) % (std::int64_t{1} << 31);
    return static_cast<int>((state >> 16) % below);
  }
};

struct Pairs {
  Values predictions, targets;
};

Pairs drawn_classes(std::int64_t seed, int classes, int right_of_ten) {
  Draw draw{seed};
  Pairs out;
  for (int i = 0; i < 500; ++i) {
    const int target = draw(classes);
    out.targets.push_back(target);
    out.predictions.push_back(draw(10) < right_of_ten ? target : draw(classes));
  }
  return out;
}

Pairs drawn_scores() {
  Draw draw{13};
  Pairs out;
  for (int i = 0; i < 500; ++i) {
    const int a = draw(26);
    out.targets.push_back(a / 5.0);
    out.predictions.push_back((a + draw(40)) / 8.0);
  }
  return out;
}

const Values scores_a{0.3, 4.8, 2.5, 2.5, 3.1, 1.0, 0.0, 4.9, 2.2, 3.7};
const Values scores_b{0.0, 5.0, 2.5, 2.4, 3.8, 1.6, 0.0, 4.2, 2.5, 2.5};

}  // namespace

TEST_CASE("binary metrics equal scikit-learn's") {
  const Values p{1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 0, 1}, t{1, 0, 0, 1, 0, 1, 1, 0, 0, 1, 1, 1};
  CHECK(near(metric::accuracy(p, t), 0.6666666666666666));
  CHECK(near(metric::f1(p, t), 0.7142857142857143));
  CHECK(near(metric::matthews(p, t), 0.3142857142857143));
  const Pairs many = drawn_classes(7, 2, 7);
  CHECK(near(metric::accuracy(many.predictions, many.targets), 0.858));
  CHECK(near(metric::f1(many.predictions, many.targets), 0.8571428571428571));
  CHECK(near(metric::matthews(many.predictions, many.targets), 0.7159966400718182));
}

TEST_CASE("metrics of several classes equal scikit-learn's") {
  const Values p{0, 1, 2, 2, 1, 0, 2, 1, 0, 1, 2, 0}, t{0, 1, 1, 2, 1, 0, 0, 1, 2, 1, 2, 2};
  CHECK(near(metric::accuracy(p, t), 0.6666666666666666));
  CHECK(near(metric::matthews(p, t), 0.5052911526399114));
  const Pairs many = drawn_classes(11, 5, 4);
  CHECK(near(metric::accuracy(many.predictions, many.targets), 0.498));
  CHECK(near(metric::matthews(many.predictions, many.targets), 0.37220243792390395));
}

TEST_CASE("correlations equal scipy's") {
  CHECK(near(metric::pearson(scores_a, scores_b), 0.9416406805341514));
  CHECK(near(metric::spearman(scores_a, scores_b), 0.9136498769008704));
  const Pairs many = drawn_scores();
  CHECK(near(metric::pearson(many.predictions, many.targets), 0.5693054905303411));
  CHECK(near(metric::spearman(many.predictions, many.targets), 0.5553087419854521));
  const Values offset{1e8 + 1, 1e8 + 2, 1e8 + 3, 1e8 + 5}, other{2, 1, 4, 3};
  CHECK(near(metric::pearson(offset, other), 0.529150262212918));
  CHECK(near(metric::spearman(offset, other), 0.6));
}

TEST_CASE("tied values share the average rank") {
  CHECK(metric::ranks(scores_a) == Values{2, 9, 5.5, 5.5, 7, 3, 1, 10, 4, 8});
  CHECK(metric::ranks(scores_b) == Values{1.5, 10, 6, 4, 8, 3, 1.5, 9, 6, 6});
  CHECK(metric::ranks(Values{}).empty());
}

TEST_CASE("degenerate classifications score as in scikit-learn") {
  const Values zeros{0, 0, 0}, ones{1, 1, 1}, mixed{1, 0, 1};
  for (const auto& [t, p, f1] :
       {std::tuple{zeros, zeros, 0.0}, {zeros, mixed, 0.0}, {mixed, zeros, 0.0}, {ones, ones, 1.0}}) {
    CHECK(metric::f1(p, t) == f1);
    CHECK(metric::matthews(p, t) == 0);
  }
}

TEST_CASE("degenerate correlations are NaN as in scipy") {
  const Values rising{1, 2, 3};
  // 0.1 three times: its mean is not 0.1, and the deviations are not 0.
  for (const Values& constant : {Values{2, 2, 2}, Values{0.1, 0.1, 0.1}}) {
    CHECK(std::isnan(metric::pearson(constant, rising)));
    CHECK(std::isnan(metric::pearson(rising, constant)));
    CHECK(std::isnan(metric::spearman(constant, rising)));
    CHECK(std::isnan(metric::spearman(rising, constant)));
  }
  CHECK(std::isnan(metric::pearson(Values{1}, Values{1})));
  CHECK(std::isnan(metric::spearman(Values{1}, Values{1})));
  CHECK(std::isnan(metric::pearson(Values{1, not_a_number, 3}, rising)));
  CHECK(std::isnan(metric::spearman(Values{1, not_a_number, 3}, rising)));
  CHECK(near(metric::pearson(Values{1, 2}, Values{5, 3}), -1));
  CHECK(near(metric::spearman(Values{1, 2}, Values{5, 3}), -1));
}

TEST_CASE("correlations do not see what they must not see") {
  const Pairs many = drawn_scores();
  const double pearson = metric::pearson(many.predictions, many.targets);
  const double spearman = metric::spearman(many.predictions, many.targets);
  Values linear, monotone, flipped;
  for (const double x : many.predictions) {
    linear.push_back(3 * x - 7);
    monotone.push_back(std::exp(x));
    flipped.push_back(-x);
  }
  CHECK(near(metric::pearson(linear, many.targets), pearson));
  CHECK(near(metric::spearman(monotone, many.targets), spearman));
  CHECK(std::abs(metric::pearson(monotone, many.targets) - pearson) > 0.01);
  CHECK(near(metric::pearson(flipped, many.targets), -pearson));
  CHECK(near(metric::spearman(flipped, many.targets), -spearman));
  CHECK(near(metric::pearson(many.targets, many.predictions), pearson));
  CHECK(near(metric::pearson(many.targets, many.targets), 1));
}

TEST_CASE("classification metrics do not see what they must not see") {
  const Pairs many = drawn_classes(7, 2, 7);
  Values p, t;
  for (const double x : many.predictions) p.push_back(1 - x);
  for (const double x : many.targets) t.push_back(1 - x);
  CHECK(near(metric::matthews(p, t), metric::matthews(many.predictions, many.targets)));  // names of classes
  CHECK(near(metric::matthews(p, many.targets), -metric::matthews(many.predictions, many.targets)));
  CHECK(near(metric::accuracy(p, many.targets), 1 - metric::accuracy(many.predictions, many.targets)));
  CHECK(metric::f1(p, t) != metric::f1(many.predictions, many.targets));  // F1 does see which class is positive
}

TEST_CASE("a NaN prediction is wrong") {
  const Values p{1, not_a_number, 0, not_a_number}, t{1, 1, 0, 0};
  CHECK(metric::accuracy(p, t) == 0.5);
  CHECK(near(metric::f1(p, t), 2.0 / 4.0));
  CHECK(near(metric::matthews(p, t), metric::matthews(Values{1, 2, 0, 2}, t)));
}

TEST_CASE("inputs that cannot be scored are refused") {
  const Values none, one{1}, two{1, 0}, three{0, 1, 2}, binary{0, 1}, unlabelled{0, not_a_number};
  for (const auto f : {metric::accuracy, metric::f1, metric::matthews, metric::pearson, metric::spearman}) {
    CHECK_THROWS_AS(f(none, none), Error);
    CHECK_THROWS_AS(f(one, two), Error);
  }
  CHECK(has(refusal([&] { metric::accuracy(one, two); }), "1 predictions for 2 targets"));
  CHECK(has(refusal([&] { metric::f1(three, three); }), "example 2"));
  CHECK_THROWS_AS(metric::f1(binary, unlabelled), Error);
  CHECK_THROWS_AS(metric::matthews(two, unlabelled), Error);
}

TEST_CASE("each GLUE task has its own metric") {
  using metric::Kind;
  using metric::kind_of;
  for (const char* task : {"sst2", "SST-2", "mnli", "MNLI-mm", "qnli", "rte", "wnli", "csv"})
    CHECK(kind_of(task) == Kind::Accuracy);
  for (const char* task : {"cola", "CoLA"}) CHECK(kind_of(task) == Kind::Matthews);
  for (const char* task : {"mrpc", "MRPC", "QQP", "qqp"}) CHECK(kind_of(task) == Kind::F1Accuracy);
  for (const char* task : {"stsb", "STS-B", "sts_b"}) CHECK(kind_of(task) == Kind::PearsonSpearman);
}

TEST_CASE("scores carry their parts and the mean of them") {
  using metric::Kind;
  const Pairs many = drawn_classes(7, 2, 7);
  const auto sst2 = metric::score(Kind::Accuracy, many.predictions, many.targets);
  REQUIRE(sst2.parts.size() == 1);
  CHECK(sst2.main_name == "accuracy");
  CHECK(near(sst2.main, 0.858));
  const auto cola = metric::score(Kind::Matthews, many.predictions, many.targets);
  CHECK(cola.main_name == "matthews");
  CHECK(near(cola.main, 0.7159966400718182));
  const auto mrpc = metric::score(Kind::F1Accuracy, many.predictions, many.targets);
  REQUIRE(mrpc.parts.size() == 2);
  CHECK(mrpc.parts[0].first == "f1");
  CHECK(near(mrpc.parts[0].second, 0.8571428571428571));
  CHECK(mrpc.parts[1].first == "accuracy");
  CHECK(near(mrpc.main, (0.858 + 0.8571428571428571) / 2));
  const auto stsb = metric::score(Kind::PearsonSpearman, scores_a, scores_b);
  REQUIRE(stsb.parts.size() == 2);
  CHECK(stsb.parts[0].first == "pearson");
  CHECK(stsb.parts[1].first == "spearman");
  CHECK(near(stsb.main, (0.9416406805341514 + 0.9136498769008704) / 2));
  CHECK(std::isnan(metric::score(Kind::PearsonSpearman, Values{1, 1}, Values{1, 2}).main));
}

TEST_CASE("logits become predictions") {
  const std::vector<float> logits{0.1f, 0.2f, 3.f, -1.f, 5.f, 5.f, std::nanf(""), 1.f, 1.f, std::nanf("")};
  const Values classes = metric::predict<float>(logits, 2);
  REQUIRE(classes.size() == 5);
  CHECK(classes[0] == 1);
  CHECK(classes[1] == 0);
  CHECK(classes[2] == 0);  // the first of equals
  CHECK(std::isnan(classes[3]));
  CHECK(std::isnan(classes[4]));
  CHECK(metric::predict<double>(scores_a, 1) == scores_a);
  CHECK_THROWS_AS(metric::predict<float>(logits, 3), Error);
  CHECK_THROWS_AS(metric::predict<float>(logits, 0), Error);
}

TEST_CASE("logits are scored") {
  using metric::Kind;
  const std::vector<float> logits{1, 0, 0, 0, 2, 1, 0, 0, 3};  // classes 0, 1, 2
  const Values targets{0, 1, 1}, two{0, 1};
  CHECK(near(metric::score_logits<float>(Kind::Accuracy, logits, 3, targets).main, 2.0 / 3));
  CHECK(near(metric::score_logits<double>(Kind::PearsonSpearman, scores_a, 1, scores_b).parts[0].second,
             0.9416406805341514));
  CHECK_THROWS_AS(metric::score_logits<float>(Kind::PearsonSpearman, logits, 3, targets), Error);
  CHECK_THROWS_AS(metric::score_logits<double>(Kind::Accuracy, scores_a, 1, scores_b), Error);
  CHECK_THROWS_AS(metric::score_logits<float>(Kind::Accuracy, logits, 3, two), Error);
}
