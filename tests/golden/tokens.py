# SPDX-License-Identifier: Apache-2.0
"""What Hugging Face's tokenizers make of text, for the tests of include/peft/text.

    python tests/golden/tokens.py golden                     rewrites data/wordpiece (committed)
    python tests/golden/tokens.py real MODEL OUT N FILE...   writes to OUT (not committed) the ids by MODEL/tokenizer.json
                                                             of every line, field and pair of fields in FILEs and of N
                                                             random strings, and what it decodes them to
    python tests/golden/tokens.py unicode                    prints include/peft/text/unicode/ranges.hpp; needs a
                                                             Python with Unicode 14 (3.11)
    python tests/golden/tokens.py newer                      prints include/peft/io/newer_characters.hpp; likewise

Needs `tokenizers` from PyPI alone. The vocabularies are made up here.
"""
import json
import pathlib
import random
import re
import struct
import sys
import textwrap
import unicodedata

from tokenizers import AddedToken, Regex, Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE / "data" / "wordpiece"

# Letters whose lower case, and characters whose decomposition, came into Unicode after the tables of utf8proc 2.8 or
# after those of the reference: there the answer depends on the version, and no vocabulary has them.
VERSION_DEPENDENT = [(0x1C89, 0x1C89), (0xA7CB, 0xA7DC), (0x105C9, 0x105E4), (0x10D50, 0x10D65), (0x11383, 0x11391),
                     (0x113C5, 0x113C8), (0x11938, 0x11938), (0x16121, 0x16128), (0x16D68, 0x16D6A), (0x16EA0, 0x16EB8)]

# What Unicode 15 and 16 added that normal forms treat, and the second half of U+11938.
LATER_NORMAL_FORMS = [(0x897, 0x897), (0x105C9, 0x105C9), (0x105E4, 0x105E4), (0x10D69, 0x10D6D), (0x10EFC, 0x10EFF),
                      (0x11383, 0x11391), (0x113C2, 0x113CF), (0x113D0, 0x113D0), (0x113E1, 0x113E2), (0x11930, 0x11930),
                      (0x11F41, 0x11F42), (0x1612F, 0x1612F), (0x16121, 0x16128), (0x16D67, 0x16D6A), (0x1CCD6, 0x1CCF9),
                      (0x1E030, 0x1E06D), (0x1E08F, 0x1E08F), (0x1E4EC, 0x1E4EF), (0x1E5EE, 0x1E5EF)]


def code_points():
    return (c for c in range(0x110000) if not 0xD800 <= c < 0xE000)


# ---- unicode -------------------------------------------------------------------------------------------------------

