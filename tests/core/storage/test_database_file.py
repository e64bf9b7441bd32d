"""The open file itself, below undo and threads: its log's name, who holds it, what is saved where it was exchanged."""

import os
import shutil
import subprocess
import sys
from contextlib import closing, contextmanager

import pytest

from core.errors import MissingLogError, ProjectError
from core.storage import connection, database_file, schema, wal_check
from core.storage.connection import log_path, open_frozen, transaction
from core.storage.database_file import ReplacedFileError, Storage
from tests.core.storage.test_database_file_lock import droppable, foreign, look_into

__all__ = ["droppable"]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there a file that is open cannot be exchanged")

READ = (
    "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None); db.execute('BEGIN');"
    "db.execute('SELECT * FROM meta').fetchall(); print(1, flush=True); input()"
)


@pytest.fixture
def path(tmp_path):
    with closing(Storage(tmp_path / "p.juku")) as made:
        made.checkpoint()
        change(made)  # so that it has had a log already
    return tmp_path / "p.juku"


def at_rest(path):
    """The file as a project opens it."""
    store = Storage(path)
    assert store.checkpoint()
    return store


@pytest.fixture
def store(path):
    store = at_rest(path)
    yield store
    store.close()


def change(store):
    """One more change, as a write makes it."""
    store.begin()
    with transaction(store.db):
        schema.increase_revision(store.db)
        schema.increase_commit_count(store.db)
        schema.confirm_log_mark(store.db)
    return store.end()


def commits(path):
    """How many changes the file has, without its log."""
    with closing(open_frozen(path)) as db:
        return schema.commit_count(db)


@contextmanager
def reading(db):
    """A reader who sees everything as it is now, until the end."""
    db.execute("BEGIN")
    db.execute("SELECT * FROM meta").fetchall()
    yield
    db.execute("ROLLBACK")


@contextmanager
def another_in(path):
    """Another program that has come in, because the lock was dropped, and reads."""
    look_into(path.parent)
    pipe = subprocess.PIPE
    other = subprocess.Popen([sys.executable, "-c", READ, str(path)], stdin=pipe, stdout=pipe, text=True)
    try:
        assert other.stdout.readline() == "1\n"
        yield
    finally:
        other.communicate("\n")


def copies(path):
    return [one for one in path.parent.glob("*.juku") if one != path]


def copied(path, log, target):
    """A copy of the file, with its log or without."""
    shutil.copy(path, target)
    if log:
        shutil.copy(log_path(path), log_path(target))
    return target


def test_what_is_written_lies_in_the_log_until_it_is_brought_in(store, path):
    assert not store.has_log
    before = commits(path)
    assert change(store) is True
    assert store.has_log and commits(path) == before
    assert store.checkpoint() is True
    assert not store.has_log and commits(path) == before + 1
    assert log_path(path).stat().st_size == 0
    assert store.checkpoint() is True


def test_a_file_names_the_log_that_it_lacks(store, path, tmp_path):
    change(store)
    names = [store.content_state()[0]]
    store.checkpoint()
    change(store)
    names.append(store.content_state()[0])
    assert names[1] < names[0] < 0  # another name each time, and settled
    with pytest.raises(MissingLogError):
        Storage(copied(path, False, tmp_path / "alone.juku"))
    with closing(Storage(copied(path, True, tmp_path / "both.juku"))) as both:
        assert both.has_log and both.content_state() == store.content_state()


def test_who_opens_without_the_log_is_not_asked_again(store, path, tmp_path):
    change(store)
    copy = copied(path, False, tmp_path / "alone.juku")
    with pytest.raises(MissingLogError):
        Storage(copy)
    with closing(Storage(copy, without_log=True)):
        pass
    with closing(Storage(copy)) as again:
        assert again.content_state()[0] < 0
        assert abs(again.content_state()[0]) > abs(store.content_state()[0])
    shutil.copy(log_path(path), log_path(copy))
    with pytest.raises(MissingLogError, match="does not belong"):
        Storage(copy)


def test_a_reader_keeps_the_log_unnamed_and_then_it_gets_another_name(store, path, tmp_path):
    before = store.content_state()[0]
    with reading(store.rows):
        change(store)
        assert store.content_state()[0] == before
        assert wal_check.read_log_marks(path).unnamed
        with closing(Storage(copied(path, False, tmp_path / "alone.juku"))) as alone:
            assert alone.content_state()[1] == store.content_state()[1] - 1
        assert store.checkpoint() is False
        assert store.has_log
        change(store)
    assert store.checkpoint() is True
    assert not store.has_log
    assert store.content_state()[0] < before < 0  # an old part of that log passes for its own no more
    assert commits(path) == store.content_state()[1]


