// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string_view>

// What both programs are to the system that runs them.

/// From here on descriptors 0 to 2 are open: where one was closed it is /dev/null, as the next file would get its
/// number and what is said would land in it. A write to a pipe that nobody reads any more, or beyond the size that a
/// file may have, fails and ends nothing. std::cout keeps why it failed.
void begin_process();

/// The status to end with: 1 where all went well but for what was said on standard output, with a line on standard
/// error.
int end_process(int status);

/// Writes all of the text; returns 0, or why it failed, as errno has it. Where nobody takes it, a signal ends the wait
/// (EINTR).
int write_whole(int descriptor, std::string_view text);
