"""A copy of a project without its log, or with another's, says so; a killed process leaves nothing that is taken for one."""

import asyncio
import shutil
import sqlite3
from contextlib import closing, suppress

import pytest

from core.dataset import examples, filters, importing
from core.dataset.import_reader_process import ImportOptions
from core.errors import MissingLogError
from core.formats import jsonl
from core.storage import project as projects
from core.storage import wal_check
from core.storage.connection import log_path
from core.storage.project import Project
from tests.support.edit_forever import contents
from tests.support.projects import new_example


def row(text):
    return new_example(text, text)


class Moments:
    """File and log as a kill would leave them before each statement that is run, with the states that were committed."""

    def __init__(self, project, folder):
        self.project, self.folder, self.count = project, folder, 0
        self.states = [contents(project)]
        self.committed = []  # how many states there were at each moment
        for db in (project._db, project._storage.loader):
            db.set_trace_callback(self.copy)

    def copy(self, _statement=""):
        file, log = self.paths(self.count)
        shutil.copy(self.project.path, file)
        shutil.copy(log_path(self.project.path), log)
        self.count += 1
        self.committed.append(len(self.states))

    def paths(self, number):
        path = self.folder / f"{number}.juku"
        return path, log_path(path)

    def stop(self):
        for db in (self.project._db, self.project._storage.loader):
            db.set_trace_callback(None)

    def pair(self, file, log, target):
        """A project of the file of one moment and the log of another; None: without one."""
        shutil.copy(self.paths(file)[0], target)
        log_path(target).unlink(missing_ok=True)
        if log is not None:
            shutil.copy(self.paths(log)[1], log_path(target))

    def opened(self, target):
        with closing(Project(target)) as project:
            assert project._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            return self.states.index(contents(project))


async def live(project, moments):
    """Everything that writes, with checkpoints and frozen reading between."""
    path = project.path.with_name("rows.jsonl")
    path.write_text("".join(jsonl.new_row("", f"q{i}", "a") + "\n" for i in range(20)))

    async def done(work):
        await work
        if (state := contents(project)) not in moments.states:
            moments.states.append(state)
        moments.copy()

    await done(project.write("", examples.add, [row("first")]))
    await done(project.write("", examples.add, [row("second")]))
    await project.checkpoint()
    await done(importing.import_file(project, path, ImportOptions(skip_known=False)))
    await project.checkpoint()
    async with project.frozen():
        await done(project.write("", examples.add, [row("third")]))
    await done(project.write("", examples.set_field, 1, "answer", "other"))
    await project.checkpoint()
    await done(project.write("", examples.add, [row("fourth")]))


@pytest.fixture
def moments(project, tmp_path):
    folder = tmp_path / "moments"
    folder.mkdir()
    project._writing.submit(lambda: project._storage.loader).result()
    found = Moments(project, folder)
    asyncio.run(live(project, found))
    found.stop()
    assert found.count > 50
    return found


def test_killed_at_any_moment_nothing_is_missing_and_nothing_is_said_to_be(moments, tmp_path):
    target = tmp_path / "killed.juku"
    for moment in range(moments.count):
        moments.pair(moment, moment, target)
        assert moments.opened(target) in (moments.committed[moment] - 1, moments.committed[moment]), moment


def test_a_copy_without_its_log_is_whole_or_says_so(moments, tmp_path):
    target, said = tmp_path / "alone.juku", 0
    for moment in range(moments.count):
        moments.pair(moment, None, target)
        try:
            assert moments.opened(target) in (moments.committed[moment] - 1, moments.committed[moment]), moment
        except MissingLogError:
            said += 1
    assert 5 < said < moments.count


def test_a_file_and_the_log_of_another_moment_give_a_state_that_was_or_are_refused(moments, tmp_path):
    target, refused = tmp_path / "mixed.juku", 0
    for file in range(0, moments.count, 11):
        for log in range(3, moments.count, 11):
            moments.pair(file, log, target)
            try:
                moments.opened(target)
            except MissingLogError:
                refused += 1
    assert refused > 5


def test_who_opens_what_is_there_goes_on_without_the_log(project, tmp_path):
    copy, both = tmp_path / "copy.juku", tmp_path / "both.juku"

    async def go():
        await project.write("", examples.add, [row("kept")])
        await project.checkpoint()
        await project.write("", examples.add, [row("in the log")])

    asyncio.run(go())
    for target in (copy, both):
        shutil.copy(project.path, target)
    shutil.copy(log_path(project.path), log_path(both))
    with pytest.raises(MissingLogError, match=r"copy\.juku-wal"):
        projects.open_existing(copy)
    with closing(projects.open_existing(both)) as whole:
        assert len(filters.find(whole.rows)) == 2
    before = copy.read_bytes()
    with pytest.raises(MissingLogError):  # refusing has changed nothing
        projects.open_existing(copy)
    assert copy.read_bytes() == before
    with closing(projects.open_existing(copy, without_log=True)) as part:
        assert [one.question for one in examples.iterate(part.rows)] == ["kept"]
    projects.open_existing(copy).close()  # said once
    shutil.copy(log_path(project.path), log_path(copy))  # too late: the file has gone on without it
    with pytest.raises(MissingLogError, match="does not belong"):
        projects.open_existing(copy)
    with closing(projects.open_existing(copy, without_log=True)) as part:
        assert len(filters.find(part.rows)) == 1
    assert len(list(tmp_path.glob("copy.juku-wal-2*"))) == 1


def test_no_bytes_beside_a_project_make_looking_raise(tmp_path):
    path = tmp_path / "p.juku"
    Project(path).close()
    for junk in (b"", b"x", b"\0" * 100, b"7\x7f\x06\x82" * 4000, bytes(range(256)) * 100):
        log_path(path).write_bytes(junk)
        wal_check.read_log_marks(path)
        with suppress(MissingLogError):
            Project(path).close()
    for junk in (b"", b"x", b"SQLite format 3\0" + b"\xff" * 5000):
        path.write_bytes(junk)
        assert wal_check.read_log_marks(path).file == 0


def test_a_project_of_an_older_juku_has_no_mark(tmp_path):
    path = tmp_path / "p.juku"
    Project(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("DELETE FROM meta WHERE key = 'log'")
        assert (
            wal_check.read_log_marks(path) == wal_check.LogMarks(0, None, 0) or wal_check.read_log_marks(path).belongs
        )


@pytest.mark.parametrize(
    "torn", [b"\n" + b"\xff" * 8191, b"\n\0\0\0\x05\0\0\0" + b"\x1f\xff" * 4092, b"\n\0", b"\n" + bytes(8191)]
)
def test_a_page_torn_by_a_power_cut_keeps_no_project_from_being_opened(project, tmp_path, torn):
    """Its frame says that it is whole; only its checksum, which SQLite compares, tells."""
    path, log = tmp_path / "torn.juku", tmp_path / "torn.juku-wal"
    asyncio.run(project.write("", examples.add, [row("kept")]))
    whole = log_path(project.path).read_bytes()
    size = int.from_bytes(whole[8:12], "big")
    shutil.copy(project.path, path)
    frames = range(
        wal_check.LOG_HEADER_BYTES + wal_check.FRAME_HEADER_BYTES, len(whole), wal_check.FRAME_HEADER_BYTES + size
    )
    log.write_bytes(b"".join([whole[:32], *(whole[at - 24 : at] + torn.ljust(size, b"\xff") for at in frames)]))
    with closing(projects.open_existing(path)) as found:
        assert not len(filters.find(found.rows))
