# SPDX-License-Identifier: Apache-2.0
"""Every tokenizer class of our families, saved by several versions of transformers, on thousands of awkward texts: the same ids.
test_matrix_tokenizers.py BUILD [--whole] [--keep FOLDER] [--json FILE]    BUILD has tests/peer/probe; --whole: 20,000 texts each, not 2,000"""
import sys

import numpy
from matrix import judge, run


def judged(probe, folder, title, c):
    case = judge.Case("tokenizers", f"{title}, {c['family']}", c["what"])
    status, ours, error = run.called(probe, "ids", folder / c["folder"], folder / "texts")
    if status:
        return judge.refused(case, error.replace(str(folder) + "/", ""))
    theirs = numpy.load(folder / c["folder"] / "ids.npz")
    theirs = [x.tolist() for x in numpy.split(theirs["ids"], theirs["ends"][:-1])]
    ours = [[int(x) for x in line.split()] for line in ours.splitlines()]
    apart = [i for i, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b]
    case.count = len(apart)
    case.verdict = "wrong" if apart else "equal"
    if apart:
        text = texts(folder)[min(apart, key=lambda i: len(theirs[i]))]
        case.reason = f"{len(apart)} of {len(ours)} texts, {ascii(text)[:80]} among them"
    return case


def texts(folder):
    data, found, at = (folder / "texts").read_bytes(), [], 0
    while at < len(data):
        line = data.index(b"\n", at)
        at = line + 1 + int(data[at:line])
        found.append(data[line + 1:at].decode())
    return found


def main(a):
    cases = []
    for title, overlays in (run.TODAY, run.NEXT):
        folder, made = run.folder(a, "tokenizers", title, overlays + ("sentencepiece",), "make_tokenizers.py", 20000 if a.whole else 2000)
        cases += [judged(a.build / "tests" / "peer" / "probe", folder, title, c) for c in made]
    return judge.report(cases, a.json)


if __name__ == "__main__":
    sys.exit(run.main(__doc__, main, "tests/peer/probe"))
