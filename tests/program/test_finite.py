# SPDX-License-Identifier: Apache-2.0
"""Numbers that are not finite, and bits that have changed, at every border of the program.   test_finite.py PROGRAM [unittest options]
PEFT_FINITE=all tries every value at every place in every way, and flips more bits."""
import json
import math
import os
import random
import shutil
import struct
import sys
import unittest

import files
from sandbox import ProgramCase

ALL = os.environ.get("PEFT_FINITE") == "all"
ODD = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
SPECIAL = ["<pad>", "</s>", "<end>", "<unk>"]
FILM = len(SPECIAL) + files.WORDS.index("film")  # a word's id beside these special tokens
LORA = "base_model.model.bert.encoder.layer.1.attention.self.query.lora_{}.weight"

# Where a family's checkpoint is poisoned: tensor, index of the number, where the message says that it is.
BERT = [("bert.encoder.layer.1.attention.self.query.weight", 37, "row 1, column 5 of (32, 32)"),
        ("bert.encoder.layer.2.output.dense.bias", 31, "number 31 of (32)"),
        ("bert.embeddings.LayerNorm.weight", 0, "number 0 of (32)"),
        ("bert.embeddings.position_embeddings.weight", 32 + 3, "row 1, column 3 of (48, 32)"),
        ("bert.embeddings.word_embeddings.weight", None, "of (96, 32)"),  # the row of a word that the data have
        ("bert.pooler.dense.weight", 5, "row 0, column 5 of (32, 32)"),
        ("classifier.weight", 40, "row 1, column 8 of (3, 32)")]
TIED = [("encoder.block.1.layer.0.SelfAttention.v.weight", 24 * 24 - 1, "row 23, column 23 of (24, 24)"),
        ("decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", 5, "row 1, column 1 of (8, 4)"),
        ("decoder.final_layer_norm.weight", 3, "number 3 of (24)"),
        ("shared.weight", 95 * 24, "row 95, column 0 of (96, 24)")]  # the last word: nobody says it, but words are read off with all of them
UNTIED = [("lm_head.weight", 95 * 24 + 1, "row 95, column 1 of (96, 24)"), ("shared.weight", FILM * 24, f"row {FILM}, column 0 of (96, 24)")]
GPT2 = [("transformer.h.1.attn.c_attn.weight", 73, "row 1, column 1 of (24, 72)"), ("transformer.ln_f.bias", 2, "number 2 of (24)"),
        ("transformer.wte.weight", 96 * 24 + 2, "row 96, column 2 of (97, 24)"), ("transformer.wpe.weight", 24, "row 1, column 0 of (48, 24)")]


def metadata(path):
    raw = path.read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    return json.loads(raw[8:8 + size]).get("__metadata__", {})


def put(path, name, index, value):
    """One number of a file of tensors, whose checksum is taken out."""
    tensors, notes = files.load(path), metadata(path)
    notes.pop("peft.hpp.checksum", None)
    data = bytearray(tensors[name].data)
    struct.pack_into("<f", data, 4 * index, value)
    tensors[name].data = bytes(data)
    files.save(path, tensors, notes)


class Case(ProgramCase):
    def setUp(self):
        super().setUp()
        files.csv_data(self.box.path / "data")
        files.pair_data(self.box.path / "pairs")

    def model(self, family):
        folder = files.copy(family, self.box.path / family)
        if "bert" not in family:
            files.write_json(folder / "tokenizer.json", files.unigram(SPECIAL, ([], ["</s>"]) if "t5" in family else None))
        return folder

    def options(self, family, way):
        """What a way to run the program adds to the plain options, and the options of its family."""
        writes = "bert" not in family
        given = {"model": self.box.path / family, "method": "lora", "max_length": 32, "limit": 8, "task": "pairs" if writes else "csv",
                 "data": self.box.path / ("pairs" if writes else "data")}
        return given | {"predict": {"epochs": 0, "predict": "p.txt", "json": "j.json"}, "train": {"epochs": 1, "out": "out", "json": "j.json"},
                        "export": {"epochs": 0, "export": "exported"}, "resume": {"epochs": 2, "out": "out", "resume": ""}}[way]

    def go(self, family, way, **changes):
        given = self.options(family, way) | changes
        flags = ["--resume"] if given.pop("resume", None) is not None else []
        if "t5" in family or "gpt2" in family:
            given["texts"] = 2 if way == "predict" else 0
        return self.box.run(*flags, **given)

    def refused(self, done, *words):
        self.assertIn(done.returncode, range(1, 128), done.stderr)
        lines = [line for line in done.stderr.splitlines() if not line.startswith(("warning: ", "note: "))]
        self.assertEqual(len(lines), 1, done.stderr)
        for word in words:
            self.assertIn(word, lines[0])

    def nothing_odd_was_written(self, *but):
        """But for the checkpoints and folders that were poisoned here."""
        for file in self.box.path.rglob("*"):
            if file.suffix == ".safetensors" and not file.parent.name.startswith("tiny-") and file.parent.name not in but:
                for name, t in files.load(file).items():
                    self.assertTrue(t.dtype != "F32" or all(map(math.isfinite, t.floats())), f"{file}: {name}")
            if file.name in ("p.txt", "j.json"):
                text = file.read_text().lower()
                self.assertFalse("nan" in text or "inf" in text.replace("info", ""), f"{file}: {text[:300]}")

    def clean(self):
        for name in ("out", "exported"):
            shutil.rmtree(self.box.path / name, ignore_errors=True)
        for name in ("p.txt", "j.json"):
            (self.box.path / name).unlink(missing_ok=True)


