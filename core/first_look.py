"""What an empty window needs of the settings, before core/settings.py, whose libraries take longer to load, reads all."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from core.paths import config_folder


class FirstLook(NamedTuple):
    """The fields of `core.settings.Settings` with the same names and defaults; `recent` is the last project."""

    language: str = ""
    theme: str = ""
    text_size: int = 100
    geometry: str = ""
    tab: int = 0
    recent: Path | None = None


def load() -> FirstLook:
    """Read them; what is missing or makes no sense has its default. `settings.load` looks after a broken file."""
    try:
        found = json.loads((config_folder() / "settings.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return FirstLook()
    if not isinstance(found, dict):
        return FirstLook()
    defaults: dict[str, Any] = FirstLook()._asdict()
    known = {
        name: found[name]
        for name, usual in defaults.items()
        if name in found and type(found[name]) is type(usual) and _is_sound(found[name])
    }
    recent = found.get("recent")
    last = recent[0] if isinstance(recent, list) and recent else None
    return FirstLook(**known)._replace(recent=Path(last) if isinstance(last, str) and _is_sound(last) else None)


def _is_sound(value: object) -> bool:
    """Whether a text can be written down: half a character in it, which JSON allows, cannot, and no file has a NUL."""
    return not isinstance(value, str) or not any("\ud800" <= sign <= "\udfff" or sign == "\0" for sign in value)
