# SPDX-License-Identifier: Apache-2.0
"""A run is resumed with the inputs that it began with, wherever they lie by now, or not at all.   test_identity.py PROGRAM [unittest options]

PEFT_IDENTITY_BITS: how many single bits of the weights are flipped, one at a time (6)."""
import json
import os
import random
import re
import shutil
import struct
import sys
import unittest

import files
from sandbox import ProgramCase, sentences

BITS = int(os.environ.get("PEFT_IDENTITY_BITS", 6))
LABELS = ("bad", "plain", "good")


def table(rows, ending="\n", quote=""):
    return ending.join(["text,label", *(f"{quote}{text}{quote},{LABELS[label]}" for text, label in rows)]) + ending


def rows(count, seed):
    return [(text.replace("film", "Film"), label) for text, label in sentences(count, seed)]


def of_one(change):
    """Changes a tensor by its name."""
    return lambda folder: files.change_tensors(folder / "model", lambda tensors: {n: change(n, t) for n, t in tensors.items()})


def negated(name, t):
    return files.f32(t.shape, [-x for x in t.floats()]) if t.dtype == "F32" else t


def one_bit(name, t):
    if name != "bert.encoder.layer.1.output.dense.weight":
        return t
    data = bytearray(t.data)
    data[777] ^= 1
    return files.Tensor(t.shape, data, t.dtype)


def swapped(folder):
    a, b = (f"bert.encoder.layer.0.attention.self.{x}.weight" for x in ("query", "key"))
    files.change_tensors(folder / "model", lambda t: t | {a: t[b], b: t[a]})


def lines(name, change):
    def apply(folder):
        file = folder / "data" / name
        head, *body = file.read_text().splitlines()
        file.write_text("\n".join([head, *change(body)]) + "\n")
    return apply


def document(path, change):
    def apply(folder):
        content = files.read_json(folder / path)
        change(content)
        files.write_json(folder / path, content)
    return apply


def words(folder):
    file = folder / "model/vocab.txt"
    all_words = file.read_text().split("\n")
    i, j = all_words.index("good"), all_words.index("bad")
    all_words[i], all_words[j] = all_words[j], all_words[i]
    file.write_text("\n".join(all_words))


def adapter(folder):
    file = folder / "start/adapter_model.safetensors"
    tensors = files.load(file)
    name = next(n for n in tensors if "lora_A" in n)
    files.save(file, tensors | {name: negated(name, tensors[name])})


def scale(folder):
    """Of an adapter without notes, as PEFT writes it: of ours the pair would be refused."""
    file = folder / "start/adapter_model.safetensors"
    files.save(file, files.load(file))
    document("start/adapter_config.json", lambda c: c.update(lora_alpha=3))(folder)


# What is changed of the inputs, and the name that the refusal has for it.
REFUSED = {
    "weights with their signs flipped": (of_one(negated), "weights of --model: now"),
    "one bit of the weights": (of_one(one_bit), "weights of --model: now"),
    "two tensors that have changed their names": (swapped, "weights of --model: now"),
    "another head": (of_one(lambda n, t: negated(n, t) if n.startswith("classifier") else t), "weights of --model: now"),
    "a tensor more": (lambda folder: files.change_tensors(folder / "model", lambda t: t | {"cls.predictions.bias": files.constant([99], 0)}), "weights of --model: now"),
    "another epsilon": (document("model/config.json", lambda c: c.update(layer_norm_eps=1e-5)), "config of --model: now"),
    "another activation": (document("model/config.json", lambda c: c.update(hidden_act="relu")), "config of --model: now"),
    "a tokenizer that keeps capitals": (document("model/tokenizer_config.json", lambda c: c.update(do_lower_case=False)), "tokenizer of --model: now"),
    "two words of the vocabulary": (words, "tokenizer of --model: now"),
    "one training row": (lines("train.csv", lambda body: [*body[:-1], "dull,bad"]), "training data: now"),
    "training rows in another order": (lines("train.csv", lambda body: body[1:] + body[:1]), "training data: now"),
    "one training label": (lines("train.csv", lambda body: [body[0].rsplit(",", 1)[0] + "," + ("bad" if body[0].endswith("good") else "good"), *body[1:]]), "training data: now"),
    "half of dev": (lines("dev.csv", lambda body: body[:15]), "dev data: now 15 examples"),
    "one dev label": (lines("dev.csv", lambda body: [body[0].rsplit(",", 1)[0] + "," + ("bad" if body[0].endswith("good") else "good"), *body[1:]]), "dev data: now"),
    "a --load of other values": (adapter, "content of --load: now"),
    "a --load of another scale": (scale, "content of --load: now"),
}


