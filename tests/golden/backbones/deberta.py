# SPDX-License-Identifier: Apache-2.0
"""DeBERTa v2 and v3: content attends to positions and positions to content."""
from transformers import DebertaV2Config, DebertaV2ForSequenceClassification

from . import batches
from .methods import IA3, BitFit, Full, Head, Lora, Prompt
from .tasks import Classify
from .variant import Variant, random

# 36 tokens: distances far beyond the four that have a bucket of their own.
LENGTHS = ([2, 36, 17, 9, 5, 23, 12], [7, 11, 3, 30, 2, 19, 26], [15, 6, 35, 8, 21, 4, 10], [33, 14, 2, 25, 18, 9, 3],
           [5, 28, 13, 36, 7, 16, 22])

LIKE_V3 = dict(pos_att_type=["p2c", "c2p"], position_buckets=8, max_relative_positions=-1, share_att_key=True,
               norm_rel_ebd="layer_norm", position_biased_input=False, type_vocab_size=0)
PLAIN = dict(pos_att_type=["c2p"], position_buckets=-1, max_relative_positions=16, share_att_key=False, norm_rel_ebd="none",
             position_biased_input=True, type_vocab_size=2, hidden_size=30, num_attention_heads=5, intermediate_size=44,
             pooler_hidden_size=30)


def config(**changes):
    return DebertaV2Config(**{**dict(
        vocab_size=96, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, hidden_act="gelu",
        max_position_embeddings=40, layer_norm_eps=1e-7, relative_attention=True, num_labels=3, pooler_hidden_size=32,
        pooler_hidden_act="gelu", pooler_dropout=0.0, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        pad_token_id=0, attn_implementation="eager"), **changes})


def scale(name, p):
    if name.endswith("LayerNorm.weight"):
        return 1.0, 0.1
    if name.endswith("bias"):
        return 0.0, 0.1
    if "embeddings" in name:
        return 0.0, 0.8 if "rel_" in name else 0.4
    return 0.0, (2.0 if name.startswith("classifier") else 1.3) / p.shape[1] ** 0.5


def variant(folder, seed, methods, written={}, **changes):
    made = config(**changes)
    draw = random(20 + seed)
    types = made.type_vocab_size or None
    return Variant(
        folder, DebertaV2ForSequenceClassification, made, scale, Classify(),
        [batches.classify(n, draw, made.num_labels, ids=(4, 96), first=1, last=2, types=types) for n in LENGTHS],
        methods, seed, head=("classifier.",), written=written,
        places={"lora": ["query_proj", "value_proj"], "prompt": "deberta.embeddings.prompt"})


def variants():
    every = {"head": Head, "lora": Lora, "bitfit": BitFit, "full": Full}
    return [variant("tiny-deberta-v3", 3, every | {"ia3": IA3, "prompt": Prompt},
                    written={"pos_att_type": "p2c|c2p"}, **LIKE_V3),
            variant("tiny-deberta-c2p", 4, every, **PLAIN)]
