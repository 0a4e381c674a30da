// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "catch.hpp"
#include "peft/report/width.hpp"
#include "peft/train/meter.hpp"
#include "peft/train/progress.hpp"

using namespace peft;

namespace {

// Time that passes only when told.
struct FakeClock {
  using duration = std::chrono::microseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<FakeClock>;
  static inline time_point current{};
  static time_point now() { return current; }
  static void pass(double seconds) { current += std::chrono::microseconds(std::llround(seconds * 1e6)); }
};

using TestMeter = BasicMeter<FakeClock>;
using TestBar = BasicProgressBar<FakeClock>;

struct Screen {
  std::vector<std::string> writes;
  std::string all() const {
    std::string out;
    for (const auto& text : writes) out += text;
    return out;
  }
  ProgressOptions options(bool terminal, std::size_t columns = 120, bool unicode = false) {
    ProgressOptions out;
    out.console = {.write = [this](std::string_view text) { writes.emplace_back(text); },
                   .columns = [columns] { return columns; },
                   .terminal = terminal,
                   .unicode = unicode};
    return out;
  }
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

const std::string erase = "\r\x1b[K";

// One step of 0.2 s with 32 examples.
void steps(TestBar& bar, int from, int to, int total, double loss = 0.5) {
  for (int i = from; i <= to; ++i) {
    FakeClock::pass(0.2);
    bar({.step = i, .total = total, .loss = loss, .lr = 9.4e-4, .examples = 32, .tokens = 400});
  }
}

}  // namespace

TEST_CASE("the meter counts per second, without the pauses") {
  TestMeter meter;
  CHECK(meter.examples_per_second() == 0);
  FakeClock::pass(2);
  meter.add(64, 800);
  FakeClock::pass(2);
  meter.add(32, 400);
  CHECK(meter.seconds() == Approx(4));
  CHECK(meter.steps() == 2);
  CHECK(meter.examples() == 96);
  CHECK(meter.tokens() == 1200);
  CHECK(meter.examples_per_second() == Approx(24));
  CHECK(meter.tokens_per_second() == Approx(300));
  meter.pause();
  CHECK_FALSE(meter.running());
  FakeClock::pass(100);
  CHECK(meter.seconds() == Approx(4));
  meter.resume();
  FakeClock::pass(1);
  CHECK(meter.seconds() == Approx(5));
  meter.add(24, 0);
  CHECK(meter.examples_per_second() == Approx(24));
  meter.reset();
  CHECK(meter.seconds() == 0);
  CHECK(meter.examples() == 0);
  CHECK(meter.recent_examples_per_second() == 0);
  CHECK_THROWS_AS(TestMeter(0), Error);
}

TEST_CASE("CPU time is what the process used, without the pauses") {
  const auto work = [] {
    for (const double begin = cpu_time(); cpu_time() < begin + 0.02;) {
    }
  };
  TestMeter meter;
  work();
  meter.add(1, 1);
  meter.pause();
  const double used = meter.cpu_seconds();
  CHECK(used >= 0.02);
  work();
  CHECK(meter.cpu_seconds() == used);
  meter.resume();
  work();
  CHECK(meter.cpu_seconds() >= used + 0.02);
  CHECK(meter.seconds() == 0);  // its clock stood still
  meter.reset();
  CHECK(meter.cpu_seconds() < 0.02);
}

TEST_CASE("the recent rate follows a change, the mean does not") {
  TestMeter meter(5);
  for (int i = 0; i < 100; ++i) FakeClock::pass(1), meter.add(10, 100);
  CHECK(meter.recent_examples_per_second() == Approx(10));
  CHECK(meter.recent_steps_per_second() == Approx(1));
  for (int i = 0; i < 30; ++i) FakeClock::pass(1), meter.add(40, 100);
  CHECK(meter.recent_examples_per_second() > 39);
  CHECK(meter.recent_tokens_per_second() == Approx(100));
  CHECK(meter.examples_per_second() == Approx((1000 + 1200) / 130.0));
}

TEST_CASE("the recent rate is right from the first step on") {
  TestMeter meter(5);
  FakeClock::pass(0.1);
  meter.add(8, 0);
  CHECK(meter.recent_examples_per_second() == Approx(80));
}

TEST_CASE("a terminal shows share, rate, time to go, loss and rate of learning") {
  Screen screen;
  auto options = screen.options(true);
  options.label = "epoch 1";
  TestBar bar(options);
  steps(bar, 1, 50, 200);
  const std::string& line = screen.writes.back();
  CAPTURE(line);
  CHECK(line.substr(0, 16) == "\repoch 1  25 %  ");
  for (const char* part : {"50/200", "loss 0.5000", "160 examples/s", "ETA 30.0 s", "lr 0.00094", "iB", "===", "---"})
    CHECK(has(line, part));
  CHECK(line.substr(line.size() - 3) == "\x1b[K");
  CHECK_FALSE(has(screen.all(), "\n"));
}

TEST_CASE("the line fits the window, whatever its width") {
  for (const std::size_t columns : {1, 2, 10, 40, 80, 100, 131, 300}) {
    for (const bool unicode : {false, true}) {
      Screen screen;
      TestBar bar(screen.options(true, columns, unicode));
      steps(bar, 1, 3, 7);
      std::string line = screen.writes.back();
      line = line.substr(1, line.size() - 4);  // without the control characters
      CHECK(report::width(line) <= std::max<std::size_t>(1, columns - 1));
    }
  }
}

TEST_CASE("a narrow window drops the least important first") {
  Screen screen;
  auto options = screen.options(true, 80);
  options.label = "epoch 1/3";
  TestBar bar(options);
  steps(bar, 1, 50, 200);
  for (const char* part : {"epoch 1/3  25 %  ==", "--  loss 0.5000  ETA 30.0 s  160 examples/s"})
    CHECK(has(screen.writes.back(), part));
  CHECK_FALSE(has(screen.writes.back(), "lr "));
  TestBar narrow(screen.options(true, 30));
  steps(narrow, 1, 50, 200);
  CHECK(has(screen.writes.back(), "25 %  ==--------  loss 0.5000\x1b"));
}

TEST_CASE("a UTF-8 terminal gets a finer bar") {
  Screen screen;
  TestBar bar(screen.options(true, 140, true));
  steps(bar, 1, 5, 10);
  CHECK(has(screen.writes.back(), "━─"));
  CHECK_FALSE(has(screen.writes.back(), "="));
}

TEST_CASE("at most ten lines a second are drawn") {
  Screen screen;
  TestBar bar(screen.options(true));
  for (int i = 1; i <= 1000; ++i) {
    FakeClock::pass(0.001);
    bar({.step = i, .total = 100000, .loss = 1, .lr = 1, .examples = 1, .tokens = 1});
  }
  CHECK(screen.writes.size() >= 9);
  CHECK(screen.writes.size() <= 11);
}

TEST_CASE("the terminal is left clean: at the end, when cleared and when given up") {
  Screen screen;
  {
    TestBar bar(screen.options(true));
    steps(bar, 1, 10, 10);
    CHECK(screen.writes.back() == erase);
    const auto writes = screen.writes.size();
    bar.clear();
    CHECK(screen.writes.size() == writes);
  }
  {
    TestBar bar(screen.options(true));
    steps(bar, 1, 3, 10);
    CHECK(screen.writes.back() != erase);
    bar.clear();
    CHECK(screen.writes.back() == erase);
    steps(bar, 4, 5, 10);
    CHECK(screen.writes.back() != erase);
    const std::function<void(const Progress&)> copy = bar;
  }
  CHECK(screen.writes.back() == erase);
}

TEST_CASE("time between clear and the next step is not training") {
  Screen screen;
  TestBar bar(screen.options(true));
  steps(bar, 1, 50, 200);
  bar.clear();
  FakeClock::pass(1000);
  steps(bar, 51, 52, 200);
  CHECK(has(screen.writes.back(), "160 examples/s"));
}

TEST_CASE("a run that goes on in the middle knows its pace") {
  Screen screen;
  TestBar bar(screen.options(true));
  steps(bar, 151, 160, 200);
  CHECK(has(screen.writes.back(), "160 examples/s"));
  CHECK(has(screen.writes.back(), "ETA 8.0 s"));
}

TEST_CASE("the loss shown is smoothed") {
  Screen screen;
  TestBar bar(screen.options(true));
  steps(bar, 1, 1, 10, 1.0);
  steps(bar, 2, 2, 10, 2.0);
  CHECK(has(screen.writes.back(), "loss 1.1000"));
  auto options = screen.options(true);
  options.smoothing = 1;
  CHECK_THROWS_AS(TestBar(options), Error);
}

TEST_CASE("off a terminal the bar is quiet") {
  Screen screen;
  TestBar bar(screen.options(false));
  steps(bar, 1, 200, 200);
  bar.clear();
  CHECK(screen.writes.empty());
}

TEST_CASE("off a terminal a line per ten per cent can be had") {
  for (const int total : {200, 7, 1000}) {
    Screen screen;
    auto options = screen.options(false);
    options.every_percent = 10;
    TestBar bar(options);
    steps(bar, 1, total, total);
    CHECK(screen.writes.size() == static_cast<std::size_t>(std::min(total, 10)));
    for (const auto& line : screen.writes) {
      CHECK(line.back() == '\n');
      CHECK_FALSE(has(line, "\r"));
      CHECK_FALSE(has(line, "\x1b"));
    }
    CHECK(screen.writes.back().substr(0, 5) == "100 %");
  }
}

TEST_CASE("a loss that is not finite is seen once, on a line that stays") {
  for (const bool terminal : {false, true}) {
    for (const double bad : {std::nan(""), double(INFINITY)}) {
      Screen screen;
      TestBar bar(screen.options(terminal));
      steps(bar, 1, 2, 10);
      steps(bar, 3, 5, 10, bad);
      const std::string all = screen.all(), text = std::isnan(bad) ? "nan" : "inf";
      const std::string warning = "warning: the loss is " + text + " at step 3 of 10 (learning rate 0.00094)\n";
      REQUIRE(has(all, warning));
      CHECK(all.find(warning) == all.rfind(warning));
      if (terminal) {
        CHECK(has(all, erase + warning));
        CHECK(has(screen.writes.back(), "loss " + text));
      } else {
        CHECK(all == warning);
      }
    }
  }
}

TEST_CASE("a run without steps does not divide by nothing") {
  Screen screen;
  auto options = screen.options(false);
  options.every_percent = 10;
  TestBar bar(options);
  bar({});
  TestBar shown(screen.options(true));
  shown({});
  CHECK(screen.writes.empty());
}
