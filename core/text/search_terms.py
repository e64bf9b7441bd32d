"""Splits a text into the terms with which it is searched and compared: pairs of Japanese characters, beginnings of words."""

import unicodedata
from itertools import pairwise

from core.lazy_loading import lazy_pattern

STEM_LETTERS = 5  # letters of a word, without most endings

_NON_WORD = lazy_pattern(r"\W+|_")
_JAPANESE = lazy_pattern(r"[\u3041-\u30ff\u3400-\u9fff]")
_SINGLE = lazy_pattern(r"[\u3400-\u9fff0-9a-z]")


def is_japanese(text: str) -> bool:
    """Whether a text has Japanese characters."""
    return _JAPANESE.search(text) is not None


def normalise_words(text: str) -> str:
    """A text in one width and case, with single blanks between its words and around them."""
    return f" {_NON_WORD.sub(' ', unicodedata.normalize('NFKC', text).casefold()).strip()} "


def list_terms(text: str) -> list[str]:
    """The terms of a text from `normalise_words`: Japanese as pairs of characters and single kanji, others by their beginnings."""
    found: list[str] = []
    for word in text.split():
        if _JAPANESE.search(word):
            found += [one + other for one, other in pairwise(word)] + _SINGLE.findall(word)
        else:
            found.append(word[:STEM_LETTERS])
    return found


def split_terms(text: str) -> list[str]:
    """The terms of a text, to compare it with others."""
    return list_terms(normalise_words(text))
