// SPDX-License-Identifier: Apache-2.0
// Patterns over names of modules, as Python's re.fullmatch takes them (tests/golden/patterns.py).
#include <nlohmann/json.hpp>
#include <peft/io/json.hpp>
#include <peft/io/regex.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "io_temporary.hpp"

#ifdef PEFT_HAS_PCRE2

TEST_CASE("patterns: hundreds of them, as Python's re has them") {
  const auto golden = peft::parse_json_file(std::string(PEFT_TEST_DATA) + "/patterns.json");
  const auto names = golden["names"].get<std::vector<std::string>>();
  int same = 0, refused = 0, both = 0;
  for (const auto& row : golden["patterns"]) {
    const auto pattern = row[0].get<std::string>();
    INFO(pattern);
    std::string said, error;
    try {
      const peft::Regex regex(pattern, peft::Regex::Flavour::python, "f");
      for (const std::string& name : names) said += regex.full_match(name) ? '1' : '0';
    } catch (const peft::Error& problem) {
      error = problem.what();
    }
    if (row[1].is_null()) {
      CHECK(error != "");
      ++both;
    } else if (!error.empty()) {
      ++refused;
      CHECK(error.find("f: the pattern") != std::string::npos);
    } else {
      CHECK(said == row[1].get<std::string>());
      ++same;
    }
  }
  CHECK(same + both + refused == 400);
  CHECK(refused <= 12);
  WARN(same << " as Python has them, " << both << " refused by both, " << refused << " by us alone");
}

#endif
