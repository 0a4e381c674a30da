// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include <peft/core/error.hpp>
#include <peft/io/peft_adapter.hpp>
#include <peft/io/peft_carried.hpp>
#include <peft/io/peft_load.hpp>
#include <peft/io/peft_lora.hpp>
#include <peft/io/peft_names.hpp>

namespace peft {

namespace peft_carried {

constexpr std::string_view token_rows = ".trainable_tokens_delta";

PEFT_INLINE std::string module_of(const std::string& name) { return name.substr(0, name.rfind('.')); }

// Is the module, or one around it, named in modules_to_save?
PEFT_INLINE bool saved_whole(const std::vector<std::string>& saved, const std::string& module) {
  return std::any_of(saved.begin(), saved.end(), [&](const std::string& one) {
    return cat(".", module, ".").find(cat(".", one, ".")) != std::string::npos;
  });
}

// Builds up what changes, tensor by tensor.
class Builder {
 public:
  Builder(const PeftAdapter& adapter, const CarriedInto& into, Carrying& result)
      : adapter_(adapter), into_(into), result_(result), saved_(adapter.fields().texts("modules_to_save")) {}

  void whole(const std::string& name, const HostTensor& t) {
    if (into_.tied && !into_.head.empty() && name == into_.head + ".weight") return head(name, t);
    HostTensor& own = changed(name);
    check(own, t);
    own.data = t.data;
    result_.what.names.insert(name);
    const std::string module = module_of(name);
    if (!into_.tied || module != into_.words) return;
    // PEFT trains a copy of a module that it saves whole: the other end of the tie keeps what it had, unless it is
    // asked to tie.
    if (saved_whole(saved_, module) && !adapter_.fields().boolean("ensure_weight_tying", false)) untie();
  }

  void rows(const std::string& name, const HostTensor& t) {
    const std::string module = name.substr(0, name.size() - token_rows.size());
    const std::vector<std::int64_t> ids = ids_of(module);
    HostTensor& table = changed(module + ".weight");
    const std::int64_t width = table.shape.back();
    const std::vector<std::int64_t> expected{static_cast<std::int64_t>(ids.size()), width};
    if (t.shape != expected)
      fail(adapter_.source, ": ", name, " has shape ", shape_text(t.shape), ", expected ", shape_text(expected),
           " by trainable_token_indices");
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] < 0 || ids[i] >= table.shape[0])
        fail(adapter_.source, ": trainable_token_indices has the token ", ids[i], ", the table ", module,
             " of the backbone ", into_.folder, " has ", table.shape[0],
             " rows; resize the base first (resize_token_embeddings, save_pretrained) and give that folder as --model");
      std::copy_n(t.data.begin() + i * width, width, table.data.begin() + ids[i] * width);
    }
    result_.what.names.insert(name);
  }

  void merge(const LoraModule& m) {
    if (m.path == into_.words) untie();  // PEFT changes the words that are read in alone
    if (m.path == into_.head && into_.tied) untie();
    const std::string name = m.path + ".weight";
    if (!into_.has(name) && !(m.path == into_.head && into_.tied))
      fail(adapter_.source, ": the backbone has no ", m.path, " for the adapter's LoRA");
    require(m.magnitude.empty(), adapter_.source, ": DoRA on ", m.path, " is not read");
    HostTensor& weight = changed(name);
    const std::vector<std::int64_t> expected =
        m.embedding ? std::vector<std::int64_t>{m.in, m.out} : std::vector<std::int64_t>{m.out, m.in};
    if (weight.shape != expected) refuse_size(name, expected, weight.shape);
    const std::size_t rows = static_cast<std::size_t>(expected[0]), cols = static_cast<std::size_t>(expected[1]),
                      r = static_cast<std::size_t>(m.rank);
    const float scale = static_cast<float>(m.alpha / m.rank);
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t k = 0; k < r; ++k) {
        const float by = scale * (m.embedding ? m.A[k * rows + i] : m.B[i * r + k]);
        for (std::size_t j = 0; j < cols; ++j)
          weight.data[i * cols + j] += by * (m.embedding ? m.B[j * r + k] : m.A[k * cols + j]);
      }
    result_.what.merged.insert(m.path);
  }

  void finish() {
    for (auto& [name, t] : changed_) result_.tensors.push_back(std::move(t));
    std::size_t biases = 0;
    std::string& text = result_.summary;
    const auto say = [&](const std::string& what) { text += (text.empty() ? "" : ", ") + what; };
    for (const std::string& name : result_.what.names)
      name.ends_with(".bias")
          ? void(++biases)
          : say(name.ends_with(token_rows) ? cat("token rows of ", name.substr(0, name.size() - token_rows.size()))
                                           : module_of(name));
    if (biases > 0) say(cat(biases, biases == 1 ? " bias" : " biases"));
    for (const std::string& path : result_.what.merged) say(cat("LoRA on ", path, " (added to its weight)"));
  }

 private:
  // The backbone's own tensor, to be changed.
  HostTensor& changed(const std::string& name) {
    const auto found = changed_.find(name);
    return found != changed_.end() ? found->second : changed_.emplace(name, into_.read(name)).first->second;
  }

  // lm_head of a tied backbone: its own from now on where PEFT keeps a copy, else both are meant.
  void head(const std::string& name, const HostTensor& t) {
    const std::string words = into_.words + ".weight";
    result_.what.names.insert(name);
    if (saved_whole(saved_, into_.head)) {
      untie();
      HostTensor& own = changed(name);
      check(own, t);
      own.data = t.data;
      return;
    }
    const auto given = std::find_if(adapter_.tensors.begin(), adapter_.tensors.end(),
                                    [&](const HostTensor& one) { return plain_name(one.name, "") == words; });
    if (given != adapter_.tensors.end() && given->data != t.data)
      fail(adapter_.source, ": holds different numbers for ", name, " and ", words, ", which are one in the backbone ",
           into_.folder, "; untie them there (tie_word_embeddings: false, with an lm_head.weight of its own)");
    HostTensor& table = changed(words);
    check(table, t);
    table.data = t.data;
  }

  // From now on the head keeps the words that both have had until now.
  void untie() {
    if (!into_.tied || result_.own_head) return;
    result_.own_head = true;
    HostTensor own = into_.read(into_.words + ".weight");
    own.name = into_.head + ".weight";
    changed_.emplace(own.name, std::move(own));
  }

  std::vector<std::int64_t> ids_of(const std::string& module) const {
    const auto& fields = adapter_.fields();
    const auto* value = &fields.at("trainable_token_indices");
    if (value->is_object()) {
      const auto entry = std::find_if(value->items().begin(), value->items().end(),
                                      [&](const auto& one) { return ends_in_name(module, one.key()); });
      if (entry == value->items().end())
        fail(fields.where(), ": trainable_token_indices names no tokens of ", module, ", of which there are rows");
      value = &entry.value();
    }
    std::vector<std::int64_t> ids;
    for (const auto& id : *value) {
      if (!value->is_array() || !id.is_number_integer()) fields.refuse("trainable_token_indices", "ids of tokens");
      ids.push_back(id.get<std::int64_t>());
    }
    return ids;
  }

  void check(const HostTensor& own, const HostTensor& t) const {
    if (own.shape != t.shape) refuse_size(own.name, t.shape, own.shape);
  }
  [[noreturn]] void refuse_size(const std::string& name, const std::vector<std::int64_t>& theirs,
                                const std::vector<std::int64_t>& ours) const {
    const bool rows = theirs.size() == 2 && ours.size() == 2 && theirs[1] == ours[1];
    fail(adapter_.source, ": ", name, " has shape ", shape_text(theirs), ", in the backbone ", into_.folder, " it has ",
         shape_text(ours),
         rows ? cat("; resize the base first (resize_token_embeddings(", theirs[0],
                    "), save_pretrained) and give that folder as --model")
              : std::string("; is the adapter of another model?"));
  }

  const PeftAdapter& adapter_;
  const CarriedInto& into_;
  Carrying& result_;
  std::vector<std::string> saved_;
  std::map<std::string, HostTensor> changed_;
};

}  // namespace peft_carried

