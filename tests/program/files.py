# SPDX-License-Identifier: Apache-2.0
"""Files as people have them, made by hand: safetensors, tiny checkpoints to vary, tokenizers, adapters, data. Nothing to install."""
import array
import json
import pathlib
import random
import shutil
import struct
import zipfile

TINY = pathlib.Path(__file__).resolve().parents[1] / "golden" / "data"
WORDS = "the of and to in is it film movie good bad great not very fun dull plot story acting".split()
SIZE = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "U8": 1}


class Tensor:
    def __init__(self, shape, data, dtype="F32"):
        self.shape, self.data, self.dtype = list(shape), bytes(data), dtype
        count = 1
        for n in self.shape:
            count *= n
        assert count * SIZE[dtype] == len(self.data), (shape, len(self.data))

    def floats(self):
        assert self.dtype == "F32"
        out = array.array("f")
        out.frombytes(self.data)
        return list(out)


def f32(shape, values):
    return Tensor(shape, array.array("f", values).tobytes())


def constant(shape, value):
    count = 1
    for n in shape:
        count *= n
    return f32(shape, [value] * count)


def normal(shape, scale=1.0, seed=0):
    draw, count = random.Random(seed), 1
    for n in shape:
        count *= n
    return f32(shape, [draw.gauss(0, scale) for _ in range(count)])


def load(path):
    raw = pathlib.Path(path).read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + size])
    header.pop("__metadata__", None)
    body = raw[8 + size:]
    return {k: Tensor(v["shape"], body[v["data_offsets"][0]:v["data_offsets"][1]], v["dtype"]) for k, v in header.items()}


def save(path, tensors, metadata={"format": "pt"}):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    header, at = {"__metadata__": metadata} if metadata else {}, 0
    for name, t in tensors.items():
        header[name] = {"dtype": t.dtype, "shape": t.shape, "data_offsets": [at, at + len(t.data)]}
        at += len(t.data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(t.data for t in tensors.values()))


