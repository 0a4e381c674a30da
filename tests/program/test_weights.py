# SPDX-License-Identifier: Apache-2.0
"""Checkpoints as people have them: old names, other heads' tensors, no pooler, flags and labels that do not fit.

    test_weights.py PROGRAM [unittest options]
"""
import json
import shutil
import sys
import unittest

import files
from sandbox import Sandbox

PROGRAM = None
PAIRED = ["[PAD]", "[CLS]", "[SEP]", "<unk>"]
ROBERTA = ["<s>", "<pad>", "</s>", "<unk>"]
SEEN = files.normal([2, 32], 0.1, 1), files.constant([2], 0)


class Case(unittest.TestCase):
    def setUp(self):
        self.box = Sandbox(PROGRAM, train=24)
        self.addCleanup(self.box.holder.cleanup)

    def copy(self, name, folder, tokenizer=None, **changes):
        made = files.copy(name, self.box.path / folder)
        if changes:
            files.change_config(made, **changes)
        if tokenizer:
            files.write_json(made / "tokenizer.json", tokenizer)
        return made

    def add(self, folder, tensors):
        files.change_tensors(folder, lambda t: t | tensors)
        return folder

    def good(self, model, **changes):
        done = self.box.run(**{"model": model, "method": "head", "epochs": 0, "predict": "p.tsv", "json": "j.json"} | changes)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def predicted(self, model, **changes):
        done = self.good(model, **changes)
        return (self.box.path / "p.tsv").read_text(), done.stderr

    def refused(self, model, *words, **changes):
        done = self.box.run(model=model, method="head", epochs=0, **changes)
        self.assertNotEqual(done.returncode, 0)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        for word in words:
            self.assertIn(word, lines[0])

    def loss(self, model, **changes):
        if not (self.box.path / "pairs").exists():
            files.pair_data(self.box.path / "pairs")
        done = self.good(model, **{"task": "pairs", "data": self.box.path / "pairs", "method": "lora", "texts": 0, "predict": None, "max_length": 32} | changes)
        return self.box.json("j.json")["scores"]["loss"], done.stderr


class Names(Case):
    def test_norms_called_gamma_and_beta(self):
        plain, said = self.predicted(self.copy("tiny-bert", "plain"))
        self.assertEqual(said, "")
        odd = self.copy("tiny-bert", "odd")
        files.change_tensors(odd, lambda t: {n.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v for n, v in t.items()})
        self.add(odd, {"cls.predictions.transform.LayerNorm.gamma": files.constant([32], 1), "cls.predictions.bias": files.constant([96], 0)})
        logits, said = self.predicted(odd)
        self.assertEqual(logits, plain)
        self.assertEqual(len(said.splitlines()), 1)
        self.assertIn("cls.* (2 tensors)", said)

    def test_contradictions_are_refused_before_training(self):
        lora = self.add(self.copy("tiny-bert", "lora"), files.lora_pair("encoder.layer.0.attention.self.query", 4, 32, 32, 1, start="bert."))
        self.refused(lora, "lora_A", "adapter")
        self.refused(self.copy("tiny-bert", "layers", num_hidden_layers=2), "layer 2", "num_hidden_layers")
        self.refused(self.copy("tiny-bert", "quantised", quantization_config={"quant_method": "bitsandbytes"}), "quantised", "bitsandbytes")
        byte = self.add(self.copy("tiny-bert", "bytes"), {"bert.encoder.layer.0.output.dense.SCB": files.constant([32], 1)})
        self.refused(byte, "SCB", "quantised")


