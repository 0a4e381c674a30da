# SPDX-License-Identifier: Apache-2.0
"""Random packed batches: sequence s owns rows offsets[s] .. offsets[s + 1]."""
import torch

from .tasks import IGNORED


def whole(values):
    return torch.tensor(values, dtype=torch.int32)


def real(values):
    return torch.tensor(values, dtype=torch.float32)


def draw(random, n, low, high):
    return torch.randint(low, high, (n,), generator=random).tolist()


def classify(lengths, random, labels, ids, first, last, types=None):
    """Texts between `first` and `last`. With two `types` every third is a pair; None leaves types out."""
    offsets, all_ids, all_types = [0], [], []
    for s, n in enumerate(lengths):
        row, kinds = [first, *draw(random, n - 2, *ids), last], [0] * n
        if s % 3 == 1 and n >= 5:
            cut = draw(random, 1, 2, n - 2)[0]
            row[cut] = last
            if types == 2:
                kinds[cut + 1:] = [1] * (n - cut - 1)
        all_ids += row
        all_types += kinds
        offsets.append(len(all_ids))
    targets = torch.randn(len(lengths), generator=random) if labels == 1 else real(draw(random, len(lengths), 0, labels))
    batch = {"offsets": whole(offsets), "ids": whole(all_ids), "targets": targets}
    return batch if types is None else batch | {"types": whole(all_types)}


def complete(lengths, random, ids, end):
    """Prompts and completions that end in `end`: a row's target is the next id where that is one of the completion's."""
    offsets, all_ids, targets = [0], [], []
    for n, prompt in lengths:
        row = [*draw(random, n - 1, *ids), end]
        all_ids += row
        targets += [row[t + 1] if prompt <= t + 1 < n else IGNORED for t in range(n)]
        offsets.append(len(all_ids))
    return {"offsets": whole(offsets), "ids": whole(all_ids), "targets": real(targets)}


def translate(lengths, random, ids, end, start):
    """Sources and outputs that end in `end`; the decoder reads its output one late, after `start`."""
    batch = {"offsets": [0], "ids": [], "decoder_offsets": [0], "decoder_ids": [], "targets": []}
    for source, output in lengths:
        batch["ids"] += [*draw(random, source - 1, *ids), end]
        out = [*draw(random, output - 1, *ids), end]
        batch["decoder_ids"] += [start, *out[:-1]]
        batch["targets"] += out
        batch["offsets"].append(len(batch["ids"]))
        batch["decoder_offsets"].append(len(batch["decoder_ids"]))
    return {k: real(v) if k == "targets" else whole(v) for k, v in batch.items()}
