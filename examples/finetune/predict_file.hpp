// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/data/glue.hpp>

#include <filesystem>
#include <string>
#include <system_error>

#include "options.hpp"

/// The file of --predict. In a folder a submission to GLUE has the name that the leaderboard wants.
inline std::string predict_file(const Options& o) {
  std::error_code absent;
  if (o.predict_format != "glue" || !std::filesystem::is_directory(o.predict, absent)) return o.predict;
  return (std::filesystem::path(o.predict) / peft::glue_task(o.task).submission(o.split)).string();
}
