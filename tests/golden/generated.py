# SPDX-License-Identifier: Apache-2.0
"""What sacrebleu and rouge-score make of texts: sentences in the way of E2E, corrupted at random, and odd ones.

    python tests/golden/generated.py       rewrites data/generated.json (committed)

Needs sacrebleu 2.6 and rouge-score 0.1.2.
"""
import json
import pathlib
import random

from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU

OUT = pathlib.Path(__file__).resolve().parent / "data" / "generated.json"

SENTENCES = [
    "The Blue Spice is a coffee shop in the city centre.", "Near the riverside, there's a family-friendly pub called Aromi.",
    "Alimentum serves cheap Italian food for £20-25, rated 3 out of 5.", "It isn't expensive: prices are less than $1,000.50!",
    "The Café Müller (customer rating: 4.5) is not kid friendly…", "You can find “The Punter” near Raja Indian Cuisine; it's great.",
    "In 1999-2000 the U.S. economy grew 3.5%, e.g. in I.T.", "Fast food, high price range, 1-star.", "A & B's [shop] @home #1 ~50/50 {x} a|b a\\b ^_^ `q`",
]
ODD = [
    ([""], [["The cat sat on the mat."]]),
    ([" "], [[""]]),
    (["The cat sat on the mat."], [[""]]),
    (["the the the the the the the"], [["the cat is on the mat", "there is a cat on the mat"]]),
    (["cat"], [["cat"]]),
    (["a cat sat"], [["a cat sat"]]),
    (["a b c d"], [["a b c d"]]),
    (["a b c d", ""], [["a b c d"], ["e f g h"]]),
    (["x y z w v"], [["a b c d e"]]),
    (["a x b y c z"], [["a q b r c s"]]),
    (["THE CAT SAT ON THE MAT"], [["the cat sat on the mat"]]),
    (["ÄÖÜ ÉCOLE Ünïcode ŽLUŤOUČKÝ ПРИВЕТ МИР Ω"], [["äöü école ünïcode žluťoučký привет мир ω"]]),
    (["a&amp;b &lt;tag&gt; &quot;x&quot; &amp;lt; <skipped> end"], [["a & b < tag > \" x \" < end"]]),
    (["well-\nknown line\nbreak-\n"], [["wellknown line break-"]]),
    (["1.5 1,000 .5 5. 1.,2 ,, .. a.b a,b 3-4 a-b 3 -4 -"], [["1.5 1,000 . 5 5 . 1 . , 2 , , . . a . b a , b 3 - 4 a-b 3 -4 -"]]),
    (["no\u00a0break\u3000wide\u2003em\u0085next\u001fsep word"], [["no break wide em next sep word"]]),
    (["日本語 の 文 です 。 終わり"], [["日本語 の 文 です 。 おわり"]]),
    (["emoji 😀 family 👨‍👩‍👧 ok fine"], [["emoji 😀 family 👨‍👩‍👧 ok good"]]),
    (["temperature 300\u212a in İstanbul today"], [["temperature 300k in istanbul today", "temperature 300k in i stanbul today"]]),
    (["short one here now", "another text that is long enough"], [["short one here now ok", "short"], ["another text", "another text that is long"]]),
    (["a b c d e f"], [["a b c d", "a b c d e f g h"]]),
    (["trailing space  \t\n"], [["trailing space"]]),
    (["don't can't 'quoted' rock'n'roll"], [["don't can't 'quoted' rock ' n ' roll"]]),
    (["price is 5.- or 3.14-ish"], [["price is 5 . - or 3.14 - ish"]]),
]


def corrupted(draw, text):
    words = text.split(" ")
    for _ in range(draw.randint(0, 4)):
        at = draw.randrange(len(words))
        kind = draw.randrange(4)
        if kind == 0 and len(words) > 1:
            del words[at]
        elif kind == 1:
            words.insert(at, draw.choice(words))
        elif kind == 2:
            other = draw.randrange(len(words))
            words[at], words[other] = words[other], words[at]
        else:
            words[at] = draw.choice([words[at].upper(), words[at] + ",", draw.choice(SENTENCES).split(" ")[0]])
    return " ".join(words)


def random_cases():
    draw = random.Random(11)
    for number in range(40):
        texts, references = [], []
        for _ in range(draw.randint(1, 6)):
            base = draw.choice(SENTENCES)
            references.append([corrupted(draw, base) for _ in range(draw.randint(1, 4))])
            texts.append("" if draw.random() < 0.05 else corrupted(draw, base))
        if number % 8 == 7:  # characters at random, marks and digits among them
            texts = ["".join(draw.choices("ab1.,-' &;/\u00e9", k=40)) for _ in texts]
            references = [[corrupted(draw, t), "".join(draw.choices("ab1.,-' &;/\u00e9", k=40))] for t in texts]
        yield texts, references


def bleu(texts, references, lowercase):
    """As a fraction. Streams of references: None where a text has fewer than others."""
    most = max(len(r) for r in references)
    streams = [[r[k] if k < len(r) else None for r in references] for k in range(most)]
    return BLEU(lowercase=lowercase).corpus_score(texts, streams).score / 100


def main():
    scorer = RougeScorer(["rougeL"])
    cases = []
    for texts, references in [*ODD, *random_cases()]:
        rouge = [scorer.score_multi(r, t)["rougeL"].fmeasure for t, r in zip(texts, references)]
        cases.append({"texts": texts, "references": references, "bleu": bleu(texts, references, False),
                      "bleu_lowercase": bleu(texts, references, True), "rouge_l": [float(f) for f in rouge]})
    OUT.write_text("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")


if __name__ == "__main__":
    main()
