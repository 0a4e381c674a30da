// SPDX-License-Identifier: Apache-2.0
#include "composition.hpp"

#include <peft/core/error.hpp>
#include <peft/io/atomic_file.hpp>
#include <peft/io/hash.hpp>
#include <peft/io/mapped_file.hpp>
#include <peft/io/near_names.hpp>

#include <cctype>
#include <fstream>
#include <iterator>

using namespace peft;
namespace fs = std::filesystem;

namespace {

/// What a composition is made of.
constexpr Words names{
    // parts, places, backbone's sites and groups of them
    "Delta SideNet Gate At Layers Dynamic Query Key Value AttnOut FfnUp FfnDown Pooler AttnNorm FfnNorm EmbedNorm Attention Ffn "
    "Layer SelfAttention Input FusedQkv FfnGate CrossQuery CrossKey CrossValue CrossOut CrossNorm FinalNorm CrossAttention LmHead "
    "Projections Linear Norm Tables Everything "
    // deltas
    "LoRA DoRA VeRA AdaLoRA Adapter ParallelAdapter PfeifferAdapter SeqBnAdapter Compacter LowRankAdapter Bias AddedBias Full "
    "Rescale DiffPruning Prefix PTuningV2 Prompt PTuning Pasta GatedPrefix NearIdentity BertNormal LikeLoRA SquaredOrthogonality "
    "MeanOrthogonality Route post branch pre ops Gelu GeluTanh Relu Tanh "
    // gates
    "Open Proximal ProximalGate SigmoidGate ScaledByLr ConstantXi ReferenceXi Normal01 Ones NoPenalty MeanPenalty "
    // side nets
    "Read ReadLayers ReadPair ReadPairFull Ladder SideTuning GRU LSTM RNN AnyCell Direct Concat Concatenated Itself OwnToken "
    "NoOthers SameSequence SourceSequence"};

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_'; }
bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)); }

/// The length of the token that a text begins with; 0 where that is none.
std::size_t token_length(std::string_view text) {
  const auto while_it = [&](std::size_t from, auto&& is) {
    while (from < text.size() && is(text[from])) ++from;
    return from;
  };
  if (is_letter(text[0])) return while_it(1, [](char c) { return is_letter(c) || is_digit(c); });
  if (is_digit(text[0])) return while_it(1, is_digit);
  if (text.starts_with("::")) return 2;
  if (text[0] == '"') {
    const std::size_t end =
        while_it(1, [](char c) { return is_letter(c) || is_digit(c) || c == '.' || c == '*' || c == '-'; });
    return end < text.size() && text[end] == '"' ? end + 1 : 0;
  }
  return std::string_view("<>,|").find(text[0]) != std::string_view::npos ? 1 : 0;
}

}  // namespace

std::string composition_of(std::string_view text, bool others, const std::string& whose) {
  require(text.size() <= 4096, whose, ": it is longer than 4096 letters");
  std::string result;
  int open = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == ' ') {
      ++at;
      continue;
    }
    const std::size_t n = token_length(text.substr(at));
    require(n > 0, whose, ": \"", std::string(text.substr(at, 12)),
            "\" is no part of a composition: names of types, numbers and < > , | are");
    const std::string token(text.substr(at, n));
    at += n;
    if (is_letter(token[0]) && !others && !names.contains(token))
      fail(whose, ": the library has no ", token, " to compose", near_names(token, names.list()),
           "; a type of your own comes with --include, its header");
    // Words side by side are no type.
    require(result.empty() || !(is_letter(token[0]) || is_digit(token[0])) ||
                !(is_letter(result.back()) || is_digit(result.back())),
            whose, ": \"", result, "\" and \"", token, "\" stand side by side; a comma was expected");
    open += token == "<" ? 1 : token == ">" ? -1 : 0;
    require(open >= 0, whose, ": a > too many behind \"", result, "\"");
    result += token == "," ? ", " : token == "|" ? " | " : token;
  }
  require(open == 0, whose, ": a > is missing");
  require(!result.empty(), whose, ": expected what stands in Method<..>, such as Delta<LoRA<8>>");
  return result;
}

fs::path write_composition(const Plan& plan, const fs::path& units) {
  const Options& o = plan.options;
  std::string header(plan.family->type), include;
  if (!o.include.empty()) include = cat("#include \"", fs::absolute(o.include).lexically_normal().string(), "\"\n");
  const std::string family(plan.family->name),
      source =
          cat("// SPDX-License-Identifier: Apache-2.0\n#include <peft/model/", lower(header),
              ".hpp>\n\n#include \"unit/composed.hpp\"\n", include, "\nusing namespace peft;\nusing Composed = Method<",
              o.compose, ">;\n\nint main(int argc, char** argv) {\n  return run_unit({\"compose\", \"", family,
              "\", run_composed<", header, "<float>, Composed>}, argc, argv);\n}\n");
  Hash hash;
  hash.add(source);
  if (!o.include.empty()) hash.add(MappedFile(o.include).text());
  const fs::path folder = units / "composed" / family, unit = folder / hash_text(hash.value()),
                 file = fs::path(unit).concat(".cpp");
  std::ifstream there(file);
  if (std::string(std::istreambuf_iterator<char>(there), {}) == source) return unit;
  make_folder(folder);
  AtomicFile made(file);
  made.write(source);
  made.commit();
  return unit;
}
