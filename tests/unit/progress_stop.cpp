// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <unistd.h>

#include <cmath>
#include <string>
#include <tuple>
#include <type_traits>

#include "catch.hpp"
#include "child.hpp"
#include "peft/core/interrupt.hpp"
#include "peft/train/early_stopping.hpp"

using namespace peft;

namespace {

/// A shell's background jobs ignore Ctrl-C, and what they start does.
struct Heeded {
  Heeded() {
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGXCPU}) signal(number, SIG_DFL);
  }
};

int others = 0;
void other_handler(int) { ++others; }

}  // namespace

TEST_CASE("the first signal asks for a stop and the process goes on") {
  const Heeded heeded;
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGXCPU}) {
    Interrupt interrupt(nullptr);
    CHECK_FALSE(Interrupt::requested());
    CHECK(Interrupt::signal() == 0);
    raise(number);
    CHECK(Interrupt::requested());
    CHECK(Interrupt::signal() == number);
  }
  Interrupt fresh(nullptr);
  CHECK_FALSE(Interrupt::requested());
}

TEST_CASE("the second signal ends the process at once") {
  for (const auto& [first, second] :
       {std::tuple{SIGINT, SIGINT}, {SIGINT, SIGTERM}, {SIGTERM, SIGTERM}, {SIGHUP, SIGINT}}) {
    const int a = first, b = second;
    const Ended end = in_child([=] {
      Interrupt interrupt(nullptr);
      raise(a);
      if (!Interrupt::requested()) _exit(8);
      raise(b);
    });
    CHECK(end.signal() == b);
    CHECK(end.said.empty());
  }
}

TEST_CASE("a terminal that is closed, and a limit that is reached, may say so several times") {
  const Ended end = in_child([] {
    Interrupt interrupt("saving\n");
    for (const int number : {SIGTERM, SIGHUP, SIGHUP, SIGXCPU, SIGXCPU}) raise(number);
    if (Interrupt::signal() != SIGTERM) _exit(8);
  });
  CHECK(end.exit_status() == 7);
  CHECK(end.said == "saving\n");
}

TEST_CASE("long loops stop only while an Interrupt lives") {
  const Heeded heeded;
  const auto stops = [] {
    try {
      Interrupt::check();
    } catch (const std::exception&) {
      FAIL("what catches errors must let it pass");
    } catch (const Interrupted& stop) {
      return stop.signal;
    }
    return 0;
  };
  {
    Interrupt interrupt(nullptr);
    CHECK(stops() == 0);
    raise(SIGHUP);
    CHECK(stops() == SIGHUP);
  }
  CHECK(Interrupt::requested());
  CHECK(stops() == 0);
}

TEST_CASE("the first signal says what happens, once") {
  const Ended end = in_child([] {
    Interrupt interrupt("saving\n");
    raise(SIGINT);
  });
  CHECK(end.exit_status() == 7);
  CHECK(end.said == "saving\n");
}

TEST_CASE("the previous handlers come back") {
  struct sigaction before {
  }, mine{};
  mine.sa_handler = other_handler;
  sigaction(SIGINT, &mine, &before);
  others = 0;
  {
    Interrupt outer(nullptr);
    raise(SIGINT);
    CHECK(others == 0);
    {
      Interrupt inner(nullptr);
      CHECK(Interrupt::requested());  // an inner one does not forget
    }
    CHECK(Interrupt::requested());
  }
  raise(SIGINT);
  CHECK(others == 1);
  sigaction(SIGINT, &before, nullptr);
}

TEST_CASE("after its end a signal does what it did before") {
  const Ended end = in_child([] {
    { Interrupt interrupt(nullptr); }
    raise(SIGTERM);
  });
  CHECK(end.signal() == SIGTERM);
}

TEST_CASE("an ignored signal stays ignored") {
  const Ended end = in_child([] {
    signal(SIGINT, SIG_IGN);
    Interrupt interrupt(nullptr);
    raise(SIGINT);
    raise(SIGINT);
    if (Interrupt::requested()) _exit(8);
  });
  CHECK(end.exit_status() == 7);
}

TEST_CASE("a run stops after patience evaluations without a gain") {
  EarlyStopping early(2);
  CHECK(early.update(0.5));
  CHECK_FALSE(early.update(0.5));
  CHECK_FALSE(early.stop());
  CHECK(early.update(0.6));
  CHECK(early.state() == EarlyStopping::State{.best = 0.6, .since = 0, .any = true});
  CHECK_FALSE(early.update(0.4));
  CHECK_FALSE(early.stop());
  CHECK_FALSE(early.update(0.59));
  CHECK(early.stop());
  CHECK(early.state().best == 0.6);
}

TEST_CASE("a first metric counts whatever its sign") {
  EarlyStopping most(1), least(1, 0, EarlyStopping::Mode::Min);
  CHECK(most.update(-3));
  CHECK(least.update(3));
  CHECK(least.update(2.5));
  CHECK_FALSE(least.update(2.6));
  CHECK(least.stop());
}

TEST_CASE("a gain must exceed min_delta") {
  EarlyStopping early(3, 0.25);
  CHECK(early.update(1));
  CHECK_FALSE(early.update(1.25));
  CHECK(early.update(1.5));
}

TEST_CASE("a NaN metric is no gain and cannot become the best") {
  EarlyStopping early(2);
  CHECK_FALSE(early.update(std::nan("")));
  CHECK_FALSE(early.stop());
  CHECK(early.update(0.1));
  CHECK_FALSE(early.update(std::nan("")));
  CHECK_FALSE(early.update(std::nan("")));
  CHECK(early.stop());
  CHECK(early.state().best == 0.1);
}

TEST_CASE("no patience means no stop") {
  EarlyStopping early;
  early.update(1);
  for (int i = 0; i < 1000; ++i) CHECK_FALSE(early.update(0));
  CHECK_FALSE(early.stop());
}

TEST_CASE("a stored state goes on as if never stopped") {
  static_assert(std::is_trivially_copyable_v<EarlyStopping::State>);
  const double metrics[] = {0.3, 0.5, 0.4, 0.45, 0.2};
  for (std::size_t cut = 0; cut <= 5; ++cut) {
    EarlyStopping whole(3), first(3), second(3);
    for (const double m : metrics) whole.update(m);
    for (std::size_t i = 0; i < cut; ++i) first.update(metrics[i]);
    second.state(first.state());
    for (std::size_t i = cut; i < 5; ++i) second.update(metrics[i]);
    CHECK(second.state() == whole.state());
    CHECK(second.stop() == whole.stop());
    CHECK(whole.stop());
  }
}

TEST_CASE("impossible early stopping is refused") {
  CHECK_THROWS_AS(EarlyStopping(-1), Error);
  CHECK_THROWS_AS(EarlyStopping(1, -0.1), Error);
  CHECK_THROWS_AS(EarlyStopping(1, std::nan("")), Error);
}
