"""Copies are whole files that open by themselves; backups are kept by the rule and never cost the project anything."""

import asyncio
import datetime
import os
import shutil
import stat
import time
from collections import Counter

import pytest

from core.dataset import examples, filters
from core.errors import JukuError
from core.progress import Reporter
from core.storage import backups, project_lock, schema
from core.storage.backups import Backup
from core.storage.project import Project
from tests.support.projects import new_example


def add(project, count, size=1):
    rows = [new_example(f"question {i}", f"answer {i} " * size) for i in range(count)]
    return asyncio.run(project.write("Add", examples.add, rows))


def copy(project, target, reporter=None):
    return asyncio.run(backups.save_copy(project, target, reporter or Reporter()))


def entries(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_copy_of_an_open_project_is_one_whole_file(project, tmp_path):
    add(project, 500)
    folder = tmp_path / "copies"
    folder.mkdir()
    made = copy(project, folder / "copy.juku")
    assert (made.rows, made.is_whole) == (500, True)
    add(project, 3)
    assert entries(folder) == ["copy.juku"]
    moved = shutil.copy(folder / "copy.juku", tmp_path / "elsewhere.juku")
    opened = Project(tmp_path / "elsewhere.juku")
    assert len(filters.find(opened.rows)) == 500
    assert schema.log_mark(opened.rows) <= 0
    assert opened.rows.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    add(opened, 1)
    opened.close()
    assert moved.exists()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="names of open files are read from /proc")  # noqa: PTH112
def test_a_copy_is_on_the_disk_before_it_has_its_name(project, tmp_path, monkeypatch):
    """`require_durable` looks at the order in which the copy was synced and renamed."""
    from tests.core.test_atomic_files import calls, require_durable

    add(project, 10)
    made = calls.__wrapped__(monkeypatch)
    request = {
        "source": _frozen(project),
        "target": str(tmp_path / "copy.juku"),
        "part": str(tmp_path / "part"),
        "mode": 0o666,
    }
    backups._copy_database(request, Reporter())
    require_durable(made, tmp_path / "copy.juku")


def _frozen(project):
    async def go():
        async with project.frozen() as path:
            return str(path)

    return asyncio.run(go())


def test_an_open_project_is_never_written_over(project, tmp_path):
    add(project, 1)
    other = Project(tmp_path / "other.juku")
    for target in (project.path, other.path):
        with pytest.raises(JukuError, match="is open"):
            copy(project, target)
    link = tmp_path / "link.juku"
    link.symlink_to(project.path)
    with pytest.raises(JukuError, match="is open"):
        copy(project, link)
    add(other, 2)
    other.close()
    assert len(filters.find(project.rows)) == 1


def test_a_project_that_was_not_closed_is_not_written_over(project, tmp_path):
    """Its log would be played into the copy."""
    target = tmp_path / "crashed.juku"
    target.write_bytes(b"old")
    target.with_name("crashed.juku-wal").write_bytes(b"newest changes")
    with pytest.raises(JukuError, match="not closed properly"):
        copy(project, target)
    assert target.read_bytes() == b"old"


def test_what_was_there_is_replaced_or_stays(project, tmp_path):
    add(project, 2)
    target = tmp_path / "copy.juku"
    target.write_bytes(b"old")
    stopped = Reporter()
    stopped.cancel()
    with pytest.raises(asyncio.CancelledError):
        copy(project, target, stopped)
    with pytest.raises(JukuError, match="could not be made"):
        copy(project, tmp_path / "missing" / "copy.juku")
    assert target.read_bytes() == b"old"
    copy(project, target)
    opened = Project(target)
    assert len(filters.find(opened.rows)) == 2
    opened.close()
    assert not [name for name in entries(tmp_path) if "tmp" in name]


def test_a_long_copy_is_stopped_halfway_and_leaves_nothing(project, tmp_path):
    add(project, 3000, 400)
    folder = tmp_path / "copies"
    folder.mkdir()
    reporter = Reporter(lambda progress: reporter.cancel() if progress.done else None)
    with pytest.raises(asyncio.CancelledError):
        copy(project, folder / "copy.juku", reporter)
    assert entries(folder) == []
    add(project, 1)


def test_the_project_is_written_while_it_is_copied(project, tmp_path):
    add(project, 2000, 100)

    async def go():
        copying = asyncio.create_task(backups.save_copy(project, tmp_path / "copy.juku", Reporter()))
        for number in range(20):
            row = new_example(f"meanwhile {number}")
            await project.write("Add", examples.add, [row])
        return await copying

    made = asyncio.run(go())
    assert made.is_whole
    assert 2000 <= made.rows <= 2020
    assert len(filters.find(project.rows)) == 2020


def test_a_damaged_project_can_be_saved_but_is_not_backed_up(tmp_path):
    project = Project(tmp_path / "p.juku")
    add(project, 20)
    sql = "SELECT rootpage FROM sqlite_master WHERE name = 'eval_answer_run'"
    (page,) = project.rows.execute(sql).fetchone()
    project.close()
    data = bytearray((tmp_path / "p.juku").read_bytes())
    data[(page - 1) * 8192 : page * 8192] = os.urandom(8192)
    (tmp_path / "p.juku").write_bytes(data)
    project = Project(tmp_path / "p.juku")
    assert not copy(project, tmp_path / "copy.juku").is_whole
    with pytest.raises(JukuError, match="could not be backed up"):
        asyncio.run(backups.back_up(project, Reporter()))
    assert backups.list_all_backups() == []
    project.close()


