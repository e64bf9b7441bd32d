"""What a reviewer has tried to lose rows with: links, full disks, files exchanged before a close."""

import asyncio
import os
import shutil
import subprocess
import sys
from contextlib import closing, contextmanager

import pytest

from core.dataset import importing
from core.dataset.import_reader_process import ImportOptions
from core.errors import FileChangedError, JukuError, MissingLogError, ProjectError
from core.formats import jsonl
from core.progress import Reporter
from core.storage import backups
from core.storage.connection import describe_rescued_copy, log_path
from core.storage.project import Project, create, open_read_only
from tests.core.storage.test_database_file_lock import ROOT, add, questions

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there a file that is open cannot be exchanged")

DIE = """
import os, signal, sys
from pathlib import Path
from core.storage.project import Project
from tests.core.storage.test_database_file_lock import add
add(Project(Path(sys.argv[1])), "kept")
os.kill(os.getpid(), signal.SIGKILL)
"""
RACE = """
import sys
from pathlib import Path
from core.errors import ProjectError
from core.storage.project import Project
print("ready", flush=True)
sys.stdin.readline()
try:
    project = Project(Path(sys.argv[1]))
except ProjectError as error:
    print("refused", flush=True)
else:
    print("open", flush=True)
    sys.stdin.readline()
    project.close()
"""


def all_questions(folder):
    found = set()
    for path in folder.glob("*.juku"):
        with closing(open_read_only(path)) as project:
            found |= set(questions(project))
    return found


@contextmanager
def little_room(size):
    """A disk on which no file can grow beyond `size` bytes."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def settled(project, question):
    add(project, question)
    assert asyncio.run(project.checkpoint())


def test_a_log_deleted_before_the_close_loses_nothing(project, tmp_path):
    settled(project, "one")
    add(project, "two")
    log_path(project.path).unlink()
    project.close()
    assert all_questions(tmp_path) == {"one", "two"}
    assert len(list(tmp_path.glob("*.juku"))) == 1


@pytest.mark.parametrize("dirty", [True, False])
def test_a_file_replaced_before_the_close_loses_nothing(project, tmp_path, dirty):
    """A sync folder writes an older copy under another name and renames it."""
    settled(project, "one")
    shutil.copy(project.path, tmp_path / "older")
    settled(project, "two")
    if dirty:
        add(project, "three")
    (tmp_path / "older").replace(project.path)
    project.close()
    assert all_questions(tmp_path) == {"one", "two", "three"} if dirty else {"one", "two"}


def test_a_file_only_touched_leaves_no_copy_at_the_close(project, tmp_path):
    settled(project, "one")
    os.utime(project.path)
    project.close()
    assert len(list(tmp_path.glob("*.juku"))) == 1


def test_a_project_deleted_on_purpose_does_not_come_back_at_the_close(project, tmp_path):
    settled(project, "one")
    project.path.unlink()
    project.close()
    assert not list(tmp_path.glob("*.juku"))


@pytest.fixture
def link(project, tmp_path):
    project.close()
    folder = tmp_path / "links"
    folder.mkdir()
    link = folder / "other name.juku"
    link.symlink_to(project.path)
    return link


def test_a_project_behind_a_link_is_written_and_imported_into(link, tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(jsonl.new_row("", f"q{i}", "a") + "\n" for i in range(3000)))
    with closing(Project(link)) as project:
        add(project, "one")
        assert project._storage.file.log_size()
        asyncio.run(importing.import_file(project, rows, ImportOptions(skip_known=False)))
        with closing(open_read_only(link)) as seen:
            assert len(questions(seen)) == 3001


def test_a_killed_process_loses_nothing_behind_a_link(link):
    subprocess.run([sys.executable, "-c", DIE, str(link)], cwd=ROOT, check=False)
    with closing(Project(link)) as project:
        assert questions(project) == ["kept"]


def test_a_link_in_a_circle_is_refused_in_words(tmp_path):
    link = tmp_path / "circle.juku"
    link.symlink_to(link)
    with pytest.raises(ProjectError):
        Project(link)


def test_a_second_name_of_the_file_is_no_second_project(project, tmp_path):
    add(project, "one")
    second = tmp_path / "second.juku"
    os.link(project.path, second)
    with pytest.raises(ProjectError):
        Project(second)
    assert questions(project) == ["one"]


def test_a_disk_full_at_a_checkpoint_takes_nothing_away(project):
    """What was written halfway is our own: neither another program's, nor a reason to drop undo."""
    for number in range(5):
        settled(project, f"{number}")
    add(project, os.urandom(100_000).hex())
    with little_room(project.path.stat().st_size + 8192), pytest.raises(ProjectError):
        asyncio.run(project.checkpoint())
    add(project, "after")
    assert len(project._undo.undo_steps) == 7
    assert len(questions(project)) == 7