def ranges(codes):
    out = []
    for c in codes:
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def print_unicode():
    """The reference's classes are those of one old Unicode version, whatever is installed: its answers tell."""
    clean = normalizers.BertNormalizer(True, False, False, False)
    strip = normalizers.BertNormalizer(False, False, True, False)
    split = pre_tokenizers.BertPreTokenizer()
    tables = {
        "control_ranges": ("Categories Cc, Cf and Co.",
                           [c for c in code_points() if c > 0x7F and c != 0xFFFD and not clean.normalize_str(chr(c))]),
        "punctuation_ranges": ("Category P.", [c for c in code_points() if c > 0x7F and
                               len(split.pre_tokenize_str("a" + chr(c) + "a")) == 3]),
        "nonspacing_mark_ranges": ("Category Mn.", [c for c in code_points() if not strip.normalize_str(chr(c))]),
    }
    # The accent stripper knows a Unicode version of its own, the regular expressions a new one.
    accents = normalizers.StripAccents()
    nonspacing = set(tables["nonspacing_mark_ranges"][1])
    tables["other_mark_ranges"] = (
        "What StripAccents drops beside those: categories Mc and Me, and what Unicode 9 added.",
        [c for c in code_points() if c not in nonspacing and accents.normalize_str("a" + chr(c)) == "a"])
    form = normalizers.NFKD()

    def is_inert(c):
        """Whether the reference's normal forms know nothing of a character that decomposes or is sorted."""
        text, ccc = chr(c), unicodedata.combining(chr(c))
        if unicodedata.normalize("NFKD", text) != text:
            return form.normalize_str(text) == text
        return (ccc > 1 and form.normalize_str("a" + text + "\u0334") == "a" + text + "\u0334" or
                0 < ccc < 240 and form.normalize_str("a\u0345" + text) == "a\u0345" + text)

    later = {c for first, last in LATER_NORMAL_FORMS for c in range(first, last + 1)}
    tables["inert_ranges"] = (
        "What the reference's normal forms (Unicode 9) leave as it is, though by now it has a decomposition, a combining\n"
        "// class or a composition.", [c for c in code_points() if c in later or is_inert(c)])
    print("""// SPDX-License-Identifier: Apache-2.0
// Made by `tests/golden/tokens.py unicode`.
#pragma once

namespace peft {

struct CodeRange {
  char32_t first, last;
};

// Hugging Face's tokenizers classify characters as Unicode 8.0 does; later characters belong to no class. The tables
// are fixed here so that ids do not change with the Unicode version of a library. None covers ASCII.""")
    for name, (comment, codes) in tables.items():
        print(f"\n// {comment}\ninline constexpr CodeRange {name}[] = {{")
        line = "   "
        for first, last in ranges(codes):
            item = f" {{0x{first:X}, 0x{last:X}}},"
            if len(line) + len(item) > 120:
                print(line)
                line = "   "
            line += item
        print(line.rstrip(",") + "};")
    print("\n}  // namespace peft")


def print_newer():
    """Categories, as the reference's regular expressions know them, of what is unassigned in this Python's Unicode 14."""
    assert unicodedata.unidata_version == "14.0.0", unicodedata.unidata_version
    unassigned = [c for c in code_points() if unicodedata.category(chr(c)) == "Cn"]
    found = []
    for name in "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Cf".split():
        finds = pre_tokenizers.Split(Regex(rf"\p{{{name}}}"), "removed")
        found += [(*r, name) for r in ranges(c for c in unassigned if not finds.pre_tokenize_str(chr(c)))]
    print("""// SPDX-License-Identifier: Apache-2.0
// Made by `tests/golden/tokens.py newer`.
#pragma once

namespace peft {

struct NewerCharacters {
  char32_t first, last;
  char category[3];
};

// What Hugging Face's tokenizers know in regular expressions (Unicode 16) and libraries of Unicode 14 do not: utf8proc 2.8,
// PCRE2 10.42. Ascending.
inline constexpr NewerCharacters newer_characters[] = {""")
    print(textwrap.fill(" ".join(f'{{0x{a:X},~0x{b:X},~"{c}"}},' for a, b, c in sorted(found)), 120, initial_indent="    ",
                        subsequent_indent="    ", break_long_words=False, break_on_hyphens=False).replace("~", " ").rstrip(",") + "};")
    print("\n}  // namespace peft")


# ---- golden --------------------------------------------------------------------------------------------------------