def shards(folder):
    model = folder / "model"
    tensors = files.load(model / "model.safetensors")
    (model / "model.safetensors").unlink()
    where = {name: f"model-0000{i % 3 + 1}-of-00003.safetensors" for i, name in enumerate(tensors)}
    for shard in sorted(set(where.values())):
        files.save(model / shard, {n: t for n, t in tensors.items() if where[n] == shard})
    files.write_json(model / "model.safetensors.index.json", {"metadata": {}, "weight_map": where})


def torch(folder):
    tensors = files.load(folder / "model/model.safetensors")
    (folder / "model/model.safetensors").unlink()
    files.save_torch(folder / "model/pytorch_model.bin", tensors)


def formatted(folder):
    config = files.read_json(folder / "model/config.json")
    text = json.dumps(dict(reversed(config.items())), indent=7).replace(": 0.1", ": 1.0e-1")
    (folder / "model/config.json").write_text(text)


def same_rows(folder):
    for name, count, seed in (("train", 96, 1), ("dev", 31, 2)):
        (folder / f"data/{name}.csv").write_bytes(table(rows(count, seed), "\r\n", '"').encode())


ACCEPTED = {
    "nothing": lambda folder: None,
    "shards": shards,
    "PyTorch's own file": torch,
    "tensors in another order, under the names of the bare model": lambda folder: files.change_tensors(
        folder / "model", lambda t: {n.removeprefix("bert."): x for n, x in reversed(t.items())}),
    "a config that is laid out otherwise": formatted,
    "who wrote the config": document("model/config.json", lambda c: c.update(transformers_version="9.9", _name_or_path="/elsewhere", dtype="float32")),
    "files that nobody reads": lambda folder: [files.write(folder / name, "more") for name in ("model/README.md", "data/README.md", "start/README.md", "model/spiece.model")],
    "data that are written otherwise": same_rows,
    "where the adapter's backbone lay": document("start/adapter_config.json", lambda c: c.update(base_model_name_or_path="/elsewhere")),
}


def change_notes(file, changes):
    """Changes metadata of a run's file, as another version would have written them."""
    raw = file.read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + size])
    header["__metadata__"].update(changes)
    text = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + raw[8 + size:])


