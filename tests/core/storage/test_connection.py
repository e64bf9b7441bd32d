"""Connections as SQLite itself describes them, and each of its refusals in words that a person can act on."""

import os
import sqlite3
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from core import paths
from core.errors import FileChangedError, MissingLogError, ProjectError
from core.progress import Cancelled
from core.storage import connection, migrations, schema


@pytest.fixture
def path(tmp_path):
    return tmp_path / "p.juku"


@pytest.fixture
def db(path):
    with closing(connection.open_to_write(path)) as db:
        yield db


def asked(db, name):
    return db.execute(f"PRAGMA {name}").fetchone()[0]


def from_a_thread(db):
    """What a thread other than the one that opened it reads."""
    found = []
    thread = threading.Thread(target=lambda: found.append(asked(db, "application_id")))
    thread.start()
    thread.join()
    return found


def test_who_writes_waits_for_the_disk_and_decides_itself_when_the_log_is_brought_in(db):
    assert asked(db, "journal_mode") == "wal"
    assert asked(db, "synchronous") == 2
    assert asked(db, "wal_autocheckpoint") == 0
    assert asked(db, "page_size") == 8192
    assert asked(db, "busy_timeout") == connection.BUSY_TIMEOUT_MS
    assert schema.schema_version(db) == len(migrations.MIGRATIONS)
    assert not db.in_transaction and db.isolation_level is None


def test_who_loads_waits_for_the_disk_too_and_holds_many_pages(db, path):
    with closing(connection.open_to_load(path)) as loader:
        assert asked(loader, "synchronous") == 2
        assert asked(loader, "wal_autocheckpoint") == 0
        assert asked(loader, "cache_size") == -32 * 1024


def test_who_reads_cannot_write(db, path):
    with closing(connection.open_to_read(path)) as reader:
        assert asked(reader, "application_id") == schema.APPLICATION_ID
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.execute("DELETE FROM example")


def test_a_file_that_nobody_writes_is_read_without_its_log(db, path):
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = schema.revision(db)
    with connection.transaction(db):
        schema.increase_revision(db)
    with closing(connection.open_frozen(path)) as frozen:
        assert schema.revision(frozen) == before
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            frozen.execute("DELETE FROM example")


def test_any_thread_may_use_a_connection(db, path):
    assert from_a_thread(db) == [schema.APPLICATION_ID]
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for opening in (connection.open_frozen, connection.open_to_read, connection.open_snapshot):
        with closing(opening(path)) as other:
            assert from_a_thread(other) == [schema.APPLICATION_ID]
    with closing(connection.open_in_memory()) as other:
        assert from_a_thread(other) == [0]
        assert other.execute("PRAGMA database_list").fetchone()[2] == ""


@pytest.mark.skipif(sys.platform == "win32", reason="locks belong to the handle there")
def test_a_project_that_is_open_has_no_file_that_others_could_cut_off(db, path):
    with connection.transaction(db):
        schema.increase_revision(db)
    assert path.with_name("p.juku-wal").exists()
    assert not path.with_name("p.juku-shm").exists()


@pytest.mark.parametrize("harm", ["log", "old", "mark"])
def test_what_would_have_to_be_written_first_is_not_only_read(db, path, harm):
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with closing(connection.open_frozen(path)) as frozen:
        connection.require_readable(frozen, path)
    if harm == "old":
        db.execute(f"PRAGMA user_version = {len(migrations.MIGRATIONS) - 1}")
    elif harm == "mark":
        schema.mark_log(db, 5)
    if harm == "log":
        path.with_name("p.juku-wal").write_bytes(b"something")
    else:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with (
        closing(connection.open_frozen(path)) as frozen,
        pytest.raises(ProjectError, match=r"“p\.juku” is read-only.*nothing was changed"),
    ):
        connection.require_readable(frozen, path)


REASONS = {
    "file is not a database": "“p.juku” is not a Juku project.*not a database",
    "database or disk is full": "The disk is full.*saved in “p.juku”",
    "attempt to write a readonly database": "“p.juku” cannot be written",
    "unable to open database file": "“p.juku” cannot be written",
    "database is locked": "“p.juku” is busy",
    "database disk image is malformed": r"“p.juku” is damaged.*\(database disk image is malformed\)",
    "disk I/O error": r"“p.juku” is damaged.*\(disk I/O error\)",
}


