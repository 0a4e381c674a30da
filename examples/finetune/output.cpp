// SPDX-License-Identifier: Apache-2.0
#include "output.hpp"

#include <peft/core/error.hpp>
#include <peft/core/interrupt.hpp>
#include <peft/io/atomic_file.hpp>
#include <peft/io/mapped_region.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>

#include "front/process.hpp"

using namespace peft;

namespace {

/// For writing. A named pipe opens once somebody reads it; until then a signal ends the wait.
int opened(const std::string& path, bool pipe) {
  for (;;) {
    const int file = ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (file >= 0) return file;
    const int reason = errno;
    require((pipe && reason == ENXIO) || reason == EINTR, "cannot write ", path, ": ", std::strerror(reason));
    Interrupt::check();
    ::poll(nullptr, 0, 20);
  }
}

}  // namespace

void write_output(const std::string& path, const std::string& text) {
  require_unchanged("; nothing is written of it");
  struct ::stat there {}, standard {};
  const bool exists = ::stat(path.c_str(), &there) == 0;
  if (exists && ::fstat(STDOUT_FILENO, &standard) == 0 && there.st_dev == standard.st_dev && there.st_ino == standard.st_ino) {
    std::cout << text << std::flush;  // where it goes already: to replace the file would lose what it holds
    return;
  }
  if (!exists || S_ISREG(there.st_mode)) return write_file(path, text);
  const int file = opened(path, S_ISFIFO(there.st_mode));
  const int reason = write_whole(file, text);
  ::close(file);
  if (reason == EINTR) Interrupt::check();
  require(reason == 0, "cannot write ", path, ": ", std::strerror(reason));
}
