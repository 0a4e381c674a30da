#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds the fuzzer with clang's libFuzzer, AddressSanitizer and UBSan, and runs it from the test data as seeds.

    tests/fuzz/run.py FOLDER [SECONDS]

FOLDER keeps the program, the inputs found so far and crashes; the status is libFuzzer's, 0 when nothing was found.
CXX names the compiler (clang++), CPPFLAGS may add include paths.
"""
import os
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LONGEST = 1 << 15
PATTERNS = [(5, r".*\.(?:layers|h)\.(\d{1,2})\..*(?:q_proj|v_proj)$"), (5, r"(?i)(?P<n>[^\W\d_]+)(?P=n)|\bmodel(?!x)(?<=l)\Z"),
            (6, r"(?i:'s|'t|'re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"),
            (6, r"[[:alpha:]&&[^a-c\d]]+?|\h{,2}+|(?<n>.)\k<n>|\R|\b\w*+$")]
ADAPTERS = [(r'{"peft_type": "LORA", "r": 2, "alpha_pattern": {"q": 3, "(?!x).*k": 1}, "target_modules": "(?:.*\\.)?[qk]|lm_head|.*tokens"}',
             "24layers.0.q.lora_A.default.weight\n42base_model.model.layers.0.q.lora_B.weight\n22lm_head.lora_A.weight\n42lm_head.lora_B.weight\n"
             "24model.embed_tokens.lora_embedding_A\n22model.embed_tokens.lora_embedding_B\n"),
            ('{"peft_type": "IA3", "trainable_token_indices": [1, 3], "modules_to_save": ["embed_tokens"]}',
             "22model.embed_tokens.token_adapter.trainable_tokens_delta\n42model.embed_tokens.modules_to_save.default.weight\n42lm_head.base_layer.weight\n")]

TABLES = [(8, "text,label\n\"a, \"\"b\"\"\",x\r\nc \"d\",y\n"), (8, "sentence1\tsentence2\tscore\na\tb\t1.5\n\"c\nd\"\te\t2\n"), (8, "text;label;\n\xe9;-1;\n\n  \nb;+1;\n"),
          (8, "source,target\rone,two\r"), (8, "context,choice0,choice1,label\nq,a,b,1\n"), (8, "text,label\na,0.0\nb,nan\n"),
          (9, '{"text": "a", "label": 1, "meta": {"x": [null]}}\n\n{"label": 0.5, "text": "b\\n"}\n'), (9, '{"prompt": "p", "completion": true}\n'),
          (10, "-DOCSTART- O\n\n# id 1\na B-X\nb\tI-X\nc O\n\nd E-Y\n"), (10, "a PER\nb O\n"), (10, "a\nb\n"), (10, "# x y B\na x B\nb x I\n")]

def seeds(corpus):
    """Small files of the test data, with the byte in front that chooses their reader."""
    kinds = {"safetensors": 0, "config.json": 1, "tokenizer.json": 2, "spiece.model": 3, "spm.model": 3, "vocab.txt": 4, "bin": 7}
    for path in sorted((ROOT / "tests" / "golden" / "data").rglob("*")):
        kind = kinds.get(path.name, kinds.get(path.suffix[1:]))
        if path.is_file() and kind is not None:
            data = path.read_bytes()
            if kind == 4:
                data = b"\n".join(data.split(b"\n")[:300])
            if len(data) < LONGEST:
                (corpus / f"{kind}-{path.parent.name}-{path.name}").write_bytes(bytes([kind]) + data)
    for number, (kind, text) in enumerate(TABLES):
        (corpus / f"{kind}-table-{number}").write_bytes(bytes([kind]) + text.encode())
    for number, (config, names) in enumerate(ADAPTERS):
        (corpus / f"11-adapter-{number}").write_bytes(b"\x0b" + config.encode() + b"\0" + names.encode())
    for number, (kind, pattern) in enumerate(PATTERNS):
        (corpus / f"{kind}-pattern-{number}").write_bytes(bytes([kind]) + pattern.encode() + b"\0The model's  12 layers.3.self_attn\n")


def main():
    folder, seconds = pathlib.Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 60
    corpus, program = folder / "corpus", folder / "fuzz_readers"
    corpus.mkdir(parents=True, exist_ok=True)
    seeds(corpus)
    subprocess.run([os.environ.get("CXX", "clang++"), "-std=c++20", "-O1", "-g1", "-fsanitize=fuzzer,address,undefined",
                    "-fno-sanitize-recover=undefined", "-I", str(ROOT / "include"), *shlex.split(os.environ.get("CPPFLAGS", "")),
                    str(ROOT / "tests" / "fuzz" / "readers.cpp"), "-o", str(program),
                    "-DPEFT_HAS_PCRE2", "-lutf8proc", "-lpcre2-8"], check=True)
    run = [str(program.resolve()), str(corpus.resolve()), f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-rss_limit_mb=2048", "-timeout=20",
           f"-artifact_prefix={folder.resolve()}/"]
    sys.exit(subprocess.run(run).returncode)


if __name__ == "__main__":
    main()