@pytest.mark.parametrize("reason", REASONS)
def test_each_refusal_of_the_database_is_said_in_words(path, reason):
    with pytest.raises(ProjectError, match=REASONS[reason]) as caught, connection.convert_errors(path):
        raise sqlite3.OperationalError(reason)
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)


def test_what_was_stopped_is_cancelled_and_what_is_a_bug_stays_one(path):
    with pytest.raises(Cancelled), connection.convert_errors(path):
        raise sqlite3.OperationalError("interrupted")
    with pytest.raises(AssertionError, match="no such column"), connection.convert_errors(path):
        raise sqlite3.OperationalError("no such column: x")
    with pytest.raises(sqlite3.IntegrityError), connection.convert_errors(path):
        raise sqlite3.IntegrityError("UNIQUE constraint failed")


def test_a_transaction_is_done_or_taken_back_whole(db):
    before = schema.revision(db)
    with connection.transaction(db):
        assert db.in_transaction
        schema.increase_revision(db)
    assert not db.in_transaction
    with pytest.raises(KeyError), connection.transaction(db):
        schema.increase_revision(db)
        raise KeyError
    assert not db.in_transaction
    assert schema.revision(db) == before + 1


def test_a_transaction_that_the_database_has_ended_keeps_its_reason(db):
    with pytest.raises(KeyError), connection.transaction(db):
        db.execute("ROLLBACK")  # as after a full disk
        raise KeyError


def test_a_transaction_has_the_file_from_its_beginning_unless_it_is_deferred(db, path):
    with closing(connection.connect(path)) as other:
        other.execute("PRAGMA busy_timeout = 0")
        with connection.transaction(db), pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        with connection.transaction(db, "DEFERRED"):
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")


def test_an_older_project_is_saved_before_it_is_changed(path, monkeypatch):
    connection.open_to_write(path).close()
    version = len(migrations.MIGRATIONS)
    monkeypatch.setattr(
        migrations, "MIGRATIONS", [*migrations.MIGRATIONS, lambda db: db.execute("CREATE TABLE more (x)")]
    )
    connection.open_to_write(path).close()
    with closing(sqlite3.connect(path.with_name(f"p.juku.backup-v{version}"))) as copy:
        assert schema.schema_version(copy) == version
        assert "more" not in schema.table_names(copy)
    connection.open_to_write(path).close()
    assert len(list(path.parent.glob("*.backup-v*"))) == 1


def test_a_new_project_needs_no_backup(path):
    connection.open_to_write(path).close()
    assert not list(path.parent.glob("*.backup-v*"))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are listed there")
def test_who_is_refused_leaves_nothing_open(path):
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(sqlite3.DatabaseError):
        connection.open_to_write(path)
    assert str(path) not in [os.path.realpath(one.path) for one in os.scandir("/proc/self/fd")]


def test_a_copy_holds_all_and_misses_no_log(db, tmp_path):
    schema.mark_log(db, 5)
    connection.copy_database(db, tmp_path / "copy.juku")
    with closing(sqlite3.connect(tmp_path / "copy.juku")) as copy:
        assert schema.log_mark(copy) == -5
        assert schema.revision(copy) == schema.revision(db)
    with closing(sqlite3.connect(tmp_path / "other.db", isolation_level=None)) as other:
        other.execute("CREATE TABLE x AS SELECT 7 AS n")
        connection.copy_database(other, tmp_path / "copy.db")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT n FROM x").fetchone() == (7,)


def still(monkeypatch):
    """Time stands, so that names collide."""
    monkeypatch.setattr(time, "strftime", lambda form, *_moment: form.replace("%", ""))


def test_copies_of_one_moment_have_names_of_their_own(db, path, monkeypatch):
    still(monkeypatch)
    names = [connection.save_rescue_copy(db, path).name for _number in range(3)]
    assert names == ["p Y-m-d H.M.S.juku", "p Y-m-d H.M.S (2).juku", "p Y-m-d H.M.S (3).juku"]
    assert all((path.parent / name).stat().st_size for name in names)


