// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <set>
#include <string>

#include "../options.hpp"

struct CommandLine {
  Options options;
  std::set<std::string> given;  // options that it names
};

/// Reads the command line. Prints what --help asks for and ends the program; throws peft::Error for what cannot be
/// read.
CommandLine parse_command_line(int argc, char** argv);