def test_a_backup_is_dated_private_and_can_be_restored(project, tmp_path):
    add(project, 7)
    made = asyncio.run(backups.back_up(project, Reporter()))
    add(project, 1)
    assert backups.list_backups(backups.backup_folder(project.rows)) == backups.list_all_backups() == [made]
    assert (made.name, backups.count_rows(made.path)) == ("test", 7)
    assert abs(made.made - time.time()) < 3600
    if os.name != "nt":
        assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(made.path.parent.stat().st_mode) == 0o700
    back = asyncio.run(backups.restore(made.path, tmp_path / "back.juku", Reporter()))
    assert back.rows == 7
    opened = Project(back.path)
    assert len(filters.find(opened.rows)) == 7
    opened.close()
    with pytest.raises(JukuError, match="is open"):
        asyncio.run(backups.restore(made.path, project.path, Reporter()))


def test_two_backups_of_one_second_have_two_names(project, monkeypatch):
    add(project, 1)
    monkeypatch.setattr(time, "strftime", lambda _format, _moment=None: "2026-01-02 03.04.05")
    first, second = (asyncio.run(backups.back_up(project, Reporter())) for _ in range(2))
    assert first.path != second.path
    assert len(backups.list_all_backups()) == 2


def test_without_room_there_is_no_backup_and_that_is_said(project, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: shutil._ntuple_diskusage(10, 10, 0))
    with pytest.raises(JukuError, match="no room"):
        asyncio.run(backups.back_up(project, Reporter()))
    assert backups.list_all_backups() == []


def test_without_a_folder_there_is_no_backup_and_that_is_said(project):
    backups.all_backups_folder().parent.mkdir(parents=True, exist_ok=True)
    backups.all_backups_folder().write_text("a file stands in its place")
    with pytest.raises(JukuError, match="cannot be written"):
        asyncio.run(backups.back_up(project, Reporter()))


def test_what_is_no_backup_is_left_alone(project):
    add(project, 1)
    folder = backups.backup_folder(project.rows)
    folder.mkdir(parents=True)
    for name in ("notes.txt", "mine.juku", "p 2026-99-99 00.00.00.juku", "p 2026-01-01.juku"):
        (folder / name).write_bytes(b"")
    asyncio.run(backups.back_up(project, Reporter()))
    assert len(backups.list_all_backups()) == 1
    assert len(entries(folder)) == 5


def test_a_hostile_id_names_no_folder_elsewhere(project):
    project.rows  # noqa: B018
    asyncio.run(project.write("", lambda db: db.execute("UPDATE meta SET value = '../../../x' WHERE key = 'id'")))
    assert backups.backup_folder(project.rows).parent == backups.all_backups_folder()


def days_ago(days, hours=0.0, size=1):
    noon = datetime.datetime(2026, 6, 15, 12)
    moment = (noon - datetime.timedelta(days=days, hours=hours)).timestamp()
    return Backup(path=f"{days} {hours}", name="p", made=moment, size=size)


def test_the_rule_keeps_the_newest_and_thins_out_the_past():
    every_hour = [days_ago(days, hours) for days in range(400) for hours in range(12)]
    old = backups.find_outdated(every_hour)
    kept = [one for one in every_hour if one not in old]
    assert kept[: backups.KEEP_NEWEST] == every_hour[: backups.KEEP_NEWEST]
    days = Counter(time.strftime("%Y-%m-%d", time.localtime(one.made)) for one in kept)
    assert len(days) == len(kept) - backups.KEEP_NEWEST + 1, "one of each day, but for the newest"
    ages = [round((every_hour[0].made - one.made) / 86400) for one in kept]
    assert set(range(backups.KEEP_DAILY)) <= set(ages)
    assert max(ages) >= 300, "a year is kept by months"
    assert len(kept) <= backups.KEEP_NEWEST + backups.KEEP_DAILY + backups.KEEP_WEEKLY + backups.KEEP_MONTHLY


def test_the_rule_is_stable():
    """What is thrown away one after the other is what is thrown away at once."""
    found = []
    for day in range(100, -1, -1):
        for hours in (9, 5, 1):
            found.append(days_ago(day, hours))
            found = [one for one in found if one not in backups.find_outdated(found)]
    assert len(found) <= backups.KEEP_NEWEST + backups.KEEP_DAILY + backups.KEEP_WEEKLY + backups.KEEP_MONTHLY
    assert backups.find_outdated(found) == []
    assert max(one.made for one in found) == days_ago(0, 1).made
    assert min(one.made for one in found) < days_ago(60).made


def test_large_backups_are_fewer_but_never_none(monkeypatch):
    monkeypatch.setattr(backups, "MAX_BACKUP_BYTES", 10)
    found = [days_ago(day, size=4) for day in range(20)]
    assert len(backups.find_outdated(found)) == 18
    huge = [days_ago(day, size=100) for day in range(20)]
    assert len(backups.find_outdated(huge)) == 20 - backups.MIN_BACKUPS


def test_a_copy_of_a_read_only_project(tmp_path):
    project = Project(tmp_path / "p.juku")
    add(project, 4)
    project.close()
    (tmp_path / "p.juku").chmod(0o444)
    project = Project(tmp_path / "p.juku")
    assert copy(project, tmp_path / "copy.juku").rows == 4
    project.close()
    assert project_lock.find_lock(project.path) is None


def test_backups_that_a_wrong_clock_has_dated_late_do_not_push_out_the_new_one(project, monkeypatch):
    add(project, 1)
    folder = asyncio.run(backups.back_up(project, Reporter())).path.parent
    for day in range(1, 4):
        (folder / f"{project.path.stem} 2099-01-0{day} 00.00.00.juku").write_bytes(b"x" * 1000)
    monkeypatch.setattr(backups, "MAX_BACKUP_BYTES", 1500)
    add(project, 1)
    made = asyncio.run(backups.back_up(project, Reporter()))
    assert made.path.exists()
    assert backups.count_rows(made.path) == 2
