// SPDX-License-Identifier: Apache-2.0
#include "process.hpp"

#include <peft/core/error.hpp>
#include <peft/core/interrupt.hpp>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <iostream>
#include <sstream>

using namespace peft;

int write_whole(int descriptor, std::string_view text) {
  while (!text.empty()) {
    // A pipe that is ready takes so much at once: a reader that has stopped reading is waited for here alone, where a
    // signal ends it.
    const std::size_t piece = std::min<std::size_t>(text.size(), PIPE_BUF);
    pollfd ready{descriptor, POLLOUT, 0};
    if (::poll(&ready, 1, 100) <= 0) {
      if (Interrupt::requested()) return EINTR;
      continue;
    }
    const ::ssize_t done = ::write(descriptor, text.data(), piece);
    if (done < 0 && errno != EINTR && errno != EAGAIN) return errno;
    if (done > 0) text.remove_prefix(static_cast<std::size_t>(done));
  }
  return 0;
}

namespace {

/// Gathers what is said until it is flushed.
class StandardOutput : public std::stringbuf {
 public:
  StandardOutput() : std::stringbuf(std::ios::out) {}
  int reason = 0;  // of its first failure

 private:
  int sync() override {
    const int failed = write_whole(STDOUT_FILENO, view());
    str({});
    if (reason == 0) reason = failed;
    return failed == 0 ? 0 : -1;
  }
};

/// Never destroyed: std::cout flushes itself at the very end.
StandardOutput& standard_output() {
  static auto& output = *new StandardOutput;
  return output;
}

}  // namespace

void begin_process() {
  for (int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})  // a new one gets the lowest number that is free
    if (::fcntl(descriptor, F_GETFD) < 0 && errno == EBADF)
      require(::open("/dev/null", O_RDWR) == descriptor,
              "standard input, output or error is closed, and /dev/null cannot stand in: ", std::strerror(errno));
  for (const int number : {SIGPIPE, SIGXFSZ}) ::signal(number, SIG_IGN);
  std::cout.rdbuf(&standard_output());
}

int end_process(int status) {
  std::cout.flush();
  const int reason = standard_output().reason;
  if (reason == 0 || status != 0) return status;
  std::cerr << "error: standard output: " << std::strerror(reason)
            << "; the rest of the report was not written, all else was done\n";
  return 1;
}
