"""How long a text is and when something was, in the words of a person."""

from PySide6.QtCore import QDateTime, QLocale

from core import language
from core.language import trn
from core.spec import spec


def format_length(text: str, taught: str = "") -> str:
    """How long `text` is, as it is counted in the language it teaches: in characters for Japanese, else in words.

    Where there is no text yet, the language of the screen decides.
    """
    if (spec.language_of(text, taught) if text.strip() else taught or language.current_language()) == "ja":
        return trn("{n} character", "{n} characters", len("".join(text.split())))
    return trn("{n} word", "{n} words", len(text.split()))


def format_local_time(seconds: float) -> str:
    """A moment, given in Unix seconds, as it is written in the language of the screen, and where it can, the region."""
    system, chosen = QLocale(), QLocale(language.current_language())
    there = system if system.language() == chosen.language() else chosen
    return there.toString(QDateTime.fromSecsSinceEpoch(int(seconds)), QLocale.FormatType.ShortFormat)
