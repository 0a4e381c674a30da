# SPDX-License-Identifier: Apache-2.0
"""Llama and Qwen2: RMSNorm before each part, rotary positions, keys and values shared by groups of heads, a gated SiLU."""
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

from . import batches
from .methods import IA3, BitFit, Full, Houlsby, Lora, Prefix, Prompt
from .tasks import Complete
from .variant import Variant, random

# Tokens, and how many of them are the prompt.
LENGTHS = ([(2, 1), (24, 9), (13, 12), (9, 4), (17, 2)], [(7, 3), (21, 8), (3, 1)], [(15, 6), (5, 2), (10, 4)],
           [(30, 11), (2, 1), (8, 5)], [(4, 2), (19, 7), (12, 3)])
END = 2


def config(kind, **changes):
    return kind(**{**dict(
        vocab_size=96, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=40,
        hidden_act="silu", max_position_embeddings=64, rms_norm_eps=1e-6, rope_theta=10000.0, tie_word_embeddings=False,
        attention_dropout=0.0, bos_token_id=1, eos_token_id=END, attn_implementation="eager"), **changes})


def scale(name, p):
    if name.endswith("norm.weight"):
        return 1.0, 0.1
    if name.endswith("bias"):
        return 0.0, 0.3
    if "embed_tokens" in name:
        return 0.0, 0.25
    return 0.0, (1.0 if "lm_head" in name else 1.3) / p.shape[1] ** 0.5


def sublayers(layers):
    """Where an adapter sits, whose output it reads, the norm before."""
    for i in range(layers):
        layer = f"model.layers.{i}."
        yield layer + "self_attn", layer + "self_attn.o_proj", layer + "input_layernorm"
        yield layer + "mlp", layer + "mlp.down_proj", layer + "post_attention_layernorm"


def variant(folder, seed, methods, kind=LlamaForCausalLM, generates=True, **changes):
    made = config(kind.config_class, **changes)
    draw = random(30 + seed)
    width = made.hidden_size // made.num_attention_heads * made.num_key_value_heads
    places = {"lora": ["q_proj", "v_proj"], "prompt": "model.prompt", "prefix": ("model.layers.{}.self_attn", width),
              "sublayers": list(sublayers(made.num_hidden_layers))}
    if generates:
        places["generate"] = [m for m in ("prefix", "prompt") if m in methods]
    return Variant(folder, kind, made, scale, Complete(), [batches.complete(n, draw, ids=(3, 96), end=END) for n in LENGTHS],
                   methods, seed, places=places)


def variants():
    lora = {"lora": Lora}
    long = dict(original_max_position_embeddings=16, factor=4.0)
    return [
        variant("tiny-llama", 5, lora | {"full": Full, "ia3": IA3, "prompt": Prompt, "prefix": Prefix, "houlsby": Houlsby}),
        # Waves of 6, 63 and 628 tokens: kept, between, slowed.
        variant("tiny-llama-tied", 6, lora | {"full": Full}, tie_word_embeddings=True, hidden_size=30, head_dim=8,
                num_attention_heads=3, num_key_value_heads=1, rms_norm_eps=1e-5, rope_scaling=dict(
                    rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                    original_max_position_embeddings=64)),
        variant("tiny-qwen2", 7, lora | {"bitfit": BitFit, "full": Full, "ia3": IA3}, kind=Qwen2ForCausalLM,
                use_sliding_window=False, generates=False),
        variant("tiny-llama-linear", 8, lora, generates=False, num_hidden_layers=1,
                rope_scaling=dict(rope_type="linear", factor=4.0)),
        variant("tiny-llama-yarn", 9, lora, generates=False, num_hidden_layers=1, rope_scaling=dict(rope_type="yarn", **long)),
    ]
