// SPDX-License-Identifier: Apache-2.0
// What the peers' tests ask the library without the program in between.
//   probe ids FOLDER TEXTS            the ids of each text, special tokens around it, a line each; before each of TEXTS its bytes, a line
//   probe states|pooled|choices|tags|words FOLDER LABELS BATCH OUT
//     states   hidden states of the last layer, a row per token (encoders)
//     pooled   logits of the checkpoint's head that reads the first token, a row per sequence (encoders)
//     choices  likewise, of a head for multiple choice; all sequences are one example
//     tags     logits of its head that reads every token (encoders)
//     words    logits over the vocabulary, a row per token, of a decoder where there is one
//   BATCH: a line per sequence: ids, tab, token types (may be none), tab, what a decoder reads (may be none). OUT: floats.
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

#include <peft/core/error.hpp>
#include <peft/core/session.hpp>
#include <peft/io/config/model_type.hpp>
#include <peft/io/mapped_file.hpp>
#include <peft/text/tokenizer.hpp>

#include "probe.hpp"

namespace {

using Ids = std::vector<std::int32_t>;

const std::map<std::string, std::vector<float> (*)(const Question&)> families = {{"bert", ask_bert},
                                                                                 {"roberta", ask_roberta},
                                                                                 {"xlm-roberta", ask_roberta},
                                                                                 {"camembert", ask_roberta},
                                                                                 {"distilbert", ask_distilbert},
                                                                                 {"deberta-v2", ask_deberta},
                                                                                 {"gpt2", ask_gpt2},
                                                                                 {"llama", ask_llama},
                                                                                 {"mistral", ask_llama},
                                                                                 {"qwen2", ask_llama},
                                                                                 {"t5", ask_t5},
                                                                                 {"mt5", ask_t5}};

Ids integers(const std::string& text) {
  std::istringstream in(text);
  Ids all;
  for (std::int32_t id; in >> id;) all.push_back(id);
  return all;
}

peft::Batch read_batch(const char* path) {
  std::ifstream in(path);
  peft::Batch batch;
  for (std::string line; std::getline(in, line);) {
    std::istringstream cells(line);
    std::string ids, types, decoder;
    std::getline(cells, ids, '\t');
    std::getline(cells, types, '\t');
    std::getline(cells, decoder);
    const Ids own = integers(ids), written = integers(decoder);
    Ids kinds = integers(types);
    kinds.resize(own.size());
    if (written.empty())
      batch.add(own, kinds, 0.0, batch.sequences());
    else
      batch.add_pair(own, kinds, written, std::vector<double>(written.size(), -1), batch.sequences());
  }
  return batch;
}

void write_ids(const char* folder, const char* texts) {
  const auto tokenizer = peft::Tokenizer::open(folder);
  const peft::MappedFile file(texts);
  std::string_view rest = file.text();
  while (!rest.empty()) {
    const auto line = rest.find('\n');
    const std::size_t bytes = std::stoul(std::string(rest.substr(0, line)));
    for (const std::int32_t id : tokenizer.encode(rest.substr(line + 1, bytes)).ids) std::cout << id << ' ';
    std::cout << '\n';
    rest.remove_prefix(line + 1 + bytes);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> a(argv, argv + argc);
  try {
    const peft::Session kokkos;
    if (argc == 4 && a[1] == "ids") return write_ids(argv[2], argv[3]), 0;
    peft::require(argc == 6, "usage: see the head of tests/peer/probe/main.cpp");
    const std::string type = peft::read_model_type(a[2]);
    peft::require(families.contains(type), "the probe knows no model_type ", type);
    const auto numbers = families.at(type)({a[2], a[1], std::stoi(a[3]), read_batch(argv[4])});
    std::ofstream(argv[5], std::ios::binary)
        .write(reinterpret_cast<const char*>(numbers.data()),
               static_cast<std::streamsize>(numbers.size() * sizeof(float)));
    return 0;
  } catch (const std::exception& e) {
    std::cerr << "error: " << e.what() << "\n";
    return 1;
  }
}
