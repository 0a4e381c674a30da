// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

/// A file is replaced whole; a device or a pipe is written to, and so is what standard output is. Throws peft::Error with the system's reason.
void write_output(const std::string& path, const std::string& text);
