// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>
#include <peft/core/error.hpp>
#include <peft/text/files/json_parts.hpp>
#include <peft/text/role_tokens.hpp>
#include <peft/text/sequence_template.hpp>
#include <string>
#include <utility>
#include <vector>

namespace peft::tokenizer_json {

inline constexpr std::size_t most_special = 1000;

inline std::vector<SequenceTemplate::Piece> read_template(const JsonFields& processor, const std::string& name) {
  using Kind = SequenceTemplate::Kind;
  std::vector<SequenceTemplate::Piece> out;
  for (const auto& value : array_in(processor, name)) {
    const JsonFields piece(value, cat(processor.where(), ": ", name, '[', out.size(), ']'));
    const bool sequence = piece.find("Sequence") != nullptr;
    const JsonFields content = child(piece, sequence ? "Sequence" : "SpecialToken");
    const std::string id = content.text("id");
    out.push_back({Kind::Special, id_in(content, "type_id")});
    if (sequence) {
      if (id != "A" && id != "B") content.refuse("id", "\"A\" or \"B\"");
      out.back().kind = id == "A" ? Kind::A : Kind::B;
      continue;
    }
    const JsonFields token = child(child(processor, "special_tokens"), id);
    for (const auto& number : array_in(token, "ids")) {
      if (!number.is_number_unsigned() || number.get<std::uint64_t>() > largest_id)
        token.refuse("ids", "token ids only");
      out.back().ids.push_back(number.get<std::int32_t>());
    }
  }
  std::size_t special = 0;
  for (const auto& piece : out) special += piece.ids.size();
  require(special <= most_special, processor.where(), ": ", name, " puts ", special,
          " special tokens around a text, at most ", most_special, " were expected");
  const auto times = [&](Kind kind) {
    return std::count_if(out.begin(), out.end(), [&](const auto& piece) { return piece.kind == kind; });
  };
  require(times(Kind::A) == 1 && times(Kind::B) == (name == "pair" ? 1 : 0), processor.where(), ": ", name,
          name == "pair" ? " must hold the sequences A and B once each" : " must hold the sequence A once and no B");
  return out;
}

/// `post_processor` of tokenizer.json, null for none: the template, and the role tokens that it names.
struct Sequence {
  SequenceTemplate sequence;
  RoleTokens roles = RoleTokens::bert();
};

inline void read_sequence_step(const JsonFields& fields, Sequence& out) {
  const std::string type = fields.text("type");
  if (type == "TemplateProcessing") {
    out.sequence = {read_template(fields, "single"), read_template(fields, "pair")};
    return;
  }
  if (type != "BertProcessing" && type != "RobertaProcessing")
    refuse_type(fields, "TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel and Sequence");
  const auto token = [&](const std::string& key, std::string& name) {  // "cls": ["[CLS]", 101]
    const auto& pair = array_in(fields, key);
    if (pair.size() != 2 || !pair[0].is_string() || !pair[1].is_number_unsigned() ||
        pair[1].get<std::uint64_t>() > largest_id)
      fields.refuse(key, "a token and its id");
    name = pair[0].get<std::string>();
    return pair[1].get<std::int32_t>();
  };
  RoleTokens& roles = out.roles;
  if (type == "RobertaProcessing") roles = {"", "", "<pad>", "<unk>", "<mask>", "", ""};
  const std::int32_t cls = token("cls", roles.cls), sep = token("sep", roles.sep);
  if (type == "RobertaProcessing") {
    roles.bos = roles.cls;
    roles.eos = roles.sep;
  }
  out.sequence = type == "BertProcessing" ? SequenceTemplate::bert(cls, sep) : SequenceTemplate::roberta(cls, sep);
}

inline Sequence read_sequence(const JsonFields& root) {
  Sequence out;
  int found = 0;
  for (const JsonFields& fields : steps_of(root, "post_processor", "processors")) {
    if (fields.text("type") == "ByteLevel") continue;  // changes no more than where tokens lie in the text
    require(++found == 1, fields.where(), ": a second one that puts tokens around the text");
    read_sequence_step(fields, out);
  }
  return out;
}

}  // namespace peft::tokenizer_json
