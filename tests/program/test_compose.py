# SPDX-License-Identifier: Apache-2.0
"""Tests of --compose: types of the library and of a header outside the tree, compiled when they are asked for.
test_compose.py PROGRAM [unittest options]"""
import json
import os
import pathlib
import sys
import unittest

import files
from sandbox import ROOT, ProgramCase

# LoRA with one direction per matrix, as in examples/my_delta.cpp.
HEADER = """// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/method.hpp>
#include <peft/ops/gemm.hpp>
namespace mine {
using namespace peft;
struct RankOne {
  static constexpr Route route = Route::branch;
  static constexpr Kind fits = Kind::linear;
  static constexpr Keep keeps = Keep::input;
  double scale = 1;
  template <class V> struct Params { V u, v; };
  template <class V> struct Kept { V h; };
  void each_setting(auto&& set) { set("scale", scale); }
  void declare(auto& fields, auto& p, const Module& m) const {
    fields.vector("u", p.u, m.in, normal(0.02));
    fields.vector("v", p.v, m.out, zeros());
  }
  void forward(auto& c, const auto& p, auto x, auto y, auto& kept) const {
    kept.h = c.keep(rows(x), 1);
    ops::gemm(c.w, kept.h, x, t(p.u));
    ops::gemm(c.w, y, kept.h, p.v, scale, 1);
  }
  void backward(auto& c, const auto& p, auto x, auto dy, const auto& kept, auto& g, auto dx) const {
    const auto scope = c.w.scope();
    ops::gemm(c.w, g.v, t(kept.h), dy, scale, 1);
    auto dh = c.temp(rows(x), 1);
    ops::gemm(c.w, dh, dy, t(p.v), scale);
    ops::gemm(c.w, g.u, t(dh), x, 1, 1);
    ops::gemm(c.w, dx, dh, p.u, 1, 1);
  }
};
}
"""
SORA = "Delta<Adapter<8>, At<Attention, Ffn>>, Gate<Proximal>"


class Compose(ProgramCase):
    def setUp(self):
        super().setUp()
        if not (pathlib.Path(self.program).resolve().parents[1] / "build.ninja").exists():
            self.skipTest("no build folder stands around the program")
        builder = os.environ.get("FINETUNE_BUILD")
        os.environ["FINETUNE_BUILD"] = str(ROOT / "scripts/build-unit")
        self.addCleanup(lambda: os.environ.pop("FINETUNE_BUILD") if builder is None else os.environ.update(FINETUNE_BUILD=builder))

    def refused(self, *words, options=(), **changes):
        done = self.box.run(*options, **changes)
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        for word in words:
            self.assertIn(word, done.stderr.splitlines()[-1])

    def trained_and_loaded(self, text, *settings, **more):
        """Trains it, which changes what is predicted; a folder that is loaded says by itself what was composed."""
        options = [word for s in settings for word in ("--set", s)]
        self.good(*options, compose=text, epochs=1, lr=1e-2, out="out", predict="trained.tsv", json="run.json", **more)
        self.good(load="out", epochs=0, predict="again.tsv", **more)
        self.assertEqual((self.box.path / "again.tsv").read_text(), (self.box.path / "trained.tsv").read_text())
        return self.box.json("run.json")

    def test_lora_with_bitfit(self):
        text = "Delta<LoRA<2>,At<Query>>, Delta<Bias>"
        self.trained_and_loaded(text, "alpha=32")
        self.refused("alpha, dropout, lora-plus", options=("--set", "width=3"), compose=text)
        # Another alpha is another model.
        losses = []
        for alpha in (4, 32):
            self.good("--set", f"alpha={alpha}", compose=text, epochs=1, lr=1e-2, json=f"{alpha}.json")
            losses.append(self.box.json(f"{alpha}.json")["step_losses"])
        self.assertNotEqual(*losses)
        self.refused("was composed as Delta<LoRA<2>, At<Query>>, Delta<Bias>", compose=SORA, load="out")
        self.refused("give one of them", compose=text, method="lora")
        self.refused("--rank", "by --set", compose=text, rank=3)
        self.refused("--export", "saved by --out", compose=text, export="plain")

    def test_as_the_methods_that_are_there(self):
        """The same types by another way: the same numbers."""
        common = {"epochs": 2, "lr": 1e-2}
        self.good(compose="Delta<LoRA<8>, At<Query, Value>>", json="composed.json", **common)
        self.good(method="lora", json="method.json", **common)
        self.assertEqual(self.box.json("composed.json")["step_losses"], self.box.json("method.json")["step_losses"])

    def test_a_gate_on_an_adapter(self):
        self.trained_and_loaded(SORA, "sparsity=0.5")
        self.good(compose=SORA, epochs=2, out="whole", predict="whole.tsv")
        self.good(compose=SORA, epochs=1, out="run")
        self.good("--resume", compose=SORA, epochs=2, out="run", predict="run.tsv")

    def test_a_type_of_ones_own(self):
        header = self.box.write("mine/my_delta.hpp", HEADER)
        text = "Delta<mine::RankOne, At<Query, Value>>"
        self.trained_and_loaded(text, "scale=2", include=header)
        self.refused("composed with a header", "--include", load="out", epochs=0)
        self.refused("the library has no mine", "--include", compose=text)
        header.write_text(HEADER.replace("double scale = 1;", "double scale = 1;  // s"))
        done = self.good(load="out", epochs=0, include=header)
        self.assertIn("is not as it was when this was trained", done.stderr)

    def test_what_does_not_fit(self):
        self.refused("--compose", "peft::Method: no delta has a bottleneck that a gate could act on", compose="Delta<Bias>, Gate<Proximal>")
        self.refused("peft::Delta: the delta does not fit one of these sites", compose="Delta<Adapter<8>, At<Input>>")
        self.refused("near names: LoRA", compose="Delta<LoRa<8>>")
        for text in ("Delta<LoRA<8>>; int x", "Delta<LoRA<8>>, decltype(f())", "Delta<LoRA<8>", "Delta<LoRA<8>>>", "Delta LoRA", "Delta<Full> {}"):
            with self.subTest(text):
                self.refused("--compose", compose=text)

    def test_a_folder_is_no_program(self):
        """What a folder says was composed is read as names, whoever wrote it."""
        self.good(compose="Delta<LoRA<2>, At<Query>>, Delta<Bias>", epochs=1, out="out")
        saved = self.box.path / "out/peft_delta.safetensors"
        raw = saved.read_bytes()
        metadata = json.loads(raw[8:8 + int.from_bytes(raw[:8], "little")])["__metadata__"]
        metadata.pop("peft.hpp.checksum")  # files of earlier versions have none: the text is what is refused
        tensors, text = files.load(saved), "Delta<LoRA<2>, At<Query>>, Delta<Bias>"
        files.save(saved, tensors, metadata)
        self.good(load="out", epochs=0)
        for bad, word in (("Delta<Bisa>", "the library has no Bisa"), ("Delta<LoRA<2>>; int x", "is no part of a composition")):
            files.save(saved, tensors, metadata | {"settings": metadata["settings"].replace(text, bad)})
            self.refused("--load out: ", word, load="out", epochs=0)


if __name__ == "__main__":
    Compose.program = sys.argv.pop(1)
    unittest.main()