class Identity(ProgramCase):
    """One run, finished, is resumed again and again with copies of its inputs of which something was changed."""

    def setUp(self):
        super().setUp()
        begun = self.box.path / "begun"
        files.copy("tiny-bert", begun / "model")
        document("model/config.json", lambda c: c.update(id2label=dict(zip("012", LABELS)), label2id=None))(begun)
        for name, count, seed in (("train", 96, 1), ("dev", 31, 2)):
            files.write(begun / f"data/{name}.csv", table(rows(count, seed)))
        self.good(**self.given("begun", load=None), out=begun / "start", lr=1e-3)
        (begun / "start/run.safetensors").unlink()
        self.good(**self.given("begun"), out="out", predict="begun.tsv")
        self.run_file = self.box.path / "out/run.safetensors"

    def given(self, folder, **changes):
        return {"model": f"{folder}/model", "data": f"{folder}/data", "load": f"{folder}/start", "epochs": 1} | changes

    def resumed(self, folder, **changes):
        return self.box.run("--resume", **self.given(folder), out="out", **changes)

    def copies(self, changes):
        """Each change in turn, in a copy at the same place."""
        for name, change in changes.items():
            folder = self.box.path / "now"
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(self.box.path / "begun", folder)
            (change[0] if isinstance(change, tuple) else change)(folder)
            yield name, change

    def test_another_input_is_refused_by_its_name(self):
        before = self.run_file.read_bytes()
        for name, (_, said) in self.copies(REFUSED):
            with self.subTest(name):
                done = self.resumed("now")
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn("run.safetensors: cannot resume", done.stderr)
                self.assertIn(said, done.stderr)
                self.assertIn(", then ", done.stderr)
                self.assertEqual(self.run_file.read_bytes(), before)

    def test_any_bit_of_any_tensor(self):
        names = sorted(files.load(self.box.path / "begun/model/model.safetensors"))
        draw = random.Random(1)
        draw.shuffle(names)

        def flip(i):
            def one(name, t):
                data = bytearray(t.data)
                data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
                return files.Tensor(t.shape, data, t.dtype) if name == names[i % len(names)] else t
            return of_one(one)
        for name, _ in self.copies({f"bit {i}": flip(i) for i in range(BITS)}):
            with self.subTest(name):
                done = self.resumed("now")
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertRegex(done.stderr, "weights of --model: now|is not finite|are not finite")

    def test_another_order_of_classes_is_refused_by_its_name(self):
        """That of the checkpoint, where no --load brings one."""
        self.good(**self.given("begun", load=None), out="own")
        document("model/config.json", lambda c: c.update(id2label=dict(zip("012", reversed(LABELS)))))(self.box.path / "begun")
        done = self.box.run("--resume", **self.given("begun", load=None), out="own")
        self.assertEqual(done.returncode, 1)
        self.assertIn("classes: now good, plain, bad", done.stderr)

    def test_the_same_input_is_accepted_wherever_and_however_it_lies(self):
        for name, _ in self.copies(ACCEPTED):
            with self.subTest(name):
                done = self.resumed("now", predict="now.tsv")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertNotIn("warning", done.stderr)
                self.assertEqual((self.box.path / "now.tsv").read_bytes(), (self.box.path / "begun.tsv").read_bytes())
        os.rename(self.box.path / "begun", self.box.path / "moved")
        self.assertEqual(self.resumed(self.box.path / "moved").returncode, 0)

    def noted(self, **changes):
        """The run's file with other notes and their checksum, which the refusal of the old one tells."""
        names = {key.replace("_", "."): value for key, value in changes.items()}
        change_notes(self.run_file, names)
        found = re.search(r"the checksum is ([0-9a-f]{16})", self.resumed("begun").stderr)
        if found:
            change_notes(self.run_file, {"peft.hpp.checksum": found[1]})

    def test_the_conditions_are_a_warning(self):
        for key in ("library", "compiler", "products", "instructions"):
            self.noted(**{f"environment_{key}": "another"})
            done = self.resumed("begun")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stderr, rf"(?m)^warning: resuming under other conditions.*{key}: now .*, then another")

    def test_another_format_is_refused(self):
        self.noted(version="0")
        done = self.resumed("begun")
        self.assertEqual(done.returncode, 1)
        self.assertIn("another version of this library", done.stderr)

    def test_a_cache_that_lies_is_a_cache_no_more(self):
        """What is known of the weights is kept by their size and times; a cache that cannot be written is no error."""
        old = 1_600_000_000
        weights = self.box.path / "begun/model/model.safetensors"
        os.utime(weights, (old, old))
        for cache in ("cache", "/proc/none"):
            os.environ["PEFT_CACHE"] = str(self.box.path / cache)
            self.addCleanup(os.environ.pop, "PEFT_CACHE", None)
            self.assertEqual(self.resumed("begun").returncode, 0)
        self.assertEqual(len(list((self.box.path / "cache/weights").iterdir())), 1)
        os.environ["PEFT_CACHE"] = str(self.box.path / "cache")
        self.assertEqual(self.resumed("begun").returncode, 0)
        raw = bytearray(weights.read_bytes())
        raw[-1] ^= 1
        with weights.open("r+b") as file:  # in place, and its time put back
            file.write(raw)
        os.utime(weights, (old, old))
        done = self.resumed("begun")
        self.assertEqual(done.returncode, 1)
        self.assertIn("weights of --model: now", done.stderr)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    ProgramCase.program = sys.argv.pop(1)
    unittest.main()
