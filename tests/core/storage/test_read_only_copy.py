"""A project that another may be writing is read from a copy, as of one moment."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from core.dataset import examples, filters
from core.errors import MissingLogError, ProjectError, ProjectInUseError
from core.paths import ROOT
from core.storage import migrations
from core.storage import project as projects
from core.storage.project import Project
from core.storage.read_only_copy import open_any_project
from tests.support.projects import new_example

LOOK = """
import asyncio, os, sys
from pathlib import Path
from core.dataset import examples, filters
from core.storage import schema
from core.errors import ProjectError
from core.storage.project import open_existing
os.setgid(65534), os.setuid(65534)
for _round in range(int(sys.argv[2])):
    project = open_existing(Path(sys.argv[1]))
    assert project.read_only and project.notice
    assert project._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    answers = {row.answer for row in examples.iterate(project.rows)}
    assert len(answers) <= 1, answers
    try:
        asyncio.run(project.write("", examples.delete, filters.find(project.rows)))
    except ProjectError as error:
        print(len(filters.find(project.rows)), error.title, flush=True)
    project.close()
"""

CLOSED = """
import os
import shutil
from pathlib import Path
from core.errors import ProjectError
from core.storage.project import open_existing
os.setgid(65534), os.setuid(65534)
try:
    open_existing(Path("{path}"))
except ProjectError as error:
    print(error)
"""

WRITE = """
import asyncio, sys
from pathlib import Path
from core.dataset import examples, filters
from core.storage import schema
from core.dataset.bulk_edits import Pattern, replace
from core.storage.project import Project
from core.progress import Reporter
import core.storage.project
core.storage.project.CHECKPOINT_DELAY = 0.05
async def go():
    project = Project(Path(sys.argv[1]))
    number = 0
    while True:
        pattern = Pattern(f"answer {number}", f"answer {number + 1}")
        await project.write("", replace, pattern, filters.Filter(), Reporter())
        number += 1
        print(number, flush=True)
        await asyncio.sleep(0.02 * (number % 6))
asyncio.run(go())
"""


def rows(count, answer="answer 0"):
    return [new_example(f"q{number}", answer) for number in range(count)]


def test_a_project_that_is_open_is_looked_at_as_it_is(project):
    asyncio.run(project.write("", examples.add, rows(3)))
    with pytest.raises(ProjectInUseError):
        projects.open_existing(project.path)
    with closing(projects.open_read_only(project.path)) as seen:
        assert len(filters.find(seen.rows)) == 3
        assert project.path.name in seen.notice
        with pytest.raises(ProjectError, match="read-only"):
            asyncio.run(seen.write("", examples.add, rows(1)))
        asyncio.run(project.write("", examples.add, rows(2)))
        assert len(filters.find(seen.rows)) == 3

        async def child():
            async with seen.frozen() as path:
                return path

        assert asyncio.run(child()) != project.path
        place = seen._storage.path.parent
    assert not place.exists()
    with open_any_project(project.path) as db:
        assert len(filters.find(db)) == 5
    assert len(filters.find(project.rows)) == 5


def test_a_closed_project_is_read_without_a_copy_and_left_as_it_was(project):
    asyncio.run(project.write("", examples.add, rows(3)))
    project.close()
    before = project.path.read_bytes()
    with open_any_project(project.path) as db:
        assert len(filters.find(db)) == 3
    assert project.path.read_bytes() == before


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs another account")
def test_another_account_looks_while_this_one_writes(shared_folder):
    """It may not write the folder, and found "invalid page number" when it took the file for a fixed one."""
    path = shared_folder / "test.juku"
    project = Project(path)
    asyncio.run(project.write("", examples.add, rows(2000)))
    project.close()
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    writer = subprocess.Popen([sys.executable, "-c", WRITE, path], env=env, stdout=subprocess.PIPE, text=True)
    try:
        writer.stdout.readline()
        free = {**env, "JUKU_DATA": "", "HOME": "/nonexistent"}
        said = subprocess.run([sys.executable, "-c", LOOK, path, "12"], env=free, capture_output=True, text=True)
    finally:
        writer.kill()
        writer.communicate()
    assert not said.returncode, said.stderr
    assert said.stdout.splitlines() == ["2000 “test.juku” is read-only"] * 12


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs another account")
def test_a_project_in_a_closed_folder_is_refused_in_words(shared_folder):
    (shared_folder / "closed").mkdir(mode=0o700)
    path = shared_folder / "closed" / "p.juku"
    Project(path).close()
    code = CLOSED.format(path=str(path))
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "cannot be found" in said.stdout, said.stderr


def test_reading_never_takes_the_log_of_another_copy(tmp_path):
    """As where a folder was copied file by file while the project was open; SQLite would write that log over the file."""
    path, older = tmp_path / "p.juku", tmp_path / "older.juku"
    with closing(projects.create(path)) as project:
        asyncio.run(project.write("", examples.add, rows(1)))
        assert asyncio.run(project.checkpoint())
        shutil.copy(path, older)
        asyncio.run(project.write("", examples.add, rows(1)))
        shutil.copy(path.with_name("p.juku-wal"), tmp_path / "kept")
    with closing(projects.open_existing(older)) as project:
        asyncio.run(project.write("", examples.add, rows(3)))
    (tmp_path / "kept").rename(tmp_path / "older.juku-wal")
    before = older.read_bytes()
    with pytest.raises(MissingLogError), open_any_project(older):
        pass
    assert older.read_bytes() == before
    assert (tmp_path / "older.juku-wal").exists()


def test_reading_a_project_that_is_not_there_makes_none(tmp_path):
    with pytest.raises(ProjectError), open_any_project(tmp_path / "none.juku"):
        pass
    assert not list(tmp_path.iterdir())


def test_a_project_of_an_older_juku_is_read_and_stays_as_it_is(tmp_path, monkeypatch):
    with closing(sqlite3.connect(tmp_path / "old.juku", isolation_level=None)) as db, monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:-1])
        migrations.migrate(db)
    before = (tmp_path / "old.juku").read_bytes()
    with open_any_project(tmp_path / "old.juku") as db:
        assert not list(examples.iterate(db))
    assert (tmp_path / "old.juku").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["old.juku"]


def test_a_copy_without_its_log_is_looked_at_only_by_who_knows_it(project, tmp_path):
    asyncio.run(project.write("", examples.add, rows(1)))
    asyncio.run(project.checkpoint())
    asyncio.run(project.write("", examples.add, rows(2)))
    alone = tmp_path / "alone.juku"
    shutil.copy(project.path, alone)
    with pytest.raises(MissingLogError, match=r"alone\.juku"):
        projects.open_read_only(alone)
    before = alone.read_bytes()
    with closing(Project(alone, without_log=True, look=True)) as seen:
        assert len(filters.find(seen.rows)) == 1
    assert alone.read_bytes() == before


def test_where_nobody_can_write_the_file_itself_is_read(project, monkeypatch):
    asyncio.run(project.write("", examples.add, rows(2)))
    monkeypatch.setattr(projects, "is_on_read_only_disk", lambda _path: True)
    with closing(projects.open_read_only(project.path)) as seen:  # with a log it cannot be read without a copy
        assert len(filters.find(seen.rows)) == 2 and seen._storage.path != project.path
    project.close()
    with closing(projects.open_read_only(project.path)) as seen:
        assert len(filters.find(seen.rows)) == 2
        assert (seen._storage.path, seen._storage.frozen, seen.notice) == (project.path, True, "")
    monkeypatch.undo()
    assert not projects.is_on_read_only_disk(project.path)
