"""HTML in which no text can become markup: what is not marked up already is escaped."""

import html

from core.lazy_loading import lazy_pattern

# Characters that steer what is seen without being seen: control characters, turned directions, halves of surrogates.
_UNSEEN = lazy_pattern("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
VOID = ("meta", "br", "col")


class Markup(str):
    """Text that is markup; every other text is not."""

    __slots__ = ()


def escape(text: object) -> Markup:
    """Any text so that it reads as it is; characters that cannot be seen are shown as ⟨U+202E⟩."""
    if isinstance(text, Markup):
        return text
    plain = str(text).replace("\r\n", "\n")
    return Markup(html.escape(_UNSEEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", plain)))


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """An HTML element. An attribute that is None or False is left out; `class_` is class, and _ stands for -."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{"" if value is True else escape(value)}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    end = "" if name in VOID else f"</{name}>"
    return Markup(f"<{name}{given}>{''.join(map(escape, children))}{end}")


def join(*parts: object) -> Markup:
    """Markup of several parts; texts among them are escaped."""
    return Markup("".join(map(escape, parts)))
