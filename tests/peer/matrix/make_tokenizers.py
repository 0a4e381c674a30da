# SPDX-License-Identifier: Apache-2.0
"""Tiny tokenizers of every class that our families carry, as the installed transformers saves them, and their ids of many texts.
make_tokenizers.py OUT COUNT

OUT/texts holds the texts (length, line feed, bytes); OUT/NAME/ is a tokenizer's folder with ids.npz; OUT/cases.json lists them.
"""
import json
import pathlib
import shutil
import sys
import traceback
import warnings

import numpy
import transformers

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT / "tests" / "golden"))
import pipelines  # noqa: E402
import tokens  # noqa: E402

PIECES = dict(vocab_size=700, model_type="unigram", hard_vocab_limit=False)
BYTES = dict(vocab_size=900, model_type="bpe", byte_fallback=True, split_digits=True, normalization_rule_name="identity",
             remove_extra_whitespaces=False, allow_whitespace_only_pieces=True, character_coverage=0.99)

# A family's class (fast and slow, where there are both), the files it is made from, options.
CLASSES = [
    ("bert", "BertTokenizer", "wordpiece-uncased", {}), ("bert", "BertTokenizer", "wordpiece-cased", dict(do_lower_case=False)),
    ("bert", "BertTokenizer", "wordpiece-uncased", dict(strip_accents=False, tokenize_chinese_chars=False)),
    ("distilbert", "DistilBertTokenizer", "wordpiece-uncased", {}),
    ("roberta", "RobertaTokenizer", "bytes", {}), ("roberta", "RobertaTokenizer", "bytes", dict(add_prefix_space=True)),
    ("gpt2", "GPT2Tokenizer", "bytes", {}), ("gpt2", "GPT2Tokenizer", "bytes", dict(add_prefix_space=True)),
    ("gpt2", "GPT2Tokenizer", "bytes", dict(add_bos_token=True)),
    ("xlm-roberta", "XLMRobertaTokenizer", "pieces", {}), ("camembert", "CamembertTokenizer", "pieces", {}),
    ("deberta-v2", "DebertaV2Tokenizer", "pieces-deberta", {}), ("deberta-v2", "DebertaV2Tokenizer", "pieces-deberta", dict(do_lower_case=True)),
    ("deberta-v2", "DebertaV2Tokenizer", "pieces-deberta", dict(split_by_punct=True)),
    ("t5", "T5Tokenizer", "pieces-t5", {}), ("t5", "T5Tokenizer", "pieces-t5", dict(extra_ids=7)), ("mt5", "T5Tokenizer", "pieces-t5", dict(legacy=False)),
    ("llama", "LlamaTokenizer", "llama", {}), ("llama", "LlamaTokenizer", "llama", dict(legacy=False)),
    ("llama", "LlamaTokenizer", "llama", dict(add_bos_token=False, add_eos_token=True)),
    ("mistral", "LlamaTokenizer", "llama", dict(legacy=False)),
    ("llama", "CodeLlamaTokenizer", "llama", {}), ("t5", "ByT5Tokenizer", "", {}),
    ("qwen2", "Qwen2Tokenizer", "bytes-qwen", {}),
    ("llama", "PreTrainedTokenizerFast", "llama3", {}), ("mistral", "PreTrainedTokenizerFast", "tekken", {}),
    ("llama", "PreTrainedTokenizerFast", "smollm", {}), ("bert", "PreTrainedTokenizerFast", "words", {}),
]
TEKKEN = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
          r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def tekken():
    from tokenizers import Regex, pre_tokenizers
    split = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(TEKKEN), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    return pipelines.byte_level(600, ["<unk>", "<s>", "</s>"], split, ignore_merges=True)