@pytest.mark.parametrize("pages", [0, 1, 2, 3, 5])
def test_a_disk_full_at_the_first_change_takes_nothing_away(project, pages):
    settled(project, "one")
    with little_room(pages * 8192 + 100), pytest.raises(ProjectError):
        add(project, os.urandom(100_000).hex())
    add(project, "after")
    assert len(project._undo.undo_steps) == 2
    assert questions(project) == ["one", "after"]


@pytest.mark.parametrize("killed", [False, True])
def test_of_many_that_open_at_one_moment_one_gets_it(tmp_path, killed):
    """Also where all of them find the lock of a process that was killed."""
    path = tmp_path / "p.juku"
    if killed:
        subprocess.run([sys.executable, "-c", DIE, str(path)], cwd=ROOT, check=False)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, str(path)], cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _number in range(4)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.stdout.readline() for process in processes]
    for process in processes:
        process.communicate("\n")
    assert sorted(said) == ["open\n"] + ["refused\n"] * 3
    with closing(Project(path)) as project:
        assert questions(project) == (["kept"] if killed else [])


def beside(path):
    return path.with_name(f"{path.name}-wal")


def test_an_old_part_of_a_log_that_a_reader_kept_unnamed_is_refused(project, tmp_path):
    """A sync folder takes file and log at different times."""
    settled(project, "one")
    reader = project._storage.search
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM example").fetchall()
    for number in range(5):
        add(project, f"a{number}" * 1000)
    copy = tmp_path / "copy.juku"
    shutil.copy(log_path(project.path), beside(copy))
    for number in range(20):
        add(project, f"b{number}" * 1000)
    reader.execute("COMMIT")
    assert asyncio.run(project.checkpoint())
    shutil.copy(project.path, copy)
    with pytest.raises(MissingLogError, match="does not belong"):
        Project(copy)
    with closing(Project(copy, without_log=True)) as opened:
        assert questions(opened) == questions(project)


def test_a_log_that_holds_a_mark_alone_belongs_to_its_own_state_only(project, tmp_path):
    """Over an older file it would say of that file's rows that they are the newer ones."""
    older, same = tmp_path / "older.juku", tmp_path / "same.juku"
    settled(project, "one")
    shutil.copy(project.path, older)
    settled(project, "two")
    shutil.copy(project.path, same)

    async def freeze():
        async with project.frozen():
            for copy in (older, same):
                shutil.copy(log_path(project.path), beside(copy))

    asyncio.run(freeze())
    with pytest.raises(MissingLogError, match="does not belong"):
        Project(older)
    with closing(Project(same)) as opened:
        assert questions(opened) == ["one", "two"]


def test_a_folder_that_was_renamed_while_open_can_be_opened_again(tmp_path):
    (tmp_path / "before").mkdir()
    project = Project(tmp_path / "before" / "p.juku")
    settled(project, "one")
    add(project, "two")
    (tmp_path / "before").rename(tmp_path / "after")
    with pytest.raises(ProjectError):  # the file is open here under its first name
        Project(tmp_path / "after" / "p.juku")
    project.close()
    with closing(Project(tmp_path / "after" / "p.juku")) as opened:
        assert questions(opened) == ["one", "two"]
        assert not opened.notice


BREAK_OFF = """
import os, signal, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in ("PRAGMA journal_mode = DELETE", "PRAGMA cache_size = 1", "BEGIN IMMEDIATE",
                  "CREATE TABLE junk AS SELECT * FROM example", "DELETE FROM example"):
    db.execute(statement)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_another_program_has_left_halfway_is_looked_at_as_it_was(project):
    for number in range(30):
        add(project, f"q{number}" * 500)
    wanted = questions(project)
    project.close()
    subprocess.run([sys.executable, "-c", BREAK_OFF, str(project.path)], check=False)
    assert project.path.with_name(f"{project.path.name}-journal").exists()
    for opening in (open_read_only, Project):
        with closing(opening(project.path)) as opened:
            assert questions(opened) == wanted


def exchanged(project, tmp_path):
    """A sync folder puts an older copy in the project's place."""
    settled(project, "one")
    shutil.copy(project.path, tmp_path / "older")
    add(project, "two")
    (tmp_path / "older").replace(project.path)


