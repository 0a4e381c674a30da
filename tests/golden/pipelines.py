# SPDX-License-Identifier: Apache-2.0
"""Tiny tokenizers of every family that include/peft/text reads, and what Hugging Face's tokenizers make of awkward text with them.

    python tests/golden/pipelines.py        rewrites data/pipelines (committed)

Needs `tokenizers`, `sentencepiece` and `protobuf` from PyPI. They are trained on this repository's pages and on the strings of tokens.py; the
compiled rules nmt_nfkc are SentencePiece's own (Apache-2.0), kept once beside the tokenizers that name them.
"""
import base64
import io
import json
import pathlib

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as proto
from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors, trainers
from tokenizers.models import BPE, Unigram, WordPiece

from tokens import ILL_FORMED, NASTY, fnv, fuzz, text_or_hex

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE / "data" / "pipelines"
CHARSMAP = "(nmt_nfkc.txt)"  # stands for the file's content in a tokenizer.json

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")
ROBERTA = ["<s>", "<pad>", "</s>", "<unk>"]


def corpus():
    pages = [HERE.parent.parent / "README.md", *sorted((HERE.parent.parent / "docs").glob("*.md"))]
    lines = [line for page in pages for line in page.read_text(encoding="utf-8").splitlines() if line.strip()]
    return lines + [text for text in NASTY if text.strip() and len(text) < 200] * 3


def sentencepiece_model(**options):
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(corpus()), model_writer=out, minloglevel=2,
                                             num_threads=1, **options)
    return out.getvalue()


def trained(tokenizer, size, special, **more):
    kind = trainers.BpeTrainer if isinstance(tokenizer.model, BPE) else trainers.UnigramTrainer
    tokenizer.train_from_iterator(corpus(), kind(vocab_size=size, special_tokens=special, show_progress=False, **more))
    return tokenizer


def byte_level(size, special, split, **model):
    out = Tokenizer(BPE(**model))
    out.pre_tokenizer = split
    out.decoder = decoders.ByteLevel()
    return trained(out, size, special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())


def roberta():
    special = [AddedToken(t, normalized=True, special=True) for t in ROBERTA]
    special.append(AddedToken("<mask>", lstrip=True, normalized=True, special=True))
    out = byte_level(800, special, pre_tokenizers.ByteLevel(add_prefix_space=False))
    out.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return out


def roberta_prefix():
    out = byte_level(500, ROBERTA, pre_tokenizers.ByteLevel(add_prefix_space=True))
    out.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=True)])
    return out


def llama3():
    split = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"),
                                     pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    out = byte_level(800, ["<|begin_of_text|>", "<|end_of_text|>"], split, ignore_merges=True)
    out.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=True),
        processors.TemplateProcessing(single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|> $B:1",
                                      special_tokens=[("<|begin_of_text|>", 0)])])
    return out


def qwen2():
    split = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN2), "isolated"),
                                     pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    out = byte_level(600, ["<|endoftext|>"], split)
    out.normalizer = normalizers.NFC()
    return out


def smollm():
    split = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                     pre_tokenizers.ByteLevel(add_prefix_space=False)])
    return byte_level(600, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], split)


def llama2():
    out = Tokenizer(BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    out.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    out.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                     decoders.Strip(" ", 1, 0)])
    special = [AddedToken(t, normalized=False, special=True) for t in ("<unk>", "<s>", "</s>")]
    out.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")  # to train in reasonable time only
    trained(out, 900, special + [f"<0x{i:02X}>" for i in range(256)], limit_alphabet=120)
    text = json.loads(out.to_str())
    text["pre_tokenizer"] = None
    text["added_tokens"] = text["added_tokens"][:3]
    out = Tokenizer.from_str(json.dumps(text))
    out.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B:1",
                                                       special_tokens=[("<s>", 1)])
    return out


def unigram(normalizer, metaspace, special, size, unk, **more):
    out = Tokenizer(Unigram())
    out.normalizer = normalizer
    out.pre_tokenizer = metaspace
    out.decoder = decoders.Metaspace(prepend_scheme=metaspace.prepend_scheme)
    return trained(out, size, special, unk_token=unk, **more)


def t5(charsmap):
    normalizer = normalizers.Sequence([normalizers.Precompiled(charsmap), normalizers.Replace(Regex(" {2,}"), " ")])
    out = unigram(normalizer, pre_tokenizers.Metaspace(prepend_scheme="always"), ["<pad>", "</s>", "<unk>"], 700, "<unk>")
    out.add_special_tokens(["<extra_id_0>", "<extra_id_1>"])
    out.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>",
                                                       special_tokens=[("</s>", 1)])
    return out


