# SPDX-License-Identifier: Apache-2.0
"""Rules of the pages in README.md and docs/: lines that can be read in an editor, links that lead somewhere, and of [`name`](file)
the file has that name."""
import os
import re

WIDEST = 150
WIDE_TABLES = ["docs/reliability.md"]  # a promise, its tests and its faults share a row


def outside_code(text):
    """The lines of a page with their numbers; those of code blocks are empty."""
    code = False
    for number, line in enumerate(text.splitlines(), 1):
        fence = line.startswith("```")
        code ^= fence
        yield number, "" if code or fence else line


def anchors(text):
    """The names of a page's headings, as GitHub makes them."""
    headings = (re.match(r"#+ +(.*)", line) for _, line in outside_code(text))
    return {re.sub(r"[^\w\- ]", "", found.group(1).lower()).strip().replace(" ", "-") for found in headings if found}


def links(line):
    """The targets of a line's links into this repository; `code` holds none."""
    targets = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", line))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def check_page(name, text, read):
    """The complaints about one page. `read(path)` gives the text of a file, "" of a folder, None of what is not there."""
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > WIDEST and not (line.startswith("|") and name in WIDE_TABLES):
            yield number, f"{len(line)} columns, at most {WIDEST} are allowed: wrap the line, or make the table a list"
    for number, line in outside_code(text):
        for word, target in re.findall(r"\[`(\w+)`\]\(([^)\s#:]+)\)", line):
            there = read(os.path.normpath(os.path.join(os.path.dirname(name), target)))
            if there and not re.search(rf"\b{word}\b", there):
                yield number, f"there is no {word} in {target}: name what does its work now, and where"
        for target in links(line):
            path, _, anchor = target.partition("#")
            there = text if not path else read(os.path.normpath(os.path.join(os.path.dirname(name), path)))
            if there is None:
                yield number, f"the link to {target} leads nowhere"
            elif anchor and anchor not in anchors(there):
                yield number, f"{path or name} has no heading #{anchor}"


def check_pages(root):
    """Complaints about every page below `root` (a Path), as (path, line, sentence)."""
    def read(path):
        file = root / path
        return file.read_text(encoding="utf-8") if file.is_file() else "" if file.exists() else None

    for page in [*root.glob("README.md"), *sorted(root.glob("docs/**/*.md"))]:
        name = page.relative_to(root).as_posix()
        for number, complaint in check_page(name, page.read_text(encoding="utf-8"), read):
            yield page, number, complaint
