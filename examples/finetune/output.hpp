// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

/// A file is replaced whole; a device or a pipe is written to.
void write_output(const std::string& path, const std::string& text);
