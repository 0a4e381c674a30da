# SPDX-License-Identifier: Apache-2.0
"""Adapters of Hugging Face PEFT as people have them, loaded by the program.   test_adapters.py PROGRAM [unittest options]"""
import sys
import unittest

import files
from sandbox import Sandbox

PROGRAM = None
START = "base_model.model."


def numbers(path):
    """What a run says: the scores of its --json file, or the numbers of its --predict file."""
    if path.suffix == ".json":
        return [v for _, v in sorted(files.read_json(path)["scores"].items())]
    rows = [line.split("\t") for line in path.read_text().splitlines() if line and line[0] != "#"]
    return [float(x) for row in rows for x in row if x.lstrip("-")[:1].isdigit()]  # without the classes' names


def qv(paths, inner, outer, start=START, end="", seed=0):
    """LoRA of rank 4 on every path."""
    tensors = {}
    for k, path in enumerate(paths):
        tensors |= files.lora_pair(path, 4, inner, outer[k % len(outer)], seed + 2 * k, start, end)
    return tensors


class Case(unittest.TestCase):
    def setUp(self):
        self.box = Sandbox(PROGRAM)
        self.addCleanup(self.box.holder.cleanup)
        files.csv_data(self.box.path / "texts", dev=5)
        files.pair_data(self.box.path / "pairs", dev=4)

    def model(self, name, folder=None, change=None):
        path = self.box.path / (folder or name)
        if not path.exists():
            files.copy(name, path)
            if not (path / "vocab.txt").exists():
                names = ["<pad>", "</s>", "<unk>"] if "t5" in name else ["<pad>", "<s>", "</s>", "<unk>"]
                files.write_json(path / "tokenizer.json", files.unigram(names, ([], ["</s>"]) if "t5" in name else None))
            if change:
                files.change_tensors(path, change)
        return path

    def adapter(self, name, tensors, **config):
        files.adapter(self.box.path / name, files.lora_config(**config), tensors)
        return name

    def run_on(self, model, adapter, method="lora", epochs=0, **more):
        writes = any(family in model for family in ("gpt2", "llama", "t5"))
        out = self.box.path / f"{adapter}-on-{model}.{'json' if writes else 'tsv'}"
        given = {"model": self.model(model), "load": adapter, "method": method, "epochs": epochs, "lr": 1e-3} | more
        given |= {"task": "pairs", "data": "pairs", "texts": 0, "json": out} if writes else {"task": "csv", "data": "texts", "predict": out}
        done = self.box.run(**given)
        return done, out

    def says(self, model, adapter, method="lora", **more):
        done, out = self.run_on(model, adapter, method, **more)
        self.assertEqual(done.returncode, 0, f"{adapter}: {done.stderr}")
        return numbers(out)

    def assertSame(self, a, b, tolerance=1e-5):
        self.assertEqual(len(a), len(b))
        self.assertLessEqual(max(abs(x - y) / max(1, abs(x)) for x, y in zip(a, b)), tolerance)

    def assertRefused(self, model, adapter, *words, method="lora", **more):
        done, _ = self.run_on(model, adapter, method, **more)
        self.assertEqual(done.returncode, 1, done.stdout)
        for word in words:
            self.assertIn(word, done.stderr)

    # BERT

    QV = [f"encoder.layer.{i}.attention.self.{part}" for i in range(3) for part in ("query", "value")]

    def bert_head(self, start=START):
        return files.head_of(self.model("tiny-bert"), ["classifier.weight", "classifier.bias"], start)

    def test_names(self):
        """Left-over parts, prefixes left off, adapters of the bare model: the same numbers as those of a plain name."""
        full = ["bert." + p for p in self.QV]
        plain = qv(full, 32, [32])
        common = {"target_modules": ["query", "value"], "modules_to_save": ["classifier"]}
        self.adapter("plain", plain | self.bert_head(), task_type="SEQ_CLS", **common)
        saved = {k.replace("classifier.", "classifier.modules_to_save.default."): v for k, v in self.bert_head().items()}
        kept = {k.replace("classifier.", "classifier.original_module."): files.constant(v.shape, 9) for k, v in self.bert_head().items()}
        self.adapter("default", qv(full, 32, [32], end=".default") | saved | kept, **common)
        self.adapter("bare", qv(self.QV, 32, [32]) | self.bert_head(), task_type="FEATURE_EXTRACTION", **common)
        self.adapter("unprefixed", qv(full, 32, [32], start="") | self.bert_head(""), **common)
        self.adapter("unprefixed-bare", qv(self.QV, 32, [32], start="") | self.bert_head(""), **common)
        self.adapter("doubled", qv(full, 32, [32], start=START + START) | self.bert_head(), **common)
        self.adapter("compiled", qv(full, 32, [32], start=START + "_orig_mod.") | self.bert_head("module."), **common)
        self.adapter("no-head", plain, **common)
        right = self.says("tiny-bert", "plain")
        self.adapter("nothing", {k: files.constant(v.shape, 0) for k, v in plain.items()} | self.bert_head(), **common)
        self.assertGreater(max(abs(a - b) for a, b in zip(right, self.says("tiny-bert", "nothing"))), 1e-3)
        for name in ("default", "bare", "unprefixed", "unprefixed-bare", "doubled", "compiled", "no-head"):
            with self.subTest(name):
                self.assertSame(right, self.says("tiny-bert", name))
        self.assertIn("bare model", self.run_on("tiny-bert", "bare")[0].stderr)
        self.assertRefused("tiny-bert", self.adapter("two", plain | qv(full, 32, [32], end=".a") | qv(full, 32, [32], end=".b"), **common), "several adapters")

    def test_no_head(self):
        """An adapter without a head: the checkpoint's own, or a fresh one where it is trained."""
        tensors = qv(["bert." + p for p in self.QV], 32, [32])
        self.adapter("no-head", tensors, target_modules=["query", "value"])
        self.model("tiny-bert", "headless-bert", lambda t: {k: v for k, v in t.items() if not k.startswith("classifier.")})
        self.assertRefused("headless-bert", "no-head", "no head", "classifier.weight", "--epochs 1")
        done, _ = self.run_on("headless-bert", "no-head", epochs=1, out=self.box.path / "out")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("head    fresh", done.stdout)
        done, _ = self.run_on("headless-bert", "out")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("head    of --load", done.stdout)

    def test_biases(self):
        """bias=all: the biases of today's PEFT and of old versions; saved again, they are still there."""
        base = files.load(self.model("tiny-bert") / "model.safetensors")
        moved = {k: files.f32(v.shape, [x + y for x, y in zip(v.floats(), files.normal(v.shape, 0.2, len(k)).floats())])
                 for k, v in base.items() if k.endswith(".bias") and k.startswith("bert.encoder")}
        lora = qv(["bert." + p for p in self.QV], 32, [32])
        layered = {p: p.replace(".bias", ".base_layer.bias") for p in moved if any(part in p for part in ("self.query", "self.value"))}
        common = {"target_modules": ["query", "value"], "modules_to_save": ["classifier"], "task_type": "SEQ_CLS"}
        self.model("tiny-bert", "moved-bert", lambda t: t | moved)
        self.adapter("lora", lora | self.bert_head(), **common)
        self.adapter("today", lora | self.bert_head() | {START + layered.get(k, k): v for k, v in moved.items()}, bias="all", **common)
        self.adapter("old", lora | self.bert_head() | {START + k: v for k, v in moved.items()}, bias="all", **common)
        right = self.says("moved-bert", "lora")
        done, out = self.run_on("tiny-bert", "today", out=self.box.path / "again")
        self.assertIn("not trained on", done.stderr)
        self.assertSame(right, numbers(out))
        self.assertSame(right, self.says("tiny-bert", "old"))
        self.assertSame(right, self.says("tiny-bert", "again"))
        self.assertEqual(self.box.json("again/adapter_config.json")["bias"], "all")

    def test_head_in_parts(self):
        """bias=all without a task's type: the head's bias alone, beside the checkpoint's own weight."""
        lora, bias = qv(["bert." + p for p in self.QV], 32, [32]), {"classifier.bias": files.normal([3], 1, 5)}
        self.adapter("lora", lora, target_modules=["query", "value"])
        self.adapter("bias", lora | {START + k: v for k, v in bias.items()}, target_modules=["query", "value"], bias="all")
        self.model("tiny-bert", "moved-bert", lambda t: t | bias)
        self.assertSame(self.says("moved-bert", "lora"), self.says("tiny-bert", "bias", out=self.box.path / "again"))
        self.assertSame(self.says("moved-bert", "lora"), self.says("tiny-bert", "again"))
        self.model("tiny-bert", "headless-bert", lambda t: {k: v for k, v in t.items() if not k.startswith("classifier.")})
        self.assertRefused("headless-bert", "bias", "classifier.weight is missing", "--epochs 1")
        self.assertEqual(self.run_on("headless-bert", "bias", epochs=1)[0].returncode, 0)

    def test_delta_on_head(self):
        """all-linear without a task's type: the delta on the head's layer is merged into it, by each method's formula."""
        base = files.load(self.model("tiny-bert") / "model.safetensors")
        W, b = (base[f"classifier.{x}"].floats() for x in ("weight", "bias"))
        lora, pair = qv(["bert." + p for p in self.QV], 32, [32]), files.lora_pair("classifier", 4, 32, 3, 70)
        A, B = (pair[f"{START}classifier.lora_{x}.weight"].floats() for x in "AB")
        sums = [W[32 * i + j] + 2 * sum(B[4 * i + k] * A[32 * k + j] for k in range(4)) for i in range(3) for j in range(32)]
        lengths = [sum(x * x for x in sums[32 * i:32 * i + 32]) ** 0.5 for i in range(3)]
        m, out, inner = ([1.5, 0.5, 2], [2, -1, 0.5], files.normal([32], 1, 9).floats())
        magnitudes = {f"{START}bert.{p}.lora_magnitude_vector": files.constant([32], 1) for p in self.QV}
        ones = {f"{START}bert.{p}.ia3_l": files.constant([32, 1], 1.5) for p in self.QV}
        at = START + "classifier."
        cases = {"lora": (lora, pair, sums, b),
                 "dora": (lora | magnitudes, pair | {at + "lora_magnitude_vector": files.f32([3], m)}, [m[n // 32] * x / lengths[n // 32] for n, x in enumerate(sums)], b),
                 "ia3": (ones, {at + "ia3_l": files.f32([3, 1], out)}, [out[n // 32] * x for n, x in enumerate(W)], [x * y for x, y in zip(out, b)]),
                 "ia3-in": (ones, {at + "ia3_l": files.f32([1, 32], inner)}, [inner[n % 32] * x for n, x in enumerate(W)], b)}
        for name, (delta, on_head, weight, bias) in cases.items():
            with self.subTest(name):
                method = name.split("-")[0]
                config = {"peft_type": "IA3" if method == "ia3" else "LORA", "use_dora": method == "dora", "feedforward_modules": ["classifier"] if name == "ia3-in" else [],
                          "target_modules": "all-linear"}
                self.adapter(name, delta, **config)
                self.adapter(name + "-on-head", delta | on_head, **config)
                head = {"classifier.weight": files.f32([3, 32], weight), "classifier.bias": files.f32([3], bias)}
                self.model("tiny-bert", f"{name}-bert", lambda t: t | head)
                right = self.says(f"{name}-bert", name, method)
                done, said = self.run_on("tiny-bert", name + "-on-head", method, out=self.box.path / f"{name}-again")
                self.assertIn("delta on classifier is merged", done.stderr)
                self.assertSame(right, numbers(said))
                self.assertSame(right, self.says("tiny-bert", f"{name}-again", method))
        self.model("tiny-bert", "headless-bert", lambda t: {k: v for k, v in t.items() if not k.startswith("classifier.")})
        self.assertRefused("headless-bert", "lora-on-head", "classifier.weight, which the base has not")
        self.adapter("wide", lora | files.lora_pair("classifier", 4, 32, 5, 70), target_modules="all-linear")
        self.assertRefused("tiny-bert", "wide", "(5, 32)", "(3, 32)")

    def test_ia3_as_peft_has_it(self):
        """PEFT's default on BERT: "output.dense" is attention's output projection, too."""
        def tensors(value):
            made = {}
            for i in range(3):
                at = f"{START}bert.encoder.layer.{i}."
                made |= {f"{at}attention.self.{p}.ia3_l": files.constant([32, 1], 1) for p in ("key", "value")}
                made |= {f"{at}attention.output.dense.ia3_l": files.constant([1, 32], value), f"{at}output.dense.ia3_l": files.constant([1, 64], 3 - value)}
            return made | self.bert_head()
        config = {"peft_type": "IA3", "target_modules": ["value", "output.dense", "key"], "feedforward_modules": ["output.dense"],
                  "modules_to_save": ["classifier", "score"], "task_type": "SEQ_CLS", "fan_in_fan_out": False}
        files.adapter(self.box.path / "ia3", config, tensors(2))

        def scaled(t):  # the same in the weights
            by = lambda k: 2 if k.endswith("attention.output.dense.weight") else 1
            return {k: files.f32(v.shape, [by(k) * x for x in v.floats()]) if by(k) != 1 else v for k, v in t.items()}
        self.model("tiny-bert", "scaled-bert", scaled)
        files.adapter(self.box.path / "ones", config, {k: files.constant(v.shape, 1) if "ia3" in k else v for k, v in tensors(2).items()})
        self.assertSame(self.says("scaled-bert", "ones", "ia3"), self.says("tiny-bert", "ia3", "ia3"))

    def test_adalora(self):
        """A module that lost every rank; and rank_pattern null."""
        tensors, pattern = self.bert_head(), {}
        for n, path in enumerate("bert." + p for p in self.QV):
            mask = [False] * 4 if n == 3 else [True, n % 2 == 0, False, True]
            r = sum(mask)
            tensors |= {f"{START}{path}.lora_A": files.normal([r, 32], 0.3, n), f"{START}{path}.lora_B": files.normal([32, r], 0.3, 10 + n),
                        f"{START}{path}.lora_E": files.normal([r, 1], 1, 20 + n)}
            pattern[f"{path}.lora_E"] = mask
        config = dict(peft_type="ADALORA", task_type="SEQ_CLS", modules_to_save=["classifier"], target_modules=["query", "value"], init_r=4, target_r=2,
                      tinit=1, tfinal=2, deltaT=5, beta1=0.85, beta2=0.85, orth_reg_weight=0.5, total_step=100)
        self.adapter("lost", tensors, rank_pattern=pattern, **config)
        self.adapter("null", tensors, rank_pattern=None, **config)
        self.assertSame(self.says("tiny-bert", "lost", "adalora"), self.says("tiny-bert", "null", "adalora"), 0)

    # Backbones that write

    def test_gpt2(self):
        """fan_in_fan_out, which PEFT sets on a Conv1D by itself, changes nothing."""
        tensors = qv([f"transformer.h.{i}.attn.c_attn" for i in range(2)], 24, [72])
        for flag in (False, True):
            self.adapter(f"flag-{flag}", tensors, task_type="CAUSAL_LM", target_modules=["c_attn"], fan_in_fan_out=flag)
        self.adapter("bare", qv([f"h.{i}.attn.c_attn" for i in range(2)], 24, [72]), target_modules=["c_attn"], fan_in_fan_out=True)
        right = self.says("tiny-gpt2", "flag-False")
        self.assertSame(right, self.says("tiny-gpt2", "flag-True"), 0)
        self.assertSame(right, self.says("tiny-gpt2", "bare"), 0)

    LLAMA = [f"model.layers.{i}.self_attn.{part}" for i in range(2) for part in ("q_proj", "v_proj")]

    def llama(self):
        return qv(self.LLAMA, 32, [32, 16])

    def test_patterns(self):
        """Python's regular expressions take the same modules as the list; what speaks against the tensors is refused."""
        blocks = "self_attn|attention|attn|mlp|feed_forward|ffn|dense"
        for n, pattern in enumerate((["q_proj", "v_proj"], rf"(?:.*?(?:language|text).*?(?:{blocks}).*?(?:q_proj|v_proj).*?)|(?:\bmodel\.layers\.[\d]{{1,}}\.(?:{blocks})\.(?:(?:q_proj|v_proj)))",
                                     r"^(?!.*(?:visual|vision_tower|lm_head)).*\.(?:q_proj|v_proj)$", "all-linear", None, "(cannot be compiled")):
            with self.subTest(pattern):
                self.adapter(f"p{n}", self.llama(), task_type="CAUSAL_LM", target_modules=pattern)
                self.assertSame(self.says("tiny-llama", "p0"), self.says("tiny-llama", f"p{n}"), 0)
        self.assertRefused("tiny-llama", self.adapter("other", self.llama(), target_modules=r".*\.k_proj"), "self_attn.q_proj", "target_modules")
        self.adapter("first", self.llama(), target_modules=["q_proj", "v_proj"], alpha_pattern={"q_proj": 4, "self_attn.q_proj": 40})
        self.adapter("second", self.llama(), target_modules=["q_proj", "v_proj"], alpha_pattern={"self_attn.q_proj": 40, "q_proj": 4})
        self.adapter("alone", self.llama(), target_modules=["q_proj", "v_proj"], alpha_pattern={"(?:model\\.)?.*q_proj": 4})
        first, second, alone = (self.says("tiny-llama", name) for name in ("first", "second", "alone"))
        self.assertSame(first, alone, 0)
        self.assertNotEqual(first, second)

    def test_embeddings_and_lm_head(self):
        base = files.load(self.model("tiny-llama") / "model.safetensors")
        change = lambda name, seed: files.f32(base[name].shape, [a + b for a, b in zip(base[name].floats(), files.normal(base[name].shape, 0.1, seed).floats())])
        new = {"model.embed_tokens.weight": change("model.embed_tokens.weight", 1), "lm_head.weight": change("lm_head.weight", 2)}
        common = {"task_type": "CAUSAL_LM", "target_modules": ["q_proj", "v_proj"]}
        self.adapter("lora", self.llama(), **common)
        whole = self.llama() | {START + k: v for k, v in new.items()}
        self.adapter("named", whole, modules_to_save=["embed_tokens", "lm_head"], **common)
        self.adapter("beside", whole, **common)
        self.model("tiny-llama", "new-llama", lambda t: t | new)
        right = self.says("new-llama", "lora")
        self.assertSame(right, self.says("tiny-llama", "named", out=self.box.path / "again"))
        self.assertSame(right, self.says("tiny-llama", "beside"))
        self.assertSame(right, self.says("tiny-llama", "again"))
        grown = {START + k: files.f32([98, 32], v.floats() + [0.5] * 64) for k, v in new.items()}
        self.adapter("resized", self.llama() | grown, modules_to_save=["embed_tokens", "lm_head"], **common)
        self.assertRefused("tiny-llama", "resized", "(98, 32)", "resize the base first")

        rows = files.normal([2, 32], 1, 3)
        self.adapter("rows", self.llama() | {START + "model.embed_tokens.token_adapter.trainable_tokens_delta": rows}, trainable_token_indices=[5, 3], **common)
        table = base["model.embed_tokens.weight"].floats()
        table[5 * 32:6 * 32], table[3 * 32:4 * 32] = rows.floats()[:32], rows.floats()[32:]
        self.model("tiny-llama", "rows-llama", lambda t: t | {"model.embed_tokens.weight": files.f32([96, 32], table)})
        self.assertSame(self.says("rows-llama", "lora"), self.says("tiny-llama", "rows", out=self.box.path / "rows-again"))
        self.assertSame(self.says("rows-llama", "lora"), self.says("tiny-llama", "rows-again"))

    def test_lora_on_lm_head(self):
        base = files.load(self.model("tiny-llama") / "model.safetensors")
        on_head = files.lora_pair("lm_head", 4, 32, 96, 70)
        common = {"task_type": "CAUSAL_LM", "target_modules": ["q_proj", "v_proj", "lm_head"]}
        self.adapter("lora", self.llama(), task_type="CAUSAL_LM", target_modules=["q_proj", "v_proj"])
        self.adapter("head", self.llama() | on_head, **common)
        self.adapter("base", self.llama() | on_head | {START + "lm_head.base_layer.weight": base["lm_head.weight"]}, **common)
        A, B = (on_head[f"{START}lm_head.lora_{x}.weight"].floats() for x in "AB")
        W = base["lm_head.weight"].floats()
        for i in range(96):
            for j in range(32):
                W[32 * i + j] += 2 * sum(B[4 * i + k] * A[32 * k + j] for k in range(4))
        self.model("tiny-llama", "merged-llama", lambda t: t | {"lm_head.weight": files.f32([96, 32], W)})
        right = self.says("merged-llama", "lora")
        self.assertSame(right, self.says("tiny-llama", "head", out=self.box.path / "again"), 1e-4)
        self.assertSame(right, self.says("tiny-llama", "base"), 1e-4)
        self.assertSame(right, self.says("tiny-llama", "again"), 1e-4)
        # Of a tied model the head alone changes.
        small = qv([p for p in self.LLAMA if "q_proj" in p], 30, [24])
        head = files.lora_pair("lm_head", 4, 30, 96, 90)
        self.adapter("tied", small | head, **common)
        self.adapter("small", small, **common)
        table = files.load(self.model("tiny-llama-tied") / "model.safetensors")["model.embed_tokens.weight"].floats()
        A, B = (head[f"{START}lm_head.lora_{x}.weight"].floats() for x in "AB")
        own = files.f32([96, 30], [table[30 * i + j] + 2 * sum(B[4 * i + k] * A[30 * k + j] for k in range(4)) for i in range(96) for j in range(30)])
        files.change_config(self.model("tiny-llama-tied", "untied-llama", lambda t: t | {"lm_head.weight": own}), tie_word_embeddings=False)
        self.assertSame(self.says("untied-llama", "small"), self.says("tiny-llama-tied", "tied"), 1e-4)

    def test_t5_prompts(self):
        """PEFT keeps rows for the decoder too (its default), and never reads them."""
        def config(stacks):
            return {"peft_type": "PROMPT_TUNING", "task_type": "SEQ_2_SEQ_LM", "num_virtual_tokens": 3, "token_dim": 24, "num_layers": 2,
                    "num_attention_heads": 3, "num_transformer_submodules": stacks, "prompt_tuning_init": "TEXT", "prompt_tuning_init_text": "good or bad:"}
        rows = files.normal([6, 24], 0.5, 1)
        files.adapter(self.box.path / "both", config(2), {"prompt_embeddings": rows})
        files.adapter(self.box.path / "default", config(None), {"prompt_embeddings": rows})
        files.adapter(self.box.path / "encoder", config(1), {"prompt_embeddings": files.f32([3, 24], rows.floats()[:72])})
        right = self.says("tiny-t5-v1.1", "encoder", "prompt")
        self.assertSame(right, self.says("tiny-t5-v1.1", "both", "prompt"), 0)
        self.assertSame(right, self.says("tiny-t5-v1.1", "default", "prompt"), 0)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
