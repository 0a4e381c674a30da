// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "../options.hpp"

/// Reads the command line. Prints what --help asks for and ends the program; throws peft::Error for what cannot be
/// read.
Options parse_command_line(int argc, char** argv);
