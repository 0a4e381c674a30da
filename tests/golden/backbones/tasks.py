# SPDX-License-Identifier: Apache-2.0
"""What a packed batch is to each kind of model: padded inputs in, packed logits out, and the loss."""
import torch
from torch.nn import functional as F

IGNORED = -100


def padded(flat, offsets, pad):
    """(sequences, longest) of a packed tensor, and the mask of what is real."""
    at = offsets.tolist()
    ids = torch.full((len(at) - 1, max(b - a for a, b in zip(at, at[1:]))), pad, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for s, (a, b) in enumerate(zip(at, at[1:])):
        ids[s, :b - a], mask[s, :b - a] = flat[a:b], 1
    return ids, mask


class Classify:
    """One target per sequence: a class, or a score where there is one label."""
    peft = "SEQ_CLS"

    def logits(self, model, batch):
        ids, mask = padded(batch["ids"], batch["offsets"], model.config.pad_token_id)
        more = {}
        if "types" in batch:
            more["token_type_ids"] = padded(batch["types"], batch["offsets"], 0)[0]
        return model(input_ids=ids, attention_mask=mask, **more).logits

    def loss(self, logits, batch):
        if logits.shape[1] == 1:
            return F.mse_loss(logits[:, 0], batch["targets"].to(logits.dtype))
        return F.cross_entropy(logits, batch["targets"].long())


class Complete:
    """One target per token: the next one where it belongs to the completion."""
    peft = "CAUSAL_LM"

    def logits(self, model, batch):
        ids, mask = padded(batch["ids"], batch["offsets"], 0)
        logits = model(input_ids=ids, attention_mask=mask).logits[:, -ids.shape[1]:]  # virtual tokens have rows too
        return logits[mask.bool()]

    def loss(self, logits, batch):
        return F.cross_entropy(logits, batch["targets"].long(), ignore_index=IGNORED)


class Translate:
    """One target per token of the decoder."""
    peft = "SEQ_2_SEQ_LM"

    def logits(self, model, batch):
        ids, mask = padded(batch["ids"], batch["offsets"], 0)
        decoder_ids, decoder_mask = padded(batch["decoder_ids"], batch["decoder_offsets"], 0)
        return model(input_ids=ids, attention_mask=mask, decoder_input_ids=decoder_ids).logits[decoder_mask.bool()]

    def loss(self, logits, batch):
        return F.cross_entropy(logits, batch["targets"].long())
