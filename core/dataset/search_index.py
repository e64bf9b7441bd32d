"""Keeps the search index of a project fresh; its files are made by a process of their own."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from array import array
from pathlib import Path
from typing import Any

from core import paths
from core.atomic_files import create_folder_atomically
from core.dataset import filters, text_search
from core.dataset.filters import Filter
from core.progress import Reporter
from core.storage import background_process, compressed_texts, schema
from core.storage.connection import open_snapshot
from core.storage.project import Changes, Project

WORTH = 20_000  # rows from which an index is made; fewer are read as fast
KEPT = 8  # indexes of other projects that stay in the cache
REPORT_EVERY = 5_000


class Finder:
    """Finds rows of one project, and keeps the index that makes it fast. A new search stops the older one."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.index = text_search.Index()
        self._newest = Reporter()

    async def find(self, filter: Filter) -> array[int]:
        """Ids of the rows that match, in order. Raises `FormatError`; `CancelledError` when a newer search began."""
        self._newest.cancel()
        self._newest = reporter = Reporter()
        return await self.project.read(filters.find, filter, self.index, reporter, reporter=reporter)

    def note(self, changes: Changes) -> None:
        """Look at the rows that a write has touched anew."""
        if schema.Table.EXAMPLE in changes.counts:
            self.index.note(changes.ids["example"] if changes.ids is not None else None)

    async def refresh(self, reporter: Reporter) -> None:
        """Make the index where it is worth it and out of date; returns when it is ready or cannot be had."""
        if self.index.ready:
            return
        self.index.expect()
        rows, state = await self.project.read(_size)
        if rows < WORTH:
            return
        folder = index_folder(self.project.path)
        if _made_of(folder) != state:
            async with self.project.frozen() as path:
                request = {"project": str(path), "folder": str(folder)}
                await background_process.run("core.dataset.search_index", request, reporter)
        self.index.open(folder)


def index_folder(project: Path) -> Path:
    name = hashlib.blake2b(os.fsencode(paths.real_path(project)), digest_size=16).hexdigest()
    return paths.cache_folder() / "search" / name


def _size(db: sqlite3.Connection) -> tuple[int, str]:
    return db.execute("SELECT count(*) FROM example").fetchone()[0], schema.project_state(db)


def _made_of(folder: Path) -> str:
    """The state of the project that the files in `folder` were made from; '' when there are none."""
    try:
        return (folder / "state").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def build(request: dict[str, Any], reporter: Reporter) -> None:
    """Write the files of `search.Index`; the folder is replaced when they are whole."""
    folder = Path(request["folder"])
    folder.parent.mkdir(parents=True, exist_ok=True)
    _forget_old(folder.parent)
    with create_folder_atomically(
        folder
    ) as new:  # half a text with a state that says it is whole would find too little
        db = open_snapshot(Path(request["project"]))
        _write(db, new, reporter)
        db.close()


def _write(db: sqlite3.Connection, folder: Path, reporter: Reporter) -> None:
    db.execute("BEGIN")  # all as of one moment
    rows, state = _size(db)
    ids, ends, end = array("q"), array("q"), 0
    reader = compressed_texts.PackReader(db)
    with (folder / "text").open("wb") as file:
        for done, (id, pack, slot) in enumerate(db.execute("SELECT id, pack, slot FROM example ORDER BY id")):
            said = f"{text_search.searchable(reader.text((pack, slot)))}{text_search.END}".encode()
            end += file.write(said)
            ids.append(id)
            ends.append(end)
            if done % REPORT_EVERY == 0:
                reporter.update(done, rows)
    (folder / "ids").write_bytes(ids.tobytes())
    (folder / "ends").write_bytes(ends.tobytes())
    (folder / "state").write_text(state)


def _forget_old(folder: Path) -> None:
    old = sorted((entry for entry in folder.iterdir() if entry.is_dir()), key=lambda entry: entry.stat().st_mtime)
    for entry in old[:-KEPT]:
        shutil.rmtree(entry, ignore_errors=True)


if __name__ == "__main__":
    background_process.serve(build, background_process.BACKGROUND_NICENESS)
