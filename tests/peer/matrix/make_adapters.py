# SPDX-License-Identifier: Apache-2.0
"""Adapters of every method that the installed PEFT and the library have, on tiny checkpoints of our families, random and not zero.
make_adapters.py OUT [--whole]

OUT/FAMILY/ is a checkpoint, OUT/data and OUT/pairs are data for the program, OUT/NAME/ an adapter; OUT/cases.json lists them with what
PEFT computes: logits of the dev texts, or the mean loss of the dev targets.
"""
import csv
import inspect
import itertools
import json
import pathlib
import random
import sys
import warnings

import numpy
import peft
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from make_checkpoints import DEBERTA, DISTILBERT, GPT2, LLAMA, SMALL, T5, WORDS, randomize  # noqa: E402

# Family, its config, and how target_modules may be written: as a list, as a regular expression, for (IA)^3 with its feed-forward part.
FAMILIES = {
    "bert": (SMALL, ["query", "value"], r".*\.attention\.self\.(query|key)|.*intermediate\.dense", (["key", "value", "output.dense"], ["output.dense"])),
    "roberta": (SMALL | dict(pad_token_id=1), ["query", "value"], r".*(query|key)$", (["key", "value", "output.dense"], ["output.dense"])),
    "distilbert": (DISTILBERT, ["q_lin", "lin1"], r".*(k_lin|out_lin)", None),
    "deberta-v2": (DEBERTA, ["query_proj", "value_proj"], r".*(key_proj|intermediate\.dense)", (["key_proj", "value_proj", "output.dense"], ["output.dense"])),
    "gpt2": (GPT2, ["c_attn"], r".*\.(c_attn|c_fc)", None), "llama": (LLAMA, ["q_proj", "down_proj"], r".*\.mlp\.(up|gate)_proj", None),
    "mistral": (LLAMA | dict(sliding_window=None), ["q_proj", "down_proj"], r".*\.mlp\.(up|gate)_proj", None),
    "qwen2": (LLAMA, ["q_proj", "down_proj"], r".*\.mlp\.(up|gate)_proj", None), "t5": (T5, ["q", "wo"], r".*\.(k|v|o)", None),
}
ENCODERS = ("bert", "roberta", "distilbert", "deberta-v2")
OLD = int(peft.__version__.split(".")[1]) < 7  # PyTorch's own files are its rule
FEW = ("bert", "roberta", "distilbert", "deberta-v2", "gpt2", "llama", "t5")

# Method, the program's name for it, its families, PEFT's class, its options; what the product runs over.
LOW_RANK = dict(r=3, lora_alpha=5)
METHODS = [
    ("LoRA", "lora", tuple(FAMILIES), "LoraConfig", LOW_RANK, dict(target="default list regex all-linear", kind="head no-head bare", bias="none all lora_only")),
    ("rsLoRA", "lora", FEW, "LoraConfig", LOW_RANK | dict(use_rslora=True), dict(target="list", kind="head bare", bias="none")),
    ("LoRA with patterns", "lora", FEW, "LoraConfig", LOW_RANK | dict(rank_pattern=True), dict(target="list", kind="head", bias="none")),
    ("DoRA", "dora", ("bert",), "LoraConfig", LOW_RANK | dict(use_dora=True), dict(target="default list regex all-linear", kind="head no-head bare", bias="none")),
    ("AdaLoRA", "adalora", ("bert",), "AdaLoraConfig", dict(init_r=4, target_r=2, lora_alpha=5, total_step=10),
     dict(target="default list regex", kind="head no-head bare", bias="none all lora_only")),
    ("VeRA", "vera", ("bert",), "VeraConfig", dict(r=8), dict(target="default list", kind="head no-head bare", bias="none all vera_only")),
    ("(IA)^3", "ia3", ("bert", "roberta", "deberta-v2"), "IA3Config", {}, dict(target="default list all-linear", kind="head no-head bare", bias="none")),
    ("prompt tuning", "prompt", ("bert", "roberta", "deberta-v2", "t5", "gpt2", "llama"), "PromptTuningConfig", dict(num_virtual_tokens=4), dict(kind="head")),
    ("P-tuning", "p-tuning", ("bert",), "PromptEncoderConfig", dict(num_virtual_tokens=4, encoder_hidden_size=16), dict(kind="head")),
    ("prefix tuning", "prefix", ("bert",), "PrefixTuningConfig", dict(num_virtual_tokens=4), dict(kind="head")),
    ("prefix tuning, projected", "prefix", ("bert",), "PrefixTuningConfig", dict(num_virtual_tokens=4, prefix_projection=True, encoder_hidden_size=16), dict(kind="head")),
]