PEFT_INLINE Carrying carried_by(std::shared_ptr<const PeftAdapter> adapter, const CarriedInto& into) {
  Carrying result;
  result.what.from = adapter;
  peft_carried::Builder builder(*adapter, into, result);
  std::vector<std::pair<std::string, const HostTensor*>> rows;
  for (const HostTensor& t : adapter->tensors) {
    const std::string name = plain_name(t.name, "").value_or("");
    const bool tied_head = into.tied && !into.head.empty() && name == into.head + ".weight";
    if (name.ends_with(peft_carried::token_rows))
      rows.emplace_back(name, &t);
    else if (tied_head || into.has(name))
      builder.whole(name, t);
  }
  for (const auto& [name, t] : rows) builder.rows(name, *t);
  if (adapter->kind() == "LORA")
    for (const LoraModule& m : lora_of(*adapter).merged) builder.merge(m);
  builder.finish();
  return result;
}

PEFT_INLINE void carry_over(const PeftCarried& carried, PeftAdapter& to) {
  const PeftAdapter& from = *carried.from;
  std::set<std::string> adapted;  // modules with a delta: their own tensors stand in PEFT's base_layer
  for (const HostTensor& t : to.tensors)
    adapted.insert(peft_carried::module_of(t.name)),
        adapted.insert(peft_carried::module_of(peft_carried::module_of(t.name)));
  for (const HostTensor& t : from.tensors) {
    const std::string plain = plain_name(t.name, "").value_or("");
    if (!carried.names.contains(plain)) continue;
    std::string name = t.name;
    const std::size_t dot = name.rfind('.');
    if (name.ends_with(peft_carried::token_rows))
      name.insert(dot, ".token_adapter");
    else if (adapted.contains(name.substr(0, dot)))
      name.insert(dot, ".base_layer");
    to.add(name, t.shape, t.data);
  }
  for (const char* key : {"bias", "trainable_token_indices", "ensure_weight_tying"})
    if (from.config.contains(key)) to.config[key] = from.config[key];
  std::set<std::string> saved;
  for (const PeftAdapter* one : {&from, static_cast<const PeftAdapter*>(&to)})
    for (const std::string& module : one->fields().texts("modules_to_save")) saved.insert(module);
  if (!saved.empty()) to.config["modules_to_save"] = saved;
}

}  // namespace peft