def deberta(charsmap):
    normalizer = normalizers.Sequence([normalizers.Strip(), normalizers.Precompiled(charsmap),
                                       normalizers.Replace(Regex(" {2,}"), " "), normalizers.NFKC()])
    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
    out = unigram(normalizer, pre_tokenizers.Metaspace(prepend_scheme="always"), special, 600, "[UNK]")
    out.add_special_tokens([AddedToken("[UNK]", normalized=True, special=True), "[MASK]"])
    out.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    return out


def unigram_bytes():
    """Byte fallback; a prefix only at the beginning of the text; words are not cut at spaces."""
    split = pre_tokenizers.Metaspace(prepend_scheme="first", split=True)
    out = unigram(normalizers.NFKD(), split, ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)], 700, "<unk>")
    text = json.loads(out.to_str())
    text["model"]["byte_fallback"] = True
    text["pre_tokenizer"]["split"] = False
    text["added_tokens"] = text["added_tokens"][:3]
    out = Tokenizer.from_str(json.dumps(text))
    out.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="first")])
    return out


def marked_bpe():
    """Marks of continuation and of the end of a word; single unknown characters; ALBERT's normaliser and then some."""
    out = Tokenizer(BPE(unk_token="[UNK]", continuing_subword_prefix="##", end_of_word_suffix="</w>"))
    out.normalizer = normalizers.Sequence([
        normalizers.Nmt(), normalizers.Replace("``", '"'), normalizers.Replace("''", '"'), normalizers.NFKD(),
        normalizers.StripAccents(), normalizers.Lowercase(), normalizers.Strip(left=True, right=False)])
    out.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("contiguous"),
        pre_tokenizers.Split("-", "merged_with_previous"), pre_tokenizers.Split("a", "merged_with_next"),
        pre_tokenizers.Digits(individual_digits=False)])
    return trained(out, 600, ["[UNK]"], limit_alphabet=90, continuing_subword_prefix="##", end_of_word_suffix="</w>")


def words():
    """WordPiece behind steps that are not BERT's."""
    out = Tokenizer(WordPiece(json.loads((HERE / "data/wordpiece/uncased/tokenizer.json").read_text())["model"]["vocab"],
                              unk_token="[UNK]"))
    out.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.Lowercase(), normalizers.StripAccents()])
    out.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Punctuation()])
    out.decoder = decoders.WordPiece()
    return out


def long_texts():
    return [("a", 10000), ("ab", 5000), ("the ", 2500), ("é", 5000), ("中", 4000), ("\U0001f468\u200d\U0001f469\u200d\U0001f467", 500),
            (" ", 3000), ("\n", 1000), (" \n\t", 700), ("e\u0301", 3000), ("1234567890", 300), ("!?", 2000), ("<s>", 300),
            ("unaffordable", 1000), ("\x00", 500), ("'s", 900)]


EXTRA = ["it's IT'S It'Ll we'VE 'S 'ſ x'd", "12345 1 22 333 4444 ½ ² ٣٤٥", "a\r\nb\n\n c\r\r\n  d \n  e", "  lead and trail  ", "\n", "  \n", "x  \n y",
         "tab\there\t\tthere", "a_b __c__ #d", "<s>a</s> <mask> <pad>", "a  <mask>  b", "▁a ▁▁ b▁", "a</s>b", "<unk>", "<0x41> <0xFF>",
         "``quoted''", "A ́b", "ﬁ ﬂ ㍿ ½ ①", "ΑΒΓ ΌΣΟΣ", "Ǆ ǅ", "<|endoftext|>x<|im_start|>", "<extra_id_0> a<extra_id_1>", "a-b--c -d-",
         "banana aa", "[UNK] [MASK] x[SEP]", "\u0001a", " a b", "\u3000a", "ｈａｌｆ　ｗｉｄｔｈ ｶﾞ", "각 각", "नमस्ते क्षि", "\r\n\r\n", "a\u0000b",
         "don't  you'd  they'll", "http://a.b/c?d=1&e=%20", "🇩🇪🇫🇷 👩🏽‍🚀 ☎️ 1️⃣", "१२३ ४", "ǰ̣ ǰ", "\ufeffbom", "m² e=mc²"]


