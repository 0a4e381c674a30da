// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/pasta.hpp>
#include <peft/io/delta_file.hpp>

#include <cmath>
#include <string>

#include "../unit/run.hpp"

inline const std::map<std::string, peft::Specials> pasta_choices{{"each", peft::Specials::each},
                                                                 {"no-class", peft::Specials::no_class},
                                                                 {"no-separators", peft::Specials::no_separators},
                                                                 {"shared", peft::Specials::shared}};

/// |e| by layer and special token, as a table with a header: what a heat map is drawn from.
template <class Backbone>
std::string pasta_norms(const peft::DeltaFile& delta, const peft::Pasta& pasta) {
  using namespace peft;
  std::string text = "layer";
  for (int k = 0; k < pasta.vectors(); ++k) {
    const int slot = k + (pasta.adapted == peft::Specials::no_class);
    text += pasta.adapted == peft::Specials::shared ? "\tall" : slot == 0 ? "\tclass token" : cat("\tseparator ", slot);
  }
  text += "\n";
  for (int layer = 0;; ++layer) {
    const std::string name =
        Backbone::Family::path(Backbone::path(Site::layer), Site::layer, layer, {}) + ".special_tokens.weight";
    const auto found =
        std::find_if(delta.tensors.begin(), delta.tensors.end(), [&](const HostTensor& t) { return t.name == name; });
    if (found == delta.tensors.end()) return text;
    text += cat(layer);
    const std::size_t width = found->data.size() / static_cast<std::size_t>(pasta.vectors());
    for (std::size_t begin = 0; begin < found->data.size(); begin += width) {
      double squares = 0;
      for (std::size_t i = begin; i < begin + width; ++i) squares += double(found->data[i]) * double(found->data[i]);
      text += "\t" + report::fixed(std::sqrt(squares), 6);
    }
    text += "\n";
  }
}

template <class Backbone>
int run_method(const Job& job) {
  using namespace peft;
  Method<Delta<Pasta>> method;
  Pasta& pasta = std::get<0>(method.deltas).delta;
  pasta.specials =
      static_cast<int>(job.setting("specials", static_cast<double>(job.tokenizer->added(job.train.pairs))));
  const std::string adapt = job.setting("adapt", "each");
  require(pasta_choices.contains(adapt), "the setting adapt is \"", adapt,
          "\", expected each, no-class, no-separators or shared");
  pasta.adapted = pasta_choices.at(adapt);
  pasta.dropout = job.delta_dropout();
  require(pasta.specials >= 1, "the setting specials is ", pasta.specials, ", expected 1 or more");
  job.beside("special_token_norms.tsv",
             [&](const DeltaFile& trained) { return pasta_norms<Backbone>(trained, pasta); });
  return run<Backbone>(job, method,
                       cat("PASTA, ", pasta.vectors(), pasta.vectors() == 1 ? " vector" : " vectors", " a layer"));
}