class OtherHeads(Case):
    def test_encoders(self):
        seen = dict(zip(("qa_outputs.weight", "qa_outputs.bias"), SEEN))
        around = lambda names: files.unigram(names, ([names[1 if names is PAIRED else 0]], [names[2]]))
        for name, tokenizer, tensors, said in (
                ("tiny-bert", None, seen, "qa_outputs.* (2 tensors)"),
                ("tiny-roberta", around(ROBERTA), seen, "qa_outputs.*"),
                ("tiny-deberta-v3", around(PAIRED), seen, "qa_outputs.*"),
                ("tiny-deberta-v3", around(PAIRED), {"deberta.embeddings.position_embeddings.weight": files.normal([40, 32], 0.1, 2)}, "position_embeddings"),
                ("tiny-deberta-v3", around(PAIRED), {"deberta.embeddings.word_embeddings._weight": files.normal([96, 32], 0.1, 2)}, "_weight")):
            folder = self.copy(name, "model", tokenizer)
            plain, _ = self.predicted(folder)
            logits, notes = self.predicted(self.add(folder, tensors))
            self.assertEqual(logits, plain)
            self.assertIn(said, notes)

    def test_backbones_that_write(self):
        causal = files.unigram(["<pad>", "<s>", "</s>", "<unk>"])
        for name, tokenizer, tensor, shape in (("tiny-gpt2", causal, "score.weight", [2, 24]), ("tiny-gpt2", causal, "v_head.summary.weight", [1, 24]),
                                               ("tiny-llama", causal, "score.weight", [1, 32]),
                                               ("tiny-t5-v1.0", files.unigram(["<pad>", "</s>", "<unk>"], ([], ["</s>"])), "classification_head.dense.weight", [24, 24])):
            folder = self.copy(name, "model", tokenizer)
            plain, _ = self.loss(folder)
            loss, notes = self.loss(self.add(folder, {tensor: files.normal(shape, 0.1, 3)}))
            self.assertEqual(loss, plain)
            self.assertIn(tensor.split(".")[0] + ".*", notes)


class Words(Case):
    """What words are read off with: the tensors decide, and T5's scaling is said apart."""

    def test_t5(self):
        tokenizer = files.unigram(["<pad>", "</s>", "<unk>"], ([], ["</s>"]))
        v5 = {"tie_word_embeddings": True, "dtype": "float32"}
        for name, old, new in (("tiny-t5-v1.1", {"tie_word_embeddings": False}, v5 | {"scale_decoder_outputs": False}),
                               ("tiny-t5-v1.1", {"model_type": "mt5", "tie_word_embeddings": False}, v5 | {"model_type": "mt5"}),
                               ("tiny-t5-v1.0", {}, v5 | {"scale_decoder_outputs": True})):
            losses = [self.loss(self.copy(name, "model", tokenizer, **changes))[0] for changes in (old, new)]
            self.assertEqual(*losses)

    def test_llama(self):
        tokenizer = files.unigram(["<pad>", "<s>", "</s>", "<unk>"])
        (untied, quiet), (flagged, said) = (self.loss(self.copy("tiny-llama", "model", tokenizer, tie_word_embeddings=tied)) for tied in (False, True))
        self.assertEqual(untied, flagged)
        self.assertEqual(quiet, "")
        self.assertIn("tie_word_embeddings", said)


class NoPooler(Case):
    def deberta(self):
        folder = self.copy("tiny-deberta-v3", "deberta", files.unigram(PAIRED, (["[CLS]"], ["[SEP]"])))
        files.change_config(folder, remove=("id2label", "label2id", "architectures"))
        files.change_tensors(folder, lambda t: {n: v for n, v in t.items() if not n.startswith(("pooler.", "classifier."))} |
                             {"mask_predictions.dense.weight": files.normal([32, 32], 0.1, 3), "lm_predictions.lm_head.bias": files.constant([96], 0)})
        return folder

    def test_a_fresh_one_is_trained_and_saved(self):
        masked = self.copy("tiny-bert", "masked", architectures=["BertForMaskedLM"])
        files.change_tensors(masked, lambda t: {n: v for n, v in t.items() if not n.startswith(("bert.pooler.", "classifier."))})
        for folder, dense in ((self.deberta(), "pooler.dense"), (masked, "bert.pooler.dense")):
            shutil.rmtree(self.box.path / "out", ignore_errors=True)
            logits, said = self.predicted(folder, method="lora", epochs=1, out="out", set="scaling=rank")
            self.assertIn("no pooler", said)
            kept = files.load(self.box.path / "out/adapter_model.safetensors")
            self.assertEqual(kept[f"base_model.model.{dense}.weight"].shape, [32, 32])
            self.assertIn(dense, files.read_json(self.box.path / "out/adapter_config.json")["modules_to_save"])
            self.assertEqual(self.predicted(folder, method="lora", load="out")[0], logits)

    def test_choice(self):
        rows = "context,choice0,choice1,label\n" + "the film is,good,bad,0\nthe plot is,dull,great,1\n" * 2
        for split in ("train", "dev"):
            self.box.write(f"choice/{split}.csv", rows)
        self.good(self.deberta(), task="choice", data=self.box.path / "choice", method="lora", epochs=1)

    def test_an_adapter_brings_one(self):
        whole = files.load(files.TINY / "tiny-deberta-v3/model.safetensors")
        tensors = {}
        for layer in range(2):
            tensors |= files.lora_pair(f"deberta.encoder.layer.{layer}.attention.self.query_proj", 4, 32, 32, 20 + 2 * layer)
        head = ("pooler.dense.weight", "pooler.dense.bias", "classifier.weight", "classifier.bias")
        config = files.lora_config(task_type="SEQ_CLS", target_modules=["query_proj"], modules_to_save=["classifier", "pooler"])
        files.adapter(self.box.path / "adapter", config, tensors | {"base_model.model." + n: whole[n] for n in head})
        bare = self.predicted(self.deberta(), method="lora", load="adapter")[0]
        other = self.copy("tiny-deberta-v3", "other", files.unigram(PAIRED, (["[CLS]"], ["[SEP]"])))
        self.assertEqual(self.predicted(other, method="lora", load="adapter")[0], bare)
        # A pooler of the checkpoint's own, with other numbers, gives way.
        self.add(other, {"pooler.dense.weight": files.normal([32, 32], 0.5, 9)})
        self.assertEqual(self.predicted(other, method="lora", load="adapter")[0], bare)


