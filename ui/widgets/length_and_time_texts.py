"""Formats the length of a text and a moment for the screen."""

from PySide6.QtCore import QDateTime, QLocale

from core import language
from core.language import trn
from core.spec import spec


def format_length(text: str, taught: str = "") -> str:
    """The length of `text` as a person counts it in its language: characters for Japanese, words otherwise.

    `taught` is the language that the project teaches; for an empty text the screen's language decides.
    """
    if (spec.detect_language(text, taught) if text.strip() else taught or language.current_language()) == "ja":
        return trn("{n} character", "{n} characters", len("".join(text.split())))
    return trn("{n} word", "{n} words", len(text.split()))


def format_local_time(seconds: float) -> str:
    """Unix `seconds` as local date and time, in the screen's language and, where it matches, the system's region."""
    system, chosen = QLocale(), QLocale(language.current_language())
    there = system if system.language() == chosen.language() else chosen
    return there.toString(QDateTime.fromSecsSinceEpoch(int(seconds)), QLocale.FormatType.ShortFormat)
