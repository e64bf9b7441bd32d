"""The language of the user interface: English in the source, translations in gettext catalogs."""

import gettext
import locale
import os
from dataclasses import dataclass, field
from pathlib import Path

CATALOG_FOLDER = Path(__file__).parent.parent / "resources" / "translations"
LANGUAGES = {"en": "English", "ja": "日本語"}


@dataclass
class _Sources:
    """The English texts of a language, by their translations; read when they are asked for first."""

    language: str = ""
    by_translation: dict[str, list[str]] = field(default_factory=dict)


_sources = _Sources()
_catalog: gettext.NullTranslations = gettext.NullTranslations()
_language = ""


def system_language() -> str:
    """The code "ja" or "en", from the environment variables that gettext uses, or from the system's setting."""
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return "ja" if value.lower().startswith("ja") else "en"
    return "ja" if (locale.getlocale()[0] or "").lower().startswith("ja") else "en"


def known_language(language: str) -> str:
    """`language` if it is one of `LANGUAGES`, else the system's: a newer Juku may have more, and "" is the system's."""
    return language if language in LANGUAGES else system_language()


def set_language(language: str) -> None:
    """Translate into `language` from now on ("" is the system's language)."""
    global _catalog, _language
    _language = known_language(language)
    _catalog = gettext.translation("juku", CATALOG_FOLDER, languages=[_language], fallback=True)


def current_language() -> str:
    """The code of the current language, to pass to a child process."""
    return _language


def tr(text: str, /, **values: object) -> str:
    """`text` in the current language, with `{name}` placeholders filled from `values`."""
    translated = _catalog.gettext(text)
    return translated.format(**values) if values else translated


def sources_of(translated: str) -> list[str]:
    """The English texts that have this translation, without placeholders; none in English."""
    if _sources.language != _language:
        _sources.language, _sources.by_translation = _language, {}
        for source, text in getattr(_catalog, "_catalog", {}).items():
            if isinstance(source, str) and source:
                _sources.by_translation.setdefault(text, []).append(source)
    return _sources.by_translation.get(translated, [])


def end_sentence(text: str) -> str:
    """A phrase, such as the title of an error, as a sentence: with the full stop of the language."""
    return text if text.endswith((".", "。", "!", "！", "?", "？", "…")) else tr("{text}.", text=text)


def trn(one: str, many: str, n: int, /, **values: object) -> str:
    """`one` or `many`, by the number `n`, in the current language; `{n}` gets thousands separators."""
    return _catalog.ngettext(one, many, n).format(n=f"{n:,}", **values)
