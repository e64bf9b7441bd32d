"""Computes something about a project in a process of its own, and keeps what it found."""

import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from core.progress import Reporter
from core.storage import background_process
from core.storage.project import Changes, Project

Store = Callable[[sqlite3.Connection, Any, Iterator[Any]], object]


async def run(
    project: Project, module: str, request: dict[str, Any], store: Store, reporter: Reporter
) -> Changes | None:
    """Let `module` look at the project, then `store(db, result, lines)` what it wrote, in one write.

    The module gets `request` with `project` and `into`, the file for its lines (see `write_line`): they may be too
    many for the memory. None where its result is None: there was nothing to do. Cancelling ends the process.
    """
    with tempfile.TemporaryDirectory(prefix="juku-", ignore_cleanup_errors=True) as folder:
        into = Path(folder) / "lines"
        async with project.frozen() as path:
            whole = {**request, "project": str(path), "into": str(into)}
            result = await background_process.run_aside(module, whole, reporter)
        if result is None or project.read_only:
            return None
        return await project.write("", _keep, store, result, into)


def write_line(file: IO[str], line: object) -> None:
    """The child's side: one JSON value a line."""
    file.write(json.dumps(line) + "\n")


def _keep(db: sqlite3.Connection, store: Store, result: object, into: Path) -> None:
    store(db, result, _lines(into))


def _lines(into: Path) -> Iterator[Any]:
    with into.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
