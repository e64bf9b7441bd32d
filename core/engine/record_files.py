"""The files in which objects are kept: JSON, JSON lines, and records, which know whether they are whole."""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from core.engine.http.protocol import Json
from core.engine.private_files import write_whole

CHECKSUM = "checksum"  # of a record, over its other members; an older engine's has none
UNFINISHED_SUFFIXES = (".new", ".part")  # of folders that a crash left

log = logging.getLogger(__name__)


def write_json(path: Path, value: object) -> None:
    """Replace a JSON file as a whole: a reader sees the old value or the new one, also after a power cut. Raises OSError."""
    write_whole(path, json.dumps(value, ensure_ascii=False).encode())


def read_json(path: Path) -> Json | None:
    """The object in a JSON file; None when the file is missing or broken (a crash may leave half a folder)."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def read_lines(path: Path) -> Iterator[Json]:
    """The objects of a JSON-lines file; a line that a crash cut off is skipped."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n") and (value := _parse_object(line)) is not None:
                yield value


def _parse_object(line: bytes) -> Json | None:
    try:
        value = json.loads(line.decode("utf-8", errors="replace"))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def append_line(path: Path, value: Json) -> None:
    """Append an object to a JSON-lines file; an incomplete last line is ended first. Raises OSError."""
    with path.open("a+b") as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write(to_json_line(value))


def to_json_line(value: Json) -> bytes:
    """An object as one line of a JSON-lines file, UTF-8."""
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


def write_record(path: Path, value: Json) -> None:
    """Replace an object's record as a whole, with its checksum. Raises OSError."""
    write_json(path, {**value, CHECKSUM: _hash(value)})


def read_record(path: Path, keys: Iterable[str] = ()) -> Json | None:
    """The object of a record; None when it is missing, lacks one of `keys`, or is not what was written."""
    value = read_json(path)
    if value is None or not set(keys) <= set(value):
        return None
    checksum = value.pop(CHECKSUM, None)
    return value if checksum in (None, _hash(value)) else None


def _hash(value: Json) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def load_records(root: Path, name: str, keys: Iterable[str], build_damaged: Callable[[Path], Json]) -> dict[str, Json]:
    """The records of all folders in `root`, by the folder's name.

    One that cannot be read, or is gone from among the object's other files, is `build_damaged`. What a crash left
    unfinished is deleted.
    """
    root.mkdir(parents=True, exist_ok=True)
    values: dict[str, Json] = {}
    for folder in root.iterdir():
        if folder.name.endswith(UNFINISHED_SUFFIXES):
            shutil.rmtree(folder, ignore_errors=True)
        elif (value := read_record(folder / name, keys)) is not None:
            values[folder.name] = value
        elif (folder / name).exists() or _has_other_files(folder, name):
            log.error("damaged record: %s", folder / name)
            values[folder.name] = build_damaged(folder / name)
    return values


def _has_other_files(folder: Path, name: str) -> bool:
    """Whether a folder without a record has what is only written after it: else it was never finished."""
    known = (name, f"{name}.tmp", "owner", "shared")
    return folder.is_dir() and any(path.name not in known for path in folder.iterdir())