def write_tokenizer(family, folder):
    """Words that are numbers: w7 is the id 7."""
    made = Tokenizer(models.WordPiece({f"w{i}": i for i in range(WORDS)}, unk_token="w3"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text("{}")


def data(out):
    draw = random.Random(5)
    texts = [" ".join(f"w{draw.randint(4, WORDS - 1)}" for _ in range(draw.randint(2, 9))) for _ in range(24)]
    for name, header, rows in (("data", ("text", "label"), [(t, i % 3) for i, t in enumerate(texts[:8])]),
                               ("pairs", ("source", "target"), list(zip(texts[8:16], texts[16:])))):
        (out / name).mkdir(parents=True)
        for split in ("train", "dev"):
            with open(out / name / f"{split}.csv", "w", newline="") as file:
                csv.writer(file).writerows([header, *rows])


def ids(text):
    return torch.tensor([[int(w[1:]) for w in text.split()]])


def numbers(model, family, out):
    with torch.no_grad():
        if family in ENCODERS:
            with open(out / "data" / "dev.csv", newline="") as file:
                return torch.cat([model(input_ids=ids(r["text"]), attention_mask=torch.ones_like(ids(r["text"]))).logits for r in csv.DictReader(file)]).numpy()
        total = count = 0
        with open(out / "pairs" / "dev.csv", newline="") as file:
            for row in csv.DictReader(file):
                source, target = ids(row["source"]), torch.cat([ids(row["target"]), torch.tensor([[1]])], 1)
                if family == "t5":
                    loss = model(input_ids=source, attention_mask=torch.ones_like(source), labels=target).loss
                else:
                    whole = torch.cat([source, target], 1)
                    labels = torch.cat([torch.full_like(source, -100), target], 1)
                    loss = model(input_ids=whole, attention_mask=torch.ones_like(whole), labels=labels).loss
                total, count = total + loss.item() * target.shape[1], count + target.shape[1]
        return numpy.array([total / count])


def classifier(family, folder):
    kind = transformers.AutoModelForSequenceClassification if family in ENCODERS else (
        transformers.AutoModelForSeq2SeqLM if family == "t5" else transformers.AutoModelForCausalLM)
    return kind.from_pretrained(folder).eval()


def config(family, name, class_name, options, target, kind, bias):
    cls = getattr(peft, class_name)
    known = set(inspect.signature(cls.__init__).parameters)
    if not set(options) - {"rank_pattern"} <= known:
        return None
    lists, feed_forward = FAMILIES[family][1:3], FAMILIES[family][3]
    task = {"head": "SEQ_CLS" if family in ENCODERS else "SEQ_2_SEQ_LM" if family == "t5" else "CAUSAL_LM", "no-head": None, "bare": "FEATURE_EXTRACTION"}[kind]
    given = dict(options, task_type=task)
    if options.get("rank_pattern"):
        if "rank_pattern" not in known:
            return None
        given |= dict(rank_pattern={lists[0][0]: 5}, alpha_pattern={lists[0][-1]: 7})
    if target == "list":
        given["target_modules"] = lists[0]
        if class_name == "IA3Config":
            given["target_modules"], given["feedforward_modules"] = feed_forward
    elif target == "regex":
        given["target_modules"] = lists[1]
    elif target == "all-linear":
        given["target_modules"] = "all-linear"
        if class_name == "IA3Config":
            given["feedforward_modules"] = []
    if bias and bias != "none":
        given["bias"] = bias
    return cls(**given)


def read_again(family, out, folder, kind):
    """What PEFT computes with the file: it leaves some things out in silence. None: it does not read what it has written."""
    base = classifier(family, out / family)
    try:
        read = peft.PeftModel.from_pretrained(base.base_model if kind == "bare" else base, str(out / folder)).eval()
        return numbers(base if kind == "bare" else read, family, out)
    except Exception:
        return None


def stir(model, seed):
    """Away from where a method begins: there most do nothing."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            if p.requires_grad and "ranknum" not in name:
                p.copy_(p * (1 + 0.2 * torch.randn(p.shape, generator=draw)) + (0 if "magnitude" in name or "ia3" in name else 0.2) * torch.randn(p.shape, generator=draw))


def main():
    out, whole, cases = pathlib.Path(sys.argv[1]), "--whole" in sys.argv, []
    torch.set_num_threads(1)
    data(out)
    for seed, (family, (options, *_)) in enumerate(FAMILIES.items()):
        if family not in transformers.CONFIG_MAPPING:
            continue
        torch.manual_seed(seed)
        extra = {} if family in ENCODERS else dict(eos_token_id=1)
        made = transformers.CONFIG_MAPPING[family](**options | extra)
        kind = transformers.AutoModelForSequenceClassification if family in ENCODERS else (
            transformers.AutoModelForSeq2SeqLM if family == "t5" else transformers.AutoModelForCausalLM)
        randomize(kind.from_config(made), seed).save_pretrained(out / family, safe_serialization=True)
        write_tokenizer(family, out / family)
    for name, method, families, class_name, options, product in METHODS:
        if not hasattr(peft, class_name):
            continue
        for family in (f for f in families if f in transformers.CONFIG_MAPPING and (whole or f in FEW)):
            axes = [product.get(a, "").split() or [None] for a in ("target", "bias")] + [product["kind"].split()]
            for target, bias, kind in itertools.product(*axes):
                title = f"{name}, {family}" + "".join(f", {x}" for x in (target, kind, bias and f"bias {bias}") if x)
                torch.manual_seed(1)
                try:
                    made = config(family, name, class_name, options, target, kind, bias)
                    if made is None:
                        continue
                    base = classifier(family, out / family)
                    whole_model = peft.get_peft_model(base.base_model if kind == "bare" else base, made)
                    stir(whole_model, len(cases))
                    whole_model.eval()
                    answer = numbers(base if kind == "bare" else whole_model, family, out)  # a bare model is changed within its classifier
                    folder = f"{len(cases):04}"
                    whole_model.save_pretrained(str(out / folder), safe_serialization=len(cases) % 3 == 1 if OLD else len(cases) % 8 > 0)
                except Exception as e:
                    if "--verbose" in sys.argv:
                        print(f"{title}: PEFT makes none: {type(e).__name__}: {str(e)[:150]}", file=sys.stderr)
                    continue
                again = read_again(family, out, folder, kind)
                lost = again is None or not numpy.allclose(again, answer, rtol=1e-5, atol=1e-5)
                numpy.save(out / folder / "answer.npy", answer)
                cases.append(dict(family=family, method=method, what=title, folder=folder, writes=family not in ENCODERS, lost=lost))
    (out / "cases.json").write_text(json.dumps(dict(peft=peft.__version__, cases=cases)))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    if hasattr(transformers.logging, "disable_progress_bar"):
        transformers.logging.disable_progress_bar()
    main()
