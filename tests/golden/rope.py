# SPDX-License-Identifier: Apache-2.0
"""What transformers makes of the rotary positions of Llama's configs.

    python tests/golden/rope.py       rewrites data/rope.json (committed)

Needs transformers 4.57 and torch. The numbers are fp32, as transformers computes them: they deserve 2e-6 of themselves.
"""
import json
import pathlib

from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

OUT = pathlib.Path(__file__).resolve().parent / "data" / "rope.json"
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8192)
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=2048)
CASES = [
    dict(),
    dict(head_dim=24, rope_theta=500000.0),
    dict(rope_scaling=dict(type="linear", factor=2.5)),
    dict(rope_scaling=dict(rope_type="dynamic", factor=4.0)),
    dict(rope_theta=500000.0, rope_scaling=LLAMA3, max_position_embeddings=131072, head_dim=128),
    dict(rope_theta=500000.0, rope_scaling=LLAMA3 | dict(factor=32.0), max_position_embeddings=131072),
    dict(rope_scaling=LLAMA3 | dict(low_freq_factor=2.0, high_freq_factor=3.0, original_max_position_embeddings=512)),
    dict(rope_theta=1000000.0, rope_scaling=YARN, max_position_embeddings=8192, head_dim=128),
    dict(rope_scaling=YARN | dict(beta_fast=16.0, beta_slow=2.0)),
    dict(rope_scaling=YARN | dict(truncate=False)),
    dict(rope_scaling=YARN | dict(attention_factor=0.8)),
    dict(rope_scaling=YARN | dict(mscale=1.0, mscale_all_dim=0.5, factor=40.0)),
    dict(rope_scaling=YARN | dict(mscale=0.7)),
    dict(rope_scaling=dict(rope_type="yarn", factor=1.0), max_position_embeddings=4),
]


def main():
    cases = []
    for changes in CASES:
        given = dict(model_type="llama", vocab_size=100, hidden_size=256, intermediate_size=64, num_hidden_layers=1,
                     num_attention_heads=4, max_position_embeddings=2048) | json.loads(json.dumps(changes))
        config = LlamaConfig(**json.loads(json.dumps(given)))
        kind = (config.rope_scaling or {}).get("rope_type", "default")
        frequencies, scale = ROPE_INIT_FUNCTIONS[kind](config, "cpu")
        cases.append({"config": given, "inverse_frequencies": frequencies.tolist(), "scale": scale})
    OUT.write_text("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")


if __name__ == "__main__":
    main()
