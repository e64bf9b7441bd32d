"""Shared by the readers of documents: their result, the import of their libraries, their errors."""

import importlib
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from core.checks.rule_registry import clip
from core.errors import FormatError, JukuError
from core.language import tr

# Japanese and Chinese characters with their punctuation: a line break between them is no space.
WIDE_CHARACTERS = "\u3001-\u30ff\u3400-\u9fff\uf900-\ufaff\uff01-\uff9f\u2e80-\u2fdf"


@dataclass(frozen=True, slots=True)
class Content:
    """Markdown text, and what was left out of it, in translated sentences."""

    text: str
    notes: list[str] = field(default_factory=list)


def import_library(name: str, kind: str) -> ModuleType:
    """Import the library that reads files of a `kind`. Raises JukuError when it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise JukuError(
            tr("{kind} files need an additional package that is not installed", kind=kind),
            tr(
                "Nothing was changed. Install it with “{command}” and start Juku again. Markdown and plain text need nothing.",
                command='pip install "juku[documents]"',
            ),
        ) from error


def damaged_error(path: Path) -> FormatError:
    """The error for a damaged file."""
    return FormatError(
        tr("“{name}” is damaged", name=clip(path.name, 80)),
        tr("Nothing was changed. Open it in the program that made it and save it again, or copy its text."),
    )