def cases():
    made = [{"a": text_or_hex(text)} for text in [t.encode() for t in NASTY + EXTRA] + ILL_FORMED + list(fuzz(60, ["<s>", "</s>", "[SEP]"]))[1:]]
    made += [{"a": {"times": times, "text": text}} for text, times in long_texts()]
    for limit in (0, 5, 6, 9, 14, 23):
        made.append({"a": {"text": "a longer sentence of words, good and bad"}, "b": {"text": "a short one"}, "max_length": limit})
        made.append({"a": {"text": "short"}, "b": {"text": "and the second is the long one of the two"}, "max_length": limit})
    return made


def content(text):
    if "hex" in text:
        return bytes.fromhex(text["hex"]).decode("utf-8", "replace")
    return text["text"] * text.get("times", 1)


def brief(value):
    """A long list or text as its length and a hash of its bytes (ids: little-endian, 32 bits)."""
    data = value.encode() if isinstance(value, str) else b"".join(i.to_bytes(4, "little") for i in value)
    return value if len(data) <= 1200 else {"size": len(data), "fnv": f"{fnv(data):016x}"}


def answer(made, case):
    made.no_truncation()
    if case.get("max_length"):
        made.enable_truncation(case["max_length"])
    encoding = made.encode(content(case["a"]), content(case["b"]) if "b" in case else None)
    out = {"ids": brief(encoding.ids)}
    if any(encoding.type_ids):
        out["types"] = encoding.type_ids
    for key, skip in (("text", True), ("all", False)):
        decoded = brief(made.decode(encoding.ids, skip_special_tokens=skip))
        if key == "text" or decoded != out["text"]:
            out[key] = decoded
    return out


def write(name, made, charsmap):
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    made.no_truncation()
    text = json.loads(made.to_str())
    if name == "llama3":  # as older files write them
        text["model"]["merges"] = [" ".join(pair) for pair in text["model"]["merges"]]
    compact = json.dumps(text, ensure_ascii=False, separators=(",", ":")).replace(charsmap, CHARSMAP)
    (folder / "tokenizer.json").write_text(compact + "\n", encoding="utf-8")


def main():
    model = proto.ModelProto()
    model.ParseFromString(sentencepiece_model(vocab_size=400, model_type="unigram", normalization_rule_name="nmt_nfkc"))
    charsmap = model.normalizer_spec.precompiled_charsmap
    encoded = base64.b64encode(charsmap).decode()
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "nmt_nfkc.txt").write_text(encoded + "\n")

    families = {"roberta": roberta(), "roberta_prefix": roberta_prefix(), "llama3": llama3(), "qwen2": qwen2(), "smollm": smollm(),
                "llama2": llama2(), "t5": t5(charsmap), "deberta": deberta(charsmap), "unigram_bytes": unigram_bytes(),
                "marked_bpe": marked_bpe(), "words": words()}
    for name, made in families.items():
        write(name, made, encoded)
    asked = cases()
    lines = {name: [answer(made, case) for case in asked] for name, made in families.items()}

    # A model file alone, with rules of its own; what SentencePiece itself makes of text without special tokens.
    rules = OUT / "rules.tsv"
    rules.write_text("41\t61\n42\t62\n43\t63\nE9\t65\n65 301\t65\nFB01\t66 69\n9\t20\nA\t20\n3000\t20\n")
    alone = sentencepiece_model(vocab_size=500, model_type="unigram", normalization_rule_tsv=str(rules), pad_id=0, eos_id=1, unk_id=2,
                                bos_id=-1, character_coverage=0.98)
    rules.unlink()
    (OUT / "sentencepiece").mkdir(exist_ok=True)
    (OUT / "sentencepiece" / "spiece.model").write_bytes(alone)
    processor = sentencepiece.SentencePieceProcessor(model_proto=alone)

    def is_plain(text):
        """No special tokens, no spaces in disguise, no long runs: there sums of scores are equal, and rounding (SentencePiece's in
        single precision) decides."""
        return text.isprintable() and not any(c in text for c in "<▁") and not any(3 * c in text for c in text)
    plain = [case for case in asked if "b" not in case and is_plain(content(case["a"]))]
    pieces = [{"a": case["a"], "ids": brief(processor.encode(content(case["a"])))} for case in plain]

    def rows(made):
        return "[\n" + ",\n".join(json.dumps(row, ensure_ascii=True, separators=(",", ":")) for row in made) + "\n]"
    parts = [f'"cases":{rows(asked)}', f'"sentencepiece":{rows(pieces)}'] + [f'"{name}":{rows(made)}' for name, made in lines.items()]
    (OUT / "cases.json").write_text("{" + ",\n".join(parts) + "}\n")
    print(len(asked), "cases for each of", ", ".join(families), "and", len(plain), "for sentencepiece")


if __name__ == "__main__":
    main()
