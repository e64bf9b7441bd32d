"""The documents name what is there; `make docs` asks the same, and whether the anchors of links exist."""

import re

import pytest

from tools import documented_names
from tools.documented_names import ROOT

FOLDERS = (ROOT / "docs", ROOT / "resources" / "guide")
PAGES = {name: ROOT / name for name in documented_names.ROOT_PAGES} | {
    str(path.relative_to(folder)): path for folder in FOLDERS for path in sorted(folder.rglob("*.md"))
}
_LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)")


@pytest.mark.parametrize("page", PAGES)
def test_what_a_document_names_exists(page):
    text = PAGES[page].read_text("utf-8")
    assert [*documented_names.find_missing(page, text)] == []
    assert [link for link in _LINK.findall(text) if not (PAGES[page].parent / link).exists()] == []


def test_what_is_gone_is_found():
    gone = "_".join(["a", "name", "of", "old"])  # the tests are source, too
    text = f"1. `core/paths.py`: `{gone}()`.\n\nSee tests/gone.py."
    found = {*documented_names.find_missing("journeys.md", text)}
    assert found == {"tests/gone.py", gone, f"{gone} in core/paths.py"}
