"""The mark that a log bears is read out of its bytes as SQLite wrote them: the newest that was committed, of any size."""

import shutil
from contextlib import closing

import pytest

from core.errors import MissingLogError
from core.storage import schema, wal_check
from core.storage.connection import open_to_write, transaction
from core.storage.wal_check import LogMarks


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.juku"


@pytest.fixture
def db(path):
    with closing(open_to_write(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        yield db


def mark(db, generation):
    with transaction(db):
        schema.mark_log(db, generation)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("bits", [6, 7, 8, 15, 16, 23, 24, 31, 32, 47, 48, 62])
def test_a_mark_of_any_size_is_read(path, db, bits, sign):
    mark(db, sign * (2**bits + 5))
    assert wal_check.read_log_marks(path).log == sign * (2**bits + 5)


def test_the_newest_mark_counts(path, db):
    for generation in (300, 200, 400):
        mark(db, generation)
        assert wal_check.read_log_marks(path).log == generation


def test_a_mark_that_was_not_committed_does_not_count(path, db):
    mark(db, 300)
    db.execute("PRAGMA cache_size = 1")  # so that what is not committed reaches the log
    db.execute("BEGIN IMMEDIATE")
    schema.mark_log(db, 400)
    db.execute("CREATE TABLE wide AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300) "
               "SELECT zeroblob(8000) FROM n")  # fmt: skip
    size = wal_check.read_log_marks(path).size
    assert size is not None and size > 1_000_000
    assert wal_check.read_log_marks(path).log == 300
    db.execute("ROLLBACK")


def test_what_an_older_log_left_behind_does_not_count(path, db):
    for generation in (300, 301, 302):
        mark(db, generation)
    db.execute("PRAGMA wal_checkpoint(RESTART)")
    mark(db, 200)  # over the first page of the older log; its others still lie behind
    found = wal_check.read_log_marks(path)
    assert (found.file, found.log) == (302, 200)


def test_a_log_that_names_no_mark_has_none(path, db):
    with transaction(db):
        schema.increase_revision(db)
        db.execute("DELETE FROM meta WHERE key = 'log'")
    assert wal_check.read_log_marks(path).log is None


def test_a_log_that_is_cut_off_is_read_as_far_as_it_goes(path, db, tmp_path):
    for generation in (300, 400):
        mark(db, generation)
    log = (tmp_path / "a.juku-wal").read_bytes()
    frame = (len(log) - 32) // 2
    copy = tmp_path / "b.juku"
    shutil.copy(path, copy)
    for length, told in (
        (10, None),
        (31, None),
        (32, None),
        (32 + frame, 300),
        (32 + frame + 23, 300),
        (len(log), 400),
    ):
        (tmp_path / "b.juku-wal").write_bytes(log[:length])
        assert wal_check.read_log_marks(copy) == LogMarks(0, told, length, is_same=told is not None)


def test_without_a_project_there_are_no_marks(tmp_path):
    path = tmp_path / "none.juku"
    assert wal_check.read_log_marks(path) == LogMarks(0, None, None)
    path.touch()
    assert wal_check.read_log_marks(path) == LogMarks(0, None, None)
    (tmp_path / "none.juku-wal").write_bytes(b"1234")
    assert wal_check.read_log_marks(path) == LogMarks(0, None, 4)
    path.write_bytes(b"no database at all" * 100)
    assert wal_check.read_log_marks(path) == LogMarks(0, None, 4)


@pytest.mark.parametrize(
    ("file", "log", "belongs"),
    [
        (5, None, True),
        (5, 5, True),
        (-5, 5, True),
        (5, -5, True),
        (5, 6, True),
        (-5, 6, True),
        (5, 4, False),
        (5, -6, False),
        (-5, 4, False),
    ],
)
def test_which_log_belongs_to_a_file(file, log, belongs):
    assert LogMarks(file, log, 100).belongs is belongs


@pytest.mark.parametrize(
    ("file", "size", "missing"),
    [(5, None, True), (-5, None, False), (0, None, False), (5, 0, False), (5, 100, False)],
)
def test_when_a_log_is_missing(file, size, missing):
    assert LogMarks(file, None, size).missing is missing


def test_a_missing_log_is_said_until_it_is_known(path, db, tmp_path):
    mark(db, 300)
    assert wal_check.require_log(path, without=False) is False
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # now the file says what only a log could settle
    copy = tmp_path / "copy.juku"
    shutil.copy(path, copy)
    with pytest.raises(MissingLogError) as caught:
        wal_check.require_log(copy, without=False)
    assert "copy.juku" in str(caught.value)
    with pytest.raises(MissingLogError) as caught:
        wal_check.require_log(copy, without=False, origin=tmp_path / "origin.juku")
    assert "origin.juku" in str(caught.value) and "copy.juku" not in str(caught.value)
    assert wal_check.require_log(copy, without=True) is True


def test_another_files_log_is_set_aside_whole(path, db, tmp_path):
    mark(db, 300)
    log = (tmp_path / "a.juku-wal").read_bytes()
    mark(db, 400)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    copy, beside = tmp_path / "copy.juku", tmp_path / "copy.juku-wal"
    shutil.copy(path, copy)
    beside.write_bytes(log)
    with pytest.raises(MissingLogError):
        wal_check.require_log(copy, without=False)
    assert beside.read_bytes() == log
    assert wal_check.require_log(copy, without=True) is True
    assert not beside.exists()
    assert log in [one.read_bytes() for one in tmp_path.iterdir()]
