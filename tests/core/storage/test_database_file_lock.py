"""The file of an open project against whatever else opens it: our own process, and other programs."""

import asyncio
import shutil
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from core.dataset import examples, filters
from core.errors import ProjectError
from core.paths import ROOT
from core.storage import database_file_lock, schema
from core.storage.connection import log_path
from core.storage.project import Project
from tests.support.projects import new_example

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there locks belong to the handle")

FOREIGN = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
for statement in sys.argv[2:]:
    print(db.execute(statement).fetchall())
db.close()
"""


def foreign(path, *statements):
    """What another program does with the file; '' where it is kept out."""
    done = subprocess.run([sys.executable, "-c", FOREIGN, str(path), *statements], capture_output=True, text=True)
    assert not done.returncode or "database is locked" in done.stderr, done.stderr
    return done.stdout.strip()


def add(project, question, answer="a"):
    row = new_example(question, answer)
    return asyncio.run(project.write("Add", examples.add, [row]))


def questions(project):
    return [row.question for row in examples.iterate(project.rows)]


def look_into(folder):
    """What a file dialog does with each file it lists."""
    for path in folder.iterdir():
        if path.is_file():
            path.open("rb").close()


@pytest.fixture
def droppable(monkeypatch):
    """A system whose only locks are those of processes."""
    monkeypatch.setattr(database_file_lock.DatabaseFileLock, "_lock_descriptor", lambda _file: False)


COUNT = "SELECT count(*) FROM example"


def test_no_other_program_comes_in_whatever_is_opened_and_closed_here(project):
    for number in range(3):
        assert foreign(project.path, COUNT) == ""
        add(project, f"q{number}")
        look_into(project.path.parent)
        assert foreign(project.path, COUNT) == ""
    project.close()
    assert foreign(project.path, COUNT) == "[(3,)]"


def test_a_dropped_lock_is_taken_again(droppable, tmp_path):
    project = Project(tmp_path / "p.juku")
    assert project.assert_locks()
    look_into(tmp_path)
    assert foreign(project.path, COUNT) == "[(0,)]"  # this is why
    project.close()
    project = Project(tmp_path / "p.juku")
    look_into(tmp_path)
    assert project.assert_locks()
    assert foreign(project.path, COUNT) == ""
    project.close()


@pytest.mark.parametrize(
    "statements",
    [
        (COUNT,),
        ("UPDATE example SET notes = 'theirs'",),
        ("PRAGMA wal_checkpoint(TRUNCATE)", "UPDATE example SET notes = 'theirs'"),
        ("VACUUM",),
    ],
)
def test_another_program_that_came_in_costs_nothing(droppable, tmp_path, statements):
    """The lock was dropped, and a program opens, works and closes: it brings in our log and deletes it."""
    project = Project(tmp_path / "p.juku")
    for number in range(3):
        add(project, f"q{number}")
    look_into(tmp_path)
    assert foreign(project.path, *statements)
    with pytest.raises(ProjectError, match="has changed"):
        add(project, "q3")
    assert questions(project) == ["q0", "q1", "q2"]
    assert project.undo_label is None  # never brings back what another has changed since
    add(project, "q4")
    look_into(tmp_path)
    assert questions(project) == ["q0", "q1", "q2", "q4"]
    project.close()
    project = Project(tmp_path / "p.juku")
    assert questions(project) == ["q0", "q1", "q2", "q4"]
    assert [row.notes for row in examples.iterate(project.rows)].count("theirs") in (0, 3)
    assert project._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    project.close()
    assert [path.name for path in tmp_path.glob("*.juku*")] == ["p.juku"]


def test_closing_writes_nothing_over_what_another_program_has_written(droppable, tmp_path):
    project = Project(tmp_path / "p.juku")
    for number in range(3):
        add(project, f"q{number}")
    look_into(tmp_path)
    assert foreign(project.path, "UPDATE example SET notes = 'theirs'")
    project.close()
    project = Project(tmp_path / "p.juku")
    assert [(row.question, row.notes) for row in examples.iterate(project.rows)] == [
        (f"q{number}", "theirs") for number in range(3)
    ]
    project.close()


def test_while_another_program_is_in_nothing_is_written(droppable, tmp_path):
    project = Project(tmp_path / "p.juku")
    add(project, "q0")
    look_into(tmp_path)
    code = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('SELECT * FROM example').fetchone(); print(1, flush=True); input()"
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(project.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    other.stdout.readline()
    with pytest.raises(ProjectError, match="busy"):
        add(project, "q1")
    assert project._writing.submit(
        project._checkpoint_in_background
    ).result()  # is not tried again: the next write says why
    other.communicate("\n")
    with pytest.raises(ProjectError, match="has changed"):
        add(project, "q2")
    add(project, "q3")
    project.close()
    project = Project(tmp_path / "p.juku")
    assert questions(project) == ["q0", "q3"]
    project.close()


def test_a_deleted_log_loses_nothing(project):
    add(project, "q0")
    log_path(project.path).unlink()
    add(project, "q1")
    assert project.undo_label == "Add"
    asyncio.run(project.undo())
    assert questions(project) == ["q0"]
    asyncio.run(project.redo())
    project.close()
    project = Project(project.path)
    assert questions(project) == ["q0", "q1"]
    project.close()


def test_a_replaced_file_keeps_what_was_done_in_a_copy(project):
    shutil.copy(project.path, older := project.path.with_name("older"))
    add(project, "q0")
    older.replace(project.path)
    with pytest.raises(ProjectError, match="replaced") as error:
        add(project, "q1")
    assert questions(project) == []
    (copy,) = project.path.parent.glob("test 2*.juku")
    assert str(copy) in error.value.message
    add(project, "q2")
    assert questions(project) == ["q2"]
    kept = Project(copy)
    assert questions(kept) == ["q0"]
    kept.close()


def test_a_file_that_is_gone_leaves_a_copy_to_read(project):
    add(project, "q0")
    project.path.unlink()
    with pytest.raises(ProjectError, match="moved") as error:
        add(project, "q1")
    assert questions(project) == ["q0"]
    (copy,) = project.path.parent.glob("test 2*.juku")
    assert str(copy) in error.value.message
    with pytest.raises(ProjectError, match="read-only"):
        add(project, "q2")


def test_a_log_that_is_exchanged_during_a_write_is_brought_in(project):
    def change(db):
        examples.add(db, [new_example("q1")])
        log_path(project.path).unlink()

    add(project, "q0")
    asyncio.run(project.write("Add", change))
    add(project, "q2")
    project.close()
    project = Project(project.path)
    assert questions(project) == ["q0", "q1", "q2"]
    project.close()


def test_a_project_is_one_file_after_a_checkpoint(project, tmp_path):
    async def go():
        rows = [new_example(f"q{number}") for number in range(500)]
        await project.write("Add", examples.add, rows)
        assert await project.checkpoint()

    asyncio.run(go())
    assert log_path(project.path).stat().st_size == 0
    shutil.copy(project.path, tmp_path / "copy.juku")
    copy = Project(tmp_path / "copy.juku")
    assert len(filters.find(copy.rows)) == 500
    copy.close()


def test_a_quiet_moment_brings_the_log_in(project, monkeypatch):
    """Waits until the log is empty, though nobody asked for it."""
    monkeypatch.setattr("core.storage.project.CHECKPOINT_DELAY", 0.01)

    async def go():
        await project.write("Add", examples.add, [new_example("q")])
        while log_path(project.path).stat().st_size:
            await asyncio.sleep(0.01)

    asyncio.run(go())


def test_a_long_log_is_not_left_lying(project, monkeypatch):
    monkeypatch.setattr("core.storage.database_file.MAX_LOG_BYTES", 1000)
    add(project, "q")
    project._writing.submit(lambda: None).result()  # all that the writing thread had to do before
    assert log_path(project.path).stat().st_size == 0


def test_a_frozen_file_stays_as_it_is_until_it_is_let_go(project):
    async def go():
        await project.write("Add", examples.add, [new_example("q0")])
        async with project.frozen() as path:
            before = path.read_bytes()
            await project.write("Add", examples.add, [new_example("q1")])
            assert not await project.checkpoint()
            assert path.read_bytes() == before
            db = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
            assert db.execute(COUNT).fetchone() == (1,)
            db.close()
            second = asyncio.ensure_future(_count(project))
            await asyncio.sleep(0)
        assert await second == 2  # who asks later sees all that was written by then
        assert await project.checkpoint()

    asyncio.run(go())


async def _count(project):
    async with project.frozen() as path:
        db = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
        found = db.execute(COUNT).fetchone()[0]
        db.close()
        return found


def test_every_write_waits_for_the_disk(project, tmp_path):
    project._writing.submit(lambda: project._storage.loader).result()
    for db in (project._db, project._storage.loader):
        assert project._writing.submit(lambda db=db: db.execute("PRAGMA synchronous").fetchone()).result() == (2,)
        assert project._writing.submit(lambda db=db: db.execute("PRAGMA wal_autocheckpoint").fetchone()).result() == (
            0,
        )
    assert schema.log_mark(project.rows) <= 0


CUT = """
import os, sqlite3, sys
from pathlib import Path
from core.dataset import examples
from core.storage.project import Project
project = Project(Path(sys.argv[1]))
os.truncate(sys.argv[1], 8192)
try:
    print(len(list(examples.iterate(project.rows))))