def test_a_backup_of_an_exchanged_file_saves_what_was_open_and_then_goes_on(project, tmp_path):
    exchanged(project, tmp_path)
    with pytest.raises(FileChangedError, match="Everything you had done"):
        asyncio.run(backups.save_copy(project, tmp_path / "copy.juku", Reporter()))
    assert all_questions(tmp_path) == {"one", "two"}
    assert asyncio.run(backups.save_copy(project, tmp_path / "copy.juku", Reporter())).rows == 1
    assert questions(project) == ["one"]


def test_a_backup_of_a_file_that_was_only_touched_is_made(project, tmp_path):
    settled(project, "one")
    os.utime(project.path)
    assert asyncio.run(backups.save_copy(project, tmp_path / "copy.juku", Reporter())).rows == 1
    assert len(list(tmp_path.glob("*.juku"))) == 2


def test_the_close_tells_what_it_has_saved(project, tmp_path):
    exchanged(project, tmp_path)
    copy = project.close()
    with closing(open_read_only(copy)) as saved:
        assert questions(saved) == ["one", "two"]


def test_a_copy_is_called_everything_only_where_it_is_whole(project, tmp_path):
    add(project, "one" * 5000)
    project.close()
    assert "Everything" in describe_rescued_copy(project.path)
    data = bytearray(project.path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    (tmp_path / "damaged.juku").write_bytes(data)
    assert "Everything" not in describe_rescued_copy(tmp_path / "damaged.juku")


@pytest.mark.parametrize("signs", [70, 75, 80])
def test_a_project_with_the_longest_name_is_copied_and_rescued(project, tmp_path, signs):
    """255 bytes are all a name may have; a date, a number and what SQLite adds have to fit as well."""
    project.close()
    folder = tmp_path / "long"
    folder.mkdir()
    path = folder / f"{'塾' * signs}.juku"
    with closing(Project(path)) as long:
        settled(long, "one")
        shutil.copy(path, tmp_path / "older")
        settled(long, "two")
        made = [asyncio.run(backups.back_up(long, Reporter())) for _time in range(2)]
        assert made[0].path != made[1].path
        assert backups.list_backups(made[0].path.parent)[0].name == made[0].name
        (tmp_path / "older").replace(path)
        with pytest.raises(FileChangedError):
            add(long, "three")
    assert all_questions(folder) == {"one", "two"}


def test_backups_of_a_long_name_are_thinned(project, tmp_path):
    project.close()
    with closing(Project(tmp_path / f"{'塾' * 80}.juku")) as long:
        for number in range(backups.KEEP_NEWEST + 3):
            settled(long, str(number))
            made = asyncio.run(backups.back_up(long, Reporter()))
        assert len(backups.list_backups(made.path.parent)) <= backups.KEEP_NEWEST + 1


def test_a_name_that_no_disk_takes_is_refused_in_words(project, tmp_path):
    for signs in (81, 300):  # the file alone, and not even that
        with pytest.raises(ProjectError):
            create(tmp_path / f"{'塾' * signs}.juku")
        with pytest.raises(JukuError):
            asyncio.run(backups.save_copy(project, tmp_path / f"{'塾' * 300}.juku", Reporter()))
    assert [path.name for path in tmp_path.glob("*.juku")] == [project.path.name]


def test_a_rescue_without_room_leaves_no_half_copy(project, tmp_path):
    settled(project, "one")
    shutil.copy(project.path, tmp_path / "older")
    settled(project, "two")
    (tmp_path / "older").replace(project.path)
    for _time in range(2):
        with little_room(4096), pytest.raises(ProjectError):
            add(project, "three")
    assert len(list(tmp_path.glob("*.juku"))) == 1
    project.close()
    assert all_questions(tmp_path) == {"one", "two"}


def test_a_file_exchanged_again_while_a_write_is_made_anew_says_so(project, monkeypatch):
    settled(project, "one")
    add(project, "two")
    log_path(project.path).unlink()
    take_over = Project._handle_replaced_file

    def then_touched(self, written):
        take_over(self, written)
        os.utime(self.path)

    with monkeypatch.context() as patch:
        patch.setattr(Project, "_handle_replaced_file", then_touched)
        with pytest.raises(ProjectError, match="not made"):
            add(project, "three")
    assert questions(project) == ["one", "two"]
