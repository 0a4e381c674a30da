# SPDX-License-Identifier: Apache-2.0
"""What seqeval, which follows conlleval, makes of random tags.

    python tests/golden/entities.py       rewrites data/entities.json (committed)

Needs seqeval 1.2.2 (and numpy, scikit-learn).
"""
import json
import pathlib
import random
import warnings

from seqeval.metrics import accuracy_score, f1_score, precision_score, recall_score

OUT = pathlib.Path(__file__).resolve().parent / "data" / "entities.json"
warnings.simplefilter("ignore")  # about divisions by zero, which give 0


def spelled(draw, n, scheme):
    """Entities of random types and lengths with gaps, as IOB1 or IOB2; "any": random tags."""
    types = ["PER", "LOC", "A-B"]
    if scheme == "any":
        return draw.choices(["O"] + [f"{m}-{t}" for m in "BI" for t in types], k=n)
    tags = []
    while len(tags) < n:
        if draw.random() < 0.4:
            tags.append("O")
            continue
        kind, length = draw.choice(types), draw.randint(1, 3)
        neighbour = bool(tags) and tags[-1] != "O" and tags[-1][2:] == kind
        first = "B" if scheme == "iob2" or neighbour else "I"
        tags += [f"{first}-{kind}"] + [f"I-{kind}"] * (length - 1)
    return tags[:n]


def main():
    draw = random.Random(7)
    cases = []
    for number in range(90):
        scheme = ("iob1", "iob2", "any")[number % 3]
        targets = [spelled(draw, draw.randint(1, 12), scheme) for _ in range(draw.randint(1, 4))]
        predictions = []
        for sentence in targets:
            other = spelled(draw, len(sentence), scheme)
            keep = draw.random()
            predictions.append([a if draw.random() < keep else b for a, b in zip(sentence, other)])
        if number % 10 == 9:
            predictions = [["O"] * len(s) for s in targets]
        scores = {f.__name__.removesuffix("_score"): f(targets, predictions)
                  for f in (precision_score, recall_score, f1_score, accuracy_score)}
        cases.append({"targets": [" ".join(s) for s in targets], "predictions": [" ".join(s) for s in predictions]}
                     | {k: float(v) for k, v in scores.items()})
    OUT.write_text("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")


if __name__ == "__main__":
    main()
