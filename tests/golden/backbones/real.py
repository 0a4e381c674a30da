# SPDX-License-Identifier: Apache-2.0
"""What the downloaded checkpoints of scripts/fetch --models compute: ids of texts, logits, generated texts."""
import json

import torch
from safetensors.torch import save_file
from transformers import (AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoModelForSequenceClassification, AutoTokenizer)

from .batches import draw, whole
from .real_texts import LLAMA_PROMPTS, T5_PROMPTS, TEXTS
from .tasks import Classify, Complete, Translate
from .variant import random

NEW, COLUMNS = 32, 64
MODELS = {  # folder, class, task, prompts
    "roberta": ("roberta-l6-h384-question", AutoModelForSequenceClassification, Classify(), None),
    "deberta": ("deberta-v2-l12-h384-prompt-guard", AutoModelForSequenceClassification, Classify(), None),
    "llama": ("smollm2-135m-instruct", AutoModelForCausalLM, Complete(), LLAMA_PROMPTS),
    "gpt2": ("gpt2-l8-h256-microbiome", AutoModelForCausalLM, Complete(), None),
    "t5": ("flan-t5-small-titles", AutoModelForSeq2SeqLM, Translate(), T5_PROMPTS),
}
RUNS = {"greedy": {}, "beams": dict(num_beams=4, length_penalty=0.6, early_stopping=False)}


def packed(rows):
    offsets = [0]
    for row in rows:
        offsets.append(offsets[-1] + len(row))
    return whole(offsets), whole([i for row in rows for i in row])


def inputs(model, tokenizer):
    """The packed batch, and the ids of each text: of a model without a tokenizer random ones."""
    if tokenizer:
        ids = [tokenizer(t)["input_ids"] for t in TEXTS]
    else:
        source = random(1)
        ids = [[model.config.bos_token_id, *draw(source, n, 4, model.config.vocab_size)] for n in range(1, 120, 8)]
    batch = dict(zip(("offsets", "ids"), packed(ids)))
    if model.config.is_encoder_decoder:  # an output to score: the next text's first tokens
        start = model.config.decoder_start_token_id
        decoder = [[start, *ids[(i + 1) % len(ids)][:24]] for i in range(len(ids))]
        batch |= dict(zip(("decoder_offsets", "decoder_ids"), packed(decoder)))
    return batch, ids


def last(logits, batch):
    """The last row of each sequence."""
    offsets = batch.get("decoder_offsets", batch["offsets"])
    return logits[offsets[1:].long() - 1]


def computed(model, task, batch):
    with torch.no_grad():
        logits = task.logits(model, batch)
    if isinstance(task, Classify):
        return {"logits": logits}
    rows = last(logits, batch)
    columns = torch.arange(COLUMNS) * (rows.shape[1] // COLUMNS)
    return {"logits": rows[:, columns].contiguous(), "columns": columns.int(), "argmax": rows.argmax(1).int(),
            "logsumexp": rows.logsumexp(1)}


def written(model, tokenizer, prompts):
    """Each run: new ids, their text, and the least distance between the first and the second choice of a greedy step."""
    runs = []
    for name, options in RUNS.items():
        run = {"name": name, "num_beams": 1, "length_penalty": 1.0, "early_stopping": False} | options
        run |= {"outputs": [], "texts": []}
        if not options:
            run["margins"] = []
        for prompt in prompts:
            with torch.no_grad():
                made = model.generate(input_ids=torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt)).long(),
                                      max_new_tokens=NEW, do_sample=False, use_cache=True, return_dict_in_generate=True,
                                      output_logits=not options, **options)
            ids = made.sequences[0, 1 if model.config.is_encoder_decoder else len(prompt):].tolist()
            run["outputs"].append(ids)
            run["texts"].append(tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))
            if not options:
                best = torch.cat(made.logits).topk(2).values
                run["margins"].append((best[:, 0] - best[:, 1]).min().item())
        runs.append(run)
    return runs


def one(source, out, kind, task, prompts):
    model = kind.from_pretrained(source, attn_implementation="eager").eval()
    tokenizer = AutoTokenizer.from_pretrained(source) if (source / "tokenizer.json").exists() else None
    batch, ids = inputs(model, tokenizer)
    about = {"ids": ids}
    if tokenizer:
        about["texts"] = TEXTS
    if prompts:
        asked = [tokenizer(p)["input_ids"] for p in prompts]
        about |= {"max_new_tokens": NEW, "eos": model.generation_config.eos_token_id, "prompts": prompts, "prompt_ids": asked,
                  "runs": written(model, tokenizer, asked)}
    single = computed(model, task, batch)
    double = computed(model.double(), task, batch)
    print(f"  {source.name}: fp32 against fp64:", ", ".join(
        f"{k} {(single[k].double() - double[k]).abs().max():.0e} of {double[k].abs().max():.2g}"
        for k in single if single[k].is_floating_point()))
    save_file(single | {f"batch.{k}": v for k, v in batch.items()}, out / f"{source.name}.safetensors")
    (out / f"{source.name}.json").write_text(json.dumps(about, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def write(models, out, architectures):
    """Of the folders in `models` those that are there."""
    out.mkdir(parents=True, exist_ok=True)
    for architecture in architectures:
        folder, *rest = MODELS[architecture]
        if (models / folder / "config.json").exists():
            one(models / folder, out, *rest)
        else:
            print(f"  {folder}: not in {models}")
