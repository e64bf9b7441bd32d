"""Keeps the search index of a project up to date; a process of its own writes the files."""

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

MIN_INDEXED_ROWS = 20_000  # fewer rows are searched as fast without an index
MAX_INDEXES = 8  # of other projects, in the cache folder
ROWS_PER_REPORT = 5_000


class Finder:
    """Finds rows of one project with its search index. A new search cancels the older one."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.index = text_search.SearchIndex()
        self._newest = Reporter()

    async def find(self, filter: Filter) -> array[int]:
        """The ids of the matching rows, in order.

        Raises `FormatError` when the text is not a valid regular expression, `CancelledError` when a newer search began.
        """
        self._newest.cancel()
        self._newest = reporter = Reporter()
        return await self.project.read(filters.find, filter, self.index, reporter, reporter=reporter)

    def record_changes(self, changes: Changes) -> None:
        """Record the rows that a write has changed."""
        if schema.Table.EXAMPLE in changes.counts:
            self.index.record_changes(changes.ids["example"] if changes.ids is not None else None)

    async def refresh(self, reporter: Reporter) -> None:
        """Write the index if it is out of date and there are enough rows. Raises `JukuError` when the process fails."""
        if self.index.ready:
            return
        self.index.start_recording()
        rows, state = await self.project.read(_load_state)
        if rows < MIN_INDEXED_ROWS:
            return
        folder = get_index_folder(self.project.path)
        if _read_state(folder) != state:
            async with self.project.frozen() as path:
                request = {"project": str(path), "folder": str(folder)}
                await background_process.run("core.dataset.search_index_builder", request, reporter)
        self.index.open(folder)


def get_index_folder(project: Path) -> Path:
    """The cache folder of a project's index files."""
    name = hashlib.blake2b(os.fsencode(paths.real_path(project)), digest_size=16).hexdigest()
    return paths.cache_folder() / "search" / name


def _load_state(db: sqlite3.Connection) -> tuple[int, str]:
    return db.execute("SELECT count(*) FROM example").fetchone()[0], schema.project_state(db)


def _read_state(folder: Path) -> str:
    """The project state that the files in `folder` were made from; '' when there are none."""
    try:
        return (folder / "state").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def build_index(request: dict[str, Any], reporter: Reporter) -> None:
    """The child process: writes the files of `SearchIndex`; the folder is replaced when they are complete."""
    folder = Path(request["folder"])
    folder.parent.mkdir(parents=True, exist_ok=True)
    _delete_old_indexes(folder.parent)
    with create_folder_atomically(folder) as new:  # an incomplete text would find too little
        db = open_snapshot(Path(request["project"]))
        _write_files(db, new, reporter)
        db.close()


def _write_files(db: sqlite3.Connection, folder: Path, reporter: Reporter) -> None:
    db.execute("BEGIN")  # one snapshot
    rows, state = _load_state(db)
    ids, ends, end = array("q"), array("q"), 0
    reader = compressed_texts.PackReader(db)
    with (folder / "text").open("wb") as file:
        for done, (id, pack, slot) in enumerate(db.execute("SELECT id, pack, slot FROM example ORDER BY id")):
            text = f"{text_search.build_searchable_text(reader.text((pack, slot)))}{text_search.TEXT_END}".encode()
            end += file.write(text)
            ids.append(id)
            ends.append(end)
            if done % ROWS_PER_REPORT == 0:
                reporter.update(done, rows)
    (folder / "ids").write_bytes(ids.tobytes())
    (folder / "ends").write_bytes(ends.tobytes())
    (folder / "state").write_text(state)


def _delete_old_indexes(folder: Path) -> None:
    old = sorted((entry for entry in folder.iterdir() if entry.is_dir()), key=lambda entry: entry.stat().st_mtime)
    for entry in old[:-MAX_INDEXES]:
        shutil.rmtree(entry, ignore_errors=True)


if __name__ == "__main__":
    background_process.serve(build_index, background_process.BACKGROUND_NICENESS)
