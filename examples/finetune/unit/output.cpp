// SPDX-License-Identifier: Apache-2.0
#include "../output.hpp"

#include <peft/core/error.hpp>
#include <peft/core/interrupt.hpp>
#include <peft/io/mapped_region.hpp>

#include <fcntl.h>
#include <poll.h>

#include <cerrno>
#include <cstring>
#include <iostream>

#include "../front/process.hpp"

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

Output::Output(const std::string& path) : path_(path) {
  if (is_standard_output(path)) return;
  if (is_stream(path))
    device_ = opened(path, std::filesystem::is_fifo(path));
  else
    file_ = std::make_unique<AtomicFile>(path);
}

Output::~Output() {
  if (device_ >= 0) ::close(device_);
}

void Output::write(std::string_view text) {
  constexpr std::size_t most = 1 << 16;
  waiting_ += text;
  if (waiting_.size() >= most) flush();
}

void Output::commit() {
  require_unchanged("; nothing is written of it");
  flush();
  if (file_) file_->commit();
}

void Output::flush() {
  if (file_) {
    file_->write(waiting_);
  } else if (device_ < 0) {
    std::cout << waiting_ << std::flush;
  } else {
    const int reason = write_whole(device_, waiting_);
    if (reason == EINTR) Interrupt::check();
    require(reason == 0, "cannot write ", path_, ": ", std::strerror(reason));
  }
  waiting_.clear();
}

void write_output(const std::string& path, const std::string& text) {
  Output out(path);
  out.write(text);
  out.commit();
}
