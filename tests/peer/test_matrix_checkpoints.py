# SPDX-License-Identifier: Apache-2.0
"""Every class of transformers on our families, saved by several versions: the same hidden states and logits to 1e-5.
test_matrix_checkpoints.py BUILD [--whole] [--keep FOLDER] [--json FILE]    BUILD has tests/peer/probe; --whole: by transformers 4.33 too"""
import sys

import numpy
from matrix import judge, run


def judged(probe, folder, title, c):
    case = judge.Case("checkpoints", f"{title}, {c['family']}", f"{c['what']}, {c['read']}")
    at, out = folder / c["folder"], folder / "out.bin"
    status, _, error = run.called(probe, c["read"], at, c["labels"], at / "batch.tsv", out)
    if status:
        return judge.refused(case, error.replace(str(folder) + "/", ""))
    if c["answer"] is None:
        case.reason = "opened, though the file has not what is asked for"
        return case
    return judge.compared(case, numpy.fromfile(out, "float32"), numpy.load(folder / c["answer"]))


def main(a):
    cases = []
    for title, overlays in (run.TODAY, run.NEXT) + ((run.OLD,) if a.whole else ()):
        folder, made = run.folder(a, "checkpoints", title, overlays, "make_checkpoints.py")
        cases += [judged(a.build / "tests" / "peer" / "probe", folder, title, c) for c in made]
    return judge.report(cases, a.json)


if __name__ == "__main__":
    sys.exit(run.main(__doc__, main, "tests/peer/probe"))
