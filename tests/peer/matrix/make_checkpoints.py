# SPDX-License-Identifier: Apache-2.0
"""Tiny random checkpoints of every class that the installed transformers has for our families, with what it computes on them.
make_checkpoints.py OUT [--whole]

OUT/NAME/ is a checkpoint; OUT/cases.json lists for each what the probe is to be asked, and OUT/NAME/*.npy the answer.
"""
import json
import pathlib
import sys
import warnings

import numpy
import torch
import transformers
from transformers.models.auto import modeling_auto

WORDS = 96
SMALL = dict(vocab_size=WORDS, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
             max_position_embeddings=40, num_labels=3)
DEBERTA = SMALL | dict(relative_attention=True, position_buckets=8, norm_rel_ebd="layer_norm", share_att_key=True, pos_att_type=["p2c", "c2p"],
                       position_biased_input=False, type_vocab_size=0, max_relative_positions=-1, pooler_hidden_size=32)
DISTILBERT = dict(vocab_size=WORDS, dim=32, n_layers=2, n_heads=4, hidden_dim=48, max_position_embeddings=40, num_labels=3)
GPT2 = dict(vocab_size=WORDS, n_embd=32, n_layer=2, n_head=4, n_positions=40, num_labels=3, bos_token_id=0, eos_token_id=1, pad_token_id=2)
T5 = dict(vocab_size=WORDS, d_model=32, d_kv=8, num_layers=2, num_heads=4, d_ff=48, num_labels=3, decoder_start_token_id=0)
LLAMA = SMALL | dict(num_key_value_heads=2, pad_token_id=0)

# Family, the name of a variant, its config. The first of a family is saved in every class, the others in those of OTHERS alone.
FAMILIES = [
    ("bert", "", SMALL), ("bert", "no-types", SMALL | dict(type_vocab_size=1)), ("bert", "gelu-new", SMALL | dict(hidden_act="gelu_new")),
    ("roberta", "", SMALL | dict(pad_token_id=1)), ("xlm-roberta", "", SMALL | dict(pad_token_id=1)), ("camembert", "", SMALL | dict(pad_token_id=1)),
    ("distilbert", "", DISTILBERT), ("distilbert", "sinusoidal", DISTILBERT | dict(sinusoidal_pos_embds=True)),
    ("deberta-v2", "", DEBERTA), ("deberta-v2", "own-keys", DEBERTA | dict(share_att_key=False)), ("deberta-v2", "types", DEBERTA | dict(type_vocab_size=2)),
    ("t5", "", T5), ("t5", "1.1", T5 | dict(feed_forward_proj="gated-gelu", tie_word_embeddings=False)),
    ("mt5", "", T5 | dict(feed_forward_proj="gated-gelu", tie_word_embeddings=False)),
    ("gpt2", "", GPT2), ("gpt2", "by-layer", GPT2 | dict(scale_attn_by_inverse_layer_idx=True)), ("gpt2", "untied", GPT2 | dict(tie_word_embeddings=False)),
    ("llama", "", LLAMA), ("llama", "tied", LLAMA | dict(tie_word_embeddings=True)), ("llama", "head-dim", LLAMA | dict(head_dim=16)),
    ("mistral", "", LLAMA), ("mistral", "window", LLAMA | dict(sliding_window=16)), ("mistral", "tied", LLAMA | dict(tie_word_embeddings=True)),
    ("qwen2", "", LLAMA), ("qwen2", "tied", LLAMA | dict(tie_word_embeddings=True)),
]
OTHERS = ("Model", "ForSequenceClassification", "ForCausalLM", "ForConditionalGeneration", "LMHeadModel")
MORE = {"gpt2": ["GPT2DoubleHeadsModel"], "t5": ["T5EncoderModel"], "mt5": ["MT5EncoderModel"]}  # that no table of Auto classes has
FORMS = {"": {}, "bin": dict(safe_serialization=False), "shards": dict(max_shard_size="20KB")}
NEW = int(transformers.__version__.split(".")[0]) >= 5


def classes(family):
    tables = [t for n, t in vars(modeling_auto).items() if n.endswith("_MAPPING_NAMES") and isinstance(t, dict)]
    names = {n for t in tables for n in ([t[family]] if isinstance(t.get(family), str) else t.get(family, ()))} | set(MORE.get(family, ()))
    return sorted(n for n in names if getattr(getattr(transformers, n, None), "config_class", None))


def randomize(model, seed):
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            centre = 1 if p.dim() == 1 and "norm" in name.lower() and name.endswith("weight") else 0
            p.copy_(centre + 0.2 * torch.randn(p.shape, generator=random))
    return model.eval()


def sequences(seed):
    draw = numpy.random.default_rng(seed)
    return [draw.integers(3, WORDS, n).tolist() for n in (7, 1, 12, 20)]


