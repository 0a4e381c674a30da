# SPDX-License-Identifier: Apache-2.0
"""Each case of a matrix is equal, refused for a reason, or wrong; the table and the JSON of them."""
import collections
import dataclasses
import json
import pathlib
import re

import numpy

KNOWN = pathlib.Path(__file__).with_name("refused.json")
TOLERANCE = 1e-5


@dataclasses.dataclass
class Case:
    part: str    # a table of its own: checkpoints, adapters, tokenizers
    group: str   # a row of it: who saved it, and the family
    what: str
    verdict: str = "wrong"  # equal, refused, wrong
    reason: str = ""        # what the library said, or how far the numbers are apart
    count: int = 1          # texts that a tokenizer read otherwise


def refused(case, message):
    """A refusal is right where the list of known ones has it: `of` is found in the case, `says` in the message."""
    case.reason = message
    for known in json.loads(KNOWN.read_text()):
        if re.search(known["of"], f"{case.part}: {case.group}: {case.what}") and re.search(known["says"], message):
            case.verdict = "refused"
            case.reason = known["because"]
    return case


def compared(case, ours, theirs):
    """Equal to 1e-5 of the largest number, or of one where all are smaller."""
    ours, theirs = numpy.asarray(ours, "float64").ravel(), numpy.asarray(theirs, "float64").ravel()
    if ours.shape != theirs.shape:
        case.reason = f"{ours.size} numbers, {theirs.size} expected"
        return case
    apart = float(numpy.abs(ours - theirs).max() / max(1, numpy.abs(theirs).max())) if len(ours) else 0.0
    case.verdict = "equal" if apart <= TOLERANCE else "wrong"
    case.reason = "" if case.verdict == "equal" else f"{apart:.2g} apart"
    return case


def table(cases):
    rows = [("", "opened", "equal", "refused", "wrong")]
    for part in dict.fromkeys(c.part for c in cases):
        own = [c for c in cases if c.part == part]
        for group in [*dict.fromkeys(c.group for c in own), None]:
            n = collections.Counter(c.verdict for c in own if group in (None, c.group))
            rows.append((f"{part}: {group or 'all'}", n.total() - n["refused"], n["equal"], n["refused"], n["wrong"]))
    widths = [max(len(str(r[i])) for r in rows) for i in range(5)]
    return "\n".join("  ".join(str(c).ljust(w) if i == 0 else str(c).rjust(w) for i, (c, w) in enumerate(zip(r, widths))) for r in rows)


def report(cases, path=None):
    """Prints the table, the reasons of refusals and what is wrong; the number of wrong cases."""
    print(table(cases))
    reasons = collections.Counter((c.part, c.reason) for c in cases if c.verdict == "refused")
    for (part, reason), n in reasons.most_common():
        print(f"refused, {n} {part}: {reason}")
    wrong = [c for c in cases if c.verdict == "wrong"]
    for c in wrong:
        print(f"WRONG {c.part}: {c.group}: {c.what}: {c.reason}")
    if path:
        path.write_text(json.dumps([dataclasses.asdict(c) for c in cases], indent=1) + "\n")
    return len(wrong)
