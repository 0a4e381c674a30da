// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <peft/io/label_text.hpp>
#include <peft/io/tensor_ref.hpp>

/// Adapters in the files of Hugging Face PEFT: `adapter_config.json` and `adapter_model.safetensors`.
///
/// A method is supported by a specialisation of `PeftFormat` in io/peft_NAME.hpp, whose members map the tensors of a
/// model to PEFT's names and back (io/peft_vera.hpp is an example):
///
///     template <>
///     struct PeftFormat<MyDelta> {
///       static constexpr const char* kind = "PROMPT_TUNING";            // peft_type
///       static constexpr const char* prefix = "base_model.";            // optional: before the head's names
///       static constexpr bool lossy = true;                   // optional: our own file is needed beside PEFT's
///       /// Optional: why PEFT cannot hold it on these modules ("": it can); then our own file is the only one.
///       static std::string cannot(const auto& modules, const auto& shape);
///       /// Optional: what the config says of the backbone.
///       static void describe(const auto& shape, PeftAdapter& to);
///       /// Settings into to.config, tensors by to.add(name, shape, values). `own` has every tensor of the model,
///       /// derived ones included, by the model's names; `modules` have path, in and out. Head and common keys are
///       /// there already.
///       static void write(const auto& delta, const auto& modules, const TensorsByName& own, PeftAdapter& to);
///       /// Before the model is made: the delta's settings and `part.only`, the modules that it sits on.
///       static void configure(const PeftAdapter& from, auto& part);
///       /// The delta's tensors under the model's names; what is not taken from `left` must belong to the head.
///       static std::vector<HostTensor> read(const auto& delta, const auto& modules, PeftTensors& left);
///     };
///
/// `to_adapter`, `configure_from` and `from_adapter` (model/peft_files.hpp) do the rest, for `save` and for the
/// program's --out and --load.
///
/// What only passes an adapter on includes this; io/peft_adapter.hpp, which has its config, brings a JSON library with
/// it.
namespace peft {

class AtomicFiles;
struct PeftAdapter;

using TensorsByName = std::map<std::string, HostTensor>;

/// The format of a delta in PEFT's files; a delta without a specialisation has none.
template <class D>
struct PeftFormat;
/// Names several deltas that are one method there. In place of a delta and its modules `write` and `read` are then
/// given tuples of the method's parts and lists of modules, and `configure` the method.
template <class... D>
struct Together {};
template <class D>
concept InPeft = requires { PeftFormat<D>::kind; };

/// A config with all keys that PEFT of today writes for the kind, and the head. Empty texts become null; no head, no
/// modules_to_save.
PeftAdapter new_adapter(const std::string& kind, const std::string& base_model, const std::vector<HostTensor>& head,
                        const std::string& prefix = "base_model.model.", const std::string& task_type = "SEQ_CLS");

/// Puts both files into `folder` (made when missing) together, see AtomicFiles; the folder then holds this save alone:
/// a delta of ours that was there goes. Throws Error for data that does not fit its shape, names used twice, and when
/// writing fails.
void save_peft(const std::filesystem::path& folder, const PeftAdapter& a);

/// The same as a part of what is saved together; returns the checksum of the tensors' file.
std::string stage_peft(AtomicFiles& files, const std::filesystem::path& folder, const PeftAdapter& a);

/// Reads both files; F16, BF16 and F64 become float. Throws Error for files that are missing, damaged, of other dtypes,
/// or not of one save.
PeftAdapter load_peft(const std::filesystem::path& folder);

/// "LORA", "IA3", ...
std::string kind_of(const PeftAdapter& a);
/// Throws Error when it is not `kind`.
void require_kind(const PeftAdapter& a, const char* kind);
/// The names of its head's classes. PEFT's files have no place for them; ours have them in the metadata of the tensors'
/// file, which every version of PEFT passes over (older ones refuse a config with keys that they do not know).
const HeadLabels& labels_of(const PeftAdapter& a);
/// Whether it has a tensor whose name ends so.
bool holds_tensor(const PeftAdapter& a, std::string_view end);
/// Rows of its matrix `name`, whatever stands before the name; 0: it has none.
std::int64_t rows_of_tensor(const PeftAdapter& a, const std::string& name);
/// The folder, for error messages.
const std::string& source_of(const PeftAdapter& a);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/peft_adapter.hpp>
#endif