def vocabulary(cased):
    """About 400 made-up entries in several scripts."""
    letters = "abcdefghijklmnopqrstuvwxyz" + ("ABCDEFGHIJKLMNOPQRSTUVWXYZéÉñüÜ" if cased else "")
    letters += "0123456789αβγδσςωабвгдежийёøłßæıאבגעمرحباกขคアイウ"
    words = ("the a of movie film good bad un ##able ##ing ##ed ##ness ##ly great happy ##happy run ##ning play ##er "
             "##s cafe naive resume uber stra ##sse 中 国 文 日 本 語 ㍿ 〇 ½ ² ™ ☃ 😀 👍 🏽 привет ##вет мир καλη ##μερα "
             "שלום مرحبا ##حبا สวัส ##ดี ᄒ ##ᅡ ##ᆫ ᄀ ##ᅳ ##ᆯ ##' can don won it ##t ##ve www com http don't 's ## "
             "####a ###").split()
    words += ["New", "York", "##York", "Über", "Café"] if cased else ["new", "york", "##york"]
    marks = list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") + list("¿¡«»“”‘’…—–、。「」§•")
    entries = ["[PAD]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *marks, *letters]
    entries += ["##" + c for c in letters] + words
    return list(dict.fromkeys(entries))


def tokenizer(name):
    cased = name != "uncased"
    entries = vocabulary(cased)
    ids = {token: i for i, token in enumerate(entries)}
    model = WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=20 if name == "odd" else 100,
                      continuing_subword_prefix="##")
    out = Tokenizer(model)
    if name == "uncased":
        out.normalizer = normalizers.BertNormalizer(True, True, None, True)
    elif name == "cased":
        out.normalizer = normalizers.BertNormalizer(True, True, None, False)
    else:  # lower case with accents, no cleaning, CJK left alone
        out.normalizer = normalizers.BertNormalizer(False, False, False, True)
    out.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    out.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    cls, sep = ids["[CLS]"], ids["[SEP]"]
    if name == "odd":
        out.post_processor = processors.BertProcessing(("[SEP]", sep), ("[CLS]", cls))
        out.add_tokens([AddedToken("<l>", lstrip=True, normalized=False),
                        AddedToken("<r>", rstrip=True, normalized=False), AddedToken("<lr>", lstrip=True, rstrip=True),
                        AddedToken("solo", single_word=True, normalized=False),
                        AddedToken("[NEW]"), AddedToken("[NEW]ER"), AddedToken("École"), AddedToken("two words")])
    else:
        out.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
            special_tokens=[("[CLS]", cls), ("[SEP]", sep)])
    if name == "uncased":  # what a real file may ask for and this library leaves to the caller
        out.enable_padding(length=128)
        out.enable_truncation(128)
    return out


