// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <peft/core/error.hpp>
#include <peft/report/console.hpp>
#include <peft/report/memory.hpp>
#include <peft/report/numbers.hpp>
#include <peft/report/width.hpp>
#include <peft/train/meter.hpp>

namespace peft {

/// What a training step tells: where the run is, and what the step itself did.
struct Progress {
  std::int64_t step = 0;      ///< steps done, this one included
  std::int64_t total = 0;     ///< steps of the run
  double loss = 0;            ///< of this step
  double lr = 0;              ///< learning rate of this step
  std::int64_t examples = 0;  ///< in this step
  std::int64_t tokens = 0;    ///< in this step
};

struct ProgressOptions {
  std::string label;       ///< in front of the bar
  int every_percent = 0;   ///< off a terminal: a line each time so many per cent are done; 0: quiet
  double smoothing = 0.9;  ///< of the loss shown: weight of the past, in [0, 1)
  report::Console console = report::Console::standard_error();
};

/// A progress bar, called once per step: share done, rate, time to go, smoothed loss, learning rate, peak memory.
/// On a terminal one line is redrawn at most ten times a second and erased at the end of the run, by `clear` and with
/// the last copy; elsewhere it is quiet, or prints a line every so many per cent. A loss that is not finite is said
/// once on a line that stays, in both cases. Copies share the bar, so that a callback and its owner can hold one each.
template <class Clock = std::chrono::steady_clock>
class BasicProgressBar {
 public:
  explicit BasicProgressBar(ProgressOptions options = {}) : bar_(std::make_shared<Bar>(std::move(options))) {}

  void operator()(const Progress& now) { bar_->step(now); }

  /// Erases the line, for other output. The time until the next step is not counted as training.
  void clear() { bar_->clear(); }

  void label(std::string text) { bar_->options.label = std::move(text); }

 private:
  struct Bar {
    explicit Bar(ProgressOptions o) : options(std::move(o)) {
      require(options.smoothing >= 0 && options.smoothing < 1, "progress bar: smoothing is ", options.smoothing,
              "; expected a weight in [0, 1)");
      meter.pause();  // time counts from the first step: what comes before is loading
    }
    Bar(const Bar&) = delete;
    Bar& operator=(const Bar&) = delete;
    ~Bar() { erase(); }

    void step(const Progress& now) {
      if (meter.running()) meter.add(now.examples, now.tokens, now.step - last_step);
      meter.resume();
      const std::int64_t before = std::exchange(last_step, now.step);
      loss = seen ? options.smoothing * loss + (1 - options.smoothing) * now.loss : now.loss;
      seen = true;
      if (!std::isfinite(now.loss) && !warned) warn(now);
      if (options.console.terminal)
        draw(now);
      else if (options.every_percent > 0 && mark(now.step, now.total) > mark(before, now.total))
        options.console.write(line(now, 0) + "\n");
    }

    void clear() {
      erase();
      meter.pause();
    }

    void erase() {
      if (std::exchange(drawn, false)) options.console.write("\r\x1b[K");
    }

    void warn(const Progress& now) {
      warned = true;
      erase();
      options.console.write(cat("warning: the loss is ", report::fixed(now.loss, 0), " at step ", now.step, " of ",
                                now.total, " (learning rate ", report::significant(now.lr, 3), ")\n"));
    }

    void draw(const Progress& now) {
      if (now.step >= now.total) return erase();
      const auto time = Clock::now();
      if (drawn && time - last_draw < std::chrono::milliseconds(100)) return;
      last_draw = time;
      // One column stays free: a full line makes some terminals wrap.
      const std::size_t columns = options.console.columns();
      options.console.write("\r" + line(now, columns > 1 ? columns - 1 : 1) + "\x1b[K");
      drawn = true;
    }

    /// How many times `every_percent` has been reached.
    std::int64_t mark(std::int64_t step, std::int64_t total) const {
      return total > 0 ? 100 * step / (total * options.every_percent) : 0;
    }

    /// The line, with a bar of 8 to 40 columns and then as much as fits into `columns`; 0 for no bar and no limit.
    std::string line(const Progress& now, std::size_t columns) const {
      const double done = now.total > 0 ? static_cast<double>(now.step) / static_cast<double>(now.total) : 0;
      std::string head = options.label.empty() ? "" : options.label + "  ";
      head += report::fixed(std::floor(100 * std::fmin(1, done)), 0) + " %";
      std::string tail;
      const std::size_t room = columns - std::min(columns, report::width(head) + 2 + 8);
      for (const std::string& part : parts(now))
        if (columns == 0 || report::width(tail) + 2 + report::width(part) <= room)
          tail += "  " + part;
        else
          break;
      if (columns == 0) return head + tail;
      const std::size_t used = report::width(head) + 2 + report::width(tail);
      if (columns < used + 8) return report::clip(head, columns);
      return head + "  " + bar(done, std::min<std::size_t>(40, columns - used)) + tail;
    }

    /// What a line says, the most important first.
    std::array<std::string, 6> parts(const Progress& now) const {
      const double pace = meter.recent_steps_per_second();
      const double left = pace > 0 ? static_cast<double>(now.total - now.step) / pace : NAN;
      const bool small = !(std::abs(loss) >= 1e4);
      return {"loss " + (small ? report::fixed(loss, 4) : report::significant(loss, 4)),
              "ETA " + report::duration(left),
              pace > 0 ? report::rate(meter.recent_examples_per_second(), "examples") : "? examples/s",
              report::bytes(peak_memory()),
              report::count(now.step) + "/" + report::count(now.total),
              "lr " + report::significant(now.lr, 3)};
    }

    std::string bar(double done, std::size_t cells) const {
      std::string out;
      for (std::size_t i = 0; i < cells; ++i) {
        const bool full = static_cast<double>(i + 1) <= done * static_cast<double>(cells);
        if (options.console.unicode)
          out += full ? "━" : "─";
        else
          out += full ? "=" : "-";
      }
      return out;
    }

    ProgressOptions options;
    BasicMeter<Clock> meter;
    std::int64_t last_step = 0;
    double loss = 0;
    bool seen = false, warned = false, drawn = false;
    typename Clock::time_point last_draw{};
  };

  std::shared_ptr<Bar> bar_;
};

#ifdef PEFT_SEPARATE
extern template class BasicProgressBar<std::chrono::steady_clock>;
#endif
using ProgressBar = BasicProgressBar<>;

/// A progress bar on standard error.
inline ProgressBar progress_bar(ProgressOptions options = {}) { return ProgressBar(std::move(options)); }

}  // namespace peft
