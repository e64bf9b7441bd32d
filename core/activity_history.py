"""What the program ran and how it ended: one file of the person's, for all projects and windows."""

import contextlib
import logging
import os
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import BinaryIO

import msgspec

from core import paths, processes
from core.atomic_files import PRIVATE_MODE, hold_lock, write_atomically

logger = logging.getLogger(__name__)
MAX_ENTRIES = 300  # kept; of more, the oldest are dropped
MAX_TEXT_CHARACTERS = 4000  # of an error or a result
MAX_FILE_BYTES = 8_000_000  # that are read, from the end of a file
LAST_SECOND = 253_402_300_799.0  # of the year 9999; a later time is damage
LOCK_TIMEOUT = 0.5  # seconds; a window that hangs must not stop this one


class ActivityKind(StrEnum):
    """What runs; it decides where the person finds it."""

    IMPORT = "import"
    EXPORT = "export"
    GENERATION = "generation"
    TRAINING = "training"
    EXAM = "exam"
    TEACHING = "teaching"
    RESCUE = "rescue"
    MODEL = "model"  # a base model is downloaded or prepared
    OTHER = "other"


class ActivityOutcome(StrEnum):
    """How it ended. CONTINUES: this window no longer follows it; it goes on, or is continued."""

    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    CONTINUES = "continues"
    INTERRUPTED = "interrupted"


class HistoryEntry(msgspec.Struct, frozen=True):
    """Something that was begun. Times are Unix seconds; `ended` is 0 and `outcome` '' while it runs.

    `project` is a path, '' for what belongs to none. `reference` says what it was in the project, such as "job:3".
    """

    id: str
    kind: str
    label: str
    started: float
    project: str = ""
    reference: str = ""
    ended: float = 0.0
    outcome: str = ""
    text: str = ""  # what came of it: a result or an error, as the person was told
    pid: int = 0
    process: str = ""  # when that process started: ids are used again


def history_file() -> Path:
    """The path of the history, which may not exist."""
    return paths.data_folder() / "activity.jsonl"


@cache
def _own_start(pid: int) -> str:
    return processes.start_time(pid) or processes.UNKNOWN_START


def own_process() -> tuple[int, str]:
    """The id of this process, and when it started."""
    return os.getpid(), _own_start(os.getpid())


def record(entry: HistoryEntry) -> None:
    """Write an entry, or what has become of one. Where that is not possible, the log says so: no work stops for it."""
    path = history_file()
    line = msgspec.json.encode(_make_writable(entry)) + b"\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _lock():
            is_new = not path.exists()
            with path.open("a+b") as file:
                file.write(_finish_line(file) + line)
            if is_new:
                path.chmod(PRIVATE_MODE)
    except OSError as error:
        logger.info("the history cannot be written: %s", error)


def _make_writable(entry: HistoryEntry) -> HistoryEntry:
    """The entry with a text that is not too long. A file's name may have bytes that are no text: they are shown as `\\udcff`."""
    texts = {name: value for name in entry.__struct_fields__ if isinstance(value := getattr(entry, name), str)}
    texts["text"] = entry.text[:MAX_TEXT_CHARACTERS]
    written = {name: value.encode("utf-8", "backslashreplace").decode() for name, value in texts.items()}
    return msgspec.structs.replace(entry, **written)


def _finish_line(file: BinaryIO) -> bytes:
    """The end of a line that a full disk or a kill has cut off: what comes next is a line of its own."""
    if not file.seek(0, os.SEEK_END):
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"


def load() -> list[HistoryEntry]:
    """The entries, the newest first. What ended with its process without a word is interrupted, or goes on elsewhere.

    A line that cannot be read is left out.
    """
    with contextlib.suppress(OSError):
        return _close_open(_read())
    return []


def drop(ids: set[str]) -> None:
    """Take entries out of the history."""
    with contextlib.suppress(OSError), _lock():
        _write([one for one in _read() if one.id not in ids])


def shorten() -> None:
    """Keep the newest entries, one line for each."""
    with contextlib.suppress(OSError), _lock():
        path = history_file()
        if path.exists() and path.read_bytes().count(b"\n") > MAX_ENTRIES:
            _write(_read()[:MAX_ENTRIES])


def _read() -> list[HistoryEntry]:
    path = history_file()
    if not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - MAX_FILE_BYTES))
        lines = file.read(MAX_FILE_BYTES).splitlines()
    found: dict[str, HistoryEntry] = {}
    for line in lines:
        with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
            entry = msgspec.json.decode(line, type=HistoryEntry)
            if _makes_sense(entry):
                found[entry.id] = entry
    return sorted(found.values(), key=lambda one: one.started, reverse=True)


def _makes_sense(entry: HistoryEntry) -> bool:
    """Whether it can be shown: neither damaged, nor of a newer version that knows other kinds and ends."""
    are_times = all(0 <= time <= LAST_SECOND for time in (entry.started, entry.ended))
    return are_times and entry.kind in [*ActivityKind] and entry.outcome in ["", *ActivityOutcome]


def _write(entries: list[HistoryEntry]) -> None:
    lines = b"".join(msgspec.json.encode(one) + b"\n" for one in reversed(entries))
    write_atomically(history_file(), lines, PRIVATE_MODE)


def _close_open(entries: list[HistoryEntry]) -> list[HistoryEntry]:
    alive: dict[int, str] = {}
    closed: list[HistoryEntry] = []
    for one in entries:
        if not one.outcome:
            if one.pid not in alive:
                alive[one.pid] = processes.start_time(one.pid) or ""
            if alive[one.pid] != one.process:
                goes_on = one.kind == ActivityKind.TRAINING
                outcome = ActivityOutcome.CONTINUES if goes_on else ActivityOutcome.INTERRUPTED
                one = msgspec.structs.replace(one, outcome=outcome)
        closed.append(one)
    return closed


def _lock() -> contextlib.AbstractContextManager[None]:
    return hold_lock(history_file().with_suffix(".lock"), LOCK_TIMEOUT)