NASTY = [
    "", " ", "\t\n\r", "a", "The movie", "unhappyness", "unhappiness!!", "RUNNING played", "  two   spaces ",
    "don't can't", "don't", "it's", "www.com/http?x=1&y=2", "a.b,c;d", "!!!", "...", "\u2026",
    "\u201cgood\u201d \u2018bad\u2019", "caf\u00e9", "cafe\u0301", "CAF\u00c9", "CAFE\u0301",
    "na\u00efve r\u00e9sum\u00e9", "\u00dcber stra\u00dfe", "STRASSE STRA\u1e9eE", "\u0130stanbul", "I\u0307",
    "i\u0307", "\u0131", "\u03a3\u03a9\u03a3 \u03c3\u03c2", "\u0391\u0301\u03b2", "\u1f82\u1f92\u1fa2",
    "\u0390\u03b0", "\u01c5 \u01c8 \ufb01 \ufb03 \u2160 \u24b6", "\uff21\uff22 \uff41", "\u2126 \u212b \u212a",
    "\u4e2d\u56fd", "a\u4e2db", "\u65e5\u672c\u8a9e the movie", "\u3007\u337f",
    "\U00020000\U0002b820\U0002b920\U0002f800", "\uf900\ufa0e\ufaff", "\u30a2\u30a4\u30a6\u3099", "\u30ac\u30d1",
    "\ud55c\uae00", "\u1112\u1161\u11ab", "\uac00\uac01\uac02",
    "\u043f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440", "\u041f\u0420\u0418\u0412\u0415\u0422",
    "\u0439 \u0438\u0306 \u0401 \u0451", "\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd", "\ufb2a",
    "\u0645\u0631\u062d\u0628\u0627", "\u0645\u064e\u0631\u0652\u062d\u064e\u0628\u064b\u0627", "\u0622\u0623\u0624",
    "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35", "\u0915\u094d\u0937 \u0958", "\u1e69 s\u0323\u0307 s\u0307\u0323",
    "a\u0315\u0300\u05ae\u0062", "\u0344", "\u0958\u0959", "\u212b\u0327", "\u302e\u0300a", "a\u3099\u093c\u0334",
    "\U0001f600", "good\U0001f600bad", "\U0001f44d\U0001f3fd", "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\u2603\ufe0f", "1\ufe0f\u20e3", "\U0001f1e9\U0001f1ea", "a\u200bb", "a\u200cb\u200dc", "a\u00adb", "a\u2060b",
    "\ufeffthe", "the\ufeff", "a\u00a0b", "a\u3000b", "a\u2028b\u2029c", "a\u0085b", "a\u000bb\u000cc", "a\u001fb",
    "a\u0000b", "\u0000", "\u007f", "a\u0080b\u009fc", "a\ufffdb", "\ufffd", "\ue000\uf8ff", "\U000f0000\U0010fffd",
    "\ufffe\uffff \U0001ffff", "\u0378\u0380 \U000e0001 \U000e0041", "\u061c\u2066a\u2069", "\u180ea",
    "\u1680a\u2000b\u200ac\u202fd\u205fe", "\u166d\u061d\u2e43\u2e52", "\u1734\u180f\u0898", "\u30fb\uff65\u2e3a",
    "$100 + 5% = ~`^|<>", "a_b-c", "\u00a7\u00b6\u00b7\u00bf\u00a1\u00ab\u00bb", "\u2212\u2013\u2014\u2015",
    "\u00bd\u00b2\u2122", "## #a ##a ##able", "###", "####a", "[CLS] the [SEP]", "[SEP]", "the[SEP]movie", "[sep]",
    "[ SEP ]", "[MASK]ing", "[UNK]", "[PAD][PAD]", "[CLS", "[[SEP]]", "[SE[SEP]P]", "[unused1]", "[CLS]\u0301",
    "caf\u00e9[SEP]\u0301a", "[NEW] [new] [NEW]ER [newer]", "[New]er[NEW]", "a <l> b <r> c <lr> d",
    "a  <l>  <r>  <lr>  b", "<l><r><lr>", "\t<l>\u3000<lr>\u00a0x", "solo solos asolo so-lo solo!", "solo",
    "_solo \u00e9solo solo\u0301 solo\u4e2d \u203fsolo", "\u00c9cole \u00e9cole E\u0301cole \u00c9COLE ecole",
    "two words two  words TWO WORDS", "x" * 100, "x" * 101, "the" * 40, "a" * 20, "a" * 21, "\u00e9" * 100,
    "\u00e9" * 101, "e\u0301" * 100, "\u4e2d" * 150, "\U0001f600" * 101, "un" + "able" * 30, "play" + "er" * 48,
    "play" + "er" * 49, "-" * 60, "unablez", "zunable\u0436", "unable\u0915", "\u0915unable", "good bad " * 30,
    "The Quick Brown Fox Jumps Over 13 Lazy Dogs.", "New York NewYork newyork", "e.g., i.e.; etc...", "3.14159e-10",
    "C:\\path\\file.txt", "<html>&amp;</html>", "user@mail.com #tag @you", "\"quoted\" 'single'", "(a[b]{c}<d>)",
    "mixed\u0410\u0411Cdef\u4e2d12\u0645",
]
# Bytes that are not UTF-8: the reference sees what Python decodes with errors="replace".
ILL_FORMED = [
    b"\xff", b"a\x80b", b"a\xc3", b"\xc3(", b"\xe2\x82", b"\xe2\x28\xa1", b"\xf0\x9f\x98", b"\xf0\x9f\x98the",
    b"\xed\xa0\x80a", b"\xc0\x80", b"\xe0\x80\xaf", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"caf\xe9 good",
    b"the\xe2\x80movie", b"\x85[SEP]\xff", b"[S\xffEP]", b"\x80solo\xa0", b" \xff<l>\x85<r>\xe3\x80a",
    b"\xe4\xb8\xad\xe4\xb8",
]