def answers(family, name, model, made):
    """(what is read, labels, numbers) of each question that a checkpoint can answer."""
    config, base = model.config, model.base_model
    rows = made["ids"]
    typed = family == "bert" and config.type_vocab_size > 1 or family == "deberta-v2" and config.type_vocab_size > 0
    inputs = [dict(input_ids=torch.tensor([r])) | (dict(token_type_ids=torch.tensor([t])) if typed else {})
              for r, t in zip(rows, made["types"] if typed else rows)]
    if family in ("t5", "mt5"):
        if name.endswith(("EncoderModel", "ForTokenClassification")):
            return [("words", 0, None)]  # half of the backbone
        inputs = [i | dict(decoder_input_ids=torch.tensor([d])) for i, d in zip(inputs, made["decoder"])]
    if family in ("t5", "mt5", "gpt2", "llama", "mistral", "qwen2"):
        if family in ("t5", "mt5") and not name.endswith("ForConditionalGeneration"):
            base = transformers.AutoModel.from_config(config).eval()  # heads keep theirs under names of their own
            theirs = {k.removeprefix("transformer."): v for k, v in model.state_dict().items()}
            left = base.load_state_dict(theirs, strict=False).missing_keys
            assert not left, left
        if name.endswith(("ForCausalLM", "ForConditionalGeneration", "LMHeadModel", "DoubleHeadsModel")):
            numbers = [model(**i).logits[0] for i in inputs]
        else:
            states = [base(**i) for i in inputs]
            tied = family in ("t5", "mt5") or getattr(config, "tie_word_embeddings", True)  # T5 has one table where the file has no head
            if not tied:
                return [("words", 0, None)]  # nothing in the file reads words off
            scaled = family == "t5" and getattr(config, "scale_decoder_outputs", config.tie_word_embeddings)
            scale = config.d_model**-0.5 if scaled else 1
            numbers = [scale * s.last_hidden_state[0] @ base.get_input_embeddings().weight.T for s in states]
        return [("words", 0, torch.cat(numbers))]
    found = [("states", 0, torch.cat([base(**i).last_hidden_state[0] for i in inputs]))]
    if name.endswith("ForSequenceClassification"):
        found.append(("pooled", config.num_labels, torch.cat([model(**i).logits for i in inputs])))
    if name.endswith("ForMultipleChoice"):
        found.append(("choices", 1, torch.cat([model(**{k: v[None] for k, v in i.items()}).logits for i in inputs])))
    if name.endswith("ForTokenClassification"):
        found.append(("tags", config.num_labels, torch.cat([model(**i).logits[0] for i in inputs])))
    return found


def forms(family, name):
    wanted = name.endswith(("ForSequenceClassification", "ForCausalLM", "LMHeadModel", "ForConditionalGeneration"))
    return ("", "shards") + (() if NEW else ("bin",)) if wanted else ("",)


def main():
    out, cases = pathlib.Path(sys.argv[1]), []
    torch.set_num_threads(1)
    for seed, (family, variant, options) in enumerate(FAMILIES):
        if family not in transformers.CONFIG_MAPPING:
            continue
        config_class = transformers.CONFIG_MAPPING[family]
        for name in classes(family):
            if variant and not name.endswith(OTHERS):
                continue
            if variant == "head-dim" and not hasattr(config_class(), "head_dim"):
                continue  # transformers before 4.46 writes the key and does not read it
            title = f"{family}{'-' * bool(variant)}{variant}/{name}"
            try:
                heads = dict(num_labels=2) if "QuestionAnswering" in name else {}
                model = randomize(getattr(transformers, name)(config_class(**options | heads)), seed)
                made = dict(ids=sequences(seed), decoder=[r[:5] for r in sequences(seed + 100)])
                made["types"] = [[int(i > len(r) // 2) for i in range(len(r))] for r in made["ids"]]
                with torch.no_grad():
                    questions = answers(family, name, model, made)
            except Exception as e:  # a class that transformers itself cannot run so
                print(f"{title}: left out: {type(e).__name__}: {str(e)[:200]}", file=sys.stderr)
                continue
            typed = getattr(model.config, "type_vocab_size", 0) > (1 if family == "bert" else 0) and family in ("bert", "deberta-v2")
            for form in forms(family, name):
                folder = out / f"{family}-{variant}-{name}-{form}"
                model.save_pretrained(folder, **FORMS[form])
                lines = ["\t".join([" ".join(map(str, r)), " ".join(map(str, t)) if typed else "", " ".join(map(str, d)) if family in ("t5", "mt5") else ""])
                         for r, t, d in zip(made["ids"], made["types"], made["decoder"])]
                (folder / "batch.tsv").write_text("\n".join(lines) + "\n")
                for read, labels, numbers in questions:
                    answer = None
                    if numbers is not None:
                        answer = f"{folder.name}/{read}.npy"
                        numpy.save(out / answer, numbers.numpy().astype("float32"))
                    cases.append(dict(family=family, what=title + (f" ({form})" if form else ""), folder=folder.name, read=read, labels=labels, answer=answer))
    (out / "cases.json").write_text(json.dumps(dict(transformers=transformers.__version__, cases=cases)))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    main()
