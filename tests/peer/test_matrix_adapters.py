# SPDX-License-Identifier: Apache-2.0
"""Adapters of every method that PEFT and the library have, saved by PEFT of today and of 2023, in the program: PEFT's numbers to 1e-5.
test_matrix_adapters.py BUILD [--whole] [--keep FOLDER] [--json FILE]    BUILD has examples/finetune; --whole: more families, PEFT 0.4 and 0.6"""
import json
import sys

import numpy
from matrix import judge, run

PEERS = [("PEFT 0.21", ()), ("PEFT 0.5", ("peft0.5", "transformers4.33"))]
MORE = [("PEFT 0.4", ("peft0.4", "transformers4.33")), ("PEFT 0.6", ("peft0.6", "transformers4.33"))]


def judged(program, folder, title, c):
    case = judge.Case("adapters", f"{title}, {c['family']}", c["what"])
    line = [program, "--method", c["method"], "--model", folder / c["family"], "--load", folder / c["folder"], "--epochs", 0, "--workers", 1, "--max-length", 32]
    out = folder / ("out.json" if c["writes"] else "out.tsv")
    if c["writes"] and c["family"] != "t5":
        line += ["--set", "separator= "]
    line += (["--task", "pairs", "--data", folder / "pairs", "--texts", 0, "--json", out] if c["writes"] else
             ["--task", "csv", "--data", folder / "data", "--predict", out])
    out.unlink(missing_ok=True)
    status, _, error = run.called(*line)
    if status:
        if c["lost"]:
            case.verdict, case.reason = "refused", "PEFT itself loses a part of this file in silence, or does not read it"
            return case
        return judge.refused(case, error.replace(str(folder) + "/", ""))
    if c["writes"]:
        ours = json.loads(out.read_text())["scores"]["loss"]
    else:
        ours = [[float(x) for x in row.split("\t")[:3]] for row in out.read_text().splitlines()[1:]]
    case = judge.compared(case, ours, numpy.load(folder / c["folder"] / "answer.npy"))
    if case.verdict == "wrong" and c["lost"]:
        case.reason += "; PEFT loses a part of this file in silence"
    return case


def main(a):
    cases = []
    for title, overlays in PEERS + (MORE if a.whole else []):
        folder, made = run.folder(a, "adapters", title, overlays, "make_adapters.py", *(["--whole"] if a.whole else []))
        cases += [judged(a.build / "examples" / "finetune", folder, title, c) for c in made]
    return judge.report(cases, a.json)


if __name__ == "__main__":
    sys.exit(run.main(__doc__, main, "examples/finetune"))
