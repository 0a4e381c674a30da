# SPDX-License-Identifier: Apache-2.0
"""T5: RMSNorm before each part, positions as buckets of distances, unscaled scores; v1.0 with ReLU and a tied, scaled output,
v1.1 (as Flan) with a gated GELU and an output of its own."""
from transformers import T5Config, T5ForConditionalGeneration

from . import batches
from .methods import IA3, Full, Houlsby, Lora, Prompt
from .read import ReadPair, ReadPairFull, ReadPairRelative
from .tasks import Translate
from .variant import Variant, random

# Tokens of the source and of the output.
LENGTHS = ([(2, 7), (30, 3), (13, 24), (9, 10), (5, 1)], [(7, 5), (21, 8), (3, 2)], [(15, 4), (5, 9), (10, 3)],
           [(26, 6), (2, 1), (8, 12)], [(4, 2), (19, 7), (12, 6)])


def config(**changes):
    return T5Config(**{**dict(
        vocab_size=96, d_model=24, d_kv=6, num_heads=4, d_ff=40, num_layers=2, num_decoder_layers=2, dropout_rate=0.0,
        relative_attention_num_buckets=8, relative_attention_max_distance=20, layer_norm_epsilon=1e-6,
        feed_forward_proj="relu", tie_word_embeddings=True, decoder_start_token_id=0, pad_token_id=0, eos_token_id=1,
        attn_implementation="eager"), **changes})


def scale(name, p):
    if name == "decoder.final_layer_norm.weight":  # the tied output is scaled by the root of the width
        return 2.5, 0.2
    if name.endswith("layer_norm.weight"):
        return 1.0, 0.1
    if "relative_attention_bias" in name:
        return 0.0, 0.7
    if name.endswith(".q.weight"):  # scores are not divided by the root of the head's width
        return 0.0, 0.6 / p.shape[1] ** 0.5
    if name == "shared.weight":
        return 0.0, 0.4
    return 0.0, (0.4 if "lm_head" in name else 1.3) / p.shape[1] ** 0.5


def sublayers(half, layers):
    """Where an adapter sits, whose output it reads, the norm before: attention, in the decoder a second one, feed-forward."""
    parts = ["SelfAttention.o", "EncDecAttention.o", "DenseReluDense.wo"]
    if half == "encoder":
        del parts[1]
    for i in range(layers):
        for j, last in enumerate(parts):
            path = f"{half}.block.{i}.layer.{j}"
            yield path, f"{path}.{last}", path + ".layer_norm"


def variant(folder, seed, methods, **changes):
    made = config(**changes)
    draw = random(60 + seed)
    places = {"lora": ["q", "v"], "lora_B": 0.1, "prompt": "encoder.prompt", "generate": ["prompt"],
              "sublayers": [*sublayers("encoder", made.num_layers), *sublayers("decoder", made.num_decoder_layers)]}
    return Variant(folder, T5ForConditionalGeneration, made, scale, Translate(),
                   [batches.translate(n, draw, ids=(3, 96), end=1, start=0) for n in LENGTHS], methods, seed, places=places)


def variants():
    every = {"lora": Lora, "full": Full, "ia3": IA3, "prompt": Prompt, "houlsby": Houlsby, "read": ReadPair, "read_full": ReadPairFull,
             "read_relative": ReadPairRelative}
    return [variant("tiny-t5-v1.0", 14, every),
            variant("tiny-t5-v1.1", 15, every, feed_forward_proj="gated-gelu", tie_word_embeddings=False, num_heads=3, d_ff=36,
                    num_decoder_layers=3)]
