// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <filesystem>
#include <peft/io/mapped_file.hpp>
#include <string>
#include <string_view>

namespace peft {

/// The text of a file without a byte order mark. Throws Error for anything but UTF-8, naming what it is (UTF-16, a
/// workbook, an archive) or the line and column of the first bad byte, and a command that converts it.
std::string_view checked_text(std::string_view bytes, const std::string& name);

/// Takes a line off the text, without its end (LF, CRLF or CR).
std::string_view take_line(std::string_view& text);

/// The number of line ends in the text.
std::size_t count_line_ends(std::string_view text);

/// A file of text, mapped and checked.
class TextFile {
 public:
  explicit TextFile(const std::filesystem::path& path)
      : name_(path.string()), file_(path), text_(checked_text(file_.text(), name_)) {}

  const std::string& name() const { return name_; }
  std::string_view text() const { return text_; }

 private:
  std::string name_;
  MappedFile file_;
  std::string_view text_;
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/text_file.ipp>
#endif
