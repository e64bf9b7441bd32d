"""The language of the screen: English in the source, translations in gettext catalogs beside it."""

import gettext
import locale
import os
from pathlib import Path

CATALOGS = Path(__file__).parent.parent / "resources" / "translations"
LANGUAGES = {"en": "English", "ja": "日本語"}

_catalog: gettext.NullTranslations = gettext.NullTranslations()
_chosen = ""


def system_language() -> str:
    """'ja' or 'en', from the environment as gettext reads it, or from the system's own setting."""
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return "ja" if value.lower().startswith("ja") else "en"
    return "ja" if (locale.getlocale()[0] or "").lower().startswith("ja") else "en"


def choose(language: str) -> None:
    """Speak `language` from now on ('' is the system's)."""
    global _catalog, _chosen
    _chosen = language or system_language()
    _catalog = gettext.translation("juku", CATALOGS, languages=[_chosen], fallback=True)


def chosen() -> str:
    """What is spoken now, for a process that goes on with it."""
    return _chosen


def tr(text: str, /, **values: object) -> str:
    """`text` in the chosen language, with `{name}` placeholders filled from `values`."""
    translated = _catalog.gettext(text)
    return translated.format(**values) if values else translated


def trn(one: str, many: str, n: int, /, **values: object) -> str:
    """`one` or `many` by the number `n`, which fills `{n}` with thousands separated."""
    return _catalog.ngettext(one, many, n).format(n=f"{n:,}", **values)
