// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/data/label_order.hpp>
#include <peft/text/unicode/characters.hpp>
#include <peft/text/unicode/utf8.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

namespace label_names {

/// A name without its case and what stands between words.
PEFT_INLINE std::string folded(std::string_view name) {
  std::string out;
  for (std::size_t at = 0; at < name.size();) {
    const char32_t c = utf8::next(name, at);
    if (c == '-' || c == '_' || characters::is_space(c)) continue;
    characters::for_each_lower(c, [&](char32_t lower) { utf8::append(out, lower); });
  }
  return out;
}

PEFT_INLINE std::vector<std::string> folded(const std::vector<std::string>& names) {
  std::vector<std::string> out;
  for (const std::string& name : names) out.push_back(folded(name));
  return out;
}

PEFT_INLINE bool differ(const std::vector<std::string>& names) {
  return std::set<std::string>(names.begin(), names.end()).size() == names.size();
}

/// By class of `data`: its index among `head`, or -1.
PEFT_INLINE std::vector<std::int32_t> found(const std::vector<std::string>& head,
                                            const std::vector<std::string>& data) {
  std::vector<std::int32_t> places;
  for (const std::string& name : data) {
    const auto at = std::find(head.begin(), head.end(), name);
    places.push_back(at == head.end() ? -1 : static_cast<std::int32_t>(at - head.begin()));
  }
  return places;
}

/// Gives the classes without a place those that are left, one after the other.
PEFT_INLINE void fill(std::vector<std::int32_t>& places) {
  std::set<std::int32_t> taken(places.begin(), places.end());
  std::int32_t next = 0;
  for (std::int32_t& place : places) {
    if (place >= 0) continue;
    while (taken.contains(next)) ++next;
    place = next++;
  }
}

}  // namespace label_names

PEFT_INLINE bool LabelOrder::keeps_order() const {
  for (std::size_t i = 0; i < places.size(); ++i)
    if (places[i] != static_cast<std::int32_t>(i)) return false;
  return true;
}

PEFT_INLINE bool labels_are_numbers(const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] != std::to_string(i) && names[i] != cat("LABEL_", i)) return false;
  return true;
}

PEFT_INLINE LabelOrder label_order(const std::vector<std::string>& head, const std::vector<std::string>& data,
                                   bool more) {
  using By = LabelOrder::By;
  LabelOrder order{By::Data, data, {}};
  for (std::size_t i = 0; i < data.size(); ++i) order.places.push_back(static_cast<std::int32_t>(i));
  if (head.empty() || data.empty() || head.size() < data.size()) return order;

  const std::vector<std::string> plain_head = label_names::folded(head), plain_data = label_names::folded(data);
  const bool plain = label_names::differ(plain_head) && label_names::differ(plain_data);
  std::vector<std::int32_t> places =
      plain ? label_names::found(plain_head, plain_data) : label_names::found(head, data);
  const auto unknown = static_cast<std::size_t>(std::count(places.begin(), places.end(), -1));
  if (head.size() > data.size() && !(more && (unknown == 0 || labels_are_numbers(data)))) return order;

  order.by = unknown == 0 ? By::Names : unknown == data.size() ? By::Numbers : By::Both;
  label_names::fill(places);
  order.places = places;
  order.names = head;
  // Ids are those of the head's classes; other names of the data stay what the user called them.
  if (order.by == By::Numbers && labels_are_numbers(data) && !labels_are_numbers(head)) return order;
  for (std::size_t i = 0; i < data.size(); ++i) order.names[static_cast<std::size_t>(places[i])] = data[i];
  return order;
}

PEFT_INLINE void reorder_labels(Dataset& data, const LabelOrder& order) {
  require(data.label_names.size() == order.places.size(), data.source, ": ", data.label_names.size(),
          " classes cannot be ordered as ", order.places.size());
  const auto place = [&](auto label) { return order.places[static_cast<std::size_t>(label)]; };
  if (data.labelled && !data.tagged)
    for (Example& example : data.examples) example.target = place(example.target);
  for (auto& sentence : data.tags)
    for (std::int32_t& tag : sentence)
      if (tag >= 0) tag = place(tag);
  data.label_names = order.names;
}

}  // namespace peft