class Backbones(Case):
    def try_all(self, family, places, ways):
        """Each place is poisoned and each way gone; in turns with each value, or with all of them."""
        turn = 0
        for tensor, index, place in places:
            for way in ways:
                for name in list(ODD) if ALL else [list(ODD)[turn % 3]]:
                    turn += 1
                    with self.subTest(family=family, tensor=tensor, way=way, value=name):
                        self.clean()
                        folder = self.model(family)
                        if way == "resume":
                            self.assertEqual(self.go(family, "train").returncode, 0)
                        if index is None:
                            index = (folder / "vocab.txt").read_text().split().index("film") * 32
                        put(folder / "model.safetensors", tensor, index, ODD[name])
                        done = self.go(family, way)
                        # A backbone that is no longer the run's own may be refused as such before it is read.
                        self.refused(done, *([] if way == "resume" else ["model.safetensors", tensor, f"holds {name} at ", place, "damaged"]))
                        self.assertNotIn("learning rate", done.stderr)
                        self.nothing_odd_was_written()

    def test_readers(self):
        self.try_all("tiny-bert", BERT, ["predict", "train", "export", "resume"])

    def test_writers(self):
        self.try_all("tiny-t5-v1.0", TIED, ["predict", "train"])
        self.try_all("tiny-t5-v1.1", UNTIED, ["predict", "train"])
        self.try_all("tiny-gpt2", GPT2, ["predict", "train", "resume"])

    def test_words_that_nobody_says(self):
        """run as ever; only what copies the whole table, or trains it, looks at them."""
        for family, tensor, index in (("tiny-bert", "bert.embeddings.word_embeddings.weight", 4 * 32), ("tiny-t5-v1.1", "shared.weight", 2 * 24)):
            with self.subTest(family):
                self.clean()
                folder = self.model(family)
                self.assertEqual(self.go(family, "predict").returncode, 0)
                expected = (self.box.path / "p.txt").read_text()
                put(folder / "model.safetensors", tensor, index, math.nan)
                done = self.go(family, "predict")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual((self.box.path / "p.txt").read_text(), expected)
                done = self.go(family, "train")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.nothing_odd_was_written()
        self.refused(self.go("tiny-bert", "export"), "bert.embeddings.word_embeddings.weight", "row 4, column 0")
        self.refused(self.go("tiny-t5-v1.1", "train", method="full", out="full"), "shared.weight", "row 2, column 0")
        self.nothing_odd_was_written()


