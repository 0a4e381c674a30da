# SPDX-License-Identifier: Apache-2.0
"""Where a model's weights come from: PyTorch's own files, Hugging Face's cache, and folders that are no models.   test_checkpoints.py PROGRAM"""
import os
import pathlib
import sys
import unittest
from unittest import mock

import files
from sandbox import TINY, Sandbox

PROGRAM = None


class Case(unittest.TestCase):
    def setUp(self):
        self.box = Sandbox(PROGRAM)
        self.addCleanup(self.box.holder.cleanup)
        self.tensors = files.load(TINY / "model.safetensors")

    def logits(self, **options):
        done = self.box.run(**{"method": "lora", "epochs": 0, "predict": self.box.path / "logits.tsv"} | options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return (self.box.path / "logits.tsv").read_text()

    def bad(self, *words, **options):
        done = self.box.run(**{"method": "lora", "epochs": 1, "out": self.box.path / "out"} | options)
        self.assertIn(done.returncode, range(1, 128), done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertFalse((self.box.path / "out").exists())

    def without_safetensors(self):
        folder = self.box.checkpoint()
        (folder / "model.safetensors").unlink()
        return folder


class PyTorch(Case):
    def test_one_file(self):
        folder = self.without_safetensors()
        files.save_torch(folder / "pytorch_model.bin", self.tensors)
        self.assertEqual(self.logits(model=folder), self.logits())

    def test_shards(self):
        folder, place = self.without_safetensors(), {}
        names = sorted(self.tensors)
        for number, part in enumerate((names[::2], names[1::2]), 1):
            shard = f"pytorch_model-0000{number}-of-00002.bin"
            files.save_torch(folder / shard, {n: self.tensors[n] for n in part})
            place |= dict.fromkeys(part, shard)
        files.write_json(folder / "pytorch_model.bin.index.json", {"metadata": {"total_size": 1}, "weight_map": place})
        self.assertEqual(self.logits(model=folder), self.logits())

    def test_an_adapter(self):
        config = files.lora_config(target_modules=["query"], task_type="SEQ_CLS")
        tensors = files.lora_pair("bert.encoder.layer.0.attention.self.query", 4, 32, 32, 1)
        tensors |= files.head_of(TINY, ["classifier.weight", "classifier.bias"])
        folder = self.box.path / "adapter"
        files.adapter(folder, config, tensors)
        expected = self.logits(load=folder)
        self.assertNotEqual(expected, self.logits())
        (folder / "adapter_model.safetensors").unlink()
        files.save_torch(folder / "adapter_model.bin", tensors)
        self.assertEqual(self.logits(load=folder), expected)

    def test_nothing_is_run(self):
        folder, mark = self.without_safetensors(), self.box.path / "mark"
        call = f"cos\nsystem\n(U{chr(len(str(mark)) + 6)}touch {mark}tR".encode()
        files.save_torch(folder / "pytorch_model.bin", self.tensors, call)
        self.bad("pytorch_model.bin", "os.system", model=folder)
        self.assertFalse(mark.exists())


class HubCache(Case):
    def setUp(self):
        super().setUp()
        self.cache = self.box.path / "hub"
        environment = mock.patch.dict(os.environ, {"HF_HUB_CACHE": str(self.cache)})
        environment.start()
        self.addCleanup(environment.stop)
        self.commit = "0123456789abcdef0123456789abcdef01234567"
        self.snapshot = self.cache / "models--me--tiny" / "snapshots" / self.commit
        self.snapshot.parent.mkdir(parents=True)
        self.box.checkpoint().rename(self.snapshot)
        self.box.write("hub/models--me--tiny/refs/main", self.commit)

    def test_a_name(self):
        expected = self.logits()
        for name in ("me/tiny", "me/tiny@main", f"me/tiny@{self.commit}"):
            self.assertEqual(self.logits(model=name), expected)

    def test_the_name_stays_in_an_adapter(self):
        self.logits(model="me/tiny", out=self.box.path / "out", epochs=1, limit=8)
        self.assertEqual(files.read_json(self.box.path / "out" / "adapter_config.json")["base_model_name_or_path"], "me/tiny")

    def test_an_adapter(self):
        place = "models--me--adapter"
        self.logits(model="me/tiny", out=self.cache / place / "snapshots" / "abc", epochs=1, limit=8)
        self.box.write(f"hub/{place}/refs/main", "abc")
        self.assertEqual(self.logits(model="me/tiny", load="me/adapter"), self.logits(model="me/tiny", load=self.cache / place / "snapshots" / "abc"))

    def test_not_there(self):
        self.bad("you/other", "hf download you/other", model="you/other")
        self.bad("me/tiny@v2", "hf download me/tiny --revision v2", self.commit, model="me/tiny@v2")
        self.bad("no such folder", model="../me/tiny")
        (self.snapshot / "model.safetensors").unlink()
        self.bad("hf download me/tiny", model="me/tiny")

    def test_a_folder_of_the_cache(self):
        self.bad(f"snapshots/{self.commit}", model=self.snapshot.parents[1])
        self.bad("me/tiny", model=self.cache)


class OtherFolders(Case):
    def test_named(self):
        pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4000000\n"
        for words, written in ((["--model some/base", "--load"], {"adapter_config.json": '{"base_model_name_or_path": "some/base"}'}),
                               (["git lfs pull"], {"config.json": "{}", "model.safetensors": pointer}),
                               (["GGUF"], {"model-q4.gguf": "GGUF"}),
                               (["gptq"], {"config.json": '{"quantization_config": {"quant_method": "gptq"}}', "model.safetensors": ""}),
                               (["checkpoint-20"], {"checkpoint-9/config.json": "{}", "checkpoint-20/config.json": "{}"}),
                               (["0_Transformer"], {"0_Transformer/config.json": "{}", "0_Transformer/pytorch_model.bin": ""}),
                               (["from_tf"], {"config.json": "{}", "tf_model.h5": ""}),
                               (["--data"], {"train.csv": "text,label\n"})):
            folder = files.fresh(self.box.path / "other")
            for name, content in written.items():
                files.write(folder / name, content)
            self.bad(*words, model=folder)
        self.bad("is a file", "folder", model=TINY / "model.safetensors")


if __name__ == "__main__":
    PROGRAM = pathlib.Path(sys.argv.pop(1))
    unittest.main()
