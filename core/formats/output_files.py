"""Writes whole files and folders atomically (core/atomic_files.py); an OSError becomes a translated FormatError."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from core.atomic_files import create_folder_atomically, open_atomically
from core.checks.rule_registry import clip
from core.errors import FormatError
from core.formats.input_files import format_os_error
from core.language import tr


@contextmanager
def replace_file(path: Path) -> Iterator[BinaryIO]:
    """Open a new file that replaces `path` at the end. Raises FormatError when it cannot be written."""
    with _convert_os_error(path), open_atomically(path) as file:
        yield file


@contextmanager
def replace_folder(path: Path) -> Iterator[Path]:
    """Create a new folder that replaces `path` at the end. Raises FormatError when it cannot be written."""
    with _convert_os_error(path), create_folder_atomically(path) as folder:
        yield folder


@contextmanager
def _convert_os_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = tr("{reason} The old contents are unchanged.", reason=format_os_error(error))
        raise FormatError(tr("{name} cannot be written", name=clip(path.name, 80)), message) from error