except sqlite3.Error as error:
    print("said", error)
os._exit(0)
"""


def test_a_file_that_is_cut_off_does_not_end_the_process(project):
    rows = [new_example(f"q{number}", "a" * 3000) for number in range(500)]
    asyncio.run(project.write("Add", examples.add, rows))
    project.close()
    done = subprocess.run([sys.executable, "-c", CUT, str(project.path)], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done
    assert done.stdout.startswith("said")


@pytest.mark.parametrize("early", [False, True])
def test_a_read_that_a_take_over_interrupts_is_asked_again(project, early):
    """Whoever waits for it was not cancelled: a queue or a table would stand still from then on.

    `early`: it is interrupted before its statement begins, which SQLite itself forgets.
    """
    add(project, "q")
    began = threading.Event()

    def slow(db):
        if not began.is_set():
            began.set()
            while early and project._reading._work_queue.empty():
                time.sleep(0.001)
            db.execute(
                "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
            ).fetchall()
        return db.execute(COUNT).fetchone()[0]

    async def go():
        reading = asyncio.ensure_future(project.read(slow))
        await asyncio.to_thread(began.wait)
        log_path(project.path).unlink()
        row = new_example("another")
        await project.write("Add", examples.add, [row])
        return await reading

    assert asyncio.run(go()) in (1, 2)
    assert questions(project) == ["q", "another"]


def test_an_older_state_of_file_and_log_is_not_taken_for_all(project, tmp_path):
    """Its log has the same name, but lacks what was written last."""
    add(project, "q0")
    shutil.copy(project.path, tmp_path / "older")
    shutil.copy(log_path(project.path), tmp_path / "older-wal")
    add(project, "q1")
    (tmp_path / "older").replace(project.path)
    (tmp_path / "older-wal").replace(log_path(project.path))
    with pytest.raises(ProjectError, match="replaced"):
        add(project, "q2")
    assert questions(project) == ["q0"]
    (copy,) = project.path.parent.glob("test 2*.juku")
    kept = Project(copy)
    assert questions(kept) == ["q0", "q1"]
    kept.close()
