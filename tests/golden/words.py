# SPDX-License-Identifier: Apache-2.0
"""What Hugging Face's tokenizers make of text that is already cut into words.

    python tests/golden/words.py       rewrites data/wordpiece/words.json (committed)

Needs `tokenizers` from PyPI alone, and the vocabularies that tokens.py makes.
"""
import json
import pathlib
import random

from tokenizers import Tokenizer

OUT = pathlib.Path(__file__).resolve().parent / "data" / "wordpiece"
WORDS = ["The", "movie", "unhappyness", "RUNNING", "don't", "U.N.", "caf\u00e9", "na\u00efve", "...", "-", "1996-08-22", "\u00dcber",
         "\u200b", "\u00ad", "x", "\u4e2d\u6587", "good/bad", "\ufffd", "[SEP]", "it's", "qqqqqq", "(", "a", "\u0130stanbul", "!!!"]


def main():
    draw = random.Random(5)
    cases = {}
    for name in ("uncased", "cased", "odd"):
        tokenizer = Tokenizer.from_file(str(OUT / name / "tokenizer.json"))
        tokenizer.no_padding()
        cases[name] = []
        for number in range(60):
            words = draw.choices(WORDS, k=draw.randint(1, 9))
            length = draw.randint(3, 14) if number % 2 else 0
            tokenizer.enable_truncation(length) if length else tokenizer.no_truncation()
            made = tokenizer.encode(words, is_pretokenized=True)
            first = [made.word_ids.index(w) if w in made.word_ids else -1 for w in range(len(words))]
            cases[name].append({"words": words, "max_length": length, "ids": made.ids, "first": first})
    lines = [f'"{name}":[\n' + ",\n".join(json.dumps(c, separators=(",", ":")) for c in rows) + "\n]" for name, rows in cases.items()]
    (OUT / "words.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