def test_a_file_that_was_opened_with_an_unnamed_log_gives_it_a_name_too(store, path, tmp_path):
    with reading(store.rows):
        change(store)
        copy = copied(path, True, tmp_path / "copy.juku")
    before = store.content_state()[0]
    with closing(Storage(copy)) as opened:
        assert opened.checkpoint() is True
        assert opened.content_state()[0] < before


def test_a_pinned_file_stays_as_it_is(store, path, monkeypatch):
    monkeypatch.setattr(database_file, "MAX_LOG_BYTES", 0)
    change(store)
    assert store.is_log_long()
    one, two, late = object(), object(), object()
    assert store.pin(one) is True
    assert store.pin(two) is True  # nothing was written since
    before = path.read_bytes()
    assert commits(path) == store.content_state()[1]
    change(store)
    assert not store.is_log_long()
    assert store.checkpoint() is False
    assert store.pin(late) is False  # who asks now would miss that
    store.unpin(one)
    assert store.checkpoint() is False
    assert path.read_bytes() == before
    store.unpin(two)
    store.unpin(two)
    assert store.is_log_long()
    assert store.pin(late) is True
    assert commits(path) == store.content_state()[1]


def test_a_file_that_a_reader_is_in_is_pinned_later(store):
    change(store)
    with reading(store.rows):
        change(store)
        assert store.pin(1) is False
    assert store.pin(1) is True


def test_a_log_is_long_from_a_size_on(store, monkeypatch):
    assert database_file.MAX_LOG_BYTES == 64 * 2**20
    assert not store.is_log_long()
    change(store)
    size = store.file.log_size()
    for limit, long in ((size, False), (size - 1, True)):
        monkeypatch.setattr(database_file, "MAX_LOG_BYTES", limit)
        assert store.is_log_long() is long


def test_a_file_that_nobody_can_write_is_read_without_a_lock(path):
    before = path.read_bytes()
    with closing(Storage(path, frozen=True)) as store:
        assert store.frozen and store.assert_locks() is True and not store.has_log
        assert store.pin(1) is True and store.checkpoint() is True
        store.unpin(1)
        for db in (store.db, store.rows, store.search):
            with pytest.raises(Exception, match="readonly"):
                db.execute("DELETE FROM example")
        assert foreign(path, "SELECT count(*) FROM example") == "[(0,)]"
        assert store.close() is None
    assert path.read_bytes() == before


def test_a_second_opening_is_refused_and_the_first_stays_whole(store, path, monkeypatch):
    monkeypatch.setattr("core.storage.database_file_lock.LOCK_ATTEMPTS", 2)
    with pytest.raises(ProjectError, match="busy"):
        Storage(path)
    assert store.is_ours() and change(store)
    with pytest.raises(ProjectError, match="cannot be written"):
        Storage(path / "below" / "a file.juku")


def test_a_failed_opening_lets_go_of_the_file(tmp_path):
    path = tmp_path / "p.juku"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(ProjectError, match="not a database"):
        Storage(path)
    path.unlink()
    Storage(path).close()


def test_rows_that_are_loaded_have_one_connection_of_their_own(store):
    assert store.loader is store.loader
    assert store.loader not in (store.db, store.rows, store.search)
    with pytest.raises(Exception, match="readonly"):
        store.search.execute("DELETE FROM example")
    with pytest.raises(Exception, match="readonly"):
        store.rows.execute("DELETE FROM example")


def test_nothing_is_written_into_a_file_that_is_another(store, path):
    assert store.is_ours()
    os.utime(path)
    assert not store.is_ours()
    with pytest.raises(ReplacedFileError):
        store.begin()
    with pytest.raises(ReplacedFileError):
        store.pin(1)
    assert store.checkpoint() is True  # there is nothing to bring in
    assert store.content_state() == (store.content_state()[0], commits(path))


def test_a_log_is_not_brought_into_a_file_that_is_another(store, path):
    change(store)
    os.utime(path)
    before = path.read_bytes()
    with pytest.raises(ReplacedFileError):
        store.checkpoint()
    assert path.read_bytes() == before


