// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstdint>
#include <limits>

#include "catch.hpp"
#include "peft/optim/schedule.hpp"

using namespace peft;

TEST_CASE("schedules equal those of transformers") {
  // Made with transformers 4.57.1: get_{constant,linear,cosine}_schedule_with_warmup's factor at each step.
  struct Row {
    std::int64_t warmup, total, step;
    double constant, linear, cosine;
  };
  const Row rows[] = {
      {6, 100, 0, 0.0, 0.0, 0.0},
      {6, 100, 1, 0.16666666666666666, 0.16666666666666666, 0.16666666666666666},
      {6, 100, 5, 0.8333333333333334, 0.8333333333333334, 0.8333333333333334},
      {6, 100, 6, 1.0, 1.0, 1.0},
      {6, 100, 7, 1.0, 0.9893617021276596, 0.9997207818651273},
      {6, 100, 50, 1.0, 0.5319148936170213, 0.5500478458120492},
      {6, 100, 53, 1.0, 0.5, 0.5},
      {6, 100, 99, 1.0, 0.010638297872340425, 0.0002792181348726941},
      {6, 100, 100, 1.0, 0.0, 0.0},
      {6, 100, 101, 1.0, 0.0, 0.0002792181348726941},
      {6, 100, 150, 1.0, 0.0, 0.5500478458120492},
      {0, 7, 0, 1.0, 1.0, 1.0},
      {0, 7, 1, 1.0, 0.8571428571428571, 0.9504844339512095},
      {0, 7, 3, 1.0, 0.5714285714285714, 0.6112604669781572},
      {0, 7, 6, 1.0, 0.14285714285714285, 0.04951556604879048},
      {0, 7, 7, 1.0, 0.0, 0.0},
      {3, 3, 1, 0.3333333333333333, 0.3333333333333333, 0.3333333333333333},
      {3, 3, 3, 1.0, 0.0, 1.0},
  };
  for (const Row& row : rows) {
    CAPTURE(row.warmup, row.total, row.step);
    const auto factor = [&](ScheduleKind kind) { return Schedule{kind, row.warmup, row.total}.factor(row.step); };
    CHECK(factor(ScheduleKind::Constant) == row.constant);
    CHECK(factor(ScheduleKind::Linear) == row.linear);
    CHECK(std::abs(factor(ScheduleKind::Cosine) - row.cosine) < 1e-15);
  }
}

TEST_CASE("a schedule is constant unless told otherwise") {
  for (const std::int64_t step : {0, 1, 1000000}) CHECK(Schedule{}.factor(step) == 1);
}

TEST_CASE("warm-up is a fraction below 1 and steps from 1 on") {
  CHECK(warmup_steps(0, 100) == 0);
  CHECK(warmup_steps(0.06, 200) == 12);
  CHECK(warmup_steps(0.06, 2105) == 126);
  CHECK(warmup_steps(0.29, 100) == 28);  // as int(0.29 * 100) in Python: the product is 28.999999999999996
  CHECK(warmup_steps(0.999, 3) == 2);
  CHECK(warmup_steps(1, 100) == 1);
  CHECK(warmup_steps(500, 100) == 500);
  for (const double bad : {-0.1, 1.5, std::nan(""), std::numeric_limits<double>::infinity(), 1e300})
    CHECK_THROWS_AS(warmup_steps(bad, 100), Error);
}

TEST_CASE("schedules are found by name") {
  for (const auto kind : {ScheduleKind::Constant, ScheduleKind::Linear, ScheduleKind::Cosine})
    CHECK(schedule_kind(name(kind)) == kind);
  CHECK(schedule_kind("cosine") == ScheduleKind::Cosine);
  for (const char* bad : {"", "Linear", "cos", "linear "})
    CHECK_THROWS_WITH(schedule_kind(bad),
                      "schedule '" + std::string(bad) + "' does not exist; choose constant, linear or cosine");
}
