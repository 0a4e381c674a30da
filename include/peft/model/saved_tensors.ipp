// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <utility>

#include <peft/core/error.hpp>
#include <peft/model/saved_tensors.hpp>

namespace peft {

namespace peft_files {

PEFT_INLINE bool is_saved(const Field& f) { return f.role != Role::derived; }

PEFT_INLINE std::vector<HostTensor> tensors_of(const std::vector<Field>& fields,
                                               const std::function<bool(const Field&)>& wanted,
                                               const std::function<std::vector<float>(const Field&)>& values_of) {
  std::vector<HostTensor> out;
  for (const Field& f : fields)
    if (wanted(f))
      out.push_back({f.name, f.vector ? std::vector<std::int64_t>{f.cols} : std::vector<std::int64_t>{f.rows, f.cols},
                     values_of(f)});
  return out;
}

PEFT_INLINE std::vector<std::string> restore(const std::vector<Field>& fields, const std::vector<HostTensor>& tensors,
                                             const std::string& source, bool head_may_lack,
                                             const std::function<void(const Field&, const std::vector<float>&)>& put) {
  std::map<std::string, const HostTensor*> by_name;
  for (const HostTensor& t : tensors) by_name[t.name] = &t;
  std::vector<std::string> lacking;
  std::vector<std::pair<const Field*, const HostTensor*>> all;  // checked as a whole before the first is put
  for (const Field& f : fields) {
    if (f.role == Role::derived) continue;
    const auto found = by_name.find(f.name);
    if (found == by_name.end() && f.role == Role::state) continue;
    if (found == by_name.end() && head_may_lack && is_head(f)) {
      lacking.push_back(f.name);
      continue;
    }
    if (found == by_name.end())
      fail(source, ": the tensor ", f.name, " is missing; was the delta saved with other options?");
    const HostTensor& t = *found->second;
    const bool fits =
        f.vector ? t.shape == std::vector<std::int64_t>{f.cols} : t.shape == std::vector<std::int64_t>{f.rows, f.cols};
    if (!fits)
      fail(source, ": ", f.name, " has shape ", shape_text(t.shape), ", expected (", f.rows, ", ", f.cols, ")");
    all.emplace_back(&f, &t);
    by_name.erase(found);
  }
  if (!by_name.empty()) fail(source, ": nothing in this model takes the tensor ", by_name.begin()->first);
  for (const auto& [field, tensor] : all) put(*field, tensor->data);
  return lacking;
}

PEFT_INLINE void require_settings(const std::map<std::string, std::string>& model,
                                  const std::map<std::string, std::string>& saved, const std::string& source) {
  require(!saved.contains(pooler_key) || model.contains(pooler_key), source,
          ": its head has a pooler of its own, and the model takes its backbone's: "
          "make it of backbone->without_pooler()");
  const auto of_delta = [](const auto& entry) { return entry.first.find('.') != std::string::npos; };
  if (std::none_of(saved.begin(), saved.end(), of_delta)) return;
  const auto value = [](const auto& all, const std::string& key) {
    return all.contains(key) ? all.at(key) : "the standard one";
  };
  std::map<std::string, std::string> either = model;
  std::copy_if(saved.begin(), saved.end(), std::inserter(either, either.end()), of_delta);
  for (const auto& [key, any] : either) {
    const std::string then = value(saved, key), now = value(model, key);
    const std::size_t dot = key.find('.');
    require(then == now, source, ": it was trained with ", key.substr(dot + 1), " = ", then, " (delta ",
            key.substr(0, dot), " of the method), the model has ", now,
            "; its tensors would mean something else: give the method the same");
  }
}

}  // namespace peft_files

}  // namespace peft
