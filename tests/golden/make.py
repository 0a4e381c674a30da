# SPDX-License-Identifier: Apache-2.0
"""Makes the golden files: tiny random BERT checkpoints and what PyTorch computes with them.

    python tests/golden/make.py                      rewrites tests/golden/data (committed)
    python tests/golden/make.py --only NAME...       only these files of methods/
    python tests/golden/make.py --real MODEL OUT     the same kind of files for a downloaded checkpoint (not committed)

Needs torch 2.x (CPU), transformers 4.57, peft 0.21.2, safetensors. Seeds are fixed and one thread is used: on one
machine two runs write identical files. README.md beside this file names the tensors and the tolerances they deserve.
"""
import argparse
import importlib
import json
import pathlib
import sys

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import BertConfig, BertForSequenceClassification, logging

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "bench" / "peer"))
sys.path.insert(0, str(HERE))
import sora  # noqa: E402
from recipe import Recipe, logits_of, plain  # noqa: E402

LR, BETAS, EPS, DECAY = 1e-3, (0.9, 0.999), 1e-8, 0.01
SORA = {"sora": ("scaled", 10.0), "sora_constant": ("constant", 1e-3), "sora_reference": ("reference", 1e-3)}


WORDS = ("the of and to in is it a film movie good bad great not very fun dull plot story acting this that with for "
         "as but was are on").split()


def vocabulary():
    """96 WordPiece entries: the special tokens, letters that start and continue a word, marks, and a few words."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    marks = [".", ",", "'", "!", "?", "-", '"', "0", "1", "2", "3"]
    entries = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *("##" + c for c in letters), *marks]
    entries += [w for w in WORDS if w not in entries]
    return entries[:96]


def tiny_config(**changes):
    return BertConfig(**{**dict(
        vocab_size=96, hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=64,
        hidden_act="gelu", max_position_embeddings=48, type_vocab_size=2, num_labels=3, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0, layer_norm_eps=1e-12, attn_implementation="eager"), **changes})


def tiny_model(config, seed):
    """Random weights, larger than a fresh BERT's so that every gradient is of order one."""
    random = torch.Generator().manual_seed(seed)
    model = BertForSequenceClassification(config)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.endswith("LayerNorm.weight"):
                mean, std = 1.0, 0.1
            elif name.endswith("bias"):
                mean, std = 0.0, 0.05
            elif "embeddings" in name:
                mean, std = 0.0, 0.4
            else:
                mean, std = 0.0, (2.0 if name.startswith("classifier") else 1.3) / p.shape[1] ** 0.5
            p.copy_(mean + std * torch.randn(p.shape, generator=random))
    return model


