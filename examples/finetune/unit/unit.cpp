// SPDX-License-Identifier: Apache-2.0
#include "unit.hpp"

#include <peft/core/error.hpp>
#include <peft/core/interrupt.hpp>
#include <peft/core/session.hpp>
#include <peft/io/folder_lock.hpp>
#include <peft/io/mapped_file_guard.hpp>

#include <malloc.h>

#include <iostream>
#include <new>

#include "../front/option_table.hpp"
#include "../guarded.hpp"
#include "../saved_files.hpp"

namespace {

/// Says what is left of a run that a signal has stopped before or after its training; returns the exit status.
int stopped(const Options& options, int signal) {
  std::cerr << "stopped; "
            << (!checkpoints(options.out).empty()
                    ? "the run is saved: the same command with --resume goes on where it stopped\n"
                : options.epochs == 0 ? "outputs that were written stay\n"
                                      : "nothing of a training is saved\n");
  return 128 + signal;
}

/// The front has locked what the run writes to; its end is here.
struct Leave {
  const Options& options;
  ~Leave() {
    for (const std::string& folder : {options.out, options.export_to})
      if (!folder.empty()) peft::leave_folder(folder);
  }
};

}  // namespace

int run_unit(const Unit& unit, int argc, char** argv) {
  const peft::MappedFileGuard guard(
      "; the last checkpoint is as it was: put the file back as it was and go on with --resume, or start another run");
  return guarded([&] {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.empty()) {
      std::cout << unit.method << " " << unit.family << "\n";
      return 0;
    }
    peft::require(words.size() >= 2 && words[0] == unit.method && words[1] == unit.family, "this is --method ",
                  std::string(unit.method), " on a ", std::string(unit.family),
                  " checkpoint, a part of the program finetune, which calls it");
    Options options = options_from(std::span(words).subspan(2));
    options.method = unit.method;
    const Leave leave{options};
    // No arenas of threads, and large blocks go back as soon as they are free: memory is what was planned.
    ::mallopt(M_ARENA_MAX, 1);
    ::mallopt(M_MMAP_THRESHOLD, 1 << 18);
    // The libraries' own start: where it fails they end the process with words of their own.
    peft::report::MemoryPlan start;
    start.add(
        {"the program's start", peft::report::memory_now() + peft::report::MemorySizes{1 << 20, 1 << 20, 1 << 20}});
    start.check();
    const peft::Interrupt interrupt("\ninterrupted: stopping; once more to end at once\n");
    const peft::Session session;
    try {
      const Job job(options);
      try {
        return unit.run(job);
      } catch (const std::bad_alloc& e) {
        peft::fail(job.memory.out_of_memory(e.what()));
      }
    } catch (const peft::Interrupted& stop) {
      return stopped(options, stop.signal);
    }
  });
}
