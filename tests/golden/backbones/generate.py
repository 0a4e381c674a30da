# SPDX-License-Identifier: Apache-2.0
"""What transformers' generate writes on a tiny checkpoint: greedily, by beams, with virtual tokens."""
import json

import torch
from transformers import DynamicCache, EncoderDecoderCache

from .variant import random

NEW = 24
LENGTHS = (1, 3, 5, 8, 13, 20)
BEAMS = [dict(length_penalty=1.0, early_stopping=False), dict(length_penalty=0.6, early_stopping=False),
         dict(length_penalty=1.0, early_stopping=True)]


def prompts(variant):
    draw = random(50 + variant.seed)
    end = [variant.config.eos_token_id] if variant.config.is_encoder_decoder else []
    return [torch.randint(3, variant.config.vocab_size, (n,), generator=draw).tolist() + end for n in LENGTHS]


def answers(model, prompts, eos, **options):
    """The new ids of each prompt, the end's included, and beam search's scores."""
    out, scores = [], []
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    base.generation_config.pad_token_id = 0
    base.generation_config.eos_token_id = eos
    for prompt in prompts:
        if base.config.is_encoder_decoder:  # generate's own takes the encoder's number of layers for the decoder's
            options["past_key_values"] = EncoderDecoderCache(DynamicCache(), DynamicCache())
        with torch.no_grad():
            made = model.generate(input_ids=torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt)).long(),
                                  max_new_tokens=NEW, do_sample=False, use_cache=True, return_dict_in_generate=True,
                                  output_scores=True, **options)
        before = 1 if base.config.is_encoder_decoder else len(prompt)
        out.append(made.sequences[0, before:].tolist())
        if options.get("num_beams", 1) > 1:
            scores.append(made.sequences_scores[0].item())
    return {"outputs": out} | ({"scores": scores} if scores else {})


def with_method(variant, method, dtype):
    recipe = variant.methods[method](variant)
    recipe.attach(variant.model())
    return recipe.model.eval().to(dtype)


def check(variant, model, prompt, output):
    """Greedy ids are those of the logits without a cache."""
    whole = lambda values: torch.tensor(values, dtype=torch.int32)  # noqa: E731
    if variant.config.is_encoder_decoder:
        batch = {"ids": whole(prompt), "offsets": whole([0, len(prompt)]), "decoder_ids": whole([0, *output[:-1]]),
                 "decoder_offsets": whole([0, len(output)])}
    else:
        ids = prompt + output[:-1]
        batch = {"ids": whole(ids), "offsets": whole([0, len(ids)])}
    with torch.no_grad():
        best = variant.task.logits(model, batch)[-len(output):].argmax(1)
    if best.tolist() != output:
        raise SystemExit(f"{variant.folder}: generate disagrees with forward: {output}, {best.tolist()}")


def run(variant, prompts, name, eos, method=None, **options):
    """One entry. fp64 must write the same, or the rest would hang on a rounding."""
    found = []
    for dtype in (torch.float32, torch.float64):
        model = with_method(variant, method, dtype) if method else variant.model().to(dtype)
        found.append(answers(model, prompts, eos, **options))
        if not options:
            for prompt, output in zip(prompts, found[-1]["outputs"]):
                check(variant, model, prompt, output)
    if found[0]["outputs"] != found[1]["outputs"]:
        raise SystemExit(f"{variant.folder}: {name}: fp64 writes something else: change the seed")
    entry = {"name": name, "num_beams": 1, "length_penalty": 1.0, "early_stopping": False, "eos": eos} | options | found[0]
    return entry | ({"method": f"{method}.safetensors"} if method else {})


def ending(outputs):
    """The id that would end as near as possible to half of the outputs, none of them at once."""
    def stops(token, first, last=NEW):
        return sum(token in o and first <= o.index(token) < last for o in outputs)
    return min(sorted({t for o in outputs for t in o}),
               key=lambda t: (abs(stops(t, 2) - len(outputs) // 2) + 2 * stops(t, 0, 2), t))


def write(folder, variant):
    asked = prompts(variant)
    runs = []
    for method in (None, *variant.places["generate"]):
        suffix = f", {method}" if method else ""
        free = run(variant, asked, "greedy, no end" + suffix, None, method)
        eos = ending(free["outputs"])
        runs += [free, run(variant, asked, "greedy" + suffix, eos, method)]
        for options in BEAMS[:1] if method else BEAMS:
            name = f"beams, penalty {options['length_penalty']}" + (", stops early" if options["early_stopping"] else "")
            runs.append(run(variant, asked, name + suffix, eos, method, num_beams=4, **options))
    print(f"  {folder.name}/generate.json:", "; ".join(f"{r['name']}, {r['eos']}: {' '.join(str(len(o)) for o in r['outputs'])}"
                                                      for r in runs))
    lines = ",\n  ".join(json.dumps(r) for r in runs)
    (folder / "generate.json").write_text(
        f'{{"max_new_tokens": {NEW}, "prompts": {json.dumps(asked)}, "runs": [\n  {lines}\n]}}\n')
