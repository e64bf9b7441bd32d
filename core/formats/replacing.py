"""Files and folders that appear whole or not at all: what was there before stays until the new one is on the disk."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from core.checks.rules import clip
from core.errors import FormatError
from core.formats.lines import reason_of
from core.language import tr

BLOCK = 1024 * 1024


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` at the end. Raises FormatError when it cannot be written."""
    with _in_words(path):
        target = path.resolve()
        temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
        try:
            with temporary.open("xb", buffering=BLOCK) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if target.exists():
                shutil.copymode(target, temporary)
            temporary.replace(target)
            _sync(target.parent)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A new folder that takes the place of `path` at the end; the old one and all in it is removed then."""
    with _in_words(path):
        target = path.resolve()
        new, old = (target.with_name(f".{secrets.token_hex(8)}.tmp") for _ in range(2))
        try:
            new.mkdir()
            yield new
            if target.exists():
                target.rename(old)
            try:
                new.rename(target)
            except OSError:
                old.rename(target)
                raise
            _sync(target.parent)
        finally:
            for left in (new, old):
                shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = tr("{reason} The old contents are unchanged.", reason=reason_of(error))
        raise FormatError(tr("{name} cannot be written", name=clip(path.name, 80)), message) from error


def _sync(folder: Path) -> None:
    """Put the folder's own entries on the disk, where the system can do that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
