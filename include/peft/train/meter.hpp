// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <cmath>
#include <cstdint>
#include <ctime>

#include <peft/core/error.hpp>
#include <peft/report/memory.hpp>

namespace peft {

using report::peak_memory;
using report::reset_peak_memory;
using report::resident_memory;

/// CPU seconds of the process so far, all its threads: unlike a clock's they do not grow while other processes run. A
/// thread that spins at a barrier counts too, so methods are best compared with one worker.
inline double cpu_time() {
  std::timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// Steps, examples and tokens over time, as means since the start and as recent (exponentially averaged) rates.
/// Runs from its construction; `pause` it for what is not to be counted, such as evaluation.
template <class Clock = std::chrono::steady_clock>
class BasicMeter {
 public:
  /// `window` in seconds: what was counted that long ago weighs 1/e in the recent rates.
  explicit BasicMeter(double window = 5) : window_(window) {
    require(window > 0, "meter: the averaging time is ", window, " s; expected more than 0");
    reset();
  }

  /// Counts work that was done since the last call (or resume).
  void add(std::int64_t examples, std::int64_t tokens, std::int64_t steps = 1) {
    const double elapsed = lap();
    seconds_ += elapsed;
    total_.add(steps, examples, tokens, elapsed);
    recent_.scale(std::exp(-elapsed / window_));
    recent_.add(steps, examples, tokens, elapsed);
  }

  void pause() {
    if (running_) seconds_ += lap();
    running_ = false;
  }

  void resume() {
    if (!running_) {
      last_ = Clock::now();
      last_cpu_ = cpu_time();
    }
    running_ = true;
  }

  /// Back to zero, running.
  void reset() {
    total_ = recent_ = {};
    seconds_ = cpu_ = 0;
    running_ = true;
    last_ = Clock::now();
    last_cpu_ = cpu_time();
  }

  /// Paused, with what earlier processes have counted of the same work.
  void go_on_from(std::int64_t steps, std::int64_t examples, std::int64_t tokens, double seconds, double cpu_seconds) {
    reset();
    running_ = false;
    total_.add(steps, examples, tokens, seconds);
    seconds_ = seconds;
    cpu_ = cpu_seconds;
  }

  bool running() const { return running_; }
  /// Seconds since the start without the pauses.
  double seconds() const {
    return seconds_ + (running_ ? std::chrono::duration<double>(Clock::now() - last_).count() : 0);
  }
  /// CPU seconds of the process over the same time.
  double cpu_seconds() const { return cpu_ + (running_ ? cpu_time() - last_cpu_ : 0); }
  std::int64_t steps() const { return std::llround(total_.steps); }
  std::int64_t examples() const { return std::llround(total_.examples); }
  std::int64_t tokens() const { return std::llround(total_.tokens); }

  /// Means over the whole of seconds(); 0 before any time has passed.
  double examples_per_second() const { return per(total_.examples, seconds()); }
  double tokens_per_second() const { return per(total_.tokens, seconds()); }

  /// Recent rates, over the time of the counted work alone.
  double recent_steps_per_second() const { return per(recent_.steps, recent_.seconds); }
  double recent_examples_per_second() const { return per(recent_.examples, recent_.seconds); }
  double recent_tokens_per_second() const { return per(recent_.tokens, recent_.seconds); }

 private:
  struct Sums {
    double steps = 0, examples = 0, tokens = 0, seconds = 0;

    void add(std::int64_t s, std::int64_t e, std::int64_t t, double elapsed) {
      steps += static_cast<double>(s);
      examples += static_cast<double>(e);
      tokens += static_cast<double>(t);
      seconds += elapsed;
    }

    void scale(double by) { steps *= by, examples *= by, tokens *= by, seconds *= by; }
  };

  static double per(double amount, double seconds) { return seconds > 0 ? amount / seconds : 0; }

  /// Seconds since the last lap; 0 while paused.
  double lap() {
    if (!running_) return 0;
    const auto now = Clock::now();
    const double elapsed = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    const double cpu = cpu_time();
    cpu_ += cpu - last_cpu_;
    last_cpu_ = cpu;
    return elapsed;
  }

  double window_;
  double seconds_ = 0, cpu_ = 0, last_cpu_ = 0;
  Sums total_, recent_;
  bool running_ = true;
  typename Clock::time_point last_;
};

#ifdef PEFT_SEPARATE
extern template class BasicMeter<std::chrono::steady_clock>;
#endif
using Meter = BasicMeter<>;

}  // namespace peft
