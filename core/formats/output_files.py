"""Writes whole files and folders atomically (core/atomic_files.py); an OSError becomes a translated FormatError."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from core.atomic_files import create_folder_atomically, open_atomically
from core.checks.rule_registry import clip
from core.errors import FormatError
from core.formats.input_files import format_os_error
from core.language import tr
from core.paths import path_exists

_DATABASE_STARTS = (b"SQLite format 3\0", b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")  # and of a database's log


@contextmanager
def replace_file(path: Path) -> Iterator[BinaryIO]:
    """Open a new file that replaces `path` at the end. Raises FormatError when it cannot be written.

    That is also raised for a project, which nothing but a project may replace, and for a pipe or a device.
    """
    _require_replaceable(path)
    with _convert_os_error(path), open_atomically(path) as file:
        yield file


@contextmanager
def replace_folder(path: Path) -> Iterator[Path]:
    """Create a new folder that replaces `path` at the end. Raises FormatError when it cannot be written."""
    with _convert_os_error(path), create_folder_atomically(path) as folder:
        yield folder


def _require_replaceable(path: Path) -> None:
    title = tr("{name} cannot be written", name=clip(path.name, 80))
    if not path_exists(path) or path.is_dir():
        return
    if not path.is_file():
        raise FormatError(title, tr("It is not a file."))
    with suppress(OSError), path.open("rb") as file:  # who may not read it may not replace it either
        if file.read(16).startswith(_DATABASE_STARTS):
            raise FormatError(title, tr("It is a project, and would be lost. Choose another name."))


@contextmanager
def _convert_os_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = tr("{reason} The old contents are unchanged.", reason=format_os_error(error))
        raise FormatError(tr("{name} cannot be written", name=clip(path.name, 80)), message) from error
