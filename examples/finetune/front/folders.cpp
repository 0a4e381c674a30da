// SPDX-License-Identifier: Apache-2.0
#include "folders.hpp"

#include <peft/core/error.hpp>
#include <peft/io/atomic_files.hpp>

#include <filesystem>
#include <string>
#include <vector>

#include "../predict_file.hpp"
#include "../saved_files.hpp"
#include "option_table.hpp"

using namespace peft;
namespace fs = std::filesystem;

namespace {

std::string command_of(const Options& options) {
  std::string text = "finetune";
  for (const std::string& argument : arguments_of(options)) text += " " + argument;
  return text.substr(0, 600);
}

/// What a folder for --export must not hold: a checkpoint, whoever made it.
std::vector<fs::path> weights_in(const fs::path& folder) {
  std::vector<fs::path> there;
  std::error_code absent;
  for (const char* name : {"config.json", "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                           "pytorch_model.bin.index.json"})
    if (fs::exists(folder / name, absent)) there.push_back(folder / name);
  return there;
}

void refuse_what_is_there(const Options& o) {
  if (o.overwrite) return;
  if (!o.out.empty()) {
    const auto runs = checkpoints(o.out), saved = saved_files(o.out);
    if (!runs.empty() && !o.resume)
      fail("--out ", o.out, ": it holds a run (", runs[0].filename().string(),
           "); --resume goes on with it, --overwrite replaces it, or give another folder");
    if (runs.empty() && !saved.empty())
      fail("--out ", o.out, ": it holds what was saved (", saved[0].lexically_relative(o.out).string(),
           "), and no run to go on with; --overwrite replaces it, or give another folder");
  }
  if (!o.export_to.empty() && !o.resume)
    if (const auto weights = weights_in(o.export_to); !weights.empty())
      fail("--export ", o.export_to, ": it holds a checkpoint (", weights[0].filename().string(),
           "); --overwrite replaces it, or give another folder");
}

/// What is nobody's any more. Of a run that is replaced, what a schedule kept of its steps; all else stays until the
/// new is there.
void sweep(const Options& o) {
  if (!o.export_to.empty()) remove_leftovers(o.export_to);
  for (const std::string& file : {o.json, predict_file(o)})
    if (!file.empty()) remove_leftovers(folder_of(file), fs::path(file).filename().string());
  if (o.out.empty()) return;
  std::vector<fs::path> steps;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(fs::path(o.out) / "steps", absent))
    if (entry.path().filename().string().starts_with("step-")) steps.push_back(entry.path());
  for (const fs::path& folder : {fs::path(o.out), fs::path(o.out) / "pruned"}) remove_leftovers(folder);
  for (const fs::path& folder : steps) {
    remove_leftovers(folder);
    if (!o.overwrite || o.resume) continue;
    for (const fs::path& file : saved_files(folder)) remove_file(file);
    fs::remove(folder, absent);
  }
  if (o.overwrite && !o.resume)
    for (const fs::path& file : checkpoints(o.out))
      if (file.filename() != "run.safetensors") remove_file(file);
}

}  // namespace

Folders::Folders(const Plan& plan) {
  const Options& o = plan.options;
  const std::string command = command_of(o);
  for (const auto& [option, folder] : {std::pair{"--out ", &o.out}, {"--export ", &o.export_to}})
    if (!folder->empty()) try {
        locks_.emplace_back(*folder, command);
      } catch (const Error& e) {
        fail(option, e.what());
      }
  refuse_what_is_there(o);
  sweep(o);
}
