"""Checks after a crash of the program whether all changes are in the file on the disk."""

import asyncio
import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from core.errors import JukuError
from core.language import tr
from core.storage import schema
from core.storage.connection import open_snapshot
from core.storage.project import Project

SAFETY_CHECK_TIMEOUT = 60.0  # seconds, after which the result is unknown


@dataclass(frozen=True, slots=True)
class SafetyResult:
    """`is_safe`: all changes are in the file, which is undamaged. Else `reason` says why not, as a text for the user."""

    is_safe: bool
    reason: str = ""


async def check_safety(project: Project) -> SafetyResult:
    """Compare the open project with the file on the disk, and check that file for damage. Never raises `Exception`."""
    try:
        async with asyncio.timeout(SAFETY_CHECK_TIMEOUT):
            open_state = await project.read(_content_state)
            async with project.frozen() as path:
                disk_state, is_whole = await asyncio.to_thread(_state_on_disk, path)
    except TimeoutError:
        return SafetyResult(False, tr("the project did not answer"))
    except (JukuError, sqlite3.Error, OSError) as error:
        return SafetyResult(False, str(error))
    except Exception as error:  # the bug itself may be the cause; then nothing is known
        return SafetyResult(False, type(error).__name__)
    if not _includes(disk_state, open_state):
        return SafetyResult(False, tr("the file on the disk does not hold the last changes"))
    return SafetyResult(is_whole, "" if is_whole else tr("the check of the file found damage"))


def _content_state(db: sqlite3.Connection) -> str:
    """The project's id, its revision (rows, spec) and its number of commits (also jobs, exams, chats)."""
    return f"{schema.project_state(db)} {schema.commit_count(db)}"


def _state_on_disk(path: Path) -> tuple[str, bool]:
    """The state in the file on the disk, and whether the file is undamaged."""
    with contextlib.closing(open_snapshot(path)) as db:
        return _content_state(db), db.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)


def _includes(disk_state: str, open_state: str) -> bool:
    (id, *counters), (known_id, *known_counters) = disk_state.split(), open_state.split()
    return id == known_id and all(int(one) >= int(other) for one, other in zip(counters, known_counters, strict=True))