def cases():
    made = [(text.encode(), b"", 0) for text in NASTY] + [(text, b"", 0) for text in ILL_FORMED]
    texts = [t.encode() for t in NASTY if t]
    some = random.Random(1)
    for _ in range(40):
        made.append((some.choice(texts), some.choice(texts), 0))
    long, short = ("good bad movie " * 5).encode(), b"the film"
    for limit in (3, 4, 5, 6, 7, 8, 9, 12, 13, 16, 17, 18, 19, 20, 33):
        made += [(long, short, limit), (short, long, limit), (long, long, limit), (long, b"", limit)]
        made += [(short, b"\x00", limit)]
    return made


def ids_of(made, a, b, limit):
    text = [x.decode("utf-8", "replace") for x in (a, b)]
    made.no_padding()
    made.no_truncation()
    if limit:
        made.enable_truncation(limit)
    encoding = made.encode(text[0], text[1] if b else None)
    return encoding.ids, encoding.type_ids


def fnv(data, value=0xCBF29CE484222325):
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def sweep(made):
    """One hash per 4096 code points of the words that `x<code point>Y` falls into."""
    left_out = {c for first, last in VERSION_DEPENDENT for c in range(first, last + 1)}
    out = []
    for block in range(0, 0x110000, 4096):
        value = fnv(b"")
        for c in range(block, block + 4096):
            if 0xD800 <= c < 0xE000 or c in left_out:
                continue
            text = made.normalizer.normalize_str("x" + chr(c) + "Y")
            for word, _ in made.pre_tokenizer.pre_tokenize_str(text):
                value = fnv(word.encode() + b"\n", value)
        out.append(f"{value:016x}")
    return out


def text_or_hex(data):
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"hex": data.hex()}


def write_golden():
    result = {"version_dependent": VERSION_DEPENDENT, "sweep": {}, "cases": {}}
    for name in ("uncased", "cased", "odd"):
        made = tokenizer(name)
        (OUT / name).mkdir(parents=True, exist_ok=True)
        compact = json.dumps(json.loads(made.to_str()), ensure_ascii=False, separators=(",", ":"))
        (OUT / name / "tokenizer.json").write_text(compact + "\n", encoding="utf-8")
        result["sweep"][name] = sweep(made)
        result["cases"][name] = []
        for a, b, limit in cases():
            ids, types = ids_of(made, a, b, limit)
            case = {"a": text_or_hex(a), "b": text_or_hex(b), "max_length": limit, "ids": ids, "types": types}
            result["cases"][name].append(case)
    lines = []
    for name, made in result["cases"].items():
        rows = ",\n".join(json.dumps(case, ensure_ascii=True, separators=(",", ":")) for case in made)
        lines.append(f'"{name}":[\n{rows}\n]')
    head = json.dumps({k: result[k] for k in ("version_dependent", "sweep")}, separators=(",", ":"))
    (OUT / "cases.json").write_text(head[:-1] + ',\n"cases":{\n' + ",\n".join(lines) + "}}\n")
    print(sum(len(made) for made in result["cases"].values()), "cases")


# ---- real ----------------------------------------------------------------------------------------------------------

