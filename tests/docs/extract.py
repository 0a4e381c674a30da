# SPDX-License-Identifier: Apache-2.0
"""Writes the C++ of a documentation page as one unit: extract.py PAGE.md UNIT.cpp"""
import pathlib
import re
import sys

page, unit = map(pathlib.Path, sys.argv[1:])
blocks = re.findall(r"^```cpp\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M)
if not blocks:
    sys.exit(f"{page}: no block of C++ in it")
text = "#include <peft/peft.hpp>\nusing namespace peft;\n\n" + "\n".join(blocks)
if not unit.exists() or unit.read_text(encoding="utf-8") != text:
    unit.parent.mkdir(parents=True, exist_ok=True)
    unit.write_text(text, encoding="utf-8")