def bases(out):
    """Folders with nothing but vocabularies, as a tokenizer's authors have them."""
    for cased in (False, True):
        folder = out / f"wordpiece-{'cased' if cased else 'uncased'}"
        folder.mkdir(parents=True)
        (folder / "vocab.txt").write_text("\n".join(tokens.vocabulary(cased)) + "\n", encoding="utf-8")
    for name, made in (("bytes", pipelines.roberta()), ("bytes-qwen", pipelines.qwen2())):
        (out / name).mkdir()
        made.model.save(str(out / name))
        if name == "bytes":
            entries = json.loads((out / name / "vocab.json").read_text())
            entries["<|endoftext|>"] = len(entries)
            (out / name / "vocab.json").write_text(json.dumps(entries))
    for name, file, options in (
            ("pieces", "sentencepiece.bpe.model", PIECES), ("pieces-t5", "spiece.model", PIECES | dict(pad_id=0, eos_id=1, unk_id=2, bos_id=-1)),
            ("pieces-deberta", "spm.model", PIECES | dict(pad_id=0, bos_id=1, eos_id=2, unk_id=3, pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]",
                                                          unk_piece="[UNK]", user_defined_symbols=["[MASK]"])),
            ("llama", "tokenizer.model", BYTES)):
        (out / name).mkdir()
        (out / name / file).write_bytes(pipelines.sentencepiece_model(**options))
    for name, made in (("llama3", pipelines.llama3()), ("tekken", tekken()), ("smollm", pipelines.smollm()), ("words", pipelines.words())):
        (out / name).mkdir()
        made.save(str(out / name / "tokenizer.json"))


def texts(count):
    listed = tokens.NASTY + pipelines.EXTRA + [t * n for t, n in pipelines.long_texts()]
    listed += [line for page in sorted((ROOT / "docs").glob("*.md")) for line in page.read_text(encoding="utf-8").splitlines()[:200]]
    specials = ["<s>", "</s>", "[SEP]", "<mask>", "[MASK]", "<extra_id_0>", "<|endoftext|>", "two words", "Neuwort", "<new>"]
    listed += ["Neuwort", "ein Neuwortspiel", "a <new> b", "a<new>b", "two words", "two  words", "NEUWORT neuwort"]
    listed += [t.decode("utf-8", "replace") for t in tokens.fuzz(max(count - len(listed), 0), specials)]
    return [t for t in listed if all(ord(c) not in range(a, b + 1) for c in t for a, b in tokens.VERSION_DEPENDENT)][:count]


def added(tokenizer):
    from tokenizers import AddedToken
    tokenizer.add_tokens(["Neuwort", AddedToken("two words", lstrip=True)])
    tokenizer.add_special_tokens({"additional_special_tokens": ["<new>"]})


def main():
    out, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    bases(out / "bases")
    listed, cases, seen = texts(count), [], set()
    with open(out / "texts", "wb") as file:
        for text in listed:
            data = text.encode()
            file.write(b"%d\n" % len(data) + data)
    for family, name, base, options in CLASSES:
        for kind in (name, name + "Fast") if not name.endswith("Fast") else (name,):
            made = getattr(transformers, kind, None)
            if made is None:
                continue
            for more in (False, True):
                title = f"{kind} {base}" + "".join(f" {k}={v}" for k, v in options.items()) + (" and added tokens" if more else "")
                folder = out / f"{len(seen):03}-{family}-{kind}"
                if (family, title) in seen:
                    continue
                seen.add((family, title))
                try:
                    tokenizer = made.from_pretrained(str(out / "bases" / base), **options) if base else made()
                    if more:
                        added(tokenizer)
                    tokenizer.save_pretrained(folder)
                    transformers.CONFIG_MAPPING[family](vocab_size=max(len(tokenizer), 1)).save_pretrained(folder)
                except Exception as e:
                    print(f"{family} {title}: left out: {type(e).__name__}: {str(e)[:200]}", file=sys.stderr)
                    shutil.rmtree(folder, ignore_errors=True)
                    continue
                folders = [(folder, "")]
                vocabularies = [f for f in ("vocab.txt", "merges.txt", "spiece.model", "spm.model", "tokenizer.model", "sentencepiece.bpe.model") if (folder / f).exists()]
                if (folder / "tokenizer.json").exists() and vocabularies:
                    slow = folder.with_name(folder.name + "-slow")
                    shutil.copytree(folder, slow)
                    (slow / "tokenizer.json").unlink()
                    folders.append((slow, ", without tokenizer.json"))
                for where, form in folders:
                    try:
                        ids = transformers.AutoTokenizer.from_pretrained(str(where))(listed)["input_ids"]
                    except Exception as e:
                        print(f"{family} {title}{form}: left out: {type(e).__name__}: {str(e)[:200]}", file=sys.stderr)
                        continue
                    numpy.savez(where / "ids.npz", ids=numpy.concatenate([numpy.array(i, "int32") for i in ids]), ends=numpy.cumsum([len(i) for i in ids]))
                    cases.append(dict(family=family, what=title + form, folder=where.name))
    (out / "cases.json").write_text(json.dumps(dict(transformers=transformers.__version__, cases=cases)))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    main()
