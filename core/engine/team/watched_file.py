"""A file of settings that is read again when it has changed: another process may edit it while the engine runs."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

log = logging.getLogger(__name__)


class WatchedFile(Generic[T]):
    """The parsed content of a file; `parse(None)` where there is none.

    Raises ValueError for a file that cannot be parsed when the engine starts. Later, the last good content stays.
    """

    def __init__(self, path: Path, parse: Callable[[bytes | None], T]) -> None:
        self._path, self._parse = path, parse
        self._signature = _signature(path)
        self._value = self._read()

    def _read(self) -> T:
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return self._parse(None)
        try:
            return self._parse(data)
        except (ValueError, TypeError, KeyError) as error:
            # Parsers say where in the person's own text; other exceptions say what Python wanted.
            reason = (
                str(error) if isinstance(error, ValueError) else "a member is missing, not known, or of another kind"
            )
            raise ValueError(f"{self._path} cannot be read: {reason}. Correct it, or put back a copy.") from error

    @property
    def value(self) -> T:
        """The content as it is now."""
        signature = _signature(self._path)
        if signature != self._signature:
            self._signature = signature
            try:
                self._value = self._read()
            except (ValueError, OSError) as error:
                log.error("%s What was read before still counts.", error)
        return self._value


def _signature(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
