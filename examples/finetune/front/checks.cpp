// SPDX-License-Identifier: Apache-2.0
#include "checks.hpp"

#include <peft/core/error.hpp>

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

using namespace peft;
namespace fs = std::filesystem;

namespace {

using Complaint = std::optional<std::string>;

Complaint resumes_something(const Plan& p) {
  if (!p.options.resume || (!p.options.out.empty() && p.options.epochs > 0)) return {};
  return "--resume needs --out, the folder of the run, and --epochs";
}

Complaint method_is_there(const Plan& p) {
  if (p.method->families.contains(p.family->name)) return {};
  std::vector<std::string> there;
  for (const MethodInfo& m : methods)
    if (m.families.contains(p.family->name)) there.emplace_back(m.name);
  return cat("--method ", p.options.method, ": this program does not have it for a ", p.family->name, " checkpoint; there are ", listed(there));
}

Complaint export_can_be_done(const Plan& p) {
  if (p.options.export_to.empty()) return {};
  if (p.options.pooling != "first") return "--export: a plain Hugging Face classifier reads the pooler; train with --pooling first";
  if (!p.family->exports)
    return cat("--export ", p.options.export_to, ": a run on a ", p.family->name,
               " checkpoint cannot be merged into a plain one yet; leave it out, --out saves what was trained");
  std::error_code absent;
  if (fs::equivalent(p.options.export_to, p.options.model, absent))
    return cat("--export ", p.options.export_to, ": it is the folder of --model; give another");
  return {};
}

/// Can a file be written there at the end of the run?
Complaint file_can_be_made(const char* option, const std::string& path) {
  if (path.empty()) return {};
  const fs::path folder = fs::path(path).has_parent_path() ? fs::path(path).parent_path() : fs::path(".");
  if (fs::is_directory(path)) return cat(option, " ", path, ": it is a folder, a file name was expected");
  if (!fs::is_directory(folder)) return cat(option, " ", path, ": there is no folder ", folder);
  if (::access(fs::exists(path) && !fs::is_regular_file(path) ? path.c_str() : folder.c_str(), W_OK) != 0)
    return cat(option, " ", path, ": ", folder, ": ", std::strerror(errno));
  return {};
}
Complaint predict_can_be_written(const Plan& p) { return file_can_be_made("--predict", p.options.predict); }
Complaint json_can_be_written(const Plan& p) { return file_can_be_made("--json", p.options.json); }

/// Makes a folder where there is none, and tries a file in it.
Complaint folder_can_be_made(const char* option, const std::string& path) {
  if (path.empty()) return {};
  std::error_code problem;
  fs::create_directories(path, problem);
  if (problem) return cat(option, " ", path, ": ", problem.message());
  if (::access(path.c_str(), W_OK | X_OK) != 0) return cat(option, " ", path, ": ", std::strerror(errno));
  return {};
}
Complaint out_can_be_made(const Plan& p) { return folder_can_be_made("--out", p.options.out); }
Complaint export_can_be_made(const Plan& p) { return folder_can_be_made("--export", p.options.export_to); }

constexpr Check table[] = {
    {"resume", resumes_something},        {"method", method_is_there}, {"export", export_can_be_done}, {"predict", predict_can_be_written},
    {"json", json_can_be_written},        {"out", out_can_be_made},    {"export folder", export_can_be_made},
};

}  // namespace

std::span<const Check> check_table() { return table; }

void check(const Plan& plan) {
  for (const Check& c : table)
    if (const Complaint complaint = c.complaint(plan)) fail(*complaint);
}
