# SPDX-License-Identifier: Apache-2.0
"""Tests of the program with tokenizers as people have them.   test_tokenizers.py PROGRAM [unittest options]"""
import json
import sys
import unittest

import files
from files import TINY, WORDS, special
from sandbox import Sandbox

PROGRAM = None
NAMES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def bert_tokenizer(extra):
    vocab = {line: i for i, line in enumerate((TINY / "tiny-bert/vocab.txt").read_text(encoding="utf8").splitlines())}
    return {"added_tokens": [special(n, vocab[n]) for n in NAMES] + extra,
            "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True},
            "pre_tokenizer": {"type": "BertPreTokenizer"}, "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
            "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", vocab["[SEP]"]], "cls": ["[CLS]", vocab["[CLS]"]]},
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": vocab}}


class Tokenizers(unittest.TestCase):
    def setUp(self):
        self.box = Sandbox(PROGRAM)

    def tearDown(self):
        self.box.holder.cleanup()

    def longer_bert(self, name):
        """The tiny BERT with four more rows of words, and no tokenizer."""
        folder = files.copy("tiny-bert", self.box.path / name)
        for file in ("vocab.txt", "tokenizer_config.json"):
            (folder / file).unlink(missing_ok=True)
        rows = "bert.embeddings.word_embeddings.weight"
        files.change_tensors(folder, lambda t: t | {rows: files.f32([100, 32], t[rows].floats() + files.normal([4, 32], 1, 7).floats())})
        files.change_config(folder, vocab_size=100)
        return folder

    def logits(self, name):
        done = self.box.run(model=self.box.path / name, method="head", epochs=0, predict=f"{name}.tsv")
        self.assertEqual(done.returncode, 0, done.stderr)
        return (self.box.path / f"{name}.tsv").read_text()

    def texts(self, form):
        rows = [(form.format(w), i % 3) for i, w in enumerate(WORDS)]
        for split in ("train", "dev"):
            files.write(self.box.path / f"data/{split}.csv", files.csv_text(rows, "text,label"))

    def test_added_tokens_wherever_they_are_written(self):
        self.texts("the <e1>{}</e1> is good")
        markers = [special("<e1>", 96), special("</e1>", 97)]
        by_id = {str(m["id"]): {k: v for k, v in m.items() if k != "id"} for m in markers}
        for name, extra, more in (("plain", markers, {}), ("gap", [special("<e1>", 98), special("</e1>", 300)], {}),
                                  ("config", [], {"tokenizer_config.json": {"added_tokens_decoder": by_id, "do_lower_case": True}}),
                                  ("old", None, {"added_tokens.json": {"<e1>": 96, "</e1>": 97},
                                                 "special_tokens_map.json": {"additional_special_tokens": ["<e1>", "</e1>"]}})):
            folder = self.longer_bert(name)
            if extra is None:
                files.write(folder / "vocab.txt", (TINY / "tiny-bert/vocab.txt").read_bytes())
            else:
                files.write_json(folder / "tokenizer.json", bert_tokenizer(extra))
            for file, content in more.items():
                files.write_json(folder / file, content)
        files.write_json(self.longer_bert("none") / "tokenizer.json", bert_tokenizer([]))
        plain = self.logits("plain")
        for name in ("gap", "config", "old"):
            self.assertEqual(self.logits(name), plain, name)
        self.assertNotEqual(self.logits("none"), plain)

    def test_roberta_of_vocab_and_merges_and_a_decoder_that_is_not_used(self):
        source = files.read_json(TINY / "pipelines/roberta/tokenizer.json")
        rows = max(source["model"]["vocab"].values()) + 1
        for name in ("json", "slow", "ctc"):
            folder = files.copy("tiny-roberta", self.box.path / name)
            files.change_tensors(folder, lambda t: t | {"roberta.embeddings.word_embeddings.weight": files.normal([rows, 32], 1, 1)})
            files.change_config(folder, vocab_size=rows)
        files.write_json(self.box.path / "json/tokenizer.json", source)
        files.write_json(self.box.path / "ctc/tokenizer.json", source | {"decoder": {"type": "CTC", "pad_token": "[PAD]"}})
        files.write_json(self.box.path / "slow/vocab.json", source["model"]["vocab"])
        merges = [m if isinstance(m, str) else " ".join(m) for m in source["model"]["merges"]]
        files.write(self.box.path / "slow/merges.txt", "#version: 0.2\n" + "\n".join(merges) + "\n")
        self.assertEqual(self.logits("slow"), self.logits("json"))
        self.assertEqual(self.logits("ctc"), self.logits("json"))

    def test_a_llama_begins_with_s(self):
        """5.303527 and 5.319904: a forward in double precision by hand."""
        around = files.unigram(["<pad>", "<s>", "</s>", "<unk>"], (["<s>"], []))
        for name, tokenizer, begins in (("with", around, True), ("off", around, False), ("bare", files.unigram(["<pad>", "<s>", "</s>", "<unk>"]), False)):
            folder = files.copy("tiny-llama", self.box.path / name)
            files.write_json(folder / "tokenizer.json", tokenizer)
            files.write_json(folder / "tokenizer_config.json", {"add_bos_token": begins, "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>",
                                                                "tokenizer_class": "LlamaTokenizer", "chat_template": "{{ messages }}"})
        files.pair_data(self.box.path / "pairs")
        losses = {}
        for name in ("with", "off", "bare"):
            done = self.box.run("--texts", 0, model=self.box.path / name, task="pairs", data=self.box.path / "pairs", method="lora", epochs=0, json="out.json")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("a template for chats, which is not evaluated", done.stderr)
            losses[name] = json.dumps(self.box.json("out.json")["scores"])
        self.assertIn("5.3035", losses["with"])
        self.assertIn("5.3199", losses["bare"])
        self.assertEqual(losses["off"], losses["bare"])


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
