// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <string_view>

#include <peft/io/mapped_file_guard.hpp>
#include <peft/io/mapped_region.hpp>

namespace peft {

namespace mapped_file_guard {

struct State {
  std::atomic<const char*> advice{nullptr};
  std::atomic<bool> said{false};
  struct sigaction before {};
  int depth = 0;
};

PEFT_INLINE constinit State state;

/// One line, in one call of write. Nothing here or below is anything but async-signal-safe.
PEFT_INLINE void say(std::initializer_list<std::string_view> parts) {
  std::array<char, 8192> line;
  std::size_t size = 0;
  for (const std::string_view part : parts) {
    const std::size_t n = std::min(part.size(), line.size() - size);
    std::memcpy(line.data() + size, part.data(), n);
    size += n;
  }
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), size);
}

PEFT_INLINE void end(const MappedRegion& region) {
  if (state.said.exchange(true))
    for (;;) ::pause();  // another thread has met it too, and is about to end all
  struct ::stat now {};
  const bool shortened = ::fstat(region.file, &now) == 0 &&
                         static_cast<std::uint64_t>(now.st_size) < region.size.load(std::memory_order_relaxed);
  say({"\nerror: ", region.path,
       shortened ? " was shortened while it was mapped: what it held is lost"
                 : " cannot be read: its disk does not give it",
       state.advice.load(), "\n"});
  ::_exit(1);
}

PEFT_INLINE void handle(int number, siginfo_t* info, void* context) {
  const int saved = errno;
  if (info->si_code == BUS_ADRERR)
    if (const MappedRegion* region = MappedRegion::holding(info->si_addr)) end(*region);
  const struct sigaction& before = state.before;
  if ((before.sa_flags & SA_SIGINFO) != 0) {
    before.sa_sigaction(number, info, context);
  } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
    before.sa_handler(number);
  } else if (info->si_code > 0) {  // a fault comes again at once, and ends the process as it would have
    ::sigaction(number, &before, nullptr);
  } else if (before.sa_handler == SIG_DFL) {  // one that somebody sent does not
    ::sigaction(number, &before, nullptr);
    ::raise(number);  // delivered when this returns
  }
  errno = saved;
}

}  // namespace mapped_file_guard

PEFT_INLINE MappedFileGuard::MappedFileGuard(const char* advice) {
  using namespace mapped_file_guard;
  state.advice = advice;
  if (state.depth++ > 0) return;
  struct sigaction ours {};
  ours.sa_sigaction = &handle;
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&ours.sa_mask);
  ::sigaction(SIGBUS, &ours, &state.before);
}

PEFT_INLINE MappedFileGuard::~MappedFileGuard() {
  using namespace mapped_file_guard;
  if (--state.depth == 0) ::sigaction(SIGBUS, &state.before, nullptr);
}

}  // namespace peft
