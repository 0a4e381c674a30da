# SPDX-License-Identifier: Apache-2.0
"""How many numbers each method of the program trains with its own settings: the closed forms of the methods' docstrings."""
import json
import pathlib


def trained(method, model, labels, specials):
    """`model`: the folder of a BERT; `specials`: special tokens of a text, 2 around a sentence and 3 around a pair. With the
    head, labels (d + 1), over the mean of all tokens: a pooler, which nothing reads then, is not trained."""
    config = json.loads((pathlib.Path(model) / "config.json").read_text(encoding="utf-8"))
    d, f, layers = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
    pairs = [(d, d)] * 4 + [(d, f), (f, d)]  # in, out of a layer's matrices
    tables = config["vocab_size"] + config["max_position_embeddings"] + config["type_vocab_size"]
    everything = (tables + 2) * d + layers * (sum(i * o + o for i, o in pairs) + 4 * d)
    tensors = 5 + 16 * layers

    def adapter(w):
        return 2 * w * d + w + d

    def factored(k, w):
        return 2 * k * (d + w) + w + d

    def prefix(n, m):
        return n * d + m * (d + 1) + 2 * layers * d * (m + 1)

    def p_tuning(n, h):
        return n * d + 8 * h * (d + h + 2) + 8 * h * (3 * h + 2) + 2 * h * (2 * h + 1) + d * (2 * h + 1)

    def read(gates, k):
        return gates * k * (d + k + 2) + d * k

    def block(w, inner):
        return 4 * (w * w + w) + 2 * w * inner + inner + w + 4 * w

    w, inner = d // 8, f // 8
    forms = {
        "head": lambda: 0,
        "bitfit": lambda: layers * (sum(o for _, o in pairs) + 2 * d) + d,
        "lora": lambda: layers * 2 * 8 * (d + d),
        "sora": lambda: layers * sum(8 * (i + o + 1) for i, o in pairs),
        "adalora": lambda: layers * sum(12 * (i + o + 1) for i, o in pairs),
        "dora": lambda: layers * 2 * (8 * (d + d) + d),
        "vera": lambda: layers * 2 * (256 + d),
        "ia3": lambda: layers * (2 * d + f),
        "adapter": lambda: layers * (2 * adapter(64) + 4 * d),
        "pfeiffer": lambda: layers * adapter(d // 16),
        "parallel-adapter": lambda: layers * adapter(512),
        "compacter": lambda: 4**3 + layers * (2 * factored(1, d // 32) + 4 * d),
        "low-rank-adapter": lambda: layers * (2 * factored(1, d // 32) + 4 * d),
        "prefix": lambda: prefix(10, 512),
        "prompt": lambda: 20 * d,
        "p-tuning": lambda: p_tuning(20, d // 2),
        "p-tuning-v2": lambda: 2 * layers * 4 * d,
        "mam": lambda: prefix(30, 800) + layers * adapter(512),
        "pasta": lambda: layers * specials * d,
        "read": lambda: read(3, 128),
        "lst": lambda: d * w + w + layers * (d * w + w + 1 + block(w, inner)) + w * d + d,
        "side-tuning": lambda: 1 + d * w + w + 2 * block(w, inner) + w * d + d,
        "diff-prune": lambda: 2 * everything + tensors,
        "full": lambda: everything,
    }
    return forms[method]() + labels * (d + 1)