def write_checkpoint(folder, model, dtype=torch.float32, bare=False):
    """Hugging Face's two files and a vocabulary. `bare`: a BertModel's file, no `bert.` prefix, no classifier, and the
    position_ids buffer that older versions stored."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {k: v.to(dtype).contiguous() for k, v in model.state_dict().items()}
    if bare:
        tensors = {k.removeprefix("bert."): v for k, v in tensors.items() if k.startswith("bert.")}
        tensors["embeddings.position_ids"] = torch.arange(model.config.max_position_embeddings).unsqueeze(0)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    keep = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act",
            "max_position_embeddings", "type_vocab_size", "vocab_size", "hidden_dropout_prob",
            "attention_probs_dropout_prob", "layer_norm_eps", "initializer_range", "pad_token_id")
    config = {k: getattr(model.config, k) for k in keep}
    labels = {f"LABEL_{i}": i for i in range(model.config.num_labels)}
    config |= {"architectures": ["BertModel" if bare else "BertForSequenceClassification"], "model_type": "bert",
               "torch_dtype": str(dtype).removeprefix("torch."), "position_embedding_type": "absolute",
               "id2label": {str(i): k for k, i in labels.items()}, "label2id": labels}
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    (folder / "vocab.txt").write_text("\n".join(vocabulary()) + "\n")
    tokenizer = {"do_lower_case": True, "model_max_length": 48, "tokenizer_class": "BertTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer, indent=2) + "\n")


def make_batch(lengths, random, labels, ids, cls, sep, pairs):
    """Packed: sequence s owns offsets[s] .. offsets[s + 1] of ids and types. Every third sequence is a pair."""
    def draw(n, low, high):
        return torch.randint(low, high, (n,), generator=random).tolist()
    offsets, all_ids, all_types = [0], [], []
    for s, n in enumerate(lengths):
        row, types = [cls, *draw(n - 2, *ids), sep], [0] * n
        if pairs and s % 3 == 1 and n >= 5:
            cut = draw(1, 2, n - 2)[0]
            row[cut] = sep
            types[cut + 1:] = [1] * (n - cut - 1)
        all_ids += row
        all_types += types
        offsets.append(len(all_ids))
    if labels == 1:
        targets = torch.randn(len(lengths), generator=random)
    else:
        targets = torch.tensor(draw(len(lengths), 0, labels), dtype=torch.float32)
    return {"offsets": torch.tensor(offsets, dtype=torch.int32), "ids": torch.tensor(all_ids, dtype=torch.int32),
            "types": torch.tensor(all_types, dtype=torch.int32), "targets": targets}


def prepare(model, method, rank, alpha, seed, b_std):
    """Attaches `method` to a BertForSequenceClassification, in place. B is random: zero would hide A's gradient."""
    torch.manual_seed(seed)
    if method == "lora":
        get_peft_model(model, LoraConfig(task_type="SEQ_CLS", r=rank, lora_alpha=alpha, lora_dropout=0.0,
                                         target_modules=["query", "value"]))
    elif method.startswith("sora"):
        sora.attach(model, rank, alpha)
        with torch.no_grad():  # some gates small enough to be closed within five steps, and one about to cross zero
            for k, g in enumerate(sora.gates(model)):
                g[k % rank] = 0.0037 * (1 + k % 7) * (-1) ** k
    else:
        for name, p in model.named_parameters():
            bias = name.endswith(".bias")
            p.requires_grad = method == "full" or name.startswith("classifier.") or (method == "bitfit" and bias)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_B" in name:
                p.normal_(0, b_std)
    return {plain(k): p for k, p in model.named_parameters() if p.requires_grad}


def shrink(method, gates, lr):
    kind, value = SORA[method]
    for g in gates:
        if kind == "scaled":
            sora.soft_threshold(g, lr * value)
        elif kind == "constant":
            sora.soft_threshold(g, value)
        else:
            sora.released_operator(g, value)


class Foundation(Recipe):
    """Head only, BitFit, LoRA, SoRA under its operators, full fine-tuning."""

    def __init__(self, method, rank, alpha, seed, b_std, pooling="first", lr=LR):
        self.method, self.rank, self.alpha, self.seed, self.b_std = method, rank, alpha, seed, b_std
        self.pooling, self.lr = pooling, lr

    def attach(self, model):
        self.model = model
        return prepare(model, self.method, self.rank, self.alpha, self.seed, self.b_std)

    def logits(self, batch):
        return logits_of(self.model, batch, self.pooling)

    def decays(self, name):
        return not name.endswith("lora_g")

    def after_step(self, step, total, lr):
        if self.method.startswith("sora"):
            shrink(self.method, list(sora.gates(self.model)), lr)

    def about(self):
        known = dict(method=self.method, rank=self.rank, alpha=self.alpha, pooling=self.pooling)
        if self.method.startswith("sora"):
            kind, value = SORA[self.method]
            known |= {"shrink": kind, "lambda" if kind == "scaled" else "xi": value}
        return known


