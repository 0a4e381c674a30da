# SPDX-License-Identifier: Apache-2.0
"""What Python's re.fullmatch says of patterns over names of modules: tests/golden/data/patterns.json.   patterns.py

Patterns as adapters have them, and made at random of the syntax that they use. Each has a letter per name: 1 where it matches, 0 where
not; or null where Python refuses it."""
import json
import pathlib
import random
import re
import warnings

NAMES = ["", "lm_head", "classifier", "q_proj", "model.embed_tokens", "model.layers.0.self_attn.q_proj", "model.layers.11.self_attn.v_proj",
         "model.layers.3.mlp.down_proj", "model.vision_tower.layers.1.self_attn.q_proj", "bert.encoder.layer.0.attention.self.query",
         "bert.encoder.layer.10.output.dense", "bert.encoder.layer.2.attention.output.dense", "bert.pooler.dense", "transformer.h.7.attn.c_attn",
         "decoder.block.1.layer.2.DenseReluDense.wi_0", "model.layers.5.mlp.experts.3.w1", "a-b", "MODEL.LAYERS.0.Q_PROJ", "caf\u00e9.\u0661.q"]
KNOWN = r"""
q_proj
.*\.q_proj
.*(q_proj|v_proj)$
.*\.(query|value)
^model\.layers\.\d+\.self_attn\.(q|v)_proj$
(?:.*?(?:language|text).*?(?:self_attn|attention|attn|mlp).*?(?:q_proj|v_proj).*?)|(?:\bmodel\.layers\.[\d]{1,}\.(?:self_attn|attention|mlp)\.(?:(?:q_proj|v_proj)))
^(?!.*(?:visual|vision_tower|lm_head)).*\.(?:q_proj|v_proj)$
.*\.layers\.(?:[02468])\..*
model\.layers\.([0-9]|1[0-5])\..*
(?!.*vision).*proj
.*(?<!vision_tower\.layers\.1)\.self_attn.*
.*(?<=attn\.)[qv]_proj
(?i)model\.layers\..*
(?i:MODEL)\..*
(?x) model \. .* # all
(?s).*
(?m)^model.*$
(?a)\w+\.\d+\.q
\w+\.\d+\.q
(?P<stack>model|bert)\..*
(?P<n>.)(?P=n).*
(.)\1.*
.*\Z
\A.*
.*\b(?:layer|layers)\b\.\d+.*
.*\B_proj
.*\Bproj
[^.]+
[^.]+\.[^.]+
[\w.]+
[a-z_.0-9]*
[]a-z.]+
[\]a-z.]+
[^]a]+
[a\-z]+
[-a-z]+
[\d.]*
[^\W\d_]+
(a|ab)(c|bcd)?.*
(?:(?:a)+)+b
.{0}
.{3,}
.{,10}
.{2,5}?
a{,2
a{1
x*?
(?:)
()
|lm_head
lm_head|
a||b
(?#a comment)lm_head
\x6c\x6d_head
\u006cm_head
\154m_head
\.
\-
a\-b
\_
lm\_head
\q
\e
(
)
[a
*a
a**
a++
a*+
(?>a|ab)b?.*
(?P<1>a)
(?<n>a)
\p{L}+
\h
\R
\Gm.*
\z
\Qlm_head\E
\K
(?|a|b)
(?(1)a|b)
(a)?(?(1)-b|.*)
(?:model|bert)\.(?:layers|encoder)\..*
[[:alpha:]]+
[a-\d]
.*\s.*
\S+
\D*
\W*
\w*
$
^$
lm_head$
^lm_head
lm_head$$
^^lm_head
(^lm|x)_head
lm(_head$|x)
.*[.]\d[.].*
[.][.]
(?:.*\.)?(?:query)
(.*\.)?(layer\.\d+\.attention\.self\.query)
""".strip("\n").split("\n")


def random_pattern(draw, depth=0):
    atoms = [".", r"\d", r"\w", r"\.", "[a-z_]", "[^.]", r"\b", "^", "$", "model", "layers", "layer", "self_attn", "q", "v", "_proj", "dense", "0", "1"]
    parts = []
    for _ in range(draw.randint(1, 5)):
        if depth < 2 and draw.random() < 0.25:
            start = draw.choice(["(", "(?:", "(?:", "(?=", "(?!", "(?<!"])
            inner = draw.choice(["q", "model", r"\d", "[a-z]"]) if start == "(?<!" else random_pattern(draw, depth + 1)
            part = start + inner + ")"
            if start in ("(?=", "(?!", "(?<!"):
                parts.append(part)
                continue
        else:
            part = draw.choice(atoms)
        if part not in (r"\b", "^", "$"):
            part = (part if len(part) == 1 or part[0] in "\\[(" else f"(?:{part})") + draw.choice(["", "", "", "*", "+", "?", "*?", "{1,2}", "{2}"])
        parts.append(part)
    text = "".join(parts)
    return text + "|" + random_pattern(draw, depth + 1) if depth < 2 and draw.random() < 0.2 else text


def said(pattern):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compiled = re.compile(pattern)
    except re.error:
        return None
    return "".join("1" if compiled.fullmatch(n) else "0" for n in NAMES)


draw = random.Random(5)
patterns, wanted = list(dict.fromkeys(KNOWN)), 400
while len(patterns) < wanted:
    text = ".*" * draw.randint(0, 1) + random_pattern(draw)
    # Half of them match something.
    if text not in patterns and ("1" in (said(text) or "") or draw.random() < 0.2):
        patterns.append(text)
out = pathlib.Path(__file__).parent / "data" / "patterns.json"
rows = ",\n".join(json.dumps([p, said(p)], ensure_ascii=False) for p in patterns)
out.write_text('{"names": ' + json.dumps(NAMES, ensure_ascii=False) + ',\n"patterns": [\n' + rows + "]}\n", encoding="utf8")
