import asyncio
import gzip
import sqlite3
import sys
from contextlib import suppress

import psutil
import pytest

from core.dataset import examples, filters, quarantine
from core.dataset.import_reader_process import ImportOptions, KnownRows, read_blocks, store_blocks
from core.dataset.importing import import_file
from core.errors import JukuError
from core.formats import jsonl
from core.progress import Reporter
from core.storage.project import Project
from tests.support.projects import new_example


@pytest.fixture
def path(tmp_path):
    lines = [jsonl.new_row("", f"質問 {number}?", f"answer {number}") for number in range(1000)]
    lines[500] = "{oops"
    target = tmp_path / "rows.jsonl"
    target.write_text("\n".join(lines), encoding="utf-8")
    return target


def test_a_process_of_its_own_brings_the_same_as_this_one(project, path, tmp_path):
    progress = []
    asyncio.run(import_file(project, path, ImportOptions(tags="t"), Reporter(progress.append)))
    assert progress
    assert len(filters.find(project.rows)) == 999
    other = Project(tmp_path / "other.juku")
    asyncio.run(
        other.write(
            "Import", lambda db: store_blocks(db, read_blocks(path, ImportOptions(tags="t"), KnownRows(), Reporter()))
        )
    )
    assert list(examples.iterate(project.rows)) == list(examples.iterate(other.rows))
    assert quarantine.load_lines(project.rows) == quarantine.load_lines(other.rows)
    other.close()


def test_an_import_is_one_undoable_step(project, path):
    asyncio.run(project.write("Add", examples.add, [new_example("q")]))
    imported = asyncio.run(import_file(project, path, label="Import"))
    assert (imported.rows, imported.known, imported.unread) == (999, 0, 1)
    assert imported.changes.counts == {"example": 999, "unread": 1}
    assert imported.changes.ids == {"example": set(range(2, 1001)), "unread": {1}}
    after = list(examples.iterate(project.rows))
    assert project.undo_label == "Import"
    asyncio.run(project.undo())
    assert len(filters.find(project.rows)) == 1
    assert not quarantine.count(project.rows)
    asyncio.run(project.redo())
    assert list(examples.iterate(project.rows)) == after
    again = asyncio.run(import_file(project, path))
    assert (again.rows, again.known, again.unread) == (0, 1000, 0)
    assert not again.changes.counts


def test_a_packed_file_and_one_that_is_missing(project, path, tmp_path):
    packed = tmp_path / "rows.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert asyncio.run(import_file(project, packed)).rows == 999
    with pytest.raises(JukuError, match=r"cannot be (read|found)"):
        asyncio.run(import_file(project, tmp_path / "none.jsonl"))
    assert len(filters.find(project.rows)) == 999


def test_a_cancelled_import_leaves_nothing_and_the_project_goes_on(project, path):
    async def work():
        reporter = Reporter()
        task = asyncio.ensure_future(import_file(project, path, reporter=reporter))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await project.write("Add", examples.add, [new_example("q")])

    asyncio.run(work())
    assert len(filters.find(project.rows)) == 1
    assert project.undo_label == "Add"


def test_what_a_load_began_and_did_not_finish_is_not_there(project):
    def fill(db):
        examples.add(db, [new_example("q")])
        raise JukuError("stop")

    with pytest.raises(JukuError, match="stop"):
        asyncio.run(project.load("Import", fill, Reporter()))
    assert not filters.find(project.rows)
    assert project.undo_label is None
    project.close()
    with sqlite3.connect(project.path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()


def readers():
    """The children that read for an import; this process has others, such as the engine of other tests."""
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if "core.dataset.import_reader_process" in child.cmdline():
                yield child


@pytest.mark.skipif(sys.platform == "win32", reason="there is no niceness there")
def test_whoever_waits_for_an_import_is_not_put_behind_other_work(project, path):
    seen = []

    def look(_progress):
        seen.extend(child.nice() for child in readers())

    asyncio.run(import_file(project, path, reporter=Reporter(look)))
    assert set(seen) == {psutil.Process().nice()}


def test_an_import_whose_reader_dies_leaves_nothing_and_says_so(project, path):
    many = path.with_name("many.jsonl")  # more than what may be on its way in the pipe
    many.write_text("".join(jsonl.new_row("", f"{number} {number**9}", "a") + "\n" for number in range(40_000)))

    def kill(_progress):
        for child in readers():
            child.kill()

    with pytest.raises(JukuError, match="ended before it was done"):
        asyncio.run(import_file(project, many, reporter=Reporter(kill)))
    assert not filters.find(project.rows)
    asyncio.run(import_file(project, path))
    assert len(filters.find(project.rows)) == 999
