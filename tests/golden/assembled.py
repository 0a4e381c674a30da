# SPDX-License-Identifier: Apache-2.0
"""Folders with the files of slow tokenizers, and what AutoTokenizer's fast class makes of awkward text with them.

    scripts/peer tests/golden/assembled.py        rewrites data/assembled (committed)

Needs transformers 4.57, `sentencepiece` and `protobuf`. Models are trained on this repository's pages; none has compiled rules, which are long.
"""
import json
import os
import pathlib
import shutil

import transformers
from transformers import AutoTokenizer

from pipelines import EXTRA, sentencepiece_model
from tokens import NASTY, fuzz

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE / "data" / "assembled"
UNIGRAM = dict(model_type="unigram", vocab_size=300, normalization_rule_name="identity", character_coverage=0.98)
MODELS = {
    "t5": dict(UNIGRAM, pad_id=0, eos_id=1, unk_id=2, bos_id=-1),
    "deberta": dict(UNIGRAM, pad_id=0, bos_id=1, eos_id=2, unk_id=3, pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]",
                    unk_piece="[UNK]", user_defined_symbols=["<ud>", "film"]),
    "fairseq": dict(UNIGRAM, unk_id=0, bos_id=1, eos_id=2, pad_id=-1),
    "llama": dict(UNIGRAM, model_type="bpe", vocab_size=500, byte_fallback=True, unk_id=0, bos_id=1, eos_id=2, pad_id=-1, split_digits=True,
                  user_defined_symbols=["<ud>"], remove_extra_whitespaces=False),
}
MASK = {"content": "<mask>", "lstrip": True, "rstrip": False, "normalized": False, "single_word": False}
# folder: model_type, files of SentencePiece or of a pipeline, tokenizer_config.json (None: no such file), other files
FOLDERS = {
    "bert": ("bert", "bert", None, {}),
    "bert-cased": ("bert", "bert", {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "additional_special_tokens": ["<q>"]}, {}),
    "distilbert": ("distilbert", "bert", {"strip_accents": False, "tokenize_chinese_chars": False}, {}),
    "bert-added": ("bert", "bert", {"tokenizer_class": "BertTokenizer"},
                   {"added_tokens.json": {"[E2]": 97, "[E1]": 96, "nospecial": 98},
                    "special_tokens_map.json": {"additional_special_tokens": ["[E1]", "[E2]"], "cls_token": "[CLS]", "mask_token": dict(MASK, content="[MASK]")}}),
    "roberta": ("roberta", "roberta", None, {}),
    "roberta-spaced": ("roberta", "roberta", {"tokenizer_class": "RobertaTokenizer", "add_prefix_space": True}, {"special_tokens_map.json": {"mask_token": MASK}}),
    "gpt2": ("gpt2", "smollm", {"tokenizer_class": "GPT2Tokenizer", "pad_token": "[PAD]"}, {}),
    "gpt2-begun": ("gpt2", "smollm", {"tokenizer_class": "GPT2Tokenizer", "add_bos_token": True, "add_prefix_space": True}, {}),
    "qwen2": ("qwen2", "qwen2", None, {}),
    "t5": ("t5", "t5:spiece.model", None, {}),
    "t5-new": ("t5", "t5:spiece.model", {"tokenizer_class": "T5Tokenizer", "legacy": False, "extra_ids": 10}, {}),
    "deberta": ("deberta-v2", "deberta:spm.model", None, {}),
    "deberta-lower": ("deberta-v2", "deberta:spm.model", {"do_lower_case": True, "split_by_punct": True}, {}),
    "xlm-roberta": ("xlm-roberta", "fairseq:sentencepiece.bpe.model", None, {}),
    "camembert": ("camembert", "fairseq:sentencepiece.bpe.model", None, {}),
    "llama": ("llama", "llama:tokenizer.model", None, {}),
    "llama-new": ("llama", "llama:tokenizer.model", {"tokenizer_class": "LlamaTokenizer", "legacy": False, "add_eos_token": True, "pad_token": "<pad>"}, {}),
    "llama-bare": ("mistral", "llama:tokenizer.model", {"tokenizer_class": "LlamaTokenizer", "add_bos_token": False, "add_prefix_space": False}, {}),
}


def write_json(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False) + "\n", encoding="utf-8")


def files_of(source, folder):
    """Copies of what the folder's files are, which is committed once: `FOLDERS` says from where."""
    if ":" in source:
        model, name = source.split(":")
        shutil.copy(OUT / f"{model}.model", folder / name)
    elif source == "bert":
        shutil.copy(HERE / "data/tiny-bert/vocab.txt", folder / "vocab.txt")
    else:
        model = json.loads((HERE / f"data/pipelines/{source}/tokenizer.json").read_text())["model"]
        write_json(folder / "vocab.json", model["vocab"])
        merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
        (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")


def main():
    assert transformers.__version__.startswith("4.57"), transformers.__version__
    OUT.mkdir(exist_ok=True)
    for name, options in MODELS.items():
        if not (OUT / f"{name}.model").exists():  # training is not the same on every machine
            (OUT / f"{name}.model").write_bytes(sentencepiece_model(**options))
    texts = [t for t in NASTY + EXTRA if len(t) < 60 and "\0" not in t and t.isprintable()][::3]
    texts += ["", " ", "  ", "\n\n a", "<pad></s><ud>film<mask> x", "[E1] nospecial<q> [MASK] [E2]", "<extra_id_0> a<extra_id_99>"]
    texts += [t.decode("utf-8", "replace") for t in list(fuzz(25, ["<s>", "</s>", "[SEP]"]))[1:] if len(t) < 120]
    made = {}
    for name, (model_type, source, config, more) in FOLDERS.items():
        folder = OUT / "scratch"
        folder.mkdir()
        files = {"config.json": {"model_type": model_type}} | ({"tokenizer_config.json": config} if config else {}) | more
        for file, content in files.items():
            write_json(folder / file, content)
        files_of(source, folder)
        tokenizer = AutoTokenizer.from_pretrained(str(folder))
        assert tokenizer.is_fast
        made[name] = {"source": source, "files": files, "ids": [tokenizer(t)["input_ids"] for t in texts],
                      "pair": tokenizer("the film", "a plot")["input_ids"], "rows": len(tokenizer)}
        shutil.rmtree(folder)
    rows = ",\n".join(f"{json.dumps(name)}:{json.dumps(row, separators=(',', ':'))}" for name, row in made.items())
    (OUT / "cases.json").write_text('{"texts":' + json.dumps(texts) + ',\n"folders":{\n' + rows + "}}\n")
    print(len(texts), "texts for each of", ", ".join(made))


if __name__ == "__main__":
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    main()
