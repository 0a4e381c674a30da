// SPDX-License-Identifier: Apache-2.0
// What the program reads of its user and of its own files, and the search for texts by what a model says.
#include <peft/model/beam.hpp>
#include <peft/train/checkpoint.hpp>

#include <cmath>
#include <cstring>
#include <string>

#include "../../examples/finetune/front/option_table.hpp"
#include "targets.hpp"

namespace fuzz {

namespace {

using namespace peft;

/// Arguments as the front hands them over, divided by zero bytes. What was read comes back as it was.
void options(std::string_view bytes) {
  std::vector<std::string> arguments;
  for (const std::string_view one : parts(bytes, 16))
    if (!one.empty()) arguments.emplace_back(one);
  const auto once = arguments_of(options_from(arguments));
  expect(arguments_of(options_from(once)) == once);
}

/// Logits of beams over 8 words, as the bytes of floats.
void beams(std::string_view bytes) {
  if (bytes.size() < 4) return;
  constexpr int words = 8;
  const int most = 1 + (bytes[1] & 7), count = 1 + (bytes[0] & 3);
  BeamSearch search({count, most, static_cast<double>(bytes[2]) / 16, (bytes[3] & 1) != 0, {7}});
  std::size_t at = 4;
  for (int step = 0; !search.done(); ++step) {
    expect(step < most);
    std::vector<float> logits(search.running().size() * words);
    for (float& logit : logits)
      if (at + sizeof logit <= bytes.size()) std::memcpy(&logit, bytes.data() + at, sizeof logit), at += sizeof logit;
    search.advance(std::span<const float>(logits));
    expect(search.running().size() <= static_cast<std::size_t>(count));
  }
  expect(!search.best().ids.empty() && search.best().ids.size() <= static_cast<std::size_t>(most) &&
         !std::isnan(search.best().score));
  for (const std::int32_t id : search.best().ids) expect(id >= 0 && id < words);
}

/// What a run's checkpoint notes: lines of a name, a tab and a value.
void notes(std::string_view bytes) {
  Notes given;
  while (!bytes.empty()) {
    const std::string_view line = bytes.substr(0, std::min(bytes.find('\n'), bytes.size()));
    const std::size_t tab = std::min(line.find('\t'), line.size());
    given.emplace(line.substr(0, tab), line.substr(std::min(tab + 1, line.size())));
    bytes.remove_prefix(std::min(line.size() + 1, bytes.size()));
  }
  const RunState state = from_notes(given, "fuzz");
  expect(to_notes(from_notes(to_notes(state), "again")) == to_notes(state));
}

}  // namespace

const std::vector<Target> program_targets = {
    {"options", options},
    {"beams", beams},
    {"run", notes},
};

}  // namespace fuzz
