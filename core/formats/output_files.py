"""Whole files and folders (core/atomic_files.py) whose failures are told in words."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from core.atomic_files import create_folder_atomically, open_atomically
from core.checks.rule_registry import clip
from core.errors import FormatError
from core.formats.text_lines import reason_of
from core.language import tr


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` at the end. Raises FormatError when it cannot be written."""
    with _in_words(path), open_atomically(path) as file:
        yield file


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A new folder that takes the place of `path` at the end. Raises FormatError when it cannot be written."""
    with _in_words(path), create_folder_atomically(path) as folder:
        yield folder


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = tr("{reason} The old contents are unchanged.", reason=reason_of(error))
        raise FormatError(tr("{name} cannot be written", name=clip(path.name, 80)), message) from error