def test_a_copy_of_a_project_whose_folder_has_gone_lies_with_the_programs_data(db, tmp_path, monkeypatch):
    monkeypatch.setenv("JUKU_DATA", str(tmp_path / "never" / "made"))
    copy = connection.save_rescue_copy(db, tmp_path / "gone" / "p.juku")
    assert copy.parent == paths.data_folder()
    assert not (tmp_path / "gone").exists()
    assert connection.save_rescue_copy(db, tmp_path / "gone" / "p.juku").exists()


def test_half_a_copy_never_has_the_name_of_a_whole_one(db, path, monkeypatch):
    """Also where the process is killed while it copies, as `SystemExit` that nobody handles stands for here."""
    before = set(path.parent.iterdir())

    def die(_db, target):
        target.write_bytes(b"half")
        names.update({one.suffix for one in path.parent.iterdir() if one not in before})
        raise SystemExit

    names = set()
    monkeypatch.setattr(connection, "copy_database", die)
    with pytest.raises(SystemExit):
        connection.save_rescue_copy(db, path)
    assert names == {".tmp"}
    assert set(path.parent.iterdir()) == before


def test_logs_set_aside_at_one_moment_have_names_of_their_own(path, monkeypatch):
    still(monkeypatch)
    log = path.with_name("p.juku-wal")
    for text in ("one", "two", "three"):
        log.write_text(text)
        connection.rename_log(path)
        assert not log.exists()
    found = {one.name: one.read_text() for one in path.parent.iterdir()}
    assert sorted(found.values()) == ["one", "three", "two"]
    assert all(name.startswith("p") and ".juku-wal-Y-m-d-HMS" in name for name in found)


@pytest.mark.parametrize(
    ("mark", "belongs", "title"),
    [
        (5_000_000, True, "newest changes"),
        (5_000_000, False, "not belong"),
        (0, True, "not belong"),
        (1, True, "newest"),
    ],
)
def test_a_missing_log_is_told_from_one_of_another_file(path, mark, belongs, title):
    error = connection.missing_log_error(path, mark, belongs)
    assert isinstance(error, MissingLogError)
    assert title in error.title and "p.juku-wal" in str(error)
    assert error.path == path


def test_a_missing_log_is_dated(path):
    moment = 1_700_000_000
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))
    assert f"changed after {when} " in connection.missing_log_error(path, moment * 1_000_000, True).message


def test_what_has_become_of_an_exchanged_file_is_said(db, path):
    copy = connection.save_rescue_copy(db, path)
    whole = connection.changed_error(path, copy, whole=True, gone=False)
    gone = connection.changed_error(path, copy, whole=False, gone=True)
    other = connection.changed_error(path, copy, whole=False, gone=False)
    left = connection.replaced_at_close_error(path, copy)
    assert all(isinstance(one, FileChangedError) and "“p.juku”" in one.title for one in (whole, gone, other, left))
    assert "has changed" in str(whole) and copy.name not in str(whole)
    assert "moved, deleted" in gone.title and "can only be read" in gone.message
    assert "replaced" in other.title and "Open the copy" in other.message
    assert "closed" in left.message
    assert all(f"Everything you had done before is saved in “{copy}”." in str(one) for one in (gone, other, left))
    assert "p.juku" in connection.unstable_file_error(path).title


def test_another_program_that_has_no_tables_may_become_a_project(path):
    """Opening it raises nothing."""
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA application_id = 77")
    connection.open_to_write(path).close()


@pytest.mark.skipif(os.name == "nt", reason="names of that kind")
@pytest.mark.parametrize("name", ["a b.juku", "50%.juku", "what?.juku", "名前#1.juku"])
def test_a_name_of_any_signs_is_opened(tmp_path, name):
    path = tmp_path / name
    with closing(connection.open_to_write(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert [one.name for one in tmp_path.glob("*.juku")] == [name]
    for opening in (connection.open_to_load, connection.open_to_read, connection.open_frozen):
        with closing(opening(path)) as db:
            assert asked(db, "application_id") == schema.APPLICATION_ID
