#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check.py CASE.cpp FLAGS.txt COMPILER: does the mistake fail with our message, and the correct program compile?

The first line of a case is `// expect: REGEX`. With -DPEFT_EXPECT_ERROR it must not compile, and the expression must
match in the first 12 lines of what the compiler says; without, it must compile. FLAGS.txt holds one flag a line.
"""
import pathlib
import re
import subprocess
import sys

FIRST_LINES = 12


def main(case, flags, compiler):
    head = pathlib.Path(case).read_text(encoding="utf-8").splitlines()[:1]
    if not head or not head[0].startswith("// expect: "):
        sys.exit(f"{case}:1: the first line must be '// expect: <regular expression>'")
    expected = head[0].removeprefix("// expect: ").strip()
    options = [line for line in pathlib.Path(flags).read_text(encoding="utf-8").splitlines() if line]

    def compile_case(*more):
        run = subprocess.run([compiler, *options, *more, "-fsyntax-only", case], capture_output=True, text=True)
        return run.returncode, run.stderr + run.stdout

    code, output = compile_case()
    if code != 0:
        sys.exit(f"{case}: the correct program does not compile:\n{output}")
    code, output = compile_case("-DPEFT_EXPECT_ERROR")
    if code == 0:
        sys.exit(f"{case}: the mistake compiles")
    first = "\n".join(output.splitlines()[:FIRST_LINES])
    if not re.search(expected, first):
        sys.exit(f"{case}: '{expected}' does not stand in the first {FIRST_LINES} lines:\n{output}")
    print(first)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
