"""Each command and option that README and guide name is one of the program."""

import argparse
import re

import pytest

from core import guide
from core.cli import commands
from core.cli.command_names import expand_alias
from core.paths import ROOT

LINE = re.compile(r"(?:main\.py|(?<![\w./-])(?<!-u )juku) ([^`\n]*)")
SPAN_OR_FENCE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
PAGES = [*sorted(guide.FOLDER.glob("*/*.md")), ROOT / "README.md", ROOT / "README.ja.md"]


def find_unknown(text):
    """The words after `main.py` or `juku` that are neither a command nor one of its options."""
    for code in SPAN_OR_FENCE.findall(text):
        for line in LINE.findall(code):
            yield from check(line.partition("#")[0].split())


def check(words):
    if not words or not re.fullmatch(r"[a-z][a-z-]+", words[0]):
        return  # PROJECT, FILE, an option of the program itself
    parser = commands.build_parser()
    for word in expand_alias(words):
        below = next((one for one in parser._actions if isinstance(one, argparse._SubParsersAction)), None)
        if below is not None:
            if word not in below.choices:
                yield word
                return
            parser = below.choices[word]
        elif word.startswith("--") and word.strip(",.;") not in parser._option_string_actions:
            yield word


@pytest.mark.parametrize("path", PAGES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_page_names_commands_that_there_are(path):
    assert [*find_unknown(path.read_text("utf-8"))] == []


def test_what_is_no_command_is_found():
    text = (
        "`main.py exam PROJECT --modle M`, `main.py teech PROJECT`, `main.py rows edit P --approve`, `main.py P FILE…`"
    )
    assert [*find_unknown(text)] == ["--modle", "teech"]
