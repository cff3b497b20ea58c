# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The links in the pages lead to existing pages and headings, the code that they name exists, and examples are YAML."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterator

import pytest

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("roles/*/README.md"))]
CODE = [
    f"/{path.relative_to(ROOT)}"
    for part in ("plugins", "command", "roles", "tests", "docs")
    for path in ROOT.glob(f"{part}/**/*.py")
]
NAMED = re.compile(r"`([\w/]+\.py)(?:: (\w+)\(\))?`")
"""A file, or a function in it."""
SHOWN = re.compile(r"^<!--[^>]*\b(?:file|part of): (\S+) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""A file that a page shows, or a part of it, and the text there."""
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub generates for the headings in TEXT."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page: Path) -> Iterator[str]:
    """Yield the broken links of PAGE. Links to other sites are not followed."""
    for link in re.findall(r"\]\(([^)\s]+)\)", FENCED.sub("", page.read_text(encoding="utf-8"))):
        path, _hash, anchor = link.partition("#")
        target = page.parent / path if path else page
        if ":" in path:
            continue
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert list(broken(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_examples_are_yaml(page: Path) -> None:
    for language, text in FENCED.findall(page.read_text(encoding="utf-8")):
        if language in ("yaml", "yml"):
            yaml.safe_load(text)


def unknown(text: str) -> Iterator[str]:
    """Yield the files and functions that TEXT names and that do not exist."""
    for name, function in NAMED.findall(text):
        files = [ROOT / path[1:] for path in CODE if path.endswith(f"/{name}")]
        if not any(not function or f"def {function}(" in path.read_text(encoding="utf-8") for path in files):
            yield f"{name}: {function}()" if function else name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_code_that_a_page_names_exists(page: Path) -> None:
    assert list(unknown(page.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_shows_are_those_of_the_example(page: Path) -> None:
    for path, text in SHOWN.findall(page.read_text(encoding="utf-8")):
        assert text in (ROOT / path).read_text(encoding="utf-8"), path


def test_code_that_does_not_exist_is_noticed() -> None:
    text = "`tests/unit/test_documents.py: unknown()`, `test_documents.py: lost()`, `unit/lost.py`"
    assert list(unknown(text)) == ["test_documents.py: lost()", "unit/lost.py"]


def test_a_link_that_leads_nowhere_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# `a`: one, two\n[a](#a-one-two) [b](#b) [c](c.md) [d](page.md#d) [e](https://example.com/#e)\n")
    assert list(broken(page)) == ["#b", "c.md", "page.md#d"]