class Loaded(Case):
    def setUp(self):
        super().setUp()
        self.model("tiny-bert")

    def test_adapters(self):
        config = files.lora_config(target_modules=["query"], layers_to_transform=[1], layers_pattern="layer", task_type="SEQ_CLS", modules_to_save=["classifier"])
        tensors = files.lora_pair("bert.encoder.layer.1.attention.self.query", 4, 32, 32, 1) | files.head_of(files.TINY / "tiny-bert", ["classifier.weight", "classifier.bias"])
        folder = self.box.path / "adapter"
        files.adapter(folder, config, tensors)
        self.assertEqual(self.go("tiny-bert", "predict", load=folder).returncode, 0)
        for way in ("predict", "train", "export"):
            for name, value in ODD.items():
                for tensor in (LORA.format("B"), "base_model.model.classifier.bias"):
                    with self.subTest(way=way, value=name, tensor=tensor):
                        self.clean()
                        files.adapter(folder, config, tensors)
                        put(folder / "adapter_model.safetensors", tensor, 2, value)
                        self.refused(self.go("tiny-bert", way, load=folder), "adapter_model.safetensors", tensor, f"holds {name} at ")
                        self.nothing_odd_was_written("adapter")
        odd = files.load(folder / "adapter_model.safetensors")
        (folder / "adapter_model.safetensors").unlink()
        files.save_torch(folder / "adapter_model.bin", odd)
        self.refused(self.go("tiny-bert", "predict", load=folder), "adapter_model.bin", "classifier.bias", "holds -inf at number 2 of (3)")

    def test_deltas(self):
        self.good(**self.options("tiny-bert", "train") | {"method": "bitfit"})
        folder, file = self.box.path / "out", self.box.path / "out" / "peft_delta.safetensors"
        whole = file.read_bytes()
        for way in ("predict", "export"):
            for name, value in ODD.items():
                file.write_bytes(whole)
                tensor = sorted(files.load(file))[3]
                put(file, tensor, 1, value)
                with self.subTest(way=way, value=name):
                    self.refused(self.go("tiny-bert", way, method="bitfit", load=folder), "peft_delta.safetensors", tensor, f"holds {name} at number 1")
                    self.nothing_odd_was_written("out")

    def test_a_changed_tensor_under_a_kept_checksum(self):
        self.good(**self.options("tiny-bert", "train"))
        file = self.box.path / "out" / "adapter_model.safetensors"
        tensors, notes = files.load(file), metadata(file)
        name = sorted(tensors)[0]
        tensors[name].data = files.constant(tensors[name].shape, 0.25).data
        files.save(file, tensors, notes)
        self.refused(self.go("tiny-bert", "predict", load=file.parent), "adapter_model.safetensors", "checksum", "without metadata")
        files.save(file, tensors)  # as safetensors' save_file writes it
        self.assertEqual(self.go("tiny-bert", "predict", load=file.parent).returncode, 0)

    def test_flips(self):
        """Of a saved adapter, delta and run: refused, or, where the checksum's own name was hit, nothing has changed."""
        draw, flips = random.Random(7), 200 if ALL else 12
        for method, file, way in (("lora", "adapter_model.safetensors", "predict"), ("bitfit", "peft_delta.safetensors", "predict"), ("lora", "run.safetensors", "resume")):
            self.clean()
            self.good(**self.options("tiny-bert", "train") | {"method": method})
            path = self.box.path / "out" / file
            whole, load = path.read_bytes(), {"load": path.parent} if way == "predict" else {}
            header = struct.unpack("<Q", whole[:8])[0] + 8
            predict = lambda: self.go("tiny-bert", way, method=method, **load)
            expected = None
            if load:
                self.assertEqual(predict().returncode, 0)
                expected = (self.box.path / "p.txt").read_text()
            for i in range(flips):
                bit = draw.randrange(8 * header) if i % 2 else draw.randrange(8 * header, 8 * len(whole))
                changed = bytearray(whole)
                changed[bit // 8] ^= 1 << bit % 8
                path.write_bytes(changed)
                with self.subTest(file=file, bit=bit):
                    done = predict()
                    if done.returncode == 0 and load:
                        self.assertEqual((self.box.path / "p.txt").read_text(), expected)
                    else:
                        self.refused(done, file)


class Data(Case):
    def test_scores_and_options(self):
        self.model("tiny-bert")
        for odd in ("nan", "inf", "-Infinity", "1e999"):
            self.box.write("data/train.csv", f"text,score\nfilm,0.5\nplot,{odd}\ndull film,1.25\n")
            self.box.write("data/dev.csv", "text,score\nfilm,0.5\n")
            with self.subTest(odd):
                self.refused(self.go("tiny-bert", "train"), "train.csv", "3")
        files.csv_data(self.box.path / "data")
        for option in ({"lr": "nan"}, {"lr": "inf"}, {"weight_decay": "nan"}, {"alpha": "inf"}, {"warmup": "nan"}, {"clip": "nan"}, {"dropout": "nan"}, {"head_lr": "1e999"}):
            with self.subTest(option):
                self.refused(self.go("tiny-bert", "train", **option), "--" + list(option)[0].replace("_", "-"))

    def test_labels_out_of_all_measure(self):
        """Numbers, but no loss: the message looks at them and not at the learning rate."""
        self.model("tiny-bert")
        self.box.write("data/train.csv", "text,score\nfilm,0.5\nplot,1e38\ndull film,1.25\n")
        self.box.write("data/dev.csv", "text,score\nfilm,0.5\n")
        done = self.go("tiny-bert", "train")
        self.refused(done, "step 1", "1e+38", "label")
        self.assertNotIn("learning rate", done.stderr)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    ProgramCase.program = sys.argv.pop(1)
    unittest.main()
