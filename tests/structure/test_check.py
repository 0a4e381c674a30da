#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The structure check finds each kind of mistake, and nothing in a correct header."""
import pathlib
import tempfile
import unittest

import check
import pages

GOOD = check.LICENCE + "\n#pragma once\n"


def complaints(path, text):
    return [complaint for _, complaint in check.check_header(path, text)]


class Structure(unittest.TestCase):
    def test_correct(self):
        self.assertEqual(complaints("nn/a.hpp", GOOD + "#include <peft/ops/b.hpp>\n#include <vector>\n"), [])
        self.assertEqual(complaints("ops/a.hpp", GOOD + "auto f = KOKKOS_LAMBDA(int) {};\n"), [])
        self.assertEqual(complaints("nn/a.hpp", GOOD + "// KOKKOS_LAMBDA stands in ops\n"), [])
        self.assertEqual(complaints("peft.hpp", GOOD + "#include <peft/train/fit.hpp>\n"), [])
        self.assertEqual(complaints("method.hpp", GOOD + "#include <peft/site.hpp>\n#include <peft/nn/a.hpp>\n"), [])

    def test_compiled_once(self):
        ops = {"a.hpp": "void f(int n) {\n  KOKKOS_LAMBDA(int) {};\n}\ntemplate <class T>\nvoid g(T x) {\n  f(x);\n}\n"}
        self.assertEqual(len(list(check.check_once(ops, ["ops::g(1);"]))), 1)
        self.assertEqual(len(list(check.check_once(ops, ["ops::h(1);"]))), 0)
        for listed in "fg":
            self.assertEqual(len(list(check.check_once({**ops, "once.hpp": f"once({listed}, E, T)"}, ["ops::g(1);"]))), 0)

    def test_upward_include(self):
        for path, target in [("ops/a.hpp", "nn/b.hpp"), ("core/a.hpp", "site.hpp"), ("delta/a.hpp", "model/b.hpp"),
                             ("io/a.hpp", "train/b.hpp"), ("nn/a.hpp", "method.hpp"), ("site.hpp", "method.hpp"), ("core/a.hpp", "peft.hpp"),
                             ("method.hpp", "delta/lora.hpp"), ("method.hpp", "peft.hpp"), ("text/a.hpp", "data/b.hpp")]:
            self.assertEqual(len(complaints(path, GOOD + f"#include <peft/{target}>\n")), 1, (path, target))

    def test_other_rules(self):
        self.assertEqual(len(complaints("nn/a.hpp", GOOD + "auto f = KOKKOS_LAMBDA(int) {};\n")), 1)
        self.assertEqual(len(complaints("nn/a.hpp", GOOD + "auto f = KOKKOS_CLASS_LAMBDA(int) {};\n")), 1)
        self.assertEqual(len(complaints("nn/a.hpp", check.LICENCE + "\n")), 1)
        self.assertEqual(len(complaints("nn/a.hpp", "#pragma once\n")), 1)
        self.assertEqual(len(complaints("nn/a.hpp", GOOD + "\n" * check.LONGEST)), 1)
        self.assertEqual(len(complaints("nn/a.hpp", GOOD + "#include <nlohmann/json.hpp>\n")), 1)
        self.assertEqual(len(complaints("core/a.hpp", GOOD + '#include "error.hpp"\n')), 1)
        self.assertEqual(len(complaints("extra/a.hpp", GOOD)), 1)
        self.assertEqual(complaints("core/a.ipp", GOOD + "PEFT_INLINE int f() { return 1; }\n"), [])
        self.assertEqual(len(complaints("core/a.ipp", GOOD + "inline int f() { return 1; }\n")), 1)

    def test_pages(self):
        there = {"docs/b.md": "## The contract: *one* page\n```\n# no heading\n```\n", "docs": "", "include/a.hpp": "int f();"}

        def found(line):
            return len(list(pages.check_page("docs/a.md", "# Here\n" + line + "\n", there.get)))
        for line in ["[b](b.md)", "[b](b.md#the-contract-one-page)", "[a](../include/a.hpp)", "[`f`](../include/a.hpp)", "[up](#here)", "[web](https://a.b/c)", "`[x](y)`",
                     "```\n[x](y)\n```", "x" * pages.WIDEST]:
            self.assertEqual(found(line), 0, line)
        for line in ["[c](c.md)", "[b](b.md#no-heading)", "[up](#there)", "[a](include/a.hpp)", "[`g`](../include/a.hpp)", "x" * (pages.WIDEST + 1), "|" * (pages.WIDEST + 1)]:
            self.assertEqual(found(line), 1, line)

    def test_exit_status(self):
        with tempfile.TemporaryDirectory() as root:
            header = pathlib.Path(root) / "include" / "peft" / "core" / "a.hpp"
            header.parent.mkdir(parents=True)
            self.assertEqual(check.main(root), 1)
            header.write_text(GOOD)
            self.assertEqual(check.main(root), 0)
            header.write_text(GOOD + "#include <peft/ops/b.hpp>\n")
            self.assertEqual(check.main(root), 1)
            header.write_text(GOOD)
            header.with_suffix(".ipp").write_text(GOOD)
            self.assertEqual(check.main(root), 1)
            (header.parents[1] / "source.hpp").write_text(GOOD + "#include <peft/core/a.ipp>\n")
            self.assertEqual(check.main(root), 0)


if __name__ == "__main__":
    unittest.main()
