"""What is known to be safe after a mistake of ours: looked up on the disk, not assumed."""

import asyncio
import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from core.errors import JukuError
from core.language import tr
from core.storage import schema
from core.storage.connection import open_rows
from core.storage.project import Project

PATIENCE = 60.0  # seconds after which it counts as unknown


@dataclass(frozen=True, slots=True)
class Finding:
    """`is_safe`: all that the program knows of is in the file, which has no damage. Else `reason` says what is in the way."""

    is_safe: bool
    reason: str = ""


async def look(project: Project) -> Finding:
    """Compare what is open with what lies under the project's name on the disk, and check that for damage."""
    try:
        async with asyncio.timeout(PATIENCE):
            known = await project.read(_state)
            async with project.frozen() as path:
                found, is_whole = await asyncio.to_thread(_on_disk, path)
    except TimeoutError:
        return Finding(False, tr("the project did not answer"))
    except (JukuError, sqlite3.Error, OSError) as error:
        return Finding(False, str(error))
    except Exception as error:  # the mistake itself may be what is in the way; nothing may be claimed then
        return Finding(False, type(error).__name__)
    if not _holds(found, known):
        return Finding(False, tr("the file on the disk does not hold the last changes"))
    return Finding(is_whole, "" if is_whole else tr("the check of the file found damage"))


def _state(db: sqlite3.Connection) -> str:
    """The project's id, and how far it is: rows and spec, and all that is written down of jobs, exams and chats."""
    return f"{schema.state(db)} {schema.commits(db)}"


def _on_disk(path: Path) -> tuple[str, bool]:
    """The state that a program would find that opened the file now, and whether it is undamaged."""
    with contextlib.closing(open_rows(path)) as db:
        return _state(db), db.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)


def _holds(found: str, known: str) -> bool:
    (id, *far), (known_id, *known_far) = found.split(), known.split()
    return id == known_id and all(int(one) >= int(other) for one, other in zip(far, known_far, strict=True))
