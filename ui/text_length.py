"""How long a text is and when something was, in the words of a person."""

import re

from PySide6.QtCore import QDateTime, QLocale

from core import language
from core.language import trn

_KANA = re.compile(r"[\u3041-\u30ff]")


def length_words(text: str, taught: str = "") -> str:
    """How long `text` is, as it is counted in the language it teaches: in characters for Japanese, else in words."""
    if taught == "ja" or (not taught and _KANA.search(text)):
        return trn("{n} character", "{n} characters", len("".join(text.split())))
    return trn("{n} word", "{n} words", len(text.split()))


def local_time(seconds: float) -> str:
    """A moment, given in Unix seconds, as it is written in the language of the screen, and where it can, the region."""
    system, chosen = QLocale(), QLocale(language.chosen())
    there = system if system.language() == chosen.language() else chosen
    return there.toString(QDateTime.fromSecsSinceEpoch(int(seconds)), QLocale.FormatType.ShortFormat)
