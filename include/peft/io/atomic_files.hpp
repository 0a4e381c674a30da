// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <list>
#include <string_view>
#include <vector>

#include <peft/core/inline.hpp>
#include <peft/io/atomic_file.hpp>

namespace peft {

/// Several files that must be replaced together. All are written to temporaries and flushed before the first is
/// renamed. One of a folder may be its seal, the file without which nobody reads the others (a config): it is taken
/// away first and comes last, so that whoever looks in between, or after a power cut there, finds the old files, the
/// new ones, or no seal; never some of each.
///
///   AtomicFiles files;
///   files.add(folder / "weights").write(bytes);
///   files.add_seal(folder / "config.json").write(text);
///   files.remove(folder / "what an older version had");
///   files.commit();
class AtomicFiles {
 public:
  /// Opens a file of the set for writing; its folder is created. Throws Error as AtomicFile does.
  AtomicFile& add(const std::filesystem::path& path) { return add(path, false); }
  AtomicFile& add_seal(const std::filesystem::path& path) { return add(path, true); }

  /// Marks a file for removal that the new set no longer has.
  void remove(const std::filesystem::path& path) { removed_.push_back(path); }

  bool holds(const std::filesystem::path& path) const;

  /// Renames all into place. Throws Error: before the first file has moved, nothing has changed; after, the message
  /// says which folder has no seal until it is written again.
  void commit();

 private:
  struct Member {
    Member(const std::filesystem::path& path, bool is_seal) : file(path), name(path), seal(is_seal) {}

    AtomicFile file;
    std::filesystem::path name;
    bool seal;
  };

  AtomicFile& add(const std::filesystem::path& path, bool seal);
  void put_in_place();
  void flush_folders() const;

  std::list<Member> members_;  // which do not move
  std::vector<std::filesystem::path> removed_;
};

/// Removes a file, if it is there. Throws Error with the system's reason.
void remove_file(const std::filesystem::path& path);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/atomic_files.ipp>
#endif