def train(recipe, trainable, batches, steps):
    """AdamW over `steps` batches, taken in turn; returns the losses (without penalties), each before its step."""
    recipe.reset()
    groups = {}
    for k, p in trainable.items():
        groups.setdefault((recipe.decays(k), recipe.lr_factor(k)), []).append(p)
    optimizer = torch.optim.AdamW([{"params": group, "weight_decay": DECAY if decays else 0.0, "lr": recipe.lr * factor}
                                   for (decays, factor), group in groups.items()], betas=BETAS, eps=EPS)
    losses = []
    for i in range(steps):
        batch = batches[i % len(batches)]
        optimizer.zero_grad()
        loss = recipe.loss(recipe.logits(batch), batch)
        (loss + recipe.penalty()).backward()
        optimizer.step()
        recipe.after_step(i + 1, 20, recipe.lr)
        losses.append(loss.item())
    return torch.tensor(losses, dtype=torch.float64)


def compute(recipe, trainable, batches):
    """Everything a golden file holds, by its name there. Leaves the model as it found it."""
    init = {k: p.detach().clone() for k, p in trainable.items()}

    def restore():
        with torch.no_grad():
            for k, p in trainable.items():
                p.copy_(init[k])

    recipe.reset()
    recipe.model.zero_grad()
    logits = recipe.logits(batches[0])
    loss = recipe.loss(logits, batches[0])
    (loss + recipe.penalty()).backward()
    out = {f"init.{k}": v for k, v in init.items()}
    out |= {"logits": logits.detach(), "loss": loss.detach().reshape(1)}
    out |= {f"grad.{k}": p.grad.clone() for k, p in trainable.items()}
    train(recipe, trainable, batches[:1], 5)
    out |= {f"after5.{k}": p.detach().clone() for k, p in trainable.items()}
    restore()
    out["losses"] = train(recipe, trainable, batches[1:], 20).to(logits.dtype)
    restore()
    return out


def rounding(single, double):
    """How far fp32 is from fp64, by kind of tensor; key biases, whose gradient is zero but for rounding, apart."""
    worst = {}
    for name, a in single.items():
        kind = name.split(".")[0] + (" (key bias)" if name.endswith("self.key.bias") else "")
        difference = (a.double() - double[name]).abs()
        if kind in ("loss", "losses"):
            difference = difference / double[name].abs()
        worst[kind] = max(worst.get(kind, 0.0), difference.max().item())
    return ", ".join(f"{k} {v:.0e}" for k, v in worst.items() if k != "init" and not k.startswith("init "))


def golden(path, make_model, make_recipe, batches, small=False):
    """Writes one file and prints how large the gradients are and how well fp32 can agree. `small`: gradient norms
    in place of gradients, no parameters after five steps, and of the initial values only the classifier's."""
    results = []
    batches = make_recipe().batches(batches)
    for dtype in (torch.float32, torch.float64):
        recipe = make_recipe()
        trainable = recipe.attach(make_model())
        recipe.model.to(dtype)
        results.append(compute(recipe, trainable, batches))
    single, double = results
    largest = max(v.abs().max().item() for k, v in single.items() if k.startswith("grad."))
    about = recipe.about() | dict(lr=recipe.lr, beta1=BETAS[0], beta2=BETAS[1], eps=EPS, weight_decay=DECAY)
    zeros = [k for k in single if k.startswith("after5.") and (single[k] == 0).any()]
    closed = sum((single[k] == 0).sum().item() for k in zeros)
    if closed:
        agree = all(torch.equal(single[k] == 0, double[k] == 0) for k in zeros)
        print(f"  {closed} zeros after five steps" + ("" if agree else "; fp64 HAS OTHERS: change the seed"))
    print(f"  {path.parent.name}/{path.name}: largest gradient {largest:.2g}; "
          f"fp32 against fp64: {rounding(single, double)}")
    if small:
        norms = {"norm." + k: v.double().norm().float().reshape(1) for k, v in single.items() if k.startswith("grad.")}
        single = {k: single[k] for k in ("logits", "loss", "losses")} | norms
        single |= {f"init.{k}": p.detach().float() for k, p in trainable.items() if k.startswith("classifier.")}
    for i, batch in enumerate(batches):
        prefix = "batch" if i == 0 else f"batch{i - 1}"
        single |= {f"{prefix}.{k}": v for k, v in batch.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"golden": json.dumps(about, sort_keys=True)}
    save_file({k: v.contiguous() for k, v in single.items()}, path, metadata=metadata)


