// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <functional>
#include <string>

/// How a child process ended, and what it wrote to standard error.
struct Ended {
  int status;
  std::string said;

  int exit_status() const { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }
  int signal() const { return WIFSIGNALED(status) ? WTERMSIG(status) : 0; }
};

/// Runs `body` in a child with standard dispositions of signals; status 7 when it returns.
inline Ended in_child(const std::function<void()>& body) {
  int ends[2];
  Ended out{-1, ""};
  if (::pipe(ends) != 0) return out;
  const ::pid_t child = ::fork();
  if (child == 0) {
    // The test framework's own handlers would report a signal as a failed test.
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGXCPU, SIGBUS, SIGSEGV}) std::signal(number, SIG_DFL);
    ::dup2(ends[1], STDERR_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    body();
    ::_exit(7);
  }
  ::close(ends[1]);
  char buffer[256];
  for (::ssize_t n; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;)
    out.said.append(buffer, static_cast<std::size_t>(n));
  ::close(ends[0]);
  ::waitpid(child, &out.status, 0);
  return out;
}
