"""The guide names what is on the screen: each text that it sets as one is in the catalogue, in the guide's language."""

import re

import pytest
from babel.messages.pofile import read_po

from core import guide
from core.paths import ROOT

# English sets texts of the screen in italics, Japanese in these brackets.
NAMED = {"en": re.compile(r"(?<![*\w])\*(?![*\s])([^*\n]+)\*(?!\*)"), "ja": re.compile(r"［([^］\n]+)］")}
PATH = {"en": " > ", "ja": "］＞［"}
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
PLACEHOLDER = re.compile(r"\\\{\w+\\\}")
MNEMONIC_IN_BRACKETS = re.compile(r"\(&\w\)")
PAGES = [*sorted(guide.FOLDER.glob("*/*.md")), ROOT / "README.md", ROOT / "README.ja.md"]


def language_of(path):
    return "ja" if path.parent.name == "ja" or path.suffixes == [".ja", ".md"] else "en"


def plain(text):
    """A text as it is read: without the letter that is underlined."""
    return MNEMONIC_IN_BRACKETS.sub("", text).replace("&&", "\0").replace("&", "").replace("\0", "&").strip()


def count_letters(text):
    return len(re.findall(r"\w", PLACEHOLDER.sub("", re.escape(text))))


@pytest.fixture(scope="module")
def catalogue():
    """For each language the texts of the screen, as one pattern: {n} stands for anything."""
    with (ROOT / "resources/translations/ja/LC_MESSAGES/juku.po").open("rb") as file:
        messages = [one for one in read_po(file) if one.id]
    found = {}
    for language, name in (("en", "id"), ("ja", "string")):
        texts = [getattr(one, name) for one in messages]
        flat = {plain(text) for one in texts for text in (one if isinstance(one, list | tuple) else [one])}
        words = {text for text in flat if not PLACEHOLDER.search(re.escape(text))}
        patterns = [(PLACEHOLDER.sub(".+", re.escape(text)), count_letters(text)) for text in flat - words]
        found[language] = words, [(re.compile(pattern), letters) for pattern, letters in patterns if letters]
    return found


def unknown_names(text, language, catalogue):
    words, patterns = catalogue[language]
    names = [part for name in NAMED[language].findall(CODE.sub("", text)) for part in name.split(PATH["en"])]
    return sorted({name for name in names if name not in words and not is_filled(name, patterns)})


def is_filled(name, patterns):
    """Whether it is a text with its placeholders filled; a text that is mostly placeholders would be nearly any name."""
    least = len(re.findall(r"\w", name)) / 2
    return any(letters >= least and pattern.fullmatch(name) for pattern, letters in patterns)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_a_page_names_is_on_the_screen(path, catalogue):
    language = language_of(path)
    assert unknown_names(path.read_text("utf-8"), language, catalogue) == []


def test_a_name_that_is_gone_is_found(catalogue):
    assert unknown_names("Press *Start training*, *File > Exprot rows…*, `*x*`.", "en", catalogue) == ["Exprot rows…"]
    assert unknown_names("*Add 28 found*, *Add 28*", "en", catalogue) == ["Add 28"]
    assert unknown_names("［学習を開始］と［ファイル］＞［学習を廃止］", "ja", catalogue) == ["学習を廃止"]
