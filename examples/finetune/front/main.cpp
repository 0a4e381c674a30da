// SPDX-License-Identifier: Apache-2.0
// finetune: fine-tunes a checkpoint on a GLUE task, a CSV file, tagged words, multiple choice or text pairs with one of
// the library's methods. This is its front: it reads the command line, refuses what can be refused, and hands over to
// the unit that holds the method (unit/main.cpp). No model is compiled into it.
#include <peft/io/mapped_file_guard.hpp>

#include "../guarded.hpp"
#include "checks.hpp"
#include "command_line.hpp"
#include "folders.hpp"
#include "hand_over.hpp"

int main(int argc, char** argv) {
  const peft::MappedFileGuard guard;
  return guarded([&]() -> int {
    const Plan plan = plan_of(parse_command_line(argc, argv));
    check(plan);
    const Folders folders(plan);
    hand_over(plan);
  });
}
