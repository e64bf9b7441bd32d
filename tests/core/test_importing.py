import asyncio
import gzip
import sqlite3

import pytest

from core import dataset, filters, importing, quarantine
from core.errors import JukuError
from core.formats import jsonl
from core.importing import Options, bring
from core.progress import Reporter
from core.project import Project


@pytest.fixture
def path(tmp_path):
    lines = [jsonl.new_row("", f"質問 {number}?", f"answer {number}") for number in range(1000)]
    lines[500] = "{oops"
    target = tmp_path / "rows.jsonl"
    target.write_text("\n".join(lines), encoding="utf-8")
    return target


def test_a_process_of_its_own_brings_the_same_as_this_one(project, path, tmp_path):
    progress = []
    asyncio.run(bring(project, path, Options(tags="t"), Reporter(progress.append)))
    assert progress
    assert len(filters.find(project.rows)) == 999
    other = Project(tmp_path / "other.juku")
    asyncio.run(other.write("Import", importing.import_file, path, Reporter(), Options(tags="t")))
    assert list(dataset.examples(project.rows)) == list(dataset.examples(other.rows))
    assert quarantine.unread(project.rows) == quarantine.unread(other.rows)
    other.close()


def test_an_import_is_one_undoable_step(project, path):
    asyncio.run(project.write("Add", dataset.add, [dataset.read_row(jsonl.new_row("", "q", "a"))]))
    brought = asyncio.run(bring(project, path, label="Import"))
    assert (brought.rows, brought.known, brought.unread) == (999, 0, 1)
    assert brought.changes.counts == {"example": 999, "unread": 1}
    assert brought.changes.ids == {"example": set(range(2, 1001)), "unread": {1}}
    after = list(dataset.examples(project.rows))
    assert project.undo_label == "Import"
    asyncio.run(project.undo())
    assert len(filters.find(project.rows)) == 1
    assert not quarantine.count(project.rows)
    asyncio.run(project.redo())
    assert list(dataset.examples(project.rows)) == after
    again = asyncio.run(bring(project, path))
    assert (again.rows, again.known, again.unread) == (0, 1000, 0)
    assert not again.changes.counts


def test_a_packed_file_and_one_that_is_missing(project, path, tmp_path):
    packed = tmp_path / "rows.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert asyncio.run(bring(project, packed)).rows == 999
    with pytest.raises(JukuError, match=r"cannot be (read|found)"):
        asyncio.run(bring(project, tmp_path / "none.jsonl"))
    assert len(filters.find(project.rows)) == 999


def test_a_cancelled_import_leaves_nothing_and_the_project_goes_on(project, path):
    async def work():
        reporter = Reporter()
        task = asyncio.ensure_future(bring(project, path, reporter=reporter))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await project.write("Add", dataset.add, [dataset.read_row(jsonl.new_row("", "q", "a"))])

    asyncio.run(work())
    assert len(filters.find(project.rows)) == 1
    assert project.undo_label == "Add"


def test_what_a_load_began_and_did_not_finish_is_not_there(project):
    def fill(db):
        dataset.add(db, [dataset.read_row(jsonl.new_row("", "q", "a"))])
        raise JukuError("stop")

    with pytest.raises(JukuError, match="stop"):
        asyncio.run(project.load("Import", fill, Reporter()))
    assert not filters.find(project.rows)
    assert project.undo_label is None
    project.close()
    with sqlite3.connect(project.path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
