// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/core/inline.hpp>

namespace peft {

/// While one lives, a mapped file that is truncated (or whose disk fails) ends the process with status 1 and a sentence
/// on standard error that names the file, instead of a bare SIGBUS. Every other SIGBUS goes to the previous handler,
/// which the destructor restores. For a program's main function; opening files
/// installs nothing. May be nested on one thread.
class MappedFileGuard {
 public:
  /// `advice` ends the sentence; it must outlive this object.
  explicit MappedFileGuard(const char* advice = "; replace files by renaming, and never write into them");
  ~MappedFileGuard();

  MappedFileGuard(const MappedFileGuard&) = delete;
  MappedFileGuard& operator=(const MappedFileGuard&) = delete;
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/mapped_file_guard.ipp>
#endif
