// SPDX-License-Identifier: Apache-2.0
#include "checks.hpp"

#include <peft/core/error.hpp>
#include <peft/data/glue.hpp>
#include <peft/io/atomic_file.hpp>
#include <peft/io/checkpoint.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "../output.hpp"
#include "../predict_file.hpp"
#include "pairs.hpp"

using namespace peft;
namespace fs = std::filesystem;

namespace {

using Complaint = std::optional<std::string>;

Complaint resumes_something(const Plan& p) {
  if (!p.options.resume || (!p.options.out.empty() && p.options.epochs > 0)) return {};
  return "--resume needs --out, the folder of the run, and --epochs";
}

Complaint method_is_there(const Plan& p) {
  const std::string_view reason = reason_against(p.method->name, p.family->name);
  if (reason.empty()) return {};
  return cat("--method ", p.options.method, ": not for a ", p.family->name, " checkpoint (", std::string(reason),
             "); there are ", listed(methods_on(p.family->name)));
}

/// What a method does not read would be ignored.
Complaint options_are_read(const Plan& p) {
  Complaint complaint;
  options_of_methods.each([&](std::string_view option) {
    if (complaint || !p.given.contains(std::string(option)) || p.method->reads.contains(option)) return;
    std::vector<std::string> readers;
    for (const MethodInfo& m : methods)
      if (m.reads.contains(option)) readers.emplace_back(m.name);
    complaint = p.method == &composition
                    ? cat("--", std::string(option), ": a composition takes it by --set, where its parts declare it")
                    : cat("--", std::string(option), ": --method ", p.options.method, " does not read it; of ",
                          listed(readers));
  });
  return complaint;
}

Complaint export_can_be_done(const Plan& p) {
  if (p.options.export_to.empty()) return {};
  if (p.options.pooling != "first")
    return "--export: a plain Hugging Face classifier reads the pooler; train with --pooling first";
  if (!p.family->exports)
    return cat("--export ", p.options.export_to, ": a run on a ", p.family->name,
               " checkpoint cannot be merged into a plain one yet; leave it out, --out saves what was trained");
  if (p.method == &composition)
    return cat("--export ", p.options.export_to, ": a composition is saved by --out; leave --export out");
  if (!p.method->merges)
    return cat(
        "--export ", p.options.export_to, ": what --method ", p.options.method,
        " trains is no change of weights and cannot be merged into a plain checkpoint; leave it out, --out saves what was trained");
  return {};
}

bool same(const std::string& a, const std::string& b) {
  std::error_code absent;
  return !a.empty() && !b.empty() && fs::equivalent(a, b, absent);
}

Complaint inputs_are_left_alone(const Plan& p) {
  for (const auto& [option, path] : {std::pair{"--export", &p.options.export_to}, {"--out", &p.options.out}})
    for (const auto& [input, folder] : {std::pair{"--model", &p.options.model}, {"--load", &p.options.load}})
      if (same(*path, *folder)) return cat(option, " ", *path, ": it is the folder of ", input, "; give another");
  return {};
}

Complaint outputs_differ(const Plan& p) {
  const auto are_one = [](const std::string& a, const std::string& b) {
    return !a.empty() && !b.empty() && (fs::path(a).lexically_normal() == fs::path(b).lexically_normal() || same(a, b));
  };
  const Options& o = p.options;
  if (!is_stream(o.json) && are_one(o.json, predict_file(o)))
    return cat("--json ", o.json, ": it is the file of --predict; give another");
  if (are_one(o.export_to, o.out)) return cat("--export ", o.export_to, ": it is the folder of --out; give another");
  return {};
}

/// Mapped and checked, no more; the Error says what is wrong with them.
Complaint weights_open(const Plan& p) {
  Checkpoint::open(p.options.model);
  return {};
}

Complaint data_is_there(const Plan& p) {
  const Options& o = p.options;
  if (o.data.empty() && o.epochs == 0 && !o.predict_from.empty()) return {};
  if (o.data.empty())
    return "--data is required: the folder with the task's files (only --predict-from with --epochs 0 goes without)";
  if (fs::is_directory(o.data)) return {};
  if (!fs::exists(o.data))
    return cat("--data ", o.data, ": there is no such folder; one with the task's files was expected");
  const fs::path folder = fs::path(o.data).parent_path();
  return cat("--data ", o.data, ": it is a file; give its folder, ", (folder.empty() ? fs::path(".") : folder).string(),
             ", which has the task's files for training and dev");
}

Complaint head_has_a_rate(const Plan& p) {
  if (p.options.head_lr < 0) return {};
  if (p.family->writes)
    return cat("--head-lr ", p.options.head_lr, ": a ", p.family->name,
               " writes with its own words; it has no head of the task");
  if (p.options.lr > 0) return {};
  return cat("--head-lr ", p.options.head_lr, ": it stands beside a --lr above 0, not ", p.options.lr);
}

Complaint task_suits_the_family(const Plan& p) {
  const Options& o = p.options;
  const bool texts = o.task == "e2e" || o.task == "pairs",
             reads = o.task == "csv" || o.task == "conll" || o.task == "choice";
  if (p.family->writes && reads)
    return cat("--task ", o.task, ": a ", p.family->name, " writes text: take a GLUE task, e2e or pairs");
  if (!p.family->writes && texts)
    return cat("--task ", o.task, ": text to text, for a backbone that writes (T5, GPT-2, Llama); this is ",
               p.family->name);
  return {};
}

Complaint pooling_suits_the_task(const Plan& p) {
  const Options& o = p.options;
  if (o.pooling == "first") return {};
  if (p.family->writes) return cat("--pooling ", o.pooling, ": a backbone that writes has no pooling");
  if (o.task == "conll") return cat("--pooling ", o.pooling, ": --task conll reads every token");
  if (o.task == "choice") return cat("--pooling ", o.pooling, ": --task choice reads the first token");
  return {};
}

/// Can the file be written at the end of the run? One is made beside it, as then, with something in it, since a full
/// disk may still have room for a name; and is gone again.
Complaint cannot_write(const char* option, const std::string& given, const fs::path& file) {
  try {
    AtomicFile probe(file);
    probe.write(std::string(4096, ' '));
    return {};
  } catch (const Error& e) {
    return cat(option, " ", given, ": ", e.what());
  }
}

/// A file is replaced whole, hence made beside what is there; a device or a pipe is written to.
Complaint file_can_be_made(const char* option, const std::string& path) {
  if (path.empty()) return {};
  const auto no = [&](const auto&... why) { return cat(option, " ", path, ": ", why...); };
  std::error_code problem, ignored;
  const fs::file_status there = fs::status(path, problem);
  if (problem && there.type() != fs::file_type::not_found) return no(problem.message());
  if (fs::is_directory(there)) return no("it is a folder, a file name was expected");
  if (fs::is_socket(there)) return no("it is a socket, which cannot be opened");
  if (is_stream(path))
    return ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0 ? Complaint{} : no(std::strerror(errno));
  if (const fs::path folder = folder_of(path); !fs::is_symlink(path, ignored) && !fs::is_directory(folder, ignored))
    return no("there is no folder ", folder);
  return cannot_write(option, path, path);
}
Complaint predict_can_be_written(const Plan& p) { return file_can_be_made("--predict", predict_file(p.options)); }
Complaint json_can_be_written(const Plan& p) { return file_can_be_made("--json", p.options.json); }

/// Makes a folder where there is none, and tries the file in it that counts.
Complaint folder_can_be_made(const char* option, const std::string& path, const char* file) {
  if (path.empty()) return {};
  try {
    make_folder(path);
  } catch (const Error& e) {
    return cat(option, " ", path, ": ", e.what());
  }
  return cannot_write(option, path, fs::path(path) / file);
}
Complaint out_can_be_made(const Plan& p) { return folder_can_be_made("--out", p.options.out, "run.safetensors"); }
Complaint export_can_be_made(const Plan& p) {
  return folder_can_be_made("--export", p.options.export_to, "config.json");
}

Complaint predictions_are_asked_for(const Plan& p) {
  const Options& o = p.options;
  const char* given = !o.split.empty()            ? "--split"
                      : !o.predict_from.empty()   ? "--predict-from"
                      : o.predict_format != "tsv" ? "--predict-format"
                                                  : nullptr;
  if (given && o.predict.empty()) return cat(given, " is for what --predict writes; give --predict FILE too");
  if (!o.split.empty() && !o.predict_from.empty())
    return cat("--split ", o.split, " and --predict-from ", o.predict_from, ": give one of them");
  if (o.predict_format == "glue" && !is_glue_task(o.task))
    return cat("--predict-format glue: --task ", o.task, " is none of GLUE's; tsv and jsonl are for all");
  return {};
}

/// Of its dev split a task of texts predicts what is written for it.
Complaint texts_are_written(const Plan& p) {
  const Options& o = p.options;
  const bool of_dev = o.predict_from.empty() && (o.split.empty() || o.split == "dev");
  if (o.predict.empty() || !p.family->writes || is_glue_task(o.task) || o.texts != 0 || !of_dev) return {};
  return cat(
      "--predict ", o.predict,
      ": --texts 0 writes none for the dev split; leave it out, or say by --split or --predict-from what to write about");
}

constexpr Check table[] = {
    {"resume", resumes_something},
    {"method", method_is_there},
    {"options of methods", options_are_read},
    {"task", task_suits_the_family},
    {"pooling", pooling_suits_the_task},
    {"head's rate", head_has_a_rate},
    {"export", export_can_be_done},
    {"weights", weights_open},
    {"data", data_is_there},
    {"inputs left alone", inputs_are_left_alone},
    {"predictions", predictions_are_asked_for},
    {"outputs differ", outputs_differ},
    {"texts", texts_are_written},
    {"predict", predict_can_be_written},
    {"json", json_can_be_written},
    {"out", out_can_be_made},
    {"export folder", export_can_be_made},
};

}  // namespace

std::span<const Check> check_table() { return table; }

void check(const Plan& plan) {
  for (const Check& c : table)
    if (const Complaint complaint = c.complaint(plan)) fail(*complaint);
}