def test_a_write_whose_log_was_exchanged_meanwhile_says_so(store, path):
    store.begin()
    log_path(path).unlink()
    assert store.end() is False
    assert not store.is_ours()
    assert store.rescue() is None  # its content was still open here
    assert commits(path) == store.content_state()[1]


def test_what_was_open_is_saved_where_the_file_is_another(store, path, tmp_path):
    older = copied(path, False, tmp_path / "older")
    change(store)
    older.replace(path)
    copy = store.rescue()
    assert copies(path) == [copy]
    assert commits(copy) == store.content_state()[1] == commits(path) + 1
    store.close_without_checkpoint()
    assert commits(path) == commits(copy) - 1  # nothing was written over it


def test_a_close_saves_what_the_file_lacks_and_only_that(path, tmp_path):
    older = copied(path, False, tmp_path / "older")
    store = at_rest(path)
    change(store)
    stand = store.content_state()
    older.replace(path)
    copy = store.close()
    assert copies(path) == [copy]
    assert commits(copy) == stand[1]
    copy.unlink()
    store = at_rest(path)
    change(store)
    assert store.close() is None
    assert not copies(path)


def test_a_file_that_holds_all_needs_no_copy_at_the_close(path):
    store = at_rest(path)
    change(store)
    store.checkpoint()
    os.utime(path)
    assert store.close() is None
    assert not copies(path)


def test_while_another_program_is_in_nothing_is_begun_saved_or_brought_in(droppable, store, path):
    change(store)
    with another_in(path):
        assert store.assert_locks() is False and not store.is_ours()
        for work in (store.begin, store.checkpoint, store.rescue, lambda: store.pin(1)):
            with pytest.raises(ProjectError, match="busy"):
                work()
        assert not copies(path)
    assert not store.may_have_lost_write


def test_a_write_during_which_another_program_came_in_is_doubtful(droppable, store, path):
    store.begin()
    assert not store.may_have_lost_write
    with another_in(path):
        store.end()
        assert store.may_have_lost_write


def test_a_close_while_another_program_is_in_saves_a_copy(droppable, path):
    store = at_rest(path)
    change(store)
    stand = store.content_state()
    with another_in(path):
        os.utime(path)
        copy = store.close()
    assert copies(path) == ([copy] if copy else [])
    assert stand[1] in {commits(one) for one in path.parent.glob("*.juku")}


def test_whether_a_file_holds_what_there_was(store, path):
    change(store)
    stand = store.content_state()
    assert not database_file._contains_state(path, stand)  # it lies in the log
    store.checkpoint()
    assert database_file._contains_state(path, stand)
    assert not database_file._contains_state(path, (stand[0] - 1, stand[1]))
    assert not database_file._contains_state(path, (stand[0], stand[1] + 1))
    assert database_file._contains_state(path, (stand[0], stand[1] - 1))
    path.with_name("none.juku").write_bytes(b"nothing that could be read" * 100)
    assert not database_file._contains_state(path.with_name("none.juku"), stand)


def test_a_full_disk_during_a_change_is_no_change_of_another_program(store, path):
    with pytest.raises(ZeroDivisionError), store._own_write():
        os.utime(path)
        1 / 0  # noqa: B018
    assert store.is_ours()


def test_what_is_closed_keeps_nobody_out(path):
    store = Storage(path)
    change(store)
    assert store.close() is None
    assert commits(path) == 2
    assert foreign(path, "SELECT count(*) FROM example") == "[(0,)]"
    assert not log_path(path).exists()
    with pytest.raises(Exception, match="closed"):
        store.db.execute("SELECT 1")


def test_a_name_that_leads_elsewhere_is_the_file_it_leads_to(path, tmp_path):
    link = tmp_path / "link.juku"
    link.symlink_to(path)
    with closing(Storage(link)) as store:
        assert store.path == path


def test_reading_and_writing_see_each_other(store):
    before = schema.revision(store.rows)
    change(store)
    assert schema.revision(store.rows) == schema.revision(store.search) == before + 1
    with connection.transaction(store.loader):
        schema.increase_revision(store.loader)
    assert schema.revision(store.db) == before + 2


def test_what_was_given_up_or_closed_may_be_closed_again(store, path):
    change(store)
    os.utime(path)
    store.close_without_checkpoint()
    assert store.close() is None and not store.has_log
    assert not copies(path)