def recipes():
    """The methods of tests/golden/methods: file name -> a function that makes the recipe."""
    found = {}
    for file in sorted((HERE / "methods").glob("[!_]*.py")):
        module = importlib.import_module(f"methods.{file.stem}")
        found |= module.RECIPES
    return found


TINY = (("tiny-bert", {}, 1),
        ("tiny-bert-tanh", dict(hidden_act="gelu_new", hidden_size=30, num_attention_heads=5, num_hidden_layers=2,
                                intermediate_size=50, num_labels=1), 2))


def tiny_batches(config, seed):
    random = torch.Generator().manual_seed(10 + seed)
    lengths = ([2, 40, 17, 9, 5, 23, 12], [7, 11, 3, 30, 2, 19, 26], [15, 6, 38, 8, 21, 4, 10],
               [33, 14, 2, 25, 18, 9, 3], [5, 28, 13, 40, 7, 16, 22])
    return [make_batch(n, random, config.num_labels, ids=(4, 96), cls=2, sep=3, pairs=True) for n in lengths]


def tiny_recipes(out, only):
    """The files of tests/golden/methods, on the first tiny checkpoint."""
    name, changes, seed = TINY[0]
    config = tiny_config(**changes)
    for stem, make_recipe in recipes().items():
        if not only or stem in only:
            golden(out / name / f"{stem}.safetensors", lambda: tiny_model(config, seed), make_recipe,
                   tiny_batches(config, seed))


def tiny(out):
    for name, changes, seed in TINY:
        config = tiny_config(**changes)
        write_checkpoint(out / name, tiny_model(config, seed), bare=name != "tiny-bert")
        batches = tiny_batches(config, seed)
        methods = ["head", "bitfit", "lora", "sora", "full"] + (list(SORA)[1:] if name == "tiny-bert" else [])
        for method in methods:
            golden(out / name / f"{method}.safetensors", lambda: tiny_model(config, seed),
                   lambda: Foundation(method, rank=4, alpha=8, seed=100 * seed + 7, b_std=0.3), batches)
        if name == "tiny-bert":
            golden(out / name / "lora_meanpool.safetensors", lambda: tiny_model(config, seed),
                   lambda: Foundation("lora", rank=4, alpha=8, seed=107, b_std=0.3, pooling="mean"), batches)
            for dtype, suffix in ((torch.float16, "fp16"), (torch.bfloat16, "bf16")):
                write_checkpoint(out / f"{name}-{suffix}", tiny_model(config, seed), dtype=dtype)
                model = tiny_model(config, seed).to(dtype).float()
                tensors = {f"batch.{k}": v for k, v in batches[0].items()}
                tensors["logits"] = logits_of(model, batches[0], "first").detach()
                save_file(tensors, out / f"{name}-{suffix}" / "logits.safetensors")


def real(folder, out):
    def make_model():
        torch.manual_seed(3)
        return BertForSequenceClassification.from_pretrained(
            folder, num_labels=2, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
            attn_implementation="eager")
    random = torch.Generator().manual_seed(4)
    batches = [make_batch(torch.randint(4, 50, (16,), generator=random).tolist(), random, 2, ids=(1000, 30000), cls=101,
                          sep=102, pairs=False) for _ in range(5)]
    for method in ("head", "bitfit", "lora", "sora", "full"):
        lr = 2e-5 if method == "full" else LR
        golden(out / f"{method}.safetensors", make_model,
               lambda: Foundation(method, rank=8, alpha=16, seed=5, b_std=0.02, lr=lr), batches, small=method == "full")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", nargs=2, type=pathlib.Path, metavar=("MODEL", "OUT"),
                        help="a checkpoint folder and where to write")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="only these files of methods/")
    arguments = parser.parse_args()
    logging.set_verbosity_error()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    if arguments.real:
        real(*arguments.real)
    else:
        if not arguments.only:
            tiny(HERE / "data")
        tiny_recipes(HERE / "data", arguments.only)
