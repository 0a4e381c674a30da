# SPDX-License-Identifier: Apache-2.0
"""GLUE's files and metrics, for the PyTorch side of comparisons. Files are tab-separated without quoting."""
import pathlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """Columns of the first sentence, the second (or None) and the label; `labels` empty: a score."""
    first: int
    second: int | None
    label: int
    labels: tuple = ("0", "1")
    header: bool = True
    dev: str = "dev"
    metric: str = "accuracy"

    @property
    def outputs(self):
        return len(self.labels) or 1


ENTAILMENT = ("entailment", "not_entailment")
TASKS = {
    "sst2": Task(0, None, 1),
    "cola": Task(3, None, 1, header=False, metric="matthews"),
    "mrpc": Task(3, 4, 0, metric="accuracy_f1"),
    "rte": Task(1, 2, 3, ENTAILMENT),
    "stsb": Task(7, 8, 9, (), metric="pearson_spearman"),
    "qnli": Task(1, 2, 3, ENTAILMENT),
    "mnli": Task(8, 9, -1, ("entailment", "neutral", "contradiction"), dev="dev_matched"),
    "qqp": Task(3, 4, 5, metric="accuracy_f1"),
    "wnli": Task(1, 2, 3),
}


def read(folder, name, split):
    """Rows (first sentence, second sentence or None, target) of `split` (train or dev)."""
    task = TASKS[name]
    path = pathlib.Path(folder) / f"{task.dev if split == 'dev' else split}.tsv"
    lines = path.read_text(encoding="utf8").split("\n")
    rows = []
    for number, line in enumerate(lines[task.header:], 1 + task.header):
        if not line:
            continue
        cells = line.rstrip("\r").split("\t")
        try:
            label = cells[task.label]
            target = task.labels.index(label) if task.labels else float(label)
            rows.append((cells[task.first], None if task.second is None else cells[task.second], target))
        except (IndexError, ValueError) as error:
            raise SystemExit(f"{path}:{number}: not a row of {name}: {error}") from None
    return rows


def score(name, logits, targets):
    """GLUE's own number for the task, from (rows, outputs) logits; averages where GLUE averages two metrics."""
    from scipy.stats import pearsonr, spearmanr
    from sklearn.metrics import f1_score, matthews_corrcoef
    metric = TASKS[name].metric
    if metric == "pearson_spearman":
        return float((pearsonr(logits[:, 0], targets)[0] + spearmanr(logits[:, 0], targets)[0]) / 2)
    guesses = logits.argmax(1)
    if metric == "matthews":
        return float(matthews_corrcoef(targets, guesses))
    accuracy = float((guesses == targets).mean())
    return (accuracy + float(f1_score(targets, guesses))) / 2 if metric == "accuracy_f1" else accuracy
