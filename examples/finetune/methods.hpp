// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <string>

#include "job.hpp"

/// A method that --method names. Adding one is adding a unit that holds an `Entry`; `Also` adds another family of backbones.
struct Entry {
  using Run = int (*)(const Job&);

  std::string summary;              // a line of --help
  double lr = 0;                    // when --lr is not given
  std::map<std::string, Run> runs;  // by the backbone's family

  Entry() = default;
  Entry(const char* name, std::string text, double rate, Run run) {
    Entry& entry = table()[name];
    entry.summary = std::move(text);
    entry.lr = rate;
    entry.runs["bert"] = run;
  }
  static std::map<std::string, Entry>& table() {
    static std::map<std::string, Entry> entries;
    return entries;
  }
};

struct Also {
  Also(const char* name, const char* family, Entry::Run run) { Entry::table()[name].runs[family] = run; }
};