def save_torch(path, tensors, prefix=b""):
    """As torch.save writes a state dict: a zip of a pickle and a file per tensor. `prefix`: opcodes that come first."""
    kinds = {"F64": "Double", "F32": "Float", "F16": "Half", "BF16": "BFloat16", "I64": "Long", "I32": "Int", "U8": "Byte"}
    text = lambda s: b"X" + struct.pack("<I", len(s.encode())) + s.encode()
    whole = lambda n: b"J" + struct.pack("<i", n)
    pack = lambda *parts: b"(" + b"".join(parts) + b"t"
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        pickle = b"\x80\x02" + prefix + b"}"
        for key, (name, t) in enumerate(tensors.items()):
            strides = [1]
            for n in reversed(t.shape[1:]):
                strides.insert(0, strides[0] * n)
            storage = pack(text("storage"), f"ctorch\n{kinds[t.dtype]}Storage\n".encode(), text(str(key)), text("cpu"), whole(len(t.data) // SIZE[t.dtype]))
            shape, steps = pack(*map(whole, t.shape)), pack(*map(whole, strides[:len(t.shape)]))
            pickle += text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n" + pack(storage + b"Q", whole(0), shape, steps, b"\x89}") + b"Rs"
            archive.writestr(f"archive/data/{key}", t.data)
        archive.writestr("archive/data.pkl", pickle + b".")


def write(path, content):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def write_json(path, value):
    write(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def read_json(path):
    return json.loads(pathlib.Path(path).read_text(encoding="utf8"))


def fresh(folder):
    shutil.rmtree(folder, ignore_errors=True)
    pathlib.Path(folder).mkdir(parents=True)
    return pathlib.Path(folder)


def copy(name, folder):
    """A tiny checkpoint: its config, weights and, where it has one, its tokenizer."""
    folder = fresh(folder)
    for file in ("config.json", "model.safetensors", "vocab.txt", "tokenizer_config.json"):
        if (TINY / name / file).exists():
            shutil.copy(TINY / name / file, folder / file)
    return folder


def change_config(folder, remove=(), **changes):
    config = read_json(folder / "config.json")
    for key in remove:
        config.pop(key, None)
    config.update(changes)
    write_json(folder / "config.json", config)


def change_tensors(folder, change):
    save(folder / "model.safetensors", change(load(folder / "model.safetensors")))


def special(content, number):
    return {"id": number, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}


def unigram(names, around=None, extra=(), words=WORDS):
    """tokenizer.json: special tokens, words, letters. `around`: (before, after), special tokens of a single text."""
    space = "\u2581"
    pieces = [[n, 0.0] for n in names] + [[space + w, -2.0] for w in words]
    pieces += [[c, -8.0] for c in [chr(ord("a") + i) for i in range(26)] + [space, ":", "\n", ".", ","]]
    part = {"type": "Metaspace", "replacement": space, "prepend_scheme": "always", "split": True}
    post = None
    if around:
        before, after = around
        piece = lambda n: {"SpecialToken": {"id": n, "type_id": 0}}
        a, b = [{"Sequence": {"id": s, "type_id": 0}} for s in "AB"]
        post = {"type": "TemplateProcessing", "single": [*map(piece, before), a, *map(piece, after)],
                "pair": [*map(piece, before), a, *map(piece, after), b, *map(piece, after)],
                "special_tokens": {n: {"id": n, "ids": [names.index(n)], "tokens": [n]} for n in {*before, *after}}}
    return {"version": "1.0", "truncation": None, "padding": None, "normalizer": None, "pre_tokenizer": part, "decoder": part,
            "post_processor": post, "added_tokens": [special(n, i) for i, n in enumerate(names)] + list(extra),
            "model": {"type": "Unigram", "unk_id": names.index("<unk>"), "vocab": pieces}}


def sentences(count, seed, mark=""):
    draw, rows = random.Random(seed), []
    for _ in range(count):
        words = draw.choices(WORDS, k=draw.randint(2, 9))
        kind = 0 if {"bad", "dull"} & set(words) else 2 if {"good", "great"} & set(words) else 1
        rows.append((mark + " ".join(words), kind))
    return rows


def csv_text(rows, header):
    return "\n".join([header, *(",".join(map(str, r)) for r in rows)]) + "\n"


def csv_data(folder, train=24, dev=9, mark=""):
    folder = fresh(folder)
    write(folder / "train.csv", csv_text(sentences(train, 1, mark), "text,label"))
    write(folder / "dev.csv", csv_text(sentences(dev, 2, mark), "text,label"))
    return folder


def pair_data(folder, train=24, dev=8, mark=""):
    folder = fresh(folder)
    for name, count, seed in (("train", train, 1), ("dev", dev, 2)):
        draw = random.Random(seed)
        rows = [(mark + " ".join(draw.choices(WORDS, k=draw.randint(2, 6))), " ".join(draw.choices(WORDS, k=draw.randint(1, 5)))) for _ in range(count)]
        write(folder / f"{name}.csv", csv_text(rows, "source,target"))
    return folder


def lora_config(**changes):
    """adapter_config.json as PEFT writes it today, keys in its order (sorted)."""
    config = {"alora_invocation_tokens": None, "alpha_pattern": {}, "arrow_config": None, "auto_mapping": None,
              "base_model_name_or_path": "some/base", "bias": "none", "corda_config": None, "eva_config": None, "exclude_modules": None,
              "fan_in_fan_out": False, "inference_mode": True, "init_lora_weights": True, "layer_replication": None, "layers_pattern": None,
              "layers_to_transform": None, "loftq_config": {}, "lora_alpha": 8, "lora_bias": False, "lora_dropout": 0.0,
              "megatron_config": None, "megatron_core": "megatron.core", "modules_to_save": None, "peft_type": "LORA",
              "peft_version": "0.18.1", "qalora_group_size": 16, "r": 4, "rank_pattern": {}, "revision": None, "target_modules": [],
              "target_parameters": None, "task_type": None, "trainable_token_indices": None, "use_dora": False, "use_qalora": False,
              "use_rslora": False}
    config.update(changes)
    return config


def lora_pair(path, rank, inner, outer, seed, start="base_model.model.", end=""):
    return {f"{start}{path}.lora_A{end}.weight": normal((rank, inner), 0.3, seed),
            f"{start}{path}.lora_B{end}.weight": normal((outer, rank), 0.3, seed + 1)}


def adapter(folder, config, tensors):
    folder = fresh(folder)
    write_json(folder / "adapter_config.json", config)
    save(folder / "adapter_model.safetensors", tensors)


def head_of(folder, names, start="base_model.model."):
    all_tensors = load(folder / "model.safetensors")
    return {start + n: all_tensors[n] for n in names}

