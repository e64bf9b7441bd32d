"""Formats the length of a text, a moment and a duration for the screen."""

from PySide6.QtCore import QDateTime, QLocale

from core import language
from core.language import tr, trn
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


def format_time_left(seconds: float) -> str:
    """About how long it still takes, in minutes or hours."""
    if seconds < 60:
        return tr("less than a minute left")
    if seconds < 2 * 3600:
        return trn("about {n} minute left", "about {n} minutes left", round(seconds / 60))
    return trn("about {n} hour left", "about {n} hours left", round(seconds / 3600))


def format_about(seconds: float) -> str:
    """About how long something will take, in minutes or hours."""
    if seconds < 60:
        return tr("less than a minute")
    if seconds < 2 * 3600:
        return trn("about {n} minute", "about {n} minutes", round(seconds / 60))
    return trn("about {n} hour", "about {n} hours", round(seconds / 3600))


def format_duration(seconds: float) -> str:
    """A duration with as many units as matter."""
    whole = max(0, round(seconds))
    if whole < 60:
        return tr("{seconds} s", seconds=whole)
    if whole < 3600:
        return tr("{minutes} min {seconds} s", minutes=whole // 60, seconds=whole % 60)
    return tr("{hours} h {minutes} min", hours=whole // 3600, minutes=whole % 3600 // 60)


def format_age(seconds: float) -> str:
    """How long ago something was."""
    if seconds < 3600:
        return trn("{n} minute ago", "{n} minutes ago", max(1, round(seconds / 60)))
    if seconds < 48 * 3600:
        return trn("{n} hour ago", "{n} hours ago", round(seconds / 3600))
    return trn("{n} day ago", "{n} days ago", round(seconds / 86400))