class Configs(Case):
    def test_labels(self):
        three = lambda a, b, c: {"id2label": {"0": a, "1": b, "2": c}}
        for changes, said in (({"num_labels": 50, "id2label": {"0": "LABEL_0", "1": "LABEL_1"}, "label2id": {"LABEL_0": 0, "LABEL_1": 1}}, "num_labels is 50"),
                              (three(0, 1, 2) | {"label2id": {"0": 0, "1": 1, "2": 2}}, ""),
                              (three("a", "b", "c") | {"label2id": {"a": "0", "b": "1", "c": "2"}}, ""),
                              ({"id2label": {"1": "a", "2": "b", "3": "c"}, "label2id": {"a": 1, "b": 2, "c": 3}}, "does not name the classes"),
                              (three("a", "b", "c") | {"label2id": {"a": 0, "b": 1, "c": 2, "LABEL_7": 7}}, ""),
                              ({"problem_type": None, "num_labels": None}, "")):
            with self.subTest(json.dumps(changes)):
                notes = self.good(self.copy("tiny-bert", "model", **changes), method="lora").stderr
                self.assertIn(said, notes)

    def test_no_model_type(self):
        folder = self.copy("tiny-bert", "model", output_past=True, pruned_heads={}, torchscript=False, use_bfloat16=False)
        plain, _ = self.predicted(folder)
        files.change_config(folder, remove=("model_type", "architectures", "pad_token_id"))
        self.assertEqual(self.predicted(folder)[0], plain)
        files.change_tensors(folder, lambda t: {n.removeprefix("bert."): v for n, v in t.items()})
        self.refused(folder, "model_type", '"bert"')

    def test_one_segment(self):
        """RoBERTa's tokenizers hand no segments to the model, whatever their template says."""
        plain = files.unigram(ROBERTA)
        begin, end = ({"SpecialToken": {"id": n, "type_id": 0}} for n in ("<s>", "</s>"))
        a, b = ({"Sequence": {"id": s, "type_id": 0}} for s in "AB")
        ids = {n: {"id": n, "ids": [ROBERTA.index(n)], "tokens": [n]} for n in ("<s>", "</s>")}
        posts = ({"type": "BertProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0]},
                 {"type": "TemplateProcessing", "single": [begin, a, end], "pair": [begin, a, end, b, end], "special_tokens": ids})
        rows = [(" ".join(files.WORDS[i:i + 3]), " ".join(files.WORDS[i + 2:i + 5]), i % 3) for i in range(6)]
        for split in ("train", "dev"):
            self.box.write(f"two/{split}.csv", files.csv_text(rows, "text,text2,label"))
        logits = [self.predicted(self.copy("tiny-roberta", "model", plain | {"post_processor": post}), data=self.box.path / "two")[0] for post in posts]
        self.assertEqual(*logits)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = sys.argv.pop(1)
    unittest.main()
