"""What is known to be safe after a mistake of ours: looked up on the disk, not assumed."""

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

SAFETY_CHECK_TIMEOUT = 60.0  # seconds after which it counts as unknown


@dataclass(frozen=True, slots=True)
class SafetyResult:
    """`is_safe`: all that the program knows of is in the file, which has no damage. Else `reason` says what is in the way."""

    is_safe: bool
    reason: str = ""


async def check_safety(project: Project) -> SafetyResult:
    """Compare what is open with what lies under the project's name on the disk, and check that for damage."""
    try:
        async with asyncio.timeout(SAFETY_CHECK_TIMEOUT):
            known = await project.read(_content_state)
            async with project.frozen() as path:
                found, is_whole = await asyncio.to_thread(_state_on_disk, path)
    except TimeoutError:
        return SafetyResult(False, tr("the project did not answer"))
    except (JukuError, sqlite3.Error, OSError) as error:
        return SafetyResult(False, str(error))
    except Exception as error:  # the mistake itself may be what is in the way; nothing may be claimed then
        return SafetyResult(False, type(error).__name__)
    if not _includes(found, known):
        return SafetyResult(False, tr("the file on the disk does not hold the last changes"))
    return SafetyResult(is_whole, "" if is_whole else tr("the check of the file found damage"))


def _content_state(db: sqlite3.Connection) -> str:
    """The project's id, and how far it is: rows and spec, and all that is written down of jobs, exams and chats."""
    return f"{schema.project_state(db)} {schema.commit_count(db)}"


def _state_on_disk(path: Path) -> tuple[str, bool]:
    """The state that a program would find that opened the file now, and whether it is undamaged."""
    with contextlib.closing(open_snapshot(path)) as db:
        return _content_state(db), db.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)


def _includes(found: str, known: str) -> bool:
    (id, *far), (known_id, *known_far) = found.split(), known.split()
    return id == known_id and all(int(one) >= int(other) for one, other in zip(far, known_far, strict=True))
