"""What is said is found, wherever it is said, and has a translation."""

import ast
import runpy
from pathlib import Path

TOOL = runpy.run_path(str(Path(__file__).parent.parent / "tools" / "translations.py"))


def test_texts_in_f_strings_are_found():
    code = "f\"{tr('one')} {trn('a row', '{n} rows', 3)}\"\ntr(\"two\", name=f\"{trn('x', 'y', 1)}\")\nother(\"three\")"
    assert list(TOOL["texts"](ast.parse(code))) == ["one", ("a row", "{n} rows"), "two", ("x", "y")]
