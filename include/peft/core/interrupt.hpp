// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>

namespace peft {

/// Thrown where a computation was asked to stop. No std::exception, so that what catches errors lets it pass.
struct Interrupted {
  int signal;
};

/// While one lives, Ctrl-C (SIGINT), SIGTERM, SIGHUP and SIGXCPU ask for a clean stop: the first sets a flag, at which
/// `fit` saves and returns, and other long computations (tokenizing, evaluating, writing texts, ..) throw Interrupted.
/// A second SIGINT or SIGTERM ends the process at once, as the signal would have without us; the others do not, as a
/// terminal that is closed and a limit of processor time that is reached send several. A signal that was ignored before
/// (nohup, a background job) stays ignored. The destructor puts the previous handlers back. May be nested on one
/// thread; the outermost clears the flag when it begins.
class Interrupt {
 public:
  /// `notice` is written to standard error at the first signal; it must outlive this object. Null: nothing.
  explicit Interrupt(const char* notice = "\ninterrupted: stopping after this step; once more to end at once\n") {
    if (depth_++ == 0) received_.store(0);
    previous_notice_ = notice_.exchange(notice);
    for (std::size_t i = 0; i < signals.size(); ++i) {
      struct sigaction ours {};
      ours.sa_handler = &Interrupt::handle;
      ours.sa_flags = SA_RESTART;  // a signal must not cut short somebody's read or write
      sigemptyset(&ours.sa_mask);
      for (const int other : signals) sigaddset(&ours.sa_mask, other);
      sigaction(signals[i], nullptr, &previous_[i]);
      if (previous_[i].sa_handler != SIG_IGN) sigaction(signals[i], &ours, nullptr);
    }
  }

  ~Interrupt() {
    for (std::size_t i = 0; i < signals.size(); ++i) sigaction(signals[i], &previous_[i], nullptr);
    notice_.store(previous_notice_);
    --depth_;
  }

  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  /// Whether a stop was asked for since the outermost Interrupt began; also after its end.
  static bool requested() { return received_.load() != 0; }

  /// The signal that asked first; 0 when none did. A shell expects exit status 128 + signal.
  static int signal() { return received_.load(); }

  /// Throws Interrupted when one lives and a stop was asked for. For the rounds of long loops, where stopping loses
  /// nothing.
  static void check() {
    if (requested() && depth_ > 0) throw Interrupted{signal()};
  }

 private:
  static constexpr std::array<int, 4> signals{SIGINT, SIGTERM, SIGHUP, SIGXCPU};

  /// Only what POSIX calls async-signal-safe: lock-free atomics, poll, write, sigaction, raise.
  static void handle(int number) {
    const int saved = errno;
    int none = 0;
    if (received_.compare_exchange_strong(none, number)) {
      const char* notice = notice_.load();
      pollfd ready{STDERR_FILENO, POLLOUT, 0};  // a reader that does not read must not hold us here
      [[maybe_unused]] const auto written =
          notice == nullptr || poll(&ready, 1, 0) != 1 ? 0 : write(STDERR_FILENO, notice, strlen(notice));
    } else if (number == SIGINT || number == SIGTERM) {
      struct sigaction fallback {};
      fallback.sa_handler = SIG_DFL;
      sigaction(number, &fallback, nullptr);
      raise(number);  // delivered when this handler returns
    }
    errno = saved;
  }

  static inline std::atomic<int> received_{0}, depth_{0};
  static inline std::atomic<const char*> notice_{nullptr};
  static_assert(std::atomic<int>::is_always_lock_free && std::atomic<const char*>::is_always_lock_free);

  std::array<struct sigaction, signals.size()> previous_{};
  const char* previous_notice_ = nullptr;
};

}  // namespace peft
