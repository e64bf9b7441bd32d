"""What is said is found, wherever it is said, and has a translation."""

import ast
import re
import runpy

from core.paths import ROOT

TOOL = runpy.run_path(str(ROOT / "tools" / "translations.py"))


def test_texts_in_f_strings_are_found():
    code = "f\"{tr('one')} {trn('a row', '{n} rows', 3)}\"\ntr(\"two\", name=f\"{trn('x', 'y', 1)}\")\nother(\"three\")"
    assert list(TOOL["texts"](ast.parse(code))) == ["one", ("a row", "{n} rows"), "two", ("x", "y")]


JAPANESE = "ぁ-んァ-ヶー一-龠」』）。、"


def said_in_japanese():
    catalog = ROOT / "resources/translations/ja/LC_MESSAGES/juku.po"
    return [line for line in catalog.read_text(encoding="utf-8").splitlines() if line.startswith(("msgstr", '"'))]


def test_a_colon_after_japanese_is_a_japanese_one():
    assert [line for line in said_in_japanese() if re.search(f"[{JAPANESE}]:", line)] == []


def test_brackets_after_japanese_are_japanese_ones_but_for_keys():
    assert [line for line in said_in_japanese() if re.search(rf"[{JAPANESE}]\((?!&.\))", line)] == []