def fuzz(count, specials):
    """Random strings of what makes tokenizers differ: every script, marks and joiners on their own, all kinds of spaces, bytes
    that are no UTF-8, spellings of special tokens, long runs."""
    some = random.Random(7)
    scripts = [(0x20, 0x7E), (0x0, 0x1F), (0x80, 0x24F), (0x250, 0x36F), (0x370, 0x5FF), (0x600, 0x6FF), (0x900, 0xDFF),
               (0xE00, 0xFFF), (0x1100, 0x11FF), (0x1E00, 0x20CF), (0x2100, 0x2BFF), (0x3000, 0x33FF), (0x4E00, 0x9FFF),
               (0xAC00, 0xD7A3), (0xF900, 0xFFFD), (0x1D400, 0x1D7FF), (0x1F100, 0x1FAFF), (0x20000, 0x2FA1F), (0, 0xD7FF)]
    spaces = [" ", " ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u2003", "\u3000", "\u2581", "\u200b", "\ufeff", " \n ", "     "]
    joins = ["\u200d", "\ufe0f", "\u0301", "\u0308", "\u3099", "\u094d", "\u0327", "\U0001f3fd", "'s", "'LL", "'", "\u2019t", "\u017f",
             "\ufffd", "12345", "3.14", "<0x41>", "...", "''", "``"] + specials

    def piece():
        kind = some.random()
        if kind < 0.25:
            return some.choice(spaces)
        if kind < 0.45:
            return some.choice(joins)
        first, last = some.choice(scripts)
        run = some.choice((1, 1, 2, 3, 6, 12))
        return "".join(chr(some.randint(first, last)) for _ in range(run))

    for i in range(count):
        text = "".join(piece() for _ in range(some.randint(1, 14))).encode()
        if i % 4 == 0:  # cut and stirred: no UTF-8 any more
            bytes_ = bytearray(text)
            for _ in range(some.randint(1, 3)):
                bytes_[some.randrange(len(bytes_))] = some.choice((0x80, 0xBF, 0xC3, 0xE2, 0xED, 0xF0, 0xFF, 0x20))
            text = bytes(bytes_)
        if i % 1000 == 0:
            text *= 500
        yield text


def write_real(model, out, count, files):
    """Little-endian int32 throughout. Per text: the bytes of a and b, the limit (0: none), the number of ids, the bytes of
    the ids decoded without and with special tokens; then the ids and as many types; then the bytes of a, b and the two
    decoded texts, filled up with zeros to four."""
    made = Tokenizer.from_file(str(pathlib.Path(model) / "tokenizer.json"))
    made.encode_special_tokens = False
    specials = [token.content for token in made.get_added_tokens_decoder().values()][:12]
    left_out = re.compile("[" + "".join(f"{chr(a)}-{chr(b)}" for a, b in VERSION_DEPENDENT) + "]")
    texts = []
    for file in files:
        for line in pathlib.Path(file).read_bytes().split(b"\n"):
            fields = line.rstrip(b"\r").split(b"\t")
            texts.append((line, b"", 0))
            texts += [(field, b"", 0) for field in fields if len(fields) > 1]
            if len(fields) > 1:
                longest = sorted(fields, key=len)[-2:]
                texts += [(longest[0], longest[1], limit) for limit in (0, 16, 23)]
    strange = [text for text in fuzz(count, specials) if not left_out.search(text.decode("utf-8", "replace"))]
    texts += [(text, b"", 0) for text in strange]
    texts += [(a, b, 24) for a, b in zip(strange[::5], strange[1::5])]
    with open(out, "wb") as sink:
        for a, b, limit in texts:
            ids, types = ids_of(made, a, b, limit)
            decoded = [made.decode(ids, skip_special_tokens=skip).encode() for skip in (True, False)]
            sink.write(struct.pack(f"<6i{len(ids)}i{len(types)}i", len(a), len(b), limit, len(ids), *map(len, decoded), *ids,
                                   *types))
            rest = a + b + decoded[0] + decoded[1]
            sink.write(rest + b"\0" * (-len(rest) % 4))
    print(len(texts), "texts")


if __name__ == "__main__":
    if sys.argv[1:] == ["unicode"]:
        print_unicode()
    elif sys.argv[1:] == ["newer"]:
        print_newer()
    elif sys.argv[1:] == ["golden"]:
        write_golden()
    elif len(sys.argv) > 4 and sys.argv[1] == "real":
        write_real(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5:])
    else:
        sys.exit(__doc__)
