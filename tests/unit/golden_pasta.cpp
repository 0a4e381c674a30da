// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/pasta.hpp>

#include "golden.hpp"

using namespace peft;

TEST_CASE("PASTA follows PyTorch on a tiny BERT", "[golden]") {
  const auto agrees = [](const char* file, Specials adapted) {
    INFO(file);
    const Method<Delta<Pasta>> method(Delta<Pasta>{{3, adapted}});
    golden::check<Bert>(golden::folder("tiny-bert"), golden::folder("tiny-bert") / file, Classify{3}, method);
  };
  agrees("pasta.safetensors", Specials::each);
  agrees("pasta_no_class.safetensors", Specials::no_class);
  agrees("pasta_no_separators.safetensors", Specials::no_separators);
  agrees("pasta_shared.safetensors", Specials::shared);
}
